"""What does each part of a log spectrogram take, alone and in the whole?

    python tests/benchmarks/spectrogram_parts.py

Each core computes blocks of frames from arrays that stay in its cache; the sum of the parts is a
bound for the whole. Beside it PyTorch's whole, where PyTorch is installed.
"""

import importlib
import importlib.util
import statistics
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ds2np import machine

machine.tune()  # before NumPy is imported

import os  # noqa: E402

import numpy as np  # noqa: E402

from ds2np.audio.frames import frame_forward, window_forward  # noqa: E402
from ds2np.audio.spectrogram import BLOCK, unit_window  # noqa: E402
from ds2np.audio.stft import log_forward, power_forward, rfft_forward  # noqa: E402
from ds2np.bench.items import RATE, spectrogram  # noqa: E402

SIZE, STRIDE, ROUNDS, CALLS = RATE // 50, RATE // 100, 15, 100


def ten_minutes(step):
    """Run a step of ten minutes of sound and return the number of its frames."""
    step()
    return 10 * 60 * RATE // STRIDE


def main():
    """Print microseconds a frame, all cores at work, in medians of rounds that take turns."""
    cores = os.cpu_count()
    sound = np.random.default_rng(0).standard_normal(BLOCK * STRIDE + SIZE - STRIDE, np.float32)
    frames, _ = frame_forward(sound, SIZE, STRIDE)
    window = unit_window("hann", SIZE)
    faded, _ = window_forward(frames, window, np.empty(frames.shape, np.float32))
    spectrum, _ = rfft_forward(faded)
    power, _ = power_forward(spectrum)
    parts = {
        "window": lambda: window_forward(frames, window, np.empty_like(faded)),
        "Fourier transform": lambda: rfft_forward(faded),
        "power": lambda: power_forward(spectrum, np.empty_like(power)),
        "logarithm": lambda: log_forward(power),
    }

    def on_all_cores(part):
        def repeat(_):
            for _ in range(CALLS):
                part()

        machine.map_in_threads("parts", cores, repeat, range(cores))
        return BLOCK * CALLS * cores

    item = spectrogram(np.asarray, minutes=10)
    work = {name: partial(on_all_cores, part) for name, part in parts.items()}
    work["the whole"] = partial(ten_minutes, item.make_ours())
    if importlib.util.find_spec("torch"):
        side = importlib.import_module("ds2np.bench.memory").import_torch_side()
        work["PyTorch's whole"] = partial(ten_minutes, item.make_torch(side, "cpu"))
    times = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, run in work.items():
            began = time.perf_counter()
            count = run()
            times[name].append(1e6 * (time.perf_counter() - began) / count)
    for name, of_each in times.items():
        low, high = min(of_each), max(of_each)
        print(f"{name:<20}{statistics.median(of_each):6.3f} us a frame ({low:.3f} to {high:.3f})")
    print(f"{'sum of the parts':<20}{sum(statistics.median(times[name]) for name in parts):6.3f}")


if __name__ == "__main__":
    main()
