"""Cases of other programs' test suites: scores, and files that readers accept or refuse.

Where readers disagree, ours is named here, with the reason.
"""

import math
import re
from collections import Counter

import numpy as np
import pytest
from helpers.shared import DECODING, decoding_cases

from ds2np.errors import UserError
from ds2np.lm import NGram

DATA = decoding_cases()
CASES = [case for case in DATA["cases"] if case["kind"] in ("lm_score", "arpa_format")]

# Files that KenLM refuses and we read: what they say is clear.
READ = {
    "arpa-text-before-data": "other programs write what they like there",
    "arpa-count-space-around-equals": "some programs write it so",
    "arpa-no-blank-lines": "blank lines only separate",
    "arpa-spaces-for-tabs": "SRILM's format has any white space",
    "arpa-header-trailing-space": "white space only separates",
    "arpa-trigram-without-its-bigram": "a context that is absent has no back-off weight",
    "arpa-only-unigrams": "a unigram model is a model",
}
# Files that KenLM reads and we refuse.
REFUSED = {"arpa-duplicate-bigram": "which of two probabilities holds is a guess"}

# Cases of scores that are of no use here, and why.
OTHER = {
    "harald-char-bigram": "relative frequencies without smoothing: not Kneser-Ney",
    "fl-lm-sentence": "its model is not part of the cases",
}

pytestmark = pytest.mark.skipif(not CASES, reason=f"there is no {DECODING}; set DS2NP_SHARED")


def arpa_of(name):
    """Write one of the small models of the cases as an ARPA file."""
    model = DATA["lms"][name]
    left_out = {}
    if "without" in model:
        left_out, model = model["without"], DATA["lms"]["kenlm_test"]
    orders = model.get("ngrams") or model["natural_log"]
    lines = ["\\data\\"]
    orders = {n: [g for g in grams if g not in left_out.get(n, [])] for n, grams in orders.items()}
    lines += [f"ngram {n}={len(grams)}" for n, grams in orders.items()]
    for n, grams in orders.items():
        lines += ["", f"\\{n}-grams:"]
        for gram in grams:
            if isinstance(gram[0], str):  # such as "ln 0.5"
                gram = [math.log10(float(gram[0].split()[1])), *gram[1:]]
            lines.append("\t".join(map(str, gram)))
    return "\n".join([*lines, "", "\\end\\", ""])


def load(tmp_path, text):
    path = tmp_path / "case.arpa"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return NGram.load(path, log=None)


def score(model, words, start="<s>"):
    """Return log10 of each word, without the end, after <s> or nothing."""
    state, scores = np.array([model.begin if start == "<s>" else 0]), []
    for number in model.encode(words):
        logp, state = model.score_pairs(state, np.array([number]))
        scores.append(float(logp[0]))
    return scores


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["kind"] == "lm_score"], ids=lambda case: case["id"]
)
def test_scores(case, tmp_path):
    if case["id"] in OTHER:
        pytest.skip(OTHER[case["id"]])
    model, expect = load(tmp_path, arpa_of(case["lm"])), case["expect"]
    words = case.get("sentence", "").split()
    near = {"abs": 2e-5}  # as many digits as the cases have
    used = set()

    def check(key, value):
        used.add(key)
        assert value == pytest.approx(expect[key], **near)

    if "words" in expect:
        listed = [word for word, _, _ in expect["words"]]
        scores = score(model, listed, case["start"])
        assert scores == pytest.approx([p for _, _, p in expect["words"]], **near)
        used |= {"words", "columns"}
        check("log10_total", sum(scores))
    if "with_s_and_end" in expect:
        expected = [p for p, _, _ in expect["with_s_and_end"]]
        assert model.score(words).tolist() == pytest.approx(expected, **near)
        used |= {"with_s_and_end"}
        check("log10_total", sum(expected))
        check("without_s_and_end_total", sum(score(model, words, "")))
    if "log10_with_s_and_end" in expect:
        check("log10_with_s_and_end", model.score(words).sum())
        check("log10_with_s", sum(score(model, words)))
        check("log10_bare", sum(score(model, words, "")))
    if "log10" in expect:
        check("log10", model.score(words).sum())
        used |= {"negative_natural_log"}
        near = {"abs": 5e-4}
        check("negative_natural_log", -model.score(words).sum() * math.log(10))
    if "order" in expect:
        check("order", model.order)
        check("log10 UnladenSwallow", score(model, ["UnladenSwallow"], "")[0])
        used |= {"log10 of ''"}  # "" is no word: nobody can ask for it in a sentence
    if "natural_log" in expect:
        found = score(model, [*case["context"], case["word"]], "")[-1] * math.log(10)
        if expect["natural_log"] == "-inf":  # no <unk>: KenLM's -100 instead of no probability
            expect = {"natural_log": -100 * math.log(10)}
        check("natural_log", found)
    assert used == expect.keys()


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["kind"] == "arpa_format"], ids=lambda case: case["id"]
)
def test_files(case, tmp_path):
    text = "".join(line + "\n" for line in case["lines"])
    ends = case["line_end"].encode().decode("unicode_escape")
    text = text.replace("\n", ends)
    kenlm = case["expect"]["kenlm 0.3.0"]
    reads = kenlm.startswith("read")
    assert not (reads and case["id"] in READ), "KenLM reads it: nothing to explain"
    assert not (not reads and case["id"] in REFUSED)
    if case["id"] in REFUSED or (not reads and case["id"] not in READ):
        with pytest.raises(UserError, match=r"case\.arpa"):
            load(tmp_path, text)
        return
    model = load(tmp_path, text)
    assert np.isfinite(model.score(["a", "b", "c"])).all()
    if "log10 of 'a b'" in case["expect"]:
        total = model.score(["a", "b"]).sum()
        assert total == pytest.approx(case["expect"]["log10 of 'a b'"], abs=2e-5)


def test_all_exceptions_are_cases():
    known = Counter(case["id"] for case in CASES)
    assert {*READ, *REFUSED, *OTHER} <= set(known)
    assert all(re.fullmatch(r"[\w' -]+", name) for name in known)
