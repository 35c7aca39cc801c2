"""CUDA kernels on the host: compiled by g++, run without a GPU."""

from ds2np.kernels.host.module import HostModule, why_not_on_host

__all__ = ["HostModule", "why_not_on_host"]
