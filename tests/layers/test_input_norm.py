"""Normalisation by the corpus and by running statistics, against their definitions."""

import inspect
import textwrap

import numpy as np
import pytest

from ds2np.gradcheck import check_layer
from ds2np.layers import InputNorm, input_norm
from ds2np.layers.input_norm import PRIOR_FRAMES, VARIANCE_FLOOR, corpus_norm_forward


def make(F, running, rng):
    layer = InputNorm(F, running, np.float64)
    layer.buffers["mean"][...] = rng.standard_normal(F)
    layer.buffers["std"][...] = rng.uniform(0.5, 2, F)
    return layer


def test_the_corpus_is_subtracted_and_divided_by(rng):
    layer, x = make(3, False, rng), rng.standard_normal((2, 5, 3))
    expected = (x - layer.buffers["mean"]) / layer.buffers["std"]
    np.testing.assert_allclose(layer.forward(x, np.array([5, 5])), expected, rtol=1e-12)


def test_running_statistics_are_those_of_the_corpus_and_all_frames_so_far(rng):
    """Frame by frame from its definition: the corpus counts as PRIOR_FRAMES frames."""
    layer, x = make(2, True, rng), 3 + 2 * rng.standard_normal((1, 300, 2))
    got = layer.forward(x, np.array([300]))[0]
    y = (x[0] - layer.buffers["mean"]) / layer.buffers["std"]
    for t in (0, 1, 17, 299):
        heard = y[: t + 1]
        n = PRIOR_FRAMES + len(heard)
        mean = heard.sum(axis=0) / n
        variance = (PRIOR_FRAMES + (heard**2).sum(axis=0)) / n - mean**2
        expected = (y[t] - mean) / np.sqrt(variance + VARIANCE_FLOOR)
        np.testing.assert_allclose(got[t], expected, rtol=1e-10)


def test_in_the_beginning_it_is_the_corpus_and_later_the_speaker(rng):
    layer, x = make(4, True, rng), 5 + 3 * rng.standard_normal((1, 20_000, 4))
    out = layer.forward(x, np.array([20_000]))[0]
    corpus, _ = corpus_norm_forward(x[0, 0], layer.buffers["mean"], layer.buffers["std"])
    np.testing.assert_allclose(out[0], corpus, rtol=0.2)
    np.testing.assert_allclose(out[10_000:].mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(out[10_000:].std(axis=0), 1, atol=0.1)


def test_a_constant_sound_stays_finite():
    layer = InputNorm(2, running=True)
    out = layer.forward(np.full((1, 5000, 2), 40, np.float32), np.array([5000]))
    assert np.isfinite(out).all()


MISTAKES = (
    ("running", "running_norm_backward", "dcentred + from_later_frames(dmean)", "dcentred"),
    ("running", "running_norm_backward", "+ 2 * y * from_later_frames(dvar)", ""),
    ("running", "running_norm_backward", "((d / n)[:, ::-1])[:, ::-1]", "(d / n)"),
    ("running", "running_norm_backward", "-0.5", "-1.0"),
    ("running", "running_norm_backward", "- 2 * mean * dvar", ""),
    ("running", "running_norm_backward", "(d / n)", "(d)"),
    ("corpus", "corpus_norm_backward", "dout / cache", "dout * cache"),
    (
        "corpus",
        "corpus_norm_backward",
        "dout / cache",
        "(dout - dout.mean()) / cache",
    ),
)


@pytest.mark.parametrize(("kind", "function", "right", "wrong"), MISTAKES)
def test_planted_mistakes_are_caught(kind, function, right, wrong, monkeypatch, rng):
    layer, x = make(3, kind == "running", rng), rng.standard_normal((2, 7, 3))
    assert all(c.ok for c in check_layer(layer, x, np.array([7, 4])))
    source = textwrap.dedent(inspect.getsource(getattr(input_norm, function)))
    assert source.count(right) == 1
    scope = dict(vars(input_norm))
    exec(source.replace(right, wrong), scope)
    monkeypatch.setattr(input_norm, function, scope[function])
    assert not all(c.ok for c in check_layer(layer, x, np.array([7, 4])))
