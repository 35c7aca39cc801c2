"""How much faster are p GPUs than one? A model of a training step, to think with.

A step is what one GPU computes and, after it, what is left of the all-reduce of the gradients: the
all-reduce of the upper layers can go on while the backward pass computes the lower ones. Real
machines are slower: GPUs wait for the one with the longest utterances, and small minibatches use a
GPU badly. What the model leaves out, no network can mend.

What the paper (Amodei et al., Deep Speech 2) says, to compare with: synchronous SGD with a ring
all-reduce, minibatches of 512 over 8 or 16 GPUs, and near-linear weak scaling to 128 GPUs.
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
        Seconds that one GPU takes for its minibatch, without communication.
    gradient_bytes : float
        Of all gradients together: 4 for each parameter in float32.
    latency : float
        Seconds that the shortest message takes.
    bandwidth : float
        Bytes per second that a GPU can send, and receive at the same time.
    algorithm : {"ring", "tree", "naive"}
        See `simulate`.
    overlap : float
        The share of the communication, from 0 to 1, that can go on during the backward pass.
    backward : float
        The backward pass's share of the computing: about twice the products of the forward pass.
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
        Of a step.
    waiting : float
        The part of them in which the GPUs wait for gradients.
    speed_up : float
        Utterances per second, compared with one GPU.
    efficiency : float
        The speed-up for each GPU; 1 is perfect.
    """

    gpus: int
    seconds: float
    waiting: float
    speed_up: float
    efficiency: float


def all_reduce_seconds(algorithm, gpus, size, latency, bandwidth):
    """Compute how long an all-reduce takes: its rounds, each a latency and a message.

    Parameters
    ----------
    algorithm : {"ring", "tree", "naive"}
    gpus : int
    size : float
        Bytes of the array.
    latency : float
        Seconds.
    bandwidth : float
        Bytes per second.

    Returns
    -------
    float
        Seconds.
    """
    rounds = {
        "naive": 2 * (gpus - 1),
        "tree": 2 * math.ceil(math.log2(gpus)),
        "ring": 2 * (gpus - 1),
    }[algorithm]
    message = size / gpus if algorithm == "ring" else size
    return rounds * (latency + message / bandwidth)


def step_seconds(step, gpus, compute=None):
    """Compute how long a step takes on some GPUs.

    Parameters
    ----------
    step : Step
    gpus : int
    compute : float, optional
        Seconds of computing, if they are not the step's.

    Returns
    -------
    seconds : float
    waiting : float
        The part of them in which the GPUs wait for gradients.
    """
    compute = step.compute if compute is None else compute
    communication = all_reduce_seconds(
        step.algorithm, gpus, step.gradient_bytes, step.latency, step.bandwidth
    )
    hidden = min(step.overlap * communication, step.backward * compute)
    waiting = communication - hidden
    return compute + waiting, waiting


def weak_scaling(step, gpus=PAPER_GPUS):
    """Give every GPU a minibatch of the same size, however many there are.

    Parameters
    ----------
    step : Step
    gpus : iterable of int

    Returns
    -------
    list of Point
    """
    return [_point(step, p, step.compute) for p in gpus]


def strong_scaling(step, gpus=PAPER_GPUS):
    """Share one minibatch, which takes a single GPU `step.compute`, among all GPUs.

    Parameters
    ----------
    step : Step
    gpus : iterable of int

    Returns
    -------
    list of Point
    """
    return [_point(step, p, step.compute / p) for p in gpus]


def _point(step, gpus, compute):
    """Compare with one GPU, which would do for all what each does in so many seconds."""
    seconds, waiting = step_seconds(step, gpus, compute)
    efficiency = compute / seconds
    return Point(gpus, seconds, waiting, gpus * efficiency, efficiency)


def linearity(points):
    """Compare a curve with a straight line: the slope of its log-log picture from end to end.

    Parameters
    ----------
    points : list of Point
        At least two.

    Returns
    -------
    float
        1 if twice the GPUs are twice as fast throughout, as the paper nearly finds for weak
        scaling; 0 if they are no faster.
    """
    first, last = points[0], points[-1]
    return math.log(last.speed_up / first.speed_up) / math.log(last.gpus / first.gpus)
