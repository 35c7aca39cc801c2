"""Do symbols of two letters allow larger strides in time? Train networks of both kinds.

    python tests/benchmarks/strides.py FOLDER TRAIN.jsonl DEV.jsonl --lm FILE [options of `train`]

DEV.jsonl chooses the best epoch. The rates are those of --test, greedy and by beam search with the
language model, whose weights are --alpha and --beta, or, with --tune, those that suit DEV.jsonl
best. Transcripts that do not fit into the frames of a network are left out of its training and of
the choice of the epoch, but not of the rates. FOLDER keeps the networks, and a row for each in
rows.jsonl; the same command continues after an interruption. With --times N, it measures the time
of an epoch instead: N times each network's first one, all in turn.
"""

import argparse
import csv
import sys
from dataclasses import replace
from pathlib import Path

from rates import ROOT, add_row, command, measure_rates, read_rows


def main():
    """Read the options; train, or measure times; print the table."""
    from ds2np import machine

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER")
    add("train", metavar="TRAIN.jsonl")
    add("dev", metavar="DEV.jsonl")
    add("--test", metavar="TEST.jsonl", help="(default: DEV.jsonl)")
    add("--lm", metavar="FILE")
    add("--alpha", type=float, default=0.7)
    add("--beta", type=float, default=1.5)
    add("--beam", type=int, default=100)
    add("--tune", action="store_true", help="find the weights on DEV.jsonl")
    add("--symbols", nargs="+", choices=["unigrams", "bigrams"], default=["unigrams", "bigrams"])
    add("--strides", nargs="+", default=["2x1", "3x1", "4x1", "2x2"], help="of the convolutions")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--begin", type=Path, metavar="FOLDER", help="of this script, whose networks to train on")
    add("--preset", default="tiny")
    add("--times", type=int, metavar="N")
    args, rest = parser.parse_known_args()
    machine.tune()  # before NumPy is imported
    args.folder.mkdir(parents=True, exist_ok=True)
    for symbols in args.symbols:
        if not alphabet_of(args, symbols).exists():
            pairs = ["--bigrams"] if symbols == "bigrams" else []
            command("data", args.train, "--alphabet", *pairs, "--out", alphabet_of(args, symbols))
    networks = [(symbols, strides) for strides in args.strides for symbols in args.symbols]
    if args.times:
        measure_times(args, rest, networks)
        return
    rows = args.folder / "rows.jsonl"
    known = {(row["symbols"], row["strides"], row["seed"]) for row in read_rows(rows)}
    for seed in args.seeds:
        for symbols, strides in networks:
            if (symbols, strides, seed) not in known:
                add_row(rows, try_network(args, rest, symbols, strides, seed))


def alphabet_of(args, symbols):
    """Return the path of an alphabet."""
    return args.folder / f"{symbols}.txt"


def try_network(args, rest, symbols, strides, seed):
    """Train a network and evaluate it; return a row of the table."""
    run = (args.folder / f"{symbols}_{strides}_{seed}").resolve()
    fits = {path: keep_fitting(args, path, symbols, strides) for path in (args.train, args.dev)}
    options = options_of(args, symbols, strides, fits[args.train][0], fits[args.dev][0])
    if args.begin:
        options += ["--init", (args.begin / run.name).resolve()]
    again = ["--resume"] if (run / "last.npz").exists() else []
    command("train", *options, "--seed", seed, "--out", run, *rest, *again)
    row = {"symbols": symbols, "strides": strides, "seed": seed, "left_out": fits[args.train][1]}
    row |= rates("greedy", args, run, decoder="greedy")
    if args.lm and args.tune:
        command("tune", run, fits[args.dev][0], "--lm", args.lm, "--beam", args.beam)
        row |= rates("lm", args, run)
    elif args.lm:
        row |= rates("lm", args, run, lm=args.lm, alpha=args.alpha, beta=args.beta, beam=args.beam)
    return row


def rates(name, args, run, **options):
    """Return the error rates on all test utterances, also those that do not fit."""
    found = measure_rates(run, args.test or args.dev, **options)
    return dict(zip((f"{name}_wer", f"{name}_cer"), found, strict=True))


def keep_fitting(args, manifest, symbols, strides):
    """Write a manifest of the utterances whose transcripts fit their output frames.

    Returns its path, and how many do not.
    """
    from ds2np.data.manifest import read_manifest, write_manifest

    utterances = read_manifest(manifest)
    fitting = choose_fitting(utterances, config_of(args, symbols, strides))
    path = (args.folder / f"{symbols}_{strides}_{Path(manifest).name}").resolve()
    write_manifest(path, fitting)
    return path, len(utterances) - len(fitting)


def choose_fitting(utterances, config):
    """Return the utterances whose transcripts fit the output frames of a network."""
    from ds2np.ctc import min_frames

    alphabet = config.alphabet()
    return [
        u
        for u in utterances
        if min_frames(alphabet.encode(u.text))
        <= config.out_lengths(config.count_frames(u.duration))
    ]


def config_of(args, symbols, strides):
    """Return the configuration of a network."""
    from ds2np.model import preset
    from ds2np.text.alphabet_file import read_alphabet

    characters, units = read_alphabet(alphabet_of(args, symbols))
    config = preset(args.preset).with_time_strides(tuple(map(int, steps(strides))))
    return replace(config, characters=characters, units=units)


def steps(strides):
    """Return the strides in a name such as 2x1."""
    return strides.split("x")


def measure_times(args, rest, networks):
    """Print the time of each network's first epoch, relative to the first network's.

    All learn the utterances that fit all of them, one after another, several times.
    """
    from ds2np.data.manifest import read_manifest, write_manifest
    from ds2np.model.run_folder import RunFolder

    fitting = {path: read_manifest(path) for path in (args.train, args.dev)}
    for network in networks:
        config = config_of(args, *network)
        fitting = {path: choose_fitting(fits, config) for path, fits in fitting.items()}
    paths = [(args.folder / f"fit_all_{part}.jsonl").resolve() for part in ("train", "dev")]
    for path, fits in zip(paths, fitting.values(), strict=True):
        write_manifest(path, fits)
    seconds = dict.fromkeys(networks, 0.0)
    for _ in range(args.times):
        for symbols, strides in networks:
            run = (args.folder / f"time_{symbols}_{strides}").resolve()
            options = options_of(args, symbols, strides, *paths)
            if run.exists():
                RunFolder(run).delete()
            command("train", *options, "--out", run, *rest, "--epochs", 1)
            with open(run / "history.csv", encoding="utf-8") as file:
                seconds[symbols, strides] += float(next(csv.DictReader(file))["seconds"])
    for (symbols, strides), each in seconds.items():
        print(f"{symbols:8} {strides}  {each / seconds[networks[0]]:.2f}")


def options_of(args, symbols, strides, train, dev):
    """Return the options of `train` for a network."""
    alphabet = alphabet_of(args, symbols).resolve()
    network = ["--preset", args.preset, "--alphabet", alphabet, "--time-strides", *steps(strides)]
    return [*network, "--train", train, "--dev", dev]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
