"""Where in the sound is each character? The single best path through the lattice."""

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
        First frame of each label, and the one behind its last.
    score : float
        Log probability of the path, natural logarithm.
    """

    path: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    score: float

    def times(self, frame_ms):
        """Return the start and the end of each label in seconds.

        Parameters
        ----------
        frame_ms : float
            Milliseconds from one frame to the next, such as `DeepSpeech2Config.frame_ms`.

        Returns
        -------
        ndarray of shape (L, 2)
        """
        return np.stack([self.starts, self.ends], axis=1) * frame_ms / 1000


def forced_align(log_probs, labels, blank=0):
    """Find the most probable path of one utterance that collapses to its transcript (Viterbi).

    Parameters
    ----------
    log_probs : ndarray of shape (T, V)
    labels : sequence of int of length L
    blank : int

    Returns
    -------
    Alignment

    Raises
    ------
    ValueError
        If shapes or labels are wrong, or the transcript does not fit into T frames.
    """
    labels = np.asarray(labels, dtype=np.int64)
    log_probs = to_cpu(log_probs)
    lengths = np.array([len(log_probs)]), np.array([len(labels)])
    check_ctc(log_probs[None], labels[None], *lengths, blank)
    T, needed = len(log_probs), min_frames(labels)
    if needed > T:
        raise ValueError(f"the transcript needs {needed} frames, there are {T}")
    if T == 0:
        none = np.zeros(0, np.int64)
        return Alignment(none, none, none, 0.0)
    lattice = Lattice(labels[None], *lengths, blank)
    states, closed = lattice.symbols[:, 0], ~lattice.skip[:, 0]
    score = np.full(len(states), -np.inf)
    score[:2] = log_probs[0, states[:2]]
    came_from = np.zeros((T, len(states)), np.int64)  # 0, 1 or 2 states before
    for t in range(1, T):
        ways = np.full((3, len(states)), -np.inf)
        ways[0] = score
        ways[1, 1:] = score[:-1]
        ways[2, 2:] = score[:-2]
        ways[2, closed] = -np.inf
        came_from[t] = ways.argmax(axis=0)
        score = ways.max(axis=0) + log_probs[t, states]
    s = len(states) - 1
    if s > 0 and score[s - 1] > score[s]:
        s -= 1
    total = float(score[s])
    visited = np.zeros(T, np.int64)
    for t in reversed(range(T)):
        visited[t] = s
        s -= came_from[t, s]
    frames = [np.flatnonzero(visited == 2 * i + 1) for i in range(len(labels))]
    return Alignment(
        path=states[visited],
        starts=np.array([of_label[0] for of_label in frames], np.int64),
        ends=np.array([of_label[-1] + 1 for of_label in frames], np.int64),
        score=total,
    )
