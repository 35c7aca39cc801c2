"""The page and its endpoints teach the network of tones another instrument."""

import asyncio
import io
import json
import shutil
import time
import urllib.error
import urllib.request
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import soundfile
from helpers import toys
from helpers.browser import open_page
from helpers.widgets import needs_browser

from ds2np.adapt.lessons import Lessons
from ds2np.audio.resampling import resample
from ds2np.data.manifest import read_manifest
from ds2np.recogniser import Recogniser
from ds2np.serve.teaching import Teaching
from ds2np.train.run import train

from .conftest import serving

SENTENCES = ["cab ab", "ab ca", "bcb ab", "ca bac", "acc cb", "cba ba", "bb ac", "ba cab"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A network of whole recordings that has learned the tones."""
    folder = tmp_path_factory.mktemp("known")
    rng, texts = np.random.default_rng(3), [*SENTENCES]
    for _ in range(80):
        texts.append(" ".join("".join(rng.choice([*"abc"], rng.integers(1, 4))) for _ in "12"))
    utterances = read_manifest(toys.make_corpus(folder / "corpus", texts))
    settings = replace(toys.TRAINING, epochs=12, learning_rate=1e-2, quiet=1.0)
    train(toys.MODEL, settings, utterances, utterances[:8], folder / "run")
    return folder / "run"


def play(text, quiet=(0.6, 1.5), level=1.0):
    """Return what the microphone hears of a text."""
    rng = np.random.default_rng(5)
    before, after = (0.001 * rng.standard_normal(round(toys.RATE * part)) for part in quiet)
    sound = np.concatenate([before, level * toys.tones(text, rng), after])
    return sound.astype(np.float32)


def wav(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, toys.RATE, format="WAV")
    return file.getvalue()


@pytest.fixture
def lessons(tmp_path):
    return Lessons(tmp_path / "voice", SENTENCES)


def copying(run, lessons, code=0):
    """Return arguments of Python that print a progress and copy the network."""
    script = (
        "import shutil, sys\nprint('loss 1.0  50% |', flush=True)\n"
        f"shutil.copytree({str(run)!r}, {str(lessons.learning)!r})\n"
        f"print('your sentences: WER 90.0% -> 10.0%')\nsys.exit({code})"
    )
    return ["-c", script]


def load(run):
    return partial(Recogniser.load, run, "cpu")


@pytest.fixture
def taught(run, lessons):
    with serving(load(run), teach=(lessons, copying(run, lessons), load)) as one:
        yield one


def ask(served, path, method="GET", data=None):
    """Return the status and the JSON of an answer."""
    request = urllib.request.Request(f"{served.http}/{path}", data, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
            is_json = answer.headers["content-type"] == "application/json"
            return answer.status, json.loads(body) if is_json else body
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def wait_until_learned(served):
    for _ in range(300):
        _, told = ask(served, "teach")
        if not told["learning"]:
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def test_takes_are_judged_and_kept(taught, lessons):
    status, told = ask(taught, "teach")
    assert status == 200
    assert told["folder"] == str(lessons.folder)
    assert [each["text"] for each in told["sentences"]] == SENTENCES
    for sound, message in (
        (play(SENTENCES[0]), ""),
        (play(SENTENCES[4]), f"less like the sentence than like: {SENTENCES[4]}"),
        (play("cc"), "less like the sentence than like: "),
        (np.zeros(2 * toys.RATE, np.float32), "Nothing was heard"),
        (play(SENTENCES[0], quiet=(0, 1)), "beginning is cut off"),
    ):
        lessons.path(0).unlink(missing_ok=True)
        status, answer = ask(taught, "teach/takes/0", "POST", wav(sound))
        assert status == 200
        assert answer["kept"] == (message == "")
        assert message in answer["message"]
        assert lessons.path(0).exists() == answer["kept"]
    wrong = wav(play(SENTENCES[4]))
    assert ask(taught, "teach/takes/0", "POST", wrong)[1]["doubtful"]
    assert ask(taught, "teach/takes/0?sure", "POST", wrong)[1]["kept"]
    cut = ask(taught, "teach/takes/0?sure", "POST", wav(play(SENTENCES[0], quiet=(0, 1))))[1]
    assert (cut["kept"], cut["doubtful"]) == (False, False)
    ask(taught, "teach/takes/0", "POST", wav(play(SENTENCES[0])))
    status, sound = ask(taught, "teach/takes/0")
    assert soundfile.info(io.BytesIO(sound)).duration == pytest.approx(1.2, abs=0.2)
    assert read_manifest(lessons.manifest)[0].text == SENTENCES[0]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([2.0, 3, 3, 3, 3, 3, 3, 3], ""),
        ([2.6, 2, 3, 3, 3, 3, 3, 3], ""),
        ([2.8, 2, 3, 3, 3, 3, 3, 3], f"less like the sentence than like: {SENTENCES[1]}"),
        ([np.inf] * 8, "That was too short for the sentence: read all of it."),
    ],
)
def test_a_take_has_to_fit_its_sentence_best(lessons, losses, expected):
    class Answering:
        async def ask(self, method, samples, texts):
            assert (method, texts) == ("weigh", SENTENCES)
            return np.multiply(losses, [len(text) for text in SENTENCES])

    teaching = Teaching(Answering(), lessons, [], load)
    found = asyncio.run(teaching.compare(0, play("c")))
    assert expected in found
    assert bool(found) == bool(expected)


def test_what_cannot_be_done_is_said(taught):
    for path, method, data, status, message in (
        ("teach/takes/0", "POST", b"no sound", 400, "is not readable audio"),
        ("teach/takes/8", "POST", b"", 404, "there are 8 sentences"),
        ("teach/takes/1", "GET", None, 404, "is not recorded"),
        ("teach/learning", "POST", b"", 409, "0 sentences are recorded; expected 8 at least"),
    ):
        found, answer = ask(taught, path, method, data)
        assert found == status
        assert message in answer["error"]["message"]


def record_all(served):
    for i, text in enumerate(SENTENCES):
        _, answer = ask(served, f"teach/takes/{i}", "POST", wav(play(text)))
        assert answer["kept"], (text, answer)


def test_it_learns_and_goes_on_with_the_new_network(taught, lessons):
    record_all(taught)
    assert ask(taught, "teach/learning", "POST", b"")[1]["learning"]
    assert ask(taught, "teach/learning", "POST", b"")[0] == 409
    assert ask(taught, "teach/takes/0", "POST", wav(play(SENTENCES[0])))[0] == 409
    told = wait_until_learned(taught)
    assert told["ended"] == {"helped": True, "lines": ["your sentences: WER 90.0% -> 10.0%"]}
    assert told["network"]
    assert not lessons.learning.exists()
    assert ask(taught, "teach/takes", "DELETE")[1]["network"] is False
    assert not list(lessons.folder.rglob("*.wav"))


def test_it_says_when_that_did_not_help(run, lessons):
    with serving(load(run), teach=(lessons, copying(run, lessons, code=1), load)) as one:
        record_all(one)
        ask(one, "teach/learning", "POST", b"")
        told = wait_until_learned(one)
        assert not told["ended"]["helped"]
        assert not told["network"]
        ask(one, "teach/learning", "POST", b"")  # what is left of the first time is no obstacle
        assert "File exists" not in str(wait_until_learned(one))


def test_the_server_ends_the_training_with_itself(run, lessons):
    waiting = ["-c", "import time; print('1% |', flush=True); time.sleep(600)"]
    with serving(load(run), teach=(lessons, waiting, load)) as one:
        record_all(one)
        ask(one, "teach/learning", "POST", b"")
        began = time.monotonic()
        assert ask(one, "teach/learning", "DELETE")[1]["learning"] is False
        ask(one, "teach/learning", "POST", b"")
    assert time.monotonic() - began < 20


@needs_browser
def test_from_teaching_to_a_transcript(run, lessons, tmp_path):
    """In Chromium: eight sentences are read, learned, and one is transcribed."""
    microphone = tmp_path / "microphone.wav"

    def hear(text):
        soundfile.write(microphone, resample(play(text), toys.RATE, 48000), 48000)

    command = ["-m", "ds2np", "adapt", run, lessons.manifest, "--epochs", "1"]
    command = [*map(str, command), "--out", str(lessons.learning), "--device", "cpu"]
    hear(SENTENCES[0])
    with (
        serving(load(run), teach=(lessons, command, load)) as one,
        open_page(one.http, tmp_path, microphone) as page,
    ):
        page.wait_for("document.querySelectorAll('#teach-list li').length == 8")
        message = "document.getElementById('teach-message').textContent"
        for i, text in enumerate(SENTENCES):
            shown = page.run("document.getElementById('teach-sentence').textContent")
            assert shown == text
            hear(text)
            page.run("document.getElementById('teach-record').click()")
            page.wait_for(f"document.querySelectorAll('.recorded').length == {i + 1}")
            page.wait_for("document.getElementById('teach-record').textContent == 'Record'")
        assert page.run(message) == "All sentences are recorded."
        for width in (390, 1400):
            page.picture(width, 1200, tmp_path / f"teach{width}.png")
            assert page.run("document.documentElement.scrollWidth <= innerWidth")
        page.run("document.getElementById('teach-learn').click()")
        told = page.wait_for(f"({message}).includes('learned') && {message}", 120)
        assert told.startswith(("It has learned your voice", "It has not learned"))
        assert "held out" in page.run("document.getElementById('teach-line').textContent")
        hear("ba cab")
        page.run("document.getElementById('microphone').click()")
        page.wait_for("document.getElementById('final').textContent == 'ba cab'")
        page.run("window.confirm = () => true; document.getElementById('teach-delete').click()")
        page.wait_for("document.querySelectorAll('.recorded').length == 0")
        assert page.errors == [], page.errors
    shutil.rmtree(lessons.folder)


@needs_browser
def test_a_microphone_that_is_taken_away(run, lessons, tmp_path):
    microphone = tmp_path / "microphone.wav"
    soundfile.write(microphone, np.zeros(48000), 48000)
    watch = """(() => {
        const devices = navigator.mediaDevices, get = devices.getUserMedia.bind(devices);
        devices.getUserMedia = async (what) => (window.media = await get(what));
    })()"""
    with (
        serving(load(run), teach=(lessons, [], load)) as one,
        open_page(one.http, tmp_path, microphone) as page,
    ):
        page.wait_for("document.querySelectorAll('#teach-list li').length == 8")
        page.run(watch)
        page.run("document.getElementById('teach-record').click()")
        page.wait_for("take !== null")
        page.run("media.getTracks()[0].dispatchEvent(new Event('ended'))")
        message = "document.getElementById('teach-message').textContent"
        page.wait_for(f"{message}.includes('the microphone is gone; read the sentence again')")
        assert page.run("document.getElementById('teach-record').textContent") == "Record"
        assert page.errors == [], page.errors
    assert lessons.recorded() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sentences", "mine.txt"], "--sentences are for --teach FOLDER"),
        (["--teach", "voice"], "does not say what it was trained on, or that is gone"),
        (["--teach", "voice", "--sentences", "mine.txt"], "mine.txt has 1 sentences; expected 8"),
        (["--teach", "."], "holds something else; choose another folder"),
    ],
)
def test_lessons_that_cannot_begin(run, ds2np, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("ab")
    if options[-1] == ".":
        (tmp_path / "eight.txt").write_text("\n".join(SENTENCES))
        options = [*options, "--sentences", "eight.txt"]
    monkeypatch.setattr("ds2np.adapt.adaptation.find_learned", lambda run: [])
    code, _, err = ds2np("serve", run, "--port", "0", *options)
    assert code == 2
    assert message in err
