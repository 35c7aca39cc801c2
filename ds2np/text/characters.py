"""Single characters: what messages call them, and those that are easily taken for others."""

import functools
import re
import unicodedata

FIRST = 8  # characters that a message names
MARK = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u2de0-\u2dff"
    "\u3099\u309a\ua66f-\ua672\ufe20-\ufe2f]"
)
WIDE = re.compile("[\uff01-\uffbe\uffc2-\uffdc\uffe0-\uffe6\uffe8-\uffee]")


def find_marks(text):
    """List the combining marks of a text that compose with no letter to one character."""
    return [] if text.isascii() else MARK.findall(unicodedata.normalize("NFC", text))


def describe_not_composed(text):
    """Say what Unicode's composed form (NFC) replaces first in a text; "" if nothing."""
    if unicodedata.is_normalized("NFC", text):
        return ""
    ends = range(1, len(text) + 1)
    end = next(n for n in ends if not unicodedata.is_normalized("NFC", text[:n]))
    last, pair = text[end - 1], text[max(0, end - 2) : end]
    alone, whole = (unicodedata.normalize("NFC", part) for part in (last, pair))
    if alone != last:
        codes = " ".join(f"U+{ord(c):04X}" for c in alone)
        return f"{name_character(last)} is read as {alone!r} ({codes})"
    return f"{pair[0]!r} and {name_character(last)} are read as {whole!r}"


def plain_form(character):
    """Return the ordinary form of a full-width or half-width character; else the character."""
    return unicodedata.normalize("NFKC", character) if WIDE.match(character) else character


def name_character(character):
    """Return what a message calls a character.

    Those that cannot be seen, that need another one to stand on, or that look like others have
    their Unicode name and number, full-width forms also their ordinary form.
    """
    code = f"U+{ord(character):04X}"
    title = unicodedata.name(character, "")
    if WIDE.match(character):
        return f"{character!r} ({title}, {code}, ordinary form {plain_form(character)!r})"
    if unicodedata.normalize("NFC", character) != character:
        return f"{character!r} ({title}, {code})"
    if MARK.match(character) or not character.isprintable():
        return f"{title} ({code})".lstrip() if title else code
    return repr(character)


def list_characters(characters, most=FIRST):
    """Name the first few of some characters or symbols in a row, and count the others."""
    named = " ".join(map(name_symbol, characters[:most]))
    return f"{named} and {len(characters) - most:,} more" if len(characters) > most else named


def name_symbol(symbol):
    """Return what a message calls a symbol of an alphabet, one character or several."""
    return name_character(symbol) if len(symbol) == 1 else repr(symbol)


@functools.cache
def simplified_and_traditional():
    """Return the Chinese characters that only one kind of text has, a dict of two sets.

    As encodings have it: "simplified" are those of GB 2312, of the People's Republic, that Big5, of
    Taiwan, lacks, and "traditional" those the other way round. Most are in both. Rare ones, as in
    names, may be in neither, or in Big5 alone although they have no other form.
    """
    han = list(map(chr, range(0x4E00, 0xA000)))
    gb, big5 = ({c for c in han if _encodes(c, codec)} for codec in ("gb2312", "big5"))
    return {"simplified": gb - big5, "traditional": big5 - gb}


def _encodes(character, codec):
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
