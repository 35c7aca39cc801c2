"""Process settings that make NumPy faster on some machines, threads and memory use.

None of the settings changes results, and each does nothing where it does not apply. Chapter 11 uses
some of them.
"""

import contextlib
import contextvars
import ctypes
import functools
import os
import platform
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8
# Where Linux says how much memory a container may take: two versions of its control groups.
LIMITS = "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"


def tune():
    """Apply all settings; call it before NumPy is imported."""
    choose_kernels()
    let_idle_threads_sleep()
    keep_memory()


def choose_kernels(cpuinfo=Path("/proc/cpuinfo")):
    """Make OpenBLAS use AVX-512 on AMD processors that are newer than it.

    OpenBLAS identifies processors by family and uses kernels of half the width (Haswell) on unknown
    ones. An existing OPENBLAS_CORETYPE takes precedence.
    """
    if "OPENBLAS_CORETYPE" in os.environ or "numpy" in sys.modules or not cpuinfo.exists():
        return
    words = set(cpuinfo.read_text().split())
    needed = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}  # required by SKYLAKEX
    if "AuthenticAMD" in words and needed <= words:
        os.environ["OPENBLAS_CORETYPE"] = "SKYLAKEX"


def let_idle_threads_sleep():
    """Put OpenBLAS's threads to sleep soon after a matrix product.

    By default they spin for some hundredths of a second in case another product follows. That
    occupies the core needed by the second direction of a recurrent layer. An existing
    OPENBLAS_THREAD_TIMEOUT takes precedence.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "12")  # 2 ** 12 clock ticks


def keep_memory():
    """Make glibc keep freed memory for the next array instead of returning it to the system.

    Each training step frees and allocates the same hundred megabytes, and the system clears fresh
    pages on first use, which costs more than the arithmetic on them. All threads share one heap.
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
    """Mark this thread as one of several that share the cores."""
    _worker.marked = True


def spare_threads():
    """Return how many threads a computation may use: one in a worker, else all cores."""
    return 1 if getattr(_worker, "marked", False) else os.cpu_count()


@functools.cache
def _pool(process, name, count):
    return ThreadPoolExecutor(count, thread_name_prefix=name)


def map_in_threads(name, count, function, *arguments):
    """Map a function over sequences of arguments in threads, and return a list.

    This thread is one of the `count`: it need not be woken, which takes as long as some parts. The
    others are kept for the next call of this name; a fork, which does not inherit them, gets its
    own. NumPy's error settings apply in them, too.
    """
    calls = list(zip(*arguments, strict=True))
    if count == 1 or len(calls) == 1:
        return [function(*given) for given in calls]
    pool = _pool(os.getpid(), name, count - 1)
    futures = [pool.submit(contextvars.copy_context().run, function, *given) for given in calls]
    results = [None] * len(calls)
    for i in reversed(range(len(calls))):
        if futures[i].cancel():  # not begun; the other threads start at the other end
            results[i] = function(*calls[i])
        else:
            results[i] = futures[i].result()
    return results


@contextlib.contextmanager
def without_interrupts():
    """Let a process that starts in this block never see Ctrl-C: its parent says when to end.

    It inherits the signal mask of this thread. Windows has none; there a traceback may appear.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def peak_memory():
    """Return the peak memory use of this process, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux; ru_maxrss would start from the size of the parent process
        line = next(w for w in status.read_text().splitlines() if w.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def total_memory():
    """Return the memory of this machine in bytes, or of the container that limits it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in LIMITS:
        with contextlib.suppress(OSError, ValueError):  # not there; "max" is no limit
            total = min(total, int(Path(file).read_text()))
    return total
