"""The thread that owns the network: it runs what waits, batch by batch, and gives the answers."""

import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from ds2np.audio.resampling import resample
from ds2np.recogniser import WHOLE_SECONDS
from ds2np.serve.waiting import Waiting
from ds2np.streaming import run_pieces

COMMON_RATES = 8000, 16000, 44100, 48000  # hertz


class Overloaded(Exception):
    """Too much waits, or the server ends: the work is refused, and can be sent again later."""


@dataclass(frozen=True)
class Heard:
    """What a stream has heard since the last answer.

    Attributes
    ----------
    transcripts : tuple of Transcript
        Utterances that have ended.
    text : str
        The present one so far.
    """

    transcripts: tuple
    text: str


class StreamJob:
    """A stream, as the dispatcher sees it."""

    def __init__(self, session):
        self.session, self.piece = session, None
        self.asked = deque()  # futures of `Heard`, in the order of their sound
        self.transcripts = []
        self.since = 0.0  # when the piece began to wait


@dataclass(eq=False)
class RecordingJob:
    """A whole recording, as the dispatcher sees it."""

    samples: object
    seconds: float
    deadline: float
    answer: Future = field(default_factory=Future)
    steps: object = None  # of a long one, which is computed bit by bit


class Dispatcher:
    """Runs a recogniser for many streams and recordings at once, in a thread of its own.

    All methods may be called from any thread; answers are futures.

    Parameters
    ----------
    recogniser : Recogniser
    waiting : Waiting, optional
        The queue.
    most_waiting : int
        Recordings that may wait; more are refused.
    patience : float
        Seconds after which a recording that still waits is refused.
    told : callable, optional
        Called after each batch with its kind, "streams" or "recordings", its size, and the seconds
        that it took.
    """

    def __init__(self, recogniser, waiting=None, most_waiting=256, patience=60.0, told=None):
        self.recogniser = recogniser
        self._waiting, self._most_waiting, self._patience = (
            waiting or Waiting(),
            most_waiting,
            patience,
        )
        self._told = told or (lambda kind, size, seconds: None)
        self._inbox, self._changed = deque(), threading.Condition()
        self._recordings, self._stopping = 0, False
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self):
        """Start the thread."""
        self._warm_up()
        self._thread.start()

    def _warm_up(self):
        """Do once what takes long the first time, so that no client waits for it."""
        rate = self.recogniser.config.sample_rate
        for source in {rate, *COMMON_RATES}:
            resample(np.zeros(source // 2, np.float32), source, rate)
        self.recogniser.transcribe_batch([np.zeros(rate, np.float32)])

    def stop(self):
        """Refuse new work, do what waits, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    @property
    def queued(self):
        """How many pieces and recordings wait."""
        return len(self._waiting) + len(self._inbox)

    def open(self, sample_rate=None, pauses=None):
        """Open a stream; return its `StreamJob`. Raises UserError as `Recogniser.stream` does."""
        job = StreamJob(self.recogniser.start_session(sample_rate, pauses))
        self._put(self._count_streams, 1)
        return job

    def close(self, job):
        """Forget a stream: its client has gone, or has its last answer."""
        self._put(self._drop, job)

    def hear(self, job, samples):
        """Add sound to a stream; return the future of what has been `Heard` when it is done."""
        job.session.push(samples)
        return self._ask(job)

    def finish(self, job):
        """End a stream; return the future of what was `Heard` in its rest."""
        job.session.finish()
        return self._ask(job)

    def _ask(self, job):
        answer = Future()
        self._put(self._listen, job, answer)
        return answer

    def transcribe(self, samples):
        """Transcribe samples at the network's rate; return the future of a `Transcript`.

        Raises
        ------
        Overloaded
            If too many recordings wait. The future raises it if this one waits for too long.
        """
        seconds = len(samples) / self.recogniser.config.sample_rate
        job = RecordingJob(samples, seconds, time.monotonic() + self._patience)
        with self._changed:
            if self._recordings >= self._most_waiting:
                raise Overloaded(f"{self._recordings} recordings wait already; try again later")
            self._recordings += 1
        self._put(self._waiting.add_recording, job)
        return job.answer

    def _put(self, action, *arguments):
        with self._changed:
            if self._stopping:
                raise Overloaded("the server is ending; try again later")
            self._inbox.append((action, arguments))
            self._changed.notify()

    # What follows runs in the thread.

    def _run(self):
        while True:
            with self._changed:
                while not (self._inbox or len(self._waiting) or self._stopping):
                    self._changed.wait()
                actions = [self._inbox.popleft() for _ in range(len(self._inbox))]
            for action, arguments in actions:
                action(*arguments)
            if not (actions or len(self._waiting)):
                return  # stopping, and nothing waits
            pieces, recordings = self._waiting.next()
            began = time.perf_counter()
            if pieces:
                self._run_pieces(pieces)
                self._told("streams", len(pieces), time.perf_counter() - began)
            elif recordings:
                self._run_recordings(recordings)
                self._told("recordings", len(recordings), time.perf_counter() - began)

    def _count_streams(self, change):
        self._waiting.streams += change

    def _drop(self, job):
        self._waiting.remove(lambda other: other is job)
        self._waiting.streams -= 1

    def _listen(self, job, answer):
        job.asked.append(answer)
        if job.piece is None:
            self._look(job)

    def _look(self, job):
        """Let a stream's next piece wait, or answer if there is none."""
        asked = len(job.asked)
        job.piece = job.session.take()
        if job.piece is not None:
            self._waiting.add_piece(job)
            return
        for _ in range(asked):
            heard = Heard(tuple(job.transcripts), job.session.text)
            job.transcripts.clear()
            _answer(job.asked.popleft(), heard)

    def _run_pieces(self, jobs):
        recogniser = self.recogniser
        results = run_pieces(recogniser.model, recogniser.features, [job.piece for job in jobs])
        for job, result in zip(jobs, results, strict=True):
            transcript = job.session.give(job.piece, *result)
            job.transcripts += [transcript] * (transcript is not None)
            self._look(job)

    def _run_recordings(self, jobs):
        late = [job for job in jobs if job.steps is None and time.monotonic() > job.deadline]
        for job in late:
            _refuse(job.answer, Overloaded("the recording waited for too long; try again later"))
        jobs = [job for job in jobs if job not in late]
        unfinished = 0
        for job, answer in self._answers(jobs):
            if answer is None:
                unfinished += 1
                self._waiting.add_recording(job, first=True)
            elif isinstance(answer, Exception):
                _refuse(job.answer, answer)
            else:
                _answer(job.answer, answer)
        with self._changed:
            self._recordings -= len(late) + len(jobs) - unfinished

    def _answers(self, jobs):
        """Yield each recording with its `Transcript` or exception, or None if it goes on later."""
        if any(job.seconds > WHOLE_SECONDS for job in jobs):  # each alone, a piece at a time
            first, *others = jobs
            for job in others:
                yield job, None
            jobs = [first]
            if first.steps is None:
                first.steps = self.recogniser.transcribe_in_steps(first.samples)
            yield first, _try(next, first.steps, None)
        elif jobs:
            answers = _try(self.recogniser.transcribe_batch, [job.samples for job in jobs])
            if isinstance(answers, Exception):  # of one of them
                transcribe = self.recogniser.transcribe_batch
                answers = [_try(lambda sound: transcribe([sound])[0], job.samples) for job in jobs]
            yield from zip(jobs, answers, strict=True)


def _try(function, *arguments):
    """Call a function; return its result, or what it raises."""
    try:
        return function(*arguments)
    except Exception as error:
        return error


def _answer(future, result):
    if future.set_running_or_notify_cancel():
        future.set_result(result)


def _refuse(future, error):
    if future.set_running_or_notify_cancel():
        future.set_exception(error)
