"""The benchmark: each part of the package timed alone or against PyTorch. See chapter 11."""

from ds2np.bench.run import run_bench

__all__ = ["run_bench"]
