"""List chapters and exercises, check your answers, or get a hint."""

from pathlib import Path

ACTIONS = ("check", "next", "hint", "reset", "watch")


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add(
        "action",
        nargs="?",
        choices=ACTIONS,
        help="check answers, check the next one, give a hint, take an answer out, or check the "
        "next one whenever the file changes (default: list the exercises)",
    )
    add("numbers", nargs="*", default=(), metavar="NN.N", help="exercises (default: all)")
    add("--all", action="store_true", help="give all hints, not only the first")
    add("--answers", type=Path, metavar="FILE", help="your answers (default: my_ds2np.py)")


def run(args):
    """Do what the action says."""
    from ds2np.learn import progress
    from ds2np.learn.answers import default_path

    path = args.answers or default_path()
    if args.action == "check":
        return progress.check_answers(path, args.numbers)
    if args.action == "next":
        return progress.check_next(path)
    if args.action == "hint":
        return progress.give_hints(args.numbers, args.all)
    if args.action == "reset":
        return progress.reset(path, args.numbers)
    if args.action == "watch":
        return progress.watch(path)
    return progress.list_chapters(path)
