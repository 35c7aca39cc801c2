"""Align long recordings with their texts, and cut them into utterances to train on."""

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
    add("--cost", type=positive, metavar="N", help=text)
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
    """Align all pairs; write and print what came of them."""
    from ds2np.align.building import COST, build_corpus
    from ds2np.align.corpus import Options
    from ds2np.align.pairs import find_pairs

    least, most = args.seconds or Options.lengths
    if not least < most:
        raise UserError(f"--seconds {least:g} {most:g}: expected the shorter length first")
    pause = args.pause or Options.pause
    options = Options((least, most), pause, args.verbatim, args.language, args.channel)
    done = build_corpus(
        args.run_folder,
        find_pairs(args.recording, args.text),
        args.out,
        options,
        processes=args.processes,
        cost=args.cost or COST,
        keep_all=args.keep_all,
        flac=args.flac,
        device=args.device,
        **given(args, "precision"),
    )
    return 0 if done else 2
