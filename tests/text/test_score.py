import jiwer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2np.text import cer, wer
from ds2np.text.score import (
    Edits,
    align_characters,
    align_words,
    count_edits,
    count_mistakes,
    mark_differences,
)


def distance(a, b):
    """Count the edits between two sequences, one row of the table at a time."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def splits(ref, hyp):
    """Find all (substitutions, insertions, deletions) with the fewest edits."""
    if not ref or not hyp:
        return {(0, len(hyp), len(ref))}
    further = [
        (splits(ref[1:], hyp[1:]), (int(ref[0] != hyp[0]), 0, 0)),
        (splits(ref, hyp[1:]), (0, 1, 0)),
        (splits(ref[1:], hyp), (0, 0, 1)),
    ]
    found = {tuple(map(sum, zip(s, e, strict=True))) for rest, e in further for s in rest}
    return {split for split in found if sum(split) == min(map(sum, found))}


TEXTS = st.lists(st.sampled_from(["a", "an", "ant", "cat", "tac"]), max_size=5).map(" ".join)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4)


@given(PAIRS)
def test_rates_are_edits_over_the_length_of_all_references(pairs):
    refs, hyps = zip(*pairs, strict=True)
    for rate, units in ((wer, str.split), (cer, list)):
        edits = sum(distance(units(r), units(h)) for r, h in pairs)
        length = sum(len(units(r)) for r in refs)
        expected = edits / length if length else (float("inf") if edits else 0.0)
        assert rate(refs, hyps) == pytest.approx(expected)


def test_known_rates():
    assert wer(["the cat sat"], ["the cats sat down"]) == pytest.approx(2 / 3)
    assert cer(["abcd", "xy"], ["abd", "xyz"]) == pytest.approx(2 / 6)


@pytest.mark.parametrize("rate", [wer, cer])
def test_an_empty_hypothesis_is_all_wrong(rate):
    assert rate(["the cat", "sat"], ["", ""]) == 1


@pytest.mark.parametrize("rate", [wer, cer])
def test_nothing_said(rate):
    assert rate([], []) == 0
    assert rate([""], [""]) == 0
    assert rate([""], ["noise"]) == float("inf")
    assert rate(["", "cat"], ["", "cat"]) == 0


@pytest.mark.parametrize("rate", [wer, cer])
def test_unequal_numbers_of_references_and_hypotheses_are_refused(rate):
    with pytest.raises(ValueError, match="2 references and 1 hypotheses"):
        rate(["a", "b"], ["a"])


@pytest.mark.parametrize("rate", [wer, cer])
@pytest.mark.parametrize(
    ("refs", "hyps", "message"),
    [
        ("a b", "a c", "expected a list of references, got str"),
        (["a b"], "a", "expected a list of hypotheses, got str"),
        (b"a b", ["a b"], "expected a list of references, got bytes"),
        ({"a b"}, ["a b"], "expected a list of references, got set"),
        (["a"], {"a": "b"}, "expected a list of hypotheses, got dict"),
        (None, ["a"], "expected a list of references, got NoneType"),
        (3, ["a"], "expected a list of references, got int"),
        (["a", None], ["a", "b"], "reference 2 is None, expected a text"),
        (["a", "b"], ["a", float("nan")], "hypothesis 2 is nan, expected a text"),
        ([1], ["1"], "reference 1 is 1, expected a text"),
        ([["a", "b"]], ["a b"], r"reference 1 is \['a', 'b'\], expected a text"),
        ([b"a"], ["a"], "reference 1 is b'a', expected a text"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(rate, refs, hyps, message):
    with pytest.raises(ValueError, match=message):
        rate(refs, hyps)


@pytest.mark.parametrize("kind", [list, tuple, iter, np.array])
def test_texts_may_be_any_iterable(kind):
    refs, hyps = ["a b", "c"], ["a c", "c"]
    assert wer(kind(refs), kind(hyps)) == pytest.approx(1 / 3)
    assert cer(kind(refs), kind(hyps)) == pytest.approx(1 / 4)


@pytest.mark.parametrize("space", ["\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2009", "  ", " \t "])
def test_any_white_space_separates_words_and_counts_as_one_space(space):
    text = f"{space}the{space}cat{space}"
    assert align_words([text], ["the cat"]) == [[("the", "the"), ("cat", "cat")]]
    assert wer([text], ["the cat"]) == cer([text], ["the cat"]) == 0
    assert wer(["the cat"], [text]) == cer(["the cat"], [text]) == 0
    assert cer([text], ["thecat"]) == pytest.approx(1 / 7)


@given(PAIRS)
def test_rates_are_those_of_jiwer_where_there_is_something_to_say(pairs):
    """Up to the empty reference: jiwer then returns the number of edits."""
    refs, hyps = map(list, zip(*pairs, strict=True))
    if any(refs):
        assert wer(refs, hyps) == pytest.approx(jiwer.wer(refs, hyps))
        assert cer(refs, hyps) == pytest.approx(jiwer.cer(refs, hyps))
    elif any(hyps):
        assert wer(refs, hyps) == cer(refs, hyps) == float("inf")
        assert jiwer.wer(refs, hyps) == sum(len(hyp.split()) for hyp in hyps)


@given(PAIRS)
def test_an_alignment_has_all_units_in_order(pairs):
    refs, hyps = zip(*pairs, strict=True)
    for align, units in ((align_words, str.split), (align_characters, list)):
        alignments = align(refs, hyps)
        for ref, hyp, alignment in zip(refs, hyps, alignments, strict=True):
            assert (None, None) not in alignment
            assert [said for said, _ in alignment if said is not None] == units(ref)
            assert [heard for _, heard in alignment if heard is not None] == units(hyp)


WORDS = st.lists(st.sampled_from("abc"), max_size=5)


@given(WORDS, WORDS)
def test_edits_are_split_as_the_fewest_edits_can_be(ref, hyp):
    edits = count_edits(align_words([" ".join(ref)], [" ".join(hyp)]))
    assert (edits.substitutions, edits.insertions, edits.deletions) in splits(ref, hyp)
    assert (edits.total, edits.length) == (distance(ref, hyp), len(ref))


def test_known_edits_and_their_shares():
    edits = count_edits(align_words(["the cat sat", "on it"], ["the bat", "sat on it too"]))
    assert edits == Edits(substitutions=1, insertions=2, deletions=1, length=5)
    assert (edits.rate, edits.share(edits.insertions)) == (4 / 5, 2 / 5)
    edits = count_edits(align_characters(["a b", ""], ["ab", ""]))
    assert edits == Edits(substitutions=0, insertions=0, deletions=1, length=3)  # the space


def test_no_utterance_has_no_edits():
    for align in (align_words, align_characters):
        assert align([], []) == []
    assert count_edits([]) == Edits(0, 0, 0, 0)


def test_mistakes_are_counted_over_all_utterances():
    confused, missed, inserted = count_mistakes(
        align_words(
            ["the cat sat", "a cat ran", "the mat", "", "the"],
            ["the bat sat", "now a bat ran", "mat", "now", ""],
        )
    )
    assert confused == {("cat", "bat"): 2}
    assert missed == {"the": 2}
    assert inserted == {"now": 2}


@pytest.mark.parametrize(
    ("ref", "hyp", "marked"),
    [
        ("the cat sat", "the cat sat", "the cat sat"),
        ("the cat sat", "the bat sat", "the [cat -> bat] sat"),
        ("a cat has sat on it", "a cat sat on it now", "a cat [- has] sat on it [+ now]"),
        ("", "noise", "[+ noise]"),
        ("word", "", "[- word]"),
        ("", "", ""),
        ("我 用 py 3 写", "我 有 py 写", "我[用 -> 有]py [- 3]写"),
    ],
)
def test_differences_are_marked_in_place(ref, hyp, marked):
    assert mark_differences(align_words([ref], [hyp])[0]) == marked
