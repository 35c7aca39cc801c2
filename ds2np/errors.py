"""The one kind of error that the user can fix, and checks of arguments that all rooms share."""

from numbers import Integral


class UserError(Exception):
    """Bad input, described in one sentence.

    The message names the file (and the line or utterance), what was found and what was expected.
    The commands print it without a traceback and exit with code 2.
    """


def check_floats(x, name):
    """Raise a ValueError unless x is an array of float32 or float64, the types computed in.

    Half precision would overflow in sums, integers would be divided or wrapped.
    """
    found = getattr(x, "dtype", type(x).__name__)
    if found not in ("float32", "float64"):
        raise ValueError(f"{name} is {found}, expected float32 or float64")


def check_whole(name, value, least=1):
    """Raise a ValueError unless a number is whole and not less than the least allowed."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is {value!r}, expected a whole number from {least} on")
