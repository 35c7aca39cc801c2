"""Streaming: the output of chunks of any size equals the output of the whole utterance."""

import dataclasses

import numpy as np
import pytest
from helpers.layers import make, time_axis
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ds2np.gradcheck.cases import CASES, VALID, Case
from ds2np.layers import GRU, Bidirectional, Conv1D, Conv2D, SimpleRNN
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config

WHOLE_ONLY = [case for case in CASES if case.make is Bidirectional]
IN_CHUNKS = [
    *(case for case in CASES if case.make is not Bidirectional),
    Case("Conv1D valid, stride 3 beyond the filter", Conv1D, (3, 6, 4), (4, 2, 2, 3), VALID),
    Case("Conv1D valid, 5, stride 2", Conv1D, (3, 6, 4), (4, 2, 5, 2), VALID),
    Case("Conv2D valid, 5x3, stride 3x2", Conv2D, (3, 2, 6, 5), (2, 2, (5, 3), (3, 2)), VALID),
]
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}
FORWARD_ONLY = DeepSpeech2Config(
    sample_rate=800,  # 9 frequencies
    characters="ab",
    conv=(ConvConfig(2, (5, 5), (2, 2)), ConvConfig(2, (3, 3), (1, 2))),
    layers=2,
    hidden=4,
    bidirectional=False,
    lookahead=3,
)

dtypes = st.sampled_from([np.float32, np.float64])


@st.composite
def cuts(draw, longest):
    """Draw the boundaries of chunks, from 0 to the number of frames; some chunks are empty."""
    T = draw(st.integers(0, longest))
    inner = draw(st.lists(st.integers(0, T), max_size=T + 2))
    return [0, *sorted(inner), T]


def feed_chunks(forward_chunk, x, places):
    """Feed frames chunk by chunk; return the joined outputs."""
    axis = time_axis(x)
    chunks = np.split(x, places[1:-1], axis=axis)
    outs, state = [], None
    for i, chunk in enumerate(chunks):
        out, state = forward_chunk(chunk, state, last=i == len(chunks) - 1)
        outs.append(out)
    return np.concatenate(outs, axis=2 if outs[0].ndim == 4 else 1)


@pytest.mark.parametrize("case", IN_CHUNKS, ids=lambda case: case.name)
@settings(deadline=None, derandomize=True, max_examples=15)
@given(places=cuts(longest=9), dtype=dtypes)
@example(places=list(range(10)), dtype=np.float64)  # frame by frame
def test_a_layer_in_chunks_equals_the_whole(case, places, dtype):
    layer, T = make(case, training=False, dtype=dtype), places[-1]
    shape = list(case.shape)
    shape[case.time_axis] = T
    x = dataclasses.replace(case, shape=tuple(shape)).x(np.random.default_rng(T), dtype)
    whole = layer.forward(x, np.full(len(x), T))
    got = feed_chunks(layer.forward_chunk, x, places)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, whole, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("recurrent", ["gru", "rnn"])
@pytest.mark.parametrize(
    "conv",
    [FORWARD_ONLY.conv, (ConvConfig(4, (5,), (2,)),), ()],
    ids=["over time and frequency", "over time", "none"],
)
@settings(deadline=None, derandomize=True, max_examples=12)
@given(places=cuts(longest=20), dtype=dtypes)
@example(places=list(range(21)), dtype=np.float64)
@example(places=[0, 0, 7, 7, 20, 20], dtype=np.float32)
def test_a_network_in_chunks_equals_the_whole(recurrent, conv, places, dtype):
    config = dataclasses.replace(FORWARD_ONLY, recurrent=recurrent, conv=conv)
    model, rng = DeepSpeech2(config, dtype=dtype), np.random.default_rng(0)
    x = rng.standard_normal((2, 20, config.features)).astype(dtype)
    model.forward(x, np.array([20, 20]))  # running statistics other than 0 and 1
    model.set_training(False)
    T = places[-1]
    whole, lengths = model.forward(x[:, :T], np.array([T, T]))
    got = feed_chunks(model.forward_chunk, x[:, :T], places)
    assert got.shape[1] == lengths[0]
    np.testing.assert_allclose(got, whole, rtol=0, atol=TOLERANCE[dtype])


def test_outputs_come_as_soon_as_they_are_final(rng):
    model = DeepSpeech2(FORWARD_ONLY)
    model.set_training(False)
    x = rng.standard_normal((1, 40, FORWARD_ONLY.features)).astype(np.float32)
    out, state = model.forward_chunk(x, None)
    ahead = 2 + 2 * 1 + 2 * FORWARD_ONLY.lookahead  # half of each filter, and the row convolution
    assert out.shape[1] == (40 - 1 - ahead) // 2 + 1
    assert model.forward_chunk(x[:, :0], state, last=True)[0].shape[1] == 20 - out.shape[1]


@pytest.mark.parametrize("case", WHOLE_ONLY, ids=lambda case: case.name)
def test_both_directions_need_whole_utterances(case, rng):
    layer = make(case, training=False)
    with pytest.raises(ValueError, match="needs whole utterances, not chunks"):
        layer.forward_chunk(case.x(rng), None, last=True)


def test_a_network_of_both_directions_needs_whole_utterances(rng):
    model = DeepSpeech2(dataclasses.replace(FORWARD_ONLY, bidirectional=True))
    model.set_training(False)
    x = rng.standard_normal((1, 20, FORWARD_ONLY.features)).astype(np.float32)
    with pytest.raises(ValueError, match="needs whole utterances, not chunks"):
        model.forward_chunk(x)


NORMALISED = [
    case
    for case in IN_CHUNKS
    if any("running" in name for name in case.layer().buffers)
    or (case.make in (GRU, SimpleRNN) and not case.options)
]


@pytest.mark.parametrize("case", NORMALISED, ids=lambda case: case.name)
def test_training_mode_is_refused(case, rng):
    """The statistics of a chunk are not those of a batch and would spoil the running statistics."""
    layer = make(case, training=True)
    before = {name: value.copy() for name, value in layer.state_dict().items()}
    with pytest.raises(RuntimeError, match=r"set_training\(False\)"):
        layer.forward_chunk(case.x(rng), None, last=True)
    for name, value in before.items():
        np.testing.assert_array_equal(layer.state_dict()[name], value)


def test_a_network_in_training_mode_is_refused(rng):
    x = rng.standard_normal((1, 20, FORWARD_ONLY.features)).astype(np.float32)
    with pytest.raises(RuntimeError, match=r"set_training\(False\)"):
        DeepSpeech2(FORWARD_ONLY).forward_chunk(x)
