"""The roll call with a mailbox in memory; real processes are in test_mpi and test_rendezvous."""

import time

import pytest

from ds2np.errors import UserError
from ds2np.parallel.rollcall import RollCall


class Mailbox:
    def __init__(self, *messages):
        self.messages, self.sent = list(messages), []

    def send(self, rank, message):
        self.sent.append((rank, message))

    def receive(self):
        return self.messages.pop(0) if self.messages else None


def waits(rank, call, kind="waits"):
    return rank, {"kind": kind, "call": call}


def never():
    return False


def roll_call(rank, *messages, size=4, timeout=0.04, hosts=("a", "b", "c", "d")):
    roll = RollCall(rank, size, Mailbox(*messages), timeout, list(hosts))
    roll.place = "step 17"
    return roll


def test_a_finished_call_needs_no_message():
    roll = roll_call(1)
    roll.wait_until(lambda: True, roll.begin())
    assert roll.mailbox.sent == []


def test_rank_0_names_the_ranks_without_a_message_and_informs_the_others():
    roll = roll_call(0, waits(1, 1))
    with pytest.raises(UserError) as caught:
        roll.wait_until(never, roll.begin())
    text = str(caught.value)
    assert text.startswith(
        "ranks 2 (host c) and 3 (host d) of 4 have not reached step 17 within 0.04 s;"
    )
    assert roll.mailbox.sent == [(r, {"kind": "verdict", "text": text}) for r in (1, 2, 3)]


def test_messages_of_an_earlier_call_do_not_count():
    roll = roll_call(0, waits(1, 1, "alarm"), waits(2, 1), waits(3, 2))
    roll.wait_until(lambda: not roll.mailbox.messages, roll.begin())
    with pytest.raises(UserError, match=r"^ranks 1 \(host b\) and 2 \(host c\) of 4 have not"):
        roll.wait_until(never, roll.begin())


def test_an_alarm_of_another_rank_starts_the_roll_call():
    messages = waits(1, 1, "alarm"), waits(2, 1)
    roll = roll_call(0, *messages, timeout=60)
    roll.timeout = 0.4  # the pause is a quarter of it
    with pytest.raises(UserError, match=r"rank 3 of 4 \(host d\) has not reached"):
        roll.wait_until(never, roll.begin())


def test_other_ranks_send_messages_and_report_the_verdict_of_rank_0():
    roll = roll_call(2)
    call = roll.begin()

    def answer():
        if roll.mailbox.sent and not roll.mailbox.messages:
            roll.mailbox.messages.append((0, {"kind": "verdict", "text": "rank 1 is missing"}))
        return False

    with pytest.raises(UserError, match="rank 1 is missing"):
        roll.wait_until(answer, call)
    assert roll.mailbox.sent == [(0, {"kind": "waits", "call": 1})]


def test_rank_0_is_missing_if_it_does_not_answer():
    roll = roll_call(2, hosts=())
    with pytest.raises(UserError, match=r"^rank 0 of 4 has not reached step 17 within"):
        roll.wait_until(never, roll.begin())
    assert [message["kind"] for _, message in roll.mailbox.sent] == ["waits", "alarm"]


def test_a_rank_that_has_ended_is_named_long_before_the_time_out():
    roll = roll_call(0, (3, None), waits(1, 1), timeout=60)
    roll.timeout = 0.4
    with pytest.raises(UserError, match=r"^rank 3 of 4 \(host d\) ended before step 17"):
        roll.wait_until(never, roll.begin())


def test_a_rank_that_ends_when_the_others_are_done_is_not_reported():
    roll = roll_call(0, (3, None))
    roll.wait_until(lambda: not roll.mailbox.messages, roll.begin())


def test_if_no_rank_is_missing_it_is_the_network():
    roll = roll_call(0, *(waits(r, 1) for r in (1, 2, 3)))
    with pytest.raises(UserError, match="all 4 ranks reached step 17, but their arrays"):
        roll.wait_until(never, roll.begin())


def test_trouble_is_reported():
    roll = roll_call(0, waits(1, 1), size=3)

    def broken():
        roll.alarm("a cable is out")
        return False

    with pytest.raises(UserError, match=r"rank 2 .* reached step 17 \(a cable is out\);"):
        roll.wait_until(broken, roll.begin())


@pytest.mark.parametrize("earlier", ["its own alarm", "an alarm of another rank"])
def test_an_earlier_alarm_is_over(earlier):
    messages = [waits(1, 1, "alarm")] if earlier == "an alarm of another rank" else []
    roll = roll_call(0, *messages, timeout=0.4)  # a verdict comes 0.2 s after an alarm
    call = roll.begin()
    if not messages:
        roll.alarm()
    roll.wait_until(lambda: True, call)
    began = time.monotonic()
    roll.wait_until(lambda: time.monotonic() > began + 0.3, roll.begin())


def test_without_a_place_calls_are_counted():
    roll = roll_call(0)
    roll.place = None
    roll.begin()
    with pytest.raises(UserError, match="not reached collective call 2 within"):
        roll.wait_until(never, roll.begin())
