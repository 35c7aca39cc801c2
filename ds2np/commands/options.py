"""What the commands' options share: kinds of values, the device, the decoder."""

import argparse
import math
from pathlib import Path


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


def given(args, *names):
    """Collect the options that the command line sets."""
    return {name: value for name in names if (value := getattr(args, name, None)) is not None}


def add_device(parser):
    """Add the option --device."""
    parser.add_argument(
        "--device",
        default="auto",
        metavar="auto|cpu|cuda[:N]",
        help="where to compute (default: a GPU if there is one)",
    )


def add_recogniser(parser):
    """Add what commands that recognise need: a run, a decoder, a device."""
    parser.add_argument(
        "run_folder", type=Path, metavar="RUN", help="run folder or checkpoint file"
    )
    parser.add_argument(
        "--decoder", default="greedy", metavar="NAME", help="decoder (default: greedy)"
    )
    add_device(parser)


def load_recogniser(args):
    """Load the recogniser that the options of `add_recogniser` name."""
    from ds2np.recogniser import Recogniser

    return Recogniser.load(args.run_folder, args.device, args.decoder)
