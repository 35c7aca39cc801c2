"""Files of alphabets: written, read back, and refused."""

import pytest

from ds2np.errors import UserError
from ds2np.text import ALPHABETS
from ds2np.text.alphabet_file import LONGEST, format_alphabet, read_alphabet

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
        (f"{HEADER}characters\n\N{ANGSTROM SIGN}\n", "line 2: '\N{ANGSTROM SIGN}' is not in"),
        (f"{HEADER}characters\n\N{COMBINING ACUTE ACCENT}\n", "composed form"),
        (f"{HEADER}runes\na\n", "line 1: no alphabet of 'runes'; it has characters, bigrams"),
        ("# ds2np alphabet, version 2, characters\na\n", "line 1: version 2 of the format"),
        ("# an alphabet\na\n", "line 1: expected '# ds2np alphabet, version 1, characters'"),
        ("a\nb\n", "has 2 lines, and the first is not"),
        ("", "has 0 lines"),
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
