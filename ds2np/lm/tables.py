"""The arrays of a back-off n-gram model: one number for each n-gram, of whatever order.

Number 0 is the empty context and 1 + w the unigram of word w. The bigrams follow, sorted by the
number of their context (the n-gram without its last word) and then by their last word; then the
trigrams, in the same way. So one sorted array of keys,

    key = context << 24 | word,

holds the whole model, and a binary search in it finds any n-gram. An n-gram takes 24 bytes.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np

from ds2np.errors import UserError

UNK, BOS, EOS = 0, 1, 2  # numbers of the words that every model has
SPECIAL = ["<unk>", "<s>", "</s>"]
SHIFT = np.uint64(24)
BLOCK = 1 << 17  # n-grams worked on at once: few of them need little memory
MAX_WORDS = 1 << 24
MAX_NGRAMS = (1 << 31) - 1  # numbers are int32
LEAST = -99.0  # stands for log10(0), as usual in ARPA files


@dataclass
class Tables:
    """A back-off n-gram model as arrays; M counts its n-grams of all orders.

    Attributes
    ----------
    words : list of str
        `SPECIAL` first.
    starts : ndarray of int64 of shape (order + 1,)
        Number of the first n-gram of each order, then 1 + M.
    key : ndarray of uint64 of shape (1 + M - starts[1],)
        Of order 2 and above.
    logp : ndarray of float32 of shape (1 + M,)
        log10 p(word | context).
    back : ndarray of float32 of shape (1 + M,)
        log10 of the back-off weight gamma; 0 where there is none.
    suffix : ndarray of int32 of shape (1 + M,)
        The n-gram without its first word; if the model lacks that, without its first two, ...
    state : ndarray of int32 of shape (1 + M,)
        What to remember after the n-gram: the longest suffix that a later word may depend on.
    units : str
        "words" or "characters".
    space : str
        With characters, the word that stands for a space.
    """

    words: list
    starts: np.ndarray
    key: np.ndarray
    logp: np.ndarray
    back: np.ndarray
    suffix: np.ndarray
    state: np.ndarray
    units: str = "words"
    space: str = ""
    arrays: tuple = field(default=("key", "logp", "back", "suffix", "state"), repr=False)


def check_size(words, ngrams):
    """Raise a UserError if there are more words or n-grams than the numbers allow."""
    if words > MAX_WORDS:
        raise UserError(f"the language model has {words:,} words; at most {MAX_WORDS:,} fit")
    if ngrams > MAX_NGRAMS:
        raise UserError(
            f"the language model has {ngrams:,} n-grams; at most {MAX_NGRAMS:,} fit: prune it, or "
            f"choose a lower order"
        )


def make_keys(context, word):
    """Return the keys of n-grams given by context and last word."""
    return (context.astype(np.uint64) << SHIFT) | word.astype(np.uint64)


def find(key, first, context, word):
    """Return the numbers of n-grams of order 2 and above, -1 for those that do not exist.

    `first` is the number of ``key[0]``; `context` and `word` are arrays (M,), contexts above 0.
    """
    at, there = _search(key, context, word)
    return np.where(there, at + first, -1)


def _search(key, context, word):
    """Return where n-grams would stand among the sorted keys, and whether they do."""
    wanted = make_keys(context, word)
    at = key.searchsorted(wanted)
    if not len(key):
        return at, np.zeros(len(at), bool)
    np.minimum(at, len(key) - 1, out=at)
    return at, key[at] == wanted


def find_longest(key, first, suffix, context, word):
    """Find the longest n-gram of each context, or a suffix of it, followed by each word.

    Returns
    -------
    found : ndarray of int64 of shape (M,)
        Their numbers; at least the unigram is always there.
    left : list of (ndarray of int, ndarray of int)
        The contexts that lack their word, the longest first: places among the M, and numbers.
    """
    found, left = word + 1, []  # where everything ends: the unigram
    rest = context.nonzero()[0]
    context = context[rest]
    while len(rest):
        at, there = _search(key, context, word[rest])
        found[rest[there]] = at[there] + first
        lacks = (~there).nonzero()[0]
        rest, context = rest[lacks], context[lacks]
        left.append((rest, context))
        context = suffix[context]
        longer = context.nonzero()[0]
        rest, context = rest[longer], context[longer]
    return found, left


def add_back_offs(logp, left, back):
    """Add log10 gamma of the contexts that `find_longest` left to log-probabilities, in place.

    KenLM adds them in this order, too, the shortest context first: the sums are equal to the bit.
    """
    for rest, context in reversed(left):
        logp[rest] += back[context]


def link_suffixes(key, starts):
    """Find the suffix of each n-gram: its context's suffix, followed by its word."""
    suffix = np.zeros(starts[-1], np.int32)
    first = starts[1]
    for start, end in itertools.pairwise(starts[1:]):  # an order needs those below
        below = key[: start - first]
        for at in range(start, end, BLOCK):
            part = key[at - first : min(at + BLOCK, end) - first]
            context = suffix[(part >> SHIFT).astype(np.int64)]
            word = (part & np.uint64(MAX_WORDS - 1)).astype(np.int64)
            suffix[at : at + len(part)] = find_longest(below, first, suffix, context, word)[0]
    return suffix


def link_states(key, starts, back, suffix):
    """Find what to remember after each n-gram.

    A context matters if an n-gram continues it or if leaving it has a weight other than 1. After
    any other, the future depends on its suffix alone: so prefixes that only differ in what does
    not matter have the same state. The empty context 0 is always good enough.
    """
    matters = back != 0
    for at in range(0, len(key), BLOCK):
        matters[(key[at : at + BLOCK] >> SHIFT).astype(np.int64)] = True
    matters[starts[-2] :] = False  # n-grams of the highest order are no contexts
    matters[0] = True
    state = np.arange(len(back), dtype=np.int32)
    rest = np.flatnonzero(~matters)
    while len(rest):
        state[rest] = suffix[state[rest]]
        rest = rest[~matters[state[rest]]]
    return state
