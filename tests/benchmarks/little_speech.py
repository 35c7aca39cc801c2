"""What helps if there is little speech to learn from? One change at a time; parts of the speech.

    python tests/benchmarks/little_speech.py FOLDER TRAIN.jsonl DEV.jsonl TEST.jsonl
        [--ways plain augment ...] [--parts 0.125 0.25 0.5 1] [--init RUN] [--lm FILE] [--seeds 0]

The preset `small` in ways that differ from `augment` in one thing each. DEV chooses the epoch, TEST
is reported. With --parts, each way learns parts of the utterances (every eighth one, say), in as
many more epochs as keeps the number of minibatches, up to three times as many. FOLDER keeps a row
for each network in rows.jsonl: greedy WER and CER, and those with a language model. The same
command goes on after an interruption.
"""

import argparse
import sys
from pathlib import Path

from rates import ROOT, add_row, command, measure_rates, read_rows

COMMON = [
    *("--batch-size", "16", "--learning-rate", "1e-3", "--momentum", "0.95"),
    *("--max-norm", "100", "--longest", "12"),
]
EPOCHS, ANNEAL, SLOWER = 12, 1.15, 1.05
MOST = 3  # so many times as many epochs at most
WAYS = {
    "augment": ["--augment"],
    "plain": [],
    "masked": ["--augment", "--mask"],
    "voices": ["--augment", "--vary-voice"],
    "dropout": ["--augment", "--dropout", "0.1"],
    "tiny": ["--augment", "--preset", "tiny"],
    "forward only": ["--augment", "--preset", "small-stream"],
    "no mean of weights": ["--augment", "--ema", "0"],
    "slower schedule": ["--augment"],
}


def main():
    """Read the options, train what is missing, print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER")
    for part in ("train", "dev", "test"):
        add(part, type=Path, metavar=f"{part.upper()}.jsonl")
    add("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    add("--parts", nargs="+", type=float, default=[1.0])
    add("--init", type=Path, metavar="RUN", help="begin with its weights")
    add("--lm", type=Path, metavar="FILE", help="language model, whose weights DEV chooses")
    add("--seeds", nargs="+", type=int, default=[0])
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rows = args.folder / "rows.jsonl"
    for seed in args.seeds:
        for way in args.ways:
            for part in args.parts:
                key = {"way": way, "part": part, "seed": seed, "init": str(args.init or "")}
                if any(key.items() <= row.items() for row in read_rows(rows)):
                    continue
                run = train_so(args, way, part, seed)
                wer, cer = measure_rates(run, args.test, decoder="greedy")
                row = key | {"wer": wer, "cer": cer}
                if args.lm:
                    command("tune", run, args.dev, "--lm", args.lm)
                    row["with_lm"] = measure_rates(run, args.test)
                add_row(rows, row)


def train_so(args, way, part, seed):
    """Train a network in one of the ways with a part of the speech; return its run folder."""
    epochs = round(EPOCHS * min(1 / part, MOST))
    anneal = SLOWER if way == "slower schedule" else ANNEAL
    anneal **= EPOCHS / epochs  # to the same rate in the end
    begin = f"_{args.init.name}" if args.init else ""
    run = (args.folder / f"{way.replace(' ', '_')}_{part:g}_{seed}{begin}").resolve()
    words = ["--train", take(args, part), "--dev", args.dev, "--out", run, *COMMON]
    words += ["--epochs", epochs, "--seed", seed, "--anneal", f"{anneal:.4f}"]
    if args.init:
        words += ["--init", args.init]
    elif "--preset" not in WAYS[way]:
        words += ["--preset", "small"]
    words += [*WAYS[way], *(["--resume"] if (run / "last.npz").exists() else [])]
    command("train", *words)
    return run


def take(args, part):
    """Write the manifest of a part of the training utterances, evenly spread; return its path."""
    from ds2np.data.manifest import read_manifest, write_manifest

    path = (args.folder / f"train_{part:g}.jsonl").resolve()
    utterances = read_manifest(args.train)
    chosen = range(0, len(utterances), round(1 / part))
    write_manifest(path, [utterances[i] for i in chosen])
    return path


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
