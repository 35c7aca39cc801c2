"""The checks see small mistakes: a solution with one change is wrong, a right variant is not."""

import copy
import itertools

import numpy as np
import pytest
from helpers.exercises import per_function, solution, wrong_answers
from helpers.mutants import RESULTS, mutate, on_numbers, on_parts, spoil

from ds2np.learn.book import FOLDER, find_exercise
from ds2np.learn.difference import Rules, find_difference
from ds2np.learn.exercise import CORRECT, SEEDS

# Changes that leave an answer right, and why.
BEFORE = "in `before = np.concatenate([[0], path[:-1]])[:len(path)]`"
FIRST = "in `plan, batch, longest = ([], [], 0)`"
SILENT = "in `if sound == 0 or disturbance == 0:`"
SIZE = "in `size = len(samples) + len(response) - 1`"
FITTED = "in `weights, *_ = np.linalg.lstsq(states - centre, facts - mean, rcond=None)`"
ALIKE = {
    "00.1": {"0 -> -1 in `before = 0`": "a first blank is dropped in any case"},
    "01.2": {
        "np.zeros -> np.ones in `filters = np.zeros((mels, len(hertz)))`": "each number is set"
    },
    "02.2": {"np.zeros -> np.ones in `out = np.zeros((N, T_out, O), x.dtype)`": "each is set"},
    "05.1": {"labels = np.asarray(labels) -> pass in `labels = np.asarray(labels)`": "it is one"},
    "05.4": {"0 -> -1 in `loss[n] = -total[0, 0]`": "the sum is the same in each frame"},
    "06.1": {
        "norm > max_norm -> norm >= max_norm "
        "in `scale = max_norm / norm if norm > max_norm else 1.0`": "the factor is 1 then"
    },
    "06.3": {
        f"0 -> 1 {FIRST}": "each utterance has a frame",
        f"0 -> -1 {FIRST}": "lengths are not negative",
    },
    "07.1": {"lengths = np.asarray(lengths) -> pass in `lengths = np.asarray(lengths)`": "it is"},
    "07.3": {
        f"0 -> 1 {BEFORE}": "the case of a first symbol 1 is too rare",
        f"0 -> -1 {BEFORE}": "a first blank is dropped in any case",
        f":-1 -> : {BEFORE}": "cut to the same length afterwards",
        f":len(path) -> : {BEFORE}": "only of no frame, where there is nothing to compare",
    },
    "08.1": {
        f"0 -> 1 {SILENT}": "a silent sound makes the gain 0",
        f"0 -> -1 {SILENT}": "a silent sound makes the gain 0",
    },
    "08.3": {
        f"1 -> 0 {SIZE}": "a longer transform",
        f"len(samples) + len(response) - 1 -> len(samples) + len(response) + 1 {SIZE}": "longer",
    },
    "10.2": {
        f"facts - mean -> facts + mean {FITTED}": "a constant is orthogonal to centred states",
        "np.linalg.lstsq(states - centre, facts - mean, rcond=None) -> "
        f"np.linalg.lstsq(states - centre, facts - mean) {FITTED}": "the default",
    },
    "09.4": {
        "edits[np.arange(len(edits)), chosen].sum -> edits[np.arange(len(edits)), chosen].mean "
        "in `errors = edits[np.arange(len(edits)), chosen].sum()`": "the same order"
    },
    "11.2": {"rounded to integers": "of thousands of millions of operations"},
    "12.2": {"return (-1, -1, -1) -> return (-1, -1, -1) in `return (-1, -1, -1)`": "the same"},
    "13.4": {
        "if p == 1: -> pass in `if p == 1:`": "there is nothing to send in either way",
        "1 -> 0 in `if p == 1:`": "there is nothing to send in either way",
    },
    "16.3": {
        "0.0 -> -1.0 in `finish, sizes, now = ([], [], 0.0)`": "no piece arrives before 0",
    },
}


def arguments_of(exercise):
    return [a for seed in SEEDS for a in exercise.cases(np.random.default_rng(seed)).values()]


def changes_nothing(exercise, what):
    """Whether no result has a number that the change would change, as with integers in rounding."""
    if what not in RESULTS:
        return False
    results = [exercise.reference(*arguments) for arguments in arguments_of(exercise)]
    with np.errstate(all="ignore"):
        changed = [on_parts(on_numbers(RESULTS[what]), result) for result in results]
    return not find_difference(changed, results, Rules(0))


@per_function
def test_small_mistakes_are_wrong(chapter, exercise):
    source = (FOLDER / "solutions" / f"{chapter.file}.py").read_text(encoding="utf-8")
    changed = mutate(source, exercise.function)
    mutants = [*changed, *spoil(solution(chapter, exercise), arguments_of(exercise)[0])]
    passed = {what for what, mutant in mutants if exercise.check(mutant).state == CORRECT}
    passed -= {what for what in passed if changes_nothing(exercise, what)}
    assert passed == set(ALIKE.get(exercise.number, {}))
    assert len(mutants) - len(passed) + len(wrong_answers(chapter, exercise)) >= 10


def single(value):
    """Convert floats to float32."""
    kind = getattr(value, "dtype", np.dtype(int)).kind
    return value.astype({"f": np.float32, "c": np.complex64}[kind]) if kind in "fc" else value


def view(value):
    """Return an array with the same numbers, every second of a larger one."""
    if not isinstance(value, np.ndarray) or not value.ndim:
        return value
    return np.repeat(value, 2, axis=-1)[..., ::2]


@per_function
@pytest.mark.parametrize("way", ["the package's", "float32", "views", "in Fortran's order"])
def test_right_variants_are_correct(chapter, exercise, way):
    right = solution(chapter, exercise)
    change = {"float32": single, "views": view, "in Fortran's order": fortran}.get(way)

    def changed(*given):
        return on_parts(change, right(*given))

    if way == "the package's":

        def answer(*given):  # some change their arguments
            return exercise.reference(*copy.deepcopy(given))
    else:  # where the dtype counts, float32 comes from the arguments alone
        answer = right if way == "float32" and exercise.same_dtype else changed
    assert str(exercise.check(answer)) == CORRECT


def fortran(value):
    return np.asfortranarray(value) if isinstance(value, np.ndarray) else value


def clip_as_others_do(grads, max_norm):
    norm = sum(float((grad**2).sum()) for grad in grads.values()) ** 0.5
    if not np.isfinite(norm):
        return {name: np.zeros_like(grad) for name, grad in grads.items()}, norm
    scale = min(1.0, max_norm / (norm + 1e-6))
    return {name: grad * scale for name, grad in grads.items()}, norm


def stack_states(a, U, h0):
    states = [h0]
    for t in range(a.shape[1]):
        states.append(np.minimum(np.maximum(a[:, t] + np.matmul(states[-1], U), 0), 20))
    return np.stack(states[1:], axis=1)


def stack_windows(x, W, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    starts = range(0, x.shape[1] - len(W) + 1, stride)
    return np.stack([np.einsum("nkd,kdo->no", x[:, t : t + len(W)], W) for t in starts], axis=1)


def collapse_by_groups(path):
    return [symbol for symbol, _ in itertools.groupby(path.tolist()) if symbol]


def reverse_by_an_index(x, lengths):
    t = np.arange(len(x))[:, None]
    return x[np.where(t < lengths, lengths - 1 - t, t), np.arange(x.shape[1])]


def stop_by_two_minima(rates, patience):
    return 0 < patience < len(rates) and min(rates[-patience:]) >= min(rates[:-patience])


def cover_by_masks(x, frames, bins):
    t, f = np.arange(len(x)) // frames, np.arange(x.shape[1]) // bins
    tiles = t[:, None] * (f.max() + 1) + f
    return np.where(tiles == np.arange(tiles.max() + 1)[:, None, None], 0, x)


def probe_by_normal_equations(states, facts, new_states):
    states, new_states = (np.c_[h, np.ones(len(h))] for h in (states, new_states))
    return new_states @ np.linalg.solve(states.T @ states, states.T @ facts)


def probe_by_descent(states, facts, new_states):
    centre, scale = states.mean(axis=0), states.std(axis=0)
    h, y = (states - centre) / scale, facts - facts.mean()
    w, rate = np.zeros(h.shape[1]), 1 / np.linalg.norm(h, 2) ** 2
    for _ in range(20_000):
        w -= rate * h.T @ (h @ w - y)
    return (new_states - centre) / scale @ w + facts.mean()


def normalise_backward_by_a_matrix(dout, cache):
    x, inverse_std = cache
    (T, F), flat = x.shape, x.ravel()
    means = np.kron(np.full((T, T), 1 / T), np.eye(F))
    by_deviation = np.outer(flat, flat) / x.size
    jacobian = inverse_std * (np.eye(x.size) - by_deviation) @ (np.eye(x.size) - means)
    return (jacobian.T @ dout.ravel()).reshape(T, F)


def budget_by_energies(change, samples, decibels):
    most, energy = np.sum(samples**2) * 10 ** (decibels / 10), np.sum(change**2)
    share = min(1.0, most / energy) ** 0.5 if energy > 0 else 1.0
    return np.minimum(np.maximum(share * change, -1 - samples), 1 - samples)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("00.1", collapse_by_groups),
        ("02.2", stack_windows),
        ("04.1", stack_states),
        ("04.4", reverse_by_an_index),
        ("06.1", clip_as_others_do),
        ("06.4", stop_by_two_minima),
        ("10.1", cover_by_masks),
        ("10.2", probe_by_normal_equations),
        ("10.2", probe_by_descent),
        ("18.1", normalise_backward_by_a_matrix),
        ("18.2", budget_by_energies),
    ],
)
def test_another_way_to_the_same_result_is_correct(number, answer):
    assert str(find_exercise(number).check(answer)) == CORRECT
