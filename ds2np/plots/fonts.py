"""Fonts for characters that matplotlib's own font does not have, such as those of Mandarin."""

import contextlib
import functools

PLACEHOLDERS = "last resort", "lastresort"  # fonts that draw the same box for every character


def choose_fonts(text):
    """Choose installed fonts for the characters of a text.

    Returns
    -------
    families : list of str
        For ``matplotlib.rcParams["font.family"]``: the present ones, then, if they lack some of
        the characters, the installed one that has most of them.
    missing : list of str
        Characters that none of these has, sorted: matplotlib warns when it has to draw them.
    """
    from matplotlib import font_manager, rcParams

    families = list(rcParams["font.family"])
    wanted = frozenset(text)
    missing = wanted - _characters(font_manager.findfont(font_manager.FontProperties()))
    if missing and (name := _find(missing)):
        families.append(name)
        found = font_manager.findfont(font_manager.FontProperties(family=name))
        missing -= _characters(found)
    return families, sorted(missing)


@functools.cache
def _find(wanted):
    """Return the family of the installed font that has most of some characters; "" if none has."""
    most, best = _search(wanted)
    if most < len(wanted) and _add_new_fonts():
        most, best = _search(wanted)
    return best


def _search(wanted):
    """Return how many of some characters a known font has, at most, and its family."""
    from matplotlib.font_manager import fontManager

    most, best = 0, ""
    for font in sorted(fontManager.ttflist, key=lambda font: (font.name, font.fname)):
        if any(name in font.name.lower() for name in PLACEHOLDERS):
            continue
        count = len(wanted & _characters(font.fname))
        if count > most:
            most, best = count, font.name
        if most == len(wanted):
            break
    return most, best


def _add_new_fonts():
    """Add fonts that were installed after matplotlib made its list, which it keeps; return them."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {font.fname for font in fontManager.ttflist}
    new = sorted(set(findSystemFonts()) - known)
    for file in new:
        with contextlib.suppress(OSError, RuntimeError):  # not a font that matplotlib can read
            fontManager.addfont(file)
    return new


@functools.cache
def _characters(file):
    """Return the characters that a font has."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(map(chr, FT2Font(file).get_charmap()))
    except (OSError, RuntimeError):  # not a font that matplotlib can read
        return frozenset()
