"""Audio: loading, spectrograms, features and augmentation. Chapters 01 and 08 build them."""

from ds2np.audio.augment import Augmentation, augment
from ds2np.audio.features import Features
from ds2np.audio.load import load_audio, read_sound
from ds2np.audio.masks import Masks, mask
from ds2np.audio.normalisation import normalise
from ds2np.audio.reader import SoundReader
from ds2np.audio.sounds import load_sounds
from ds2np.audio.spectrogram import log_spectrogram
from ds2np.audio.suspect import describe_suspect
from ds2np.audio.vocoder import pitch_shift, time_stretch

__all__ = [
    "Augmentation",
    "Features",
    "Masks",
    "SoundReader",
    "augment",
    "describe_suspect",
    "load_audio",
    "load_sounds",
    "log_spectrogram",
    "mask",
    "normalise",
    "pitch_shift",
    "read_sound",
    "time_stretch",
]
