"""The page in a browser, whose microphone hears a recording."""

import dataclasses
import json
from functools import partial

import numpy as np
import pytest
import soundfile
from helpers import toys
from helpers.browser import open_page
from helpers.widgets import needs_browser

from ds2np.audio.resampling import resample
from ds2np.data.manifest import Utterance
from ds2np.model.run_folder import RunFolder
from ds2np.recogniser import Recogniser
from ds2np.serve.about import read_heard
from ds2np.train.config import TrainingConfig
from ds2np.train.run import train

from .conftest import serving

TEXT = "cab ab"


def say(text, rng, quiet):
    """Return the sound of a text in the toy language, between some seconds of silence."""
    before, after = (0.01 * rng.standard_normal(round(toys.RATE * seconds)) for seconds in quiet)
    return np.concatenate([before, toys.tones(text, rng), after])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network that has learned the toy language for streams."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("stream")
    utterances = []
    for i in range(110):
        text = " ".join("".join(rng.choice([*"abc"], rng.integers(1, 4))) for _ in "12")
        sound, path = say(text, rng, rng.uniform(0, 1.5, 2)), folder / f"{i}.wav"
        soundfile.write(path, sound, toys.RATE)
        utterances.append(Utterance(path, len(sound) / toys.RATE, text))
    config = dataclasses.replace(
        toys.MODEL, bidirectional=False, lookahead=4, normalisation="running", hidden=16
    )
    training = TrainingConfig(epochs=12, batch_size=4, learning_rate=1e-2)
    train(config, training, utterances[10:], utterances[:10], folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def taught(run):
    """A server of that network."""
    heard = read_heard(RunFolder(run).config)
    with serving(partial(Recogniser.load, run, "cpu"), heard=heard) as one:
        yield one


@pytest.fixture
def recording(tmp_path):
    """What the microphone hears: silence, the text, silence."""
    sound = say(TEXT, np.random.default_rng(5), (2, 2))
    path = tmp_path / "microphone.wav"
    soundfile.write(path, resample(sound, toys.RATE, 48000), 48000)
    return path


@needs_browser
def test_the_transcript_of_the_microphone_appears(taught, recording, tmp_path):
    with open_page(taught.http, tmp_path, recording) as page:
        page.wait_for("document.querySelectorAll('#sentences li').length == 12")
        page.run("document.getElementById('microphone').click()")
        page.wait_for("document.getElementById('final').textContent")
        page.run("document.getElementById('microphone').click()")
        assert page.run("document.getElementById('final').textContent") == TEXT
        assert "Answered after" in page.run("document.getElementById('latency').textContent")
        drawn = (
            "[...document.querySelectorAll('canvas')].map((c) => new Set("
            "c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size)"
        )
        assert min(page.run(drawn)) > 5  # colours
        for width in (390, 1400):
            page.picture(width, 900, tmp_path / f"page{width}.png")
            assert page.run("document.documentElement.scrollWidth <= innerWidth")
        assert page.errors == [], page.errors


@needs_browser
def test_a_file_is_transcribed(taught, recording, tmp_path):
    with open_page(taught.http, tmp_path) as page:
        document = page.call("DOM.getDocument")["root"]["nodeId"]
        node = page.call("DOM.querySelector", nodeId=document, selector="#file")["nodeId"]
        page.call("DOM.setFileInputFiles", nodeId=node, files=[str(recording)])
        assert page.wait_for("document.getElementById('final').textContent") == TEXT


@needs_browser
def test_without_a_microphone_it_says_so(taught, tmp_path):
    with open_page(taught.http, tmp_path) as page:
        page.run("document.getElementById('microphone').click()")
        message = "document.getElementById('message').textContent"
        assert "No microphone: " in page.wait_for(message)


def test_what_the_run_has_heard(run):
    heard = json.loads(RunFolder(run).config.read_text())["train_vocabulary"]
    assert heard["words"] == len(heard["vocabulary"]) > 10
    assert len(heard["sentences"]) == 12
    assert read_heard(RunFolder(run).config) == heard
    nothing = {"words": 0, "vocabulary": [], "sentences": []}
    assert read_heard(run / "missing") == nothing
