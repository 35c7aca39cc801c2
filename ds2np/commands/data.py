"""Check a manifest: print statistics and every fault."""

from pathlib import Path

from ds2np.commands.options import add_characters, given, given_characters, positive
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
    add_characters(parser, "the preset's")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--fix", type=Path, metavar="OUT.jsonl", help="write a clean copy")
    mode.add_argument("--alphabet", action="store_true", help="print only the characters it uses")


def run(args):
    """Check a manifest; return 1 if anything is wrong."""
    import dataclasses
    import json

    from ds2np.data.check import check_manifest, check_target, find_alphabet, write_clean
    from ds2np.data.check_report import SHOWN, describe, describe_copy, statistics
    from ds2np.model import preset

    if args.alphabet:
        characters = find_alphabet(args.manifests, args.lower)
        print(json.dumps(characters, ensure_ascii=False) if args.json else characters)
        return 0
    if args.lower:
        raise UserError("--lower needs --alphabet; otherwise the alphabet decides about upper case")
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
