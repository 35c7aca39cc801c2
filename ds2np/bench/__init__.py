"""The benchmark: what is timed, PyTorch's side, memory, the table."""

from ds2np.bench.run import run_bench

__all__ = ["run_bench"]
