"""The check of an answer: what counts as equal, and how differences are described."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from ds2np.learn.difference import Rules, find_difference, show_arguments
from ds2np.learn.exercise import CORRECT, NOT_DONE, WRONG, Exercise

inf, nan = np.inf, np.nan
RAGGED = [np.zeros(2), np.zeros(3)]


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (3, 3),
        (3, 3.0),
        (3.0, 3),
        (np.float32(0.5), 0.5),
        (np.array(3), 3),
        (True, True),
        (np.True_, True),
        (1, True),
        (2 + 0j, 2.0),
        (1 + 2j, np.complex128(1 + 2j)),
        (nan, nan),
        (-inf, -inf),
        ("cat", "cat"),
        (np.str_("cat"), "cat"),
        (None, None),
        ([1, 2], np.array([1.0, 2.0])),
        ((1, 2), np.array([1, 2])),
        (np.array([1, 2]), [1, 2]),
        (np.array([1, 2]), (1, 2)),
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
        ([], np.zeros(0)),
        (np.array([True, False]), np.array([1, 0])),
        (np.array([1, 0]), np.array([True, False])),
        (np.array([nan, inf, -inf, 1]), np.array([nan, inf, -inf, 1 + 1e-9])),
        (np.array([complex(nan, 0), 1j]), np.array([complex(nan, 0), 1j])),
        (np.array([5], np.uint8), np.array([5])),
        (np.arange(6).reshape(2, 3)[:, ::2], np.array([[0, 2], [3, 5]])),
        ((1.0, [np.zeros(2), "a"]), (1, (np.zeros(2), "a"))),
        ({"W": np.ones(2), "b": (1, 2)}, {"b": [1, 2], "W": np.ones(2, np.float32)}),
        ((), ()),
        (RAGGED, RAGGED),
    ],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
def test_the_same(got, expected):
    assert find_difference(got, expected, Rules(1e-8)) == ""


@pytest.mark.parametrize(
    ("got", "expected", "message"),
    [
        (3, 4, "expected 4, got 3"),
        (False, True, "expected True, got False"),
        (0, True, "expected True, got False"),
        (2.0, True, "expected True, got 2.0"),
        (1 + 2j, 1 - 2j, "expected 1-2j, got 1+2j"),
        (nan, 1.0, "expected 1, got nan"),
        (1.0, nan, "expected nan, got 1"),
        (inf, -inf, "expected -inf, got inf"),
        (1e300, inf, "expected inf, got 1e+300"),
        (np.array([1.0, nan]), np.array([1.0, inf]), "expected inf, got nan at (1,)"),
        (np.array([[1.0, 0]]), np.array([[1.0, nan]]), "expected nan, got 0 at (0, 1)"),
        (np.zeros(3), np.zeros(4), "expected shape (4,), got (3,)"),
        (np.zeros((3, 1)), np.zeros(3), "expected shape (3,), got (3, 1)"),
        (1.0, np.zeros(1), "expected shape (1,), got ()"),
        (np.zeros((0, 3)), np.zeros(0), "expected shape (0,), got (0, 3)"),
        (
            np.array([[1.0, 2.0], [3.0, 4.5]]),
            np.array([[1, 2], [3.1, 4]]),
            "the largest difference is 0.5, at (1, 1): expected 4, got 4.5; shape (2, 2)",
        ),
        (
            np.array([0], np.uint8),
            np.array([1], np.uint8),
            "the largest difference is 1, at (0,): expected 1, got 0; shape (1,)",
        ),
        (np.array([1e308]), np.array([-1e308]), "the largest difference is inf"),
        (np.array([True, True]), np.array([True, False]), "at (1,): expected 0, got 1"),
        (RAGGED, np.zeros((2, 2)), "expected numbers; this list cannot be converted to numbers"),
        ({"a": 1}, 1.0, "expected numbers; this dict cannot be converted to numbers"),
        (
            max,
            1.0,
            "expected numbers; this builtin_function_or_method cannot be converted to numbers",
        ),
        (
            (i for i in (1, 2)),
            np.zeros(2),
            "expected numbers; this generator cannot be converted to numbers",
        ),
        ("cat", np.zeros(3), "expected numbers; this str cannot be converted to numbers"),
        ("cat", "cap", "expected 'cap', got 'cat'"),
        (np.zeros(3), "cat", "expected 'cat', got array("),
        (np.zeros(3), None, "expected None, got array("),
        (np.zeros(3), True, "expected shape (), got (3,)"),
        (np.zeros(2), np.array([0.0, -1.0]), "expected -1, got 0;"),
        (-0.0, 1.0, "expected 1, got 0"),
        (4.0, 4.0 + 1e-7, "expected 4.0000001, got 4"),
        (None, 1.0, "expected numbers; this NoneType cannot be converted to numbers"),
        ((1, 2, 3), (1, 2), "expected 2 results, got 3"),
        (1.0, (1, 2), "expected 2 results, got a float"),
        (np.array(1.0), (1, 2), "expected 2 results, got a ndarray"),
        ((1, 2), (1, 3), "result 2: expected 3, got 2"),
        ((1, (2, 5)), (1, (2, 3)), "result 2: result 2: expected 3, got 5"),
        ({"W": 1}, {"W": 1, "b": 2}, "a dict with the keys ['W', 'b'], got ['W']"),
        ([1], {"W": 1}, "a dict with the keys ['W'], got a list"),
        ({"W": (1, 2)}, {"W": (1, 4)}, "result ['W']: result 2: expected 4, got 2"),
    ],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
def test_a_difference_is_described(got, expected, message):
    assert message in find_difference(got, expected, Rules(1e-8))


def test_the_tolerance_is_relative_to_the_largest_number():
    rules = Rules(1e-8)
    assert not find_difference([1000.0, 1.0], np.array([1000.0, 1.0 + 9e-6]), rules)
    assert find_difference([1000.0, 1.0], np.array([1000.0, 1.0 + 2e-5]), rules)
    assert find_difference([1e-9], np.array([1.1e-9]), rules)
    assert not find_difference([1e-17], np.array([0.0]), rules)
    assert not find_difference([1e-17], np.array([-1e-17]), Rules(1e-8, least=1e-3))
    assert find_difference([1e-10], np.array([-1e-10]), Rules(1e-8, least=1e-3))
    assert find_difference([1.0], np.array([1.0 + 1e-15]), Rules(0))


def test_float32_is_precise_enough_unless_the_dtype_matters():
    third = np.array([1 / 3])
    assert not find_difference(third.astype("f"), third, Rules(1e-8))
    assert find_difference(third.astype("f") + 1e-4, third, Rules(1e-8))
    assert find_difference(third.astype("f"), third, Rules(0))
    message = find_difference(third.astype("f"), third, Rules(1e-8, dtype=np.dtype(float)))
    assert message == "expected the dtype float64, got float32"


def test_a_list_is_no_array_where_an_array_matters():
    rules = Rules(1e-8, lists=False)
    assert not find_difference([1, 2], np.array([1, 2]), Rules(1e-8))
    assert "expected an array, got a list" in find_difference([1, 2], np.array([1, 2]), rules)
    assert "result 1: expected an array" in find_difference([[1], 2], (np.array([1]), 2), rules)
    assert not find_difference(3, np.array(3), rules)


def test_results_have_names():
    assert find_difference((1, 2), (1, 3), Rules(0), ("dx", "dW")) == "result dW: expected 3, got 2"


def test_tiny_arguments_are_shown():
    assert show_arguments(["x", "k"], (np.array([-0.0, 1.5]), 2)) == "; x = [0, 1.5], k = 2"
    assert show_arguments(["refs"], (["one", ""],)) == "; refs = ['one', '']"
    assert show_arguments(["d"], ({"W": np.array([3.0, 4.0])},)) == "; d = {'W': [3, 4]}"
    assert show_arguments(["x"], (np.zeros(100),)) == ""
    assert show_arguments(["layers"], ({"a": max},)) == ""


@pytest.fixture
def double(chapters):
    return chapters[0].exercises[0]


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: 2 * x,
        lambda x: (2 * x).astype(np.float32),
        lambda x: np.repeat(2 * x, 2, axis=-1)[..., ::2],
        lambda x, factor=2: x * factor,
        functools.partial(np.multiply, 2),
        np.vectorize(lambda x: 2 * x, otypes=[float]),
        functools.wraps(len)(lambda x: x + x),
    ],
)
def test_other_ways_to_be_correct(double, answer):
    assert double.check(answer).state == CORRECT


def test_whatever_an_answer_prints_is_seen(double, capsys):
    assert double.check(lambda x: print("shape", x.shape) or 2 * x).state == CORRECT
    assert capsys.readouterr().out == "shape (3,)\nshape (0,)\nshape (2, 3)\n"


def test_a_view_of_the_argument_is_an_answer():
    flip = Exercise("1", "flip", "", np.flip, lambda rng: {"all": (np.arange(3),)})
    assert flip.check(lambda x: x[::-1]).state == CORRECT
    assert flip.check(lambda x: x).state == WRONG


def test_an_answer_that_changes_its_argument_and_returns_it_is_wrong(double):
    def in_place(x):
        x *= 2
        return x

    verdict = double.check(in_place)
    assert str(verdict).startswith(
        "wrong: the function changes its argument x (case: three numbers; x = [0.12573, "
    )


def test_a_dict_that_is_handed_back_is_no_new_dict():
    same = Exercise("1", "same", "", dict, lambda rng: {"all": ({"W": np.ones(2)},)})
    assert same.check(lambda grads: {**grads}).state == CORRECT
    reason = same.check(lambda grads: grads).reason
    assert reason.startswith("the function returns its argument grads itself; expected a new dict")


def test_lists_are_answers_only_where_the_exercise_says_so(double):
    assert "expected an array, got a list" in double.check(lambda x: (2 * x).tolist()).reason
    assert replace(double, lists=True).check(lambda x: (2 * x).tolist()).state == CORRECT


def test_the_dtype_counts_where_the_exercise_says_so(double):
    strict = replace(double, same_dtype=True)
    assert strict.check(lambda x: 2 * x).state == CORRECT
    reason = strict.check(lambda x: (2 * x).astype(np.float32)).reason
    assert reason.startswith("expected the dtype float64, got float32")


def test_arguments_that_are_no_arrays_count_as_unchanged():
    cases = {"all": ("text", None, [1, 2], {"a": np.zeros(1)}, np.add, np.array([nan, inf]))}
    exercise = Exercise("1", "f", "", lambda *rest: 0, lambda rng: cases)
    assert exercise.check(lambda *rest: 0).state == CORRECT
    assert "changes" in exercise.check(lambda *rest: rest[2].sort(reverse=True) or 0).reason
    assert "changes" in exercise.check(lambda *rest: rest[3].clear() or 0).reason


def test_a_stub_is_not_done_even_where_only_one_case_needs_it(double):
    def half_done(x):
        if x.ndim > 1:
            raise NotImplementedError("tables")
        return 2 * x

    assert str(double.check(half_done)) == NOT_DONE


def test_the_line_is_that_of_the_answer_not_of_what_it_calls(double):
    def answer(x):
        y = np.reshape(x, (2, 2))
        return 2 * y

    reason = double.check(answer).reason
    assert "ValueError: cannot reshape" in reason
    assert ", in its line `y = np.reshape(x, (2, 2))` (case: three numbers; x = [" in reason


def test_an_error_outside_of_the_lines_of_the_answer(double):
    reason = double.check(functools.partial(np.linalg.inv)).reason
    assert reason.startswith("your code raised LinAlgError: ")
    assert "in its line" not in reason


def test_division_by_zero_is_no_error_of_its_own():
    exercise = Exercise("1", "f", "", lambda x: np.array([inf]), lambda rng: {"0": (np.zeros(1),)})
    assert exercise.check(lambda x: 1 / x).state == CORRECT


def test_all_cases_are_the_same_at_each_check(double):
    seen = []
    double.check(lambda x: seen.append(x) or 2 * x)
    double.check(lambda x: seen.append(x) or 2 * x)
    once = len(seen) // 2
    assert any((seen[0] != other).any() for other in seen[1:once] if other.shape == seen[0].shape)
    for first, second in zip(seen[:once], seen[once:], strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("answer", [2, np.zeros(3), None, "double"])
def test_no_function_at_all(double, answer):
    assert str(double.check(answer)) == (
        f"wrong: double is of type {type(answer).__name__}; expected a function"
    )
