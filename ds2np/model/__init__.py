"""The network: configuration, presets, layers and checkpoints. Chapter 07 assembles it."""

from ds2np.model.config import ConvConfig, DeepSpeech2Config
from ds2np.model.network import DeepSpeech2
from ds2np.model.presets import PRESETS, preset

__all__ = ["PRESETS", "ConvConfig", "DeepSpeech2", "DeepSpeech2Config", "preset"]
