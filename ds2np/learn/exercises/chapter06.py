"""Exercises of chapter 06: training."""

import numpy as np

from ds2np.data import batches
from ds2np.learn.exercise import Exercise
from ds2np.optim import SGD, global_norm
from ds2np.train.progress import should_stop


def clip_by_norm(grads, max_norm):
    """Clip by a step of the package's optimiser from 0, with learning rate 1 and no momentum."""
    moved = {name: np.zeros_like(grad) for name, grad in grads.items()}
    SGD(moved, grads, learning_rate=1.0, momentum=0.0, max_norm=max_norm).step()
    return {name: 0.0 - value for name, value in moved.items()}, global_norm(grads)


def sgd_step(params, grads, velocity, rate, momentum):
    """Make a step with the package's optimiser, without clipping."""
    optimiser = SGD(params, grads, rate, momentum, max_norm=np.inf)
    optimiser.velocity = velocity
    optimiser.step()
    return params, velocity


def _clip_cases(rng):
    def gradients(*values):
        return {f"layer{i}.W": np.array(value, float) for i, value in enumerate(values, start=1)}

    return {
        "one array, too long": (gradients([30.0, 40.0]), 5.0),
        "one array, short enough": (gradients([0.3, -0.4]), 5.0),
        "exactly as long as allowed": (gradients([3.0, 4.0]), 5.0),
        "two arrays, each short enough alone": (gradients([3.0], [[0.0, 4.0]]), 4.0),
        "three arrays of different shapes": (
            {
                "conv1.W": rng.standard_normal((2, 1, 3, 3)) * 9,
                "gru1.U": rng.standard_normal((4, 4)),
                "output.b": rng.standard_normal(5),
            },
            7.0,
        ),
        "all gradients are 0": (gradients([0.0, 0.0], [0.0]), 5.0),
        "very small gradients": (gradients([3e-9, 4e-9]), 1.0),
        "an infinity": (gradients([1.0, np.inf], [2.0]), 5.0),
        "NaN in the second array": (gradients([1.0, 2.0], [np.nan]), 5.0),
    }


def _step_cases(rng):
    def case(shapes, rate, momentum, still=False, silent=False):
        params, grads, velocity = (
            {name: rng.standard_normal(shape) for name, shape in shapes.items()} for _ in range(3)
        )
        nothing = {name: np.zeros(shape) for name, shape in shapes.items()}
        grads, velocity = (nothing if silent else grads), (nothing if still else velocity)
        return params, grads, velocity, rate, momentum

    several = {"conv1.W": (2, 1, 3), "gru1.U": (3, 3), "output.b": (4,)}
    return {
        "the first step: no velocity yet": case({"w": (3,)}, 0.1, 0.9, still=True),
        "a later step": case({"w": (3,)}, 0.1, 0.9),
        "no gradient: momentum only": case({"w": (2, 2)}, 0.1, 0.5, silent=True),
        "no momentum: plain descent": case({"w": (3,)}, 0.2, 0.0),
        "several arrays": case(several, 0.03, 0.99),
    }


def _plan_cases(rng):
    def case(frames, batch_size, epoch, seed=0, max_frames=np.inf):
        return np.array(frames), batch_size, epoch, seed, max_frames

    many = rng.integers(20, 300, 50)
    return {
        "the first epoch": case([5, 2, 9, 4, 7], 2, 1),
        "the first epoch, utterances of equal length": case([3] * 20 + [1] * 20, 3, 1),
        "the first epoch, with a limit on frames": case([5, 2, 9, 4, 7], 4, 1, max_frames=14),
        "an utterance with more frames than allowed": case([5, 30, 4, 31], 3, 1, max_frames=15),
        "every utterance has more frames than allowed": case([31, 30], 3, 1, max_frames=15),
        "exactly as many frames as allowed": case([5, 5, 5, 5], 4, 1, max_frames=10),
        "the second epoch": case(many, 8, 2, seed=3),
        "the third epoch, with a limit on frames": case(many, 16, 3, 1, 1000),
        "a minibatch larger than the data set": case([4, 2, 3], 8, 2),
    }


def _stop_cases(rng):
    return {
        "before the first epoch": ([], 2),
        "better in every epoch": ([0.9, 0.5, 0.4], 2),
        "one epoch short of patience": ([0.9, 0.4, 0.5], 2),
        "patience exhausted": ([0.9, 0.4, 0.5, 0.6], 2),
        "equal to the best is not better": ([0.9, 0.4, 0.4, 0.4], 2),
        "better than the previous epoch, not than the best": ([0.4, 0.9, 0.8, 0.7], 3),
        "a new best in the last epoch": ([0.5, 0.6, 0.6, 0.3], 3),
        "patience 0: all epochs": ([0.4, 0.5, 0.6, 0.7], 0),
        "patience 0, before the first epoch": ([], 0),
        "patience 1, better": ([0.5, 0.4], 1),
        "patience 1, worse": ([0.5, 0.6], 1),
        "patience 1, after the first epoch": ([0.5], 1),
        "patience 1, better than the last, not than the best": ([0.3, 0.5, 0.4], 1),
        "as many epochs as patience": ([0.5, 0.6, 0.7], 3),
        "the best epoch is long past": ([0.2, 0.9, 0.8, 0.7, 0.6], 2),
    } | {
        f"{count} epochs at random, patience {patience}": (rates.tolist(), patience)
        for count, patience in ((5, 1), (6, 2), (9, 3), (9, 4))
        for rates in [rng.integers(1, 6, count) / 10]
    }


EXERCISES = (
    Exercise(
        "06.1",
        "clip_by_norm",
        "gradient clipping by the global norm",
        clip_by_norm,
        _clip_cases,
        tolerance=1e-6,  # others add 1e-6 to the norm that they divide by
        results=("clipped", "norm"),
        package=SGD.step,
    ),
    Exercise(
        "06.2",
        "sgd_step",
        "one step with Nesterov momentum",
        sgd_step,
        _step_cases,
        results=("params", "velocity"),
        package=SGD.step,
    ),
    Exercise(
        "06.3",
        "plan_epoch",
        "minibatches of an epoch: SortaGrad, buckets, a limit on frames",
        batches.plan_epoch,
        _plan_cases,
    ),
    Exercise("06.4", "should_stop", "early stopping on the error rate", should_stop, _stop_cases),
)
