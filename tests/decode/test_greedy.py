from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2np.decode import greedy_decode
from ds2np.decode.greedy import collapse
from ds2np.text import Alphabet

ALPHABET = Alphabet(" ab")


def scores(path):
    """Make log probabilities whose best symbols are a path, written with - for the blank."""
    symbols = [("-" + ALPHABET.characters).index(c) for c in path]
    return np.log(np.full((len(path), len(ALPHABET)), 0.1) + 0.6 * np.eye(len(ALPHABET))[symbols])


def read(*paths, lengths=None):
    log_probs = np.stack([scores(path) for path in paths])
    return greedy_decode(log_probs, lengths or [len(path) for path in paths], ALPHABET)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("aa-bb-b", "abb"),
        ("-------", ""),
        ("aaaaaaa", "a"),
        ("a-aa--a", "aaa"),
        ("-ab--ba", "abba"),
    ],
)
def test_repeats_are_merged_before_blanks_are_dropped(path, text):
    assert read(path) == [text]


@given(st.lists(st.integers(0, 3)))
def test_collapse_is_groupby_without_blanks(path):
    assert collapse(np.array(path, int)) == [s for s, _ in groupby(path) if s != 0]


def test_what_lies_behind_the_length_is_not_read():
    assert read("ab-ab", "ba-ba", "-----", lengths=[2, 5, 0]) == ["ab", "baba", ""]


def test_spaces_are_single_and_inside():
    assert read(" a -  b- ") == ["a b"]
