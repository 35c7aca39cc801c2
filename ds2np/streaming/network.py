"""The network over pieces of several streams at once: states are gathered, and scattered again."""

from dataclasses import dataclass

import numpy as np

from ds2np.layers.streaming import describe_state, join_states, split_state
from ds2np.model.outputs import log_probs_of


@dataclass(frozen=True)
class Piece:
    """Sound of one stream that waits for the network.

    Attributes
    ----------
    samples : ndarray of shape (samples,)
        From the beginning of its first window to the end of its last one; without a window, empty.
    state : tuple
        That of features and network before it; both are None at the beginning of an utterance.
    last : bool
        Whether the utterance ends with it.
    """

    samples: np.ndarray
    state: tuple
    last: bool

    @property
    def kind(self):
        """What has to be equal for pieces to fit into one minibatch."""
        return len(self.samples), self.last, describe_state(self.state)


def run_pieces(model, features, pieces):
    """Compute features and log-probabilities of a piece of each of several streams.

    Pieces of the same kind are one minibatch: nearly all of them, as only the first and the last
    pieces of an utterance differ.

    Parameters
    ----------
    model : DeepSpeech2
        Runs forward only, and is in evaluation mode.
    features : Features
    pieces : sequence of Piece

    Returns
    -------
    list of tuple of ndarray and object
        For each piece the log-probabilities (T_out, V), on the device of the network, and the state
        after it.

    Raises
    ------
    UserError
        If the network puts out NaN or infinity.
    """
    kinds, results = {}, [None] * len(pieces)
    for i, piece in enumerate(pieces):
        kinds.setdefault(piece.kind, []).append(i)
    for rows in kinds.values():
        samples = np.stack([pieces[i].samples for i in rows])
        level, state = join_states([pieces[i].state for i in rows])
        x = np.zeros((len(rows), 0, features.count), samples.dtype)
        if samples.size:
            x, level = features.continue_streams(samples, level)
        logits, state = model.forward_chunk(x, state, pieces[rows[0]].last)
        states = split_state((level, state), len(rows))
        for i, row, after in zip(rows, log_probs_of(logits), states, strict=True):
            results[i] = row, after
    model.clear_cache()
    return results
