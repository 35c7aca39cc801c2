"""The CTC kernels, on the host and on a GPU, against the NumPy version."""

import numpy as np
import pytest
from helpers.host_kernels import run_sanitized, use_on_host

from ds2np.backend import to_cpu, to_gpu, why_no_gpu
from ds2np.ctc import ctc_loss, ctc_loss_only
from ds2np.kernels import ctc as launcher
from ds2np.kernels.ctc import MAX_LABELS, ctc_by_kernel, fits_kernel
from ds2np.kernels.host import ORDERS, why_not_on_host
from ds2np.learn.fake_gpu import fake_gpu

GPU = pytest.param("gpu", marks=pytest.mark.gpu)
ONE_ORDER = ["forward", GPU]  # for what takes long


@pytest.fixture(params=[*ORDERS, GPU])
def by_kernel(request, monkeypatch):
    """Run the kernels on the host, in each order of the threads, and on a GPU if there is one."""
    if request.param == "gpu":
        if why_no_gpu():
            pytest.skip(f"no GPU: {why_no_gpu()}")
        return lambda *given: [to_cpu(a) for a in run(to_gpu, *given)]
    use_on_host(monkeypatch, request.param)
    return lambda *given: run(np.asarray, *given)


def batch(rng, N, T, V, L, repeats=False):
    logits = (2 * rng.standard_normal((N, T, V))).astype(np.float32)
    labels = rng.integers(1, min(V, 3) if repeats else V, (N, L))
    return logits, labels, rng.integers(T // 2, T + 1, N), rng.integers(L // 2, L + 1, N)


def run(to, logits, labels, frames, counts, blank=0):
    return ctc_by_kernel(to(logits), labels, frames, counts, blank)


def assert_equal(got, expected, tolerance=3e-5):
    fits = np.isfinite(expected[0])
    np.testing.assert_array_equal(np.isfinite(got[0]), fits)
    np.testing.assert_allclose(got[0][fits], expected[0][fits], rtol=1e-5)
    np.testing.assert_allclose(got[1], expected[1], rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("N", "T", "V", "L", "repeats"),
    [
        (1, 1, 2, 1, False),
        (3, 9, 5, 3, False),
        (4, 40, 29, 12, True),
        (9, 7, 2, 2, True),
        (2, 300, 29, 150, False),
        (3, 5, 6000, 2, False),
        (2, 40, 301, 15, False),
        (2, 90, 6000, 30, False),
    ],
)
def test_it_equals_numpy(by_kernel, rng, N, T, V, L, repeats):
    given = batch(rng, N, T, V, L, repeats)
    exact = ctc_loss(given[0].astype(np.float64), *given[1:])
    assert_equal(by_kernel(*given), exact)


@pytest.mark.parametrize(("threads", "L"), [(32, 20), (32, 40), (64, 180)])
def test_a_thread_may_have_several_states(by_kernel, threads, L, monkeypatch, rng):
    monkeypatch.setattr(launcher, "MAX_THREADS", threads)
    logits, labels, frames, counts = batch(rng, 2, 2 * L, 6, L)
    frames[0], counts[0] = 2 * L, L
    exact = ctc_loss(logits.astype(np.float64), labels, frames, counts)
    assert_equal(by_kernel(logits, labels, frames, counts), exact)


def test_the_longest_transcripts(by_kernel, rng):
    logits, labels, frames, _ = batch(rng, 3, 6, 5, MAX_LABELS)
    counts = np.array([2, 0, MAX_LABELS])
    frames[0] = 6
    got = by_kernel(logits, labels, frames, counts)
    assert_equal(got, ctc_loss(logits, labels, frames, counts))
    assert np.isfinite(got[0]).tolist() == [True, True, False]


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


def test_what_stands_in_the_padding_changes_nothing(by_kernel, rng):
    logits, labels, _, _ = batch(rng, 3, 20, 6, 8)
    rest = np.array([20, 11, 0]), np.array([8, 3, 0])
    clean = by_kernel(logits, labels, *rest)
    for n in range(3):
        logits[n, rest[0][n] :], labels[n, rest[1][n] :] = np.nan, -7
    dirty = by_kernel(logits, labels, *rest)
    np.testing.assert_array_equal(dirty[0], clean[0])
    np.testing.assert_array_equal(dirty[1], clean[1])
    assert not dirty[1][1, 11:].any()
    assert not dirty[1][2].any()


def test_large_logits(by_kernel, rng):
    logits, *rest = batch(rng, 3, 20, 6, 5)
    logits += 4096
    assert_equal(by_kernel(logits, *rest), ctc_loss(logits.astype(np.float64), *rest))
    flat, lowest = np.zeros_like(logits), np.finfo(np.float32).min
    for value in lowest, lowest / 2, -lowest / 2, -lowest:
        assert_equal(by_kernel(flat + value, *rest), ctc_loss(flat, *rest))


def test_another_blank(by_kernel, rng):
    logits, labels, frames, counts = batch(rng, 3, 20, 6, 5)
    given = logits, labels - 1, frames, counts
    assert_equal(by_kernel(*given, 5), ctc_loss(*given, blank=5))


@pytest.mark.parametrize("by_kernel", ONE_ORDER, indirect=True)
def test_a_long_utterance_keeps_its_digits(by_kernel, rng):
    logits = rng.standard_normal((1, 1500, 29)).astype(np.float32)
    given = rng.integers(1, 29, (1, 200)), np.array([1500]), np.array([200])
    exact = ctc_loss(logits.astype(np.float64), *given)
    assert np.abs(by_kernel(logits, *given)[1] - exact[1]).max() < 1e-4


@pytest.mark.parametrize("by_kernel", ONE_ORDER, indirect=True)
def test_the_same_bits_each_time(by_kernel, rng):
    given = batch(rng, 3, 70, 9, 30)
    once = by_kernel(*given)
    for _ in range(3):
        again = by_kernel(*given)
        np.testing.assert_array_equal(again[0], once[0])
        np.testing.assert_array_equal(again[1], once[1])


@pytest.mark.parametrize(("V", "repeats"), [(9, False), (2000, False), (2000, True)])
def test_the_same_bits_in_any_order(V, repeats, monkeypatch, rng):
    given, found = batch(rng, 3, 70, V, 30, repeats), []
    for order in ORDERS:
        use_on_host(monkeypatch, order)
        found.append(run(np.asarray, *given))
    for loss, dlogits in found[1:]:
        np.testing.assert_array_equal(loss, found[0][0])
        np.testing.assert_array_equal(dlogits, found[0][1])


def test_what_the_kernels_can_take(rng):
    logits, labels, _, _ = batch(rng, 2, 4, 3, 2)
    assert fits_kernel(logits, labels)
    assert not fits_kernel(logits.astype(np.float64), labels)
    assert not fits_kernel(logits[:0], labels[:0])
    assert not fits_kernel(logits, np.zeros((2, MAX_LABELS + 1), int))


def test_three_launches_and_one_copy_whatever_the_batch(rng):
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    for shape in (2, 6, 4, 2), (9, 30, 5, 7):
        logits, *rest = batch(rng, *shape)
        with fake_gpu() as log:
            logits = to_gpu(logits)
            log.take()
            ctc_loss(logits, *rest)
            done = log.take()
        assert done.launches == {"ctc_norms": 1, "ctc_ways": 1, "ctc_gradient": 1}
        assert done.sent == 1
        assert not done.waits


def test_the_loss_alone_has_no_gradient_and_no_launch_for_it(rng):
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    given = batch(rng, 3, 20, 6, 5)
    with fake_gpu() as log:
        logits = to_gpu(given[0])
        log.take()
        loss = ctc_loss_only(logits, *given[1:])
        done = log.take()
        loss, expected = to_cpu(loss), to_cpu(ctc_loss(logits, *given[1:])[0])
    assert done.launches == {"ctc_norms": 1, "ctc_ways": 1}
    np.testing.assert_array_equal(loss, expected)


MISTAKES = {
    "no barrier after a frame": (
        "            __syncthreads();\n        }\n",
        "        }\n",
    ),
    "one row only": (
        "rows + (r + 1) % 2 * (S + 2);\n            float shift",
        "rows + r % 2 * (S + 2);\n            float shift",
    ),
    "equal labels may be skipped": ("label[s / 2] != label[s / 2 - step]", "true"),
    "beta looks at the wrong neighbour": ("label[s / 2 - step]", "label[s / 2 - 1]"),
    "the shift is forgotten": ("offset += shift;", ""),
    "the shift is not that of the other warps": (
        "shift = over_warp(partial[lane], false)",
        "shift = partial[threadIdx.x / 32]",
    ),
    "the largest of the warps is read too early": ("if (r == 2)", "if (r == 1)"),
    "beta has its own emission": (
        "out[step * i] = way;",
        "out[step * i] = way + (back ? emission[j] : 0);",
    ),
    "the emission of another frame": (
        "fetch(r % AHEAD, k + AHEAD < last)",
        "fetch((r + 1) % AHEAD, k + AHEAD < last)",
    ),
    "lanes are added with different peaks": (
        "over_warp(sum * __expf(peak - highest), true)",
        "over_warp(sum, true)",
    ),
    "one blank only": ("            blanks += gamma;", "            blanks = gamma;"),
    "blanks of one lane": ("blanks = over_warp(blanks, true);", ""),
    "not normalised": ("scale = 1 / sum", "scale = 1"),
    "equal labels are not added up": ("targets[first[s / 2]]", "targets[s / 2]"),
    "all of the equal labels write": ("if (first[i] == i)\n", ""),
    "targets are cleared while others add": (
        "targets[i] = 0;\n    __syncwarp();",
        "targets[i] = 0;",
    ),
    "two lanes write one element": (
        "norm.y);  // y\n    __syncwarp();",
        "norm.y);  // y",
    ),
    "padding has a gradient": ("frame % T >= label[-2] || ", ""),
    "a part of the threads waits": ("__syncthreads();", "if (threadIdx.x < 32) __syncthreads();"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch, rng):
    given = batch(rng, 2, 80, 9, 36, repeats=True)
    exact = ctc_loss(given[0].astype(np.float64), *given[1:])

    def is_right(order):
        use_on_host(monkeypatch, order, ("ctc", *MISTAKES[mistake]))
        try:
            assert_equal(run(np.asarray, *given), exact)
        except (AssertionError, RuntimeError):
            return False
        return True

    assert not all(map(is_right, ORDERS))


def test_no_index_leaves_its_array(tmp_path):
    """Run small and large shapes with the address sanitizer, in a separate process."""
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    ended = run_sanitized(script)
    assert ended.returncode == 0, ended.stderr[:3000]


WATCHED = """
import numpy as np
from ds2np import kernels
from ds2np.kernels import ctc
from ds2np.kernels.host import HostModule
source = kernels.read_source("ctc")
modules = {}
def load(name, STATES):
    if STATES not in modules:
        modules[STATES] = HostModule(source, sanitize=True, defines={"STATES": STATES})
    return modules[STATES]
kernels.load = load
shapes = (1, 1, 2, 0), (2, 5, 3, 1), (1, 3, 300, 140), (2, 20, 29, 9), (9, 1, 5, 1)
for N, T, V, L in shapes:
    ctc.MAX_THREADS = 64 if L > 100 else 1024
    logits, labels = np.zeros((N, T, V), np.float32), np.full((N, L), V - 1)
    for frames, counts in ((T, L // 2), (T - 1, min(L, 1)), (0, L)):
        frames, counts = np.full(N, frames), np.full(N, counts)
        frames[0], counts[-1] = T, L
        ctc.ctc_by_kernel(logits, labels, frames, counts, 0)
"""
