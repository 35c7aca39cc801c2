"""The convolutions of the preset base: against cuDNN, and with a new length at each step.

A convolution by the Fourier transform needs plans of cuFFT for each length, which CuPy keeps in a
cache; minibatches of a corpus are of many lengths.
"""

import time

import cupy
import numpy as np
import pytorch
from timing import GPU, clock, going_on, with_range

from ds2np.backend import FFT_PLANS
from ds2np.bench.items import convolutions
from ds2np.layers import Conv2D, Sequential

LENGTHS = range(500, 780, 7)  # frames


def measure(tiny):
    """Print both measurements."""
    N, T = (2, 30) if tiny else (64, 700)
    with going_on("convolutions beside cuDNN"):
        compare(N, T)
    with going_on("convolutions of many lengths"):
        measure_lengths(N, [30, 37] if tiny else LENGTHS)


def compare(N, T):
    """Print the times of the forward and backward pass, ours and PyTorch's."""
    item = convolutions(GPU, N=N, T=T)
    line = f"N {N} T {T}, forward and backward: ours {with_range(clock(item.make_ours())[0])}"
    if side := pytorch.find_side():
        step = item.make_torch(side, pytorch.DEVICE)
        line += f"; PyTorch {with_range(clock(step)[0])}"
        with pytorch.tf32():
            line += f"; PyTorch with TF32 {with_range(clock(step)[0])}"
        pytorch.release_memory()
    print(line, flush=True)


def measure_lengths(N, lengths):
    """Print the time of a step whose length differs from that of the step before."""
    rng = np.random.default_rng(0)
    stack = Sequential(
        {
            "conv1": Conv2D(1, 32, (11, 41), (2, 2), rng),
            "conv2": Conv2D(32, 32, (11, 21), (1, 2), rng),
        }
    )
    stack.move(GPU)

    def step(T):
        stack.backward(stack.forward(cupy.ones((N, 1, T, 161), np.float32), np.full(N, T)))

    def milliseconds_of_a_step():
        GPU.wait()
        began = time.perf_counter()
        for T in lengths:
            step(T)
        GPU.wait()
        return 1000 * (time.perf_counter() - began) / len(lengths)

    plans, pool = cupy.fft.config.get_plan_cache(), cupy.get_default_memory_pool()
    for room in (plans.get_size(), FFT_PLANS):  # CuPy's, and as the commands set it
        plans.set_size(room)
        first, again = milliseconds_of_a_step(), milliseconds_of_a_step()
        print(
            f"{len(lengths)} lengths, room for {room} plans: {first:.1f} ms a step, again "
            f"{again:.1f} ms; {plans.get_curr_size()} plans, which take "
            f"{plans.get_curr_memsize() / 1e9:.1f} of {pool.total_bytes() / 1e9:.1f} GB"
        )
    plans.clear()
