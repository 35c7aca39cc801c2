"""Time each part of the package, alone or against PyTorch."""

from pathlib import Path

from ds2np.commands.options import add_device, add_precision, count, given


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add("--against", choices=["torch"], help="alternate with PyTorch and compare")
    add("--pairs", type=count, default=5, metavar="N", help="timed runs (default: 5)")
    add("--only", nargs="+", metavar="NAME", help="parts to time (default: all)")
    add("--json", type=Path, metavar="FILE", help="write the results to a file")
    add_device(parser)
    add_precision(parser)


def run(args):
    """Run the benchmark."""
    from ds2np.bench import run_bench

    return run_bench(
        against_torch=args.against == "torch",
        pairs=args.pairs,
        only=args.only,
        device=args.device,
        path=args.json,
        **given(args, "precision"),
    )
