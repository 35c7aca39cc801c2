"""Text: alphabets, and the error rates of transcripts. Chapter 00 introduces both."""

from ds2np.text.alphabet import ENGLISH, Alphabet
from ds2np.text.score import cer, wer

# Values of `DeepSpeech2Config.units`.
ALPHABETS = {"characters": Alphabet}

__all__ = ["ALPHABETS", "ENGLISH", "Alphabet", "cer", "wer"]
