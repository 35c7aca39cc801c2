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
    ],
)
def test_differences_are_marked_in_place(ref, hyp, marked):
    assert mark_differences(align_words([ref], [hyp])[0]) == marked
