"""Measure the time and the memory that a long recording takes.

python tests/benchmarks/hour.py [--minutes 60] [--rate 16000] [--channels 1] [--preset small]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main():
    """Transcribe noise by a network with random weights, which takes as long as speech."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rate", type=int, default=16000)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--preset", default="small")
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ds2np import machine

    machine.tune()
    import numpy as np
    import soundfile

    from ds2np.model import DeepSpeech2, preset
    from ds2np.recogniser import Recogniser

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.flac"
        with soundfile.SoundFile(path, "w", args.rate, args.channels) as file:
            for _ in range(args.minutes):
                file.write(0.1 * rng.standard_normal((60 * args.rate, args.channels)))
        recogniser = Recogniser(DeepSpeech2(preset(args.preset)))
        began = time.perf_counter()
        recogniser.transcribe(path)
        seconds = time.perf_counter() - began
    peak = machine.peak_memory() / 1e6
    print(f"{args.minutes} minutes of sound: {seconds:.0f} s, peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
