"""What an n-gram is made of: words, or characters with a named one in place of the space."""

import unicodedata

from ds2np.errors import UserError

UNITS = ("words", "characters")
SPACE = "<space>"


def cut(text, units="words", space=SPACE):
    """Cut a text into words, or into characters.

    Words are what white space separates; nothing else is changed. Characters are the code points
    of the text with its accents composed (NFC), as alphabets compose them; white space of any
    length between words is one space, and there is none at the ends.

    Returns
    -------
    list of str
    """
    words = text.split()
    if units == "words":
        return words
    cells = list(unicodedata.normalize("NFC", " ".join(words)))
    return [space if cell == " " else cell for cell in cells]


def check_units(units, space):
    """Raise a UserError unless the units exist and the space has a name of its own."""
    if units not in UNITS:
        raise UserError(
            f"the units of a language model are {units!r}; expected {' or '.join(UNITS)}"
        )
    if units == "characters" and (not space or space.split() != [space]):
        raise UserError(f"the name of the space is {space!r}; expected one without white space")
