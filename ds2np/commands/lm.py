"""Train a language model on text, or measure how well one predicts a text."""

import sys
from pathlib import Path

from ds2np.commands.options import count, whole
from ds2np.errors import UserError

LONG = 5  # characters: Chinese words are shorter


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    text = "text files, one sentence a line, .gz, folders, manifests, or - for standard input"
    add("texts", type=Path, nargs="+", metavar="TEXT", help=text)
    mode = parser.add_mutually_exclusive_group(required=True)
    text = "train a model; ARPA if the name ends in .arpa or .gz, else compact, such as .lm"
    mode.add_argument("--out", type=Path, metavar="FILE", help=text)
    text = "print the perplexity of the text under a model"
    mode.add_argument("--perplexity", type=Path, metavar="FILE", help=text)
    add("--order", type=count, metavar="N", help="words of the longest n-grams (default: 3)")
    text = "leave out n-grams that occur at most so often: a number for each order, the first 0"
    add("--prune", type=whole, nargs="+", metavar="COUNT", help=text)
    add("--characters", action="store_true", help="n-grams of characters (default: of words)")
    text = "with --characters: the name of the space (default: <space>)"
    add("--space", metavar="NAME", help=text)
    add("--json", action="store_true", help="print JSON")


def run(args):
    """Train a model, or measure the perplexity of the text."""
    if args.space and not args.characters:
        raise UserError("--space needs --characters; in a model of words, the space has no name")
    if args.perplexity:
        for name in ("order", "prune"):
            if getattr(args, name) is not None:
                raise UserError(f"--{name} is for training; a model that exists has its own")
        return _measure(args)
    return _train(args)


def _train(args):
    from ds2np.files import strict_json
    from ds2np.lm import NGram

    _check_target(args.out, args.texts)
    texts = _read(args.texts)
    units = {"units": "characters"} if args.characters else {}
    if args.space:
        units["space"] = args.space
    model = NGram.train(texts, args.order or 3, args.prune or (), **units)
    texts.warn()
    _warn_of_sentences(model)
    model.save(args.out)
    size = args.out.stat().st_size
    if args.json:
        found = {"sentences": texts.sentences, "empty": texts.empty, "units": model.units}
        found |= {"ngrams": model.counts(), "file": str(args.out), "bytes": size}
        print(strict_json(found))
        return
    if texts.empty:
        print(f"{texts.empty:,} of {texts.sentences:,} lines are empty; each is an empty sentence")
    ngrams = ", ".join(f"{n:,} of order {k}" for k, n in enumerate(model.counts(), start=1))
    print(f"{texts.sentences:,} sentences; n-grams of {model.units}: {ngrams}")
    print(f"{args.out}: {size / 1e6:.1f} MB")


def _read(paths):
    """Return the `Texts`, which look at what they read."""
    from ds2np.commands.texts import Texts
    from ds2np.text.suspects import SuspectTexts

    return Texts(paths, SuspectTexts(remedy="data_scripts/lm_text.py takes them out"))


def _warn_of_sentences(model):
    """Print a warning if the words of a model are whole sentences of a script without spaces."""
    from ds2np.text.words import without_spaces

    words = model.words[3:]
    if model.units == "words" and without_spaces(set("".join(words))):
        mean = sum(map(len, words)) / len(words)
        if mean > LONG:
            print(
                f"warning: the words have {mean:.0f} characters on average, such as {words[0]!r}: "
                "in a script without spaces, a sentence is one word; use --characters",
                file=sys.stderr,
            )


def _check_target(path, texts):
    """Raise a UserError before the work if its result could not be written."""
    from ds2np.files import make_folder

    make_folder(path.parent, "--out")
    if path.is_dir():
        raise UserError(f"--out {path} is a folder; expected the name of a file")
    if path.exists() and any(text.exists() and path.samefile(text) for text in texts):
        raise UserError(f"--out {path} is one of the texts, which would be lost; choose another")


def _measure(args):
    import dataclasses

    from ds2np.files import strict_json
    from ds2np.lm import NGram, perplexity

    units = "characters" if args.characters else None
    model = NGram.load(args.perplexity, units, args.space)
    texts = _read(args.texts)
    found = perplexity(model, texts)
    texts.warn()
    if args.json:
        print(strict_json({"units": model.units, **dataclasses.asdict(found)}))
        return
    share = 100 * found.unknown / found.words
    print(
        f"{found.sentences:,} sentences, {found.words:,} {model.units}, of which the model does "
        f"not know {found.unknown:,} ({share:.2f} %)\n"
        f"perplexity {found.perplexity:.2f}, without those it does not know {found.known:.2f}"
    )
