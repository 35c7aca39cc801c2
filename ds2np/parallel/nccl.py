"""Processes with a GPU each, connected by NCCL.

NCCL works on its own stream, so a sum can run while the GPU computes. Its calls return at once; an
event on that stream shows when one is done.
"""

import threading

import numpy as np

from ds2np.backend import to_cpu, to_gpu
from ds2np.errors import UserError
from ds2np.parallel.communicator import Handle, ManyProcesses

UNIQUE_ID_BYTES = 128


class NCCLCommunicator(ManyProcesses):
    """Collective calls between the GPUs of several processes, by NCCL.

    ``beneath``, an MPICommunicator or a Rendezvous, connects the processes before NCCL does, and
    carries the roll call. Arrays in main memory are copied to the GPU and back, which is meant for
    a few numbers only.
    """

    def __init__(self, beneath):
        super().__init__(beneath.roll)
        import cupy
        from cupy.cuda import nccl

        if not getattr(nccl, "available", False):
            raise UserError(
                "CuPy finds no NCCL, which connects GPUs; pip install nvidia-nccl-cu13 "
                "(for CUDA 12: nvidia-nccl-cu12)"
            )
        self._cupy, self._nccl, self._beneath = cupy, nccl, beneath
        self._stream = cupy.cuda.Stream(non_blocking=True)
        self._closed = False
        unique_id = np.zeros(UNIQUE_ID_BYTES, np.uint8)
        if self.rank == 0:
            unique_id[:] = np.frombuffer(nccl.get_unique_id(), np.uint8)
        beneath.broadcast(unique_id)
        self._connection = self._connect(unique_id.tobytes())

    def _connect(self, unique_id):
        """Create NCCL's communicator, in a thread because NCCL waits for all ranks for ever."""
        device, results = self._cupy.cuda.Device(), []

        def make():
            try:
                device.use()  # each thread has its own current device
                results.append(self._nccl.NcclCommunicator(self.size, unique_id, self.rank))
            except Exception as error:
                results.append(error)

        self.at("the start of NCCL")
        threading.Thread(target=make, daemon=True).start()
        self.roll.wait_until(lambda: bool(results), self.roll.begin())
        self.at(None)
        if isinstance(results[0], Exception):
            raise UserError(
                f"{self.roll.name([self.rank])}: NCCL cannot start ({results[0]}); each process "
                f"needs its own GPU; NCCL_DEBUG=INFO prints the details"
            )
        return results[0]

    def _begin(self, start, array):
        if not isinstance(array, np.ndarray):
            return super()._begin(start, array)
        on_gpu = to_gpu(array)
        handle = super()._begin(start, on_gpu)

        def wait():
            handle.wait()
            array[...] = to_cpu(on_gpu)

        return Handle(wait)

    def _start_sum(self, array):
        pointer, kind, stream = self._prepare(array)
        self._connection.allReduce(
            pointer, pointer, array.size, kind, self._nccl.NCCL_SUM, stream.ptr
        )
        return self._poll(array)

    def _start_broadcast(self, array):
        pointer, kind, stream = self._prepare(array)
        self._connection.broadcast(pointer, pointer, array.size, kind, 0, stream.ptr)
        return self._poll(array)

    def _prepare(self, array):
        """Let NCCL's stream wait until the array is computed."""
        computed = self._cupy.cuda.Event(disable_timing=True)
        computed.record(self._cupy.cuda.get_current_stream())
        self._stream.wait_event(computed)
        kind = getattr(self._nccl, f"NCCL_{array.dtype.name.upper()}")
        return array.data.ptr, kind, self._stream

    def _poll(self, array):
        event = self._cupy.cuda.Event(disable_timing=True)
        event.record(self._stream)

        def done(array=array):  # keeps the array alive until the call is done
            if event.done:
                return True
            try:
                self._connection.check_async_error()
            except RuntimeError as error:
                self.roll.alarm(f"NCCL reports: {error}")
            return False

        return done

    def close(self):
        if not self._closed:
            self.at("the end of the run")
            self.barrier()
            self._connection.destroy()
            self._beneath.close()
            self._closed = True

    def fail(self, error):
        self._connection.abort()  # or its kernels would wait on the GPU for ever
        self._beneath.fail(error)
