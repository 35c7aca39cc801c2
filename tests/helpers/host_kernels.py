"""Layers that compute by CUDA kernels, on NumPy arrays: the kernels run on the host."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ds2np import kernels
from ds2np.kernels.host import ORDERS, HostModule, why_not_on_host

empty = np.empty
in_every_order = pytest.mark.parametrize("order", ORDERS)


@functools.cache
def compile_for_host(name, right="", wrong="", cooperative=False, defines=()):
    """Compile a kernel file, perhaps with a mistake: its text `right`, found once, is replaced.

    `cooperative` and `defines`, pairs of macros and numbers, are those of `HostModule`.
    """
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    source = kernels.read_source(name)
    if right:
        # A ValueError, since a mistake shows by an AssertionError or a RuntimeError.
        if source.count(right) != 1:
            raise ValueError(f"{right!r} stands {source.count(right)} times in {name}.cu")
        source = source.replace(right, wrong)
    try:
        return HostModule(source, cooperative=cooperative, defines=dict(defines))
    except RuntimeError as error:
        raise ValueError(f"{name}.cu cannot be compiled: {error}") from None


def unwritten(*args, **kwargs):
    """Fill what np.empty returns: often the memory of a call before, with the right numbers."""
    array = empty(*args, **kwargs)
    if array.dtype.kind in "fiu":
        array.fill(np.nan if array.dtype.kind == "f" else np.iinfo(array.dtype).max)
    return array


def use_on_host(monkeypatch, order="forward", mistake=(None,)):
    """Let the layers compute by kernels wherever an array is float32.

    Threads run in the given order; `mistake` is what `compile_for_host` takes for one of the files.
    """

    def load(name, cooperative=False, **defines):
        changed = mistake if name == mistake[0] else (name,)
        module = compile_for_host(*changed, cooperative=cooperative, defines=tuple(defines.items()))
        module.order = ORDERS.index(order)
        return module

    monkeypatch.setattr(kernels, "load", load)
    monkeypatch.setattr(kernels, "support", lambda x: x.dtype == np.float32)
    monkeypatch.setattr(np, "empty", unwritten)


def run_sanitized(script):
    """Run a script in a process with the address sanitizer; return the ended process."""
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    library = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(library).is_absolute():
        pytest.skip("g++ has no address sanitizer here")
    return subprocess.run(
        [sys.executable, script],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(kernels.__file__).parents[2]),
            "LD_PRELOAD": library,
            "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
