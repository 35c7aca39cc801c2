"""Settings of this process that make NumPy faster on some machines, and its use of the cores.

None changes what is computed, and each does nothing where it does not apply.
"""

import ctypes
import os
import platform
import sys
import threading
from pathlib import Path

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8


def tune():
    """Choose BLAS kernels, let idle threads sleep, keep memory; before NumPy is imported."""
    choose_kernels()
    let_idle_threads_sleep()
    keep_memory()


def choose_kernels(cpuinfo=Path("/proc/cpuinfo")):
    """Tell OpenBLAS to use AVX-512 on AMD processors that are newer than it.

    OpenBLAS knows processors by their family, and falls back to kernels of half the width (Haswell)
    on those that it does not know. Whoever has set OPENBLAS_CORETYPE has decided already.

    Parameters
    ----------
    cpuinfo : Path
        Linux's description of the processor.
    """
    if "OPENBLAS_CORETYPE" in os.environ or "numpy" in sys.modules or not cpuinfo.exists():
        return
    words = set(cpuinfo.read_text().split())
    needed = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}  # of the kernels SKYLAKEX
    if "AuthenticAMD" in words and needed <= words:
        os.environ["OPENBLAS_CORETYPE"] = "SKYLAKEX"


def let_idle_threads_sleep():
    """Have OpenBLAS's threads go to sleep soon after a matrix product.

    By default they stay awake for some hundredths of a second, in case another product follows,
    and hold a core meanwhile: that of the second direction of a recurrent layer, whose loop over
    time starts just then. Whoever has set OPENBLAS_THREAD_TIMEOUT has decided already.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "12")  # 2 ** 12 ticks of the processor's clock


def keep_memory():
    """Let glibc keep freed memory for the next array instead of giving it back to the system.

    A training step frees and asks for the same hundred megabytes over and over; fresh pages from
    the system are cleared one by one as they are first touched, which costs more than the
    arithmetic on them. One heap for all threads: what one of them frees, every other can have.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    largest = 2**31 - 1  # mallopt takes an int
    libc.mallopt(M_MMAP_THRESHOLD, largest)
    libc.mallopt(M_TRIM_THRESHOLD, largest)
    libc.mallopt(M_TOP_PAD, 64 * 2**20)
    libc.mallopt(M_ARENA_MAX, 1)


_worker = threading.local()


def be_worker():
    """Mark this thread as one of several that share the cores: what it calls stays within it."""
    _worker.marked = True


def spare_threads():
    """Return how many threads a computation may use: all cores, or one in a worker."""
    return 1 if getattr(_worker, "marked", False) else os.cpu_count()


def peak_memory():
    """Return the most main memory that this process has taken so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's own account; ru_maxrss begins with the size of the parent
        line = next(w for w in status.read_text().splitlines() if w.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
