"""Mistakes that are easily made in the exercises of chapter 08."""

import importlib.util

import numpy as np

from ds2np.learn.book import FOLDER

_spec = importlib.util.spec_from_file_location("right", FOLDER / "solutions" / "08_augmentation.py")
right = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(right)


def noise(samples, noise, snr_db, per_ten=10, root=True, sign=-1, check=True):
    sound, disturbance = np.sum(samples**2), np.sum(noise**2)
    if check and not (sound and disturbance):
        return samples
    gain = sound / disturbance * 10 ** (sign * snr_db / per_ten)
    return samples + (np.sqrt(gain) if root else gain) * noise


def by_peaks(samples, noise, snr_db):
    loudest = np.abs(noise).max()
    if not loudest:
        return samples
    return samples + noise * np.abs(samples).max() / loudest * 10 ** (-snr_db / 20)


def by_variance(samples, noise, snr_db):
    if not (samples.any() and noise.any()):
        return samples
    return samples + noise * np.sqrt(np.var(samples) / max(np.var(noise), 1e-12)) * 10 ** (
        -snr_db / 20
    )


def in_place(samples, noise, snr_db):
    out = right.add_noise(samples, noise, snr_db)
    samples += out - samples
    return samples


def turns(x, later, shift=1, first=True):
    """Add up turns: of the frame before (shift 1) or the frame itself (shift 0)."""
    phases = np.angle(x)
    steps = np.angle(later) - phases
    out = phases[0] * first + np.cumsum(steps, axis=0)
    if shift:
        out[1:] = out[:-1].copy()
        out[0] = phases[0] * first
    return np.exp(1j * out)


def across_frequencies(x, later):
    phases = np.angle(x)
    turned = np.angle(later) - phases
    phases[1:] = phases[0] + np.cumsum(turned[:-1], axis=1)
    return np.exp(1j * phases)


def divides(x, later):
    steps = later[:-1] / x[:-1]
    return np.cumprod(np.concatenate([x[:1] / np.abs(x[:1]), steps / np.abs(steps)]), axis=0)


def with_size(x, later):
    return np.abs(x) * right.accumulate_turns(x, later)


def room(samples, response, aligned=True, scaled=True, whole=False, short=False):
    size = len(samples) if short else len(samples) + len(response) - 1
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    direct = np.argmax(np.abs(response)) if aligned else 0
    if not whole:
        heard = heard[direct : direct + len(samples)]
    energy = np.sum(heard**2)
    return heard * np.sqrt(np.sum(samples**2) / energy) if scaled and energy else heard


def largest_with_its_sign(samples, response):
    direct = np.argmax(response)
    heard = np.convolve(samples, response)[direct : direct + len(samples)]
    energy = np.sum(heard**2)
    return heard * np.sqrt(np.sum(samples**2) / energy) if energy else samples


def correlates(samples, response):
    return right.reverberate(samples, response[::-1])


WRONG = {
    "08.1": {
        "takes soft sounds for silence": lambda samples, noise, snr_db: (
            samples if np.sum(samples**2) < 1e-8 else right.add_noise(samples, noise, snr_db)
        ),
        "keeps the division from failing by a small number": lambda samples, noise, snr_db: (
            samples
            + noise
            * np.sqrt(np.sum(samples**2) / (np.sum(noise**2) + 1e-10) * 10 ** (-snr_db / 10))
        ),
        "takes 20 for energies": lambda *a: noise(*a, per_ten=20),
        "forgets the root: energy is not amplitude": lambda *a: noise(*a, root=False),
        "has the sign the wrong way round": lambda *a: noise(*a, sign=1),
        "divides by the energy of a silent noise": lambda *a: noise(*a, check=False),
        "compares peaks": by_peaks,
        "takes out the mean": by_variance,
        "writes into its argument": in_place,
        "returns the noise alone": lambda x, n, snr: right.add_noise(x, n, snr) - x,
    },
    "08.2": {
        "returns a list of frames": lambda x, later: list(right.accumulate_turns(x, later)),
        "keeps the phases of the old sound": lambda x, later: np.exp(1j * np.angle(x)),
        "is a frame ahead": lambda x, later: turns(x, later, shift=0),
        "begins with phase 0": lambda x, later: turns(x, later, first=False),
        "adds up over frequencies": across_frequencies,
        "divides by what is silent": divides,
        "has the size of x": with_size,
        "returns angles": lambda x, later: np.angle(right.accumulate_turns(x, later)),
    },
    "08.3": {
        "takes soft sounds for silence": lambda samples, response: (
            samples if np.sum(samples**2) < 1e-8 else right.reverberate(samples, response)
        ),
        "takes soft responses for silence": lambda samples, response: (
            samples if np.abs(response).max() < 1e-4 else right.reverberate(samples, response)
        ),
        "comes late: the straight sound is not in its time": lambda *a: room(*a, aligned=False),
        "is as loud as the room makes it": lambda *a: room(*a, scaled=False),
        "keeps what echoes after the end": lambda *a: room(*a, whole=True),
        "lets echoes of the end come in front": lambda *a: room(*a, short=True),
        "does not see that the largest is negative": largest_with_its_sign,
        "has the response the wrong way round": correlates,
    },
}
