"""Streams by a client written from the protocol of Vosk's server."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from helpers.streams import recogniser_of
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ds2np.errors import UserError

from .conftest import serving

RATE = 1600


def make_sound(count, seed=0):
    return np.random.default_rng(seed).integers(-9000, 9000, count).astype("<i2")


def talk(url, sound, size=160, rate=RATE, config=None):
    """Send a sound in pieces, as Vosk's client does; return all answers."""
    answers = []
    with connect(url) as socket:
        socket.send(json.dumps({"config": {"sample_rate": rate} | (config or {})}))
        for at in range(0, len(sound), size):
            socket.send(sound[at : at + size].tobytes())
            answers.append(json.loads(socket.recv(20)))
        socket.send('{"eof" : 1}')
        answers.append(json.loads(socket.recv(20)))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(20)
        assert closed.value.rcvd.code == 1000
    return answers


def alone(recogniser, sound, size=160, rate=RATE):
    """Return the transcripts of a stream by itself."""
    samples, stream = sound.astype(np.float32) / 32768, recogniser.stream(rate)
    pieces = [samples[at : at + size] for at in range(0, len(samples), size)]
    return [one for piece in pieces for one in stream.push(piece)] + stream.finish()


def results(answers):
    return [answer for answer in answers if "text" in answer]


@pytest.mark.parametrize(("size", "rate"), [(160, RATE), (1000, 4410), (7, RATE), (5000, RATE)])
def test_answers_of_a_stream(served, size, rate):
    sound = make_sound(5000 if rate == RATE else 16000)
    answers = talk(served.ws, sound, size, rate)
    expected = alone(served.recogniser, sound, size, rate)
    assert len(answers) == -(-len(sound) // size) + 1  # one for each message
    assert all(answer.keys() <= {"partial", "text", "result"} for answer in answers)
    assert any(answer.get("partial") for answer in answers[:-1]) or size > 160
    found = [result for result in results(answers) if result["text"]]
    assert " ".join(one["text"] for one in found) == " ".join(one.text for one in expected)
    words = [word for result in found for word in result["result"]]
    times = [(word["word"], word["start"], word["end"]) for word in words]
    assert times == [(word.text, word.start, word.end) for one in expected for word in one.words]
    assert words
    assert all(0 < word["conf"] <= 1 for word in words)


def test_without_words(served):
    (last,) = results(talk(served.ws, make_sound(3000), config={"words": 0}))
    assert list(last) == ["text"]


def test_nothing_was_said(served):
    assert talk(served.ws, make_sound(0)) == [{"text": ""}]


def test_many_streams_get_their_own_answers(served):
    sounds = [make_sound(1500 + 311 * i, seed=i) for i in range(16)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda sound: results(talk(served.ws, sound)), sounds))
    got = [" ".join(answer["text"] for answer in found).strip() for found in answers]
    alone_too = [alone(served.recogniser, sound) for sound in sounds]
    assert got == [" ".join(one.text for one in found) for found in alone_too]
    assert len(set(got)) > 8


def refused(url, *messages):
    """Send messages; return the code and the reason with which the server closes."""
    with connect(url) as socket:
        for message in messages:
            socket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            list(iter(socket.recv, None))
    return closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (["nonsense"], 'expected {"config": ...} or {"eof": 1}, got \'nonsense\''),
        (["[1]"], 'expected {"config": ...} or {"eof": 1}, got \'[1]\''),
        (['{"config": 5}'], "expected a sample_rate in hertz"),
        (['{"config": {"sample_rate": "x"}}'], "expected a sample_rate in hertz"),
        (['{"config": {"sample_rate": 1e400}}'], "expected a sample_rate in hertz"),
        (['{"config": {"sample_rate": 7}}', b"ab"], "states a sampling rate of 7 Hz"),
        ([b"odd"], "expected samples of 16 bits, got 3 bytes"),
        ([b"ab", '{"config": {"sample_rate": 800}}'], "has to come before the sound"),
    ],
)
def test_messages_that_are_refused(served, messages, reason):
    code, found = refused(served.ws, *messages)
    assert code == 1008
    assert reason in found


def test_too_long_a_stream():
    with serving(seconds=2) as served:
        sound = make_sound(RATE * 3).tobytes()
        config = json.dumps({"config": {"sample_rate": RATE}})
        assert refused(served.ws, config, sound) == (1008, "the stream is longer than 2 s")


def test_too_many_streams():
    with serving(streams=2) as served:
        with connect(served.ws), connect(served.ws):
            with pytest.raises(InvalidStatus) as caught:
                connect(served.ws)
            assert caught.value.response.status_code == 503
            error = json.loads(caught.value.response.body)["error"]
            assert error["message"] == "2 streams are open already; try again later"
        deadline = time.monotonic() + 5
        while served.server.config.loaded_app and time.monotonic() < deadline:
            try:
                talk(served.ws, make_sound(500))
                break
            except InvalidStatus:
                time.sleep(0.05)
        else:
            pytest.fail("the places of streams that have ended stay taken")


def test_a_network_of_both_directions():
    load = partial(recogniser_of, bidirectional=True, normalisation="utterance")
    with pytest.raises(UserError):
        load().stream()
    with serving(load) as served:
        code, reason = refused(served.ws, b"abab")
        assert code == 1008
        assert "the network runs in both directions" in reason


def test_clients_that_vanish_leave_nothing(served):
    sound = make_sound(4000)
    for cut in (0, 1, 5, 9):
        with connect(served.ws) as socket:
            socket.send(json.dumps({"config": {"sample_rate": RATE}}))
            for at in range(cut):
                socket.send(sound[160 * at : 160 * (at + 1)].tobytes())
            socket.socket.close()  # without a word
    assert results(talk(served.ws, sound))[-1]["text"] == alone(served.recogniser, sound)[-1].text


def test_a_client_that_does_not_read_hinders_nobody(served):
    sound = make_sound(160 * 300)
    with connect(served.ws) as deaf:
        deaf.send(json.dumps({"config": {"sample_rate": RATE}}))
        for at in range(0, len(sound), 160):
            deaf.send(sound[at : at + 160].tobytes())
        test_answers_of_a_stream(served, 160, RATE)
        answers = [json.loads(deaf.recv(30)) for _ in range(300)]
    assert all(answer.keys() & {"partial", "text"} for answer in answers)


def test_the_end_of_the_server_gives_the_last_result():
    sound = make_sound(4000)
    with serving() as served:
        with connect(served.ws) as socket:
            socket.send(json.dumps({"config": {"sample_rate": RATE}}))
            socket.send(sound.tobytes())
            socket.recv(20)
            served.server.should_exit = True
            last = json.loads(socket.recv(10))
            with pytest.raises(ConnectionClosed):
                socket.recv(10)
        assert last["text"] == alone(served.recogniser, sound, 4000)[-1].text
