"""Reading and writing ARPA files: as others write them, and as they must not be."""

import gzip
import re

import numpy as np
import pytest
from helpers.language_models import (
    ORACLE,
    ngrams_of,
    read_plainly,
    score_plainly,
    text_of,
)

from ds2np.errors import UserError
from ds2np.lm import NGram

GOOD = r"""\data\
ngram 1=5
ngram 2=3
ngram 3=1

\1-grams:
-0.5	<unk>
-99	<s>	-0.3
-0.6	</s>
-0.4	a	-0.25
-0.7	b	-0.1

\2-grams:
-0.3	<s> a	-0.2
-0.2	a b
-0.1	b </s>

\3-grams:
-0.05	<s> a b

\end\
"""


@pytest.fixture
def load(tmp_path):
    def load(text, name="model.arpa", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return NGram.load(path, **options)

    return load


def test_files_of_lmplz_are_read():
    for path in ORACLE.glob("*.arpa.gz"):
        expected = read_plainly(gzip.decompress(path.read_bytes()).decode())
        ours = ngrams_of(NGram.load(path))
        assert ours.keys() == expected.keys()
        for words, values in expected.items():
            assert ours[words] == tuple(np.float32(values))


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_blocks_of_any_size(load, monkeypatch, block):
    expected = ngrams_of(load(GOOD))
    monkeypatch.setattr("ds2np.lm.arpa_source.BLOCK", block)
    assert ngrams_of(load(GOOD)) == expected
    assert ngrams_of(load(GOOD.replace("\n", "\r\n"))) == expected


VARIANTS = {
    "blank lines": (("\n", "\n\n"),),
    "no blank lines": (("\n\n", "\n"),),
    "spaces for tabs": (("\t", " "),),
    "two spaces": (("\t", "  "), ("a b", "a  b")),
    "trailing tabs": (("\n-", "\t\n-"),),
    "CRLF": (("\n", "\r\n"),),
    "spaces about =": (("=", " = "),),
    "spaces in counts": (("ngram ", "ngram  "),),
    "spaces behind headers": (("grams:", "grams: "), ("\\data\\", "\\data\\ ")),
    "text before": (("\\data\\", "made by a program\n\n\\data\\"),),
    "BOM": (("\\data\\", "\ufeff\\data\\"),),
    "upper-case <UNK>": (("<unk>", "<UNK>"),),
    "no end of line": (("\\end\\\n", "\\end\\"),),
    "zero weights": (("a b\n", "a b\t0\n"), ("b </s>", "b </s>\t-0.0")),
    "other order": (("-0.2\ta b\n-0.1\tb </s>\n", "-0.1\tb </s>\n-0.2\ta b\n"),),
    "minus infinity": (("-99", "-inf"),),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_other_ways_to_write_the_same(load, name):
    text = GOOD
    for old, new in VARIANTS[name]:
        assert old in text
        text = text.replace(old, new)
    assert ngrams_of(load(text)) == ngrams_of(load(GOOD))
    assert ngrams_of(load(gzip.compress(text.encode()), "a.gz")) == ngrams_of(load(GOOD))


def test_special_words_that_are_absent_are_told(load):
    told = []
    text = GOOD.replace("-0.5\t<unk>\n", "").replace("1=5", "1=4")
    model = load(text, log=told.append)
    assert len(told) == 1
    assert "lacks <unk>" in told[0]
    assert model.score(["never-seen"])[0] == pytest.approx(-100.3)


def test_missing_contexts_and_suffixes_change_no_score(load, rng):
    """SRILM leaves such files when it prunes; the contexts "c b" and "c b a" are missing here."""
    extra = "\n\\4-grams:\n-0.02\tc b a b\n\n\\end\\"
    text = GOOD.replace("\n\\end\\", extra).replace("3=1", "3=2\nngram 4=1")
    text = text.replace("\\3-grams:\n", "\\3-grams:\n-0.07\tb a a\t-0.4\n")
    text = text.replace("1=5", "1=6").replace("-0.7\tb", "-0.9\tc\t-0.15\n-0.7\tb")
    model = load(text)
    plain = read_plainly(text)
    assert model.counts() == [6, 5, 3, 1]
    added = ngrams_of(model).keys() - plain.keys()
    assert added == {("c", "b"), ("c", "b", "a"), ("b", "a")}
    for _ in range(300):
        words = list(rng.choice(["a", "b", "c", "d"], rng.integers(0, 9)))
        np.testing.assert_allclose(model.score(words), score_plainly(plain, words), atol=1e-6)


def test_a_weight_without_continuation_counts(load):
    """A pruned context may have a weight, though no n-gram continues it."""
    text = GOOD.replace("a b\n\n", "a b\n\n").replace("a b\n-0.1", "a b\t-0.45\n-0.1")
    model = load(text)
    expected = score_plainly(read_plainly(text), ["b", "a", "b", "a"])
    np.testing.assert_allclose(model.score(["b", "a", "b", "a"]), expected, atol=1e-6)
    assert expected[3] == pytest.approx(-0.45 - 0.1 - 0.4)


def test_positive_weights_are_weights(load):
    text = GOOD.replace("-0.25", "0.25")
    expected = score_plainly(read_plainly(text), ["a", "a"])
    np.testing.assert_allclose(load(text).score(["a", "a"]), expected, atol=1e-6)


def test_only_unigrams_and_no_bigrams(load):
    head = (
        "\\data\\\nngram 1=4\n{}\n\\1-grams:\n-1\t<unk>\n-99\t<s>{}\n-1\t</s>\n-0.5\ta\n{}\\end\\\n"
    )
    one = load(head.format("", "", ""))
    assert (one.order, one.score(["a"]).tolist()) == (1, [-0.5, -1])
    two = load(head.format("ngram 2=0\n", "\t-0.5", "\n\\2-grams:\n\n"))
    assert (two.order, two.score(["a"]).tolist()) == (2, [-1, -1])


BAD = {
    "empty": (GOOD, "", "is empty"),
    "no data": ("\\data\\\n", "", r"has no \\data\\ in its"),
    "no counts": ("ngram 1=5\nngram 2=3\nngram 3=1\n", "", r"line 3: expected ngram 1="),
    "counts with a gap": ("ngram 2=3", "ngram 4=3", "line 3: 'ngram 4=3'; expected ngram 2="),
    "no number": ("ngram 2=3", "ngram 2=x", "line 3: 'ngram 2=x'; expected ngram 2="),
    "too few": ("1=5", "1=6", "line 13: the 1-grams end here, after 5; expected 6"),
    "too many": ("2=3", "2=2", "line 18: the 2-grams end here, after 3; expected 2"),
    "swapped": ("\\2-grams", "\\3-grams", r"line 13: .*3-grams:'; expected .2-grams:"),
    "order too many": ("\\3-grams:\n-0.05\t<s> a b\n\n", "", r"expected .3-grams:"),
    "no end": ("\\end\\\n", "", r"ends in line 20, before .end.; it is cut short"),
    "cut in a line": ("> a b\n\n\\end\\\n", "", r"line 19: '-0.05\\t<s': expected a probability"),
    "text after": ("\\end\\\n", "\\end\\\n\nmore\n", r"line 23: 'more' after .end."),
    "positive": ("-0.6", "0.6", "line 9: .*: the log10 probability is not a number up to 0"),
    "nan": ("-0.6", "nan", "line 9: .*: the log10 probability is not a number up to 0"),
    "word for a number": ("-0.6", "x", "line 9: .*: the log10 probability is not a number"),
    "weight nan": ("-0.25", "NaN", "line 10: .*: the back-off weight is not a number"),
    "weight inf": ("-0.25", "inf", "line 10: .*: the back-off weight is not a number"),
    "weight at the top": ("<s> a b\n", "<s> a b\t-1\n", "line 19: .*no 4-gram could use it"),
    "word too many": (
        "a b\n-0.1",
        "a b -0.1 b\n-0.1",
        "line 15: .*expected a probability, 2 words",
    ),
    "words shifted": ("a b\n-0.1\tb", "a b 0 0\n-0.1", "line 15: .*expected a probability, 2"),
    "unknown word": ("a b\n-", "a c\n-", "line 15: .*: 'c' is not among the 1-grams"),
    "duplicate": ("b </s>", "a b", "line 16: the 2-gram 'a b' stands in line 15 already"),
    "duplicate word": ("\tb\t-0.1", "\ta\t-0.1", "line 11: the 1-gram 'a' stands in line 10"),
    "both <unk>": ("\tb\t-0.1", "\t<UNK>", "line 11: the 1-gram '<unk>' stands in line 7"),
    "not UTF-8": ("\tb\t", b"\t\xff\t", r"line 11: .*this is not UTF-8 text"),
    "KenLM's": (GOOD, "mmap lm http://kheafield.com", "is a binary file of KenLM"),
    "no gzip": (GOOD, b"\x1f\x8b\x08", "the compressed file is damaged or cut short"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_the_line(load, tmp_path, name):
    old, new, message = BAD[name]
    new = new if isinstance(new, bytes) else new.encode()
    assert old in GOOD
    with pytest.raises(UserError, match=message) as raised:
        load(GOOD.encode().replace(old.encode(), new, 1))
    assert str(tmp_path / "model.arpa") in str(raised.value)


def test_a_compressed_file_cut_short_is_refused(load):
    data = gzip.compress(GOOD.encode())
    for size in range(2, len(data)):
        with pytest.raises(UserError, match=r"model\.arpa"):
            load(data[:size])


def test_a_file_cut_anywhere_is_refused(load):
    for size in range(len(GOOD) - 2):
        with pytest.raises(UserError, match=r"model\.arpa"):
            load(GOOD[:size])


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"none\.arpa cannot be read"):
        NGram.load(tmp_path / "none.arpa")


@pytest.mark.parametrize("name", ["model.arpa", "model.arpa.gz"])
def test_what_is_written_is_read_again_exactly(tmp_path, name, monkeypatch):
    monkeypatch.setattr("ds2np.lm.arpa_writing.BLOCK", 100)
    model = NGram.train(text_of(), 4, (0, 0, 1), log=None)
    model.save(tmp_path / name)
    again = NGram.load(tmp_path / name)
    assert again.words == model.words
    for array in model.tables.arrays:
        np.testing.assert_array_equal(getattr(again.tables, array), getattr(model.tables, array))
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith("gz") else b"\\d")


@pytest.mark.parametrize("units", ["words", "characters"])
def test_what_is_written_has_the_form_that_kenlm_wants(tmp_path, units):
    """KenLM is stricter than we are: tabs, blank lines, comments only before the head."""
    model = NGram.train(text_of(), 3, units=units, log=None)
    model.save(tmp_path / "model.arpa")
    text = (tmp_path / "model.arpa").read_text()
    counts = model.counts()
    number = r"-?\d+(\.\d+)?(e-\d+)?"
    head = "".join(f"ngram {n}={count}\n" for n, count in enumerate(counts, start=1))
    pattern = r"(#[^\n]*\n)?" + re.escape(f"\\data\\\n{head}")
    for n, count in enumerate(counts, start=1):
        words = r"[^\s]+" + r" [^\s]+" * (n - 1)
        weight = rf"\t{number}" if n < 3 else ""
        pattern += rf"\n\\{n}-grams:\n({number}\t{words}{weight}\n){{{count}}}"
    assert re.fullmatch(pattern + r"\n\\end\\\n", text)
    assert text.startswith("#") == (units == "characters")
    assert read_plainly(text.partition("\n")[2]).keys() == ngrams_of(model).keys()


def test_kenlm_reads_what_is_written(tmp_path):
    kenlm = pytest.importorskip("kenlm", reason="kenlm is not installed: pip install kenlm")
    for units in ("words", "characters"):
        model = NGram.train(text_of(), 4, (0, 0, 1), units=units, log=None)
        model.save(tmp_path / "model.arpa")
        other = kenlm.Model(str(tmp_path / "model.arpa"))
        for words in (*map(model.cut, text_of()), [], ["zz", "the"]):
            expected = [p for p, _, _ in other.full_scores(" ".join(words))]
            np.testing.assert_allclose(model.score(words), expected, atol=3e-6)


def test_the_units_are_known_again(tmp_path, load):
    for lines, space in ((["ab c", "b a"], "|"), (["abc"], "<space>")):
        model = NGram.train(lines, 2, units="characters", space=space, log=None)
        for name in ("model.arpa", "model.arpa.gz", "model.lm"):
            model.save(tmp_path / name)
            again = NGram.load(tmp_path / name)
            assert (again.units, again.space) == ("characters", space)
            assert again.cut("a b") == ["a", space, "b"]
    assert load(GOOD).units == "words"
    assert load(GOOD, units="characters").space == "<space>"
    guessed = load(
        GOOD.replace("\tb\t", "\t<space>\t").replace(" b", " <space>").replace("b <", "<space> <")
    )
    assert guessed.units == "characters"
