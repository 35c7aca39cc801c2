"""Wait for the other ranks, and name those that are missing.

In a collective call that never ends, all ranks wait, and nothing shows which one is missing. So a
rank that has waited for a while sends rank 0 a short message, "I wait at call 40". After the
time-out, rank 0 checks whose message is missing, and informs the others; if it does not answer, it
is missing itself. Chapter 13 shows it at work.
"""

import os
import time

from ds2np.errors import UserError

AWAKE = 0.001  # seconds of polling without sleep
MAX_NAP = 0.005  # seconds of sleep between two polls
MESSAGE_AFTER = 1.0  # seconds of waiting before a rank sends a message


class RollCall:
    """A record of the collective call at which each rank waits.

    ``mailbox.send(rank, message)`` does not wait. ``mailbox.receive()`` returns a rank and its
    message, a dict; or a rank and None if its process has ended; or None. ``timeout`` is in
    seconds, ``hosts`` the machine of each rank, ``place`` the current one, such as "step 17".
    """

    def __init__(self, rank, size, mailbox, timeout, hosts=None):
        self.rank, self.size, self.mailbox = rank, size, mailbox
        self.timeout, self.hosts = timeout, hosts
        self.place = None
        self._calls = 0
        self._waits_at = [0] * size  # the latest call at which each rank reported that it waits
        self._ended = set()
        self._sent = self._alarm = None
        self._trouble = ""

    def begin(self):
        """Count a collective call; return its number and its place, for `wait_until`."""
        self._calls += 1
        return self._calls, self.place or f"collective call {self._calls}"

    def alarm(self, trouble=""):
        """Start the roll call now; ``trouble`` is the reason if it is not the time-out."""
        if self._alarm is None:
            self._alarm, self._trouble = time.monotonic(), trouble

    def wait_until(self, done, call):
        """Wait until ``done()`` returns true; ``call`` is from `begin`.

        A UserError names the missing ranks after the time-out, or when a rank has ended.
        """
        began = time.monotonic()
        self._sent = self._alarm = None
        while not done():
            waited = time.monotonic() - began
            if waited < AWAKE:
                _yield_cpu()
            else:
                time.sleep(min(waited / 10, MAX_NAP))
                self._check_ranks(call, waited)

    def _check_ranks(self, call, waited):
        self._receive(call)
        if waited >= self.timeout or self._ended:
            self.alarm()
        pause = min(MESSAGE_AFTER, self.timeout / 4)
        if self._alarm is not None:
            self._send("alarm", call)
            if time.monotonic() >= self._alarm + self._patience() * pause:
                self._give_verdict(call)
        elif waited >= pause:
            self._send("waits", call)

    def _patience(self):
        """Return how many pauses to wait after the alarm."""
        if self.rank == 0:
            return 2  # the ranks that wait send a message after one
        return 1 if 0 in self._ended else 5  # rank 0 answers after two

    def _send(self, kind, call):
        if self.rank and self._sent != kind:
            self.mailbox.send(0, {"kind": kind, "call": call[0]})
            self._sent = kind

    def _receive(self, call):
        while (received := self.mailbox.receive()) is not None:
            rank, message = received
            if message is None:
                self._ended.add(rank)
            elif message["kind"] == "verdict":
                raise UserError(message["text"])
            else:
                self._waits_at[rank] = message["call"]
                if message["kind"] == "alarm" and message["call"] >= call[0]:
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
                f"{self.name(ended)} ended before {place}; its last output says why, or, if there "
                f"is none, it was killed, perhaps because memory ran out"
            )
        why = f" ({self._trouble})" if self._trouble else f" within {self.timeout:g} s"
        if not missing:
            return (
                f"all {self.size} ranks reached {place}, but their arrays did not arrive{why}; "
                f"the network may be broken, or the arrays may have different lengths"
            )
        verb = "has" if len(missing) == 1 else "have"
        return (
            f"{self.name(missing)} {verb} not reached {place}{why}; it may have crashed, be stuck, "
            f"or be much slower than the others"
        )

    def name(self, ranks):
        """Name some ranks and their machines, such as "rank 2 of 4 (host b)"."""
        names = [f"{r} (host {self.hosts[r]})" if self.hosts else str(r) for r in ranks]
        if len(names) > 1:
            return f"ranks {', '.join(names[:-1])} and {names[-1]} of {self.size}"
        number, _, host = names[0].partition(" ")
        return f"rank {number} of {self.size} {host}".rstrip()


def _yield_cpu():
    if hasattr(os, "sched_yield"):  # not on every system
        os.sched_yield()
