import functools
import operator

import numpy as np
import pytest

from ds2np.audio import log_spectrogram, normalise
from ds2np.audio.normalisation import Moments
from ds2np.layers.input_norm import corpus_norm_forward


def test_each_frequency_has_mean_0_and_the_whole_has_variance_1(rng):
    out = normalise(3 * rng.standard_normal((50, 9)) + np.arange(9))
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-12)
    assert (out**2).mean() == pytest.approx(1)


def test_loudness_changes_nothing(rng):
    samples = rng.standard_normal(16000)  # noise: hardly any power is near the floor
    loud, quiet = (normalise(log_spectrogram(g * samples, 16000)) for g in (1, 0.03))
    np.testing.assert_allclose(quiet, loud, atol=0.01)


def test_silence_stays_finite():
    assert not normalise(log_spectrogram(np.zeros(1600, np.float32), 16000)).any()
    for constant in (-23.025851, -12.716898, 0.1):  # the mean of 999 rounds in float32
        assert not normalise(np.full((999, 161), constant, np.float32)).any()


def utterances(rng, dtype=np.float64):
    return [
        (rng.standard_normal((T, 4)) * [1, 2, 3, 0.1] + [0, 5, -9, 1e4]).astype(dtype)
        for T in (3, 50, 1, 17)
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_of_a_corpus_are_those_of_all_its_frames(rng, dtype):
    corpus = utterances(rng, dtype)
    everything = np.concatenate(corpus).astype(np.float64)
    total = sum(map(Moments.of, corpus), Moments())
    assert total.count == 71
    assert (total.mean.dtype, total.std.dtype) == (np.float64, np.float64)
    np.testing.assert_allclose(total.mean, everything.mean(axis=0), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(total.std, everything.std(axis=0), rtol=1e-9)


def test_parts_of_a_corpus_add_up_in_any_order(rng):
    a, b, c, d = map(Moments.of, utterances(rng))
    one = functools.reduce(operator.add, [a, b, c, d])
    two = (d + b) + (c + a)
    np.testing.assert_allclose(two.mean, one.mean, rtol=1e-13)
    np.testing.assert_allclose(two.std, one.std, rtol=1e-9)


def test_normalised_by_its_own_moments_a_corpus_has_mean_0_and_deviation_1(rng):
    corpus = utterances(rng)
    total = sum(map(Moments.of, corpus), Moments())
    out = [corpus_norm_forward(x, total.mean, total.std)[0] for x in corpus]
    everything = np.concatenate(out)
    np.testing.assert_allclose(everything.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(everything.std(axis=0), 1)


def test_a_frequency_that_never_changes_is_left_at_0():
    x = np.full((7, 2), -23.0, np.float32)
    moments = Moments.of(x)
    np.testing.assert_array_equal(moments.std, 1)
    assert not corpus_norm_forward(x, moments.mean, moments.std)[0].any()


def test_moments_travel_between_processes_without_rounding(rng):
    total = sum(map(Moments.of, utterances(rng)), Moments())
    again = sum([Moments.from_json(m.to_json()) for m in (Moments(), total, Moments())], Moments())
    np.testing.assert_array_equal(again.mean, total.mean)
    np.testing.assert_array_equal(again.std, total.std)
