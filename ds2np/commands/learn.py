"""List chapters and exercises, check your answers, get a hint, or copy the notebooks."""

from pathlib import Path

ACTIONS = ("start", "check", "next", "hint", "reset", "watch")


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add(
        "action",
        nargs="?",
        choices=ACTIONS,
        help="copy the notebooks to a folder to work in, check answers, check the next one, give a "
        "hint, take an answer out, or check the next one whenever the file changes (default: list "
        "the exercises)",
    )
    add(
        "names",
        nargs="*",
        default=(),
        metavar="NN.N",
        help="exercises (default: all); for start, the folder (default: my_chapters)",
    )
    add("--all", action="store_true", help="give all hints, not only the first")
    add("--answers", type=Path, metavar="FILE", help="your answers (default: my_ds2np.py)")


def run(args):
    """Do what the action says."""
    from ds2np.learn import progress
    from ds2np.learn.answers import default_path
    from ds2np.learn.start import start

    path = args.answers or default_path()
    actions = {
        "start": lambda: start(*args.names),
        "check": lambda: progress.check_answers(path, args.names),
        "next": lambda: progress.check_next(path),
        "hint": lambda: progress.give_hints(args.names, args.all),
        "reset": lambda: progress.reset(path, args.names),
        "watch": lambda: progress.watch(path),
        None: lambda: progress.list_chapters(path),
    }
    return actions[args.action]()
