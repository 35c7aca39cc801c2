"""Make a small corpus of spoken digits, recorded or synthetic, for two short training runs.

python tests/benchmarks/gpu/digits.py OUT [--root FOLDER]
"""

import argparse
import dataclasses
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PARTS = {"train": 600, "test": 60}  # utterances


def main():
    """Make the corpus requested on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder of the corpus, which is replaced")
    parser.add_argument("--root", type=Path, help="the Free Spoken Digit Dataset")
    parser.add_argument("--tiny", action="store_true", help="a tenth of the utterances")
    args = parser.parse_args()
    if args.root and not args.root.is_dir():
        sys.exit(f"{args.root}: no such folder; --root has to be the folder of the corpus")
    sys.path[:0] = [str(ROOT), str(ROOT / "data_scripts")]
    import numpy as np

    from ds2np.data.manifest import write_manifest
    from ds2np.errors import UserError

    shutil.rmtree(args.out, ignore_errors=True)
    rng = np.random.default_rng(0)
    for part, count in PARTS.items():
        (args.out / part).mkdir(parents=True)
        try:
            make = pick_recordings if args.root else synthesise
            utterances = make(args, part, count // 10 if args.tiny else count, rng)
        except UserError as error:
            sys.exit(str(error))
        write_manifest(args.out / f"{part}.jsonl", utterances)
        print(f"{args.out / part}.jsonl: {len(utterances)} utterances")


def pick_recordings(args, part, count, rng):
    """Copy random recordings of a part of the corpus."""
    import fsdd

    found = fsdd.index(args.root)[0][part]
    picked = []
    for i in rng.permutation(len(found))[:count]:
        source = found[i].audio_filepath
        path = Path(shutil.copy(source, args.out / part / source.name))
        picked.append(dataclasses.replace(found[i], audio_filepath=path))
    return picked


def synthesise(args, part, count, rng):
    """Synthesise digits by voices of espeak-ng; no voice is in both parts."""
    from ds2np.learn.toy import OTHER_SPEAKERS, SPEAKERS, speak_digits

    speakers = SPEAKERS if part == "train" else OTHER_SPEAKERS
    return speak_digits(args.out / part, count, rng, speakers, most=1)


if __name__ == "__main__":
    main()
