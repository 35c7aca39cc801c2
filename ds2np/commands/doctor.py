"""Check this machine: versions, devices, disk and a short self-test."""

import importlib.metadata
import os
import platform
import shutil
import time

import ds2np

REQUIRED = (
    "numpy",
    "scipy",
    "soundfile",
    "tqdm",
    "jiwer",
    "num2words",
    "threadpoolctl",
    "matplotlib",
    "praatio",
    "pysubs2",
)
OPTIONAL = {"jupyter": "for notebooks", "pytest": "for tests", "mpi4py": "for several processes"}
NEEDED_GB = 1  # the demo's corpus and run, with a margin


def add_options(parser):
    """Add no options."""


def run(args):
    """Print the facts about this machine and a verdict; return 1 if it is not ready."""
    faults = []
    print(f"ds2np {ds2np.__version__}, Python {platform.python_version()}, {platform.platform()}")
    missing = [name for name in REQUIRED if not _version(name)]
    required = [f"{name} {_version(name) or 'MISSING'}" for name in REQUIRED]
    print(f"packages   {', '.join(required)}")
    if missing:  # they are needed for all that follows
        print(f"verdict: NOT ready: {', '.join(missing)} missing (pip install {' '.join(missing)})")
        return 1
    optional = [f"{name} {_version(name) or f'missing ({use})'}" for name, use in OPTIONAL.items()]
    print(f"optional   {', '.join(optional)}")
    print(f"voices     {_voices()}")
    print(f"processor  {os.cpu_count()} cores; {_blas()}; {_gemm_rate():.0f} GFLOP/s")
    faults += _test_gpu()
    free = shutil.disk_usage(".").free / 1e9
    print(f"disk       {free:.0f} GB free")
    if free < NEEDED_GB:
        faults.append(f"less than {NEEDED_GB} GB of disk is free")
    text, expected, seconds = self_test()
    print(f"self-test  a network learned {text!r} in {seconds:.1f} s")
    if text != expected:
        faults.append(f"the self-test gave {text!r} instead of {expected!r}")
    if faults:
        print(f"verdict: NOT ready: {'; '.join(faults)}")
        return 1
    print("verdict: ready")
    return 0


def self_test():
    """Train a toy network on one random input; return its output, the reference and seconds."""
    import numpy as np

    from ds2np.ctc import ctc_loss
    from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
    from ds2np.optim import SGD
    from ds2np.recogniser import Recogniser

    began = time.perf_counter()
    expected = "deep speech"
    config = DeepSpeech2Config(
        sample_rate=1600, conv=(ConvConfig(4, (5, 5), (2, 2)),), layers=1, hidden=32
    )
    model = DeepSpeech2(config)
    labels = config.alphabet().encode(expected)
    x = np.random.default_rng(0).standard_normal((1, 60, config.features)).astype(np.float32)
    lengths, label_lengths = np.array([x.shape[1]]), np.array([len(labels)])
    optimiser = SGD(model.params, model.grads, learning_rate=3e-3, momentum=0.9, max_norm=20)
    for _ in range(100):
        logits, out_lengths = model.forward(x, lengths)
        _, dlogits = ctc_loss(logits, labels[None], out_lengths, label_lengths)
        model.zero_grads()
        model.backward(dlogits)
        optimiser.step()
    recogniser = Recogniser(model)
    (best,) = recogniser.decode(*recogniser.log_probs(x, lengths))
    return best.text, expected, time.perf_counter() - began


def _version(package):
    """Return the version of an installed package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _voices():
    from ds2np.synthesis.engines import FINDERS, VOICES, find_missing

    missing = find_missing(FINDERS)
    if reason := missing.get("espeak"):
        return f"none, which the demo needs: {reason}"
    others = [f"{name} missing (for `demo --voices all`)" for name in missing]
    return ", ".join(["espeak-ng", *(name for name in VOICES if name not in missing), *others])


def _blas():
    import numpy  # noqa: F401 - it loads the library
    from threadpoolctl import threadpool_info

    pools = [
        f"{pool['internal_api']} {pool['version']}, {pool['num_threads']} threads"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]
    return pools[0] if pools else "BLAS unknown"


def _gemm_rate(size=1500):
    """Measure the speed of float32 matrix products, in GFLOP/s."""
    import numpy as np

    a = np.ones((size, size), np.float32)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times) / 1e9


def _test_gpu():
    """Print the facts about the GPU and test it; return what is wrong with it, in sentences."""
    from ds2np.backend import describe_gpu, why_no_gpu

    reason = why_no_gpu()
    if reason:
        print(f"GPU        none: {reason}")
        return []
    facts = ", ".join(f"{key} {value}" for key, value in describe_gpu().items())
    print(f"GPU        {facts.removeprefix('GPU ')}; {_nccl()}")
    faults = [fault for name, check in GPU_CHECKS.items() if (fault := _fault(name, check))]
    if not faults:
        print(
            f"           tested: {', '.join(GPU_CHECKS)}; the first step of a run compiles more "
            f"kernels, for up to a minute"
        )
    return faults


def _product():
    import cupy

    a = cupy.arange(64 * 64, dtype="f").reshape(64, 64) % 7
    return bool((a @ cupy.eye(64, dtype="f") == a).all())


def _transform():
    import cupy
    import cupyx.scipy.fft as fft

    x = cupy.arange(60, dtype="f").reshape(10, 6)
    return bool(cupy.allclose(fft.irfft2(fft.rfft2(x), s=x.shape), x, atol=1e-4))


def _kernel():
    import cupy
    import numpy as np

    code = 'extern "C" __global__ void twice(float* x) { x[threadIdx.x] *= 2; }'
    x = cupy.arange(32, dtype=np.float32)
    cupy.RawKernel(code, "twice")((1,), (32,), (x,))
    return bool((x == 2 * cupy.arange(32)).all())


GPU_CHECKS = {
    "matrix product": _product,
    "Fourier transform": _transform,
    "compiled kernel": _kernel,
}


def _fault(name, check):
    """Run a check; return what is wrong, as one sentence, or None."""
    try:
        return None if check() else f"a {name} on the GPU gives wrong numbers"
    except Exception as error:  # CuPy raises a class of its own for each library
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return f"a {name} on the GPU fails ({reason})"


def _nccl():
    from cupy.cuda import nccl

    if getattr(nccl, "available", False):
        version = nccl.get_version()
        return f"NCCL {version // 10000}.{version % 10000 // 100}.{version % 100}"
    return "no NCCL (for several GPUs: pip install nvidia-nccl-cu13, or -cu12)"
