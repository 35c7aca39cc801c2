"""From a file or a waveform to the spectrogram that the network reads."""

from ds2np.audio.load import load_audio
from ds2np.audio.normalisation import normalise
from ds2np.audio.spectrogram import log_spectrogram

__all__ = ["load_audio", "log_spectrogram", "normalise"]
