"""Does a corpus that is cut out of long recordings train as well as a clean one?

    python tests/benchmarks/corpus_building.py FOLDER ALIGNER TRAIN.jsonl TEST.jsonl
        [--rounds 2] [--seeds 0 1 2] [--cuts filtered true]

The utterances of TRAIN.jsonl become a long recording and a text with faults, as `long_recording.py`
makes them. The same network is trained on three cuts of it: `raw`, by the text forced onto the
sound; `filtered`, as `align` does it, with the network ALIGNER; `true`, at the known boundaries,
with the sentences that the text has. TEST.jsonl becomes a long recording, too, without faults, and
is cut at the known boundaries: a fifth of its sentences choose the best epoch, the others are for
the error rates. With --rounds 2, the network trained on the filtered cuts aligns the recording
again, and another one is trained on what it finds. FOLDER keeps everything, and a row for each
network in rows.jsonl; the same command continues after an interruption.
"""

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAULTS = ["--remove", "0.1", "--foreign", "0.1", "--noise", "5"]
TRAINING = ["--preset", "tiny", "--time-strides", "2", "2", "--anneal", "1.3"]
LENGTHS = ["--seconds", "0.5", "3"]


def main():
    """Read the options, make what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER")
    add("aligner", type=Path, metavar="ALIGNER")
    add("train", metavar="TRAIN.jsonl")
    add("test", metavar="TEST.jsonl")
    add("--rounds", type=int, default=1)
    add("--cuts", nargs="+", default=["raw", "filtered", "true"])
    add("--seeds", nargs="+", type=int, default=[0], help="of the trainings")
    add("--epochs", default="12")
    add("--minutes", default="90", help="of the recording, at most")
    args = parser.parse_args()
    folder = args.folder.resolve()
    if not (folder / "truth.json").exists():
        script = ROOT / "tests" / "benchmarks" / "long_recording.py"
        call(script, folder, args.train, "--minutes", args.minutes, *FAULTS)
    if not (folder / "test" / "truth.json").exists():
        script = ROOT / "tests" / "benchmarks" / "long_recording.py"
        call(script, folder / "test", args.test)
    heldout = split(write_true(folder / "test"))
    alphabet = folder / "bigrams.txt"
    if not alphabet.exists():
        call("-m", "ds2np", "data", args.train, "--alphabet", "--bigrams", "--out", alphabet)
    makers = {
        "raw": lambda: cut(args.aligner, folder, "raw", "--verbatim", "--keep-all"),
        "filtered": lambda: cut(args.aligner, folder, "filtered"),
        "true": lambda: write_true(folder),
    }
    cuts = {name: makers[name]() for name in args.cuts}
    options = ["--alphabet", alphabet, "--epochs", args.epochs]
    for seed in args.seeds:
        for name, manifest in cuts.items():
            train(folder, name, seed, manifest, heldout, options)
        for number in range(2, args.rounds + 1):
            name, before = f"round{number}", "filtered" if number == 2 else f"round{number - 1}"
            manifest = cut(folder / f"run_{before}_{args.seeds[0]}", folder, name)
            train(folder, name, seed, manifest, heldout, options)


def call(*words):
    """Run a script or command with this Python; stop if it fails."""
    words = [sys.executable, *map(str, words)]
    if subprocess.run(words, cwd=ROOT, check=False).returncode:
        sys.exit(f"failed: {' '.join(words)}")


def cut(aligner, folder, name, *options):
    """Align and cut the recording; return the manifest."""
    out = folder / name
    if not (out / "utterances.jsonl").exists():
        files = folder / "recording.flac", folder / "text.txt"
        call("-m", "ds2np", "align", aligner, *files, "--out", out, *LENGTHS, *options)
    return out / "utterances.jsonl"


def write_true(folder):
    """Write the manifest of the sentences of the text at their known boundaries.

    They keep as much of the pauses as `align` lets them.
    """
    from ds2np.align.cutting import MARGIN

    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    sentences = truth["sentences"]
    gaps = [0.0, *(b["start"] - a["end"] for a, b in itertools.pairwise(sentences)), 0.0]
    margins = [min(MARGIN, gap / 2) for gap in gaps]
    with open(folder / "true.jsonl", "w", encoding="utf-8") as file:
        for each, before, after in zip(sentences, margins, margins[1:], strict=False):
            if not each["removed"]:
                utterance = {
                    "audio_filepath": "recording.flac",
                    "offset": each["start"] - before,
                    "duration": each["end"] + after - each["start"] + before,
                    "text": each["text"],
                }
                print(json.dumps(utterance), file=file)
    return folder / "true.jsonl"


def split(manifest):
    """Write a fifth of a manifest and the rest to files of their own; return their paths."""
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    count = len(lines) // 5
    paths = manifest.with_name("dev.jsonl"), manifest.with_name("test.jsonl")
    for path, part in zip(paths, (lines[:count], lines[count:]), strict=True):
        path.write_text("".join(part), encoding="utf-8")
    return paths


def train(folder, name, seed, manifest, heldout, options):
    """Train a network on a manifest, and print and keep its error rates."""
    from rates import add_row, measure_rates, read_rows

    run, rows = folder / f"run_{name}_{seed}", folder / "rows.jsonl"
    if (name, seed) in [(row["cut"], row["seed"]) for row in read_rows(rows)]:
        return
    again = ["--resume"] if (run / "last.npz").exists() else []
    call(
        *("-m", "ds2np", "train", "--train", manifest, "--dev", heldout[0], "--seed", seed),
        *("--out", run, *TRAINING, *options, *again),
    )
    wer, cer = measure_rates(run, heldout[1], decoder="greedy")
    count = len(Path(manifest).read_text(encoding="utf-8").splitlines())
    add_row(rows, {"cut": name, "seed": seed, "utterances": count, "wer": wer, "cer": cer})


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
