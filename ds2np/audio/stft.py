"""The short-time Fourier transform of a waveform, and the logarithm of its power.

The transform is complex. The network reads the logarithm of its squared magnitude, since the ear
judges loudness by ratios and hardly hears phase. Chapter 01 derives it.

The gradient of a real loss with respect to a complex array X is dX = dL/d(Re X) + i dL/d(Im X): the
direction of steepest ascent, with Re X and Im X as two real arrays.
"""

from ds2np.audio.checks import check_samples
from ds2np.audio.frames import frame_backward, frame_forward, window_backward, window_forward
from ds2np.backend import get_array_module, get_fft_module

POWER_FLOOR = 1e-10  # added to the power before the logarithm: about -100 dB of full scale


def rfft_forward(frames):
    """Compute the Fourier transform (T, F), complex, of real frames (T, size).

    X_f = sum over n of x_n exp(-2 pi i f n / size), for F = size // 2 + 1 frequencies f, evenly
    spaced from 0 to half the sampling rate. The higher ones are mirror images and are omitted.
    """
    return get_fft_module(frames).rfft(frames), frames.shape[1]


def rfft_backward(dout, cache):
    """Compute dframes (T, size) of `rfft_forward` from dout (T, F), complex.

    dx_n is the real part of the sum over f of dX_f exp(+2 pi i f n / size): the conjugate transpose
    of the transform. The inverse FFT computes it except for two things: it divides by the size, and
    it counts twice every frequency that has a mirror image.
    """
    size = cache
    ends = [0, -1] if size % 2 == 0 else [0]  # 0 and half the sampling rate: no mirror images
    weights = get_array_module(dout).full(dout.shape[1], size / 2, dout.real.dtype)
    weights[ends] = size
    dspectrum = dout * weights  # (T, F)
    dspectrum.imag[:, ends] = 0  # always 0 in the forward pass; not every inverse FFT ignores it
    return get_fft_module(dout).irfft(dspectrum, n=size)


def stft_forward(samples, window, stride):
    """Compute the short-time Fourier transform of a waveform.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    window : ndarray of shape (size,)
        From `make_window`.
    stride : int
        Step from one frame to the next, in samples.

    Returns
    -------
    spectrum : complex ndarray of shape (T, F)
        T whole frames, the first starting at sample 0; F = size // 2 + 1 frequencies.
    cache : tuple

    Raises
    ------
    ValueError
        If there are fewer samples than the window has.
    """
    check_samples(samples)
    frames, frame_cache = frame_forward(samples, len(window), stride)  # (T, size)
    faded, window_cache = window_forward(frames, window)
    spectrum, rfft_cache = rfft_forward(faded)  # (T, F), complex
    return spectrum, (frame_cache, window_cache, rfft_cache)


def stft_backward(dout, cache):
    """Compute dsamples (samples,) of `stft_forward` from dout (T, F), complex."""
    frame_cache, window_cache, rfft_cache = cache
    dfaded = rfft_backward(dout, rfft_cache)
    return frame_backward(window_backward(dfaded, window_cache), frame_cache)


def power_forward(spectrum, out=None):
    """Compute the power (T, F) of a spectrum (T, F), |X|^2; into ``out``, if given."""
    xp = get_array_module(spectrum)
    power = xp.abs(spectrum, out=out)
    return xp.multiply(power, power, out=power), spectrum


def power_backward(dout, cache):
    """Compute dspectrum (T, F), complex, of `power_forward` from dout (T, F): dX = 2 dout X."""
    return 2 * dout * cache


def log_forward(power, floor=POWER_FLOOR):
    """Compute log(power + floor), of shape (T, F); the floor gives silence a logarithm."""
    out = power + floor
    get_array_module(power).log(out, out=out)
    return out, (power, floor)


def log_backward(dout, cache):
    """Compute dpower (T, F) of `log_forward` from dout (T, F)."""
    power, floor = cache
    return dout / (power + floor)
