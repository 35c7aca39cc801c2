"""The network over pieces of several streams at once: states are gathered, and scattered again."""

from dataclasses import dataclass

import numpy as np

from ds2np.layers.streaming import describe_state, join_states, split_state
from ds2np.model.outputs import log_probs_of


@dataclass(frozen=True)
class Piece:
    """Frames of one stream that wait for the network.

    Attributes
    ----------
    frames : ndarray of shape (T, F)
    state : object
        The network's state before them; None at the beginning of an utterance.
    last : bool
        Whether the utterance ends with them.
    """

    frames: np.ndarray
    state: object
    last: bool

    @property
    def kind(self):
        """What has to be equal for pieces to fit into one minibatch."""
        return len(self.frames), self.last, describe_state(self.state)


def run_pieces(model, pieces):
    """Run a network of one direction on a piece of each of several streams.

    Pieces of the same kind are one minibatch: nearly all of them, as only the first and the last
    pieces of an utterance differ.

    Parameters
    ----------
    model : DeepSpeech2
        In evaluation mode.
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
        x = np.stack([pieces[i].frames for i in rows])
        state = join_states([pieces[i].state for i in rows])
        logits, state = model.forward_chunk(x, state, pieces[rows[0]].last)
        log_probs = log_probs_of(logits)
        for i, row, after in zip(rows, log_probs, split_state(state, len(rows)), strict=True):
            results[i] = row, after
    model.clear_cache()
    return results
