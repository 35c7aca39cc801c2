"""Exercises of chapter 11: operation counts, the roofline, one large product, a faster loop."""

import numpy as np

from ds2np.layers import GRU, Bidirectional, SimpleRNN
from ds2np.layers.recurrent import recurrent_weight_gradient
from ds2np.layers.rowconv import row_conv_forward
from ds2np.learn.exercise import Exercise
from ds2np.learn.speed import Speed

LONG = "2 utterances of 400 frames"


def recurrent_multiply_adds(N, T, D, H, gates, directions, shared):
    """Count with the package's layers."""
    kind, rng = {1: SimpleRNN, 3: GRU}[gates], np.random.default_rng(0)
    if directions == 1:
        layer = kind(D, H, rng)
    else:
        layer = Bidirectional(kind, D, H, rng, share_input=shared)
    return N * T * layer.multiply_adds((D,))


def attainable_rate(rows, inner, columns, peak, bandwidth, bytes_per_number=4):
    """Return the lower of the two limits of the roofline, in operations per second."""
    flop = 2 * rows * inner * columns
    moved = bytes_per_number * (rows * inner + inner * columns + rows * columns)
    return min(peak, bandwidth * flop / moved)


def row_conv_by_frames(x, W):
    """Chapter 04's row convolution, for each utterance: right, and slow."""
    N, T, _ = x.shape
    out = np.zeros_like(x)
    for n in range(N):
        for t in range(T):
            for j in range(min(len(W), T - t)):  # what lies behind the last frame counts as zeros
                out[n, t] += W[j] * x[n, t + j]
    return out


def fast_row_conv(x, W):
    """Leave it to the package's function."""
    return row_conv_forward(x, W)[0]


def _count_cases(rng):
    return {
        "a simple layer with one direction, one frame": (1, 1, 5, 3, 1, 1, True),
        "three utterances of four frames": (3, 4, 5, 3, 1, 1, True),
        "a GRU": (2, 4, 5, 3, 3, 1, True),
        "two directions with a W each": (2, 4, 5, 3, 1, 2, False),
        "two directions that share W": (2, 4, 5, 3, 1, 2, True),
        "a GRU with two directions that share W": (8, 100, 24, 16, 3, 2, True),
        "no frames": (2, 0, 5, 3, 3, 2, False),
    }


def _rate_cases(rng):
    return {
        "large and square: the arithmetic is the limit": (1000, 1000, 1000, 1e11, 1e10),
        "a single row: the memory is the limit": (1, 1000, 1000, 1e11, 1e10),
        "a column times a row": (300, 1, 200, 1e11, 1e10),
        "16 rows": (16, 256, 768, 1e11, 1e10),
        "three sizes that all differ": (20, 30, 50, 1e12, 5e10),
        "float64, 8 bytes per number": (16, 256, 768, 1e11, 1e10, 8),
        "large and square in float64": (1000, 1000, 1000, 1e11, 1e10, 8),
    }


def _gradient_cases(rng):
    def case(B, T, N, H, gates):
        h, h0 = rng.standard_normal((B, T, N, H)), rng.standard_normal((B, N, H))
        return h, h0, rng.standard_normal((B, T, N, gates * H))

    h, h0, dg = case(1, 3, 2, 2, 1)
    return {
        "one direction, from a state of zeros": (h, np.zeros_like(h0), dg),
        "from a state that is not zero": (h, h0, dg),
        "two directions, three gates": case(2, 5, 3, 4, 3),
        "one frame": case(2, 1, 3, 4, 3),
        "no frames": case(2, 0, 3, 4, 3),
        "a single utterance": case(2, 4, 1, 3, 1),
    }


def _row_cases(rng):
    def case(N, T, H, taps):
        return rng.standard_normal((N, T, H)), rng.standard_normal((taps, H))

    return {
        "one utterance, one feature, two weights": case(1, 4, 1, 2),
        "three utterances": case(3, 7, 4, 3),
        "a single weight: no look ahead": case(2, 5, 3, 1),
        "as many weights as frames": case(2, 4, 3, 4),
        "more weights than frames": case(2, 3, 2, 6),
        "one frame": case(2, 1, 3, 3),
        LONG: case(2, 400, 4, 5),
    }


EXERCISES = (
    Exercise(
        "11.1",
        "recurrent_multiply_adds",
        "number of multiplications with weights in a recurrent layer",
        recurrent_multiply_adds,
        _count_cases,
    ),
    Exercise(
        "11.2", "attainable_rate", "speed limit of a matrix product", attainable_rate, _rate_cases
    ),
    Exercise(
        "11.3",
        "recurrent_weight_gradient",
        "gradient of U over all frames as one product",
        recurrent_weight_gradient,
        _gradient_cases,
    ),
    Exercise(
        "11.4",
        "fast_row_conv",
        "row convolution without a loop over frames, really faster",
        fast_row_conv,
        _row_cases,
        package=row_conv_forward,
        speed=Speed(row_conv_by_frames, LONG, 8),
    ),
)
