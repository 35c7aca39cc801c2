"""The parts of `python -m ds2np bench` under pytest-benchmark, which keeps and compares runs.

Not part of the test suite: python -m pytest tests/benchmarks/bench_layers.py

pytest imports NumPy before the package can choose its kernels; on AMD processors with AVX-512, set
OPENBLAS_CORETYPE=SKYLAKEX to measure what the commands have.
"""

import pytest

from ds2np import machine
from ds2np.backend import to_cpu
from ds2np.bench.items import ITEMS

pytest.importorskip("pytest_benchmark", reason="needs pytest-benchmark (requirements.txt)")


@pytest.fixture(scope="module", autouse=True)
def tuned():
    machine.keep_memory()


@pytest.mark.parametrize("name", ITEMS)
def test_ours(name, benchmark):
    benchmark.pedantic(ITEMS[name](to_cpu).make_ours(), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("name", ITEMS)
def test_torch(name, benchmark):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from ds2np.bench import torch_side

    torch_side.use_all_cores()
    step = ITEMS[name](to_cpu).make_torch(torch_side, "cpu")
    benchmark.pedantic(step, rounds=5, warmup_rounds=1)
