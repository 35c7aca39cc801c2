"""Recordings by OpenAI's own client."""

import io
import json
import re
import struct
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openai
import pytest
import soundfile

from ds2np.audio import load_audio


def make_wav(count, seed=0, rate=1600, kind="WAV"):
    sound = np.random.default_rng(seed).uniform(-0.5, 0.5, count)
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=kind)
    return file.getvalue()


@pytest.fixture
def client(served):
    return openai.OpenAI(base_url=f"{served.http}/v1", api_key="none", max_retries=0)


def ask(client, data, name="a.wav", **options):
    return client.audio.transcriptions.create(model="any", file=(name, data), **options)


@pytest.fixture
def expected(served):
    """What the recogniser writes of a recording."""
    return lambda data: served.recogniser.transcribe(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_text_of_a_recording(client, expected, kind):
    data = make_wav(60000, rate=8000, kind=kind)
    assert ask(client, data).text == expected(data).text != ""


def test_words_and_segments(client, expected):
    data = make_wav(8000)
    got = ask(client, data, response_format="verbose_json", timestamp_granularities=["word"])
    whole = expected(data)
    assert (got.text, got.duration, got.language) == (whole.text, 5.0, "und")
    words = [(word.word, word.start, word.end) for word in got.words]
    assert words == [(word.text, word.start, word.end) for word in whole.words]
    assert " ".join(segment.text for segment in got.segments) == whole.text
    assert got.segments[0].start == whole.words[0].start


def test_text_and_subtitles(client, expected):
    data = make_wav(8000)
    whole = expected(data)
    assert ask(client, data, response_format="text") == whole.text + "\n"
    srt = ask(client, data, response_format="srt")
    blocks = srt.strip().split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == [str(i + 1) for i in range(len(blocks))]
    assert re.fullmatch(r"00:00:0\d,\d{3} --> 00:00:0\d,\d{3}", blocks[0].split("\n")[1])
    assert " ".join(block.split("\n")[2] for block in blocks) == whole.text
    vtt = ask(client, data, response_format="vtt")
    assert vtt.startswith("WEBVTT\n\n00:00:0")


def test_many_at_once_get_their_own_answers(client, expected):
    recordings = [make_wav(500 + 137 * i, seed=i) for i in range(24)]
    with ThreadPoolExecutor(12) as pool:
        texts = list(pool.map(lambda data: ask(client, data).text, recordings))
    assert texts == [expected(data).text for data in recordings]


def refusal(client, data=None, **options):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, make_wav(3000) if data is None else data, **options)
    assert caught.value.body["type"] in ("invalid_request_error", "server_overloaded")
    assert "Traceback" not in caught.value.message
    return caught.value.status_code, caught.value.body["message"]


def test_refusals(client):
    status, message = refusal(client, b"no sound at all")
    assert (status, "/tmp" in message) == (400, False)
    assert "not" in message
    assert refusal(client, make_wav(3))[0] == 400  # shorter than one window
    assert refusal(client, make_wav(0))[0] == 400
    status, message = refusal(client, response_format="diarized_json")
    assert status == 400
    assert "unknown format 'diarized_json'; choose from json" in message
    assert refusal(client, make_wav(1600 * 601)) == (
        413,
        "the recording lasts 601 s; expected at most 600 s",
    )


def test_a_header_that_lies(client):
    """It promises an hour, and holds a second."""
    data = bytearray(make_wav(1600))
    data[40:44] = struct.pack("<I", 2 * 1600 * 3600)
    answer = ask(client, bytes(data))
    assert answer.text == ask(client, make_wav(1600)).text
    assert "is cut off: its header promises" in answer.warnings[0]


def test_a_flac_that_unpacks_to_hours(client):
    data = io.BytesIO()
    soundfile.write(data, np.zeros(8000 * 7200, np.int16), 8000, format="FLAC")
    assert len(data.getvalue()) < 1_000_000
    assert refusal(client, data.getvalue())[0] == 413


def post(url, data, headers):
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["error"]["message"]


def test_bodies_that_are_no_forms(served):
    url = f"{served.http}/v1/audio/transcriptions"
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert post(url, b"--y nothing", form)[0] == 400
    assert post(url, b"{}", {"Content-Type": "application/json"})[0] == 400
    code, message = post(url, b"--x--\r\n", form)
    assert (code, message) == (400, "expected a recording in the field 'file' of a form")
    assert post(f"{served.http}/v1/nothing", b"", {})[0] == 404


def test_too_many_bytes(served):
    url = f"{served.http}/v1/audio/transcriptions"
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    code, message = post(url, bytes(32_000_001), form)
    assert (code, message) == (413, "the request is too large; expected at most 32 MB")


def test_health_models_and_metrics(served, client):
    ask(client, make_wav(3000))
    with urllib.request.urlopen(f"{served.http}/health") as response:
        assert json.loads(response.read()) == {"status": "ok"}
    assert [model.id for model in client.models.list()] == ["ds2np"]
    with urllib.request.urlopen(f"{served.http}/metrics") as response:
        text = response.read().decode()
    assert 'ds2np_requests_total{path="/v1/audio/transcriptions",status="200"}' in text
    assert re.search(r'ds2np_batch_size_sum\{kind="recordings"\} \d', text)
    assert "ds2np_streams 0.0" in text


def test_the_samples_are_those_of_the_file(served):
    data = make_wav(3000, rate=44100)
    samples, _ = load_audio(io.BytesIO(data), 1600)
    (transcript,) = served.recogniser.transcribe_batch([samples])
    assert transcript.text == served.recogniser.transcribe(io.BytesIO(data)).text
