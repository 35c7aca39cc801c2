"""A simple model of the speed-up of data-parallel training on p GPUs.

A step is the computation of one GPU plus the part of the all-reduce that the backward pass does not
hide. Real machines are slower: GPUs wait for the longest utterances, and small minibatches underuse
a GPU. The paper reports synchronous SGD with a ring all-reduce, minibatches of 512 over 8 or 16
GPUs, and near-linear weak scaling to 128 GPUs. Chapter 13 uses the model.
"""

import dataclasses
import math

PAPER_GPUS = (8, 16, 32, 64, 128)
PAPER_SAYS = "near-linear weak scaling to 128 GPUs"


@dataclasses.dataclass(frozen=True)
class Step:
    """A training step on one GPU, and the network between GPUs.

    Attributes
    ----------
    compute : float
        Seconds of computation per minibatch on one GPU.
    gradient_bytes : float
        Size of all gradients: 4 bytes per parameter in float32.
    latency : float
        Seconds for the shortest message.
    bandwidth : float
        Bytes per second that a GPU can send, and at the same time receive.
    algorithm : {"ring", "tree", "naive"}
        See `simulate`.
    overlap : float
        Share of the communication, from 0 to 1, that can run during the backward pass.
    backward : float
        Share of the backward pass in the computation; it has twice the products of the forward.
    """

    compute: float
    gradient_bytes: float
    latency: float
    bandwidth: float
    algorithm: str = "ring"
    overlap: float = 0.0
    backward: float = 2 / 3


@dataclasses.dataclass(frozen=True)
class Point:
    """A point of a scaling curve.

    Attributes
    ----------
    gpus : int
    seconds : float
        Duration of a step.
    waiting : float
        Seconds of it in which the GPUs wait for gradients.
    speed_up : float
        Utterances per second relative to one GPU.
    efficiency : float
        Speed-up per GPU; 1 is perfect.
    """

    gpus: int
    seconds: float
    waiting: float
    speed_up: float
    efficiency: float


def all_reduce_seconds(algorithm, gpus, size, latency, bandwidth):
    """Compute the seconds of an all-reduce of `size` bytes: per round, one latency and one message.

    See `Step` for the units.
    """
    rounds = {
        "naive": 2 * (gpus - 1),
        "tree": 2 * math.ceil(math.log2(gpus)),
        "ring": 2 * (gpus - 1),
    }[algorithm]
    message = size / gpus if algorithm == "ring" else size
    return rounds * (latency + message / bandwidth)


def step_seconds(step, gpus, compute=None):
    """Compute the seconds of a step, and those of them spent waiting for gradients.

    `compute` replaces the step's own seconds of computation.
    """
    compute = step.compute if compute is None else compute
    communication = all_reduce_seconds(
        step.algorithm, gpus, step.gradient_bytes, step.latency, step.bandwidth
    )
    hidden = min(step.overlap * communication, step.backward * compute)
    waiting = communication - hidden
    return compute + waiting, waiting


def weak_scaling(step, gpus=PAPER_GPUS):
    """Compute a list of `Point` for a minibatch of fixed size on each GPU."""
    return [_point(step, p, step.compute) for p in gpus]


def strong_scaling(step, gpus=PAPER_GPUS):
    """Compute a list of `Point` for one minibatch of fixed size, shared among all GPUs."""
    return [_point(step, p, step.compute / p) for p in gpus]


def _point(step, gpus, compute):
    seconds, waiting = step_seconds(step, gpus, compute)
    efficiency = compute / seconds
    return Point(gpus, seconds, waiting, gpus * efficiency, efficiency)


def linearity(points):
    """Compute the slope of a scaling curve from its first to its last point, in log-log scale.

    1 is linear scaling, which the paper nearly reaches for weak scaling; 0 is no speed-up.
    """
    first, last = points[0], points[-1]
    return math.log(last.speed_up / first.speed_up) / math.log(last.gpus / first.gpus)
