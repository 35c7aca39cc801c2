"""Align long recordings with their texts, and cut them into utterances to train on."""

import shutil
import sys
from pathlib import Path

from ds2np.commands.options import add_device, add_precision, count, given, positive, whole
from ds2np.errors import UserError


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add("run_folder", type=Path, metavar="RUN", help="run folder or checkpoint file")
    text = "a recording, or a folder of recordings"
    add("recording", type=Path, metavar="RECORDING", help=text)
    text = "its text, a folder of texts of the same names, or one text of all, in their order"
    add("text", type=Path, metavar="TEXT", help=text)
    text = "folder of the results (default: aligned)"
    add("--out", type=Path, default=Path("aligned"), metavar="FOLDER", help=text)
    text = "shortest and longest utterance, in seconds (default: 1 15)"
    add("--seconds", type=positive, nargs=2, metavar=("LEAST", "MOST"), help=text)
    text = "shortest pause in which a cut is allowed, in seconds (default: 0.2)"
    add("--pause", type=positive, metavar="S", help=text)
    text = "the text is exactly what is said: look for nothing that was not read"
    add("--verbatim", action="store_true", help=text)
    text = "good utterances thrown away that are as bad as a wrong one kept (default: 5)"
    add("--cost", type=positive, default=5.0, metavar="N", help=text)
    add("--keep-all", action="store_true", help="keep also what is probably wrong")
    add("--flac", action="store_true", help="write each utterance into a file of its own")
    text = "language of numbers, such as en or de (default: en, or zh without spaces)"
    add("--language", metavar="CODE", help=text)
    text = "channel to read, from 0 (default: the mean of all)"
    add("--channel", type=whole, metavar="N", help=text)
    text = "texts that are aligned at the same time (default: 1)"
    add("--processes", type=count, default=1, metavar="N", help=text)
    add_device(parser)
    add_precision(parser, "half")


def run(args):
    """Align all pairs; write and print what came of them; continue after one that fails."""
    from ds2np.align.corpus import WORK, Options, leave_out, write_corpus
    from ds2np.align.judge import judge
    from ds2np.align.pairs import find_pairs
    from ds2np.align.processing import process
    from ds2np.files import locked, make_folder

    least, most = args.seconds or Options.lengths
    if not least < most:
        raise UserError(f"--seconds {least:g} {most:g}: expected the shorter length first")
    pause = args.pause or Options.pause
    options = Options((least, most), pause, args.verbatim, args.language, args.channel)
    pairs = find_pairs(args.recording, args.text)
    make_folder(args.out / WORK, "--out")
    with locked(args.out / "lock", f"{args.out}"):
        network = {"device": args.device, **given(args, "precision")}
        results = process(args.run_folder, pairs, args.out, options, args.processes, **network)
        parts, failed = [], []
        for pair, result in zip(pairs, results, strict=True):
            if isinstance(result, UserError):
                print(f"error: {result}", file=sys.stderr)
                failed.append(pair)
                continue
            parts.append(result)
            for warning in result.warnings:
                print(f"warning: {warning}", file=sys.stderr)
            for alignment in result.alignments:
                print(_describe(alignment))
        if not parts:
            return 2
        items = [item for part in parts for item in part.items]
        verdict = judge([part.evidence for part in parts], args.cost)
        threshold = 1.0 if args.keep_all else verdict.threshold
        items = leave_out(items, verdict.wrong, threshold)
        write_corpus(args.out, items, args.channel, _make_writer(args, parts[0].sample_rate))
        if not failed:
            shutil.rmtree(args.out / WORK)
    _report(args, items, verdict)
    if all(item.cut.reason for item in items):
        raise UserError("no utterance was cut out; the reasons are above")
    return 2 if failed else 0


def _make_writer(args, sample_rate):
    """Return what writes each utterance into a file of its own, if asked for."""
    if not args.flac:
        return None
    from ds2np.align.flac import FlacWriter

    return FlacWriter(args.out / "flac", sample_rate, args.channel)


def _describe(alignment):
    """Describe an alignment in a line."""
    words = [word for word in alignment.words if word.spoken]
    read = sum(word.read for word in words)
    parts = [
        f"{alignment.recording}: {alignment.duration / 60:.1f} minutes",
        f"{read:,} of {len(words):,} words read",
    ]
    if alignment.unread:
        parts.append(f"{_count(len(alignment.unread), 'passage')} not read")
    if alignment.foreign:
        seconds = sum(end - start for start, end in alignment.foreign)
        parts.append(
            f"{_count(len(alignment.foreign), 'sound')} without text ({_minutes(seconds)})"
        )
    return ", ".join(parts)


def _report(args, items, verdict):
    """Print what was cut and what was left out."""
    from ds2np.align.corpus import LEFT_OUT, MANIFEST

    kept = [item for item in items if not item.cut.reason]
    seconds = sum(item.seconds for item in kept)
    print(f"{args.out / MANIFEST}: {_count(len(kept), 'utterance')}, {_minutes(seconds)}")
    print(f"{args.out / LEFT_OUT}:")
    for reason in dict.fromkeys(item.cut.reason for item in items if item.cut.reason):
        of_reason = [item for item in items if item.cut.reason == reason]
        words = sum(item.cut.last - item.cut.first for item in of_reason)
        seconds = sum(item.seconds for item in of_reason)
        amounts = [_minutes(seconds)] * (seconds > 0) + [_count(words, "word")] * (words > 0)
        print(f"  {reason}: {len(of_reason):,} ({', '.join(amounts)})")
    if verdict.threshold is None and kept:
        print("too few utterances to learn from which ones are wrong: none is left out for that")


def _count(number, name):
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _minutes(seconds):
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.1f} s"
