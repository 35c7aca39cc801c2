"""Language models: n-gram counts, Kneser-Ney, ARPA files, scoring. See chapter 09."""

from ds2np.lm.ngram import NGram
from ds2np.lm.perplexity import Perplexity, perplexity

__all__ = ["NGram", "Perplexity", "perplexity"]
