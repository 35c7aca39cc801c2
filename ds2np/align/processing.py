"""Many recordings and texts, one after another or several at a time, with their progress."""

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from tqdm import tqdm

from ds2np import machine
from ds2np.align.corpus import process_pair
from ds2np.audio.opening import open_audio
from ds2np.errors import UserError
from ds2np.recogniser import Recogniser

FORMAT = "{desc} {percentage:3.0f}% |{bar}| {elapsed} so far, {remaining} left"
SEARCH = 0.5  # time of the search beside that of the network, about


def process(run, pairs, folder, options, processes=1, **network):
    """Align and cut all pairs; yield for each its `Part`, or the UserError that it ends in.

    Parameters
    ----------
    run : Path
    pairs : sequence of Pair
    folder : Path
        For the results.
    options : Options
    processes : int
        Pairs that are aligned at the same time, each with a network of its own in memory.
    **network
        Options of `Recogniser.load`.
    """
    if processes == 1 or len(pairs) == 1:
        recogniser = _load(run, network)
        for pair in pairs:
            with _Progress(pair) as progress:
                result = _try(recogniser, pair, folder, options, progress.show)
            yield result
        return
    spawn = multiprocessing.get_context("spawn")
    workers = ProcessPoolExecutor(min(processes, len(pairs)), spawn, _begin, (run, network))
    try:
        futures = [workers.submit(_work, pair, folder, options) for pair in pairs]
        for _ in tqdm(as_completed(futures), "aligning", len(pairs), bar_format=FORMAT):
            pass
        yield from (future.result() for future in futures)
    except BrokenProcessPool:
        raise UserError("a process has ended, perhaps for lack of memory; use fewer") from None
    finally:
        workers.shutdown(cancel_futures=True)


def _load(run, network):
    return Recogniser.load(run, decoder="greedy", **network)


def _try(recogniser, pair, folder, options, show):
    try:
        return process_pair(recogniser, pair, folder, options, show)
    except UserError as error:
        return error


def _begin(run, network):
    global _recogniser  # of this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends it
    machine.tune()
    _recogniser = _load(run, network)


def _work(pair, folder, options):
    return _try(_recogniser, pair, folder, options, lambda stage, done: None)


class _Progress:
    """A bar for the recordings of one text."""

    def __init__(self, pair):
        self._name, self._recordings = pair.names[0], pair.recordings

    def __enter__(self):
        self._seconds = sum(map(_measure, self._recordings))
        total = (1 + SEARCH) * self._seconds
        self._bar = tqdm(desc=self._name, total=total, bar_format=FORMAT, mininterval=1)
        return self

    def __exit__(self, *_):
        self._bar.close()

    def show(self, stage, done):
        """Move the bar: "hearing" by some seconds, "searching" to a share of the whole."""
        if stage == "searching":
            place = (1 + SEARCH * done) * self._seconds
            self._bar.update(max(place - self._bar.n, 0))
        else:
            self._bar.update(min(done, max(self._seconds - self._bar.n, 0)))


def _measure(path):
    """Return the seconds of a recording, as its header has them; 0 if it cannot be read."""
    try:
        with open_audio(path) as opened:
            return opened.frames / opened.samplerate
    except UserError:
        return 0.0
