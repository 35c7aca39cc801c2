"""A run over many processes: collective calls, and reports of missing ranks (chapter 13)."""

from ds2np.parallel.choose import choose_own_device, connect, local_rank

__all__ = ["choose_own_device", "connect", "local_rank"]
