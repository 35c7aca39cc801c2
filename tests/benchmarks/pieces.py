"""Compare a long recording in pieces with the whole, for overlaps of different length.

python tests/benchmarks/pieces.py RUN MANIFEST [--minutes 3]
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OVERLAPS = (0, 0.5, 1, 2, 5, 10)  # seconds


def main():
    """Join recordings of the manifest, and transcribe the result at once and in pieces."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--minutes", type=float, default=3)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ds2np import machine

    machine.tune()
    import numpy as np

    from ds2np.audio import load_audio
    from ds2np.data.manifest import read_manifest
    from ds2np.layers import log_softmax
    from ds2np.model import pieces
    from ds2np.recogniser import Recogniser
    from ds2np.text import cer

    recogniser = Recogniser.load(args.run, "cpu")
    rate = recogniser.config.sample_rate
    sounds, seconds = [], 0
    for utterance in read_manifest(args.manifest):
        sound, _ = load_audio(utterance.audio_filepath, rate, **utterance.part)
        sounds.append(sound)
        seconds += len(sound) / rate
        if seconds > 60 * args.minutes:
            break
    x = recogniser.features(np.concatenate(sounds))
    whole, lengths = recogniser.model.infer(x[None], np.array([len(x)]))
    whole = log_softmax(whole[0])
    (best,) = recogniser.decode(whole[None], lengths)
    print(f"{len(sounds)} recordings, {seconds:.0f} s, {len(best.text)} characters as a whole")
    print(f"{'overlap (s)':>12}{'other best symbol':>20}{'largest change of p':>22}{'CER':>9}")
    for overlap in OVERLAPS:
        pieces.CONTEXT_SECONDS = overlap
        joined = np.concatenate(list(pieces.logits_in_pieces(recogniser.model, x)))
        joined = log_softmax(joined)
        (other,) = recogniser.decode(joined[None], lengths)
        frames = (joined.argmax(axis=1) != whole.argmax(axis=1)).mean()
        change = np.abs(np.exp(joined) - np.exp(whole)).max()
        apart = cer([best.text], [other.text])
        print(f"{overlap:12g}{100 * frames:18.3f} %{change:22.1e}{100 * apart:7.2f} %")


if __name__ == "__main__":
    main()
