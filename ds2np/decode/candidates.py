"""The symbols that a beam search looks at in each frame.

The paper's rule: the most probable symbols that together hold a probability of at least 0.99, and
at most 40 of them. Frames that are blank for sure are passed over before that.
"""

from typing import NamedTuple

import numpy as np

SORTED = 200  # larger alphabets are partitioned before they are sorted
TOGETHER = 64  # frames whose symbols are chosen at once


class Candidates(NamedTuple):
    """The symbols of one frame of n utterances, C at most.

    Attributes
    ----------
    symbols : ndarray of int64 of shape (n, C)
        The first of each utterance is the blank, whether it is probable or not; rows with fewer
        symbols are filled up with zeros.
    probabilities : ndarray of float64 of shape (n, C)
        0 where there is no symbol.
    log_probs : ndarray of shape (n, V)
        Of all symbols.
    ranks : ndarray of int16 of shape (n, V)
        The column of each symbol; 0 for those that are not looked at.
    """

    symbols: np.ndarray
    probabilities: np.ndarray
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
        p = np.exp(ranked)
        last = ((np.cumsum(p, axis=1) - p) < cumulative).sum(axis=1) - 1
    limits = ranked[np.arange(len(open_)), last]
    chosen[open_] = log_probs[open_] >= limits[:, None]
    chosen[:, 0] = True
    return chosen


def list_candidates(log_probs, lengths, cumulative=0.99, most=40):
    """Yield the `Candidates` of each frame of a batch (N, T, V), longest utterance first.

    Utterances must be sorted by falling length; a frame has only those that have not ended.
    """
    active = np.searchsorted(-lengths, -np.arange(int(lengths.max(initial=0))), side="left")
    for first in range(0, len(active), TOGETHER):
        of_block = active[first : first + TOGETHER]
        n, stop = int(of_block[0]), first + len(of_block)
        frames = np.ascontiguousarray(log_probs[:n, first:stop].transpose(1, 0, 2))
        padding = np.arange(n) >= of_block[:, None]  # may hold anything: here, a certain blank
        frames[padding] = -np.inf
        frames[padding, 0] = 0.0
        chosen = choose_symbols(frames.reshape(-1, frames.shape[2]), cumulative, most)
        places = chosen.reshape(-1).nonzero()[0]
        row = places // frames.shape[2]
        counts = np.bincount(row)  # the blank is chosen in each frame
        rank = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
        ranks = np.zeros(frames.shape, np.int16)
        ranks.reshape(-1)[places] = rank
        widths = counts.reshape(len(frames), n).max(axis=1)
        symbols = np.zeros((len(frames), n, int(widths.max())), np.int64)
        cells = row * symbols.shape[2] + rank
        symbols.reshape(-1)[cells] = places - row * frames.shape[2]
        probabilities = np.zeros(symbols.shape)
        probabilities.reshape(-1)[cells] = np.exp(frames.reshape(-1)[places], dtype=np.float64)
        for t, (m, width) in enumerate(zip(of_block.tolist(), widths.tolist(), strict=True)):
            table = np.ascontiguousarray(symbols[t, :m, :width])
            yield Candidates(table, probabilities[t, :m, :width], frames[t, :m], ranks[t, :m])


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
