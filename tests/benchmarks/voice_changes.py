"""What is each change of the voice worth on voices of synthesisers that were not in the training?

    python tests/benchmarks/voice_changes.py FOLDER CORPUS VOICES [--epochs 12] [--ways ...]

The demo's network learns CORPUS/train.jsonl in several ways: as it is; augmented; augmented, and
with the voice varied in its size, contrast, tilt or breath alone, or in all; masked; and all
together. VOICES holds joe_test.jsonl and rms_test.jsonl, see other_voices.py. FOLDER keeps a row
for each way in rows.jsonl: greedy WER and CER. The same command goes on after an interruption, with
the way that was interrupted.
"""

import argparse
import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
KEPT = {"size": (1, 1), "contrast": (1, 1), "tilt_db": (0, 0), "breath": (0, 0)}  # as it is
WAYS = ("nothing", "augment", *KEPT, "voice", "mask", "all")


def main():
    """Read the options, train what is missing, print the rows."""
    from rates import add_row, measure_rates, read_rows

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER")
    add("corpus", type=Path, metavar="CORPUS")
    add("voices", type=Path, metavar="VOICES")
    add("--epochs", type=int, default=12)
    add("--seeds", nargs="+", type=int, default=[0])
    add("--ways", nargs="+", choices=WAYS, default=WAYS)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rows = args.folder / "rows.jsonl"
    tests = {
        "espeak": args.corpus / "test.jsonl",
        "joe": args.voices / "joe_test.jsonl",
        "rms": args.voices / "rms_test.jsonl",
    }
    for seed in args.seeds:
        for way in args.ways:
            if (way, seed) in [(row["way"], row["seed"]) for row in read_rows(rows)]:
                continue
            run = train_so(args, way, seed)
            found = {
                name: measure_rates(run, test, decoder="greedy") for name, test in tests.items()
            }
            add_row(rows, {"way": way, "seed": seed} | found)


def train_so(args, way, seed):
    """Train the demo's network in one of the ways; return its run folder."""
    from ds2np.commands.demo import RECIPES, configure
    from ds2np.data.manifest import read_manifest
    from ds2np.model.run_folder import RunFolder
    from ds2np.train.config import TrainingConfig
    from ds2np.train.run import train

    run = args.folder / f"{way}_{seed}"
    RunFolder(run).delete()
    learn, test = (read_manifest(args.corpus / f"{part}.jsonl") for part in ("train", "test"))
    config = configure(RECIPES["en"], [utterance.text for utterance in learn])
    settings = TrainingConfig(
        epochs=args.epochs,
        anneal=1.3,
        seed=seed,
        augment=way not in ("nothing", "mask"),
        vary_voice=way in (*KEPT, "voice", "all"),
        mask=way in ("mask", "all"),
    )
    with (
        mock.patch("ds2np.train.changes.Augmentation", lambda **given: change_of(way, given)),
        mock.patch("ds2np.train.run.WORTH", float("inf")),  # other processes are not patched
    ):
        train(config, settings, learn, test, run)
    return run


def change_of(way, given):
    """Return the settings of an augmentation that varies one thing of the voice, or as given."""
    from ds2np.audio import Augmentation

    kept = {name: value for name, value in KEPT.items() if way in KEPT and name != way}
    return Augmentation(**given, **{f"voice_{name}": value for name, value in kept.items()})


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    main()
