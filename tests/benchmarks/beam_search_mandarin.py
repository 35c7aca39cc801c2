"""Time the beam search with 6,000 symbols and a language model of characters.

    python tests/benchmarks/beam_search_mandarin.py [TEXT] [--beam 200] [--order 5]

TEXT is Chinese, such as that of Debian's fortunes-zh; without it, random characters. The
log-probabilities are made up: blanks, and for each character two frames in which, in 6 of 10 cases,
20 others are nearly as probable.
"""

import argparse
import os
import re
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from ds2np.decode import BeamDecoder
from ds2np.lm import NGram
from ds2np.text import Alphabet, cer

V, UTTERANCES, LENGTH = 6000, 40, 20


def read_lines(path, rng):
    """Return lines of Chinese characters only."""
    if path is None:
        shape, first = (12000, LENGTH), 0x4E00
        draws = np.minimum(rng.zipf(1.3, shape), V - 2)
        return ["".join(chr(first + i) for i in row) for row in draws.tolist()]
    text = Path(path).read_text(encoding="utf-8", errors="ignore")
    lines = [line for line in re.split("[^\u4e00-\u9fff]+", text) if len(line) > 2]
    rng.shuffle(lines)
    return lines


def make_outputs(text, alphabet, rng):
    """Make log-probabilities (T, V) of a text."""
    logits = rng.normal(0, 1, (6 * len(text) + 6, V))
    logits[:, 0] += 17
    for k, number in enumerate(alphabet.encode(text)):
        others = rng.integers(1, V, 20) if rng.random() < 0.6 else None
        for frame, height in ((6 * k + 3, 19.5), (6 * k + 4, 16.0)):
            logits[frame, number] += height
            if others is not None:
                logits[frame, others] += height + rng.normal(-1, 1.5, 20)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("text", nargs="?")
    parser.add_argument("--beam", type=int, default=200)
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    lines = read_lines(args.text, rng)
    refs = ["".join(lines[i::600])[:LENGTH] for i in range(UTTERANCES)]
    lm = NGram.train(lines[600:], args.order, units="characters", log=None)
    known = sorted(set("".join(lines)))[: V - 1]
    fill = (chr(c) for c in range(0x3400, 0xA000) if chr(c) not in set(known))
    alphabet = Alphabet([*known, *(next(fill) for _ in range(V - 1 - len(known)))])
    outputs = [make_outputs(text, alphabet, rng) for text in refs]
    lengths = np.array([len(each) for each in outputs])
    log_probs = np.zeros((UTTERANCES, lengths.max(), V), np.float32)
    for row, each in zip(log_probs, outputs, strict=True):
        row[: len(each)] = each
    for name, options in {"no LM": {}, "LM": {"lm": lm, "alpha": 0.6}}.items():
        decoder, seconds = BeamDecoder(alphabet, beam=args.beam, **options), []
        for _ in range(args.runs):
            began = time.process_time()
            found = decoder.decode(log_probs, lengths)
            seconds.append(time.process_time() - began)
        frame = 1000 * np.median(seconds) / lengths.sum()
        error = 100 * cer(refs, [hypotheses[0].text for hypotheses in found])
        print(f"{name:6} {frame:.3f} ms a frame, CER {error:.1f} %", flush=True)


if __name__ == "__main__":
    main()
