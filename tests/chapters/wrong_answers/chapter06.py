"""Mistakes that are easily made in the exercises of chapter 06."""

import importlib.util

import numpy as np

from ds2np.learn.book import FOLDER

_spec = importlib.util.spec_from_file_location("right", FOLDER / "solutions" / "06_training.py")
right = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(right)


def norm_of(grads):
    return np.sqrt(sum((grad**2).sum() for grad in grads.values()))


def always_scales(grads, max_norm):
    norm = norm_of(grads)
    return {name: grad * max_norm / norm for name, grad in grads.items()}, norm


def each_alone(grads, max_norm):
    parts = {name: right.clip_by_norm({name: g}, max_norm)[0][name] for name, g in grads.items()}
    return parts, norm_of(grads)


def each_element(grads, max_norm):
    return {name: np.clip(g, -max_norm, max_norm) for name, g in grads.items()}, norm_of(grads)


def believes_any_norm(grads, max_norm):
    norm = norm_of(grads)
    scale = max_norm / norm if norm > max_norm else 1.0
    return {name: scale * grad for name, grad in grads.items()}, norm


def norm_after(grads, max_norm):
    clipped, _ = right.clip_by_norm(grads, max_norm)
    return clipped, norm_of(clipped)


def clips_in_place(grads, max_norm):
    clipped, norm = right.clip_by_norm(grads, max_norm)
    for name in grads:
        grads[name][...] = clipped[name]
    return grads, norm


def step(params, grads, velocity, rate, momentum, follow):
    new_velocity = {n: momentum * velocity[n] - rate * grads[n] for n in grads}
    return {n: params[n] + follow(n, new_velocity) for n in grads}, new_velocity


def classical(params, grads, velocity, rate, momentum):
    return step(params, grads, velocity, rate, momentum, lambda n, v: v[n])


def forgets_the_push(params, grads, velocity, rate, momentum):
    return step(params, grads, velocity, rate, momentum, lambda n, v: momentum * v[n])


def old_velocity(params, grads, velocity, rate, momentum):
    def follow(n, _):
        return momentum * velocity[n] - rate * grads[n]

    return step(params, grads, velocity, rate, momentum, follow)


def uphill(params, grads, velocity, rate, momentum):
    return right.sgd_step(params, {n: -g for n, g in grads.items()}, velocity, rate, momentum)


def averaging(params, grads, velocity, rate, momentum):
    """Let the velocity be a mean, as in some other optimisers."""
    grads = {n: (1 - momentum) * g for n, g in grads.items()}
    return right.sgd_step(params, grads, velocity, rate, momentum)


def in_place(params, grads, velocity, rate, momentum):
    new_params, new_velocity = right.sgd_step(params, grads, velocity, rate, momentum)
    for n in params:
        params[n][...], velocity[n][...] = new_params[n], new_velocity[n]
    return params, velocity


def plan(
    frames, batch_size, epoch, seed, max_frames, kind="stable", reset=True, pads=True, first=1
):
    rng = np.random.default_rng((seed, epoch))
    keys = frames if epoch == first else frames * rng.uniform(0.9, 1.1, len(frames))
    batches, batch, longest, total = [], [], 0, 0
    for i in np.argsort(keys, kind=kind) if kind else np.argsort(-keys, kind="stable")[::-1]:
        longest, total = max(longest, frames[i]), total + frames[i]
        size = len(batch) + 1
        weight = size * longest if pads else total
        if (batch or not reset) and (size > batch_size or weight > max_frames):
            batches.append(np.array(batch, int))
            batch, longest, total = [], frames[i], frames[i]
        batch.append(i)
    batches.append(np.array(batch))
    if epoch > first:
        rng.shuffle(batches)
    return batches


def shuffles_utterances(frames, batch_size, epoch, seed, max_frames):
    if epoch == 1:
        return right.plan_epoch(frames, batch_size, epoch, seed, max_frames)
    order = np.random.default_rng((seed, epoch)).permutation(len(frames))
    return np.array_split(order, range(batch_size, len(frames), batch_size))


WRONG = {
    "06.1": {
        "hands the same dictionary back if it is short": lambda grads, max_norm: (
            (grads, norm_of(grads))
            if norm_of(grads) <= max_norm
            else right.clip_by_norm(grads, max_norm)
        ),
        "scales short gradients up": always_scales,
        "clips each array by itself": each_alone,
        "clips each number": each_element,
        "continues with a norm that is NaN": believes_any_norm,
        "returns the norm after clipping": norm_after,
        "changes the gradients in place": clips_in_place,
        "returns nothing": lambda *a: None,
    },
    "06.2": {
        "is classical momentum": classical,
        "follows the velocity, and forgets the gradient itself": forgets_the_push,
        "follows the old velocity": old_velocity,
        "goes uphill": uphill,
        "averages gradients": averaging,
        "changes its arguments": in_place,
    },
    "06.3": {
        "sorts from long to short, then reverses": lambda *a: plan(*a, kind=None),
        "leaves an empty minibatch before a long utterance": lambda *a: plan(*a, reset=False),
        "counts real frames only": lambda *a: plan(*a, pads=False),
        "counts epochs from 0": lambda *a: plan(*a, first=0),
        "ignores the limit of frames": lambda *a: plan(*a[:-1], np.inf),
        "shuffles utterances across buckets": shuffles_utterances,
    },
    "06.4": {
        "asks whether the last epoch is worse than that before its patience": (
            lambda rates, patience: bool(
                patience and len(rates) > patience and rates[-1] >= rates[-1 - patience]
            )
        ),
        "asks for patience epochs that are worse than the best, anywhere": (
            lambda rates, patience: bool(
                patience and rates and sum(rate > min(rates) for rate in rates) >= patience
            )
        ),
        "wants two epochs at least": lambda rates, patience: right.should_stop(
            rates, max(patience, 2) if patience else 0
        ),
        "compares with the epoch before": lambda rates, patience: (
            patience > 0
            and len(rates) > patience
            and all(b >= a for a, b in zip(rates[-patience - 1 :], rates[-patience:], strict=False))
        ),
        "stops an epoch late": lambda rates, patience: (
            patience > 0 and right.should_stop(rates, patience + 1)
        ),
        "counts from the last of the best ones": lambda rates, patience: bool(
            patience
            and rates
            and len(rates) - 1 - max(i for i, r in enumerate(rates) if r == min(rates)) >= patience
        ),
        "takes patience 0 for no patience": lambda rates, patience: bool(
            rates and len(rates) - 1 - int(np.argmin(rates)) >= patience
        ),
    },
}
