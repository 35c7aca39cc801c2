"""Measure one part of the package on a GPU, against PyTorch if that finds the GPU, too.

    python tests/benchmarks/gpu/measure.py steps [--tiny]

Each line is printed as soon as it is known; a failure does not stop the following measurements.
"""

import argparse
import contextlib
import importlib
import importlib.metadata
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from ds2np import machine

machine.tune()  # before NumPy is imported

PARTS = (
    "micro", "ctc", "nccl", "products", "recurrences", "norms", "layers", "steps", "conv",
    "sanitize",
)  # fmt: skip
PACKAGES = (
    *("numpy", "scipy", "cupy-cuda12x", "cupy-cuda13x", "torch", "nvidia-cublas"),
    *("nvidia-cuda-nvrtc", "nvidia-nccl-cu12", "nvidia-nccl-cu13", "soundfile", "jiwer"),
    *("threadpoolctl", "tqdm", "matplotlib", "pytest"),
)


def main():
    """Run the part given on the command line; return 1 if any measurement failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("environment", "kernels", *PARTS))
    parser.add_argument("--tiny", action="store_true", help="small sizes, to try the script")
    args = parser.parse_args()
    from ds2np.backend import why_no_gpu

    if why_no_gpu():
        print(f"no GPU: {why_no_gpu()}")
        return 1
    if args.part == "environment":
        print_environment()
        return 0
    if args.part == "kernels":
        print(*sorted(importlib.import_module("sanitize").kernel_names()))
        return 0
    from timing import failed

    importlib.import_module(args.part).measure(args.tiny)
    return 1 if failed else 0


def print_environment():
    """Print the GPU, its libraries and the relevant packages."""
    import cupy
    from cupy_backends.cuda.libs import nvrtc

    runtime = cupy.cuda.runtime
    properties = runtime.getDeviceProperties(0)
    print(
        f"{properties['name'].decode()}: {properties['multiProcessorCount']} multiprocessors, "
        f"{properties['totalGlobalMem'] / 1e9:.0f} GB, L2 {properties['l2CacheSize'] / 1e6:.0f} MB,"
        f" shared memory {properties['sharedMemPerBlockOptin'] / 1e3:.0f} kB a block at most"
    )
    print(f"CUDA {runtime.runtimeGetVersion()}, driver for {runtime.driverGetVersion()}")
    print(f"NVRTC {nvrtc.getVersion()}, {os.cpu_count()} processor cores")
    print(f"CUPY_ACCELERATORS {os.environ.get('CUPY_ACCELERATORS', 'as CuPy has them')}")
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            print(f"  {name} {importlib.metadata.version(name)}")


if __name__ == "__main__":
    sys.exit(main())
