"""From a waveform to the logarithm of its power at each time and frequency.

The short-time Fourier transform asks of each frame how much of each frequency is in it. Its answer
is complex; the network reads the logarithm of its squared size, since the ear judges loudness by
ratios and hardly hears phase.

The gradient of a real loss by a complex array X is here dX = dL/d(Re X) + i dL/d(Im X): the
direction in which the loss grows fastest, with Re X and Im X taken as two real arrays.
"""

from ds2np.audio.frames import frame_backward, frame_forward, window_backward, window_forward
from ds2np.backend import get_array_module, get_fft_module

POWER_FLOOR = 1e-10  # added to the power before the logarithm: about -100 dB of full scale


def rfft_forward(frames):
    """Compute the Fourier transform of real frames.

    X_f = sum over n of x_n exp(-2 pi i f n / size). The frequencies above half the sampling rate
    are mirror images and are left out.

    Parameters
    ----------
    frames : ndarray of shape (T, size)

    Returns
    -------
    spectrum : complex ndarray of shape (T, F)
        F = size // 2 + 1 frequencies, evenly from 0 to half the sampling rate.
    cache : int
        For `rfft_backward`.
    """
    return get_fft_module(frames).rfft(frames), frames.shape[1]


def rfft_backward(dout, cache):
    """Compute the gradient of `rfft_forward`.

    dx_n is the real part of the sum over f of dX_f exp(+2 pi i f n / size): the conjugate transpose
    of the transform. The inverse FFT computes it but for two things: it divides by the size, and it
    counts every frequency twice that has a mirror image.

    Parameters
    ----------
    dout : complex ndarray of shape (T, F)
        dL/d(Re) + i dL/d(Im).
    cache : int

    Returns
    -------
    dframes : ndarray of shape (T, size)
    """
    size = cache
    ends = [0, -1] if size % 2 == 0 else [0]  # 0 and half the sampling rate: no mirror images
    weights = get_array_module(dout).full(dout.shape[1], size / 2, dout.real.dtype)
    weights[ends] = size
    dspectrum = dout * weights  # (T, F)
    dspectrum.imag[:, ends] = 0  # always 0 forward; not every FFT ignores what stands here
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
        T whole frames, the first one from the first sample on; F = size // 2 + 1 frequencies.
    cache : tuple
        For `stft_backward`.

    Raises
    ------
    ValueError
        If there are fewer samples than the window has.
    """
    frames, frame_cache = frame_forward(samples, len(window), stride)  # (T, size)
    faded, window_cache = window_forward(frames, window)
    spectrum, rfft_cache = rfft_forward(faded)  # (T, F), complex
    return spectrum, (frame_cache, window_cache, rfft_cache)


def stft_backward(dout, cache):
    """Compute the gradient of `stft_forward`.

    Parameters
    ----------
    dout : complex ndarray of shape (T, F)
        dL/d(Re) + i dL/d(Im).
    cache : tuple

    Returns
    -------
    dsamples : ndarray of shape (samples,)
    """
    frame_cache, window_cache, rfft_cache = cache
    dfaded = rfft_backward(dout, rfft_cache)
    return frame_backward(window_backward(dfaded, window_cache), frame_cache)


def power_forward(spectrum):
    """Compute the power of each time and frequency: the squared size of its complex number.

    Parameters
    ----------
    spectrum : complex ndarray of shape (T, F)

    Returns
    -------
    power : ndarray of shape (T, F)
    cache : complex ndarray of shape (T, F)
        For `power_backward`.
    """
    power = spectrum.real**2
    power += spectrum.imag**2
    return power, spectrum


def power_backward(dout, cache):
    """Compute the gradient of `power_forward`.

    Parameters
    ----------
    dout : ndarray of shape (T, F)
    cache : complex ndarray of shape (T, F)

    Returns
    -------
    dspectrum : complex ndarray of shape (T, F)
        dL/d(Re) + i dL/d(Im).
    """
    return 2 * dout * cache


def log_forward(power, floor=POWER_FLOOR):
    """Take the natural logarithm of the power.

    Parameters
    ----------
    power : ndarray of shape (T, F)
    floor : float
        Added to the power first, so that silence has a logarithm.

    Returns
    -------
    out : ndarray of shape (T, F)
    cache : tuple
        For `log_backward`.
    """
    out = power + floor
    get_array_module(power).log(out, out=out)
    return out, (power, floor)


def log_backward(dout, cache):
    """Compute the gradient of `log_forward`.

    Parameters
    ----------
    dout : ndarray of shape (T, F)
    cache : tuple

    Returns
    -------
    dpower : ndarray of shape (T, F)
    """
    power, floor = cache
    return dout / (power + floor)
