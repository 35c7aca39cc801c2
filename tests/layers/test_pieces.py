"""Utterances fed in pieces, cut anywhere, give what the whole gives."""

import dataclasses

import numpy as np
import pytest
from cases import CASES, VALID, Case
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_properties import make, time_axis

from ds2np.layers import (
    GRU,
    Bidirectional,
    Conv1D,
    Conv2D,
    Linear,
    SeqBatchNorm,
    Sequential,
    SimpleRNN,
)

WHOLE_ONLY = [case for case in CASES if case.make is Bidirectional]
IN_PIECES = [
    *(case for case in CASES if case.make not in (Bidirectional, Conv2D)),
    Case("Conv1D valid, 5, stride 2", Conv1D, (3, 6, 4), (4, 2, 5, 2), VALID),
]
WITHOUT_EMPTY_PIECES = (GRU, Linear, Sequential, SimpleRNN)
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}
dtypes = st.sampled_from([np.float32, np.float64])


@st.composite
def cuts(draw, longest):
    """Draw where pieces begin and end, from 0 to the number of frames; some pieces are empty."""
    T = draw(st.integers(0, longest))
    inner = draw(st.lists(st.integers(0, T), max_size=T + 2))
    return [0, *sorted(inner), T]


def feed_pieces(feed, x, places):
    """Feed frames piece by piece; return all outputs in one."""
    axis = time_axis(x)
    pieces = np.split(x, places[1:-1], axis=axis)
    outs, state = [], None
    for i, piece in enumerate(pieces):
        out, state = feed(piece, state, last=i == len(pieces) - 1)
        outs.append(out)
    return np.concatenate(outs, axis=2 if outs[0].ndim == 4 else 1)


@pytest.mark.parametrize("case", IN_PIECES, ids=lambda case: case.name)
@settings(deadline=None, derandomize=True, max_examples=15)
@given(places=cuts(longest=9), dtype=dtypes)
@example(places=list(range(10)), dtype=np.float64)  # frame by frame
def test_a_layer_in_pieces_equals_the_whole(case, places, dtype):
    if case.make in WITHOUT_EMPTY_PIECES:
        places = sorted({0, *places, max(places[-1], 1)})
    layer, T = make(case, training=False, dtype=dtype), places[-1]
    shape = list(case.shape)
    shape[case.time_axis] = T
    x = dataclasses.replace(case, shape=tuple(shape)).x(np.random.default_rng(T), dtype)
    whole = layer.forward(x, np.full(len(x), T))
    got = feed_pieces(layer.feed, x, places)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, whole, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("case", WHOLE_ONLY, ids=lambda case: case.name)
def test_both_directions_need_whole_utterances(case, rng):
    layer = make(case, training=False)
    with pytest.raises(ValueError, match="needs whole utterances, not pieces"):
        layer.feed(case.x(rng), None, last=True)


NORMALISED = [case for case in IN_PIECES if case.make in (SeqBatchNorm, Sequential)]


@pytest.mark.parametrize("case", NORMALISED, ids=lambda case: case.name)
def test_training_mode_is_refused(case, rng):
    """Statistics of a piece are not those of a batch, and would spoil the running averages."""
    layer = make(case, training=True)
    before = {name: value.copy() for name, value in layer.state_dict().items()}
    with pytest.raises(RuntimeError, match=r"set_training\(False\)"):
        layer.feed(case.x(rng), None, last=True)
    for name, value in before.items():
        np.testing.assert_array_equal(layer.state_dict()[name], value)
