"""Time each part of the package, alone or against PyTorch, or a server under load."""

from pathlib import Path

from ds2np.commands.options import add_device, add_precision, count, given, positive
from ds2np.errors import UserError

STREAMS = 1, 10, 20, 30, 45, 60, 80, 100, 130
LIMIT = 0.3  # seconds within which an answer seems immediate


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add("--against", choices=["torch"], help="alternate with PyTorch and compare")
    add("--pairs", type=count, default=5, metavar="N", help="timed runs (default: 5)")
    add("--only", nargs="+", metavar="NAME", help="parts to time (default: all)")
    add("--json", type=Path, metavar="FILE", help="write the results to a file")
    text = "put a server of a run under load: streams over loopback, as fast as people speak"
    add("--serve", type=Path, metavar="RUN", help=text)
    text = "with --serve: numbers of streams (default: 1 10 20 30 45 60 80 100 130)"
    add("--streams", type=count, nargs="+", metavar="N", help=text)
    text = "with --serve: seconds of each stream (default: 10)"
    add("--seconds", type=positive, metavar="S", help=text)
    add("--picture", type=Path, metavar="FILE", help="with --serve: picture of the latencies")
    add_device(parser)
    add_precision(parser)


def run(args):
    """Run the benchmark."""
    load = given(args, "streams", "seconds", "picture")
    if args.serve:
        return _put_under_load(args.serve, args.json, **load)
    if load:
        raise UserError(f"--{next(iter(load))} belongs to --serve RUN")
    from ds2np.bench import run_bench

    return run_bench(
        against_torch=args.against == "torch",
        pairs=args.pairs,
        only=args.only,
        device=args.device,
        path=args.json,
        **given(args, "precision"),
    )


def _put_under_load(run, path, streams=STREAMS, seconds=10.0, picture=None):
    """Compare Batch Dispatch with one stream at a time."""
    from ds2np.bench.load import count_held, measure_load, to_json
    from ds2np.files import replacing, strict_json
    from ds2np.recogniser import Recogniser

    recogniser = Recogniser.load(run, "cpu")
    if recogniser.config.bidirectional:
        raise UserError(f"{run} runs in both directions and cannot stream; see demo --stream")
    recogniser.start_session()  # raises a UserError if it cannot stream for another reason
    loads = measure_load(run, (1, 128), streams, seconds, lambda line: print(line, flush=True))
    alone, batched = (count_held(loads, batch, LIMIT) for batch in (1, 128))
    print(f"within {LIMIT} s (98 %): {alone} streams one at a time, {batched} in batches")
    if path:
        with replacing(path) as file:
            file.write(strict_json(to_json(loads), indent=1) + "\n")
    if picture:
        _draw(to_json(loads), picture)


def _draw(loads, picture):
    from matplotlib.figure import Figure

    from ds2np.files import replacing
    from ds2np.plots import plot_load

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    plot_load(loads, figure.subplots(1, 2))
    with replacing(picture, "wb") as file:
        figure.savefig(file, format="png", dpi=100)
