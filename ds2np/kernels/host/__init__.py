"""CUDA kernels on the host, compiled by g++ and run without a GPU (chapter 12)."""

from ds2np.kernels.host.module import HostModule, why_not_on_host

__all__ = ["HostModule", "why_not_on_host"]
