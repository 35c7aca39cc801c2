import pytest

from ds2np.text import Alphabet
from ds2np.text.normalise import Normaliser


@pytest.fixture
def normaliser():
    return Normaliser(Alphabet().symbols)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", "hello world"),
        (" it\u2019s  a caf\u00e9 \n", "it's a caf\u00e9".replace("\u00e9", "e")),
        ("well-known \u2014 'quoted'", "well known 'quoted'"),
        ("a ' b '' c", "a b c"),
        ("cafe\u0301 na\u00efve \ufb01ne", "cafe naive fine"),
        ("\u00a0a\tb\u3000c\r\n", "a b c"),
        ("chapter 12", None),
        ("\u4f60\u597d", None),
        ("stra\u00dfe", None),
        ("... -- !", None),
    ],
)
def test_sentences_become_what_the_alphabet_writes(normaliser, text, expected):
    assert normaliser(text) == expected
    assert normaliser(text) == expected
    assert expected is None or normaliser(expected) == expected
    assert expected is None or Alphabet().unknown(expected) == []


@pytest.mark.parametrize(
    ("symbols", "text", "expected", "spaces"),
    [
        ("我们去用写", "我们 去\uff0c用 写\u3002", "我们去用写", 3),
        ("我们去用写py ", "我们 去 用 py py 写", "我们去用py py写", 4),
        ("我们去用写py", "我们 用 Py py", "我们用pypy", 3),
        (" py我", "py py", "py py", 0),
    ],
)
def test_chinese_text_has_no_spaces(symbols, text, expected, spaces):
    normaliser = Normaliser(symbols)
    assert normaliser(text) == expected
    assert (normaliser.spaces, normaliser.sentences) == (spaces, 1)
    assert f"  spaces taken out: {spaces}" in normaliser.report() or not spaces


def test_changes_are_counted(normaliser):
    for text in ("A\u2019B, c, \u00e9", "No 1, no 2", "!", ""):
        normaliser(text)
    assert normaliser.changed["case"] == {"A": 1, "B": 1, "N": 1}
    assert normaliser.changed["sign"] == {",": 3, "!": 1}
    assert normaliser.changed["accent"] == {"\u00e9": 1}
    assert normaliser.changed["apostrophe"] == {"\u2019": 1}
    assert normaliser.changed["unwritable"] == {"1": 1, "2": 1}
    assert (normaliser.sentences, normaliser.left_out, normaliser.empty) == (1, 1, 2)
    report = "\n".join(normaliser.report())
    assert "upper-case letters made lower-case: 3 ('A' 1, 'B' 1, 'N' 1)" in report
    assert "sentences left out because of these: 1" in report
    assert "lines without a word: 2" in report


def test_another_alphabet_keeps_its_letters():
    normaliser = Normaliser(" abcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00fc\u00df")
    assert normaliser("Stra\u00dfe \u00dcber") == "stra\u00dfe \u00fcber"
    assert Normaliser(" AB")("a AB") is None  # it cannot write "a"


def test_pieces_of_text_are_written_without_counting(normaliser):
    assert normaliser.write("Caf\u00e9,") == "cafe"
    assert (normaliser.write("\u2014"), normaliser.write("12")) == ("", None)
    assert normaliser.find_changes("Caf\u00e9 a,") == {"C": "case", "\u00e9": "accent", ",": "sign"}
    assert not any(normaliser.changed.values())
    assert (normaliser.sentences, normaliser.left_out, normaliser.empty) == (0, 0, 0)
