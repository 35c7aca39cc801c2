"""The registry of layer cases for the command `gradcheck` and the tests: one line per layer."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ds2np.layers import (
    GRU,
    Bidirectional,
    ClippedReLU,
    Conv1D,
    Conv2D,
    Dropout,
    FromChannels,
    InputNorm,
    Linear,
    RowConv,
    SeqBatchNorm,
    Sequential,
    SimpleRNN,
    ToChannels,
)

LENGTHS = np.array([6, 3, 5])


def small_stack(rng, dtype):
    """Build a Sequential of two layers."""
    linear, norm = Linear(3, 2, rng, dtype=dtype), SeqBatchNorm(2, dtype=dtype)
    return Sequential({"linear": linear, "norm": norm})


@dataclass(frozen=True)
class Case:
    """A layer with its arguments and the shape of its input.

    Attributes
    ----------
    make : callable
        The class of the layer.
    shape : tuple
        Input shape: (N, T, ...) or (N, C, T, F).
    arguments, options
        Arguments of the class, except rng and dtype, which `layer` adds.
    """

    name: str
    make: Callable
    shape: tuple
    arguments: tuple = ()
    options: dict = field(default_factory=dict)

    def layer(self, dtype=np.float64, seed=0):
        """Build the layer."""
        parameters = inspect.signature(self.make).parameters.values()
        takes = {p.name for p in parameters}
        takes |= {"dtype"} if any(p.kind is p.VAR_KEYWORD for p in parameters) else set()
        drawn = {"rng": np.random.default_rng(seed), "dtype": dtype}
        added = {name: value for name, value in drawn.items() if name in takes}
        return self.make(*self.arguments, **added, **self.options)

    def x(self, rng, dtype=np.float64):
        """Draw an input away from the kinks of the layers."""
        x = rng.standard_normal(self.shape)
        x += 0.1 * np.sign(x)  # away from the kink at 0
        x[0] = np.where(x[0] > 1.5, 25, x[0])  # some well above the ceiling of 20
        return x.astype(dtype)

    @property
    def time_axis(self):
        """The time axis of the input."""
        return 2 if len(self.shape) == 4 else 1


def recurrent_cases(kind):
    """List the variants of a recurrent layer."""
    name, shape, sizes = kind.__name__, (3, 6, 3), (3, 4)
    other = {"activation": "tanh" if kind is SimpleRNN else "clipped_relu"}
    both = f"Bidirectional {name}"
    return [
        Case(name, kind, shape, sizes),
        Case(f"{name}, bias", kind, shape, sizes, {"batchnorm": False}),
        Case(f"{name}, {other['activation']}", kind, shape, sizes, other),
        Case(both, Bidirectional, shape, (kind, *sizes)),
        Case(f"{both}, own W", Bidirectional, shape, (kind, *sizes), {"share_input": False}),
        Case(
            f"{both}, concatenated, bias",
            Bidirectional,
            shape,
            (kind, *sizes),
            {"merge": "concat", "batchnorm": False},
        ),
    ]


VALID = {"padding": "valid"}

CASES = [
    Case("Linear", Linear, (3, 6, 3), (3, 4)),
    Case("ClippedReLU", ClippedReLU, (3, 6, 3)),
    Case("ClippedReLU of images", ClippedReLU, (3, 2, 6, 3), (2,)),
    Case("SeqBatchNorm", SeqBatchNorm, (3, 6, 3), (3,)),
    Case("SeqBatchNorm of images", SeqBatchNorm, (3, 2, 6, 3), (2, 2)),
    Case("Conv2D 3x5", Conv2D, (3, 2, 6, 7), (2, 3, (3, 5), (1, 1))),
    Case("Conv2D 3x5, stride 2x2", Conv2D, (3, 2, 6, 7), (2, 3, (3, 5), (2, 2))),
    Case("Conv2D 5x3, stride 1x2", Conv2D, (3, 2, 6, 6), (2, 2, (5, 3), (1, 2))),
    Case("Conv2D larger than the input", Conv2D, (3, 1, 6, 5), (1, 2, (11, 41), (3, 4))),
    Case("Conv2D valid, stride 2x1", Conv2D, (3, 2, 6, 7), (2, 3, (2, 4), (2, 1)), VALID),
    Case("Conv1D", Conv1D, (3, 6, 4), (4, 2, 3, 1)),
    Case("Conv1D, stride 2", Conv1D, (3, 6, 4), (4, 2, 5, 2)),
    Case("Conv1D larger than the input", Conv1D, (3, 6, 2), (2, 2, 11, 3)),
    Case("Conv1D valid, stride 2", Conv1D, (3, 6, 4), (4, 2, 2, 2), VALID),
    *recurrent_cases(SimpleRNN),
    *recurrent_cases(GRU),
    Case("RowConv", RowConv, (3, 6, 3), (3, 2)),
    Case("RowConv beyond the end", RowConv, (3, 6, 3), (3, 9)),
    Case("ToChannels", ToChannels, (3, 6, 4)),
    Case("FromChannels", FromChannels, (3, 2, 6, 4)),
    Case("Dropout", Dropout, (3, 6, 4), (0.4,)),
    Case("Sequential", small_stack, (3, 6, 3)),
    Case("InputNorm, corpus", InputNorm, (3, 6, 4), (4,)),
    Case("InputNorm, running", InputNorm, (3, 6, 4), (4, True)),
]
