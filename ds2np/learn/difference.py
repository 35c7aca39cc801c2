"""How a result differs from the expected one, in words."""

from dataclasses import dataclass

import numpy as np

TINY = 12  # numbers and letters that a message shows in full
SINGLE = 1e-5  # tolerance for results in float32


@dataclass(frozen=True)
class Rules:
    """What counts as a difference.

    Attributes
    ----------
    tolerance : float
        Largest allowed difference, relative to the largest expected value; for float32, 1e-5 at
        least.
    least : float
        Smallest value to which differences are relative: what ought to be 0 rarely is exactly 0.
    lists : bool
        Whether a list is as good as an array.
    dtype : numpy.dtype, optional
        Of the results, if that matters.
    """

    tolerance: float
    least: float = 0.0
    lists: bool = True
    dtype: np.dtype | None = None


def find_difference(got, expected, rules, names=()):
    """Describe how a result differs from the expected one; return "" if it does not.

    Both are numbers, strings, arrays, or tuples, lists and dicts of them; names are those of
    several results.
    """
    if got is expected:
        return ""
    if isinstance(expected, (tuple, list, dict)):
        return _difference_of_several(got, expected, rules, names)
    if isinstance(expected, str) or expected is None:
        same = isinstance(got, type(expected)) and got == expected
        return "" if same else f"expected {expected!r}, got {got!r}"
    if np.ndim(expected) and not rules.lists and isinstance(got, (list, tuple)):
        return f"expected an array, got a {type(got).__name__}; np.array makes one"
    try:
        array = np.asarray(got)
    except (TypeError, ValueError):  # on a GPU, or a ragged list
        array = np.asarray(None)
    if array.dtype.kind not in "biufc":
        return f"expected numbers; this {type(got).__name__} cannot be converted to numbers"
    if isinstance(expected, (bool, np.bool_)) and not array.ndim:
        same = array == expected
        return "" if same else f"expected {bool(expected)}, got {_as_bool(array)}"
    return _difference_of_arrays(array, np.asarray(expected), rules)


def show_arguments(names, arguments):
    """Show the arguments of a case in full if they are tiny, else ""."""
    if sum(map(_size, arguments)) > TINY:
        return ""
    shown = (f"{name} = {_show(value)}" for name, value in zip(names, arguments, strict=True))
    return f"; {', '.join(shown)}"


def _size(value):
    if isinstance(value, dict):
        return sum(map(_size, value.values())) + len(value)
    if isinstance(value, (tuple, list)):
        return sum(map(_size, value)) + 1
    if isinstance(value, str):
        return max(1, len(value) // 2)
    if callable(value):
        return TINY + 1
    return max(1, np.size(value))


def _show(value):
    if isinstance(value, np.ndarray):
        value = (value + 0 if value.dtype.kind in "fc" else value).tolist()  # + 0: no -0
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"[{', '.join(map(_show, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_show(part)}' for key, part in value.items())}}}"
    return repr(value)


def _as_bool(array):
    return bool(array) if array in (0, 1) else array.item()


def _difference_of_arrays(got, expected, rules):
    if got.shape != expected.shape:
        return f"expected shape {expected.shape}, got {got.shape}"
    if rules.dtype is not None and got.dtype != rules.dtype:
        return f"expected the dtype {rules.dtype}, got {got.dtype}"
    single = got.dtype.char in "efF" or expected.dtype.char in "efF"
    tolerance = max(rules.tolerance, SINGLE) if single and rules.tolerance else rules.tolerance
    wide = np.result_type(got, expected, np.float64)  # unsigned integers would wrap around
    got, expected = got.astype(wide), expected.astype(wide)
    finite = np.isfinite(expected)
    alike = (got == expected) | (np.isnan(got) & np.isnan(expected)) | (finite & np.isfinite(got))
    if not alike.all():
        where = tuple(int(i) for i in np.argwhere(~alike)[0])
        at = f" at {where}" if where else ""
        return f"{_pair(expected[where], got[where])}{at}"
    with np.errstate(over="ignore"):
        apart = np.abs(np.where(finite, got, 0) - np.where(finite, expected, 0))
    scale = max(np.abs(expected[finite]).max(initial=0), rules.least) or 1.0
    if apart.max(initial=0) <= tolerance * scale:
        return ""
    where = tuple(int(i) for i in np.unravel_index(np.argmax(apart), apart.shape))
    values = _pair(expected[where], got[where])
    if not where:
        return values
    return (
        f"the largest difference is {apart.max():.3g}, at {where}: {values}; shape {expected.shape}"
    )


def _pair(expected, got):
    """Write two numbers with as many digits as tell them apart."""
    for digits in (6, 9, 17):
        texts = [f"{value + 0:.{digits}g}" for value in (expected, got)]  # + 0: no -0
        if texts[0] != texts[1]:
            break
    return f"expected {texts[0]}, got {texts[1]}"


def _difference_of_several(got, expected, rules, names):
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            found = sorted(map(str, got)) if isinstance(got, dict) else f"a {type(got).__name__}"
            return f"expected a dict with the keys {sorted(map(str, expected))}, got {found}"
        keys = list(expected)
    else:
        if isinstance(got, np.ndarray) and got.ndim:
            got = list(got)
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            found = len(got) if isinstance(got, (tuple, list)) else f"a {type(got).__name__}"
            return f"expected {len(expected)} results, got {found}"
        keys = range(len(expected))
    for key in keys:
        if difference := find_difference(got[key], expected[key], rules):
            if isinstance(expected, dict):
                name = f"[{key!r}]"
            else:
                name = names[key] if names else f"{key + 1}"
            return f"result {name}: {difference}"
    return ""
