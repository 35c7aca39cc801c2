"""Do symbols of two letters allow larger strides in time? Train networks of both kinds.

    python tests/benchmarks/strides.py FOLDER TRAIN.jsonl DEV.jsonl --lm FILE [options of `train`]

DEV.jsonl chooses the best epoch. The rates are those of --test, greedy and by beam search with the
language model, whose weights are --alpha and --beta, or, with --tune, those that suit DEV.jsonl
best. FOLDER keeps the networks, and a row for each in rows.jsonl; the same command continues after
an interruption. With --times, nothing is trained: it measures the time of an epoch by some
minibatches, each by all networks in turn.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main():
    """Read the options; train, or measure times; print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER")
    add("train", metavar="TRAIN.jsonl")
    add("dev", metavar="DEV.jsonl")
    add("--test", metavar="TEST.jsonl", help="(default: DEV.jsonl)")
    add("--lm", metavar="FILE")
    add("--alpha", default="0.7")
    add("--beta", default="1.5")
    add("--beam", default="100")
    add("--tune", action="store_true", help="find the weights on DEV.jsonl")
    add("--symbols", nargs="+", choices=["unigrams", "bigrams"], default=["unigrams", "bigrams"])
    add("--strides", nargs="+", default=["2x1", "3x1", "4x1", "2x2"], help="of the convolutions")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--preset", default="tiny")
    add("--times", type=int, metavar="MINIBATCHES")
    args, rest = parser.parse_known_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for symbols in args.symbols:
        if not alphabet_of(args, symbols).exists():
            pairs = ["--bigrams"] if symbols == "bigrams" else []
            command("data", args.train, "--alphabet", *pairs, "--out", alphabet_of(args, symbols))
    networks = [(symbols, strides) for strides in args.strides for symbols in args.symbols]
    if args.times:
        measure_times(args, networks)
        return
    rows = args.folder / "rows.jsonl"
    done = [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []
    known = {(row["symbols"], row["strides"], row["seed"]) for row in done}
    for seed in args.seeds:
        for symbols, strides in networks:
            if (symbols, strides, seed) not in known:
                row = try_network(args, rest, symbols, strides, seed)
                with open(rows, "a", encoding="utf-8") as file:
                    print(json.dumps(row), file=file)
                print(row, flush=True)


def alphabet_of(args, symbols):
    """Return the path of an alphabet."""
    return args.folder / f"{symbols}.txt"


def command(*words):
    """Run a command of the package; return what it prints."""
    words = [sys.executable, "-m", "ds2np", *map(str, words)]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout}exit code {done.returncode}")
    return done.stdout


def try_network(args, rest, symbols, strides, seed):
    """Train a network and evaluate it; return a row of the table."""
    run = (args.folder / f"{symbols}_{strides}_{seed}").resolve()
    given = ["--alphabet", alphabet_of(args, symbols).resolve(), "--time-strides", *steps(strides)]
    given += ["--preset", args.preset, "--seed", seed, "--train", args.train, "--dev", args.dev]
    again = ["--resume"] if (run / "last.npz").exists() else []
    command("train", *given, "--out", run, *rest, *again)
    test = args.test or args.dev
    greedy = json.loads(command("evaluate", run, test, "--decoder", "greedy", "--json"))
    row = {"symbols": symbols, "strides": strides, "seed": seed, **rates("greedy", greedy)}
    if args.lm:
        beam = ["--lm", args.lm, "--beam", args.beam]
        if args.tune:
            command("tune", run, args.dev, *beam)
            beam = []
        else:
            beam += ["--alpha", args.alpha, "--beta", args.beta]
        row |= rates("lm", json.loads(command("evaluate", run, test, *beam, "--json")))
    from ds2np.train.history import read_history

    last = read_history(run / "history.csv")[-1]
    return row | {"epochs": last["epoch"], "left_out": last["left_out"]}


def steps(strides):
    """Return the strides in a name such as 2x1."""
    return strides.split("x")


def rates(name, evaluation):
    """Return the error rates of an evaluation, in percent."""
    return {f"{name}_{rate}": round(100 * evaluation[rate], 2) for rate in ("wer", "cer")}


def measure_times(args, networks):
    """Print the time of a training minibatch of each network, relative to the first network's."""
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    import numpy as np
    from tqdm import tqdm

    from ds2np.data.batches import make_batch
    from ds2np.data.dataset import Dataset
    from ds2np.data.manifest import read_manifest
    from ds2np.model import DeepSpeech2, preset
    from ds2np.optim import SGD
    from ds2np.text.alphabet_file import read_alphabet
    from ds2np.train.config import TrainingConfig
    from ds2np.train.step import add_gradients

    utterances, size = read_manifest(args.train), TrainingConfig().batch_size
    order = np.argsort([utterance.duration for utterance in utterances])
    starts = np.linspace(0, len(order) - size, args.times).astype(int)
    turns = []
    for symbols, strides in networks:
        given, units = read_alphabet(alphabet_of(args, symbols))
        config = preset(args.preset).with_time_strides(tuple(map(int, steps(strides))))
        model = DeepSpeech2(replace(config, characters=given, units=units))
        data = Dataset(utterances, model.config)
        turns.append((model, data, SGD(model.params, model.grads, 1e-4, 0.9, 100)))
        model.set_training(True)
    times = np.zeros((args.times, len(turns)))
    for i, start in enumerate(tqdm(starts, unit=" minibatches")):
        for j, (model, data, optimiser) in enumerate(turns):
            began = time.perf_counter()
            model.zero_grads()
            batch = make_batch(data, order[start : start + size])
            add_gradients(model, batch, 1 / size)
            optimiser.step()
            times[i, j] = time.perf_counter() - began
    for (symbols, strides), ratio in zip(networks, times.sum(0) / times[:, 0].sum(), strict=True):
        print(f"{symbols:8} {strides}  {ratio:.2f}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
