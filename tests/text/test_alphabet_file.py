"""Files of alphabets: written, read back, and refused."""

import pytest

from ds2np.errors import UserError
from ds2np.text import ALPHABETS
from ds2np.text.alphabet_file import LONGEST, format_alphabet, read_alphabet

ACUTE = "\N{COMBINING ACUTE ACCENT}"
HEADER = "# ds2np alphabet, version 1, "


@pytest.mark.parametrize(
    ("symbols", "units"),
    [(" 'abc", "characters"), ("#你好a", "characters"), ((" ", "a", "b", "ab"), "bigrams")],
)
@pytest.mark.parametrize("change", [str, lambda text: "\ufeff" + text.replace("\n", "\r\n")])
def test_what_is_written_is_read(tmp_path, symbols, units, change):
    path = tmp_path / "alphabet.txt"
    path.write_text(change(format_alphabet(symbols, units)), encoding="utf-8", newline="")
    assert read_alphabet(path) == (symbols, units)


@pytest.mark.parametrize("content", [" abc", "#ab", '" abc"', '"'])
def test_all_characters_in_one_line(tmp_path, content):
    path = tmp_path / "alphabet.txt"
    path.write_text(content + "\n")
    symbols = content.strip('"') if len(content) > 1 else content
    assert read_alphabet(path) == (symbols, "characters")


def test_signs_of_scripts_that_do_not_compose_are_letters(tmp_path):
    path, thai = tmp_path / "alphabet.txt", "ส\N{THAI CHARACTER SARA U}"
    path.write_text(format_alphabet(thai), encoding="utf-8")
    assert read_alphabet(path) == (thai, "characters")


def test_another_encoding_is_refused(tmp_path):
    path = tmp_path / "alphabet.txt"
    path.write_text(format_alphabet("我"), encoding="utf-16")
    with pytest.raises(UserError, match=r"alphabet.txt is not UTF-8 text; expected a symbol in"):
        read_alphabet(path)


def test_every_kind_of_alphabet_has_a_file():
    assert set(LONGEST) == set(ALPHABETS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEADER}characters\na\n\nb\n", "line 3: expected a symbol, <space> for a space"),
        (f"{HEADER}characters\na\nb\na\n", "line 4: 'a' for the second time, before in line 2"),
        (f"{HEADER}characters\nab\n", "line 2: 'ab' has 2 characters, but symbols of characters"),
        (f"{HEADER}bigrams\na\nab\n", "line 3: 'ab' has 'b', which is no symbol alone"),
        (f"{HEADER}bigrams\na\nabc\n", "line 3: 'abc' has 3 characters"),
        (
            f"{HEADER}characters\n\N{ANGSTROM SIGN}\n",
            "line 2: '\N{ANGSTROM SIGN}' (ANGSTROM SIGN, U+212B) is read as 'Å' (U+00C5), as all "
            "text is in Unicode's composed form (NFC); write that",
        ),
        (f"{HEADER}characters\na\n\uf900\n", "line 3: '\uf900' (CJK COMPATIBILITY IDEOGRAPH"),
        (f"{HEADER}bigrams\ne\n{ACUTE}\n", "line 3: COMBINING ACUTE ACCENT (U+0301) is no sym"),
        (f"{HEADER}bigrams\ne\ne{ACUTE}\n", "'e' and COMBINING ACUTE ACCENT (U+0301) are read as"),
        (f"{HEADER}bigrams\nx\nx{ACUTE}\n", "line 3: COMBINING ACUTE ACCENT (U+0301) is no sym"),
        (f"{HEADER}characters\na\n\t\n", "line 3: expected a symbol, <space> for a space; found"),
        (f"{HEADER}characters\n", "has no symbols; expected one in each line from line 2 on"),
        (f"{HEADER}runes\na\n", "line 1: no alphabet of 'runes'; it has characters, bigrams"),
        ("# ds2np alphabet, version 2, characters\na\n", "line 1: version 2 of the format"),
        ("# an alphabet\na\n", "line 1: expected '# ds2np alphabet, version 1, characters'"),
        ("a\nb\n", "has 2 lines, and the first is not"),
        ("", "has 0 lines"),
        ("我用我", "'我' occurs twice among the characters in its one line"),
        (f"e{ACUTE}", "'e' and COMBINING ACUTE ACCENT (U+0301) are read as 'é'"),
        ('"abc', "begins as JSON"),
    ],
)
def test_what_is_no_alphabet_is_refused(tmp_path, content, message):
    path = tmp_path / "alphabet.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_alphabet(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
