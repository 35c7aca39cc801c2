"""Does a network hear Mandarin tones, or only how long they last?

    python tests/benchmarks/tones.py FOLDER [--networks "20 ms" "40 ms"] [--seeds 0 1] [--epochs 10]

Trains the preset `tiny` on utterances of three random syllables in four tones, and tests it on
unheard voices in four ways: as spoken, with all syllables equally long, with a flat pitch, and with
both. Rows are appended to FOLDER/tones.jsonl; a network that has its rows is not trained again, and
an interrupted training goes on. At the end come the table and a picture, FOLDER/tones.png.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

COUNTS = {"train": 1500, "dev": 96, "test": 240}
TIME_STRIDES = (2, 2)  # as in the demo in Mandarin

# Window in ms, stride in frequency of the first convolution, way of the training utterances, and
# whether they are augmented. Half the stride gives the layers above the first convolution as many
# frequencies of windows of 20 ms as they have of 40 ms.
NETWORKS = {
    "20 ms": (20, 4, "spoken", False),
    "40 ms": (40, 4, "spoken", False),
    "20 ms, half the stride": (20, 2, "spoken", False),
    "20 ms, equal": (20, 4, "equal", False),
    "40 ms, equal": (40, 4, "equal", False),
    "20 ms, augmented": (20, 4, "spoken", True),
    "40 ms, augmented": (40, 4, "spoken", True),
}

PARTNER = (3, 2, 1, 0)  # level and falling last equally long, and so do rising and dipping


def configure(window_ms, frequency_stride):
    """Return the preset `tiny` with a window, and a stride of its first convolution."""
    from ds2np.model import preset
    from ds2np.synthesis.syllables import TONE

    config = preset("tiny").with_time_strides(TIME_STRIDES)
    first, *others = config.conv
    first = dataclasses.replace(first, stride=(first.stride[0], frequency_stride))
    return dataclasses.replace(
        config, window_ms=window_ms, conv=(first, *others), characters="".join(TONE)
    )


def count_tones(alignments):
    """Count what became of the syllables, given utterances of pairs (said, heard) of characters.

    Returns the number of those said and of those heard right but for the tone, and of the latter
    a table (4, 4): how often each tone (row) was heard as each (column).
    """
    from ds2np.synthesis.syllables import SYLLABLE, TONE

    said = [pair for utterance in alignments for pair in utterance if pair[0]]
    right = [(a, b) for a, b in said if b and SYLLABLE[a] == SYLLABLE[b]]
    confusions = [[0] * 4 for _ in range(4)]
    for a, b in right:
        confusions[TONE[a]][TONE[b]] += 1
    return {"said": len(said), "right": len(right), "confusions": confusions}


def rates(row):
    """Return shares: of syllables right; of these, of tones, of pairs, and of tones within a pair.

    Level and falling are a pair, and so are rising and dipping: within it, duration tells nothing.
    """
    tones = sum(row["confusions"][tone][tone] for tone in range(4))
    pairs = tones + sum(row["confusions"][tone][PARTNER[tone]] for tone in range(4))
    return row["right"] / row["said"], tones / row["right"], pairs / row["right"], tones / pairs


def measure(corpus, run, name, seed, epochs):
    """Train a network, or go on with its training, and yield a row of each way to test it."""
    from ds2np.data.dataset import Dataset
    from ds2np.data.manifest import read_manifest
    from ds2np.evaluate import evaluate
    from ds2np.model.run_folder import RunFolder
    from ds2np.recogniser import Recogniser
    from ds2np.synthesis.syllables import WAYS
    from ds2np.train.config import TrainingConfig
    from ds2np.train.run import train

    *sizes, way, augment = NETWORKS[name]
    config = configure(*sizes)
    training = TrainingConfig(epochs=epochs, anneal=1.3, seed=seed, augment=augment)
    # The best epoch is chosen by other utterances of the training voices.
    utterances = [read_manifest(corpus / f"{part}-{way}.jsonl") for part in ("train", "dev")]
    train(config, training, *utterances, run, resume=RunFolder(run).last.exists())
    recogniser = Recogniser.load(run, device="cpu")
    for tested in WAYS:
        test = Dataset(read_manifest(corpus / f"test-{tested}.jsonl"), config)
        counts = count_tones(evaluate(recogniser, test).character_alignments)
        yield {"network": name, "seed": seed, "epochs": epochs, "test": tested, **counts}


def tell(rows):
    """Print a line of each network, seed and way, and draw what was confused."""
    print("| network | seed | tested on | syllables | tones | pairs | within the pair |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        shares = " | ".join(f"{100 * share:.1f}" for share in rates(row))
        print(f"| {row['network']} | {row['seed']} | {row['test']} | {shares} |")


def draw(rows, path):
    """Draw the tones with both windows, and beside them what the networks heard, all seeds."""
    import numpy as np
    from helpers.pitch import RATE, contour, spread
    from helpers.syllables import speak
    from matplotlib.figure import Figure

    from ds2np.audio import log_spectrogram
    from ds2np.plots import plot_confusions, plot_pitch
    from ds2np.plots.tones import NAMES
    from ds2np.synthesis.syllables import SYLLABLES

    sounds = speak(SYLLABLES[0], ["f2"]).values()
    figure = Figure(figsize=(14, 6.5), layout="constrained")
    axes = figure.subplots(2, 6, width_ratios=(3, 3, 3, 3, 4, 4))
    for window_ms, line in zip((20, 40), axes, strict=True):
        for sound, name, axis in zip(sounds, NAMES, line[:4], strict=True):
            places = spread(sound, 24)
            spectrogram = log_spectrogram(sound, RATE, window_ms=window_ms)
            pitch = places / RATE, 2 ** contour(sound, places, (100, 300))
            title = f"{name}, {window_ms} ms"
            plot_pitch(spectrogram, window_ms, 10, *pitch, axis, title, harmonic=3)
            axis.label_outer()
        for way, axis in zip(("spoken", "equal"), line[4:], strict=True):
            chosen = [
                row["confusions"]
                for row in rows
                if (row["network"], row["test"]) == (f"{window_ms} ms", way)
            ]
            if chosen:
                counts = np.sum(chosen, axis=0)
                shares = counts / counts.sum(axis=1, keepdims=True)
                plot_confusions(shares, axis, f"{window_ms} ms, {way} (%)")
            else:
                axis.set_axis_off()
        line[0].legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=120)
    print(path)


def main():
    """Make the corpus, train and test the networks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=["20 ms", "40 ms"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    sys.path[:0] = map(str, Path(__file__).resolve().parents[1:3])
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    from ds2np.synthesis import write_syllables

    corpus, results = args.folder / "corpus", args.folder / "tones.jsonl"
    if not corpus.exists():
        write_syllables(corpus, **COUNTS)
    rows = [json.loads(line) for line in results.open()] if results.exists() else []
    done = {(row["network"], row["seed"], row["epochs"]) for row in rows}
    for seed in args.seeds:
        for name in args.networks:
            if (name, seed, args.epochs) in done:
                continue
            began = time.process_time()
            run = args.folder / f"{name}, {seed}, {args.epochs} epochs".replace(" ", "-")
            new = list(measure(corpus, run, name, seed, args.epochs))
            with results.open("a") as file:
                file.writelines(f"{json.dumps(row)}\n" for row in new)
            rows += new
            print(f"{run}: {time.process_time() - began:.0f} s of all cores", flush=True)
    rows = [row for row in rows if row["epochs"] == args.epochs]
    tell(rows)
    draw(rows, args.folder / "tones.png")


if __name__ == "__main__":
    main()
