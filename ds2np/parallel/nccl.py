"""Many processes, each with a GPU of its own: NCCL carries the arrays from GPU to GPU.

NCCL works on a stream of its own, so that a sum can go on while the GPU computes. Its calls come
back at once; whether one is done, an event on that stream tells.
"""

import threading

import numpy as np

from ds2np.backend import to_cpu, to_gpu
from ds2np.errors import UserError
from ds2np.parallel.communicator import Handle, ManyProcesses


class NCCLCommunicator(ManyProcesses):
    """The GPUs of the processes that something else has brought together.

    Arrays in main memory are copied to the GPU and back: convenient for a few numbers.

    Parameters
    ----------
    beneath : MPICommunicator or Rendezvous
        Passes on NCCL's number, and the notes of the roll call.
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
        number = np.zeros(128, np.int8)
        if self.rank == 0:
            number[:] = nccl.get_unique_id()
        beneath.broadcast(number)
        self._connection = self._connect(tuple(number.tolist()))

    def _connect(self, number):
        """Make NCCL's communicator; in a thread, since NCCL waits for the others for ever."""
        device, box = self._cupy.cuda.Device(), []

        def make():
            try:
                device.use()  # each thread has its own current device
                box.append(self._nccl.NcclCommunicator(self.size, number, self.rank))
            except Exception as error:
                box.append(error)

        self.at("the start of NCCL")
        threading.Thread(target=make, daemon=True).start()
        self.roll.wait_until(lambda: bool(box), self.roll.begin())
        self.at(None)
        if isinstance(box[0], Exception):
            raise UserError(
                f"{self.roll.name([self.rank])}: NCCL cannot start ({box[0]}); each process needs "
                f"a GPU of its own, and NCCL_DEBUG=INFO tells more"
            )
        return box[0]

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
        return self._asker(array)

    def _start_broadcast(self, array):
        pointer, kind, stream = self._prepare(array)
        self._connection.broadcast(pointer, pointer, array.size, kind, 0, stream.ptr)
        return self._asker(array)

    def _prepare(self, array):
        """Let NCCL's stream wait for what computes the array."""
        computed = self._cupy.cuda.Event(disable_timing=True)
        computed.record(self._cupy.cuda.get_current_stream())
        self._stream.wait_event(computed)
        kind = getattr(self._nccl, f"NCCL_{array.dtype.name.upper()}")
        return array.data.ptr, kind, self._stream

    def _asker(self, array):
        event = self._cupy.cuda.Event(disable_timing=True)
        event.record(self._stream)

        def done(array=array):  # which has to live as long
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
        self._connection.abort()  # its kernels would wait on the GPU for ever
        self._beneath.fail(error)
