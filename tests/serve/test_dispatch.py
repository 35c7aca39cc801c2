"""Batch Dispatch: what goes to the device next, and that all get their own answers."""

import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest
from helpers.streams import ENDLESS, recogniser_of

from ds2np.errors import UserError
from ds2np.serve.dispatcher import Dispatcher, RecordingJob
from ds2np.serve.messages import Overloaded
from ds2np.serve.waiting import Waiting


def recording(seconds):
    return RecordingJob(None, seconds, 0, Future())


def test_all_that_waits_goes_up_to_a_limit():
    waiting = Waiting(most=3)
    for piece in "abcde":
        waiting.add_piece(piece)
    assert waiting.next() == (["a", "b", "c"], [])
    waiting.add_piece("f")
    assert waiting.next() == (["d", "e", "f"], [])
    assert waiting.next() == ([], [])
    assert len(waiting) == 0


def test_recordings_of_like_length_go_together():
    waiting = Waiting(most=3, seconds=40)
    oldest, long, like, near = map(recording, (10, 60, 11, 12))
    for job in (oldest, long, like, near):
        waiting.add_recording(job)
    assert waiting.next()[1] == [oldest, like, near]  # 3 x 12 s
    assert waiting.next()[1] == [long]  # longer than a batch, but it has to go some time


def test_pieces_and_recordings_take_turns():
    waiting = Waiting(most=2, share=5)
    waiting.streams = 4
    recordings = [recording(3), recording(3)]
    for job in recordings:
        waiting.add_recording(job)
    for piece in "abcd":
        waiting.add_piece(piece)
    turns = [waiting.next() for _ in range(5)]
    assert (
        turns
        == [
            (["a", "b"], []),
            ([], recordings[:1]),  # one: 2 x 3 s would let the streams wait for too long
            (["c", "d"], []),
            ([], recordings[1:]),
            ([], []),
        ]
    )


def test_what_has_gone_is_dropped():
    waiting = Waiting()
    waiting.add_piece("a")
    waiting.add_piece("b")
    assert waiting.remove(lambda job: job == "a") == ["a"]
    assert waiting.next() == (["b"], [])


def test_a_batch_may_grow_until_all_streams_are_in_it():
    waiting = Waiting(most=3)
    waiting.streams = 2
    waiting.add_piece("a")
    assert waiting.may_grow
    waiting.add_piece("b")
    assert not waiting.may_grow
    waiting.streams = 9
    assert waiting.may_grow
    waiting.add_piece("c")
    assert not waiting.may_grow  # the limit
    waiting.next()
    waiting.add_piece("d")
    waiting.add_recording(recording(3))
    assert not waiting.may_grow


def simulate(waiting, streams, seconds, cost, period=0.1):
    """Let streams send a piece each period; return the latencies, by a clock of its own.

    cost: seconds of a batch of some size.
    """
    arrivals = sorted(
        (k * period + stream * period / streams, stream)
        for k in range(round(seconds / period))
        for stream in range(streams)
    )
    now, latencies = 0.0, []
    while arrivals or len(waiting):
        if not len(waiting):
            now = max(now, arrivals[0][0])
        while arrivals and arrivals[0][0] <= now:
            waiting.add_piece(arrivals.pop(0))
        pieces, _ = waiting.next()
        now += cost(len(pieces))
        latencies += [now - came for came, _ in pieces]
    return np.array(latencies)


def test_batches_hold_more_streams_than_one_at_a_time():
    cost = lambda size: 0.004 + 0.0005 * size  # noqa: E731
    few = simulate(Waiting(1), 15, 5, cost)
    assert few.max() < 0.01
    too_many = simulate(Waiting(1), 40, 5, cost)
    assert too_many.max() > 3  # it falls behind
    batched = simulate(Waiting(128), 120, 5, cost)
    assert np.quantile(batched, 0.98) < 0.02


@pytest.fixture
def dispatcher():
    one = Dispatcher(recogniser_of())
    one.start()
    yield one
    one.stop()


def sound(count, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count).astype(np.float32)


def hold(dispatcher):
    """Let the dispatcher's thread wait for the event that is returned."""
    held = threading.Event()
    dispatcher.hold = lambda answer: held.wait(5)
    dispatcher.ask("hold")
    return held


def test_streams_and_recordings_beside_each_other(dispatcher):
    recogniser, sizes = dispatcher.recogniser, range(600, 4000, 411)
    answers = [dispatcher.ask("transcribe", sound(size, size)) for size in sizes]
    streams = [dispatcher.ask("open", None, False, ENDLESS).result(20) for _ in sizes]
    heard = [
        [dispatcher.ask("hear", stream, part) for part in np.array_split(sound(size, size), 5)]
        for stream, size in zip(streams, sizes, strict=True)
    ]
    for parts, stream in zip(heard, streams, strict=True):
        parts.append(dispatcher.ask("finish", stream))
    for size, answer, parts in zip(sizes, answers, heard, strict=True):
        expected = recogniser.transcribe(sound(size, size)).text
        assert answer.result(20).text == expected
        texts = [one.text for part in parts for one in part.result(20).transcripts]
        assert texts == [expected] * bool(expected)


def test_a_long_recording_lets_others_pass(dispatcher):
    """It goes on after each piece; short ones are answered meanwhile."""
    order, samples = [], sound(1600 * 125)
    stream = dispatcher.ask("open").result(20)
    held = hold(dispatcher)
    long = dispatcher.ask("transcribe", samples)
    short = [dispatcher.ask("transcribe", sound(800, i)) for i in range(3)]
    long.add_done_callback(lambda _: order.append("long"))
    heard = dispatcher.ask("hear", stream, sound(400))
    heard.add_done_callback(lambda _: order.append("stream"))
    held.set()
    assert long.result(60).text == dispatcher.recogniser.transcribe(samples).text
    assert order == ["stream", "long"]
    assert all(one.result(20) is not None for one in short)


def test_one_bad_recording_does_not_spoil_its_batch(dispatcher):
    held = hold(dispatcher)
    answers = [dispatcher.ask("transcribe", sound(size)) for size in (900, 3, 950)]
    held.set()
    with pytest.raises(UserError, match="expected at least one window"):
        answers[1].result(20)
    for answer, size in ((answers[0], 900), (answers[2], 950)):
        assert answer.result(20).text == dispatcher.recogniser.transcribe(sound(size)).text


def recorder(told):
    return lambda *each: told.append(each)


def test_batches_are_as_large_as_they_may_be():
    """Also one at a time: an empty queue is a queue, too."""
    for most in (1, 3):
        told = []
        dispatcher = Dispatcher(recogniser_of(), Waiting(most), told=recorder(told))
        for _ in range(6):
            dispatcher.ask("open")
        for stream in range(6):
            dispatcher.ask("hear", stream, sound(400))
        dispatcher.start()
        dispatcher.stop()
        assert max(size for _, size, _ in told) == most


def test_pieces_gather_for_a_while():
    """Those that come within a while of the last batch go together, but nobody waits for nobody."""
    told = []
    dispatcher = Dispatcher(recogniser_of(), pace=0.5, told=recorder(told))
    dispatcher.start()
    first, second = (dispatcher.ask("open").result(20) for _ in range(2))
    both = [dispatcher.ask("hear", stream, sound(400)) for stream in (first, second)]
    assert all(answer.result(20) for answer in both)
    told.clear()
    began = time.perf_counter()
    dispatcher.ask("hear", first, sound(160)).result(20)
    assert time.perf_counter() - began > 0.2
    dispatcher.ask("close", second)
    for _ in range(20):
        dispatcher.ask("hear", first, sound(160)).result(20)
    assert time.perf_counter() - began < 5
    dispatcher.stop()


def test_too_much_is_refused():
    dispatcher = Dispatcher(recogniser_of(), most_waiting=2, patience=0.0)
    *first, third = [dispatcher.ask("transcribe", sound(900)) for _ in range(3)]
    dispatcher.start()
    with pytest.raises(Overloaded, match="2 recordings wait already"):
        third.result(20)
    for one in first:
        with pytest.raises(Overloaded, match="waited for too long"):
            one.result(20)
    dispatcher.stop()
    with pytest.raises(Overloaded, match="the server is ending"):
        dispatcher.ask("transcribe", sound(900))


def test_a_network_that_fails(dispatcher, monkeypatch):
    """Its streams are told, also later ones; what comes after it is answered."""
    stream, other = (dispatcher.ask("open").result(20) for _ in range(2))
    with monkeypatch.context() as patch:
        patch.setattr("ds2np.serve.dispatcher.run_pieces", lambda *arguments: 1 / 0)
        failed = dispatcher.ask("hear", stream, sound(400))
        with pytest.raises(ZeroDivisionError):
            failed.result(20)
    with pytest.raises(ZeroDivisionError):
        dispatcher.ask("hear", stream, sound(400)).result(20)
    assert dispatcher.ask("hear", other, sound(400)).result(20)
    assert dispatcher.ask("close", stream).result(20) is None


def test_a_stream_that_is_closed_is_not_answered(dispatcher):
    stream = dispatcher.ask("open").result(20)
    held = hold(dispatcher)
    heard = [dispatcher.ask("hear", stream, sound(400)) for _ in range(2)]
    dispatcher.ask("close", stream)
    held.set()
    for answer in heard:
        with pytest.raises(Overloaded, match="the stream has been closed"):
            answer.result(20)
    assert len(dispatcher._waiting) == 0


def test_what_waits_at_the_end_is_still_done():
    dispatcher = Dispatcher(recogniser_of())
    answers = [dispatcher.ask("transcribe", sound(900, i)) for i in range(5)]
    dispatcher.start()
    dispatcher.stop()
    assert all(answer.done() and answer.result() for answer in answers)
