"""The symbols that a beam search looks at in each frame.

The paper's rule: the most probable symbols that together hold a probability of at least 0.99, and
at most 40 of them. Frames that are blank for sure are passed over before that.
"""

from dataclasses import dataclass

import numpy as np

SORTED = 200  # larger alphabets are partitioned before they are sorted


@dataclass(frozen=True)
class Candidates:
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
    """

    symbols: np.ndarray
    probabilities: np.ndarray
    begins: np.ndarray
    counts: np.ndarray
    log_probs: np.ndarray


def choose_symbols(log_probs, cumulative=0.99, most=40):
    """Choose the symbols of each frame.

    Parameters
    ----------
    log_probs : ndarray of shape (..., V)
    cumulative : float
        Symbols are taken until they hold this probability; 1 takes all that `most` allows.
    most : int
        Largest number of symbols of a frame, the blank included where it is among them.

    Returns
    -------
    ndarray of bool of shape (..., V)
        The blank (0) is always chosen.
    """
    V = log_probs.shape[-1]
    most = min(most, V)
    if cumulative >= 1 and most == V:
        return np.ones(log_probs.shape, bool)
    chosen = np.zeros(log_probs.shape, bool)
    if most < V and V > SORTED:
        part = np.argpartition(log_probs, V - most, axis=-1)[..., V - most :]
        values = np.take_along_axis(log_probs, part, -1)
        best_first = np.argsort(-values, axis=-1, kind="stable")
        top = np.take_along_axis(part, best_first, -1)
    else:
        top = np.argsort(-log_probs, axis=-1, kind="stable")[..., :most]
    p = np.exp(np.take_along_axis(log_probs, top, -1).astype(np.float64))
    before = np.cumsum(p, axis=-1) - p
    np.put_along_axis(chosen, top, (before < cumulative) | (cumulative >= 1), -1)
    chosen[..., 0] = True
    return chosen


def list_candidates(log_probs, lengths, cumulative=0.99, most=40):
    """Yield the `Candidates` of each frame of a batch (N, T, V), longest utterance first.

    Utterances must be sorted by falling length; a frame has only those that have not ended.
    """
    T = log_probs.shape[1]
    chosen = choose_symbols(log_probs, cumulative, most)
    chosen &= (np.arange(T) < lengths[:, None])[:, :, None]
    frames, utterances, symbols = np.nonzero(chosen.transpose(1, 0, 2))
    probabilities = np.exp(log_probs[utterances, frames, symbols].astype(np.float64))
    counts = np.ascontiguousarray(chosen.sum(axis=2).T)
    frame_ends = np.cumsum(counts.sum(axis=1)).tolist()
    begins = np.cumsum(counts, axis=1) - counts
    active = np.searchsorted(-lengths, -np.arange(T), side="left").tolist()
    start = 0
    for t, (stop, n) in enumerate(zip(frame_ends, active, strict=True)):
        yield Candidates(
            symbols[start:stop],
            probabilities[start:stop],
            begins[t, :n],
            counts[t, :n],
            log_probs[:n, t],
        )
        start = stop


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
    n, t = np.nonzero(keep)
    packed[n, np.arange(len(n)) - np.repeat(np.cumsum(lengths) - lengths, lengths)] = log_probs[
        n, t
    ]
    return packed, lengths
