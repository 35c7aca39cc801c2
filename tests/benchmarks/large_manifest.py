"""Time `data`, and the start of a training, on a manifest as long as LibriSpeech's 960 hours.

python tests/benchmarks/large_manifest.py [--lines 281000]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLAN = """
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import read_manifest
from ds2np.model import preset
dataset = Dataset(read_manifest({path!r}), preset("small"))
dataset.plan(2)
"""


def main():
    """Make the manifest, and run both in processes of their own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--lines", type=int, default=281_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = make_manifest(Path(folder), args.lines)
        measure("reading and planning", ["-c", PLAN.format(path=str(path))])
        measure("data", ["-m", "ds2np", "data", str(path)])


def make_manifest(folder, count):
    """Write a manifest of recordings of 10 to 14.5 s, links to ten files; return its path."""
    import numpy as np
    import soundfile

    rng = np.random.default_rng(0)
    words = ["the", "quick", "brown", "foxes", "jump", "over", "lazy", "dogs", "after", "morning"]
    path = folder / "large.jsonl"
    with path.open("w") as file:
        for n in range(count):
            source, seconds = folder / f"{n % 10}.flac", 10 + 0.5 * (n % 10)
            if n < 10:
                soundfile.write(source, rng.uniform(-0.1, 0.1, int(16000 * seconds)), 16000)
            recording = folder / f"{n % 251}" / f"{n}.flac"
            recording.parent.mkdir(exist_ok=True)
            os.link(source, recording)
            text = " ".join(rng.choice(words, 33))
            entry = {"audio_filepath": str(recording), "duration": seconds, "text": text}
            file.write(json.dumps(entry) + "\n")
    return path


def measure(name, arguments):
    """Run Python, and print its time and peak memory."""
    import resource

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    print(f"{name}: {seconds:.0f} s; largest process so far {peak:.0f} MB")


if __name__ == "__main__":
    main()
