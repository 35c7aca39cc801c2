"""From recordings and texts to a folder with a manifest, and all else that came of them."""

import contextlib
import shutil
import sys

from ds2np.align.corpus import LEFT_OUT, MANIFEST, WORK, leave_out, write_corpus
from ds2np.align.flac import FlacWriter
from ds2np.align.judge import judge
from ds2np.align.processing import process
from ds2np.align.summary import describe_alignment, describe_items
from ds2np.errors import UserError
from ds2np.files import locked, make_folder

COST = 5.0  # of a wrong utterance that is kept, in right ones that are left out


def build_corpus(
    run, pairs, out, options, processes=1, cost=COST, keep_all=False, flac=False, **network
):
    """Align, cut and judge; print what came of each recording, continue after one that fails.

    Parameters
    ----------
    run, pairs, options, processes
        See `ds2np.align.processing.process`.
    out : Path
        Gets the results.
    cost : float
        Of a wrong utterance that is kept, in right ones that are left out.
    keep_all : bool
        Whether to keep also what is probably wrong.
    flac : bool
        Whether to write each utterance into a file of its own.
    **network
        Options of `Recogniser.load`.

    Returns
    -------
    bool
        Whether all pairs could be aligned.

    Raises
    ------
    UserError
        If no utterance was cut out.
    """
    make_folder(out / WORK, "--out")
    with locked(out / "lock", f"{out}"):
        parts = []
        for result in process(run, pairs, out, options, processes, **network):
            if isinstance(result, UserError):
                print(f"error: {result}", file=sys.stderr)
                continue
            parts.append(result)
            for warning in result.warnings:
                print(f"warning: {warning}", file=sys.stderr)
            for alignment in result.alignments:
                print(describe_alignment(alignment), flush=True)
        if not parts:
            with contextlib.suppress(OSError):  # unless there is something to go on with
                (out / WORK).rmdir()
            return False
        items = [item for part in parts for item in part.items]
        verdict = judge([part.evidence for part in parts], cost)
        items = leave_out(items, verdict.wrong, 1.0 if keep_all else verdict.threshold)
        cutter = FlacWriter(out / "flac", parts[0].sample_rate, options.channel) if flac else None
        write_corpus(out, items, options.channel, cutter)
        if len(parts) == len(pairs):
            shutil.rmtree(out / WORK)
    for line in describe_items(items, out / MANIFEST, out / LEFT_OUT):
        print(line)
    if all(item.cut.reason for item in items):
        raise UserError("no utterance was cut out; the reasons are above")
    if verdict.threshold is None:
        print("too few utterances to learn from which ones are wrong: none is left out for that")
    return len(parts) == len(pairs)
