"""The language model beside KenLM: the same numbers, time and memory.

    python tests/benchmarks/language_model.py TEXT LMPLZ [--orders 3 5] [--rounds 3]

TEXT has one sentence a line and no empty lines; LMPLZ is KenLM's program. How to build it, and the
Python package kenlm, stands in tests/lm/oracle/make_lmplz.py. Ours and KenLM's take turns, and the
ratios are medians over the rounds: other programs on the machine hardly change them.
"""

import argparse
import functools
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from ds2np.lm import NGram

SENTENCES = 10_000
PEAK = (
    "import re, sys; from ds2np.lm import NGram;"
    "r = lambda: 1024 * int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]);"
    "before = r(); NGram.load(sys.argv[1]); print(before, r())"
)


def timed(call, clock=time.perf_counter):
    """Return what a call returns and the seconds it takes."""
    begin = clock()
    found = call()
    return found, clock() - begin


def train(path, order, prune):
    """Train a model as the command does."""
    with open(path, encoding="utf-8") as lines:
        return NGram.train(lines, order, prune, log=None)


def run_lmplz(lmplz, path, order, prune, out):
    """Train KenLM's model."""
    command = [lmplz, "-o", str(order), "--discount_fallback", "-S", "1G", "-T", str(out.parent)]
    command += ["--prune", *map(str, prune)] * bool(prune)
    with open(path, "rb") as text, open(out, "wb") as file:
        subprocess.run(command, stdin=text, stdout=file, stderr=subprocess.DEVNULL, check=True)


def differences(ours, theirs):
    """Return the largest differences of log-probabilities and back-offs of equal n-grams."""
    a, b = ours.tables, theirs.tables
    assert ours.counts() == theirs.counts()
    word = np.array([theirs.numbers[name] for name in ours.words])
    number = np.concatenate([[0], 1 + word])  # of our n-grams, in theirs
    for start, end in itertools.pairwise(a.starts[1:]):
        key = a.key[start - a.starts[1] : end - a.starts[1]]
        context, last = (key >> np.uint64(24)).astype(int), (key & np.uint64(2**24 - 1)).astype(int)
        wanted = (number[context].astype(np.uint64) << np.uint64(24)) | word[last].astype(np.uint64)
        at = np.searchsorted(b.key, wanted)
        assert (b.key[at] == wanted).all()
        number = np.concatenate([number, at + b.starts[1]])
    return [float(np.abs(x - y[number]).max()) for x, y in ((a.logp, b.logp), (a.back, b.back))]


def spoiled(path, rng):
    """Draw sentences; in half of them, exchange a third of the words and make a tenth unknown."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    vocabulary = sorted({word for line in lines for word in line.split()})
    drawn = [lines[i].split() for i in rng.integers(0, len(lines), SENTENCES)]
    for words in drawn[::2]:
        for i, draw in enumerate(rng.random(len(words))):
            if draw < 0.4:
                other = vocabulary[rng.integers(len(vocabulary))]
                words[i] = f"zzqx{words[i]}" if draw < 0.1 else other
    return drawn


def compare_scores(model, arpa, sentences):
    """Print how far sentences are from KenLM's, and the speed."""
    try:
        import kenlm
    except ImportError:
        print("kenlm is not installed: no sentences are compared")
        return
    other = kenlm.Model(str(arpa))
    texts = [" ".join(words) for words in sentences]
    theirs = np.array([sum(p for p, _, _ in other.full_scores(text)) for text in texts])
    ours, seconds = timed(lambda: model.score_all(sentences))
    _, others = timed(lambda: [other.score(text) for text in texts])
    words = sum(len(words) + 1 for words in sentences)
    far = np.abs(np.array([logp.sum() for logp in ours]) - theirs).max()
    print(
        f"  {len(texts):,} sentences: at most {far:.1e} from the sum of full_scores; "
        f"{words / seconds / 1e6:.2f} million words a second (KenLM {words / others / 1e6:.2f})"
    )


def measure(args, order, prune, folder):
    """Print everything about one order."""
    arpa, compact = folder / "theirs.arpa", folder / "ours.lm"
    times = []
    for _ in range(args.rounds):
        model, ours = timed(lambda: train(args.text, order, prune))
        _, theirs = timed(lambda: run_lmplz(args.lmplz, args.text, order, prune, arpa))
        times.append((ours / theirs, ours, theirs))
    ratio, ours, theirs = map(statistics.median, zip(*times, strict=True))
    print(f"order {order}, prune {prune}: {len(model):,} n-grams")
    print(f"  training {ours:.2f} s, lmplz {theirs:.2f} s: ratio {ratio:.2f}")
    # Seconds of the processor: there is nothing beside it to compare with.
    load = functools.partial(NGram.load, arpa, log=None)
    reading = [timed(load, time.process_time) for _ in range(args.rounds)]
    other, million = reading[0][0], len(model) / 1e6
    print(
        "  at most {:.1e} from lmplz's log10 p, {:.1e} from its back-offs".format(
            *differences(model, other)
        )
    )
    seconds = statistics.median(seconds for _, seconds in reading)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, arpa], check=True, capture_output=True, text=True
    )
    before, peak = map(int, done.stdout.split())
    size = arpa.stat().st_size
    print(
        f"  ARPA of {size / 1e6:.0f} MB read in {seconds / million:.2f} s of CPU a million; peak "
        f"{peak / size:.2f} x the file, {(peak - before) / size:.2f} without Python and NumPy"
    )
    model.save(compact)
    opening = statistics.median(timed(lambda: NGram.load(compact))[1] for _ in range(5))
    memory = sum(getattr(model.tables, name).nbytes for name in model.tables.arrays)
    print(
        f"  {memory / len(model):.1f} bytes an n-gram, {compact.stat().st_size / len(model):.1f} "
        f"in the compact file, opened in {opening * 1e3:.1f} ms"
    )
    compare_scores(other, arpa, spoiled(args.text, np.random.default_rng(0)))


def main():
    """Measure all orders, and the first with pruning."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("text")
    parser.add_argument("lmplz")
    parser.add_argument("--orders", type=int, nargs="+", default=[2, 3, 4, 5])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for order in args.orders:
            measure(args, order, (), Path(folder))
        measure(args, max(args.orders), (0, 0, 1), Path(folder))


if __name__ == "__main__":
    main()
