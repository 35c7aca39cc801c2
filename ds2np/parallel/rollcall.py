"""Wait for the other ranks, and name those that do not come.

A collective call that never ends says nothing of who is missing: everyone waits. So a rank that has
waited for a while writes a short note to rank 0, "I wait at call 40, step 17", beside the arrays
and only then. When somebody has waited too long, rank 0 looks at whose note is not there, and tells
all who wait; where no answer comes, it is rank 0 that is missing.
"""

import os
import time

from ds2np.errors import UserError

AWAKE = 0.001  # seconds of asking again and again before the naps begin
MAX_NAP = 0.005
NOTE_AFTER = 1.0


class RollCall:
    """Knows who waits at which collective call.

    Parameters
    ----------
    rank, size : int
    mailbox : object
        Carries notes, not arrays: ``send(rank, note)`` does not wait; ``receive()`` returns a rank
        and its note (a dict), or a rank and None if that process has ended, or None.
    timeout : float
        Seconds.
    hosts : list of str, optional
        The machine of each rank.

    Attributes
    ----------
    place : str or None
        Where the run is, such as "step 17".
    """

    def __init__(self, rank, size, mailbox, timeout, hosts=None):
        self.rank, self.size, self.mailbox = rank, size, mailbox
        self.timeout, self.hosts = timeout, hosts
        self.place = None
        self._calls = 0
        self._waits_at = [0] * size  # the latest call at which each rank has said to wait
        self._ended = set()
        self._noted = self._alarm = None
        self._trouble = ""

    def begin(self):
        """Count a collective call of this rank.

        Returns
        -------
        tuple of int and str
            The number of the call and its place, for `wait_until`.
        """
        self._calls += 1
        return self._calls, self.place or f"collective call {self._calls}"

    def alarm(self, trouble=""):
        """Call the roll now; give the reason if it is not the time-out."""
        if self._alarm is None:
            self._alarm, self._trouble = time.monotonic(), trouble

    def wait_until(self, done, call):
        """Wait for a collective call.

        Parameters
        ----------
        done : callable
            Tells whether the call is done.
        call : tuple of int and str
            From `begin`.

        Raises
        ------
        UserError
            If it takes longer than the time-out, or a rank has ended: names the missing ranks.
        """
        began = time.monotonic()
        self._noted = self._alarm = None
        while not done():
            waited = time.monotonic() - began
            if waited < AWAKE:
                _let_others_run()
            else:
                time.sleep(min(waited / 10, MAX_NAP))
                self._look_around(call, waited)

    def _look_around(self, call, waited):
        self._read_notes(call)
        if waited >= self.timeout or self._ended:
            self.alarm()
        pause = min(NOTE_AFTER, self.timeout / 4)
        if self._alarm is not None:
            self._note("alarm", call)
            if time.monotonic() >= self._alarm + self._patience() * pause:
                self._give_verdict(call)
        elif waited >= pause:
            self._note("waits", call)

    def _patience(self):
        """Choose how many pauses to wait after the alarm."""
        if self.rank == 0:
            return 2  # who has come tells so after one
        return 1 if 0 in self._ended else 5  # rank 0 speaks after two

    def _note(self, kind, call):
        if self.rank and self._noted != kind:
            self.mailbox.send(0, {"kind": kind, "call": call[0]})
            self._noted = kind

    def _read_notes(self, call):
        while (message := self.mailbox.receive()) is not None:
            rank, note = message
            if note is None:
                self._ended.add(rank)
            elif note["kind"] == "verdict":
                raise UserError(note["text"])
            else:
                self._waits_at[rank] = note["call"]
                if note["kind"] == "alarm" and note["call"] >= call[0]:
                    self.alarm()

    def _give_verdict(self, call):
        number, place = call
        if self.rank:  # rank 0 has not answered
            missing = [0]
        else:
            missing = [r for r in range(1, self.size) if self._waits_at[r] < number]
        text = self._describe(missing, place)
        if not self.rank:
            for rank in range(1, self.size):
                self.mailbox.send(rank, {"kind": "verdict", "text": text})
        raise UserError(text)

    def _describe(self, missing, place):
        ended = [rank for rank in missing if rank in self._ended]
        if ended:
            return (
                f"{self.name(ended)} ended before {place}; what it printed last says why, and if "
                f"that is nothing, it was killed, perhaps for want of memory"
            )
        why = f" ({self._trouble})" if self._trouble else f" within {self.timeout:g} s"
        if not missing:
            return (
                f"all {self.size} ranks came to {place}, but their arrays did not arrive{why}; "
                f"the network between them may be broken, or the arrays be of unequal length"
            )
        verb = "has" if len(missing) == 1 else "have"
        return (
            f"{self.name(missing)} {verb} not come to {place}{why}; it may have crashed, be stuck, "
            f"or be much slower than the others"
        )

    def name(self, ranks):
        """Name some ranks and their machines: "rank 2 of 4 (host b)"."""
        names = [f"{r} (host {self.hosts[r]})" if self.hosts else str(r) for r in ranks]
        if len(names) > 1:
            return f"ranks {', '.join(names[:-1])} and {names[-1]} of {self.size}"
        number, _, host = names[0].partition(" ")
        return f"rank {number} of {self.size} {host}".rstrip()


def _let_others_run():
    if hasattr(os, "sched_yield"):  # not everywhere
        os.sched_yield()
