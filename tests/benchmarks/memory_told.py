"""Is the memory that is told before the first step what a training takes? With 6000 symbols.

    python tests/benchmarks/memory_told.py [--preset small] [--symbols 6000] [--seconds 10]

Recordings of noise, with texts of Chinese characters; the whole command is run, for one epoch.
"""

import argparse
import csv
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRST = 0x4E00  # the first of the Chinese characters


def make_manifest(path, count, seconds, symbols):
    """Write recordings of noise with random texts, three characters a second."""
    import numpy as np
    import soundfile

    from ds2np.data.manifest import Utterance, write_manifest

    rng, utterances = np.random.default_rng(count), []
    for n in range(count):
        file = path.with_name(f"{path.stem}{n}.wav")
        soundfile.write(file, 0.1 * rng.standard_normal(int(16000 * seconds)), 16000)
        text = "".join(chr(FIRST + i) for i in rng.integers(0, symbols, int(3 * seconds)))
        utterances.append(Utterance(file, seconds, text, ""))
    write_manifest(path, utterances)


def main():
    """Train for an epoch; print what was told, and what was taken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="small")
    parser.add_argument("--symbols", type=int, default=6000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--minibatches", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        train, dev = folder / "train.jsonl", folder / "dev.jsonl"
        make_manifest(train, args.minibatches * args.batch_size, args.seconds, args.symbols)
        make_manifest(dev, args.batch_size, args.seconds, args.symbols)
        alphabet = "".join(chr(FIRST + i) for i in range(args.symbols))
        command = [
            sys.executable,
            "-m",
            "ds2np",
            "train",
            "--train",
            train,
            "--dev",
            dev,
            "--epochs",
            "1",
        ]
        command += ["--out", folder / "run", "--preset", args.preset, "--characters", alphabet]
        command += ["--batch-size", str(args.batch_size)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        if ended.returncode:
            sys.exit(ended.stderr)
        told = float(re.search(r"memory: (\d+) MB", ended.stdout + ended.stderr)[1])
        with (folder / "run" / "history.csv").open(encoding="utf-8") as file:
            taken = float(next(csv.DictReader(file))["memory_mb"])
    whole = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    print(
        f"told {told:.0f} MB; taken {taken:.0f} MB by the end of the epoch, {whole:.0f} MB in all"
    )


if __name__ == "__main__":
    main()
