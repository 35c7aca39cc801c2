"""The registry of layer cases: every generic test of the contract runs over each of them.

A new layer gets all of these tests by one more line.
"""

from dataclasses import dataclass, field

import numpy as np

from ds2np.layers import (
    GRU,
    ClippedReLU,
    Conv2D,
    FromChannels,
    Linear,
    SeqBatchNorm,
    Sequential,
    SimpleRNN,
    ToChannels,
)

LENGTHS = np.array([6, 3, 5])


@dataclass(frozen=True)
class Case:
    """A layer, how to make it, and the input that it takes: (N, T, ...) or (N, C, T, F)."""

    name: str
    make: type
    shape: tuple
    arguments: tuple = ()
    options: dict = field(default_factory=dict)

    def layer(self, dtype=np.float64, seed=0):
        options = dict(self.options)
        if self.make not in (ClippedReLU, ToChannels, FromChannels, Sequential):
            options["dtype"] = dtype
        if self.make in (Linear, Conv2D, SimpleRNN, GRU):
            options["rng"] = np.random.default_rng(seed)
        if self.make is Sequential:
            options["layers"] = {
                "linear": Linear(3, 2, np.random.default_rng(seed), dtype),
                "norm": SeqBatchNorm(2, dtype=dtype),
            }
        return self.make(*self.arguments, **options)

    def x(self, rng, dtype=np.float64):
        x = rng.standard_normal(self.shape)
        x += 0.1 * np.sign(x)  # away from the kink at 0
        x[0] = np.where(x[0] > 1.5, 25, x[0])  # some above the ceiling of 20, away from it
        return x.astype(dtype)

    @property
    def time_axis(self):
        return 2 if len(self.shape) == 4 else 1


def recurrent_cases(make):
    name = make.__name__
    shape, arguments = (3, 6, 3), (3, 4)
    return [
        Case(f"{name}", make, shape, arguments),
        Case(f"{name}, bias", make, shape, arguments, {"batchnorm": False}),
        Case(f"{name}, both ways", make, shape, arguments, {"bidirectional": True}),
        Case(
            f"{name}, both ways, own W",
            make,
            shape,
            arguments,
            {"bidirectional": True, "share_input": False},
        ),
        Case(
            f"{name}, both ways, concatenated, bias",
            make,
            shape,
            arguments,
            {"bidirectional": True, "merge": "concat", "batchnorm": False},
        ),
    ]


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
    *recurrent_cases(SimpleRNN),
    *recurrent_cases(GRU),
    Case("ToChannels", ToChannels, (3, 6, 4)),
    Case("FromChannels", FromChannels, (3, 2, 6, 4)),
    Case("Sequential", Sequential, (3, 6, 3)),
]
