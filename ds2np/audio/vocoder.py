"""Change how fast somebody speaks, or how high: the phase vocoder.

A record that turns faster is both faster and higher. To part the two, the sound is seen as a bank
of oscillators (Flanagan and Golden, 1966): one for each frequency of the short-time Fourier
transform, with a size and a phase at each moment. The size says how loud it is; how far the phase
turns from one moment to the next says at which frequency it really swings. Sizes that follow each
other faster, with phases that turn as before: that is faster speech at its old pitch.
"""

import math
from fractions import Fraction

import numpy as np

from ds2np.audio.frames import frame_backward, frame_forward, make_window, window_forward
from ds2np.audio.load import resample
from ds2np.audio.stft import rfft_forward
from ds2np.backend import get_array_module, get_fft_module
from ds2np.errors import UserError

# Long enough to tell the harmonics of a voice apart, short enough not to smear its consonants:
# 32 ms at 16 kHz.
SIZE = 512

# Frames over each sample. The fewer there are, the further phases turn unwatched from one to the
# next; below 3, hann windows squared no longer add up to a constant.
OVERLAP = 4

# The largest denominator of a ratio to resample by: no ratio is then off by more than a thousandth,
# a sixtieth of a semitone.
DENOMINATOR = 500

MAX_SEMITONES = 24  # two octaves: beyond them, no voice is left


def istft(spectrum, window, stride):
    """Turn a short-time Fourier transform back into a waveform.

    Each frame is transformed back, faded once more, and added at its place. Where the frames are
    those of a sound x, the sum at sample n is x_n times the sum over frames of window ** 2, and is
    divided by that. Where they are not, as after any change to the spectrum, the frames contradict
    each other where they overlap; this is then the sound that comes nearest to all of them in the
    sense of least squares (Griffin and Lim, 1984).

    Parameters
    ----------
    spectrum : complex ndarray of shape (T, F)
        As `stft_forward` returns it.
    window : ndarray of shape (size,)
        From `make_window`, the one that `stft_forward` had; F = size // 2 + 1.
    stride : int
        Step from one frame to the next, in samples.

    Returns
    -------
    ndarray of shape ((T - 1) * stride + size,)
        0 where no window reaches, such as at the first sample of a hann window.
    """
    xp, size = get_array_module(spectrum), len(window)
    window = xp.asarray(window, dtype=spectrum.real.dtype)
    frames = get_fft_module(spectrum).irfft(spectrum, n=size) * window  # (T, size)
    places = ((len(frames) - 1) * stride + size, stride)
    weights = frame_backward(xp.broadcast_to(window * window, frames.shape), places)
    return frame_backward(frames, places) / xp.where(weights > 0, weights, 1)


def time_stretch(samples, speed, size=SIZE):
    """Make speech faster or slower and leave its pitch.

    New frame k is taken from the old sound at sample k * stride * speed, and put at k * stride:

    * X_k is the transform there, and X'_k the one a stride later, both of the old sound. Each phase
      turns by angle(X'_k / X_k) meanwhile.
    * Y_k has the size of X_k and the phase that Y_k-1 has after one such turn. Whole turns, which
      no angle shows, make no difference: old and new phase turn for the same time.
    * `lock_phases` moves the phases of neighbours together.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    speed : float
        Above 1 is faster, below 1 is slower.
    size : int
        Samples in a window.

    Returns
    -------
    ndarray of shape (round(samples / speed),), of the dtype of samples

    Raises
    ------
    UserError
        If speed is not a number above 0.
    """
    if not 0 < speed < math.inf:
        raise UserError(f"no time stretch by {speed}: the speed must be a number above 0")
    count, stride = round(len(samples) / speed), size // OVERLAP
    places = np.arange(-(-count // stride) + 1)  # (K,)
    places = np.rint(places * (stride * float(speed))).astype(int)

    middle = size // 2  # frame k has sample k * stride in its middle
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
    """Add up the angles by which each phase turns, from frame to frame.

    Angles are added by multiplying numbers of size 1: exp(ia) exp(ib) = exp(i(a + b)), which needs
    no sine and stays as exact after a thousand turns as after one.

    Parameters
    ----------
    x : complex ndarray of shape (K, F)
    later : complex ndarray of shape (K, F)
        The same a stride later.

    Returns
    -------
    complex ndarray of shape (K, F)
        Of size 1; frame 0 has the phases of x's, and so has what follows a silence.
    """
    turns = unit(later[:-1]) * unit(x[:-1]).conj()
    return np.cumprod(np.concatenate([unit(x[:1]), turns]), axis=0)


def lock_phases(y, x):
    """Move the phases of neighbours in frequency by the same angle.

    A hann window spreads a pure tone over three frequencies, whose phases belong together. Each
    sums its own turns, and errors with them, so that they drift apart and soon work against each
    other: speech loses half its power and sounds as if from the bottom of a well. What y conj(x)
    has for an angle is how far the phase has been moved, and for a size, the power there: the sum
    over a frequency and its two neighbours is moved as the loudest of the three is, and x is turned
    by that. It is a soft kind of the phase locking of Laroche and Dolson (1999), who look for peaks
    and move all that is around one like it.

    Parameters
    ----------
    y : complex ndarray of shape (K, F)
        Of the size of x, with phases of its own.
    x : complex ndarray of shape (K, F)

    Returns
    -------
    complex ndarray of shape (K, F)
        Of the size of x.
    """
    own = y * x.conj()
    moved = own.copy()
    moved[:, 1:] += own[:, :-1]
    moved[:, :-1] += own[:, 1:]
    return x * unit(moved)


def unit(z):
    """Divide complex numbers by their size, so that their angle alone is left.

    Parameters
    ----------
    z : complex ndarray

    Returns
    -------
    complex ndarray of the shape of z
        1 where z is 0, or as good as 0.
    """
    size = np.abs(z)
    none = size < np.finfo(size.dtype).tiny
    return (z + none) * (1 / (size + none))


def pitch_shift(samples, semitones, size=SIZE):
    """Make a voice higher or lower and leave its speed.

    A semitone is a factor of 2 ** (1 / 12): twelve of them are an octave. To raise all frequencies
    by a ratio, the sound is stretched to that many times its length, which leaves the pitch, and
    then played so much faster, by resampling, which takes the length back and lifts the pitch.

    Formants, the resonances of mouth and throat, move along: a higher voice is also that of a
    smaller speaker.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    semitones : float
        Above 0 is higher, below 0 is lower.
    size : int
        Samples in a window of the time stretch.

    Returns
    -------
    ndarray of shape (samples,), of the dtype of samples

    Raises
    ------
    UserError
        If that is more than two octaves.
    """
    if not abs(semitones) <= MAX_SEMITONES:
        raise UserError(
            f"no pitch shift by {semitones} semitones; {MAX_SEMITONES} up or down are the most"
        )
    ratio = Fraction(2 ** (semitones / 12)).limit_denominator(DENOMINATOR)
    longer = time_stretch(samples, 1 / ratio, size)
    shifted = resample(longer, ratio.numerator, ratio.denominator)[: len(samples)]
    return np.pad(shifted, (0, len(samples) - len(shifted)))
