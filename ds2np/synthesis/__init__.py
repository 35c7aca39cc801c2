"""Synthetic speech: espeak-ng voices, sentences, corpora. Chapter 00 trains on it."""

from ds2np.synthesis.corpus import write_corpus
from ds2np.synthesis.espeak import Espeak
from ds2np.synthesis.syllables import write_syllables

__all__ = ["Espeak", "write_corpus", "write_syllables"]
