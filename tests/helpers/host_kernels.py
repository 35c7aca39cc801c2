"""Layers that compute by CUDA kernels, on NumPy arrays: the kernels run on the host."""

import functools

import numpy as np
import pytest

from ds2np import kernels
from ds2np.kernels.host import HostModule, why_not_on_host
from ds2np.kernels.host.module import ORDERS

in_every_order = pytest.mark.parametrize("order", ORDERS)


@functools.cache
def compile_for_host(name, right="", wrong=""):
    """Compile a kernel file, perhaps with a mistake: its text `right`, found once, is replaced."""
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    source = kernels.read_source(name)
    if right:
        assert source.count(right) == 1, (
            f"{right!r} stands {source.count(right)} times in {name}.cu"
        )
        source = source.replace(right, wrong)
    return HostModule(source)


def use_on_host(monkeypatch, order="forward", mistake=(None,)):
    """Let the layers compute by kernels wherever an array is float32.

    Threads run in the given order; `mistake` is what `compile_for_host` takes for one of the files.
    """

    def load(name):
        module = compile_for_host(*mistake if name == mistake[0] else (name,))
        module.order = ORDERS.index(order)
        return module

    monkeypatch.setattr(kernels, "load", load)
    monkeypatch.setattr(kernels, "support", lambda x: x.dtype == np.float32)
