"""Time the beam search beside pyctcdecode and ctc-beam-decoder, and compare exact objectives.

    pip install --no-deps pyctcdecode==0.5.0 pygtrie ctc-beam-decoder==0.2.0 && pip install kenlm
    python tests/benchmarks/beam_search.py OUTPUTS.npz [MODEL.arpa] [--temperature 2] [--pairs 5]

OUTPUTS.npz holds log_probs (N, T, V), lengths, texts and characters (without the blank). All runs
take turns in one thread and are timed in processor time, since machines are shared; ratios are
medians over pairs of turns. The objective of a text is exact:
log p(text | x) over all of its paths, plus the terms of the language model.
"""

import argparse
import logging
import os
import time
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from ds2np.decode import BeamDecoder
from ds2np.decode.candidates import list_candidates
from ds2np.decode.texts import exact_log_probs
from ds2np.lm import NGram
from ds2np.text import Alphabet, wer

ALPHA, BETA, BEAM = 0.5, 1.5, 100


def read_outputs(path, temperature, most):
    """Return log-probabilities, lengths, references and alphabet."""
    data = np.load(path)
    log_probs = data["log_probs"][:most].astype(np.float64) / temperature
    log_probs -= np.log(np.exp(log_probs).sum(axis=2, keepdims=True))
    texts = [str(text) for text in data["texts"][:most]]
    alphabet = Alphabet(str(data["characters"]))
    return log_probs.astype(np.float32), data["lengths"][:most], texts, alphabet


class Theirs:
    """A decoder with the interface of pyctcdecode."""

    def __init__(self, build, alphabet, arpa, unigrams):
        self.decoder = build(
            ["", *alphabet.symbols], arpa, unigrams=unigrams, alpha=ALPHA, beta=BETA
        )

    def __call__(self, log_probs, lengths):
        rows = zip(log_probs, lengths, strict=True)
        return [self.decoder.decode(row[:length], beam_width=BEAM) for row, length in rows]


class Ours:
    """Our decoder, so many utterances at a time."""

    def __init__(self, alphabet, lm, batch, beam=BEAM):
        self.decoder = BeamDecoder(alphabet, lm, alpha=ALPHA, beta=BETA, beam=beam)
        self.batch = batch

    def __call__(self, log_probs, lengths):
        texts = []
        for at in range(0, len(lengths), self.batch):
            part = slice(at, at + self.batch)
            longest = lengths[part].max()
            found = self.decoder.decode(log_probs[part, :longest], lengths[part])
            texts += [hypotheses[0].text for hypotheses in found]
        return texts


def objective(decoder, texts, log_probs, lengths):
    """Compute the exact objective of one text for each utterance."""
    labels = [decoder.alphabet.encode(text).tolist() for text in texts]
    rows = np.arange(len(texts))
    scores = exact_log_probs(log_probs, lengths, rows, labels, decoder.space)
    return scores + (decoder.scorer.score_texts(texts) if decoder.scorer else 0.0)


def fixed_cost(alphabet, lm, log_probs, lengths):
    """Return the seconds a frame of the search alone, one utterance at a time, with one prefix."""
    decoder = BeamDecoder(alphabet, lm, alpha=ALPHA, beta=BETA, beam=1)
    best = np.inf
    for _ in range(3):
        began = time.process_time()
        for row, length in zip(log_probs, lengths, strict=True):
            beams = decoder.start(1)
            for frame in list_candidates(row[None, :length], np.array([length])):
                beams.step(frame)
        best = min(best, time.process_time() - began)
    return best / lengths.sum()


def make_decoders(alphabet, arpa, lm):
    """Return the decoders to compare by name; pyctcdecode comes first."""
    import pyctcdecode

    unigrams = lm.words[3:] if lm else None
    decoders = {"pyctcdecode": Theirs(pyctcdecode.build_ctcdecoder, alphabet, arpa, unigrams)}
    try:
        import ctc_beam_decoder

        decoders["C++"] = Theirs(ctc_beam_decoder.build_ctcdecoder, alphabet, arpa, unigrams)
    except ImportError:
        print("ctc-beam-decoder is not installed")
    for batch in (200, 16, 1):
        decoders[f"ours, batch {batch}"] = Ours(alphabet, lm, batch)
    return decoders


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("outputs")
    parser.add_argument("arpa", nargs="?")
    parser.add_argument("--temperature", type=float, default=1.0, help="divides the logits")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--skip", nargs="*", default=[], help="names of decoders to leave out")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    log_probs, lengths, refs, alphabet = read_outputs(
        args.outputs, args.temperature, args.utterances
    )
    lm = NGram.load(args.arpa) if args.arpa else None
    decoders = make_decoders(alphabet, args.arpa, lm)
    decoders = {name: each for name, each in decoders.items() if name not in args.skip}
    print(f"{args.outputs} / {args.temperature:g}, {args.arpa}: {len(lengths)} utterances")
    seconds, texts = {name: [] for name in decoders}, {}
    for _ in range(args.pairs):
        for name, decode in decoders.items():
            began = time.process_time()
            texts[name] = decode(log_probs, lengths)
            seconds[name].append(time.process_time() - began)
    judge = BeamDecoder(alphabet, lm, alpha=ALPHA, beta=BETA)
    theirs = objective(judge, texts["pyctcdecode"], log_probs, lengths)
    for name in decoders:
        ratio = np.median(np.divide(seconds["pyctcdecode"], seconds[name]))
        difference = objective(judge, texts[name], log_probs, lengths) - theirs
        higher, lower = (int((sign * difference > 1e-6).sum()) for sign in (1, -1))
        speed = len(lengths) / np.median(seconds[name])
        print(
            f"  {name:16} {speed:8.1f} utterances/s  x {ratio:5.2f}  "
            f"WER {100 * wer(refs, texts[name]):5.1f} %  "
            f"objective higher {higher}, lower {lower}",
            flush=True,
        )
    cost = fixed_cost(alphabet, lm, log_probs[:40], lengths[:40])
    print(f"  search alone, one utterance, one prefix: {1e6 * cost:.0f} us a frame")


if __name__ == "__main__":
    main()
