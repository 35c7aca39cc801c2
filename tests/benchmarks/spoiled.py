"""Does the classifier find faults of a kind that it has not seen?

    python tests/benchmarks/spoiled.py RUN MANIFEST.jsonl [--curve] [--share 0.5]

The utterances of the manifest, whose texts are right, are spoiled in every way. For each way, the
classifier learns from one half of the utterances, right and spoiled in all other ways, and is
tested on the other half, right and spoiled in this way. It prints the precision at recall 0.9.
"""

import argparse
from pathlib import Path

import numpy as np


def main():
    """Read the options and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("run", type=Path, metavar="RUN")
    add("manifest", metavar="MANIFEST.jsonl")
    add("--curve", action="store_true", help="print precision and recall at many thresholds")
    add("--share", type=float, default=0.5, help="of wrong ones (default: 0.5)")
    add("--seed", type=int, default=0)
    args = parser.parse_args()
    from ds2np import machine

    machine.tune()
    from ds2np.align.classifier import Classifier, precision_recall
    from ds2np.align.judge import SPOILED, collect_evidence, hear_sounds
    from ds2np.recogniser import Recogniser

    rng = np.random.default_rng(args.seed)
    recogniser = Recogniser.load(args.run, decoder="greedy")
    alphabet, seconds = recogniser.config.alphabet(), recogniser.config.frame_ms / 1000
    utterances = list(hear(recogniser, args.manifest))
    sounds = hear_sounds(recogniser, rng)
    order = rng.permutation(len(utterances))
    halves = [
        collect_evidence([utterances[i] for i in half], sounds, alphabet, seconds, rng)
        for half in np.array_split(order, 2)
    ]
    print(f"{len(utterances)} utterances, {SPOILED} of each half spoiled, {args.share:.0%} wrong")
    everything = []
    for kind in halves[0].spoiled:
        others = [rows for name, rows in halves[0].spoiled.items() if name != kind]
        right, wrong = (
            rows[~np.isnan(rows).any(axis=1)] for rows in (halves[0].found, halves[1].found)
        )
        classifier = Classifier.train(right, np.concatenate(others))
        tested = [wrong, halves[1].spoiled[kind]]
        p = classifier.probability(np.concatenate(tested))
        y = np.repeat([0, 1], [len(rows) for rows in tested])
        everything.append((p, y))
        print(f"{kind:10} {len(tested[1]):4}  {describe(*precision_recall(p, y, args.share))}")
        if args.curve:
            show(*precision_recall(p, y, args.share))
    p, y = (np.concatenate(parts) for parts in zip(*everything, strict=True))
    print(f"{'all':10} {int(y.sum()):4}  {describe(*precision_recall(p, y, args.share))}")
    if args.curve:
        show(*precision_recall(p, y, args.share))


def describe(thresholds, precision, recall, at=0.9):
    """Return the best precision with at least a recall."""
    best = precision[recall >= at].max()
    return f"precision {best:.3f} at recall {at:g}"


def show(thresholds, precision, recall):
    """Print a curve, a point for each twentieth of recall."""
    for least in np.arange(0.5, 1.001, 0.05):
        i = np.flatnonzero(recall >= least - 1e-9)[0]
        print(
            f"    recall {recall[i]:.3f}  precision {precision[i]:.3f}  above {thresholds[i]:.4f}"
        )


def hear(recogniser, manifest):
    """Yield the utterances of a manifest as the network hears them, in order of the manifest."""
    from ds2np.align.alignment import find_frames
    from ds2np.align.judge import find_space
    from ds2np.align.search import best_path
    from ds2np.align.spoiling import Utterance, spell
    from ds2np.backend import to_cpu
    from ds2np.data.dataset import Dataset
    from ds2np.data.manifest import read_manifest
    from ds2np.evaluate.outputs import network_outputs

    alphabet = recogniser.config.alphabet()
    dataset = Dataset(read_manifest(manifest), recogniser.config)
    space = find_space(alphabet)
    for batch, log_probs, lengths in network_outputs(recogniser, dataset):
        for i, row, length in zip(batch.indices, to_cpu(log_probs), lengths, strict=True):
            words = [alphabet.encode(w) for w in alphabet.split(dataset.utterances[i].text)]
            labels = spell(words, space)
            sizes = np.array([len(word) for word in words])
            begins = np.cumsum(sizes + (space is not None)) - sizes - (space is not None)
            try:
                states = best_path(row[:length], labels).states
            except ValueError:
                continue  # the text does not fit
            frames = find_frames(states, row[:length], labels, begins, begins + sizes)
            yield Utterance(row[:length], tuple(words), frames.starts, frames.ends)


if __name__ == "__main__":
    main()
