"""Check this machine: versions, devices, disk, and a short self-test."""

import importlib.metadata
import os
import platform
import shutil
import time

import ds2np

PACKAGES = (
    *("numpy", "scipy", "soundfile", "tqdm", "jiwer", "matplotlib"),
    *("jupyter", "pytest", "espeakng-loader"),
)
NEEDED_GB = 1  # the demo's corpus and run, with room to spare


def add_options(parser):
    """Add no options: there are none."""


def run(args):
    """Print what matters about this machine, and one verdict; return 1 if it is not fit."""
    faults = []
    print(f"ds2np {ds2np.__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(f"packages   {_packages(faults)}")
    print(f"processor  {os.cpu_count()} cores; {_blas()}; {_gemm_rate():.0f} GFLOP/s")
    print(f"GPU        {_gpu()}")
    free = shutil.disk_usage(".").free / 1e9
    print(f"disk       {free:.0f} GB free")
    if free < NEEDED_GB:
        faults.append(f"less than {NEEDED_GB} GB of disk is free")
    text, expected, seconds = self_test()
    print(f"self-test  a network learned to read {text!r} in {seconds:.1f} s")
    if text != expected:
        faults.append(f"the self-test read {text!r} instead of {expected!r}")
    if faults:
        print(f"verdict: NOT fit: {'; '.join(faults)}")
        return 1
    print("verdict: all is well")
    return 0


def self_test():
    """Train a toy network on one noisy picture of a word, and read it.

    Returns
    -------
    text, expected : str
        What the network reads, and what it was to learn.
    seconds : float
    """
    import numpy as np

    from ds2np.ctc import ctc_loss
    from ds2np.decode import greedy_decode
    from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
    from ds2np.optim import SGD

    began = time.perf_counter()
    expected = "deep speech"
    config = DeepSpeech2Config(
        sample_rate=1600, conv=(ConvConfig(4, (5, 5), (2, 2)),), layers=1, hidden=32
    )
    model = DeepSpeech2(config)
    alphabet = config.alphabet()
    labels = alphabet.encode(expected)
    x = np.random.default_rng(0).standard_normal((1, 60, config.features)).astype(np.float32)
    lengths, label_lengths = np.array([x.shape[1]]), np.array([len(labels)])
    optimiser = SGD(model.params, model.grads, learning_rate=3e-3, momentum=0.9, max_norm=20)
    for _ in range(100):
        logits, out_lengths = model.forward(x, lengths)
        _, dlogits = ctc_loss(logits, labels[None], out_lengths, label_lengths)
        model.zero_grads()
        model.backward(dlogits)
        optimiser.step()
    text = greedy_decode(logits, out_lengths, alphabet)[0]
    return text, expected, time.perf_counter() - began


def _packages(faults):
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} MISSING")
            # The corpus maker can do with the system's espeak-ng instead.
            if name != "espeakng-loader":
                faults.append(f"{name} is missing (pip install -r requirements.txt)")
    return ", ".join(found)


def _blas():
    from threadpoolctl import threadpool_info

    pools = [
        f"{pool['internal_api']} {pool['version']}, {pool['num_threads']} threads"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]
    return pools[0] if pools else "BLAS unknown"


def _gemm_rate(size=1500):
    """Measure how fast this machine multiplies float32 matrices, in GFLOP/s."""
    import numpy as np

    a = np.ones((size, size), np.float32)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times) / 1e9


def _gpu():
    from ds2np.backend import why_no_gpu

    reason = why_no_gpu()
    if reason:
        return f"none: {reason}"
    import cupy

    name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    return f"{name}, CuPy {cupy.__version__}"
