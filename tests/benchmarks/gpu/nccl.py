"""NCCL with one rank: does it start, and what does a sum cost without the link?"""

import socket

import cupy
import numpy as np
from cupy.cuda import nccl
from timing import failed, going_on, median

from ds2np.parallel.nccl import NCCLCommunicator
from ds2np.parallel.rendezvous import Rendezvous


def measure(tiny):
    """Print the times to sum a large and a small array."""
    if not nccl.available:
        print("CuPy finds no NCCL")
        return
    version = nccl.get_version()
    try:
        communicator = NCCLCommunicator(Rendezvous(0, 1, "127.0.0.1", free_port()))
    except Exception as error:
        print(f"NCCL {version} does not start: {type(error).__name__}: {str(error)[:100]}")
        failed.append("the start of NCCL")
        return
    with going_on("sums"), communicator:
        large, small = cupy.ones(1000 if tiny else 10_000_000, np.float32), cupy.ones(1000)
        for name, array in (("large", large), ("small", small), ("of the host", np.ones(3))):
            milliseconds = median(lambda array=array: communicator.sum(array))
            print(f"NCCL {version}, sum of {array.nbytes} bytes, {name}: {milliseconds:.3f} ms")
        if not bool((large == 1).all()):
            raise AssertionError("the sum over one rank is not the array itself")


def free_port():
    """Find a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
