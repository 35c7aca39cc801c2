"""One launch of a kernel on the host, its arrays far apart in memory whose contents are known."""

from dataclasses import dataclass

import numpy as np

from ds2np.kernels.host import ORDERS

GUARD = 1 << 16  # bytes between two arrays


@dataclass(frozen=True)
class Launch:
    """A launch of a kernel.

    Attributes
    ----------
    blocks, threads : int
    given : dict
        The kernel's arguments in their order: numbers of a NumPy type, and arrays.
    results : tuple of str
        The arrays that the kernel writes. Their numbers do not matter.
    """

    blocks: int
    threads: int
    given: dict
    results: tuple = ("out",)

    @property
    def shared_bytes(self):
        """Bytes of shared memory, for kernels that declare it without a size: 8 a thread."""
        return 8 * self.threads


class KernelFault(Exception):
    """A mistake of a kernel, in words."""


def run_kernel(module, kernel, launch, order, fill):
    """Run a launch once; return its results, a dict from name to array.

    Parameters
    ----------
    module : HostModule
    kernel : str
    launch : Launch
    order : {"forward", "backward", "random"}
        Of the threads.
    fill : int
        In each byte of memory that nobody has written.
    """
    arrays = {name: a for name, a in launch.given.items() if isinstance(a, np.ndarray)}
    given = {name: a for name, a in arrays.items() if name not in launch.results}
    results = {name: arrays[name] for name in launch.results}
    # With a byte of their own, so that a number that was read outside shows when it is written.
    memories = _Memory(given, fill), _Memory(results, beside(fill))
    inside = memories[0].arrays | memories[1].arrays
    for name, array in given.items():
        inside[name][...] = array
    module.order, module.fill = ORDERS.index(order), fill
    try:
        module.get_function(kernel)(
            (launch.blocks,),
            (launch.threads,),
            [inside.get(name, value) for name, value in launch.given.items()],
            shared_mem=launch.shared_bytes,
        )
    except RuntimeError:
        raise KernelFault(
            "some threads wait for others that never come: every thread of a block has to reach "
            "each __syncthreads(), and every lane of a warp each shuffle; does one stand behind an "
            "if or a return, or in a loop that not all run equally often?"
        ) from None
    except IndexError as error:
        raise KernelFault(f"your kernel's {error}") from None
    for memory in memories:
        memory.check()
    for name, array in given.items():
        if (bits(inside[name]) != bits(array)).any():
            raise KernelFault(f"the kernel changes {name}, which it may only read")
    return memories[1].arrays


def beside(fill):
    """Return what each byte of the results holds before a launch."""
    return fill ^ 1


class _Memory:
    """Arrays in one piece of memory, with guard zones between them.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Their shapes and types count.
    fill : int
        In each byte.
    """

    def __init__(self, arrays, fill):
        self.fill, self.arrays, self.starts, at = fill, {}, {}, GUARD
        for name, array in arrays.items():
            self.starts[name] = at
            at += -(-array.nbytes // 64) * 64 + GUARD
        self.bytes = np.full(at, fill, np.uint8)
        for name, array in arrays.items():
            start = self.starts[name]
            part = self.bytes[start : start + array.nbytes]
            self.arrays[name] = part.view(array.dtype).reshape(array.shape)

    def check(self):
        """Raise a `KernelFault` if something was written outside of all arrays."""
        outside = self.bytes != self.fill
        for name, array in self.arrays.items():
            outside[self.starts[name] : self.starts[name] + array.nbytes] = False
        if outside.any():
            where = int(np.argmax(outside))
            name = min(self.arrays, key=lambda one: self._distance(one, where))
            array = self.arrays[name]
            index = (where - self.starts[name]) // array.itemsize
            raise KernelFault(
                f"the kernel writes outside of {name}: to {name}[{index}], but it has "
                f"{array.size} elements"
            )

    def _distance(self, name, where):
        start = self.starts[name]
        return max(start - where, where - start - self.arrays[name].nbytes)


def bits(array):
    """Return the bytes of each element, with one more axis."""
    array = np.ascontiguousarray(array)
    return array.reshape(*array.shape, 1).view(np.uint8)
