"""What the values of options may be."""

import argparse
import math


def whole(text, least=0):
    """Read a whole number of at least `least`."""
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least {least}")
    return int(text)


def count(text):
    """Read a whole number of at least 1."""
    return whole(text, least=1)


def positive(text):
    """Read a number above 0."""
    value = _number(text)
    if not 0 < value < 1e30:  # larger ones do not fit into float32 with what they multiply
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0 and below 1e30")
    return value


def share(text):
    """Read a number from 0 to below 1."""
    value = _number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to below 1")
    return value


def _number(text):
    try:
        return float(text)
    except ValueError:
        return math.nan
