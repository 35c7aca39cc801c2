"""The symbols that a beam search looks at in each frame.

The paper's rule: the most probable symbols that together hold a probability of at least 0.99, and
at most 40 of them. Frames that are blank for sure are passed over before that.
"""

from typing import NamedTuple

import numpy as np

SORTED = 200  # larger alphabets are partitioned before they are sorted


class Candidates(NamedTuple):
    """The symbols of one frame, utterance after utterance, in flat arrays.

    Attributes
    ----------
    symbols : ndarray of int of shape (C,)
        The first of each utterance is the blank, whether it is probable or not.
    probabilities : ndarray of float64 of shape (C,)
    begins, counts : ndarray of int of shape (n,)
        Where the symbols of each utterance begin, and how many there are.
    log_probs : ndarray of shape (n, V)
        Of all symbols.
    ranks : ndarray of int16 of shape (n, V)
        The place of each symbol among those of its utterance; 0 for those that are not looked at.
    """

    symbols: np.ndarray
    probabilities: np.ndarray
    begins: np.ndarray
    counts: np.ndarray
    log_probs: np.ndarray
    ranks: np.ndarray


def choose_symbols(log_probs, cumulative=0.99, most=40):
    """Choose the symbols of each frame.

    Parameters
    ----------
    log_probs : ndarray of shape (frames, V)
    cumulative : float
        Symbols are taken until they hold this probability; 1 takes all that `most` allows.
    most : int
        Largest number of symbols of a frame. Those as probable as the last one are taken, too.

    Returns
    -------
    ndarray of bool of shape (frames, V)
        The blank (0) is always chosen.
    """
    V = log_probs.shape[1]
    most = min(most, V)
    best = log_probs.max(axis=1, initial=-np.inf)
    chosen = log_probs >= best[:, None]
    open_ = (best < np.log(cumulative)).nonzero()[0] if cumulative < 1 else np.arange(len(best))
    values = log_probs[open_]
    if most < V and V > SORTED:
        values = -np.partition(-values, most - 1, axis=1)[:, :most]
    ranked = np.sort(values, axis=1)[:, ::-1][:, :most]
    last = np.full(len(open_), most - 1)
    if cumulative < 1:
        p = np.exp(ranked.astype(np.float64))
        last = ((np.cumsum(p, axis=1) - p) < cumulative).sum(axis=1) - 1
    limits = ranked[np.arange(len(open_)), last]
    chosen[open_] = log_probs[open_] >= limits[:, None]
    chosen[:, 0] = True
    return chosen


def list_candidates(log_probs, lengths, cumulative=0.99, most=40):
    """Yield the `Candidates` of each frame of a batch (N, T, V), longest utterance first.

    Utterances must be sorted by falling length; a frame has only those that have not ended.
    """
    T, V = int(lengths.max(initial=0)), log_probs.shape[2]
    active = np.searchsorted(-lengths, -np.arange(T), side="left")
    real = np.arange(len(lengths)) < active[:, None]
    frames = log_probs[:, :T].transpose(1, 0, 2)[real]  # frame after frame, without padding
    chosen = choose_symbols(frames, cumulative, most)
    places = chosen.ravel().nonzero()[0]
    probabilities = np.exp(frames.ravel()[places].astype(np.float64))
    symbols = places % V
    ranks = np.cumsum(chosen, axis=1, dtype=np.int16)
    counts = ranks[:, -1].astype(np.int64)
    ranks -= 1
    ranks *= chosen
    ends = np.cumsum(counts)
    stops = np.cumsum(active)
    frame_ends = np.append(0, ends)[stops]
    begins = ends - counts - np.repeat(np.append(0, frame_ends)[:-1], active)
    first = 0
    for row, n, stop in zip(stops.tolist(), active.tolist(), frame_ends.tolist(), strict=True):
        of_frame = slice(row - n, row)
        yield Candidates(
            symbols[first:stop],
            probabilities[first:stop],
            begins[of_frame],
            counts[of_frame],
            frames[of_frame],
            ranks[of_frame],
        )
        first = stop


def find_frames(log_probs, lengths, certain=0.999, before=None):
    """Find the frames that are worth looking at, a mask (N, T).

    Of a run of frames whose blank has at least the probability `certain` only the first counts: it
    ends the symbol before, the others change nothing. 1 keeps all frames. `before` says whether the
    frame before the first was such a blank (N,).
    """
    N, T, _ = log_probs.shape
    real = np.arange(T) < lengths[:, None]
    if certain >= 1 or T == 0:
        return real
    blank = log_probs[:, :, 0] >= np.log(certain)
    first = np.zeros((N, 1), bool) if before is None else before[:, None]
    return real & ~(blank & np.concatenate([first, blank[:, :-1]], axis=1))


def pack_frames(log_probs, keep):
    """Move the frames that a mask (N, T) keeps to the front; return them and their numbers."""
    lengths = keep.sum(axis=1)
    if keep.all():
        return log_probs, lengths
    packed = np.zeros((len(keep), int(lengths.max(initial=0)), log_probs.shape[2]), log_probs.dtype)
    packed[np.arange(packed.shape[1]) < lengths[:, None]] = log_probs[keep]
    return packed, lengths
