"""Options and value types that several commands share."""

import argparse
import math
from pathlib import Path


def whole(text, least=0):
    """Parse a whole number of at least `least`."""
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least {least}")
    return int(text)


def count(text):
    """Parse a whole number of at least 1."""
    return whole(text, least=1)


def positive(text):
    """Parse a number above 0."""
    value = _number(text)
    if not 0 < value < 1e30:  # products of larger ones overflow float32
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0 and below 1e30")
    return value


def share(text):
    """Parse a number from 0 to below 1."""
    value = _number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to below 1")
    return value


def _number(text):
    try:
        return float(text)
    except ValueError:
        return math.nan


def given(args, *names):
    """Collect those options that the command line sets."""
    return {name: value for name in names if (value := getattr(args, name, None)) is not None}


def add_device(parser):
    """Add the option --device."""
    text = "device (default: a GPU if there is one)"
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda[:N]", help=text)


def add_recogniser(parser):
    """Add the run, the decoder and the device."""
    add = parser.add_argument
    add("run_folder", type=Path, metavar="RUN", help="run folder or checkpoint file")
    add("--decoder", default="greedy", metavar="NAME", help="decoder (default: greedy)")
    add_device(parser)


def load_recogniser(args):
    """Load the recogniser given by the options of `add_recogniser`."""
    from ds2np.recogniser import Recogniser

    return Recogniser.load(args.run_folder, args.device, args.decoder)
