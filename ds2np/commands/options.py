"""Options and value types that several commands share."""

import argparse
import math
from pathlib import Path

DECODER = "lm", "alpha", "beta", "beam", "phrases", "closed_vocabulary", "n_best"


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


def finite(text):
    """Parse a finite number."""
    value = _number(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
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


def add_precision(parser, *others):
    """Add the option --precision, with choices beyond those of training."""
    text = "precision of matrix products on a GPU (default: float32; half for `export --half`)"
    choices = ["float32", "tf32", "bf16x3", *others]
    parser.add_argument("--precision", choices=choices, help=text)


def add_characters(parser, default, file="--alphabet"):
    """Add the options that choose the alphabet."""
    either = parser.add_mutually_exclusive_group()
    text = f"symbols of the alphabet (default: {default})"
    either.add_argument("--characters", metavar="STRING", help=text)
    text = "file of the alphabet, as made by `data --alphabet`"
    either.add_argument(file, dest="alphabet_file", type=Path, metavar="FILE", help=text)


def given_characters(args):
    """Return what the options of `add_characters` say about a `DeepSpeech2Config`: a dict.

    Raises a UserError if the file cannot be read.
    """
    from ds2np.text.alphabet_file import check_composed, read_alphabet

    if args.alphabet_file is None:
        if not args.characters:
            return {}
        check_composed(args.characters, "--characters")
        return {"characters": args.characters, "units": "characters"}
    symbols, units = read_alphabet(args.alphabet_file)
    return {"characters": symbols, "units": units}


def add_recogniser(parser):
    """Add the run, the decoder, the device and the precision."""
    parser.add_argument(
        "run_folder", type=Path, metavar="RUN", help="run folder or checkpoint file"
    )
    add_decoder(parser)
    add_device(parser)
    add_precision(parser, "half")


def add_decoder(parser, default="what `tune` has written into the run, or greedy"):
    """Add the decoder and what its search needs."""
    add = parser.add_argument
    add("--decoder", metavar="NAME", help=f"greedy or beam (default: {default})")
    add("--lm", metavar="FILE", help="language model (ARPA, .gz or compact), for --decoder beam")
    add("--alpha", type=finite, metavar="A", help="weight of the language model (default: 0.5)")
    add("--beta", type=finite, metavar="B", help="bonus for each word, in nats (default: 1.5)")
    add("--beam", type=count, metavar="N", help="prefixes that are kept (default: 100)")
    text = "favoured phrases, one a line; after a tab, how many times as probable (default: 4)"
    add("--phrases", metavar="FILE", help=text)
    text = "only words of the language model and of the phrases"
    add("--closed-vocabulary", action="store_true", default=None, help=text)


def load_recogniser(args):
    """Load the recogniser given by the options of `add_recogniser`."""
    from ds2np.decode import tell_fit
    from ds2np.recogniser import Recogniser

    options = given(args, "precision", *DECODER)
    recogniser = Recogniser.load(args.run_folder, args.device, args.decoder, **options)
    if lm := getattr(recogniser.decoder, "lm", None):
        tell_fit(lm, recogniser.config.alphabet())
    return recogniser
