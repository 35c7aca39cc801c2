"""Files of alphabets: a symbol in each line.

# ds2np alphabet, version 1, bigrams
<space>
a
th
"""

import json
import re
from collections import Counter

from ds2np.errors import UserError
from ds2np.files import read_text
from ds2np.text.characters import describe_not_composed, find_marks, name_character

VERSION = 1
HEADER = "# ds2np alphabet, version {}, {}"
BEGINNING = HEADER.partition(",")[0]
SPACE = "<space>"
LONGEST = {"characters": 1, "bigrams": 2}  # characters of a symbol


def format_alphabet(symbols, units="characters"):
    """Return the content of a file."""
    lines = [SPACE if symbol == " " else symbol for symbol in symbols]
    return "\n".join([HEADER.format(VERSION, units), *lines]) + "\n"


def read_alphabet(path):
    """Read an alphabet: a file of `format_alphabet`, or all characters in one line.

    Parameters
    ----------
    path : Path

    Returns
    -------
    symbols : str or tuple of str
    units : str
        A key of `ds2np.text.ALPHABETS`.

    Raises
    ------
    UserError
        If the file cannot be read, is of another version, or a line is no symbol or a repeated one.
    """
    text = read_text(path, "expected a symbol in each line")
    lines = text.rstrip("\r\n").split("\n")
    lines = [line.rstrip("\r") for line in lines]
    if not lines[0].startswith("#") or (len(lines) == 1 and not lines[0].startswith(BEGINNING)):
        return _one_line(path, lines), "characters"
    found = re.fullmatch(HEADER.format(r"(\S+)", r"(\S+)"), lines[0].rstrip())
    if not found:
        raise UserError(
            f"{path}, line 1: expected {HEADER.format(VERSION, 'characters')!r}, found {lines[0]!r}"
        )
    version, units = found.groups()
    if version != str(VERSION):
        raise UserError(f"{path}, line 1: version {version} of the format, expected {VERSION}")
    if units not in LONGEST:
        raise UserError(f"{path}, line 1: no alphabet of {units!r}; it has {', '.join(LONGEST)}")
    if len(lines) == 1:
        raise UserError(f"{path} has no symbols; expected one in each line from line 2 on")
    symbols = [" " if line == SPACE else line for line in lines[1:]]
    _check(path, symbols, units)
    return tuple(symbols) if units != "characters" else "".join(symbols), units


def check_composed(symbols, where):
    """Raise a UserError unless symbols are in the form in which text is compared, NFC."""
    if replaced := describe_not_composed(symbols):
        raise UserError(
            f"{where}: {replaced}, as all text is in Unicode's composed form (NFC); write that"
        )


def _check(path, symbols, units):
    first = {}
    for number, symbol in enumerate(symbols, start=2):
        where = f"{path}, line {number}"
        if symbol != " " and (not symbol or re.search(r"\s", symbol)):
            raise UserError(f"{where}: expected a symbol, {SPACE} for a space; found {symbol!r}")
        if len(symbol) > LONGEST[units]:
            raise UserError(
                f"{where}: {symbol!r} has {len(symbol)} characters, but symbols of {units} have "
                f"{LONGEST[units]} at most"
            )
        check_composed(symbol, where)
        if marks := find_marks(symbol):
            raise UserError(
                f"{where}: {name_character(marks[0])} is no symbol; it stands on another character"
            )
        if symbol in first:
            raise UserError(
                f"{where}: {symbol!r} for the second time, before in line {first[symbol]}"
            )
        first[symbol] = number
    for symbol in first:
        if lost := sorted(set(symbol) - set(first)):
            raise UserError(
                f"{path}, line {first[symbol]}: {symbol!r} has {lost[0]!r}, which is no symbol "
                "alone; a word that ends in it could not be written"
            )


def _one_line(path, lines):
    """Return the characters of a file that has them in one line, or as a JSON string."""
    text = lines[0]
    if text.startswith('"') and len(lines) == 1 and len(text) > 1:
        try:
            text = json.loads(text)
        except ValueError:
            raise UserError(f"{path} begins as JSON, but is not: {text[:80]}") from None
    if not text or len(lines) > 1:
        count = len(lines) if text else 0
        raise UserError(
            f"{path} has {count} lines, and the first is not {HEADER.format(VERSION, '...')!r}; "
            "expected that, or the characters in one line"
        )
    check_composed(text, path)
    if twice := [character for character, n in Counter(text).items() if n > 1]:
        raise UserError(f"{path}: {twice[0]!r} occurs twice among the characters in its one line")
    return text
