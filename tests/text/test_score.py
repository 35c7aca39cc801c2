import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2np.text import cer, wer


def distance(a, b):
    """Count the edits between two sequences, one row of the table at a time."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


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
def test_as_many_hypotheses_as_references_are_needed(rate):
    with pytest.raises(ValueError, match="2 references and 1 hypotheses"):
        rate(["a", "b"], ["a"])
