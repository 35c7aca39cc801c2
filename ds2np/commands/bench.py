"""Time each part of the package, alone or against PyTorch, or a server under load."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

from ds2np.commands.options import add_device, add_precision, count, given, positive, whole
from ds2np.errors import UserError

STREAMS = 1, 10, 20, 30, 45, 60, 80, 100, 130
LIMIT = 0.3  # seconds within which an answer seems immediate
MOST_TOGETHER = 128


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
    text = "with --serve: what the streams say (default: noise)"
    add("--speech", type=Path, metavar="MANIFEST", help=text)
    text = "with --serve: as of `serve` (default: 20)"
    add("--gather", type=whole, metavar="MS", help=text)
    add("--picture", type=Path, metavar="FILE", help="with --serve: picture of the latencies")
    text = "with --serve: send these whole recordings instead of streams"
    add("--recordings", type=Path, metavar="MANIFEST", help=text)
    text = "with --recordings: requests that wait at any time (default: 16)"
    add("--at-once", type=count, metavar="N", help=text)
    add_device(parser)
    add_precision(parser)


def run(args):
    """Run the benchmark."""
    load = given(args, "streams", "seconds", "speech", "gather", "picture")
    whole = given(args, "recordings", "at_once")
    if args.serve and whole:
        if load or not args.recordings:
            name = next(iter(load), "at-once")
            raise UserError(f"--{name} belongs to {'streams' if load else '--recordings MANIFEST'}")
        return _send_recordings(args.serve, args.json, **whole)
    if args.serve:
        return _put_under_load(args.serve, args.json, **load)
    if load or whole:
        raise UserError(f"--{next(iter(load | whole)).replace('_', '-')} belongs to --serve RUN")
    from ds2np.bench import run_bench

    return run_bench(
        against_torch=args.against == "torch",
        pairs=args.pairs,
        only=args.only,
        device=args.device,
        path=args.json,
        **given(args, "precision"),
    )


def _put_under_load(run, path, streams=STREAMS, seconds=10.0, speech=None, gather=20, picture=None):
    """Compare Batch Dispatch with one stream at a time."""
    from ds2np.bench.load import count_held, measure_load
    from ds2np.recogniser import Recogniser

    recogniser = Recogniser.load(run, "cpu")
    if recogniser.config.bidirectional:
        raise UserError(f"{run} runs in both directions and cannot stream; see demo --stream")
    recogniser.start_session()  # raises a UserError if it cannot stream for another reason
    batches = 1, MOST_TOGETHER
    loads = measure_load(
        run, batches, streams, seconds, gather, _list_files(speech), partial(print, flush=True)
    )
    alone, batched = (count_held(loads, batch, LIMIT) for batch in batches)
    print(f"within {LIMIT} s (98 %): {alone} streams one at a time, {batched} in batches")
    rows = [asdict(load) for load in loads]
    if path:
        _write(rows, path)
    if picture:
        _draw(rows, picture)


def _send_recordings(run, path, recordings, at_once=16):
    """Compare requests that wait together with one at a time."""
    from ds2np.bench.requests import measure_requests
    from ds2np.recogniser import Recogniser

    Recogniser.load(run, "cpu")  # raises a UserError if it is none
    files = _list_files(recordings)
    ways = (MOST_TOGETHER, 1), (1, at_once), (MOST_TOGETHER, at_once)
    alone, unbatched, batched = measure_requests(run, files, ways)
    print(
        f"{at_once} at once: {batched.rate / alone.rate:.1f} times as many a second as one at a "
        f"time; without batches {unbatched.rate / alone.rate:.1f} times"
    )
    if path:
        _write([asdict(each) for each in (alone, unbatched, batched)], path)


def _list_files(manifest):
    from ds2np.data.manifest import read_manifest

    return [utterance.audio_filepath for utterance in read_manifest(manifest)] if manifest else []


def _write(rows, path):
    from ds2np.files import replacing, strict_json

    with replacing(path) as file:
        file.write(strict_json(rows, indent=1) + "\n")


def _draw(loads, picture):
    from matplotlib.figure import Figure

    from ds2np.files import replacing
    from ds2np.plots import plot_load

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    plot_load(loads, figure.subplots(1, 2))
    with replacing(picture, "wb") as file:
        figure.savefig(file, format="png", dpi=100)
