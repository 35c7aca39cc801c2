"""The page learns joe, whom the demo's network does not understand, and writes what he says then.

It takes some six minutes, and needs a demo: DS2NP_DEMO=demo python -m pytest THIS_FILE
"""

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.browser import open_page
from helpers.shared import SHARED
from helpers.widgets import needs_browser

from ds2np.adapt.lessons import Lessons
from ds2np.audio import load_audio
from ds2np.data.manifest import read_manifest
from ds2np.recogniser import Recogniser

from .conftest import serving

DEMO = Path(os.environ.get("DS2NP_DEMO", "no demo"))
VOICES = SHARED / "data" / "voices"
SENTENCES = 40

pytestmark = [
    pytest.mark.skipif(not (DEMO / "run" / "best.npz").exists(), reason="set DS2NP_DEMO to a demo"),
    pytest.mark.skipif(not VOICES.is_dir(), reason="no recordings of joe: set DS2NP_SHARED"),
]


def load(run):
    lm = str(DEMO.resolve() / "3gram.arpa")
    search = {"decoder": "beam", "lm": lm, "alpha": 1.0, "beta": 2.0, "beam": 200}
    return partial(Recogniser.load, run, "cpu", **search)


@needs_browser
def test_it_understands_joe_after_forty_sentences(tmp_path):
    spoken = {u.text: u.audio_filepath for u in read_manifest(VOICES / "joe_train.jsonl")}
    lessons = Lessons(tmp_path / "voice", list(spoken)[:SENTENCES])
    microphone, run = tmp_path / "microphone.wav", DEMO.resolve() / "run"
    command = ["-m", "ds2np", "adapt", run, lessons.manifest.resolve(), "--device", "cpu"]
    command = [*map(str, command), "--out", str(lessons.learning.resolve())]
    rng = np.random.default_rng(0)

    def hear(path):
        sound, rate = load_audio(path, 48000)
        quiet = [1e-4 * rng.standard_normal(round(rate * seconds)) for seconds in (0.6, 1.5)]
        soundfile.write(microphone, np.concatenate([quiet[0], sound, quiet[1]]), rate)

    def transcribe(page, utterance):
        hear(utterance.audio_filepath)
        count = page.run("document.querySelectorAll('#final li').length")
        page.run("document.getElementById('microphone').click()")
        page.wait_for(f"document.querySelectorAll('#final li').length > {count}")
        page.wait_for("document.getElementById('microphone').textContent == 'Use the microphone'")
        return page.run("[...document.querySelectorAll('#final li')].at(-1).textContent")

    tests = read_manifest(VOICES / "joe_test.jsonl")[:5]
    hear(tests[0].audio_filepath)
    with (
        serving(load(run), teach=(lessons, command, load)) as one,
        open_page(one.http, tmp_path, microphone) as page,
    ):
        page.wait_for(f"document.querySelectorAll('#teach-list li').length == {SENTENCES}")
        before = [transcribe(page, each) == each.text for each in tests]
        doubted = []
        for i, text in enumerate(lessons.sentences):
            assert page.run("document.getElementById('teach-sentence').textContent") == text
            hear(spoken[text])
            page.run("document.getElementById('teach-record').click()")
            page.wait_for("document.getElementById('teach-record').textContent == 'Stop'")
            page.wait_for("document.getElementById('teach-record').textContent == 'Record'")
            if i not in lessons.recorded():  # as somebody does who knows better
                doubted.append(page.run("document.getElementById('teach-message').textContent"))
                page.run("document.getElementById('teach-keep').click()")
                page.wait_for(f"document.querySelectorAll('.recorded').length == {i + 1}")
        page.picture(1400, 1200, tmp_path / "read.png")
        assert len(doubted) <= SENTENCES // 4, doubted
        assert all("less like the sentence than like" in each for each in doubted)
        page.run("document.getElementById('teach-learn').click()")
        page.wait_for("!document.getElementById('teach-progress').hidden")
        page.wait_for("document.getElementById('teach-line').textContent.includes('left')", 60)
        page.picture(1400, 1200, tmp_path / "learning.png")
        page.wait_for("document.getElementById('teach-message').textContent", 900)
        page.picture(1400, 1200, tmp_path / "learned.png")
        after = [transcribe(page, each) == each.text for each in tests]
        assert sum(after) > sum(before)
        assert any(after)
        assert page.errors == [], json.dumps(page.errors)
