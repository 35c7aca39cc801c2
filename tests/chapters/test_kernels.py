"""Exercises in CUDA: one small change of a solution is found, and right kernels pass."""

import pytest
from helpers.cuda import compile_together, mutate
from helpers.exercises import per_kernel, solution, wrong_answers
from helpers.right_kernels import RIGHT

from ds2np.kernels.host import why_not_on_host
from ds2np.learn import kernel_exercise
from ds2np.learn.exercise import CORRECT, WRONG, Verdict
from ds2np.learn.limited import Stopped, run_limited

pytestmark = pytest.mark.skipif(
    bool(why_not_on_host()), reason=f"no kernels on the host: {why_not_on_host()}"
)

# Changes that leave a kernel right, and why. All lanes hold the sum.
PEAK = "in `float peak = -3.4e38f, total = 0.0f;`"
LAST = "in `if (threadIdx.x == 0) out[blockIdx.x] = value;`"
PARTIAL = "in `if (lane == 0) partial[threadIdx.x / 32] = value;`"
INDEX = "in `const int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;`"
AGAIN = "in `value = over_warp(lane < blockDim.x / 32 ? partial[lane] : NOTHING);`"
ROUNDS = "in `for (int far = 16; far > 0; far /= 2)`"
ALIKE = {
    "12.6": {
        f"`3` -> `4`, 18, {PEAK}": "as low, rounded to minus infinity",
        f"`3` -> `2`, 18, {PEAK}": "low enough",
    },
    "12.7": {
        f"`==` -> `!=`, 12, {PARTIAL}": "another lane",
        f"`if (lane == 0)` -> ``, 4, {PARTIAL}": "all lanes write the same",
        f"`0` -> `1`, 16, {PARTIAL}": "another lane",
        f"`==` -> `!=`, 19, {LAST}": "other lanes",
        f"`if (threadIdx.x == 0)` -> ``, 4, {LAST}": "all write the same",
        f"`0` -> `1`, 23, {LAST}": "another lane",
        f"`16` -> `17`, 19, {ROUNDS}": "17, 8, 4, 2, 1 lead to all lanes as well",
        f"`32` -> `33`, 78, {INDEX}": "another lane of the other warps",
        f"`32` -> `31`, 42, {AGAIN}": "the same, but for 31 warps",
    },
}


def judge(exercise, answers, monkeypatch):
    """Check kernels as for a reader, but compiled together; return a list of verdicts."""
    modules = compile_together([answer() for answer in answers], exercise.kernel)
    monkeypatch.setattr(kernel_exercise, "compile_kernel", modules.__getitem__)
    verdicts = []
    for answer in answers:
        try:
            verdicts.append(run_limited(lambda answer=answer: exercise.check(answer), 3)[0])
        except Stopped as error:
            verdicts.append(Verdict(WRONG, str(error)))
    return verdicts


@per_kernel
def test_small_mistakes_are_wrong(chapter, exercise, monkeypatch):
    mutants = list(mutate(solution(chapter, exercise)()))
    answers = [lambda source=source: source for _, source in mutants]
    verdicts = judge(exercise, answers, monkeypatch)
    passed = {what for (what, _), v in zip(mutants, verdicts, strict=True) if v.state == CORRECT}
    assert passed == set(ALIKE.get(exercise.number, {}))
    assert len(mutants) - len(passed) >= 10


@per_kernel
def test_plausible_mistakes_are_wrong(chapter, exercise, monkeypatch):
    mistakes = wrong_answers(chapter, exercise)
    assert len(mistakes) >= 10
    verdicts = judge(exercise, list(mistakes.values()), monkeypatch)
    for mistake, verdict in zip(mistakes, verdicts, strict=True):
        print(f"{exercise.number} {mistake}: {verdict.reason}")
        assert verdict.state == WRONG, mistake
        assert "case: " in verdict.reason


@per_kernel
def test_right_kernels_are_correct(chapter, exercise, monkeypatch):
    kernels = {"the solution": solution(chapter, exercise)(), **RIGHT[exercise.number]}
    assert len(kernels) >= 5
    answers = [lambda source=source: source for source in kernels.values()]
    verdicts = judge(exercise, answers, monkeypatch)
    assert dict(zip(kernels, map(str, verdicts), strict=True)) == dict.fromkeys(kernels, CORRECT)


@per_kernel
def test_the_solution_is_correct_compiled_by_itself(chapter, exercise):
    assert str(exercise.check(solution(chapter, exercise))) == CORRECT
