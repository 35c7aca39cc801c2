"""Comparison of what a function of the reader returns with what the package's returns."""

import copy
import threading
import time

import numpy as np

TOLERANCE = 1e-3  # of the largest value; results in float32 differ by 1e-5
ROUNDING = 1e-6  # of the largest argument: what ought to be 0 rarely is
EVERY = 20  # calls, of which one at least is compared
# Beyond that, the comparisons of one function may take this share of the time, and these seconds.
SHARE, SECONDS = 0.003, 0.1
JUMP = 2  # factor by which a result leaves the range of the earlier ones

_local = threading.local()

# The shapes that the results must have, for functions whose results are not compared every time.
SHAPES = {
    "length_mask": lambda lengths, T: [(len(lengths), T)],
    "conv1d_backward": lambda dout, x, W, *rest: [x.shape, W.shape],
    "masked_mean_var": lambda x, mask: [(x.shape[2 if x.ndim == 3 else 1],)] * 2,
    "seq_batchnorm_backward": lambda dout, x, gamma, mask: [x.shape, gamma.shape, gamma.shape],
    "simple_rnn_forward": lambda a, U, h0: [a.shape],
    "simple_rnn_backward": lambda dh, h, h0, U: [h.shape, U.shape, h0.shape],
    "gru_forward": lambda a, U, h0: [(*a.shape[:3], U.shape[1])],
    "gru_backward": lambda dh, h, h0, gates, U: [gates.shape, U.shape, h0.shape],
    "recurrent_weight_gradient": lambda h, h0, dg: [(len(h), h.shape[3], dg.shape[3])],
    "reverse_sequences": lambda x, lengths: [x.shape],
    "ctc_loss": lambda logits, *rest: [logits.shape[:1], logits.shape],
    "ctc_logit_gradient": lambda log_probs, *rest: [log_probs.shape],
    "ctc_beta": lambda log_probs, labels: [(len(log_probs), 2 * len(labels) + 1)],
    "power_spectrum": lambda samples, window, stride: [
        (1 + (len(samples) - len(window)) // stride, len(window) // 2 + 1)
    ],
    "add_noise": lambda samples, *rest: [samples.shape],
    "reverberate": lambda samples, response: [samples.shape],
    "accumulate_turns": lambda x, later: [x.shape],
}


def is_comparing():
    """Return whether this thread is computing what the package's function returns."""
    return getattr(_local, "now", False)


class Shadow:
    """The package's function beside the reader's, for some of the calls.

    Shape, type and finiteness of every result are looked at. Results are compared in one of
    `EVERY` calls, in more where that is cheap, and whenever a result looks unlike the earlier ones:
    so what is odd is a fault only if the package's result differs.

    Attributes
    ----------
    strict : bool
        Compare every call.
    seconds : float
        Total time of the comparisons.
    """

    def __init__(self, exercise):
        self._exercise = exercise
        self.reset()

    def reset(self, strict=False):
        """Forget all results."""
        self.strict = strict
        self._calls, self._compared, self.seconds = 0, 0, 0.0
        self._began = time.perf_counter()
        self._ranges = {}

    def find_problem(self, arguments, result):
        """Describe what is wrong with the result of a call; return "" if nothing is known."""
        self._calls += 1
        looks = _describe(result)
        if not (self._is_due() or self._is_odd(arguments, looks)):
            return ""
        began, self._compared = time.perf_counter(), self._calls
        expected = self._compute(arguments)
        if self._exercise.function == "sgd_step":  # a step is small beside the parameters
            result, expected = (_changes(arguments[0], each) for each in (result, expected))
        problem = find_gap(result, expected, ROUNDING * _largest(arguments))
        self.seconds += time.perf_counter() - began
        if not problem:
            for key, (size, _) in looks.items():
                low, high = self._ranges.get(key, (size, size))
                self._ranges[key] = min(low, size), max(high, size)
        return problem

    def _compute(self, arguments):
        _local.now = True
        try:
            with np.errstate(all="ignore"):
                return self._exercise.reference(*copy.deepcopy(arguments))
        finally:
            _local.now = False

    def _is_due(self):
        cheap = self.seconds <= SECONDS + SHARE * (time.perf_counter() - self._began)
        return self.strict or cheap or self._calls - self._compared >= EVERY

    def _is_odd(self, arguments, looks):
        for key, (size, _) in looks.items():
            low, high = self._ranges.get(key, (np.inf, -np.inf))
            if not low / JUMP <= size <= JUMP * high:
                return True
        shapes = SHAPES.get(self._exercise.function)
        return bool(shapes) and shapes(*arguments) != [shape for _, shape in looks.values()]


def _describe(result):
    """Map the place, kind and axes of each array in a result to its largest value and shape."""
    looks = {}
    for place, leaf in enumerate(_leaves(result)):
        array = leaf if isinstance(leaf, np.ndarray) else np.asarray(leaf)
        size, broken = 0.0, False
        if array.dtype.kind in "fc" and array.size:
            numbers = array.view(array.real.dtype) if array.flags.c_contiguous else array.real
            size = float(max(numbers.max(), -numbers.min()))
            if broken := not np.isfinite(size):
                size = float(np.abs(array[np.isfinite(array)]).max(initial=0))
                broken = "NaN" if np.isnan(array).any() else "infinity"
        looks[place, array.dtype.kind, array.ndim, broken] = size, array.shape
    return looks


def _leaves(value):
    """Yield what is in nested containers; a dict of tuples, such as of prefixes, is one table."""
    if isinstance(value, dict):
        value = list(value.values())
        if value and all(type(row) is tuple for row in value):
            try:
                yield np.array(value)
                return
            except ValueError:  # a ragged one
                pass
    elif not isinstance(value, (tuple, list)):
        yield value
        return
    for each in value:
        yield from _leaves(each)


def _changes(params, result):
    """Return by how much a step changes the parameters, and the velocity."""
    moved, velocity = result
    return {name: moved[name] - np.asarray(p, float) for name, p in params.items()}, velocity


def _largest(arguments):
    sizes = [0.0]
    for leaf in _leaves(arguments):
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc":
            sizes.append(float(np.abs(leaf[np.isfinite(leaf)]).max(initial=0)))
    return max(sizes)


def find_gap(got, expected, least=0.0):
    """Describe, as what "it" returned, how a result differs from the package's; "" if it does not.

    Differences up to `least`, or `TOLERANCE` of the largest expected value, are rounding.
    """
    if isinstance(expected, (tuple, list, dict)):
        if isinstance(expected, dict):
            if not isinstance(got, dict) or got.keys() != expected.keys():
                return f"it returned {_name(got)} where {_name(expected)} is expected"
            pairs = [(got[key], each) for key, each in expected.items()]
        else:
            if not isinstance(got, (tuple, list, np.ndarray)) or len(got) != len(expected):
                return f"it returned {_name(got)} where {_name(expected)} is expected"
            pairs = zip(got, expected, strict=True)
        return next(filter(None, (find_gap(*pair, least) for pair in pairs)), "")
    if isinstance(expected, str) or expected is None:
        return "" if got == expected else f"it returned {got!r} where {expected!r} is expected"
    try:
        array = np.asarray(got)
    except ValueError:  # a ragged list
        array = np.asarray(None)
    expected = np.asarray(expected)
    kinds = "biuf" if expected.dtype.kind != "c" else "biufc"
    if array.dtype.kind not in kinds or array.shape != expected.shape:
        return f"it returned {_name(got)} where {_name(expected)} is expected"
    return _find_gap_of_arrays(array, expected, least)


def _find_gap_of_arrays(got, expected, least):
    finite = np.isfinite(expected)
    for name, test in (("NaN", np.isnan), ("an infinity", np.isinf)):
        if (test(got) & finite).any():
            return f"it returned {name} where the package's is finite"
    if not np.array_equal(got[~finite], expected[~finite], equal_nan=True):
        return "it returned other numbers than the package's where that is not finite"
    if not finite.any():
        return ""
    exact = expected.dtype.kind in "biu"
    wide = np.result_type(got, expected, float)  # unsigned integers would wrap around
    got, expected = got.astype(wide), np.asarray(expected, wide)
    apart = np.abs(np.where(finite, got, 0) - np.where(finite, expected, 0))
    scale = np.abs(expected[finite]).max()
    if apart.max() <= (0 if exact else max(TOLERANCE * scale, least)):
        return ""
    if not got.ndim:
        return f"it returned {got[()]:.6g} where {expected[()]:.6g} is expected"
    share = f" by up to {100 * apart.max() / scale:.3g} % of its largest value" if scale else ""
    return f"its result differs from the package's{share}"


def _name(value):
    if isinstance(value, np.ndarray) and value.ndim:
        kind = {"O": " of objects", "U": " of text", "c": " of complex numbers"}
        return f"an array of shape {value.shape}{kind.get(value.dtype.kind, '')}"
    if isinstance(value, (tuple, list, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    return "nothing" if value is None else "text" if isinstance(value, str) else "a number"
