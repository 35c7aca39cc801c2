"""Forced alignment (Viterbi): the most probable path through the CTC lattice. See chapter 05."""

from dataclasses import dataclass

import numpy as np

from ds2np.backend import to_cpu
from ds2np.ctc.arguments import check_labels, to_floats, to_integers
from ds2np.ctc.fit import min_frames
from ds2np.ctc.lattice import Lattice
from ds2np.ctc.recursion import recurse
from ds2np.ctc.semiring import BestPath


@dataclass(frozen=True)
class Alignment:
    """The most probable alignment of a transcript.

    Attributes
    ----------
    path : ndarray of int of shape (T,)
        The symbol of each frame; collapsed, it is the transcript.
    starts, ends : ndarray of int of shape (L,)
        First frame of each label, and the frame after its last.
    score : float
        Log-probability of the path, natural logarithm.
    """

    path: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    score: float

    def times(self, frame_ms):
        """Return start and end of each label in seconds, (L, 2).

        `frame_ms` are the milliseconds from one frame to the next; see
        `DeepSpeech2Config.frame_ms`.
        """
        return np.stack([self.starts, self.ends], axis=1) * frame_ms / 1000


def forced_align(log_probs, labels, blank=0):
    """Find the most probable path of log_probs (T, V) that collapses to L labels (Viterbi).

    Raises a ValueError if types, shapes or labels are wrong, a log-probability is nan or inf, or no
    path is possible: it needs more than T frames, or a symbol of log-probability -inf.
    """
    log_probs = to_floats("log_probs", to_cpu(log_probs), ("T", "V"))
    labels = to_integers("labels", labels, "L")
    T, V = log_probs.shape
    lengths = np.array([T]), np.array([len(labels)])
    blank = check_labels(labels[None], lengths[1], V, blank)
    for t, v in np.argwhere(~(log_probs < np.inf))[:1]:
        raise ValueError(f"log_probs: symbol {v} has {log_probs[t, v]} in frame {t}")
    needed = min_frames(labels)
    if needed > T:
        raise ValueError(f"the transcript needs {needed} frames, but there are only {T}")
    lattice = Lattice(labels[None], *lengths, blank)
    best = recurse(log_probs[None], np.zeros((1, T)), lattice, BestPath(np))
    if best.log_p[0] == -np.inf:
        raise ValueError("every path of the transcript has a symbol of log-probability -inf")
    score = best.alpha[:, :, 0]  # v_t(s): log-probability of the best path into s
    visited = np.zeros(T, np.int64)
    s = 2 * len(labels)  # the path ends in the last blank or the last label
    if T and s and score[-1, s - 1] > score[-1, s]:
        s -= 1
    for t in range(T - 1, 0, -1):
        visited[t] = s
        ways = score[t - 1, s - 2 if lattice.skip[s, 0] else max(s - 1, 0) : s + 1]
        s -= int(
            ways[::-1].argmax()
        )  # 0: it stayed, 1: it came from the state before, 2: it skipped
    visited[:1] = s
    frames = [np.flatnonzero(visited == 2 * i + 1) for i in range(len(labels))]
    return Alignment(
        path=lattice.symbols[visited, 0],
        starts=np.array([of_label[0] for of_label in frames], np.int64),
        ends=np.array([of_label[-1] + 1 for of_label in frames], np.int64),
        score=float(best.log_p[0]),
    )
