"""A fake CuPy for the communicator of NCCL: its GPU is main memory, its streams only take notes.

`test_nccl.py` holds it against CuPy itself, where that is installed.
"""

import ctypes
import types

import numpy as np

KINDS = {2: np.int32, 4: np.int64, 1: np.uint8, 7: np.float32, 8: np.float64}  # of nccl.h
UNIQUE_ID = bytes(range(64, 192))


class Array:
    """Memory of a GPU, as far as the communicator uses it."""

    def __init__(self, host):
        self.host = np.array(host)
        self.dtype, self.size, self.flags = self.host.dtype, self.host.size, self.host.flags
        self.data = types.SimpleNamespace(ptr=self.host.ctypes.data)

    def get(self):
        return self.host.copy()

    def __itruediv__(self, number):
        self.host /= number
        return self


class Stream:
    def __init__(self, *, non_blocking=False):
        assert non_blocking
        self.work, self.waits_for = [], []
        self.ptr = id(self)
        STREAMS[self.ptr] = self

    def wait_event(self, event):
        self.waits_for.append(event)


class Event:
    def __init__(self, *, disable_timing):
        self._work = self.stream = None

    def record(self, stream):
        self._work, self.stream = list(stream.work), stream

    @property
    def done(self):
        return all(work.is_set() for work in self._work)


class Device:
    used = 0

    def use(self):
        Device.used += 1


class NcclCommunicator:
    """One rank of a run; a subclass adds ``_meet(array, stream, combine)``."""

    def __init__(self, ndev, commId, rank):
        assert commId == UNIQUE_ID
        assert type(commId) is bytes

    def allReduce(self, sendbuf, recvbuf, count, datatype, op, stream):
        assert (sendbuf, op) == (recvbuf, NCCL_SUM)
        self._start(recvbuf, count, datatype, stream, lambda arrays: sum(arrays[1:], arrays[0]))

    def broadcast(self, sendbuff, recvbuff, count, datatype, root, stream):
        assert (sendbuff, root) == (recvbuff, 0)
        self._start(recvbuff, count, datatype, stream, lambda arrays: arrays[0])

    def _start(self, pointer, count, kind, stream, combine):
        computed = STREAMS[stream].waits_for.pop()
        assert computed.stream is DEFAULT  # NCCL waits until the array is computed
        memory = (ctypes.c_byte * (count * np.dtype(KINDS[kind]).itemsize)).from_address(pointer)
        self._meet(np.frombuffer(memory, KINDS[kind]), STREAMS[stream], combine)

    def check_async_error(self):
        pass

    def abort(self):
        pass

    def destroy(self):
        pass


STREAMS = {}
DEFAULT = types.SimpleNamespace(work=[])
NCCL_SUM = 0


def make_modules(communicator):
    """Return the modules of a fake CuPy by name, with a class of communicators for NCCL."""
    cupy, cuda = types.ModuleType("cupy"), types.ModuleType("cupy.cuda")
    nccl = types.ModuleType("cupy.cuda.nccl")
    nccl.available, nccl.NCCL_SUM, nccl.NcclCommunicator = True, NCCL_SUM, communicator
    for number, kind in KINDS.items():
        setattr(nccl, f"NCCL_{np.dtype(kind).name.upper()}", number)
    nccl.get_unique_id = lambda: UNIQUE_ID
    cuda.nccl, cuda.Stream, cuda.Event, cuda.Device = nccl, Stream, Event, Device
    cuda.get_current_stream = lambda: DEFAULT
    cupy.cuda, cupy.ndarray, cupy.asarray = cuda, Array, Array
    return {module.__name__: module for module in (cupy, cuda, nccl)}
