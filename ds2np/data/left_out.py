"""Utterances that are left out because their recordings turn out unusable.

A recording is read when it is needed, hours after the start of a run. A damaged one must not end
the run, nor be dropped silently: it is named and counted, and many of them are an error.
"""

import sys

from tqdm import tqdm

from ds2np.errors import UserError

FEW = 10  # utterances that a run may leave out
SHARE = 0.01  # of a large data set
MOST = 0.25  # of a small one


class LeftOut:
    """Names utterances that are left out, each once, and raises an error if there are many.

    Parameters
    ----------
    total : int
        Utterances of the data set. A few may be left out: 10, or 1 % of a large set, but never more
        than a quarter of a small one.
    """

    def __init__(self, total):
        self.total, self.reasons = total, {}

    def show(self, reasons):
        """Print new ones, from a dict of their numbers and reasons."""
        for i in reasons.keys() - self.reasons.keys():
            tqdm.write(f"  left out: {reasons[i]}", file=sys.stderr)
        self.reasons |= reasons

    def check(self, count):
        """Raise a UserError if so many utterances of the data set are too many."""
        if count <= min(max(FEW, SHARE * self.total), MOST * self.total):
            return
        latest = "".join(f"{reason}; " for reason in list(self.reasons.values())[-1:])
        raise UserError(
            f"{latest}{count} of {self.total} recordings are unusable like this, too many to leave "
            f"them out: `python -m ds2np data --listen` finds them, and `--fix` leaves them out"
        )
