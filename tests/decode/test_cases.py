"""Cases of other decoders, where they are at hand: texts, exact probabilities, word frames.

Where another decoder prunes, its text may be worse than ours. Then ours must have the higher exact
score, and `DIFFERENT` says why.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
from helpers.shared import DECODING, decoding_cases

from ds2np.decode import BeamDecoder, greedy_decode
from ds2np.decode.texts import exact_log_probs
from ds2np.lm import NGram
from ds2np.text import Alphabet

DATA = decoding_cases()

DIFFERENT = {
    "cd-seq1-two-calls": "theirs looks at a beam of 20 with pruned scores",
    "cd-seq2-lm": "for us ' a' and 'a ' are the text 'a', which is more probable then",
    "cmu-beam-0": "theirs has a beam of 2 and merges paths only at the end",
    "cmu-beam-1": "theirs has a beam of 3 and merges paths only at the end",
    "cmu-beam-2": "theirs has a beam of 3 and merges paths only at the end",
    "py-stream-hotword": "theirs takes other phrases for each piece; ours keeps one set",
    "py-stream-hotword-dropped": "theirs takes other phrases for each piece; ours keeps one set",
}


def matrix(case):
    """Return the log-probabilities of a case with the blank first, and the alphabet."""
    rows = case.get("probs", case.get("logits"))
    if "symbols_per_frame" in case:
        rows = [[float(a == b) for a in case["alphabet"]] for b in case["symbols_per_frame"]]
    elif isinstance(rows, str):
        rows = DATA["matrices"].get(rows)
    if not isinstance(rows, list) or "blank" not in case:
        return None, None
    blank = case["blank"]
    columns = [blank, *(i for i in range(len(case["alphabet"])) if i != blank)]
    x = np.array(rows, float)[:, columns]
    log_probs = x if "logits" in case else np.log(np.maximum(x, 1e-15))
    log_probs = log_probs - np.log(np.exp(log_probs).sum(axis=1, keepdims=True))
    return log_probs, Alphabet([case["alphabet"][i] for i in columns[1:]])


def read_model(case, folder):
    """Write the language model of a case as an ARPA file, and read it."""
    if not case.get("lm"):
        return None
    grams = DATA["lms"][case["lm"]]["ngrams"]
    lines = ["\\data\\", *(f"ngram {n}={len(rows)}" for n, rows in grams.items())]
    for n, rows in grams.items():
        lines += ["", f"\\{n}-grams:", *("\t".join(map(str, row)) for row in rows)]
    path = folder / "model.arpa"
    path.write_text("\n".join([*lines, "", "\\end\\", ""]), encoding="utf-8")
    return NGram.load(path)


def make_decoder(case, folder, **options):
    params = case["params"]
    options |= {name: params[name] for name in ("alpha", "beta") if name in params}
    if "unk_score_offset" in params:
        options["unknown"] = params["unk_score_offset"]
    if "hotwords" in params:  # nats for each word
        weight = math.exp(params.get("hotword_weight", 10))
        options["phrases"] = dict.fromkeys(params["hotwords"], weight)
    lm = read_model(case, folder)
    closed = lm is not None and "lexicon" in params
    return BeamDecoder(matrix(case)[1], lm, closed_vocabulary=closed, **options)


def cases(*kinds):
    found = [c for c in DATA["cases"] if c["kind"] in kinds and (matrix(c)[0] is not None)]
    if not found:
        reason = f"the cases are not there: {DECODING}; set DS2NP_SHARED"
        return pytest.mark.parametrize("case", [pytest.param({}, marks=pytest.mark.skip(reason))])
    return pytest.mark.parametrize("case", found, ids=lambda case: case["id"])


def total(decoder, text, log_probs):
    """Compute the exact score of a text."""
    labels = [decoder.alphabet.encode(text).tolist()] if text else [[]]
    T = np.array([len(log_probs)])
    (p,) = exact_log_probs(log_probs[None], T, np.array([0]), labels, decoder.space)
    return p + (decoder.scorer.score_texts([text])[0] if decoder.scorer else 0.0)


@cases("beam", "nbest", "stream", "timesteps")
def test_texts_of_other_decoders(case, tmp_path):
    log_probs, _ = matrix(case)
    decoder = make_decoder(case, tmp_path)
    ((best,),) = decoder.decode(log_probs[None], [len(log_probs)])
    if "bpe" in case["id"]:
        pytest.skip("its alphabet writes no spaces, and a plain Alphabet cuts no subwords")
    assert best.score == pytest.approx(total(decoder, best.text, log_probs), abs=1e-9)
    theirs = case["expect"].get("text")
    if theirs is None:
        return
    assert (theirs == best.text) == (case["id"] not in DIFFERENT)
    assert best.score >= total(decoder, theirs, log_probs) - 1e-9
    frames = case["expect"].get("frames")
    if frames:
        assert [[w.text, [w.start, w.end]] for w in best.words] == frames


@cases("beam", "nbest")
def test_scores_and_frames_of_n_best_lists(case, tmp_path):
    log_probs, _ = matrix(case)
    decoder = make_decoder(case, tmp_path, n_best=50, threshold=100)
    (found,) = decoder.decode(log_probs[None], [len(log_probs)])
    found = {h.text: h for h in found}
    for theirs in case["expect"].get("nbest", case["expect"].get("best", [])):
        if isinstance(theirs, dict):
            ours = found[theirs["text"]]
            assert ours.acoustic == pytest.approx(theirs["logit_score"], abs=1e-5)
            words = [(w.text, [w.start, w.end]) for w in ours.words]
            assert words == [(text, frames) for text, frames in theirs["frames"]]


@cases("beam", "nbest")
def test_probabilities_by_enumeration(case, tmp_path):
    log_probs, alphabet = matrix(case)
    decoder = make_decoder(case, tmp_path)
    expect = case["expect"]
    for name in ("exact_top5", "exact", "exact_top4_within_the_lexicon_without_LM"):
        for text, p in expect.get(name, []):
            labels = [alphabet.encode(text).tolist()]
            T = np.array([len(log_probs)])
            (ours,) = exact_log_probs(log_probs[None], T, np.array([0]), labels, 0)
            assert math.exp(ours) == pytest.approx(p, rel=1e-3), text  # every space counts here
    for numbers, log_p in expect.get("exact_top3", []):
        text = "".join(map(str, numbers))
        assert total(decoder, text, log_probs) == pytest.approx(log_p, abs=1e-5)


@cases("stream")
def test_pieces_give_the_whole(case, tmp_path):
    log_probs, _ = matrix(case)
    decoder = make_decoder(case, tmp_path)
    stream = decoder.stream()
    cuts = case["params"].get("cuts", [0, 1, len(log_probs)])
    for start, stop in pairwise(cuts):
        stream.push(log_probs[start:stop])
    assert stream.finish() == decoder.decode(log_probs[None], [len(log_probs)])[0][0]


@cases("greedy")
def test_greedy_texts(case):
    log_probs, alphabet = matrix(case)
    (text,) = greedy_decode(log_probs[None], [len(log_probs)], alphabet)
    symbols = case["expect"].get("symbols")
    assert text == case["expect"].get("text", symbols and "".join(map(str, symbols)))
