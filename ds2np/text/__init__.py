"""Alphabets, and error rates of transcripts."""

from ds2np.text.alphabet import ENGLISH, Alphabet
from ds2np.text.score import cer, wer

# The kinds of alphabet that `DeepSpeech2Config.units` may name.
ALPHABETS = {"characters": Alphabet}

__all__ = ["ALPHABETS", "ENGLISH", "Alphabet", "cer", "wer"]
