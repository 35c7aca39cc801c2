"""What speaks for and against an alignment: a few numbers for each utterance.

If the text is right, the path is nearly as good as the best symbols of the frames, and says what
they say. Faults show up as frames in which the path says something else, letters that are hard to
place, and sound that the path takes for a pause.
"""

import numpy as np

from ds2np.align.search import best_path

WINDOW = 0.5  # seconds
NAMES = (
    "cost of a frame",  # nats: the best symbol's log-probability less the path's
    "cost of the worst half second",  # the mean of its frames
    "cost of a letter",
    "least probable letter",  # probability in its best frame
    "mean probability of a letter",
    "frames of a letter",  # logarithm
    "longest gap between letters",  # seconds, beside the sound's own pauses
    "edits of a letter",  # between what the best symbols say and the text
    "letters heard in pauses of the text",  # a second
    "letters heard before the text, and after it",
    "share of blanks",  # among the best symbols
)


def describe_evidence(log_probs, labels, frame_seconds, blank=0):
    """Compute the features of an utterance whose text is forced onto its sound.

    Parameters
    ----------
    log_probs : ndarray of shape (T, V)
    labels : ndarray of int of shape (L,)
    frame_seconds : float
    blank : int

    Returns
    -------
    ndarray of float of shape (len(NAMES),) or None
        None if the text does not fit into the sound.
    """
    log_probs = np.asarray(log_probs, np.float64)
    if not len(labels) or not len(log_probs):
        return None
    try:
        states = best_path(log_probs, labels, blank=blank).states
    except ValueError:
        return None
    T, L = len(log_probs), len(labels)
    symbols = np.where(states % 2, labels[np.minimum(states // 2, L - 1)], blank)
    heard, best = log_probs.argmax(axis=1), log_probs.max(axis=1)
    of_path = log_probs[np.arange(T), symbols]
    costs = best - of_path
    inside = np.flatnonzero(states % 2)
    of_label = states[inside] // 2
    first = np.searchsorted(of_label, np.arange(L))
    last = np.searchsorted(of_label, np.arange(L), side="right") - 1
    letters = np.exp(np.maximum.reduceat(of_path[inside], first))
    letter_costs = np.add.reduceat(costs[inside], first)
    new = np.flatnonzero((heard != blank) & (heard != np.append(blank, heard[:-1])))
    between = inside[first[1:]] - inside[last[:-1]] - 1
    gaps = [_count(new, inside[last[i]], inside[first[i + 1]]) for i in np.flatnonzero(between > 1)]
    begin, end = inside[0], inside[-1]
    unexplained = np.isin(new, np.flatnonzero(states % 2 == 0)).sum()
    return np.array(
        [
            costs.mean(),
            _worst_window(costs, max(round(WINDOW / frame_seconds), 1)),
            letter_costs.mean(),
            letters.min(),
            letters.mean(),
            np.log(T / L),
            max(gaps, default=0),
            count_edits(heard[new], labels) / L,
            unexplained / (T * frame_seconds),
            (new < begin).sum() + (new > end).sum(),
            (heard == blank).mean(),
        ]
    )


def _count(places, low, high):
    return int(np.searchsorted(places, high) - np.searchsorted(places, low, side="right"))


def _worst_window(costs, size):
    """Return the largest mean of `size` neighbours, or of all if they are fewer."""
    size = min(size, len(costs))
    sums = np.cumsum(np.append(0.0, costs))
    return (sums[size:] - sums[:-size]).max() / size


def count_edits(heard, labels):
    """Count the substitutions, insertions and deletions from one sequence of symbols to another.

    d(i, j) = min(d(i-1, j) + 1, d(i, j-1) + 1, d(i-1, j-1) + [a_i != b_j]), a row at a time: the
    second way is a running minimum of d(i, j) - j.
    """
    places = np.arange(len(labels) + 1)
    row = places.copy()
    for symbol in heard:
        new = row + 1
        new[1:] = np.minimum(new[1:], row[:-1] + (labels != symbol))
        row = np.minimum.accumulate(new - places) + places
    return int(row[-1])
