"""The symbols of a corpus: which there are, and how often."""

import re
import unicodedata
from collections import Counter

from ds2np.errors import UserError
from ds2np.text.bigrams import cut_in_twos


def count_characters(texts, lower=False):
    """Count the characters of transcripts: a Counter.

    Accents are composed, and all white space counts as a space; `lower` folds upper case.
    """
    return _count(texts, lower, list)


def choose_symbols(texts, units="characters", most=None, lower=False):
    """Choose the symbols of an alphabet by how often transcripts have them.

    Parameters
    ----------
    texts : iterable of str
    units : {"characters", "bigrams"}
        With bigrams, all single characters come first, so that every text can be written.
    most : int, optional
        How many symbols at most, the most frequent ones; the paper has about 6,000 characters for
        Mandarin.
    lower : bool
        Fold upper case.

    Returns
    -------
    symbols : tuple of str
        Sorted; bigrams behind the characters.
    left_out : int
        Occurrences of characters that `most` leaves out.

    Raises
    ------
    UserError
        If `most` is less than the number of characters, with bigrams.
    """
    texts = list(texts)
    characters = count_characters(texts, lower)
    if units == "characters":
        kept = [symbol for symbol, _ in _most_common(characters)[:most]]
        return tuple(sorted(kept)), characters.total() - sum(characters[c] for c in kept)
    if most is not None and most < len(characters):
        raise UserError(
            f"{most} symbols are fewer than the {len(characters)} characters, each of which has to "
            "be a symbol beside the bigrams"
        )
    pairs = _count(texts, lower, _pairs)
    room = None if most is None else most - len(characters)
    kept = [pair for pair, _ in _most_common(pairs)[:room]]
    return (*sorted(characters), *sorted(kept)), 0


def _count(texts, lower, cut):
    counts = Counter()
    for text in texts:
        words = " ".join(unicodedata.normalize("NFC", text).split())
        counts.update(cut(words.lower() if lower else words))
    return counts


def _pairs(text):
    return [pair for word in re.findall(r"\S+", text) for pair in cut_in_twos(word) if pair[1:]]


def _most_common(counts):
    """Return symbols and counts, the most frequent first; ties in the order of the characters."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
