import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2np.errors import UserError
from ds2np.text import Alphabet
from ds2np.text.alphabet import ENGLISH


@given(st.text(ENGLISH))
def test_round_trip_up_to_spaces(text):
    alphabet = Alphabet()
    assert alphabet.decode(alphabet.encode(text)) == " ".join(text.split())


def test_numbers_start_after_the_blank():
    alphabet = Alphabet("xy")
    assert len(alphabet) == 3
    assert alphabet.encode("xyx").tolist() == [1, 2, 1]
    assert alphabet.decode([0, 1, 0, 0, 2]) == "xy"


def test_no_text_has_no_labels():
    labels = Alphabet().encode(" ")
    assert (labels.shape, labels.dtype) == ((0,), np.int64)


def test_case_is_folded_where_the_alphabet_has_only_small_letters():
    assert Alphabet("ab").normalise("AbBa") == "abba"
    assert Alphabet("abB").normalise("AbBa") == "abBa"


def test_accents_are_composed():
    decomposed = "cafe\N{COMBINING ACUTE ACCENT}"
    assert Alphabet("acfé").normalise(decomposed) == "café"


def test_all_kinds_of_space_are_one_space():
    assert Alphabet().normalise("\ta \N{NO-BREAK SPACE} b\n") == "a b"


def test_unknown_characters_are_all_listed_once():
    assert Alphabet().unknown("Straße 5, 5!") == ["!", ",", "5", "ß"]


def test_unknown_characters_are_refused_with_their_origin():
    with pytest.raises(UserError) as caught:
        Alphabet().encode("route 66", "train.jsonl:7")
    assert str(caught.value).startswith("train.jsonl:7: '6' in 'route 66'")


def test_a_character_cannot_occur_twice():
    with pytest.raises(UserError, match="'a' twice"):
        Alphabet("abca")


def test_a_large_alphabet_is_named_by_its_first_symbols():
    large = Alphabet(map(chr, range(0x4E00, 0x4E00 + 6000)))
    first = "'一' '丁' '丂' '七' '丄' '丅' '丆' '万'"
    assert str(large) == f"the alphabet of 6,000 symbols ({first} ...)"
    assert str(Alphabet(" ab")) == "the alphabet ' ab'"
    with pytest.raises(UserError) as caught:
        large.encode("a" + "好" * 1000)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("symbols", "change"),
    [
        ("ab", ""),
        ("ba", "has its symbols in another order"),
        ("a", "lacks 'b'"),
        ("abx", "has 'x'"),
        ("xa", "lacks 'b' and has 'x'"),
    ],
)
def test_changes_of_an_alphabet(symbols, change):
    assert Alphabet(symbols).describe_change(Alphabet("ab")) == change
