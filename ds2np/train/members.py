"""Which utterances a run trains on and is validated on, and whether it may be resumed with others.

A run can go on if lines were removed from its training manifest, as for a damaged recording. Its
checkpoint keeps the utterances and frames with which the epoch began, since the order of the epoch
depends on all of them.
"""

from collections import defaultdict, deque
from dataclasses import dataclass

import numpy as np

from ds2np.errors import UserError


@dataclass(frozen=True, eq=False)
class Members:
    """The utterances of a data set.

    Attributes
    ----------
    keys : ndarray of uint64 of shape (utterances,)
        See `Dataset.keys`.
    frames : ndarray of int64 of shape (utterances,)
    """

    keys: np.ndarray
    frames: np.ndarray

    @classmethod
    def of(cls, dataset):
        """Return the utterances of a `Dataset`."""
        return cls(dataset.keys, dataset.frames.astype(np.int64))

    @classmethod
    def from_arrays(cls, arrays):
        """Restore the utterances of each data set from the output of `to_arrays`."""
        sets = dict.fromkeys(name.partition("_")[0] for name in arrays)
        return {name: cls(arrays[f"{name}_keys"], arrays[f"{name}_frames"]) for name in sets}

    def __eq__(self, other):
        """Compare utterances, frames and order."""
        return np.array_equal(self.keys, other.keys) and np.array_equal(self.frames, other.frames)

    def find(self, others):
        """Return the place of each utterance among ``others``, -1 for those that are gone.

        Equal utterances are paired in their order.
        """
        places = defaultdict(deque)
        for place, key in enumerate(others.keys.tolist()):
            places[key].append(place)
        found = [places[key].popleft() if places[key] else -1 for key in self.keys.tolist()]
        return np.array(found, int)


def to_arrays(**sets):
    """Return the utterances of named data sets as arrays, for a checkpoint."""
    return {
        f"{name}_{field}": getattr(members, field)
        for name, members in sets.items()
        for field in ("keys", "frames")
    }


def check_training_set(before, now):
    """Compare the training set of a run with that of its resumption.

    Returns a sentence that tells what has been removed or changed, "" for nothing. Raises a
    UserError, without a subject, if there are new utterances.
    """
    places = before.find(now)
    found = places[places >= 0]
    gone, new = len(places) - len(found), len(now.keys) - len(found)
    if new:
        raise UserError(
            f"{new} of its {len(now.keys)} training utterances are new, and {gone} of the "
            f"{len(places)} before are gone; only lines may be removed"
        )
    changed = int((before.frames[places >= 0] != now.frames[found]).sum())
    parts = []
    if gone:
        parts.append(f"{gone} of {len(places)} training utterances have been removed")
    if changed:
        parts.append(f"{changed} have another duration")
    return ", and ".join(parts)


def check_dev_set(before, now, unusable):
    """Raise a UserError, without a subject, if the validation set has changed.

    Its utterances numbered ``unusable``, which were left out of every evaluation, may be gone.
    Returns the present numbers of those that are not.
    """
    places = before.find(now)
    gone = set(np.flatnonzero(places < 0).tolist()) - set(unusable)
    new = len(now.keys) - int((places >= 0).sum())
    if gone or new:
        raise UserError(
            f"the validation set has changed ({new} utterances are new, {len(gone)} are gone), and "
            f"error rates of different sets cannot be compared; give the same --dev"
        )
    return [int(places[i]) for i in unusable if places[i] >= 0]
