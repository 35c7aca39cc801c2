"""What an n-gram is made of: words, or characters with a named one in place of the space."""

import re
import unicodedata

from ds2np.errors import UserError
from ds2np.lm.tables import SPECIAL, UNK

UNITS = ("words", "characters")
SPACE = "<space>"


def cut(text, units="words", space=SPACE):
    """Cut a text into words, or into characters.

    Words are what white space separates; nothing else is changed. Characters are the code points
    of the text with its accents composed (NFC), as alphabets compose them; white space of any
    length between words is one space, and there is none at the ends. A character that is also the
    name of the space is unknown.

    Returns
    -------
    list of str
    """
    words = text.split()
    if units == "words":
        return words
    cells = unicodedata.normalize("NFC", " ".join(words))
    replaced = {space: SPECIAL[UNK], " ": space}
    return [replaced.get(cell, cell) for cell in cells]


def check_units(units, space):
    """Raise a UserError unless the units exist and the space has a name of its own."""
    if units not in UNITS:
        raise UserError(
            f"the units of a language model are {units!r}; expected {' or '.join(UNITS)}"
        )
    if units == "characters" and (not space or space.split() != [space]):
        raise UserError(f"the name of the space is {space!r}; expected one without white space")


# The first line of our ARPA files of characters: a comment, which KenLM and others skip.
NOTE = re.compile(rb"# ds2np: an n-gram is made of characters; the space is (\S+)$")


def note_units(units, space):
    """Return the line from which `find_units` knows the units."""
    if units == "words":
        return ""
    return f"# ds2np: an n-gram is made of characters; the space is {space}\n"


def find_units(words, units=None, space=None, note=None):
    """Find out what the n-grams of a file are made of.

    Parameters
    ----------
    words : list of str
    units, space : str or None
        What is known already.
    note : re.Match of `NOTE` or None

    Returns
    -------
    units : str
        Without a note, characters if every word is a single one apart from the space, which is
        among them, and from special words such as <unk>. A file without a space cannot be told
        from one of words that are single characters: pass the units.
    space : str
    """
    if units is None and note:
        units, space = "characters", space or note[1].decode()
    space = space or SPACE
    if units is None:
        single = all(len(word) == 1 for word in words if word not in (*SPECIAL, space))
        units = "characters" if single and space in words else "words"
    check_units(units, space)
    return units, space if units == "characters" else ""
