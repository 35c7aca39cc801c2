"""A stream in any pieces gives what the recogniser gives for the whole recording."""

import numpy as np
import pytest
from helpers.streams import ENDLESS, recogniser_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2np.audio.resampling import resample
from ds2np.errors import UserError
from ds2np.streaming import Pauses, run_pieces

RECOGNISERS = {name: recogniser_of(name) for name in ("greedy", "beam", "beam and lm")}
RECOGNISERS["corpus"] = recogniser_of(normalisation="corpus")


def feed(stream, samples, sizes):
    """Push samples in pieces of some sizes, the last one repeated; return all transcripts."""
    found, at = [], 0
    for size in sizes:
        found += stream.push(samples[at : at + size])
        at += size
    return [*found, *stream.push(samples[at:]), *stream.finish()]


@pytest.mark.parametrize("name", RECOGNISERS)
@settings(deadline=None, derandomize=True, max_examples=12)
@given(
    sizes=st.lists(st.integers(0, 700), max_size=12),
    rate=st.sampled_from([1600, 800, 4410, 1601]),
    count=st.integers(200, 4000),
)
def test_pieces_give_the_transcript_of_the_whole(name, sizes, rate, count):
    recogniser = RECOGNISERS[name]
    rng = np.random.default_rng(count)
    samples = (0.1 * rng.standard_normal(count * rate // 1600)).astype(np.float32)
    whole = recogniser.transcribe(resample(samples, rate, 1600))
    found = feed(recogniser.stream(rate, ENDLESS), samples, sizes)
    assert [one.text for one in found] == [whole.text] * bool(whole.text)
    for one in found:
        assert one.score == pytest.approx(whole.score, abs=1e-3)
        assert [word.text for word in one.words] == [word.text for word in whole.words]
        for word, expected in zip(one.words, whole.words, strict=True):
            assert word.start == pytest.approx(expected.start)
            assert word.confidence == pytest.approx(expected.confidence, abs=1e-4)


SHORT = Pauses(pause=0.3, silence=0.4, limit=1.0, short=0.2, context=0.25)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(sizes=st.lists(st.integers(0, 3000), max_size=9), seed=st.integers(0, 5))
def test_utterances_end_where_they_do_in_any_pieces(sizes, seed):
    recogniser, rng = RECOGNISERS["greedy"], np.random.default_rng(seed)
    sound = rng.uniform(-0.5, 0.5, (6, 2000)).astype(np.float32)
    sound[1::2] *= 1e-4  # pauses
    whole = feed(recogniser.stream(pauses=SHORT), sound.ravel(), ())
    found = feed(recogniser.stream(pauses=SHORT), sound.ravel(), sizes)
    assert len(whole) > 2
    assert [one.text for one in found] == [one.text for one in whole]
    for one, expected in zip(found, whole, strict=True):
        starts = [word.start for word in expected.words]
        assert [word.start for word in one.words] == pytest.approx(starts)


def run_session(recogniser, samples, sizes):
    """Run the pieces of a stream through the network; return its log-probabilities."""
    session, outputs, at = recogniser.start_session(pauses=ENDLESS), [], 0
    for size in [*sizes, len(samples)]:
        session.push(samples[at : at + size])
        at += size
        if at >= len(samples):
            session.finish()
        while piece := session.take():
            ((log_probs, state),) = run_pieces(recogniser.model, recogniser.features, [piece])
            outputs.append(log_probs)
            session.give(piece, log_probs, state)
    assert session.finished
    return np.concatenate(outputs)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(sizes=st.lists(st.integers(0, 900), max_size=9), count=st.integers(100, 5000))
def test_pieces_give_the_probabilities_of_the_whole(sizes, count):
    recogniser = RECOGNISERS["greedy"]
    samples = np.random.default_rng(count).uniform(-0.5, 0.5, count).astype(np.float32)
    x = recogniser.features(samples)[None]
    whole, _ = recogniser.log_probs(x, np.array([x.shape[1]]))
    got = run_session(recogniser, samples, sizes)
    np.testing.assert_allclose(got, whole[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["greedy", "corpus"])
def test_streams_of_all_ages_share_a_minibatch(name, rng):
    """Each piece is computed among those of streams that began at other times."""
    recogniser, sizes = RECOGNISERS[name], (8000, 4100, 6050, 160, 5000)
    sounds = [rng.uniform(-0.5, 0.5, size).astype(np.float32) for size in sizes]
    sessions = [recogniser.start_session(pauses=ENDLESS) for _ in sounds]
    found, most = [[] for _ in sounds], 0
    for turn in range(60):
        for i, (session, sound) in enumerate(zip(sessions, sounds, strict=True)):
            if 0 <= turn - i < 50:
                session.push(sound[160 * (turn - i) : 160 * (turn - i + 1)])
            elif turn - i == 50:
                session.finish()
        taken = [(i, session.take()) for i, session in enumerate(sessions)]
        taken = [(i, piece) for i, piece in taken if piece]
        most = max(most, len(taken))
        results = run_pieces(recogniser.model, recogniser.features, [piece for _, piece in taken])
        for (i, piece), (log_probs, state) in zip(taken, results, strict=True):
            found[i].append(log_probs)
            sessions[i].give(piece, log_probs, state)
    assert most >= 4
    for sound, parts, session in zip(sounds, found, sessions, strict=True):
        while piece := session.take():
            (result,) = run_pieces(recogniser.model, recogniser.features, [piece])
            parts.append(result[0])
            session.give(piece, *result)
        x = recogniser.features(sound)[None]
        whole, _ = recogniser.log_probs(x, np.array([x.shape[1]]))
        np.testing.assert_allclose(np.concatenate(parts), whole[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bidirectional": True}, "the network runs in both directions, which needs whole"),
        ({"normalisation": "utterance"}, "which a stream does not have"),
    ],
)
def test_networks_that_cannot_stream(changes, message):
    with pytest.raises(UserError, match=message):
        recogniser_of(**changes).stream()


def test_bad_sound():
    recogniser = RECOGNISERS["greedy"]
    with pytest.raises(UserError, match="the stream states a sampling rate of 5 Hz"):
        recogniser.stream(5)
    stream = recogniser.stream()
    with pytest.raises(UserError, match="the stream holds 1 samples that are NaN"):
        stream.push(np.array([0, np.nan], np.float32))
    with pytest.raises(ValueError, match="got int16"):
        stream.push(np.zeros(5, np.int16))
    assert stream.push(np.zeros(0, np.float32)) == []
    assert stream.push(np.zeros(20, np.float32)) == []
    assert stream.finish() == []  # shorter than one window
    with pytest.raises(RuntimeError, match="the stream has ended"):
        stream.push(np.zeros(20, np.float32))
