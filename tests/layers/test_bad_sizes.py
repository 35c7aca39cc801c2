"""Layers of impossible sizes and unknown kinds are refused when they are built."""

import dataclasses

import numpy as np
import pytest

from ds2np.gradcheck.cases import CASES
from ds2np.layers import (
    GRU,
    Bidirectional,
    ClippedReLU,
    Conv1D,
    Conv2D,
    Dropout,
    InputNorm,
    Linear,
    RowConv,
    SeqBatchNorm,
    SimpleRNN,
)

RNG = np.random.default_rng(0)
SIZED = [case for case in CASES if case.arguments and case.make not in (ClippedReLU, Dropout)]


@pytest.mark.parametrize("case", SIZED, ids=lambda case: case.name)
@pytest.mark.parametrize("size", [0, -1, 1.5, True, None, "3"], ids=repr)
def test_every_size_is_a_whole_number_above_0(case, size):
    """Each size of each layer, in turn; a lookahead may be 0."""
    arguments = list(case.arguments)
    for i, right in enumerate(arguments):
        if isinstance(right, (type, bool)) or (case.make is SeqBatchNorm and i == 1):
            continue
        if case.make is RowConv and i == 1 and size == 0:
            continue
        wrongs = [(size, right[1]), (right[0], size)] if isinstance(right, tuple) else [size]
        for wrong in wrongs:
            changed = (*arguments[:i], wrong, *arguments[i + 1 :])
            with pytest.raises(ValueError, match=r"is .*, expected a whole number from [01] on"):
                dataclasses.replace(case, arguments=changed).layer()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: RowConv(3, -1, RNG), "tau is -1, expected a whole number from 0 on"),
        (lambda: Conv2D(1, 2, (3,), (1, 1), RNG), r"kernel is \(3,\), expected two sizes"),
        (lambda: Conv2D(1, 2, (3, 3), (1, 1, 1), RNG), r"stride is \(1, 1, 1\), expected two"),
        (lambda: Conv2D(1, 2, (3, 3), (1, 0), RNG), "stride over frequency is 0, expected a whole"),
        (lambda: Conv1D(1, 2, 3, 0, RNG), "stride is 0, expected a whole number from 1 on"),
        (lambda: Conv1D(1, 2, 3, 1, RNG, "full"), "padding is 'full', expected"),
        (lambda: Conv1D(1, 2, 4, 1, RNG), "kernel size is 4, expected an odd size"),
        (lambda: ClippedReLU(3), "time_axis is 3, expected 1 or 2"),
        (lambda: SeqBatchNorm(3, time_axis=0), "time_axis is 0, expected 1 or 2"),
        (lambda: SeqBatchNorm(3, momentum=1.1), "momentum is 1.1, expected a number from 0 to 1"),
        (lambda: SeqBatchNorm(3, momentum=np.nan), "momentum is nan, expected a number from 0"),
        (lambda: InputNorm(0), "F is 0, expected a whole number from 1 on"),
        (lambda: Linear(3, np.int64(-4), RNG), r"H is np.int64\(-4\), expected a whole number"),
        (lambda: SimpleRNN(3, 4, RNG, activation="relu"), "activation is 'relu', expected"),
        (lambda: Bidirectional(GRU, 3, 4, RNG, merge="mean"), "merge is 'mean', expected"),
        (lambda: Bidirectional("gru", 3, 4, RNG), "kind is 'gru', expected SimpleRNN or GRU"),
        (lambda: Bidirectional(Bidirectional, 3, 4, RNG), "kind is .*, expected SimpleRNN or GRU"),
        (lambda: Bidirectional(Linear, 3, 4, RNG), "kind is .*, expected SimpleRNN or GRU"),
    ],
)
def test_what_is_impossible_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
