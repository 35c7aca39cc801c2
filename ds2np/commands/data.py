"""Check a manifest: print statistics and every fault."""

import sys
from pathlib import Path

from ds2np.commands.options import add_characters, count, given, given_characters, positive
from ds2np.errors import UserError


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add("manifests", type=Path, nargs="+", metavar="MANIFEST", help="manifests to check")
    add("--listen", action="store_true", help="decode all recordings (default: headers only)")
    add("--preset", default="tiny", help="preset to check the manifest against (default: tiny)")
    add("--longest", type=positive, metavar="SECONDS", help="report longer recordings as faults")
    add("--all", action="store_true", help="list all faults (default: 20 of each kind)")
    add("--json", action="store_true", help="print JSON, with all faults")
    add("--lower", action="store_true", help="with --alphabet: fold upper case to lower case")
    text = "with --alphabet: pairs of letters as symbols, beside the single ones"
    add("--bigrams", action="store_true", help=text)
    text = "with --alphabet: the N most frequent symbols"
    add("--most", type=count, metavar="N", help=text)
    add("--out", type=Path, metavar="FILE", help="with --alphabet: write them to a file")
    add_characters(parser, "the preset's", "--characters-file")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--fix", type=Path, metavar="OUT.jsonl", help="write a clean copy")
    mode.add_argument("--alphabet", action="store_true", help="print the characters it uses")


def run(args):
    """Check a manifest; return 1 if anything is wrong."""
    import dataclasses
    import json

    from ds2np.data.check import check_manifest, check_target, write_clean
    from ds2np.data.check_report import SHOWN, describe, describe_copy, statistics
    from ds2np.model import preset

    if args.alphabet:
        return _find_alphabet(args)
    for name in ("lower", "bigrams", "most", "out"):
        if getattr(args, name):
            raise UserError(f"--{name} needs --alphabet: it says which alphabet to find")
    if args.fix:
        check_target(args.manifests, args.fix)
    config = dataclasses.replace(preset(args.preset), **given_characters(args))
    checked = check_manifest(
        args.manifests, config, listening=args.listen, **given(args, "longest")
    )
    done = write_clean(checked, args.fix) if args.fix else None
    if args.json:
        copy = {"clean_copy": {"manifest": str(args.fix), **done}} if done else {}
        print(json.dumps({**statistics(checked), **copy}, ensure_ascii=False, indent=1))
    else:
        shown = len(checked.lines) if args.all else SHOWN
        print(describe(checked, shown))
        if done:
            print(f"\n{describe_copy(checked, args.fix, done, shown)}")
    return 1 if checked.faulty else 0


def _find_alphabet(args):
    """Print or write the symbols of the transcripts."""
    import json

    from ds2np.data.manifest import read_manifests
    from ds2np.files import replacing
    from ds2np.text.alphabet_file import format_alphabet
    from ds2np.text.counting import choose_symbols
    from ds2np.text.words import join_words, split_words

    units = "bigrams" if args.bigrams else "characters"
    utterances = read_manifests(args.manifests)
    _check_texts(utterances)
    texts = [join_words(split_words(utterance.text)) for utterance in utterances]
    found, left_out = choose_symbols(texts, units, args.most, args.lower)
    if left_out:
        total = sum(map(len, texts))
        print(
            f"left out: rarer characters, {left_out:,} of the text's {total:,} "
            f"({100 * left_out / total:.2g} %); `data --fix` leaves out their lines",
            file=sys.stderr,
        )
    if args.out:
        with replacing(args.out) as file:
            file.write(format_alphabet(found, units))
        print(f"{args.out}: {len(found):,} symbols")
    elif args.bigrams:
        print(format_alphabet(found, units), end="")
    else:
        characters = "".join(found)
        print(json.dumps(characters, ensure_ascii=False) if args.json else characters)
    return 0


def _check_texts(utterances):
    """Refuse what cannot be a symbol, and print what is probably not meant."""
    from ds2np.text.characters import find_marks, list_characters
    from ds2np.text.suspects import SuspectTexts

    remedy = "the alphabet does without them, and `data --fix` takes them out"
    suspects, marked = SuspectTexts(remedy=remedy), []
    for utterance in utterances:
        suspects.notice(utterance.text, utterance.where)
        marked += [utterance] * bool(find_marks(utterance.text))
    if marked:
        first, others = marked[0], f", as in {len(marked) - 1:,} other lines" * (len(marked) > 1)
        raise UserError(
            f"{first.where}: {list_characters(find_marks(first.text))} in {first.text!r} composes "
            f"with no letter to one character{others}; rewrite it, or give all symbols by "
            "--characters"
        )
    for sentence in suspects.sentences():
        print(f"warning: {sentence}", file=sys.stderr)
