"""Counting n-grams: how often each occurs, and how many different words stand before it.

The n-grams of an order are numbered in the order of their first n - 1 words (their context, by its
number in the order below) and then their last word. Sorting (context, word) pairs of integers
finds and numbers them all; no n-gram is ever a string.
"""

import array
from dataclasses import dataclass

import numpy as np

from ds2np.errors import UserError
from ds2np.lm.progress import bar
from ds2np.lm.tables import BOS, EOS, SPECIAL, UNK, check_size
from ds2np.lm.units import cut


@dataclass
class Order:
    """The n-grams of one order that occur in a text, M of them.

    Attributes
    ----------
    raw : ndarray of int64 of shape (M,)
        How often each occurs.
    adjusted : ndarray of int64 of shape (M,)
        What Kneser-Ney counts instead; see `adjust`.
    context, suffix : ndarray of int of shape (M,)
        Number, in the order below, of the n-gram without its last and without its first word.
    word : ndarray of int of shape (M,)
        The last word.
    """

    raw: np.ndarray
    context: np.ndarray
    suffix: np.ndarray
    word: np.ndarray
    adjusted: np.ndarray | None = None


class Vocabulary(dict):
    """Numbers words in the order in which they are first asked for."""

    def __missing__(self, word):
        self[word] = number = len(self)
        return number


def read_text(lines, units, space):
    """Give the words of a text numbers.

    Returns
    -------
    words : list of str
    text : ndarray of int32 of shape (L,)
        All sentences, one after the other, each from <s> to </s>.

    Raises
    ------
    UserError
        If there is no word at all, or one of `SPECIAL`: these would be miscounted.
    """
    numbers = Vocabulary({word: i for i, word in enumerate(SPECIAL)})
    get = numbers.__getitem__
    text = array.array("i")
    taken = space if units == "characters" and len(space) == 1 else ""
    for number, line in enumerate(lines, start=1):
        if taken and taken in line:
            raise UserError(
                f"{_place(lines, number)}: the text has the character {space!r}, which is to be "
                f"the name of the space; choose another name"
            )
        text.append(BOS)
        text.extend(map(get, line.split() if units == "words" else cut(line, units, space)))
        text.append(EOS)
    if len(numbers) == len(SPECIAL) and not any(n == UNK for n in text):
        raise UserError("there is no word to count; expected text, one sentence a line")
    text = np.frombuffer(text, np.int32)
    _check_special(text, lines)
    check_size(len(numbers), 0)
    return list(numbers), text


def _place(lines, number):
    """Name a sentence, numbered from 1: the source of the lines may know more."""
    return getattr(lines, "where", "line {}".format)(number)


def _check_special(text, lines):
    """Refuse <unk>, <s> and </s> within sentences."""
    begins = np.flatnonzero((text == BOS) & np.append(True, text[:-1] == EOS))
    ends = np.append(begins[1:], len(text)) - 1
    inner = text <= EOS
    inner[begins] = inner[ends] = False
    for at in np.flatnonzero(inner)[:1]:
        number = int(np.searchsorted(begins, at, "right"))
        raise UserError(
            f"{_place(lines, number)}: the text has the word {SPECIAL[text[at]]}, which "
            f"language models use themselves; remove it or write it differently"
        )


def count(text, words, order):
    """Count the n-grams of orders 1 to `order`.

    Parameters
    ----------
    text : ndarray of int of shape (L,)
        From `read_text`.
    words : int
        Size of the vocabulary, V.

    Returns
    -------
    list of Order

    Raises
    ------
    UserError
        If no sentence is as long as the longest n-grams.
    """
    L = len(text)
    ends = np.flatnonzero(text == EOS)
    sentence = np.diff(ends, prepend=-1)  # words of each, <s> and </s> included
    if order > sentence.max():
        raise UserError(
            f"order {order} is more than the longest sentence has: {sentence.max()} with <s> and "
            f"</s>; choose a lower order"
        )
    after = np.repeat(ends, sentence) - np.arange(L)  # words that follow in the same sentence
    number = text  # of the n-gram that begins at each place of the text
    orders = [Order(np.bincount(text, minlength=words), None, None, np.arange(words))]
    for n in bar(range(2, order + 1), desc="counting", unit="order"):
        places = np.flatnonzero(after >= n - 1)
        pair = number[places].astype(np.int64) * words + text[places + n - 1]
        by_pair = np.argsort(pair)
        places, pair = places[by_pair], pair[by_pair]
        new = np.append(True, pair[1:] != pair[:-1])
        first = np.flatnonzero(new)
        pair = pair[first]
        orders.append(
            Order(
                raw=np.diff(first, append=len(places)),
                context=pair // words,
                suffix=number[places[first] + 1],
                word=pair % words,
            )
        )
        following = np.full(L, -1, np.int32)
        following[places] = np.cumsum(new, dtype=np.int32) - 1
        number = following
    return orders


def adjust(orders):
    """Set the counts from which Kneser-Ney estimates.

    A lower order is asked only where a higher one does not know the n-gram; so what matters there
    is not how often an n-gram occurs, but after how many different words,

        a(w_1 ... w_k) = |{v : c(v w_1 ... w_k) > 0}|.

    The highest order keeps its counts, and so do n-grams that begin with <s>: nothing stands before
    them. <s> itself is never predicted, and <unk> never occurs: both count 0.
    """
    begins = np.arange(len(orders[0].raw)) == BOS
    for this, above in zip(orders, [*orders[1:], None], strict=True):
        if this.context is not None:
            begins = begins[this.context]
        if above is None:
            this.adjusted = this.raw.copy()
        else:
            before = np.bincount(above.suffix, minlength=len(this.raw))
            this.adjusted = np.where(begins, this.raw, before)
    orders[0].adjusted[[UNK, BOS]] = 0
