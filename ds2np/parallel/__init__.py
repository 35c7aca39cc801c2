"""One training run over many processes: what they say to each other, and who is missing."""

from ds2np.parallel.choose import connect, local_rank

__all__ = ["connect", "local_rank"]
