"""Text: alphabets, and the error rates of transcripts. Chapter 00 introduces both."""

from ds2np.text.alphabet import ENGLISH, Alphabet
from ds2np.text.bigrams import Bigrams
from ds2np.text.score import cer, wer

# Values of `DeepSpeech2Config.units`.
ALPHABETS = {"characters": Alphabet, "bigrams": Bigrams}

__all__ = ["ALPHABETS", "ENGLISH", "Alphabet", "Bigrams", "cer", "wer"]
