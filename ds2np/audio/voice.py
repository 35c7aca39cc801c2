"""Make a voice another one: its formants, its tilt and its breath, and never its pitch.

The vocal folds make harmonics of one pitch, and the vocal tract makes some of them louder: in a log
spectrum, the source's fast ripples are added to the tract's smooth envelope. The cepstrum, the
Fourier transform of the log spectrum, tells slow from fast. So the envelope can be changed alone:

* size: E'(f) = E(f / size). In a tract that is shorter, all resonances lie higher (vocal tract
  length perturbation).
* contrast: E' = S + contrast (E - S), S being the envelope without formants. Below 1, resonances
  are broad and flat, as with a wide open glottis; above 1 they are sharp.
* tilt: so many decibels an octave are added, from a soft voice (negative) to a pressed one.
* breath: noise with the envelope of the voice, above 2 kHz.
"""

import numpy as np

from ds2np.audio.checks import check_between, check_samples
from ds2np.audio.frames import frame_sizes, make_window
from ds2np.audio.stft import stft_forward
from ds2np.audio.vocoder import OVERLAP, istft

WINDOW_MS = 32
ENVELOPE_MS = 3.0  # quefrencies of the envelope: below the periods of voices up to 330 Hz
SLOPE_MS = 0.4  # of the envelope without formants
FLOOR = 1e-5  # of the largest magnitude: digital silence has no logarithm
BREATH_HZ = 2000
LIMITS = {"size": (0.5, 2), "contrast": (0, 3), "tilt_db": (-24, 24), "breath": (0, 1)}


def change_voice(samples, rate, rng, size=1.0, contrast=1.0, tilt_db=0.0, breath=0.0):
    """Change the vocal tract and the source of a voice.

    Parameters
    ----------
    samples : ndarray of float of shape (samples,)
    rate : int
        Sampling rate in hertz.
    rng : Generator
        For the noise of the breath.
    size : float
        All formants move by this factor; above 1, the speaker is smaller.
    contrast : float
        Of the formants in a log spectrum: 1 leaves them, 0 flattens them.
    tilt_db : float
        Decibels an octave, 0 at 1 kHz.
    breath : float
        Amplitude of the noise, relative to the envelope of the voice.

    Returns
    -------
    ndarray of shape (samples,), of the dtype of samples
        With the energy of samples.

    Raises
    ------
    UserError
        If a value is outside its limits.
    """
    for name, value in zip(LIMITS, (size, contrast, tilt_db, breath), strict=True):
        check_between(f"the {name} of a voice", value, *LIMITS[name])
    check_samples(samples)
    if not samples.any():
        return samples
    count, stride = frame_sizes(rate, WINDOW_MS, WINDOW_MS / OVERLAP)
    window = make_window("hann", count).astype(samples.dtype)
    padded = np.pad(samples, count)
    x, _ = stft_forward(padded, window, stride)
    frequencies = np.linspace(0, rate / 2, x.shape[1])
    E = find_envelope(x, rate, ENVELOPE_MS)
    new = _move(E, frequencies, size)
    if contrast != 1:
        slope = _smooth(new, rate, SLOPE_MS)
        new = slope + contrast * (new - slope)
    new += tilt_db * np.log(10) / 20 * np.log2(np.maximum(frequencies, 125) / 1000)
    x = x * np.exp(new - E)
    if breath:
        noise, _ = stft_forward(
            rng.standard_normal(len(padded), np.float32).astype(samples.dtype), window, stride
        )
        noise /= np.sqrt(np.square(window).sum())  # of expected power 1
        rise = 1 / (1 + (BREATH_HZ / np.maximum(frequencies, 1)) ** 4)
        x = x + breath * rise * np.exp(new) * noise
    out = istft(x, window, stride)[count : count + len(samples)]
    out = np.pad(out, (0, len(samples) - len(out)))
    power = np.square(samples, dtype=np.float64).sum() / np.square(out, dtype=np.float64).sum()
    return (out * power**0.5).astype(samples.dtype)


def find_envelope(x, rate, ms):
    """Return the log spectrum (T, F) of a transform without ripples that are faster than ms."""
    magnitude = np.abs(x)
    return _smooth(np.log(np.maximum(magnitude, FLOOR * magnitude.max())), rate, ms)


def _smooth(log_spectrum, rate, ms):
    """Keep the quefrencies below so many milliseconds, fading out over the last third."""
    cepstrum = np.fft.irfft(log_spectrum)  # (T, size), even: quefrency q is at q and size - q
    q = np.arange(cepstrum.shape[1])
    q = np.minimum(q, len(q) - q) / rate * 1000 / ms
    lifter = np.clip(3 - 3 * q, 0, 1)
    return np.fft.rfft(cepstrum * lifter).real.astype(log_spectrum.dtype)


def _move(E, frequencies, size):
    """Return E(f / size); what lies above half the sampling rate has the last value."""
    if size == 1:
        return E.copy()
    place = np.minimum(np.arange(len(frequencies)) / size, len(frequencies) - 1)
    low = place.astype(int)
    high = np.minimum(low + 1, len(frequencies) - 1)
    part = (place - low).astype(E.dtype)
    return E[:, low] * (1 - part) + E[:, high] * part
