"""What is each idea worth? Time a training step with it, and with the plain way in its place.

    python tests/benchmarks/ideas.py [--preset small] [--seconds 5] [--batch 16] [--pairs 3]

Every run is a process of its own, with and without in turn; the table gives the ratio of their
medians pair by pair.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def plain_kernels():
    """Take the kernels of half the width that OpenBLAS has for processors it does not know."""
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"


def waiting_threads():
    """Let OpenBLAS's idle threads stay awake as long as they do by default."""
    os.environ["OPENBLAS_THREAD_TIMEOUT"] = ""


def forget_memory():
    """Let glibc give freed memory back to the system."""
    from ds2np import machine

    machine.keep_memory = lambda: None


def shared_products():
    """Share each small product of the recurrence out over all BLAS threads."""
    from ds2np.layers import recurrent

    recurrent.one_blas_thread = contextlib.nullcontext


def one_loop():
    """Run both directions in one loop, however wide they are."""
    from ds2np.layers import recurrent

    recurrent.THREADING_PAYS = float("inf")


def whole_products():
    """Multiply each frame by all recurrent weights at once."""
    from ds2np.layers import frame_product

    frame_product.WIDTHS = ()


def whole_arrays():
    """Normalise and convolve whole arrays, operation by operation."""
    from ds2np.layers import batchnorm, conv

    batchnorm.map_parts = conv.map_parts = lambda function, x, size: [function(slice(None))]


def windows_as_rows():
    """Convolve by one matrix product over all windows, laid out as rows."""
    import numpy as np

    from ds2np.layers import conv

    def forward(x, W, stride, padding):
        x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
        windows = np.lib.stride_tricks.sliding_window_view(x, W.shape[2:], axis=(2, 3))
        windows = windows[:, :, :: stride[0], :: stride[1]].transpose(0, 2, 3, 1, 4, 5)
        rows = windows.reshape(-1, W[0].size)
        out = (rows @ W.reshape(len(W), -1).T).reshape(*windows.shape[:3], len(W))
        return np.ascontiguousarray(out.transpose(0, 3, 1, 2)), (rows, W, x.shape, stride, padding)

    def backward(dout, cache, to_input=True):
        rows, W, (N, C, T, F), (st, sf), (pt, pf) = cache
        drows = dout.transpose(0, 2, 3, 1).reshape(-1, len(W))
        dW = (drows.T @ rows).reshape(W.shape)
        if not to_input:
            return None, dW
        _, _, T_out, F_out = dout.shape
        drows = (drows @ W.reshape(len(W), -1)).reshape(N, T_out, F_out, C, *W.shape[2:])
        dx = np.zeros((N, T, F, C), dout.dtype)
        for t in range(W.shape[2]):
            for f in range(W.shape[3]):
                dx[:, t : t + st * T_out : st, f : f + sf * F_out : sf] += drows[..., t, f]
        return dx.transpose(0, 3, 1, 2)[:, :, pt : T - pt, pf : F - pf], dW

    conv.conv2d_forward, conv.conv2d_backward = forward, backward


def number_by_number():
    """Look up the lattice's emissions with one index for each number."""
    import numpy as np

    from ds2np.ctc.lattice import Lattice

    def emissions(self, values, zero):
        columns = self.symbols.T[:, None]  # (N, 1, S)
        columns = np.broadcast_to(columns, (*values.shape[:2], columns.shape[2]))
        taken = np.take_along_axis(values, columns, axis=2).transpose(1, 2, 0)  # (T, S, N)
        return np.where(self.real, taken, zero)

    Lattice.emissions = emissions


IDEAS = {
    "AVX-512 kernels, not those of Haswell": plain_kernels,
    "idle BLAS threads go to sleep": waiting_threads,
    "freed memory is kept": forget_memory,
    "one BLAS thread in the recurrence": shared_products,
    "a thread for each wide direction": one_loop,
    "recurrent weights in narrow blocks": whole_products,
    "normalisation and convolution part by part": whole_arrays,
    "convolution by the Fourier transform": windows_as_rows,
    "CTC takes columns, not numbers": number_by_number,
}


def time_step(args, without):
    """Print the median seconds of a training step, with one idea switched off."""
    sys.path.insert(0, str(ROOT))
    if without:
        IDEAS[without]()
    from ds2np import machine

    machine.tune()
    import numpy as np

    from ds2np.ctc import ctc_loss
    from ds2np.model import DeepSpeech2, preset
    from ds2np.optim import SGD

    rng, N, T = np.random.default_rng(0), args.batch, 100 * args.seconds
    model = DeepSpeech2(preset(args.preset))
    optimiser = SGD(model.params, model.grads, learning_rate=1e-4)
    x = rng.standard_normal((N, T, model.config.features)).astype(np.float32)
    labels, label_lengths = rng.integers(1, 29, (N, T // 8)), np.full(N, T // 8)
    times = []
    for _ in range(4):
        began = time.perf_counter()
        logits, lengths = model.forward(x, np.full(N, T))
        _, dlogits = ctc_loss(logits, labels, lengths, label_lengths)
        model.zero_grads()
        model.backward(dlogits)
        optimiser.step()
        times.append(time.perf_counter() - began)
    print(statistics.median(times[1:]))


def main():
    """Compare all ideas with the plain way, in pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="small")
    parser.add_argument("--seconds", type=int, default=5, help="of sound in each utterance")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--only", choices=IDEAS, help="one idea")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        time_step(args, args.child)
        return

    def run(without):
        command = [sys.executable, __file__, *sys.argv[1:], "--child", without]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    print(f"{args.preset}, {args.batch} utterances of {args.seconds} s")
    print(f"{'idea':<52}{'with (s)':>9}{'without':>9}   without / with")
    for idea in [args.only] if args.only else IDEAS:
        pairs = [(run(""), run(idea)) for _ in range(args.pairs)]
        ratios = sorted(without / with_idea for with_idea, without in pairs)
        medians = [statistics.median(times) for times in zip(*pairs, strict=True)]
        print(
            f"{idea:<52}{medians[0]:9.3f}{medians[1]:9.3f}   "
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
