"""Alphabets, and how right a transcript is."""

from ds2np.text.alphabet import Alphabet
from ds2np.text.score import cer, wer

__all__ = ["Alphabet", "cer", "wer"]
