import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ds2np import backend
from ds2np.backend import CPU, choose_device, get_array_module, to_cpu
from ds2np.errors import UserError

# A fake CuPy on a machine without a GPU: it can be imported, but nothing else works.
CUPY_WITHOUT_GPU = """
class ndarray:
    pass

class cuda:
    @staticmethod
    def is_available():
        return False

    class runtime:
        @staticmethod
        def getDeviceCount():
            raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")

def __getattr__(name):
    raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
"""


@pytest.fixture
def without_gpu(tmp_path):
    """Return a function that runs Python where CuPy is installed but finds no GPU."""
    (tmp_path / "cupy.py").write_text(CUPY_WITHOUT_GPU)
    paths = [str(tmp_path), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_nothing_breaks_where_cupy_finds_no_gpu(without_gpu):
    result = without_gpu("-m", "ds2np", "doctor")
    assert "GPU        none: CuPy is installed but finds no GPU or no driver" in result.stdout
    assert "a network learned 'deep speech'" in result.stdout
    assert result.stderr == ""


def test_a_run_that_needs_a_gpu_says_so(without_gpu):
    result = without_gpu("-m", "ds2np", "transcribe", "run", "a.wav", "--device", "cuda")
    assert result.returncode == 2
    assert result.stderr == (
        "error: no device 'cuda': CuPy is installed but finds no GPU or no driver; "
        "--device cpu needs none\n"
    )


def test_the_array_module_of_a_numpy_array_is_numpy():
    assert get_array_module(np.zeros(1)) is np
    assert get_array_module(np.float32(1)) is np


def test_cpu_is_always_there():
    assert choose_device("cpu") == CPU
    x = np.zeros(2)
    assert to_cpu(x) is x


def test_auto_takes_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(backend, "why_no_gpu", lambda: "there is none")
    assert choose_device("auto") == CPU


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:-1", "cpu:0", ""])
def test_unknown_devices_are_refused(name):
    with pytest.raises(UserError, match="choose from auto, cpu, cuda and cuda:N"):
        choose_device(name)


@pytest.fixture
def blas_threads():
    """Give BLAS two threads; return a function that lists their number in each library."""
    import scipy.linalg  # noqa: F401 - loads a library of its own
    from threadpoolctl import threadpool_info, threadpool_limits

    backend._blas.cache_clear()  # may have seen fewer libraries

    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        backend._free_blas()  # for the threads of the test
        if threads() != {2}:
            pytest.skip("the number of BLAS's threads cannot be set here")
        yield threads


def test_one_blas_thread_is_put_back(blas_threads):
    with backend.one_blas_thread():
        assert blas_threads() == {1}
        with backend.one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == {2}
    with pytest.raises(ZeroDivisionError), backend.one_blas_thread():
        1 / 0  # noqa: B018
    assert blas_threads() == {2}


@pytest.mark.parametrize("first_leaves_first", [True, False])
def test_one_blas_thread_lasts_until_the_last_of_several_threads(blas_threads, first_leaves_first):
    inside, leave = threading.Barrier(2), [threading.Event(), threading.Event()]
    entered = threading.Event()

    def run(n):
        if n:  # the second enters when the first is inside
            assert entered.wait(10)
        with backend.one_blas_thread():
            entered.set()
            inside.wait(10)
            assert leave[n].wait(10)

    with ThreadPoolExecutor(2) as pool:
        blocks = [pool.submit(run, n) for n in range(2)]
        order = (0, 1) if first_leaves_first else (1, 0)
        leave[order[0]].set()
        blocks[order[0]].result(10)
        assert blas_threads() == {1}
        leave[order[1]].set()
        blocks[order[1]].result(10)
    assert blas_threads() == {2}
