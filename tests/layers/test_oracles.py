"""Forward passes against literal loops that share no code with them."""

import math
import os
import signal
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2np.layers import GRU, Bidirectional, Conv2D, SeqBatchNorm, SimpleRNN, recurrent
from ds2np.layers.conv import conv2d_forward
from ds2np.layers.padding import reverse_sequences, zero_padding


def conv2d_by_loops(x, W, stride, padding):
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    KT, KF = W.shape[2:]
    T = (x.shape[2] - KT) // stride[0] + 1
    F = (x.shape[3] - KF) // stride[1] + 1
    out = np.zeros((len(x), len(W), T, F))
    for t in range(T):
        for f in range(F):
            window = x[:, :, t * stride[0] :, f * stride[1] :][:, :, :KT, :KF]
            out[:, :, t, f] = np.tensordot(window, W, axes=([1, 2, 3], [1, 2, 3]))
    return out


@settings(deadline=None, max_examples=60)
@given(
    size=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_convolution_equals_loops(size, kernel, stride, padding, channels):
    if any(s + 2 * p < k for s, p, k in zip(size, padding, kernel, strict=True)):
        return  # no output at all
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, channels[0], *size))
    W = rng.standard_normal((channels[1], channels[0], *kernel))
    out, _ = conv2d_forward(x, W, stride, padding)
    np.testing.assert_allclose(out, conv2d_by_loops(x, W, stride, padding), atol=1e-10)


@pytest.mark.parametrize(
    ("kernel", "stride"),
    [((11, 41), (2, 2)), ((11, 21), (1, 2)), ((11, 41), (2, 4))],
    ids=str,
)
def test_the_papers_convolutions_in_float32(kernel, stride, rng):
    x = rng.standard_normal((2, 3, 50, 81)).astype(np.float32)
    layer = Conv2D(3, 4, kernel, stride, rng)
    out = layer.forward(x, np.array([50, 50]))
    expected = conv2d_by_loops(x, layer.params["W"], stride, [k // 2 for k in kernel])
    assert out.shape[2] == math.ceil(50 / stride[0])
    np.testing.assert_allclose(out, expected, atol=1e-5 * np.abs(expected).max())


def sigma(x):
    return 1 / (1 + np.exp(-x))


def step_of(layer):
    """Return one step of a recurrence, for one utterance, from the paper's equations."""
    if layer.gates == 1:
        return lambda a, h, U: np.clip(a + h @ U, 0, 20)

    def gru(a, h, U):
        (az, ar, ac), (Uz, Ur, Uc) = np.split(a, 3), np.split(U, 3, axis=1)
        z, r = sigma(az + h @ Uz), sigma(ar + h @ Ur)
        return (1 - z) * h + z * np.tanh(ac + r * (h @ Uc))

    return gru


@pytest.mark.parametrize("make", [SimpleRNN, GRU])
@pytest.mark.parametrize("share_input", [True, False])
@pytest.mark.parametrize("merge", ["sum", "concat"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_recurrence_equals_loops(make, share_input, merge, bidirectional, rng):
    lengths = np.array([5, 2, 4])
    options = {"batchnorm": False, "dtype": np.float64}
    if bidirectional:
        layer = Bidirectional(make, 3, 4, rng, share_input=share_input, merge=merge, **options)
    else:
        layer = make(3, 4, rng, **options)
    layer.params["b"] += rng.standard_normal(layer.params["b"].shape)
    x = rng.standard_normal((3, 5, 3))
    step, U = step_of(layer), layer.params["U"]
    W, b = layer.params["W"], layer.params["b"]
    expected = np.zeros((3, 5, *layer.out_shape((3,))))
    for n, length in enumerate(lengths):
        directions = []
        for d in range(len(U)):
            own = slice(None) if W.shape[1] == U.shape[2] else slice(d * U.shape[2], None)
            a = (x[n] @ W + b)[:, own][:, : U.shape[2]]
            h, states = np.zeros(4), np.zeros((5, 4))
            for t in range(length) if d == 0 else reversed(range(length)):
                h = step(a[t], h, U[d])
                states[t] = h
            directions.append(states)
        expected[n] = sum(directions) if merge == "sum" else np.concatenate(directions, axis=1)
    np.testing.assert_allclose(layer.forward(x, lengths), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("time_axis", [1, 2])
def test_batchnorm_takes_the_statistics_of_the_real_frames_only(time_axis, rng):
    lengths = np.array([5, 2, 4])
    shape = (3, 5, 2) if time_axis == 1 else (3, 2, 5, 3)
    x = rng.standard_normal(shape) * 3 + 7
    layer = SeqBatchNorm(2, time_axis, dtype=np.float64)
    out = layer.forward(x, lengths)
    for c in range(2):
        image = x[:, :, c] if time_axis == 1 else x[:, c]
        result = out[:, :, c] if time_axis == 1 else out[:, c]
        real = np.concatenate([row[:n].ravel() for row, n in zip(image, lengths, strict=True)])
        for row, got, n in zip(image, result, lengths, strict=True):
            expected = (row[:n] - real.mean()) / np.sqrt(real.var() + 1e-5)
            np.testing.assert_allclose(got[:n], expected, rtol=1e-12)
        np.testing.assert_allclose(layer.buffers["running_mean"][c], 0.1 * real.mean())
        np.testing.assert_allclose(layer.buffers["running_var"][c], 0.9 + 0.1 * real.var())


def test_reversing_turns_each_utterance_within_its_length():
    x = np.arange(10).reshape(5, 2)  # (T, N)
    turned = reverse_sequences(x, np.array([3, 5]))
    np.testing.assert_array_equal(turned[:, 0], [4, 2, 0, 6, 8])
    np.testing.assert_array_equal(turned[:, 1], [9, 7, 5, 3, 1])


def test_zero_padding_copies_only_where_it_must():
    x = np.ones((2, 3))
    assert zero_padding(x, np.array([3, 3])) is x
    np.testing.assert_array_equal(zero_padding(x, np.array([3, 1])), [[1, 1, 1], [1, 0, 0]])
    assert (x == 1).all()
    assert zero_padding(x, np.array([3, 1]), in_place=True) is x
    assert x[1, 1] == 0


@pytest.mark.parametrize("kind", [SimpleRNN, GRU])
@pytest.mark.parametrize("share_input", [True, False])
def test_a_thread_for_each_direction_changes_nothing(kind, share_input, rng, monkeypatch):
    lengths, x = np.array([5, 2, 4]), rng.standard_normal((3, 5, 3))
    upstream = rng.standard_normal((3, 5, 4))
    results = []
    for threads_pay_from in (10**9, 0):
        monkeypatch.setattr(recurrent, "THREADING_PAYS", threads_pay_from)
        generator = np.random.default_rng(0)
        layer = Bidirectional(kind, 3, 4, generator, share_input=share_input, dtype=np.float64)
        results.append([layer.forward(x, lengths), layer.backward(upstream), *layer.grads.values()])
    for one_loop, two_threads in zip(*results, strict=True):
        np.testing.assert_allclose(two_threads, one_loop, rtol=1e-12, atol=1e-14)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(rng, monkeypatch):
    """A server may compute once and then fork its workers."""
    monkeypatch.setattr(recurrent, "THREADING_PAYS", 0)
    layer = Bidirectional(GRU, 3, 4, rng)
    x, lengths = rng.standard_normal((2, 5, 3)).astype(np.float32), np.array([5, 4])
    layer.forward(x, lengths)
    child = os.fork()
    if not child:
        layer.forward(x, lengths)
        os._exit(0)
    deadline = time.monotonic() + 10
    while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < deadline:
        time.sleep(0.01)
    if not ended[0]:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert ended == (child, 0), "the child waits for threads that it does not have"
