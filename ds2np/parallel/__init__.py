"""One training run over many processes: what they say to each other, and who is missing."""

from ds2np.parallel.choose import choose_own_device, connect, local_rank

__all__ = ["choose_own_device", "connect", "local_rank"]
