"""List chapters and exercises, or check your answers."""

from pathlib import Path


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add("action", nargs="?", choices=["check"], help="check answers (default: list the exercises)")
    add("numbers", nargs="*", default=(), metavar="NN.N", help="exercises (default: all)")
    add("--answers", type=Path, metavar="FILE", help="your answers (default: my_ds2np.py)")


def run(args):
    """List the chapters or check the answers."""
    from ds2np.learn.answers import default_path
    from ds2np.learn.progress import check_answers, list_chapters

    path = args.answers or default_path()
    return check_answers(path, args.numbers) if args.action else list_chapters(path)
