"""Measure the word error rate of recordings made softer or louder.

python tests/benchmarks/gains.py RUN MANIFEST
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GAINS = (1, 1e-1, 1e-2, 1e-3, 1e-4, 10, 100, 1e4, 32768)


def main():
    """Transcribe every recording at every gain, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("manifest", type=Path)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ds2np import machine

    machine.tune()
    import numpy as np

    from ds2np.audio import load_audio
    from ds2np.data.manifest import read_manifest
    from ds2np.recogniser import Recogniser
    from ds2np.text import wer

    recogniser = Recogniser.load(args.run, "cpu")
    rate = recogniser.config.sample_rate
    alphabet, utterances = recogniser.config.alphabet(), read_manifest(args.manifest)
    sounds = [load_audio(u.audio_filepath, rate, **u.part)[0] for u in utterances]
    references = [alphabet.normalise(u.text) for u in utterances]
    original = [recogniser.features(sound) for sound in sounds]
    print(f"{'gain':>8}{'WER':>9}{'largest change of a feature':>30}")
    for gain in GAINS:
        scaled = [np.float32(gain) * sound for sound in sounds]
        texts = [recogniser.transcribe(sound).text for sound in scaled]
        features = map(recogniser.features, scaled)
        apart = max(np.abs(a - b).max() for a, b in zip(features, original, strict=True))
        print(f"{gain:8g}{100 * wer(references, texts):7.2f} %{apart:30.1e}")


if __name__ == "__main__":
    main()
