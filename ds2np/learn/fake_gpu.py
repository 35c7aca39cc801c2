"""A fake GPU: a replacement for CuPy that computes with NumPy and counts operations.

Like CuPy it refuses to mix arrays in main memory with arrays on the GPU, copies none between them
implicitly and lacks some functions of NumPy. It counts kernel launches, copies and waits; it does
not model their time. Chapter 12 uses it.
"""

import contextlib
import functools
import linecache
import sys
import types
from collections import Counter

import numpy as np
import scipy.fft

import ds2np.backend
from ds2np.kernels.host import HostModule
from ds2np.learn.fake_cublas import Cublas

# Of NumPy, but not of CuPy 14.
LACKING = (
    *("block", "einsum_path", "geomspace", "histogram_bin_edges", "insert", "isnat", "matvec"),
    *("nanpercentile", "nanquantile", "spacing", "unstack", "vecdot", "vecmat"),
)
REDUCTIONS = ("sum", "prod", "max", "min", "mean", "var", "std", "any", "all")
ATTRIBUTES = {"MultiProcessorCount": 132, "MaxSharedMemoryPerBlockOptin": 227 * 1024}  # an H200's
PLAIN = ("shape", "dtype", "ndim", "size", "nbytes", "strides", "flags")
UNUSED_MEMORY = ("empty", "empty_like")  # allocation launches no kernel


class Log:
    """Counts of the operations on a fake GPU.

    Attributes
    ----------
    launches : Counter
        Launches per operation.
    sent : int
        Number of arrays copied to the GPU.
    waits : Counter
        Waits for a result per line of the program.
    """

    def __init__(self):
        self.launches, self.sent, self.waits = Counter(), 0, Counter()

    def take(self):
        """Return the counts so far and reset them."""
        taken = Log()
        taken.__dict__.update(self.__dict__)
        self.__init__()
        return taken

    def wait(self):
        """Count a wait at the nearest calling line outside this file and `ds2np.backend`."""
        frame = sys._getframe()
        while frame.f_code.co_filename in (__file__, ds2np.backend.__file__):
            frame = frame.f_back
        name, line = frame.f_code.co_filename, frame.f_lineno
        place = frame.f_globals.get("__name__", "").removeprefix("ds2np.")
        self.waits[f"{place}: {linecache.getline(name, line).strip()}"] += 1


class FakeArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on the fake GPU, backed by the ndarray `numbers`."""

    log = Log()

    def __init__(self, numbers):
        self.numbers = numbers

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        options = _unwrap({**options, "out": out} if out else options)
        inputs = _unwrap(inputs)
        result = getattr(ufunc, method)(*inputs, **options)
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        if np.size(result):  # CuPy launches nothing for an empty array
            self.log.launches[name] += 1
        if name == "matmul":
            self.log.launches["copy of a factor"] += sum(map(_is_copied, inputs))
        return out[0] if out else _wrap(result)

    def __array_function__(self, function, types, args, options):
        """Call the function of the fake CuPy, as in ``np.sum(array_on_the_gpu)``."""
        return getattr(sys.modules["cupy"], function.__name__)(*args, **options)

    @property
    def data(self):
        """The memory, of which cuBLAS wants the address."""
        return types.SimpleNamespace(ptr=self.numbers.ctypes.data)

    def __array__(self, *args, **options):
        raise TypeError("NumPy cannot read an array on the GPU; copy it with to_cpu")

    def __getattr__(self, name):
        if name.startswith("__") or name == "numbers":
            raise AttributeError(name)
        found = getattr(self.numbers, name)
        if name in PLAIN:
            return found
        return _counting(name, found, self.numbers) if callable(found) else _wrap(found)

    def __len__(self):
        return len(self.numbers)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index):
        return _counting("getitem", self.numbers.__getitem__, self.numbers)(index)

    def __setitem__(self, index, value):
        index = _unwrap(index)
        if self.numbers[index].size:
            self.log.launches["setitem"] += 1
        self.numbers[index] = _unwrap(value)

    def get(self):
        """Copy to main memory, after waiting for all pending operations."""
        self.log.wait()
        return self.numbers.copy()

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __bool__(self):
        return bool(self.get())

    def tolist(self):
        """Copy to main memory as Python numbers."""
        return self.get().tolist()

    item = tolist


def _unwrap(value):
    """Replace arrays on the GPU by their numbers and reject arrays in main memory."""
    if isinstance(value, FakeArray):
        return value.numbers
    if isinstance(value, np.ndarray):
        raise TypeError("expected an array on the GPU, got one in main memory; copy it with to_gpu")
    if isinstance(value, (tuple, list)):
        return type(value)(_unwrap(one) for one in value)
    if isinstance(value, dict):
        return {key: _unwrap(one) for key, one in value.items()}
    return value


def _wrap(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return FakeArray(np.asarray(value))
    return type(value)(map(_wrap, value)) if isinstance(value, (tuple, list)) else value


def _counting(name, function, owner=None):
    """Wrap a NumPy function for the GPU; a call is a launch unless the result is a view."""

    @functools.wraps(function)
    def call(*args, **options):
        given, options = _unwrap(args), _unwrap(options)
        if name in REDUCTIONS and options.keys() & {"where", "initial"}:
            raise TypeError(f"CuPy's {name} takes neither where nor initial")
        result = function(*given, **options)
        arrays = [owner, *given] if isinstance(result, np.ndarray) else []
        views = any(isinstance(a, np.ndarray) and np.may_share_memory(a, result) for a in arrays)
        if not views and np.size(result) and name not in UNUSED_MEMORY:
            FakeArray.log.launches[name] += 1
        return _wrap(result)

    return call


def _is_copied(factor):
    """Return whether CuPy copies a factor before a matrix product, since cuBLAS cannot read it."""
    return not (factor.flags.c_contiguous or (factor.ndim <= 2 and factor.flags.f_contiguous))


def _transforming(name, transform):
    """Wrap a transform of `scipy.fft`; a call also pads, copies and divides, as CuPy does."""

    def call(x, s=None, axes=None, norm=None, overwrite_x=False):
        numbers, launches = _unwrap(x), FakeArray.log.launches
        sizes = [numbers.shape[axis] for axis in axes] if axes and s else []
        inverse = name.startswith("i")
        if inverse and sizes:
            sizes[-1] = s[-1]  # half of the spectrum is there
        if sizes != list(s or []):
            launches["zeros"] += 1
            launches["copy to pad"] += 1
        if not numbers.flags.c_contiguous or (inverse and not overwrite_x):
            launches["copy to transform"] += 1
        if inverse and norm in (None, "backward"):
            launches["divide"] += 1
        launches[name] += 1
        return _wrap(transform(numbers, s=s, axes=axes, norm=norm, overwrite_x=overwrite_x))

    return call


def _asarray(a, dtype=None):
    if isinstance(a, FakeArray):
        return a if dtype is None else a.astype(dtype, copy=False)
    FakeArray.log.sent += 1
    return FakeArray(np.array(a, dtype=dtype))


def _array(obj, dtype=None):
    return _asarray(obj.copy() if isinstance(obj, FakeArray) else obj, dtype)


class _RawModule:
    def __init__(self, code, *, options=(), enable_cooperative_groups=False):
        macros = dict(option.removeprefix("-D").split("=") for option in options)
        self.module = HostModule(code, cooperative=enable_cooperative_groups, defines=macros)

    def get_function(self, name):
        return _RawKernel(self.module.get_function(name))


class _RawKernel:
    def __init__(self, kernel):
        self._kernel = kernel

    def __call__(self, grid, block, args, *, shared_mem=0):
        _count(self._kernel.name)
        self._kernel(grid, block, _unwrap(args), shared_mem=shared_mem)

    def __setattr__(self, name, value):
        if name == "max_dynamic_shared_size_bytes":
            self._kernel.max_dynamic_shared_size_bytes = value
        else:
            super().__setattr__(name, value)


class _Event:
    """A point in the queue of operations; the fake GPU gets there at once."""

    done = True

    def record(self):
        pass

    def synchronize(self):
        FakeArray.log.wait()


def _count(name):
    FakeArray.log.launches[name] += 1


class _Module(types.ModuleType):
    """A module that wraps the functions of another one for arrays on the GPU."""

    def __init__(self, name, model, wrap, lacking=()):
        super().__init__(name)
        self.model, self.wrap, self.lacking = model, wrap, lacking

    def __getattr__(self, name):
        if name in self.lacking:
            raise AttributeError(f"CuPy has no {name}")
        found = getattr(self.model, name)
        if not callable(found) or isinstance(found, type):
            return found
        if isinstance(found, np.ufunc):  # counted by __array_ufunc__
            return lambda *args, **options: _unwrap((args, options)) and found(*args, **options)
        return self.wrap(name, found)


@contextlib.contextmanager
def fake_gpu():
    """Replace CuPy by a fake GPU within a ``with`` block and yield its `Log`."""
    cupy = _Module("cupy", np, _counting, LACKING)
    cupy.ndarray, cupy.RawModule = FakeArray, _RawModule
    cupy.asarray, cupy.array = _asarray, _array
    cupy.cuda = types.SimpleNamespace(
        Device=lambda id="fake": types.SimpleNamespace(
            id=id, attributes=ATTRIBUTES, compute_capability="90"
        ),
        get_current_stream=lambda: types.SimpleNamespace(ptr=0),
        Event=_Event,
        get_elapsed_time=lambda start_event, end_event: 0.0,  # it does not model time
        device=types.SimpleNamespace(get_cublas_handle=lambda: 0),
    )
    fft = _Module("cupyx.scipy.fft", scipy.fft, _transforming)
    modules = {
        "cupy": cupy,
        "cupyx.scipy.fft": fft,
        "cupy_backends.cuda.libs.cublas": Cublas(_count),
    }
    for name in list(modules):  # and the packages around them
        while "." in name:
            name, _, inner = name.rpartition(".")
            package = modules.setdefault(name, types.ModuleType(name))
            setattr(package, inner, modules[f"{name}.{inner}"])
    before = {name: sys.modules.get(name) for name in modules}
    FakeArray.log = log = Log()
    sys.modules.update(modules)
    try:
        yield log
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
