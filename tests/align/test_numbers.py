"""Numbers as words, which are num2words' own; those of Mandarin and Rome are read back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import CONVERTER_CLASSES

from ds2np.align.mandarin import spell_positional
from ds2np.align.numbers import make_numbers, read_roman
from ds2np.align.numerals import bare
from ds2np.errors import UserError

ENGLISH = make_numbers("en")
MANDARIN = make_numbers("zh")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,446", "one thousand four hundred and forty six"),
        ("1066", "one thousand and sixty six"),
        ("2001", "two thousand and one"),
        ("1846", "eighteen forty six"),
        ("1905,", "nineteen oh five"),
        ("(1100)", "eleven hundred"),
        ("1999", "nineteen ninety nine"),
        ("1840s", "eighteen forties"),
        ("1860\u2019s", "eighteen sixties"),
        ("'60s", "sixties"),
        ("007", "zero zero seven"),
        (
            "1234567890123456",
            "one two three four five six seven eight nine zero " + "one two three four five six",
        ),
        ("3.14", "three point one four"),
        ("3.10", "three point one zero"),
        (".5", "point five"),
        ("7.", "seven"),
        ("3rd", "third"),
        ("21ST", "twenty first"),
        ("1,000th", "one thousandth"),
        ("1/2", "one half"),
        ("3/2", "three halves"),
        ("3/4", "three quarters"),
        ("1/3", "one third"),
        ("2/5", "two fifths"),
        ("1/0", "one over zero"),
        ("\u00bd", "a half"),
        ("2\u00bd", "two and a half"),
        ("$5", "five dollars"),
        ("$1", "one dollar"),
        ("\u00a35", "five pounds"),
        ("\u20ac5", "five euros"),
        ("5\u20ac", "five euros"),
        ("\u00a35.50", "five pounds fifty pence"),
        ("$1.01", "one dollar one cent"),
        ("$0.99", "ninety nine cents"),
        ("$1,500.00", "one thousand five hundred dollars"),
        ("$1500", "one thousand five hundred dollars"),
        ("$0.00", "zero dollars"),
        ("$1.5", "one point five dollars"),
        ("5%", "five percent"),
        ("2.5%,", "two point five percent"),
        ("20\u00b0", "twenty degrees"),
        ("-5", "minus five"),
        ("\u22125", "minus five"),
        ("-$5", "minus five dollars"),
        ("10:30", "ten thirty"),
        ("10:05", "ten oh five"),
        ("10:00", "ten o'clock"),
        ("10:30am", "ten thirty am"),
        ("5-7", "five to seven"),
        ("1914\u20131918", "nineteen fourteen to nineteen eighteen"),
        ("1914--1918", "nineteen fourteen to nineteen eighteen"),
        ("5%-7%", "five percent to seven percent"),
        ("2020-01-05", "two thousand and twenty zero one zero five"),
        ("#7", "number seven"),
        ("\u21167", "number seven"),
        ("&", "and"),
        ("&c.", "et cetera"),
        ("AT&T", "at and t"),
        ("B12", "b twelve"),
        ("R2D2", "r two d two"),
        ("5-year-old", "five year old"),
        ("%", "percent"),
        ("#", None),
        ("word", None),
        ("I", None),
        ("XII", None),
        ("million", None),
        ("\u2014", None),
    ],
)
def test_english(text, expected):
    assert ENGLISH.spell(text) == expected
    assert expected is None or ENGLISH.concern(text)


@pytest.mark.parametrize(
    ("before", "text", "after", "heading", "expected"),
    [
        ("", "No.", "7", False, "number"),
        ("", "Nos.", "(7", False, "numbers"),
        ("LETTER", "NO.", "7", True, "number"),
        ("", "NOS.", "7", False, "numbers"),
        ("is", "no.", "7", False, None),
        ("", "No.", "He", False, None),
        ("No", "No", "7", False, None),
        ("for", "$5", "million,", False, "five"),
        ("$5", "million,", "men", False, "million dollars"),
        ("five", "million", "men", False, None),
        ("CHAPTER", "IV.", "The", True, "four"),
        ("Act", "ii,", "scene", False, "two"),
        ("chapter", "xlix", "", False, "forty nine"),
        ("Book", "I", "", True, "one"),
        ("part", "I", "played", False, None),
        ("part", "i.", "of", False, "one"),
        ("Section", "C", "of", False, None),
        ("Volume", "civil", "of", False, None),
        ("Volume", "Iv", "of", False, None),
        ("Henry", "VIII", "of", False, None),
        ("", "XII", "", True, "twelve"),
        ("", "XII", "", False, None),
        ("", "IV.", "The", True, "four"),
        ("", "II.\u2014", "The", True, "two"),
        ("", "II\u2014", "The", True, "two"),
        ("", "I", "am", True, None),
        ("", "I", "", True, "one"),
        ("", "I.", "The", True, "one"),
        ("", "I\u2014", "I", True, None),
        ("", "\u201cI.", "am", True, None),
        ("The", "IV.", "", True, None),
        ("", "L.", "Baum", True, None),
    ],
)
def test_neighbours_decide(before, text, after, heading, expected):
    assert ENGLISH.spell(text, before, after, heading) == expected
    assert expected is None or ENGLISH.concern(text)


@given(st.text("0123456789,.$\u00a3\u20ac%:/-\u2013\u00bd#&stndrh' A", max_size=12))
def test_english_is_small_letters_and_spaces(text):
    words = ENGLISH.spell(text.replace(" ", ""))
    assert words is None or set(words) <= set("abcdefghijklmnopqrstuvwxyz' ")
    assert words is None or " ".join(words.split()) == words


def test_roman_numerals():
    """Against numerals built from a table of their digits."""
    tens = ["", "x", "xx", "xxx", "xl", "l", "lx", "lxx", "lxxx", "xc"]
    ones = ["", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"]
    rows = itertools.product(["", "c", "cc", "ccc"], tens, ones)
    numerals = ["".join(row) for row in rows]
    for value, numeral in enumerate(numerals):
        expected = 0 if numeral in ("c", "l") else value
        assert read_roman(numeral) == read_roman(numeral.upper()) == expected
    for letters in itertools.product("ivxlc", repeat=4):
        text = "".join(letters)
        assert read_roman(text) == (numerals.index(text) if text in numerals else 0)
    assert read_roman("Iv") == read_roman("mix") == read_roman("d") == 0


def read_mandarin(text):
    """Read a positional number back, from the left."""
    digits, places = "零一二三四五六七八九", {"十": 10, "百": 100, "千": 1000}
    total = below = digit = 0
    for character in text:
        if character == "万":
            total, below, digit = (below + digit) * 10_000, 0, 0
        elif character in places:
            # Only at the beginning a ten has no digit.
            assert digit or (character == "十" and text[0] == "十")
            below, digit = below + (digit or 1) * places[character], 0
        else:
            digit = digits.index(character)
    return total + below + digit


@given(st.integers(0, 10**8 - 1))
def test_mandarin_reads_back(number):
    words = spell_positional(number)
    assert read_mandarin(words) == number
    assert "零零" not in words
    assert number == 0 or not words.endswith("零")


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("1984", "年", "一九八四"),
        ("1984", "", "一千九百八十四"),
        ("12", "", "十二"),
        ("110", "", "一百一十"),
        ("10,050", "", "一万零五十"),
        ("100500", "", "十万零五百"),
        ("12005", "", "一万二千零五"),
        ("10999", "", "一万零九百九十九"),
        ("11000", "", "一万一千"),
        ("100000000", "", "一零零零零零零零零"),
        ("007", "", "零零七"),
        ("3.14", "", "三点一四"),
        ("1/2", "", "二分之一"),
        ("-5", "", "负五"),
        ("5%", "", "百分之五"),
        ("5", "\uff05", "百分之五"),
        ("\uff11\uff12", "", "十二"),
        ("20\u00b0", "", "二十度"),
        ("$5", "", "五美元"),
        ("10:30", "", "十点三十分"),
        ("10:05", "", "十点零五分"),
        ("10:00", "", "十点"),
        ("5-7", "", "五到七"),
        ("B12", "", "b十二"),
        ("R&D", "", "r和d"),
        ("\u00bd", "", "二分之一"),
        ("python", "", None),
    ],
)
def test_mandarin(text, after, expected):
    assert MANDARIN.spell(text, "", after) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "1846", "achtzehnhundertsechsundvierzig"),
        ("de", "1.446", "eintausendvierhundertsechsundvierzig"),
        ("de", "3,5", "drei komma fünf"),
        ("fr", "46", "quarante six"),
        ("fr", "1846", "mille huit cent quarante six"),
        ("en_IN", "100,000", "one lakh"),
        ("de", "B12", "b zwölf"),
        ("de", "5%", ""),
        ("de", "&", ""),
        ("de", "1/2", ""),
        ("de", "10:30", "zehn dreißig"),
        ("de", "XII", None),
    ],
)
def test_other_languages(language, text, expected):
    assert make_numbers(language).spell(text) == expected


@pytest.mark.parametrize("language", sorted({*CONVERTER_CLASSES, "zh"}))
def test_every_language_spells_or_says_that_it_cannot(language):
    numbers = make_numbers(language)
    assert numbers.spell("7")
    for text in ("0", "1846", "3.5", "3,5", "$5.50", "5%", "10:30", "1/2", "B12", "5-7", "007"):
        assert isinstance(numbers.spell(text), str)


def test_an_unknown_language_names_the_choices():
    with pytest.raises(UserError, match=r"language 'tlh'; choose of .*de, .*zh") as error:
        make_numbers("tlh")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("($5),", "$5"),
        ("\u201c_x_\u201d", "x"),
        ("\u2014", ""),
        ("#7:", "#7"),
        ("##", ""),
        ("5%.", "5%"),
    ],
)
def test_punctuation_is_taken_off(text, core):
    assert bare(text) == core
