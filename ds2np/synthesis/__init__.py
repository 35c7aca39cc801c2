"""Synthetic speech for demos and lessons: espeak-ng voices, sentences, corpora."""

from ds2np.synthesis.corpus import write_corpus
from ds2np.synthesis.espeak import Espeak

__all__ = ["Espeak", "write_corpus"]
