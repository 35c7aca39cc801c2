"""Answers that hang, flood, crash or exit: the check ends, and says what happened."""

import multiprocessing
import os
import sys
import time

import numpy as np
import pytest

from ds2np.errors import UserError
from ds2np.learn import answers, limited
from ds2np.learn.exercise import CORRECT, WRONG
from ds2np.learn.limited import Stopped, run_limited

linux = pytest.mark.skipif(sys.platform != "linux", reason="a copy of the process needs Linux")


def catch_everything():
    while True:
        try:  # noqa: SIM105
            time.sleep(0.01)
        except:  # noqa: E722
            pass


def recurse(n):
    return recurse(n + 1) + 1


def crash():
    os.kill(os.getpid(), 9)  # as the system does where memory is short


def interrupt():
    raise KeyboardInterrupt


def forever():
    while True:
        pass


HANGS = {
    "a loop": forever,
    "a loop that catches everything": catch_everything,
    "a long sum in C": lambda: sum(range(10**13)),
    "sleep": lambda: time.sleep(1000),
    "a power of powers": lambda: 9 ** (9 ** (9**9)),
}


@linux
@pytest.mark.parametrize("name", HANGS)
def test_what_hangs_is_stopped(name):
    began = time.monotonic()
    with pytest.raises(Stopped, match=r"stopped after 0.5 s; does a loop never end\?"):
        run_limited(HANGS[name], seconds=0.5)
    assert time.monotonic() - began < 5
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("name", ["a loop", "sleep"])
def test_a_timer_interrupts_where_there_is_no_copy(name):
    with pytest.raises(Stopped, match=r"stopped after 0\.2 s"):
        limited._with_a_timer(HANGS[name], 0.2)
    assert limited._with_a_timer(lambda: print("in") or 3, 1) == (3, "in\n")
    time.sleep(0.3)  # nothing is left of the timer


ENDS = {
    "exit": (lambda: sys.exit(3), "your code raised SystemExit: 3"),
    "interrupt": (interrupt, "your code raised KeyboardInterrupt"),
    "the end of Python": (lambda: os._exit(0), "your code ended Python"),
    "a crash": (crash, r"your code ended Python \(SIGKILL, perhaps for lack of memory\)"),
}


@linux
@pytest.mark.parametrize("name", ENDS)
def test_what_ends_python_ends_only_itself(name):
    function, message = ENDS[name]
    with pytest.raises(Stopped, match=message):
        run_limited(function)


def test_results_output_and_errors_of_the_user_arrive():
    assert run_limited(lambda: print("seen") or (1, "two")) == ((1, "two"), "seen\n")

    def refuse():
        raise UserError("no")

    with pytest.raises(UserError, match=r"^no$"):
        run_limited(refuse)


def test_only_the_beginning_of_a_flood_is_kept():
    def flood():
        for _ in range(1000):
            print("x" * 1_000_000)
        return 1

    result, printed = run_limited(flood)
    assert result == 1
    assert len(printed) < limited.LETTERS + 100
    assert "(only the first 10000 letters are shown)" in printed


@linux
def test_what_it_changes_stays_in_the_copy():
    values = [1, 2]
    assert run_limited(values.clear) == (None, "")
    assert values == [1, 2]


def greedy(x):
    kept = [np.ones(2**21) for _ in range(10_000)]  # 16 MiB each
    return kept[0][0] * 2 * x


def ends_it(x):
    sys.exit()


BAD = {
    "takes all memory": (greedy, "MemoryError"),
    "exits": (ends_it, "SystemExit"),
    "calls itself": (recurse, "RecursionError"),
    "empties its argument": (lambda x: x.fill(0) or 2 * x, "expected"),
}


@linux
@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_wrong(chapters, name, monkeypatch):
    monkeypatch.setattr(limited, "BYTES", 2**26)
    answer, message = BAD[name]
    verdict, _ = answers.check(chapters[0].exercises[0], answer)
    assert verdict.state == WRONG
    assert message in verdict.reason


@linux
def test_an_answer_that_hangs_is_wrong_and_named(chapters, answers_file, monkeypatch, ds2np):
    monkeypatch.setattr(limited.run_limited, "__defaults__", (0.5,))
    exercise = chapters[0].exercises[0]
    verdict, _ = answers.check(exercise, lambda x: forever())
    assert "stopped after 0.5 s" in verdict.reason
    answers_file.write_text("def double(x):\n    while True: pass\n\ndef count(x): return len(x)\n")
    assert answers.judge(exercise, answers_file)[0].state == WRONG
    assert answers.judge(chapters[0].exercises[1], answers_file)[0].state == CORRECT
    answers_file.write_text("while True: pass\n")
    with pytest.raises(UserError, match=r"my_ds2np.py: your code was stopped after 0.5 s"):
        answers.load(answers_file)


def keep_one(path, exercise, source, results):
    results.put(answers.keep(path, exercise, source).state)


@linux
def test_notebooks_that_save_at_once_lose_nothing(chapters, answers_file):
    context = multiprocessing.get_context("fork")
    results, processes = context.Queue(), []
    sources = {0: "def double(x):\n    return 2 * x\n", 1: "def count(x):\n    return len(x)\n"}
    for i in (0, 1) * 3:
        arguments = answers_file, chapters[0].exercises[i], sources[i], results
        processes.append(context.Process(target=keep_one, args=arguments))
    for process in processes:
        process.start()
    assert [results.get(timeout=30) for _ in processes] == [CORRECT] * 6
    for process in processes:
        process.join()
    text = answers_file.read_text()
    assert text.count("def double(x)") == text.count("def count(x)") == 1
    assert all(answers.judge(e, answers_file)[0].state == CORRECT for e in chapters[0].exercises)
