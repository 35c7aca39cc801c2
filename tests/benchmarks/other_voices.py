"""What is the demo's network worth on voices of other synthesisers, and after adaptation?

    python tests/benchmarks/other_voices.py FOLDER VOICES [--seeds 0 1 2] [--networks demo ...]
        [--sentences 40 120]

VOICES holds joe_train.jsonl, joe_test.jsonl and rms_test.jsonl: sentences of the demo, spoken by a
voice of piper and by one of flite. Networks: `demo` has heard espeak-ng, `with_flite` and
`with_piper` one more engine (half of the sentences; other voices, too, by `change_voice`), so that
joe is unheard by the first two, rms by `demo` and `with_piper`. Then the first two adapt, each to
the first 40 and to all sentences of joe_train. `nothing` (after `demo`) is the demo's network, too,
but learns these sentences alone, from random weights. FOLDER keeps the runs, and a row for each
network in rows.jsonl: WER greedy and with the 3-gram of the demo's training sentences (beam 200,
alpha 1, beta 2). The same command goes on where it was interrupted.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGINES = {"demo": (), "with_flite": ("flite",), "with_piper": ("piper",)}
BEGINNER = 4e-3  # learning rate of a network with random weights, that of the demo
SEARCH = {"decoder": "beam", "beam": 200, "alpha": 1.0, "beta": 2.0}


def main():
    """Read the options, make what is missing, print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER")
    add("voices", type=Path, metavar="VOICES")
    add("--seeds", nargs="+", type=int, default=[0])
    add("--networks", nargs="+", choices=[*ENGINES, "nothing"], default=list(ENGINES))
    add("--sentences", nargs="+", type=int, default=[40, 120], help="of joe's, to adapt to")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds:
        for name in args.networks:
            run = train(args, name, seed) if name in ENGINES else None
            for count in args.sentences if name != "with_piper" else []:
                learn_joe(args, name, seed, run, count)


def train(args, name, seed):
    """Train a network of the demo; return its run folder."""
    from ds2np.commands.demo import run_demo
    from ds2np.synthesis import write_corpus

    folder = args.folder / f"{name}_{seed}"
    began = time.perf_counter()
    if not is_measured(args, name, seed, 0):
        if not (folder / "corpus").exists():  # seed 0: VOICES says the test sentences of that
            write_corpus(folder / "corpus", seed=0, engines=ENGINES[name])
        run_demo(folder, resume=(folder / "run").exists(), seed=seed, engines=ENGINES[name])
        measure(args, name, seed, 0, folder / "run", time.perf_counter() - began)
    return folder / "run"


def learn_joe(args, name, seed, run, count):
    """Adapt a network to some of joe's sentences, or train one with these alone."""
    from dataclasses import replace

    from ds2np.adapt import adapt
    from ds2np.adapt.adaptation import SETTINGS
    from ds2np.data.manifest import read_manifest
    from ds2np.model.run_folder import RunFolder

    if is_measured(args, name, seed, count):
        return
    out = args.folder / f"{name}_{seed}_joe{count}"
    RunFolder(out).delete()
    speech = read_manifest(args.voices / "joe_train.jsonl")[:count]
    settings = replace(SETTINGS, seed=seed)
    began = time.perf_counter()
    if run:
        kept = adapt(run, speech, out, settings=settings).kept
        out = out if kept else run  # no better on the sentences held out: all stays as it was
    else:
        train_alone(args.folder / f"demo_{seed}" / "run", speech, out, settings)
    measure(args, name, seed, count, out, time.perf_counter() - began)


def train_alone(like, speech, out, settings):
    """Train a network like another one with little speech: as many utterances as in `adapt`."""
    from dataclasses import replace

    from ds2np.adapt.adaptation import BEFORE, OWN
    from ds2np.adapt.speech import hold_out
    from ds2np.data.batches import Draw
    from ds2np.model.run_folder import load_run
    from ds2np.train.run import train

    learned, held = hold_out(speech)
    draw = Draw(len(learned), round((OWN + BEFORE) / len(learned)), 0)
    settings = replace(settings, learning_rate=BEGINNER)
    train(load_run(like).config, settings, learned, held, out, draw=draw)


def is_measured(args, *key):
    from rates import read_rows

    rows = read_rows(args.folder / "rows.jsonl")
    return key in [(row["network"], row["seed"], row["sentences"]) for row in rows]


def measure(args, name, seed, count, run, seconds):
    """Measure a network on all voices, and write a row."""
    from rates import add_row, measure_rates

    own = args.folder / f"{name if name in ENGINES else 'demo'}_{seed}"
    manifests = {
        "espeak": own / "corpus" / "test.jsonl",
        "joe": args.voices / "joe_test.jsonl",
        "rms": args.voices / "rms_test.jsonl",
    }
    row = {"network": name, "seed": seed, "sentences": count, "minutes": round(seconds / 60, 2)}
    lm = str(own / "3gram.arpa")
    for voice, manifest in manifests.items():
        greedy, _ = measure_rates(run, manifest, decoder="greedy")
        row[voice] = greedy, measure_rates(run, manifest, lm=lm, **SEARCH)[0]
    add_row(args.folder / "rows.jsonl", row)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    main()
