"""Where an utterance ends: at a pause, frames in which the network writes no letter."""

from dataclasses import dataclass

import numpy as np

from ds2np.backend import to_cpu


@dataclass(frozen=True)
class Pauses:
    """When the words so far are final, and the next utterance begins.

    Attributes
    ----------
    pause : float
        Seconds without a letter that end an utterance.
    silence : float
        Seconds without a letter from the beginning, after which an utterance begins anew.
    limit, short : float
        After `limit` seconds, a pause of `short` seconds ends the utterance; after half as many
        more, it ends at once.
    context : float
        Seconds of the pause that may belong to the next utterance, too.
    louder : float
        Decibels by which speech is louder than the background: an utterance begins there. 0: it
        begins at once.
    lead : float
        Seconds before that which belong to it.
    """

    pause: float = 0.8
    silence: float = 2.0
    limit: float = 20.0
    short: float = 0.2
    context: float = 0.4
    louder: float = 10.0
    lead: float = 0.15


class PauseCounter:
    """Counts the frames of an utterance, and those without a letter at its end.

    Parameters
    ----------
    pauses : Pauses
    alphabet : Alphabet
    frame_seconds : float
        From one output frame to the next.
    """

    def __init__(self, pauses, alphabet, frame_seconds):
        self._pauses, self._frame_seconds = pauses, frame_seconds
        spaces = [number for number in range(1, len(alphabet)) if alphabet.separates(number)]
        self._quiet = np.array([alphabet.blank, *spaces])
        self._frames = self._since = 0
        self._heard = False

    def ends(self, log_probs):
        """Return whether the utterance ends after some more frames, log_probs (T, V)."""
        letters = np.flatnonzero(~np.isin(to_cpu(log_probs.argmax(axis=1)), self._quiet))
        self._frames += len(log_probs)
        self._since += len(log_probs)
        if len(letters):
            self._heard, self._since = True, len(log_probs) - 1 - int(letters[-1])
        rules, seconds = self._pauses, self._frames * self._frame_seconds
        quiet = self._since * self._frame_seconds
        if not self._heard:
            return quiet >= rules.silence
        enough = rules.short if seconds >= rules.limit else rules.pause
        return quiet >= enough or seconds >= 1.5 * rules.limit

    @property
    def next_frame(self):
        """The frame at which the next utterance begins, if this one ends here."""
        context = int(self._pauses.context / self._frame_seconds)
        return self._frames - min(self._since, context)
