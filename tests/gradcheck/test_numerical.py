"""The gradient check must catch every wrong backward pass that looks plausible.

A mistake is planted by editing the source of the right backward pass: the table says which line,
and what a student might have written. The forward pass stays right.
"""

import inspect
import textwrap

import numpy as np
import pytest
from helpers.layers import assert_gradients_add_up

from ds2np.ctc import ctc_loss
from ds2np.ctc.loss import _softmax, _subtract_sorted
from ds2np.ctc.recursion import PathSums, _skips, _walk, recurse
from ds2np.gradcheck import check_layer, check_model, compare_gradients, numerical_gradient
from ds2np.gradcheck.cases import CASES as REGISTRY
from ds2np.gradcheck.cases import Case
from ds2np.layers import (
    GRU,
    Bidirectional,
    ClippedReLU,
    Conv1D,
    Conv2D,
    FromChannels,
    Linear,
    RowConv,
    SeqBatchNorm,
    SimpleRNN,
)
from ds2np.layers.activations import slope_from_output
from ds2np.layers.batchnorm import seq_batchnorm_backward
from ds2np.layers.conv import _Filters, conv2d_backward
from ds2np.layers.conv1d import conv1d_backward
from ds2np.layers.gru import gru_backward_in_place
from ds2np.layers.linear import linear_backward
from ds2np.layers.recurrent import Recurrent, recurrent_weight_gradient
from ds2np.layers.rnn import simple_rnn_backward
from ds2np.layers.rowconv import row_conv_backward
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config


def test_numerical_gradient_of_a_known_function(rng):
    x = rng.standard_normal((3, 2))
    before = x.copy()
    gradient = numerical_gradient(lambda: float((x**3).sum()), x)
    np.testing.assert_allclose(gradient, 3 * before**2, atol=1e-8)
    np.testing.assert_array_equal(x, before)


def test_numerical_gradient_needs_float64():
    with pytest.raises(ValueError, match="finite differences need float64"):
        numerical_gradient(lambda: 0.0, np.zeros(2, np.float32))


def test_the_message_says_where_and_what():
    comparison = compare_gradients("W", np.array([[1.0, 2.0]]), np.array([[1.0, 2.5]]))
    assert not comparison.ok
    assert str(comparison).startswith("WRONG W")
    assert "largest at [0, 1]: got 2, expected 2.5" in str(comparison)


def test_nan_is_wrong():
    assert not compare_gradients("W", np.array([np.nan]), np.array([0.0])).ok


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected shape \(3,\), got \(2,\)"):
        compare_gradients("W", np.zeros(2), np.zeros(3))


# The checked layers. Sizes are equal where a transposed matrix must have a valid shape.

LENGTHS = np.array([5, 3])
RNN_ONE_WAY = (2, 5, 3), (3, 3)
CASES = [
    Case("Linear", Linear, (2, 5, 5), (5, 5)),
    Case("ClippedReLU", ClippedReLU, (2, 5, 4)),
    Case("Conv1D", Conv1D, (2, 5, 3), (3, 2, 3, 1)),
    Case("Conv1D, stride 2", Conv1D, (2, 5, 3), (3, 2, 5, 2)),
    Case("Conv2D", Conv2D, (2, 2, 5, 4), (2, 2, (3, 3), (1, 1))),
    Case("Conv2D, stride 2x2", Conv2D, (2, 1, 5, 5), (1, 2, (5, 3), (2, 2))),
    Case("SeqBatchNorm", SeqBatchNorm, (2, 5, 3), (3,)),
    Case("SeqBatchNorm of images", SeqBatchNorm, (2, 3, 5, 2), (3, 2)),
    Case("SimpleRNN", SimpleRNN, *RNN_ONE_WAY),
    Case("SimpleRNN, tanh", SimpleRNN, *RNN_ONE_WAY, {"activation": "tanh"}),
    Case("SimpleRNN, bias", SimpleRNN, *RNN_ONE_WAY, {"batchnorm": False}),
    Case("GRU", GRU, *RNN_ONE_WAY),
    Case("Bidirectional", Bidirectional, (2, 5, 3), (SimpleRNN, 3, 3)),
    Case("Bidirectional, concatenated", Bidirectional, (2, 5, 3), (GRU, 3, 2), {"merge": "concat"}),
    Case("RowConv", RowConv, (2, 5, 3), (3, 2)),
    Case("FromChannels", FromChannels, (2, 2, 5, 3)),
]
LOUD = ("ClippedReLU", "SimpleRNN, bias")  # numbers above the ceiling of 20
MODEL = DeepSpeech2Config(
    sample_rate=400,  # 5 frequencies
    characters="ab",
    conv=(ConvConfig(2, (3, 3), (2, 2)),),
    layers=1,
    hidden=2,
)


def check_case(case):
    def check():
        x = case.x(np.random.default_rng(0))
        return check_layer(case.layer(), 20 * x if case.name in LOUD else x, LENGTHS)

    return check


def check_ctc():
    """Repeats, an empty transcript, and utterances shorter than the batch."""
    rng = np.random.default_rng(0)
    logits, weight = rng.standard_normal((3, 5, 4)), rng.standard_normal(3)
    rest = np.array([[1, 1, 2], [3, 1, 0], [0, 0, 0]]), np.array([5, 3, 2]), np.array([3, 2, 0])
    got = ctc_loss(logits, *rest)[1] * weight[:, None, None]
    expected = numerical_gradient(lambda: float(weight @ ctc_loss(logits, *rest)[0]), logits)
    return [compare_gradients("logits", got, expected)]


def check_network():
    rng = np.random.default_rng(0)
    x, lengths = rng.standard_normal((2, 6, MODEL.features)), np.array([6, 4])
    labels, label_lengths = np.array([[1, 1], [2, 0]]), np.array([2, 1])
    return check_model(DeepSpeech2(MODEL, dtype=np.float64), x, lengths, labels, label_lengths)


CHECKS = {case.name: check_case(case) for case in CASES}
CHECKS |= {"CTC": check_ctc, "network": check_network}

OCCUPANCY = "np.add.reduceat(gamma, starts, axis=1)"
NORMALISED = "y /= norms[part][:, :, None]"
TURN = "for of_one in of_group], lengths)"
SPLIT = "xp.split(dh, self.directions, axis=2)"

# Checked layer and function with the mistake: what is wrong, the right code, the wrong code.

MISTAKES = {
    ("Linear", linear_backward): [
        ("W not transposed", "drows, W.T", "drows, W"),
        ("dW transposed", "rows.T, drows", "drows.T, rows"),
        ("dW averaged over frames", "rows.T, drows", "rows.T, drows / len(rows)"),
        ("dW of the wrong sign", "rows.T, drows", "-rows.T, drows"),
        ("dW off by 0.1 %", "rows.T, drows", "1.001 * rows.T, drows"),
    ],
    ("Linear", Linear.backward): [
        ("padding counted", "dout = zero_padding(dout, lengths)", "pass"),
        ("bias averaged over frames", "sum(axis=(0, 1))", "mean(axis=(0, 1))"),
        ("bias summed over features, too", "sum(axis=(0, 1))", "sum()"),
        ("bias summed over the wrong axis", "sum(axis=(0, 1))", "sum(axis=(0, 2))"),
        ("bias forgotten", 'self.grads["b"] +=', "_ ="),
    ],
    ("ClippedReLU", slope_from_output): [
        ("ceiling ignored", "(out > 0) & (out < CEILING)", "out > 0"),
        ("floor ignored", "(out > 0) & (out < CEILING)", "out < CEILING"),
        ("turned around", "(out > 0) & (out < CEILING)", "(out <= 0) | (out >= CEILING)"),
    ],
    ("Conv1D", conv1d_backward): [
        ("windows do not add up", "+= drows[", "= drows["),
        ("filter turned around", "drows[:, :, k]", "drows[:, :, K - 1 - k]"),
        ("zeros in front not cut off", "padding : padding + T]", ":T]"),
        ("dW transposed", "rows.T, drows", "drows.T, rows"),
    ],
    ("Conv1D, stride 2", conv1d_backward): [
        ("stride ignored", "k : k + stride * T_out : stride]", "k : k + T_out]"),
    ],
    ("Conv1D, stride 2", Conv1D.backward): [
        ("lengths of the input for the output", "self.out_lengths(lengths)", "lengths"),
        ("dx in the padding", "return zero_padding(dx, lengths)", "return dx"),
    ],
    ("Conv2D", conv2d_backward): [
        ("dx correlated, not convolved", "(part).conj()", "(part)"),
        ("dW convolved, not correlated", "D[part].conj()", "D[part]"),
        ("dx one frame late", "return dx,", "return np.roll(dx, 1, axis=2),"),
        ("zeros in front not cut off", "padding, x_shape", "(0, 0), x_shape"),
        ("filters exchanged", "return dx, dW", "return dx, dW[::-1]"),
    ],
    ("Conv2D, stride 2x2", _Filters.invert): [
        ("mirrored frequencies forgotten", "*= 2", "*= 1"),
        ("frequency 0 doubled", "waves[:, 1 :", "waves[:, 0 :"),
    ],
    ("Conv2D, stride 2x2", Conv2D.backward): [
        ("padding counted", "zero_padding(dout, self.out_lengths(lengths), time_axis=2)", "dout"),
        ("lengths of the input for the output", "self.out_lengths(lengths)", "lengths"),
        (
            "dx in the padding",
            "return zero_padding(dx, lengths, time_axis=2, in_place=True)",
            "return dx",
        ),
    ],
    **{
        (name, seq_batchnorm_backward): [
            ("mean taken as a constant", "d -= by_one.reshape(column)", "pass"),
            ("variance taken as a constant", "-by_normal", "0 * by_normal"),
            ("padded frames counted", "batch_count = cache", "batch_count = cache; " + padded),
            ("divided by count - 1", "sums / batch_count", "sums / (batch_count - 1)"),
            ("gamma forgotten", "gamma * inverse_std", "inverse_std"),
            ("standard deviation forgotten", "gamma * inverse_std", "gamma"),
            ("dx in the padding", "d *= mask[part]", "pass"),
            ("dgamma without the input", "(dout[part] * normal[part])", "dout[part]"),
            ("dgamma and dbeta exchanged", "return dx, dgamma, dbeta", "return dx, dbeta, dgamma"),
        ]
        for name, padded in (
            ("SeqBatchNorm", "batch_count = mask.size"),
            ("SeqBatchNorm of images", "batch_count = mask.size * dout.shape[3]"),
        )
    },
    ("SeqBatchNorm of images", SeqBatchNorm.backward): [
        ("padding counted", "dout = zero_padding(dout, lengths, self.time_axis)", "pass"),
    ],
    ("SimpleRNN", simple_rnn_backward): [
        ("carry forgotten", "multiply_U_T(xp", "0 * (xp"),
        ("U not transposed", "U.swapaxes(1, 2)", "U"),
        ("slope forgotten", "slope[:, t]", "1"),
        ("slope of the frame before", "slope[:, t]", "slope[:, t - 1]"),
        ("time runs forward", "in reversed(range(h.shape[1]))", "in range(h.shape[1])"),
    ],
    ("SimpleRNN", recurrent_weight_gradient): [
        ("state of the same frame", "h[:, : max(T - 1, 0)]", "h[:, 1:]"),
        ("one frame off", "dg[:, 1:]", "dg[:, :-1]"),
        ("dU transposed", "return dU +", "return dU.swapaxes(1, 2) +"),
    ],
    ("SimpleRNN, tanh", slope_from_output): [
        ("output not squared", "1 - out * out", "1 - out"),
        ("output taken for the slope", "1 - out * out", "out"),
    ],
    ("SimpleRNN, bias", slope_from_output): [
        ("ceiling ignored", "(out > 0) & (out < CEILING)", "out > 0"),
    ],
    ("SimpleRNN, bias", Recurrent._loop_backward): [
        ("padding counted", "zero_padding(dout, lengths)", "dout"),
    ],
    ("SimpleRNN, bias", Recurrent.backward): [
        ("bias of the first utterance only", "da.sum(axis=(0, 1))", "da[0].sum(axis=0)"),
        ("U forgotten", 'self.grads["U"] +=', "_ ="),
    ],
    ("GRU", gru_backward_in_place): [
        ("what is kept forgotten", "carry *= keep[:, t]", "carry *= 0"),
        ("what goes through U forgotten", "carry += multiply_U_T(gates[:, t])", "pass"),
        ("U not transposed", "U.swapaxes(1, 2)", "U.reshape(1, 9, 3)"),
        ("z keeps", "keep = 1 - z", "keep = z"),
        ("z keeps, in its slope", "slope_z *= z", "slope_z *= -z"),
        ("slope of z without 1 - z", "slope_z *= keep", "pass"),
        ("slope of r without U_h h", "slope_r = Uh", "slope_r = Uh; slope_r[...] = 1"),
        ("slope of c without z", "z * slope_from_output(", "slope_from_output("),
        ("r forgotten on the way to h", "dac, r[:, t]", "dac, 1"),
        ("gates overwritten too early", "slope_z = c  #", "slope_z = z  #"),
        ("r on the way to x", "c[...] = slope_c", "pass"),
        ("no r in dU", "dU = recurrent", "c[...] = slope_c; dU = recurrent"),
        ("state of the same frame", "h[:, : max(T - 1, 0)]", "h[:, 1:]"),
        ("gates exchanged", "z, r, c =", "r, z, c ="),
        ("time runs forward", "in reversed(range(T))", "in range(T)"),
    ],
    ("Bidirectional", Recurrent._loop_backward): [
        ("one direction only", "[da[0] + da[1]]", "da[:1]"),
        ("not turned back", TURN, TURN.replace("lengths", "0 * lengths")),
        ("padding turned, too", TURN, TURN.replace("lengths", "0 * lengths + len(dh[0])")),
    ],
    ("Bidirectional", Recurrent.backward): [
        ("directions exchanged", '["U"] += dU', '["U"] += dU[::-1]'),
    ],
    ("Bidirectional, concatenated", Recurrent._loop_backward): [
        ("directions exchanged", SPLIT, SPLIT + "[::-1]"),
        ("directions interleaved", SPLIT, "[dh[..., ::2], dh[..., 1::2]]"),
    ],
    ("RowConv", row_conv_backward): [
        ("dx of the past", "dx[:, j:] += dout[:, :-j]", "dx[:, :-j] += dout[:, j:]"),
        ("dW of the past", "dout[:, :-j] * x[:, j:]", "dout[:, j:] * x[:, :-j]"),
        ("weight of the frame before", "* W[j]", "* W[j - 1]"),
        ("present forgotten", "dW[0] =", "_ ="),
    ],
    ("RowConv", RowConv.backward): [
        ("dx in the padding", "return zero_padding(dx, lengths, in_place=True)", "return dx"),
    ],
    ("FromChannels", FromChannels.backward): [
        ("reshaped, not transposed", ".transpose(0, 2, 1, 3)", ".reshape(2, 2, 5, 3)"),
    ],
    ("CTC", _subtract_sorted): [
        ("occupancy forgotten", OCCUPANCY, "(0 * gamma[:, starts])"),
        ("states of equal symbols overwritten", OCCUPANCY, "gamma[:, starts]"),
        ("wrong sign", "y[n, :, symbols] -=", "y[n, :, symbols] +="),
    ],
    ("CTC", _softmax): [
        ("probabilities forgotten", NORMALISED, "y *= 0"),
        ("logarithms for probabilities", NORMALISED, "xp.log(y / norms[part][:, :, None], out=y)"),
        ("not normalised", NORMALISED, "pass"),
    ],
    ("CTC", ctc_loss): [
        ("padding not zeroed", "zero_padding(dlogits, given[1], in_place=True)", "dlogits"),
    ],
    ("CTC", PathSums.posterior): [
        ("alpha forgotten", "self.alpha[frames]", "1 + 0 * self.alpha[frames]"),
        ("beta forgotten", "self.beta[frames]", "1 + 0 * self.beta[frames]"),
        ("beta in the order of its own frames", "self.beta[frames]", "self.beta[::-1][frames]"),
        ("beta in the order of its own states", "self.beta[frames]", "self.beta[frames][:, ::-1]"),
        ("not normalised", "- self.log_p", "- 0 * self.log_p"),
    ],
    ("CTC", recurse): [
        ("emission counted twice", "before = rows[t, 1]", "continue"),
        ("stay forgotten in beta", "semiring.plus(new, before[:, 2:], new)", "new"),
    ],
    ("CTC", _skips): [
        ("jumps not turned", "one[:1:-1]", "one[2:]"),
        (
            "no blank between equal labels on the way back",
            "one[:1:-1]",
            "np.where(lattice.symbols != 0, semiring.one, semiring.zero)[:1:-1]",
        ),
    ],
    ("CTC", _walk): [
        ("beta from the end of the batch", "T - frames:", "0 * frames:"),
        (
            "beta ends in the batch's last states",
            "lattice.states[n]",
            "lattice.states.max() + 0 * n",
        ),
    ],
    ("network", conv2d_backward): [("dW convolved, not correlated", "D[part].conj()", "D[part]")],
    ("network", seq_batchnorm_backward): [
        ("variance taken as a constant", "-by_normal", "0 * by_normal"),
    ],
    ("network", gru_backward_in_place): [
        ("what is kept forgotten", "carry *= keep[:, t]", "carry *= 0")
    ],
    ("network", _subtract_sorted): [
        ("occupancy forgotten", OCCUPANCY, "(0 * gamma[:, starts])"),
    ],
}
TABLE = [
    pytest.param(name, function, right, wrong, id=f"{name}: {what}")
    for (name, function), mistakes in MISTAKES.items()
    for what, right, wrong in mistakes
]


def plant(monkeypatch, function, right, wrong):
    """Replace the code of a function by that of an edited copy, wherever it was imported."""
    source = textwrap.dedent(inspect.getsource(function))
    assert right in source, f"{function.__qualname__} no longer says {right!r}: move the mistake"
    edited = {}
    exec(source.replace(right, wrong), dict(function.__globals__), edited)
    monkeypatch.setattr(function, "__code__", edited[function.__name__].__code__)


@pytest.mark.parametrize("name", CHECKS)
def test_right_backward_passes_are_found_right(name):
    for comparison in CHECKS[name]():
        assert comparison.ok, str(comparison)


@pytest.mark.parametrize(("name", "function", "right", "wrong"), TABLE)
def test_wrong_backward_passes_are_caught(name, function, right, wrong, monkeypatch):
    plant(monkeypatch, function, right, wrong)
    assert not all(comparison.ok for comparison in CHECKS[name]())


@pytest.mark.parametrize(
    ("name", "layer", "param"),
    [
        *[("Linear", Linear, "W"), ("Linear", Linear, "b"), ("Conv1D", Conv1D, "W")],
        *[("Conv2D 3x5", Conv2D, "W"), ("RowConv", RowConv, "W")],
        *[("SeqBatchNorm", SeqBatchNorm, "gamma"), ("SeqBatchNorm", SeqBatchNorm, "beta")],
        *[("GRU", Recurrent, "W"), ("GRU", Recurrent, "U"), ("SimpleRNN, bias", Recurrent, "b")],
    ],
)
def test_gradients_replaced_instead_of_added_to_are_caught(name, layer, param, monkeypatch, rng):
    """One backward pass cannot show it: the contract of all layers takes two."""
    case = next(case for case in REGISTRY if case.name == name)
    plant(monkeypatch, layer.backward, f'["{param}"] +=', f'["{param}"][...] =')
    with pytest.raises(AssertionError):
        assert_gradients_add_up(case, rng)
