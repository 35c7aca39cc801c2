"""The check of a kernel: each kind of mistake has a message of its own."""

import faulthandler
import os
import re
import shutil
import time

import numpy as np
import pytest

from ds2np.kernels.host import why_not_on_host
from ds2np.learn import answers, kernel_exercise
from ds2np.learn.exercise import CORRECT, NOT_DONE, WRONG
from ds2np.learn.guarded_launch import Launch
from ds2np.learn.kernel_exercise import KernelExercise
from ds2np.learn.limited import run_limited

on_host = pytest.mark.skipif(
    bool(why_not_on_host()), reason=f"no kernels on the host: {why_not_on_host()}"
)


def reverse(x):
    """Turn x round."""
    return x[::-1]


def launch(x):
    given = {"x": x, "out": np.empty_like(x), "count": np.int32(len(x))}
    return Launch(1, 64, given)


EXERCISE = KernelExercise(
    "98.1",
    "reverse_kernel",
    "a kernel that turns numbers round",
    reverse,
    lambda rng: {"forty": (rng.standard_normal(40).astype(np.float32),)},
    kernel="reverse",
    launch=launch,
)
SOURCE = """
extern "C" __global__ void reverse(const float* x, float* out, int count)
{
    BODY
}
"""
RIGHT = """__shared__ float shared[64];
    const int i = threadIdx.x;
    if (i < count) shared[i] = x[i];
    __syncthreads();
    if (i < count) out[i] = shared[count - 1 - i];"""


def judge(body, source=SOURCE):
    return EXERCISE.check(lambda: source.replace("BODY", body))


@on_host
def test_a_right_kernel_is_correct():
    assert str(judge(RIGHT)) == CORRECT


def raises():
    raise ValueError("oh")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda: None, "the answer is None; is a return missing?"),
        (lambda: 7, "expected the kernel's source as a string, got int"),
        (7, "reverse_kernel is of type int; expected a function"),
        (raises, "your code raised ValueError: oh, in its line `raise ValueError"),
        (lambda: "", "there is no kernel reverse: expected `__global__ void reverse("),
        (lambda: SOURCE.replace("reverse", "turn"), "there is no kernel reverse"),
        (lambda: SOURCE.replace('extern "C"', ""), 'extern "C" is missing'),
        (lambda: SOURCE.replace("BODY", "std::max(x[0], x[1]);"), "has no std::; write expf for"),
        (lambda: "#include <cmath>" + SOURCE, "has no header files; leave out #include"),
        (lambda: SOURCE.replace("BODY", "out[0] = INFINITY;"), "does not know INFINITY; begin"),
    ],
)
def test_what_is_no_kernel_is_wrong(answer, message):
    verdict = EXERCISE.check(answer)
    assert verdict.state == WRONG
    assert message in verdict.reason


@on_host
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("float shared[64];", "float shared[64]", "line 5, `const int i = threadIdx.x;`: expected"),
        ("i = threadIdx", "i = thread", "line 5, `const int i = thread.x;`: 'thread' was not"),
        ("if (i < count) out", "{ if (i < count) out", "is a brace missing"),
        ("if (i < count) out", "if (i < 41) out", "your kernel's line 8: index -1 of 'float [64]'"),
        (
            "out[i] = ",
            "out[i + 1] = ",
            "the kernel writes outside of out: to out[40], but it has 40",
        ),
        ("out[i] =", "out[i - 1] =", "the kernel writes outside of out: to out[-1], but it has 40"),
        ("out[i] =", "out[i] = out[i + 500] =", "outside of out: to out[500]"),
        ("out[i] =", "((float*)x)[i] =", "the kernel changes x, which it may only read"),
        ("if (i < count) out", "if (i < count - 3) out", "no thread writes out[37] (case: forty)"),
        ("    __syncthreads();", "", "depends on the order in which threads run; is a __syncth"),
        ("__syncthreads();", "if (i < 9) __syncthreads();", "some threads wait for others that"),
        ("count - 1 - i]", "count - i]", "depends on memory that nobody has written: an index"),
        ("shared[count - 1 - i]", "x[count - i]", "an index beyond the end of an array, or a var"),
        ("= x[i]", "= 2 * x[i]", "out: the largest difference is "),
        ("shared[64]", "shared[39]", "your kernel's line 6: index 39 of 'float [39]'"),
    ],
)
def test_each_mistake_has_its_message(old, new, message):
    assert RIGHT.count(old) == 1
    verdict = judge(RIGHT.replace(old, new))
    assert verdict.state == WRONG
    assert message in verdict.reason


@on_host
def test_a_variable_that_is_never_written_is_seen():
    body = RIGHT.replace("const int", "float sum; sum *= 0;\n    const int")
    verdict = judge(body.replace("= shared[", "= sum + shared["))
    assert "a variable that is read before it is written" in verdict.reason


@on_host
@pytest.mark.parametrize("argument", ["int count, int more", "float count", "int* count"])
def test_the_arguments_must_be_those_of_the_task(argument):
    verdict = judge("", SOURCE.replace("int count", argument))
    assert verdict.state == WRONG
    assert "expected (float* x, float* out, int count)" in verdict.reason


@on_host
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("while (count) out[0] = 1;", "your code was stopped after 2 s; does a loop never end?"),
        ("out[-count * 100000000L] = 1;", "(SIGSEGV, perhaps by an index far outside"),
    ],
)
def test_a_kernel_that_does_not_come_back_is_ended(body, message, monkeypatch):
    monkeypatch.setattr(answers, "run_limited", lambda function: run_limited(function, 2))
    source = SOURCE.replace("BODY", body)
    kernel_exercise.compile_kernel(source)  # which may take more than two seconds

    def answer():
        faulthandler.disable()  # in the copy of this process
        return source

    began = time.perf_counter()
    verdict, _ = answers.check(EXERCISE, answer)
    assert time.perf_counter() - began < 10
    assert verdict.state == WRONG
    assert message in verdict.reason


def test_without_a_compiler_an_answer_is_not_done(monkeypatch):
    def no_compiler(source):
        raise FileNotFoundError("g++")

    monkeypatch.setattr(kernel_exercise, "compile_kernel", no_compiler)
    monkeypatch.setattr(kernel_exercise, "why_not_on_host", lambda: "g++ is not installed")
    verdict = judge(RIGHT)
    assert verdict.state == NOT_DONE
    assert verdict.reason == "your kernel cannot be checked here, since g++ is not installed"


def test_the_machine_without_a_compiler_is_recognised(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("g++") is None
    kernel_exercise.compile_kernel.cache_clear()
    why_not_on_host.cache_clear()
    try:
        verdict = judge(RIGHT)
    finally:
        why_not_on_host.cache_clear()
    assert (
        str(verdict) == "not done: your kernel cannot be checked here, since g++ is not installed"
    )


@on_host
def test_what_a_kernel_prints_is_shown_once():
    says = 'if (threadIdx.x == 3) printf("%d of %g\\n", threadIdx.x, x[3] * 0 + 1.5);'
    verdict, printed = answers.check(EXERCISE, lambda: SOURCE.replace("BODY", says + RIGHT))
    assert verdict.state == CORRECT
    assert printed == "3 of 1.5\n"
    _, printed = answers.check(EXERCISE, lambda: SOURCE.replace("BODY", says))
    assert printed == "3 of 1.5\n"
    endless = 'for (int i = 0; i < 100000; ++i) printf("again and again\\n");'
    _, printed = answers.check(EXERCISE, lambda: SOURCE.replace("BODY", endless))
    assert 3000 < len(printed) < 5000


@on_host
def test_nothing_is_left_on_the_disk(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kernel_exercise.compile_kernel.cache_clear()
    assert judge(RIGHT).state == CORRECT
    assert os.listdir(tmp_path) == []


@on_host
def test_a_solved_kernel_is_kept_and_checked_in_the_readers_file(tmp_path):
    path = tmp_path / "my_ds2np.py"
    source = f'def reverse_kernel():\n    return r"""{SOURCE.replace("BODY", RIGHT)}"""\n'
    assert answers.keep(path, EXERCISE, source).state == CORRECT
    assert re.search(r'return r"""\nextern "C"', path.read_text())
    assert answers.judge(EXERCISE, path)[0].state == CORRECT
