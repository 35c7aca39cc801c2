"""The CTC kernels, on the host and on a GPU, against the NumPy version."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ds2np import kernels
from ds2np.backend import to_cpu, to_gpu, why_no_gpu
from ds2np.ctc import ctc_loss
from ds2np.kernels.ctc import MAX_LABELS, ctc_by_kernel, fits_kernel
from ds2np.kernels.host import HostModule, why_not_on_host
from ds2np.layers.padding import zero_padding
from ds2np.layers.softmax import log_softmax


def compile_for_host(change=lambda text: text):
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    return HostModule(change(kernels.read_source("ctc")))


@pytest.fixture(scope="module")
def on_host():
    return compile_for_host()


@pytest.fixture(params=["host", pytest.param("gpu", marks=pytest.mark.gpu)])
def by_kernel(request, monkeypatch):
    """Run the kernels on the host, with fibers, and on a GPU if there is one."""
    if request.param == "gpu":
        if why_no_gpu():
            pytest.skip(f"no GPU: {why_no_gpu()}")
        return lambda *given: [to_cpu(a) for a in run(to_gpu, *given)]
    module = request.getfixturevalue("on_host")
    monkeypatch.setattr(kernels, "load", lambda name: module)
    return lambda *given: run(np.asarray, *given)


def batch(rng, N, T, V, L, repeats=False):
    logits = (2 * rng.standard_normal((N, T, V))).astype(np.float32)
    labels = rng.integers(1, 3 if repeats else V, (N, L))
    return logits, labels, rng.integers(T // 2, T + 1, N), rng.integers(L // 2, L + 1, N)


def run(to, logits, labels, frames, counts, blank=0):
    logits = zero_padding(logits, frames)  # as `ctc_loss` does
    return ctc_by_kernel(to(log_softmax(logits)), labels, frames, counts, blank)


def assert_equal(got, expected, tolerance=3e-5):
    fits = np.isfinite(expected[0])
    np.testing.assert_array_equal(np.isfinite(got[0]), fits)
    np.testing.assert_allclose(got[0][fits], expected[0][fits], rtol=1e-5)
    np.testing.assert_allclose(got[1], expected[1], rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("N", "T", "V", "L", "repeats"),
    [(1, 1, 2, 1, False), (3, 9, 5, 3, False), (4, 40, 29, 12, True), (2, 300, 29, 150, False)],
)
def test_it_equals_numpy(by_kernel, rng, N, T, V, L, repeats):
    given = batch(rng, N, T, V, L, repeats)
    exact = ctc_loss(given[0].astype(np.float64), *given[1:])
    assert_equal(by_kernel(*given), exact)


def test_edges(by_kernel, rng):
    logits, labels, _, _ = batch(rng, 5, 4, 3, 3)
    labels[:] = [1, 1, 2]
    frames, counts = np.array([4, 3, 0, 0, 4]), np.array([3, 3, 0, 2, 0])
    expected = ctc_loss(logits, labels, frames, counts)
    assert np.isinf(expected[0]).tolist() == [False, True, False, True, False]
    assert_equal(by_kernel(logits, labels, frames, counts), expected)
    none = np.zeros((5, 0), int), frames, np.zeros(5, int)
    assert_equal(by_kernel(logits, *none), ctc_loss(logits, *none))


@pytest.mark.parametrize(
    ("value", "symbols", "expected"),
    [
        (np.nan, 1, np.nan),
        (np.nan, 3, np.nan),
        (np.inf, 1, np.nan),
        (np.inf, 3, np.nan),
        (-np.inf, slice(None), np.nan),
        (-np.inf, slice(0, 3), np.inf),
    ],
)
def test_logits_that_are_not_finite(by_kernel, value, symbols, expected, rng):
    logits, labels, _, _ = batch(rng, 3, 6, 4, 2)
    labels[:] = [1, 2]
    logits[1, 2, symbols] = value
    logits[2, 1, 2] = -np.inf  # impossible, but only here
    given = labels, np.array([6, 5, 6]), np.array([2, 2, 2])
    with np.errstate(invalid="ignore"):
        got, numpys = by_kernel(logits, *given), ctc_loss(logits, *given)
    np.testing.assert_allclose(got[0], numpys[0], rtol=1e-5)
    np.testing.assert_equal(got[0][1], np.float32(expected))
    assert not got[1][1].any()
    np.testing.assert_allclose(got[1], numpys[1], rtol=0, atol=3e-5)


def test_another_blank(by_kernel, rng):
    logits, labels, frames, counts = batch(rng, 3, 20, 6, 5)
    given = logits, labels - 1, frames, counts
    assert_equal(by_kernel(*given, 5), ctc_loss(*given, blank=5))


def test_a_long_utterance_keeps_its_digits(by_kernel, rng):
    logits = rng.standard_normal((1, 1500, 29)).astype(np.float32)
    given = rng.integers(1, 29, (1, 200)), np.array([1500]), np.array([200])
    exact = ctc_loss(logits.astype(np.float64), *given)
    got = by_kernel(logits, *given)
    assert np.abs(got[1] - exact[1]).max() < 1e-4
    np.testing.assert_array_equal(got[1], by_kernel(logits, *given)[1])


def test_what_the_kernels_can_take(rng):
    logits, labels, _, _ = batch(rng, 2, 4, 3, 2)
    assert fits_kernel(logits, labels)
    assert not fits_kernel(logits.astype(np.float64), labels)
    assert not fits_kernel(logits[:0], labels[:0])
    S = 2 * MAX_LABELS + 1
    assert 4 * (2 * (S + 2) + S + 32) <= 48 * 1024
    assert not fits_kernel(logits, np.zeros((2, MAX_LABELS + 1), int))


MISTAKES = {
    "no barrier after a frame": (
        "        __syncthreads();\n    }\n    if (!back",
        "    }\n    if (!back",
    ),
    "equal labels may be skipped": ("label[s / 2] != label[s / 2 + (back ? 1 : -1)]", "true"),
    "beta looks at the wrong neighbour": ("(back ? 1 : -1)", "-1"),
    "the shift is forgotten": ("offset += peak;", ""),
    "beta has its own emission": (
        "out[(size_t)t * S + s] = way;",
        "out[(size_t)t * S + s] = way + (back ? emission : 0);",
    ),
    "one blank only": (
        "for (int s = 0; s < states; s += 2) target",
        "for (int s = 0; s < 1; s += 2) target",
    ),
    "not normalised": ("target / sum", "target"),
    "padding has a gradient": ("t >= frames[n] || ", ""),
    "a part of the threads waits": (
        "if (k % SHIFT_EVERY == 0) {",
        "if (k % SHIFT_EVERY == 0 && threadIdx.x < 32) {",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch, rng):
    right, wrong = MISTAKES[mistake]

    def plant(text):
        assert text.count(right) == 1
        return text.replace(right, wrong)

    broken = compile_for_host(plant)
    monkeypatch.setattr(kernels, "load", lambda name: broken)
    given = batch(rng, 4, 40, 9, 18, repeats=True)
    exact = ctc_loss(given[0].astype(np.float64), *given[1:])
    with pytest.raises((AssertionError, RuntimeError)):
        assert_equal(run(np.asarray, *given), exact)


def test_no_index_leaves_its_array(tmp_path):
    """Run small and large shapes with the address sanitizer, in a separate process."""
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    library = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(library).is_absolute():
        pytest.skip("g++ has no address sanitizer here")
    ended = subprocess.run(
        [sys.executable, script],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(kernels.__file__).parents[2]),
            "LD_PRELOAD": library,
            "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[:3000]


WATCHED = """
import numpy as np
from ds2np import kernels
from ds2np.kernels.ctc import ctc_by_kernel
from ds2np.kernels.host import HostModule
module = HostModule(kernels.read_source("ctc"), sanitize=True)
kernels.load = lambda name: module
for N, T, V, L in ((1, 1, 2, 0), (2, 5, 3, 1), (1, 3, 300, 140), (2, 20, 29, 9)):
    log_probs = np.full((N, T, V), -np.log(V), np.float32)
    labels = np.full((N, L), V - 1)
    ctc_by_kernel(log_probs, labels, np.full(N, T), np.full(N, L), 0)
"""
