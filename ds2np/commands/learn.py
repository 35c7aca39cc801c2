"""List chapters and exercises, and check your answers."""

from pathlib import Path


def add_options(parser):
    """Add the options of the command."""
    parser.add_argument("action", nargs="?", choices=["check"], help="run the checks")
    parser.add_argument("numbers", nargs="*", default=(), metavar="NN.N", help="default: all")
    parser.add_argument(
        "--answers", type=Path, metavar="FILE", help="your functions (default: my_ds2np.py)"
    )


def run(args):
    """List what there is to do, or check what is done."""
    from ds2np.learn.answers import default_path
    from ds2np.learn.progress import check_answers, list_chapters

    path = args.answers or default_path()
    return check_answers(path, args.numbers) if args.action else list_chapters(path)
