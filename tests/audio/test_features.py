"""Features of a whole recording and of a stream."""

import dataclasses

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2np.audio import Features, normalise
from ds2np.audio.spectrogram import clip_spectrogram_forward
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2, DeepSpeech2Config

CONFIG = DeepSpeech2Config(sample_rate=1600, normalisation="running", bidirectional=False, conv=())
CORPUS = dataclasses.replace(CONFIG, normalisation="corpus")
# Windows that overlap, touch, or leave gaps.
STRIDES = (10, 20, 35)


def sound(samples, seed=0):
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def test_a_whole_recording():
    samples = sound(1000)
    by_utterance = Features(dataclasses.replace(CONFIG, normalisation="utterance"))
    spectrogram, _ = clip_spectrogram_forward(samples.astype(float), 32, 16)
    np.testing.assert_allclose(by_utterance(samples), normalise(spectrogram), atol=1e-6)
    spectrogram, _ = clip_spectrogram_forward(samples.astype(float), 32, 16, running=True)
    for config in (CONFIG, CORPUS):  # the network normalises
        np.testing.assert_allclose(Features(config)(samples), spectrogram, atol=1e-6)


def test_a_file(tmp_path):
    soundfile.write(tmp_path / "a.wav", sound(1000), 1600, subtype="FLOAT")
    features = Features(CONFIG)
    np.testing.assert_array_equal(features.read(tmp_path / "a.wav"), features(sound(1000)))
    soundfile.write(tmp_path / "b.wav", sound(31), 1600)
    with pytest.raises(UserError, match=r"b\.wav: the sound lasts 19\.4 ms"):
        features.read(tmp_path / "b.wav")


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    places=st.lists(st.integers(0, 900), max_size=40),
    stride_ms=st.sampled_from(STRIDES),
    mels=st.sampled_from([0, 5]),
)
def test_chunks_of_any_size_give_the_features_of_the_whole(places, stride_ms, mels):
    features = Features(dataclasses.replace(CONFIG, stride_ms=stride_ms, mels=mels))
    samples, stream = sound(900), features.stream()
    chunks = [stream.push(piece) for piece in np.split(samples, sorted(places))]
    got = np.concatenate([*chunks, stream.finish()])
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, features(samples), rtol=0, atol=1e-6)


@pytest.mark.parametrize("config", [CONFIG, CORPUS], ids=lambda c: c.normalisation)
@pytest.mark.parametrize("size", [1, 7, 160, 4000])
def test_chunks_of_sound_through_features_and_network(config, size):
    """From chunks of sound to logits, with statistics other than 0 and 1."""
    config = dataclasses.replace(config, layers=1, hidden=4)
    model, features, samples = DeepSpeech2(config), Features(config), sound(2000)
    model.buffers["input_norm.mean"][...] = np.linspace(-3, 2, config.features)
    model.buffers["input_norm.std"][...] = np.linspace(0.5, 2, config.features)
    model.set_training(False)
    x = features(samples)[None]
    whole, _ = model.forward(x, np.array([x.shape[1]]))
    stream, state, outs = features.stream(), None, []
    for start in range(0, len(samples), size):
        out, state = model.forward_chunk(stream.push(samples[start : start + size])[None], state)
        outs.append(out)
    out, _ = model.forward_chunk(stream.finish()[None], state, last=True)
    np.testing.assert_allclose(np.concatenate([*outs, out], axis=1), whole, rtol=0, atol=1e-5)


def test_normalisation_by_utterance_cannot_stream():
    with pytest.raises(UserError, match="needs the whole recording; a network trained with"):
        Features(dataclasses.replace(CONFIG, normalisation="utterance")).stream()


def test_a_stream_shorter_than_a_window_is_refused_at_its_end():
    stream = Features(CONFIG).stream()
    assert stream.push(sound(31)).shape == (0, CONFIG.features)
    with pytest.raises(UserError, match=r"the sound lasts 19\.4 ms"):
        stream.finish()
    with pytest.raises(UserError, match=r"the sound lasts 0\.0 ms"):
        Features(CONFIG).stream().finish()


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(UserError, match="unknown normalisation 'none'; choose from utterance"):
        Features(dataclasses.replace(CONFIG, normalisation="none"))
