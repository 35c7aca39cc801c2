"""Where utterances end: sessions whose network's outputs are written by hand."""

import dataclasses

import numpy as np
import pytest

from ds2np.decode import BeamDecoder, GreedyDecoder
from ds2np.model import DeepSpeech2Config
from ds2np.streaming import Pauses, Session

CONFIG = DeepSpeech2Config(
    sample_rate=1600, characters=" ab", bidirectional=False, conv=(), normalisation="running"
)
RULES = Pauses(pause=0.5, silence=1.0, limit=3.0, short=0.2, context=0.3, louder=0)
FRAME = CONFIG.frame_ms / 1000  # seconds: as many as spectrogram frames


def run(script, rules=RULES, decoder=GreedyDecoder):
    """Let a network write a script, a symbol a frame of the stream, "-" for none.

    Returns transcripts and their begins, in frames of the stream. What an utterance reads again of
    the pause before it is written again.
    """
    alphabet = CONFIG.alphabet()
    session = Session(CONFIG, decoder(alphabet, frame_seconds=FRAME), None, rules)
    session.push(np.zeros(16 * (len(script) + 1), np.float32))
    session.finish()
    found, begins, at = [], [0], 0
    while piece := session.take():
        if piece.state == (None, None) and at:
            begins.append(round(session._start / 16))
            at = begins[-1]
        now = script[at : at + max(len(piece.samples) // 16 - 1, 0)]
        at += len(now)
        numbers = [0 if c == "-" else alphabet.encode(f"a{c}a")[1] for c in now]
        log_probs = np.log(0.97 * np.eye(4, dtype=np.float32)[numbers] + 0.0075)
        transcript = session.give(piece, log_probs.reshape(-1, 4), "state")
        found += [transcript] * bool(transcript)
    assert session.finished
    assert session.take() is None
    return found, begins


@pytest.mark.parametrize("decoder", [GreedyDecoder, BeamDecoder])
def test_a_pause_ends_an_utterance(decoder):
    script = "-" * 30 + "aabb--a" + "-" * 55 + "b b" + "-" * 18
    found, begins = run(script, decoder=decoder)
    assert [one.text for one in found] == ["aba", "b b"]
    # Pieces have 10 frames: the pause has lasted 50 ms longer when the tenth of them ends.
    assert begins == [0, 60]
    times = [(word.text, word.start, word.end) for one in found for word in one.words]
    expected = [("aba", 0.30, 0.37), ("b", 0.92, 0.93), ("b", 0.94, 0.95)]
    assert [word for word, *_ in times] == [word for word, *_ in expected]
    np.testing.assert_allclose([t for _, *t in times], [t for _, *t in expected], atol=1e-9)


def test_silence_begins_anew():
    found, begins = run("-" * 250 + "a" + "-" * 9)
    assert begins == [0, 70, 140, 210]
    assert [(one.text, one.words[0].start) for one in found] == [("a", pytest.approx(2.5))]


def test_a_long_utterance_ends_at_a_short_pause():
    assert run(("a" + "-" * 19) * 14 + "a" * 20)[1] == [0]  # 0.19 s at most
    found, begins = run(("a" + "-" * 22) * 20)
    assert begins[1] == 320 - 20  # letter 13 is in frame 299: 0.2 s later a piece ends
    assert sum(len(one.text) for one in found) == 20


def test_a_very_long_utterance_ends_at_once():
    found, begins = run("ab" * 330)
    assert begins == [0, 450]
    assert "".join(one.text for one in found) == "ab" * 330


def test_a_space_is_no_letter():
    found, _ = run("a" + " " * 60 + "b" + "-" * 20)
    assert [one.text for one in found] == ["a", "b"]


def test_without_rules_nothing_ends():
    endless = dataclasses.replace(RULES, pause=9e9, silence=9e9, limit=9e9)
    found, begins = run("-" * 200 + "a" + "-" * 300 + "b", endless)
    assert begins == [0]
    assert [one.text for one in found] == ["ab"]
