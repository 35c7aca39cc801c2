"""Words of scripts with spaces and without: one rule, for text and for symbols."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2np.text import Alphabet, Bigrams
from ds2np.text.words import join_words, split_words, stands_alone

COMMA = "\N{FULLWIDTH COMMA}"
HAN = st.sampled_from(f"我用写的々〇㐀\U00020000{COMMA}。かカー")
ROMAN = st.text("abz09'é.-", min_size=1, max_size=4)
UNITS = st.lists(HAN | ROMAN, max_size=8)


def write(units):
    """Write units as people do: a space between two of Roman letters only."""
    text, before = "", ""
    for unit in units:
        roman = before.isascii() or "é" in before, unit.isascii() or "é" in unit
        text += " " * (before != "" and all(roman)) + unit
        before = unit
    return text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我用python写", ["我", "用", "python", "写"]),
        ("2个iphone", ["2", "个", "iphone"]),
        (f"你好{COMMA}world。", ["你", "好", COMMA, "world", "。"]),
        ("我们 去 学校", ["我", "们", "去", "学", "校"]),
        ("don't be well-known", ["don't", "be", "well-known"]),
        ("カメラを買う", list("カメラを買う")),
        ("안녕 하세요", ["안녕", "하세요"]),
        (" ", []),
    ],
)
def test_words(text, words):
    assert split_words(text) == words


def test_characters_that_stand_alone_are_those_of_scripts_without_spaces():
    alone = ("CJK ", "HIRAGANA ", "KATAKANA ", "BOPOMOFO ")
    never = ("LATIN ", "HANGUL ", "DIGIT ", "FULLWIDTH LATIN ", "FULLWIDTH DIGIT ", "CYRILLIC ")
    for character in filter(str.isalnum, map(chr, (*range(0x10000), *range(0x20000, 0x32000)))):
        name = unicodedata.name(character, "")
        if name.startswith(alone):
            assert stands_alone(character), name
        if name.startswith(never):
            assert not stands_alone(character), name


@given(UNITS)
def test_a_text_has_the_words_that_it_was_made_of(units):
    assert split_words(write(units)) == units


@given(UNITS)
def test_words_are_joined_to_their_text(units):
    text = write(units)
    assert join_words(split_words(text)) == text
    alphabet = Alphabet(sorted(set(text)))
    assert alphabet.join(alphabet.split(text)) == text


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        (["我们去", "", "学校"], "我们去学校"),
        (["", "the cat", "sat", ""], "the cat sat"),
        (["用py", "3", "写", "it"], "用py 3写it"),
        (["the", "", "cat"], "the cat"),
        ([], ""),
    ],
)
def test_texts_are_joined_as_words_are(texts, joined):
    assert join_words(texts) == joined


@given(st.text("我用ab ", max_size=12))
def test_only_spaces_beside_chinese_characters_get_lost(text):
    joined = join_words(split_words(text))
    assert joined.replace(" ", "") == text.replace(" ", "")
    assert join_words(split_words(joined)) == joined
    assert [word for part in text.split() for word in split_words(part)] == split_words(joined)


@given(st.lists(st.sampled_from(["我", "用", "a", "b", " ", "ab", "我用", "b我"]), max_size=10))
def test_words_of_symbols_are_those_of_the_text(symbols):
    """Character by character: which symbol has it, and which word."""
    alphabet = Bigrams((" ", "a", "b", "我", "用", "ab", "我用", "b我"))
    numbers = [1 + alphabet.symbols.index(symbol) for symbol in symbols]
    of_symbol = [i for i, symbol in enumerate(symbols) for _ in symbol]
    text, at = "".join(symbols), 0
    found = alphabet.find_words(numbers)
    for word, first, stop in found:
        at = text.index(word, at)
        assert list(range(first, stop)) == sorted(set(of_symbol[at : at + len(word)]))
        at += len(word)
    assert [word for word, _, _ in found] == split_words(text)


@pytest.mark.parametrize(
    ("symbols", "spaces"),
    [
        (" abc", True),
        ("abc", False),
        ("我用写", False),
        ("我用写 a", False),  # most of it is Mandarin
        (" abcdefg我", True),  # a stray character
        ("가나다 我", True),
        ((" ", "a", "b", "ab"), True),
        (("我", "用", "a", " ", "我用"), False),
    ],
)
def test_errors_are_words_where_spaces_separate_them(symbols, spaces):
    assert Alphabet(symbols).has_spaces == spaces
