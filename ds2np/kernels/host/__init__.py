"""CUDA kernels on the host, compiled by g++ and run without a GPU (chapter 12)."""

from ds2np.kernels.host.module import ORDERS, HostModule, why_not_on_host

__all__ = ["ORDERS", "HostModule", "why_not_on_host"]
