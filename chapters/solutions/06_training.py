"""Solutions of the exercises of chapter 06, training."""

import math

import numpy as np


def clip_by_norm(grads, max_norm):
    """Scale all gradients by one factor, so that together they are no longer than allowed."""
    norm = math.sqrt(sum(float(np.sum(grad * grad)) for grad in grads.values()))
    if not math.isfinite(norm):  # no direction to follow: a factor of 0 would leave nan
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    scale = max_norm / norm if norm > max_norm else 1.0
    return {name: scale * grad for name, grad in grads.items()}, norm


def sgd_step(params, grads, velocity, rate, momentum):
    """Make a step with Nesterov's momentum; return new parameters and new velocity."""
    new_params, new_velocity = {}, {}
    for name, grad in grads.items():
        push = rate * grad
        new_velocity[name] = momentum * velocity[name] - push
        new_params[name] = params[name] + momentum * new_velocity[name] - push
    return new_params, new_velocity


def plan_epoch(frames, batch_size, epoch, seed, max_frames=math.inf):
    """Sort utterances by length, nearly so after the first epoch; cut; shuffle what was cut."""
    rng = np.random.default_rng((seed, epoch))
    keys = frames if epoch == 1 else frames * rng.uniform(0.9, 1.1, len(frames))
    plan, batch, longest = [], [], 0
    for i in np.argsort(keys, kind="stable"):
        longest = max(longest, frames[i])
        size = len(batch) + 1
        if batch and (size > batch_size or size * longest > max_frames):
            plan.append(np.array(batch, int))
            batch, longest = [], frames[i]
        batch.append(i)
    plan.append(np.array(batch, int))
    if epoch > 1:
        rng.shuffle(plan)
    return plan


def should_stop(rates, patience):
    """Count the epochs since the first of the best ones."""
    if patience == 0 or not rates:
        return False
    best = rates.index(min(rates))
    return len(rates) - 1 - best >= patience
