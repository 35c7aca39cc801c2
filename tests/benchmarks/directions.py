"""What does it cost to stream? The demo's network in both directions, and forward only.

    python tests/benchmarks/directions.py FOLDER [--seeds 0 1 2]

Forward only there are two: without and with a row convolution. All have about as many parameters,
and are trained on the demo's corpus by the demo's recipe. FOLDER keeps corpus and networks, and a
row for each network in rows.jsonl; the same command continues after an interruption.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from rates import measure_rates

from ds2np import machine

NETWORKS = "both directions", "row convolution", "forward only"


def main():
    """Train the networks with each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    machine.tune()  # before NumPy is imported
    rows = args.folder / "rows.jsonl"
    done = [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []
    known = {(row["network"], row["seed"]) for row in done}
    for seed in args.seeds:
        for name in NETWORKS:
            if (name, seed) not in known:
                row = try_network(args.folder, name, seed)
                with open(rows, "a", encoding="utf-8") as file:
                    print(json.dumps(row), file=file)
                print(row, flush=True)


def try_network(folder, name, seed):
    """Train a network and evaluate it; return a row of the table."""
    from ds2np.commands import demo
    from ds2np.data.manifest import read_manifest
    from ds2np.lm import NGram
    from ds2np.model.run_folder import RunFolder
    from ds2np.synthesis.corpus import write_corpus
    from ds2np.train.config import TrainingConfig
    from ds2np.train.run import train

    recipe, corpus = demo.RECIPES["en"], folder / "corpus"
    if not (corpus / "train.jsonl").exists():
        write_corpus(corpus, seed=0)
    utterances, test = (read_manifest(corpus / f"{part}.jsonl") for part in ("train", "test"))
    texts = [utterance.text for utterance in utterances]
    config = demo.configure(recipe, texts, stream=name != "both directions")
    if name == "forward only":
        config = replace(config, lookahead=0)
    run = RunFolder(folder / f"{name.replace(' ', '_')}_{seed}")
    training = TrainingConfig(epochs=recipe.epochs, anneal=1.3, seed=seed)
    train(config, training, utterances, test, run.path, resume=run.last.exists())
    lm = folder / "3gram.arpa"
    NGram.train(texts, recipe.order, units=recipe.units, log=None).save(lm)
    search = {"lm": lm, "alpha": recipe.alpha, "beta": recipe.beta}
    row = {"network": name, "seed": seed, "ahead_ms": sum(config.lookahead_ms.values())}
    row["wer"], row["cer"] = measure_rates(run.path, corpus / "test.jsonl", decoder="greedy")
    row["lm_wer"], row["lm_cer"] = measure_rates(run.path, corpus / "test.jsonl", **search)
    return row


if __name__ == "__main__":
    main()
