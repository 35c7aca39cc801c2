"""What texts have that is probably not meant: each kind is counted, and its first place named."""

import unicodedata

import pytest

from ds2np.text.characters import (
    MARK,
    list_characters,
    name_character,
    plain_form,
    simplified_and_traditional,
)
from ds2np.text.suspects import SuspectTexts

WIDE_A, WIDE_1, COMPATIBLE, ACUTE = "\uff41", "\uff11", "\uf900", "\u0301"


def sentences(*texts, symbols=None):
    suspects = SuspectTexts(symbols)
    for number, text in enumerate(texts, start=1):
        suspects.notice(text, number)
    return suspects.sentences(lambda number: f"line {number}")


def test_ordinary_texts_have_nothing_suspect():
    assert (
        sentences("the cat", "我用python写", "café", f"cafe{ACUTE}", " a  b\n", "안녕 하세요") == []
    )


def test_characters_that_are_read_as_others():
    (said,) = sentences("一", f"一{COMPATIBLE}", "\N{KELVIN SIGN}" * 2)
    assert said == (
        "characters that Unicode's composed form (NFC) replaces, 3 of them: the first, "
        f"{COMPATIBLE!r} (CJK COMPATIBILITY IDEOGRAPH-F900, U+F900) in line 2, is read as "
        "'豈' (U+8C48)"
    )


def test_full_width_forms():
    (said,) = sentences("我", f"我{WIDE_1}{WIDE_A}", f"{WIDE_A}")
    assert said == (
        "full-width or half-width characters, 3 of them, the first "
        f"{WIDE_1!r} (FULLWIDTH DIGIT ONE, U+FF11, ordinary form '1') in line 2: they are symbols "
        "beside the ordinary ones"
    )


def test_marks_that_do_not_compose():
    (said,) = sentences(f"e{ACUTE}", f"x{ACUTE}x{ACUTE}")
    assert said == (
        "combining marks that compose with no letter, 2 of them, the first COMBINING ACUTE ACCENT "
        "(U+0301) in line 2: each is a symbol beside its letter"
    )


def test_what_cannot_be_seen():
    (said,) = sentences("我\u200b用\ufeff", "a\u200b")
    assert said == (
        "invisible characters, 3 of them, the first ZERO WIDTH SPACE (U+200B) in line 1: each is a "
        "symbol"
    )


def test_traditional_beside_simplified_characters():
    (said,) = sentences("我們", "我们去", "们說話")
    assert said == (
        "traditional beside simplified characters: 3 that only traditional text has, the first "
        "'們' in line 1, and 2 that only simplified text has, the first '们' in line 2; in names "
        "this may be right, all else should be one of the two"
    )


@pytest.mark.parametrize("texts", [("我們說話", "去學校"), ("我们说话", "去学校")])
def test_one_of_the_two_alone_is_ordinary(texts):
    assert sentences(*texts) == []


def test_spaces_beside_chinese_characters():
    (said,) = sentences("我们去学校", "我们 去  学校", "用 python", "a cat")
    assert said == (
        "spaces beside Chinese characters, in 2 of 4 texts, the first '我们 去 学校' in line 2, "
        "which nobody speaks: `data --fix` takes them out, else the network has to write them"
    )
    (said,) = sentences("我 " * 100)
    assert len(said) < 300


def test_what_the_alphabet_lacks_is_refused_elsewhere():
    assert sentences(f"我{WIDE_A} 用x{ACUTE}", symbols="我用x") == []
    assert len(sentences(f"我{WIDE_A} 用x{ACUTE}", symbols=f"我用x{WIDE_A} {ACUTE}")) == 3


def test_the_two_kinds_of_characters():
    """Known pairs, and characters that both kinds of text have."""
    kinds = simplified_and_traditional()
    assert kinds["simplified"] >= set("们门说学两")
    assert kinds["traditional"] >= set("們門說學兩")
    assert not set("我人后里") & (kinds["simplified"] | kinds["traditional"])
    assert not kinds["simplified"] & kinds["traditional"]


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("a", "'a'"),
        ("们", "'们'"),
        ("'", '"\'"'),
        (WIDE_A, f"{WIDE_A!r} (FULLWIDTH LATIN SMALL LETTER A, U+FF41, ordinary form 'a')"),
        (ACUTE, "COMBINING ACUTE ACCENT (U+0301)"),
        ("\u200b", "ZERO WIDTH SPACE (U+200B)"),
        ("\ufeff", "ZERO WIDTH NO-BREAK SPACE (U+FEFF)"),
        ("\x07", "U+0007"),
        (" ", "' '"),
    ],
)
def test_names_of_characters(character, name):
    assert name_character(character) == name


def test_a_long_list_is_cut():
    assert list_characters("abc") == "'a' 'b' 'c'"
    assert list_characters("abcdefghijk") == "'a' 'b' 'c' 'd' 'e' 'f' 'g' 'h' and 3 more"
    assert list_characters(["ab", "c"]) == "'ab' 'c'"


def test_forms_and_marks_are_those_of_unicode():
    for code in range(0x80, 0x10000):
        character = chr(code)
        form, ordinary = unicodedata.decomposition(character), plain_form(character)
        assert (ordinary != character) == form.startswith(("<wide>", "<narrow>")) or code == 0x3000
        if MARK.match(character):
            assert unicodedata.category(character) in ("Mn", "Me", "Cn")
