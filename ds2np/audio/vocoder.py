"""The phase vocoder: speech at another speed or another pitch.

Resampling changes both at once. To separate them, the sound is treated as a bank of oscillators
(Flanagan and Golden, 1966), one for each frequency of the short-time Fourier transform. The
magnitude gives its loudness; the turn of the phase from one frame to the next gives its exact
frequency. If the magnitudes change faster while the phases turn as before, speech is faster at the
same pitch. Chapter 08 builds it.
"""

from fractions import Fraction

import numpy as np

from ds2np.audio.checks import check_between, check_samples
from ds2np.audio.frames import frame_backward, frame_forward, make_window, window_forward
from ds2np.audio.resampling import resample
from ds2np.audio.stft import rfft_forward
from ds2np.backend import get_array_module, get_fft_module
from ds2np.errors import UserError, check_whole

# Long enough to resolve the harmonics of a voice, short enough not to smear its consonants: 32 ms
# at 16 kHz.
SIZE = 512

# Number of frames that cover each sample. With fewer, phases turn further between frames; below 3,
# squared hann windows no longer add up to a constant.
OVERLAP = 4

# Largest denominator of a resampling ratio: the error is at most a thousandth, a sixtieth of a
# semitone.
DENOMINATOR = 500

SPEEDS = (0.1, 10)  # beyond them, speech is no longer intelligible
MAX_SEMITONES = 24  # two octaves: beyond them, nothing sounds like a voice


def istft(spectrum, window, stride):
    """Invert a short-time Fourier transform to a waveform.

    Each frame is transformed back, windowed again, and added at its place. For the frames of a
    sound x, the sum at sample n is x_n times the sum over frames of window ** 2, and is divided by
    that. After a change to the spectrum, overlapping frames contradict each other; the result is
    then the sound nearest to all of them in the least-squares sense (Griffin and Lim, 1984).

    Parameters
    ----------
    spectrum : complex ndarray of shape (T, F)
        From `stft_forward`; F = size // 2 + 1.
    window : ndarray of shape (size,)
        The window of `stft_forward`.
    stride : int
        Step from one frame to the next, in samples.

    Returns
    -------
    ndarray of shape ((T - 1) * stride + size,)
        0 where all windows are 0, such as at the first sample of a hann window.

    Raises
    ------
    ValueError
        If the spectrum does not match the window.
    """
    if spectrum.ndim != 2 or spectrum.shape[1] != len(window) // 2 + 1:
        raise ValueError(
            f"a spectrum {spectrum.shape} does not match a window of {len(window)} samples; "
            f"expected (T, {len(window) // 2 + 1})"
        )
    xp, size = get_array_module(spectrum), len(window)
    window = xp.asarray(window, dtype=spectrum.real.dtype)
    frames = get_fft_module(spectrum).irfft(spectrum, n=size) * window  # (T, size)
    places = ((len(frames) - 1) * stride + size, stride)
    weights = frame_backward(xp.broadcast_to(window * window, frames.shape), places)
    return frame_backward(frames, places) / xp.where(weights > 0, weights, 1)


def time_stretch(samples, speed, size=SIZE):
    """Make speech faster (speed > 1) or slower (speed < 1) without changing its pitch.

    New frame k is taken from the old sound at sample k * stride * speed, and put at k * stride:

    * X_k is the transform there, and X'_k the one a stride later, both of the old sound. Between
      them, each phase turns by angle(X'_k / X_k).
    * Y_k has the magnitude of X_k and the phase of Y_k-1 after one such turn. Whole turns, which no
      angle shows, make no difference: old and new phase turn for the same time.
    * `lock_phases` makes neighbouring frequencies move by the same angle.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    speed : float
    size : int
        Samples in a window.

    Returns
    -------
    ndarray of shape (round(samples / speed),), of the dtype of samples

    Raises
    ------
    UserError
        If speed is not between 0.1 and 10.
    """
    check_samples(samples)
    check_between("the speed of a time stretch", speed, *SPEEDS)
    check_whole("the size of a window", size, OVERLAP)
    count, stride = round(len(samples) / speed), size // OVERLAP
    places = np.arange(-(-count // stride) + 1)  # (K,)
    places = np.rint(places * (stride * float(speed))).astype(int)

    middle = size // 2  # frame k is centred on sample k * stride
    needed = max(places[-1] + stride + size, middle + len(samples))
    padded = np.zeros(needed, samples.dtype)
    padded[middle : middle + len(samples)] = samples

    frames, _ = frame_forward(padded, size, 1)
    window = make_window("hann", size)
    x, later = (  # (K, F) each
        rfft_forward(window_forward(frames[start], window)[0])[0]
        for start in (places, places + stride)
    )
    y = np.abs(x) * accumulate_turns(x, later)
    return istft(lock_phases(y, x), window, stride)[middle : middle + count]


def accumulate_turns(x, later):
    """Accumulate the angles by which each phase turns, from frame to frame.

    Angles are added by multiplying numbers of magnitude 1: exp(ia) exp(ib) = exp(i(a + b)). This
    needs no sine and stays as exact after a thousand turns as after one.

    Parameters
    ----------
    x, later : complex ndarray of shape (K, F)
        The transform, and the transform one stride later.

    Returns
    -------
    complex ndarray of shape (K, F)
        Of magnitude 1. Frame 0, and any frame after silence, has the phases of x.
    """
    turns = unit(later[:-1]) * unit(x[:-1]).conj()
    return np.cumprod(np.concatenate([unit(x[:1]), turns]), axis=0)


def lock_phases(y, x):
    """Move the phases of neighbouring frequencies by the same angle.

    A hann window spreads a pure tone over three frequencies, whose phases belong together. Each
    accumulates its own errors, so that they drift apart and cancel each other: speech loses half
    its power and sounds hollow. The angle of y conj(x) is how far the phase has moved, its
    magnitude the power. Its sum over a frequency and its two neighbours therefore has roughly the
    angle of the loudest of the three, and x is turned by that. This is a soft form of the phase
    locking of Laroche and Dolson (1999), who move the surroundings of each peak along with it.

    Parameters
    ----------
    y, x : complex ndarray of shape (K, F)
        Of the same magnitude, with different phases.

    Returns
    -------
    complex ndarray of shape (K, F)
        Of the magnitude of x.
    """
    own = y * x.conj()
    moved = own.copy()
    moved[:, 1:] += own[:, :-1]
    moved[:, :-1] += own[:, 1:]
    return x * unit(moved)


def unit(z):
    """Divide complex numbers by their magnitude; where it is 0 or nearly so, the result is 1."""
    size = np.abs(z)
    none = size < np.finfo(size.dtype).tiny
    return (z + none) * (1 / (size + none))


def pitch_shift(samples, semitones, size=SIZE):
    """Make a voice higher (semitones > 0) or lower (< 0) without changing its speed.

    A semitone is a factor of 2 ** (1 / 12): twelve of them are an octave. To raise all frequencies
    by a ratio, the sound is stretched to that many times its length, which keeps the pitch, and
    then resampled to its old length, which raises the pitch.

    Formants, the resonances of mouth and throat, move too: a higher voice is also that of a smaller
    speaker. Raises UserError beyond two octaves.
    """
    check_samples(samples)
    if not abs(semitones) <= MAX_SEMITONES:
        raise UserError(
            f"the pitch shift is {semitones} semitones; "
            f"expected {-MAX_SEMITONES} to {MAX_SEMITONES}"
        )
    ratio = Fraction(2 ** (semitones / 12)).limit_denominator(DENOMINATOR)
    longer = time_stretch(samples, 1 / ratio, size)
    shifted = resample(longer, ratio.numerator, ratio.denominator)[: len(samples)]
    return np.pad(shifted, (0, len(samples) - len(shifted)))
