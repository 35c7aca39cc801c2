"""Bigrams: how the paper cuts words, and that any text can be written and read back."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2np.errors import UserError
from ds2np.text import Alphabet, Bigrams
from ds2np.text.counting import choose_symbols

LETTERS = "abcé"
FEW = Bigrams((" ", *LETTERS, "ab", "ca", "cé"))


def symbols(alphabet, text):
    return [alphabet.symbols[i - 1] for i in alphabet.encode(text)]


def test_words_are_cut_as_in_the_paper():
    alphabet = Bigrams((" ", *"acehst", "th", "ca", "ts", "sa"))
    assert symbols(alphabet, "the cats sat") == ["th", "e", " ", "ca", "ts", " ", "sa", "t"]


def test_a_pair_that_is_no_symbol_is_written_letter_by_letter():
    assert symbols(FEW, "abcb") == ["ab", "c", "b"]
    assert symbols(FEW, "bab") == ["b", "a", "b"]  # "ba", "b": pairs begin at even places


@given(st.text(" " + LETTERS))
def test_round_trip_up_to_spaces(text):
    assert FEW.decode(FEW.encode(text)) == " ".join(text.split())


@given(st.text(" " + LETTERS, max_size=12))
def test_there_are_no_more_symbols_than_letters_and_at_least_half_as_many(text):
    text = " ".join(text.split())
    assert (len(text) + 1) // 2 <= len(FEW.encode(text)) <= len(text)


def test_unknown_characters_are_named():
    assert FEW.unknown("abx y") == ["x", "y"]
    with pytest.raises(UserError, match="'x' 'y' in 'abx y' not in the alphabet"):
        FEW.encode("abx y")


def test_the_most_frequent_symbols_of_transcripts():
    texts = ["abab ca", "ab cb", "é"]
    assert choose_symbols(texts) == ((" ", "a", "b", "c", "é"), 0)
    assert choose_symbols(texts, most=3) == ((" ", "a", "b"), 3)  # c twice, é once
    assert choose_symbols(texts, "bigrams") == ((" ", "a", "b", "c", "é", "ab", "ca", "cb"), 0)
    assert choose_symbols(texts, "bigrams", 6) == ((" ", "a", "b", "c", "é", "ab"), 0)
    assert choose_symbols(["Ab"], lower=True) == (("a", "b"), 0)
    with pytest.raises(UserError, match="4 symbols are fewer than the 5 characters"):
        choose_symbols(texts, "bigrams", 4)


def test_chosen_bigrams_write_their_own_corpus():
    texts = ["the cats sat", "a dog's bone", "odd"]
    chosen, _ = choose_symbols(texts, "bigrams")
    alphabet = Bigrams(chosen)
    for text in texts:
        assert alphabet.decode(alphabet.encode(text)) == text
        assert max(map(len, symbols(alphabet, text))) <= 2
    singles = Alphabet(choose_symbols(texts)[0])
    assert sum(len(alphabet.encode(text)) for text in texts) < sum(
        len(singles.encode(text)) for text in texts
    )
    assert Counter(map(len, chosen)) == {1: len(singles) - 1, 2: len(chosen) - len(singles) + 1}
