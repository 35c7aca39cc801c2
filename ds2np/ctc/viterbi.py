"""Forced alignment (Viterbi): the most probable path through the CTC lattice. See chapter 05."""

from dataclasses import dataclass

import numpy as np

from ds2np.backend import to_cpu
from ds2np.ctc.fit import min_frames
from ds2np.ctc.lattice import Lattice
from ds2np.ctc.loss import check_ctc


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

    Raises a ValueError if shapes or labels are wrong, or the transcript needs more than T frames.
    """
    labels = np.asarray(labels, dtype=np.int64)
    log_probs = to_cpu(log_probs)
    lengths = np.array([len(log_probs)]), np.array([len(labels)])
    check_ctc(log_probs[None], labels[None], *lengths, blank)
    T, needed = len(log_probs), min_frames(labels)
    if needed > T:
        raise ValueError(f"the transcript needs {needed} frames, but there are only {T}")
    if T == 0:
        none = np.zeros(0, np.int64)
        return Alignment(none, none, none, 0.0)
    lattice = Lattice(labels[None], *lengths, blank)
    states, no_skip = lattice.symbols[:, 0], ~lattice.skip[:, 0]
    score = np.full(len(states), -np.inf)  # v_t(s): log-probability of the best path into s
    score[:2] = log_probs[0, states[:2]]
    back_pointers = np.zeros((T, len(states)), np.int64)  # 0 stay, 1 step, 2 skip
    for t in range(1, T):
        terms = np.full((3, len(states)), -np.inf)
        terms[0] = score  # stay: v_{t-1}(s)
        terms[1, 1:] = score[:-1]  # step: v_{t-1}(s-1)
        terms[2, 2:] = score[:-2]  # skip: v_{t-1}(s-2), where allowed
        terms[2, no_skip] = -np.inf
        back_pointers[t] = terms.argmax(axis=0)
        # v_t(s) = max(stay, step, skip) + log y_t(s): max in place of the log-sum-exp of alpha
        score = terms.max(axis=0) + log_probs[t, states]
    s = len(states) - 1
    if s > 0 and score[s - 1] > score[s]:  # the path ends in the last blank or the last label
        s -= 1
    total = float(score[s])
    visited = np.zeros(T, np.int64)
    for t in reversed(range(T)):
        visited[t] = s
        s -= back_pointers[t, s]
    frames = [np.flatnonzero(visited == 2 * i + 1) for i in range(len(labels))]
    return Alignment(
        path=states[visited],
        starts=np.array([of_label[0] for of_label in frames], np.int64),
        ends=np.array([of_label[-1] + 1 for of_label in frames], np.int64),
        score=total,
    )
