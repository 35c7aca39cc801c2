import numpy as np
import pytest
import scipy.signal
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ds2np.audio.frames import (
    WINDOWS,
    count_frames,
    frame_backward,
    frame_forward,
    frame_sizes,
    make_window,
)
from ds2np.errors import UserError


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("size", [2, 8, 9, 320])
def test_scipy_has_the_same_windows(name, size):
    np.testing.assert_allclose(
        make_window(name, size), scipy.signal.get_window(name, size), rtol=0, atol=1e-15
    )


def test_an_unknown_window_is_refused_with_a_list_of_the_known():
    with pytest.raises(UserError, match="unknown window 'han'; choose one of hann, hamming, rect"):
        make_window("han", 8)


def test_hann_windows_at_half_a_window_add_up_to_1():
    window = make_window("hann", 320)
    np.testing.assert_allclose(window[:160] + window[160:], 1)


@settings(deadline=None, max_examples=80)
@given(count=st.integers(1, 40), size=st.integers(1, 12), stride=st.integers(1, 15))
def test_framing_and_its_gradient_equal_loops(count, size, stride):
    assume(count >= size)
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(count)
    starts = range(0, count - size + 1, stride)
    out, cache = frame_forward(samples, size, stride)
    np.testing.assert_array_equal(out, [samples[s : s + size] for s in starts])
    assert len(out) == count_frames(count, size, stride)
    dout = rng.standard_normal(out.shape)
    expected = np.zeros(count)
    for start, dframe in zip(starts, dout, strict=True):
        for n in range(size):
            expected[start + n] += dframe[n]
    np.testing.assert_allclose(frame_backward(dout, cache), expected, atol=1e-14)


def test_frames_are_not_copied(rng):
    samples = rng.standard_normal(100)
    assert np.shares_memory(frame_forward(samples, 20, 10)[0], samples)


def test_frame_sizes():
    assert frame_sizes(16000, 20, 10) == (320, 160)
    assert frame_sizes(44100, 20, 10) == (882, 441)
    with pytest.raises(UserError, match=r"rate of 60 Hz is too low for windows of 20 ms"):
        frame_sizes(60, 20, 10)


def test_less_than_a_window_has_no_frame():
    assert count_frames(319, 320, 160) == 0
    with pytest.raises(ValueError, match="larger than input"):
        frame_forward(np.ones(319), 320, 160)
