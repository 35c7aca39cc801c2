"""The thread that owns the network: it runs what waits, batch by batch, and gives the answers."""

import itertools
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from ds2np.audio.resampling import resample
from ds2np.backend import one_blas_thread, to_cpu
from ds2np.errors import UserError
from ds2np.recogniser import WHOLE_SECONDS
from ds2np.serve.messages import Heard, Overloaded
from ds2np.serve.waiting import Waiting
from ds2np.streaming import run_pieces

COMMON_RATES = 8000, 16000, 44100, 48000  # hertz


class StreamJob:
    """A stream, as the dispatcher sees it."""

    def __init__(self, session, wants_frames):
        self.session, self.piece, self.error = session, None, None
        self.asked = deque()  # futures of `Heard`, in the order of their sound
        self.transcripts, self.frames, self.wants_frames = [], [], wants_frames

    def refuse(self, error):
        """Give an error to all that was asked."""
        while self.asked:
            _refuse(self.asked.popleft(), error)


@dataclass(eq=False)
class RecordingJob:
    """A whole recording, as the dispatcher sees it."""

    samples: object
    seconds: float
    deadline: float
    answer: Future
    steps: object = None  # of a long one, which is computed bit by bit


class Dispatcher:
    """Runs a recogniser for many streams and recordings at once, in a thread of its own.

    `ask` may be called from any thread, with the names of the methods `open`, `hear`, `finish`,
    `close`, `transcribe`, `weigh` and `adopt`, which run in the dispatcher's own.

    Parameters
    ----------
    recogniser : Recogniser
    waiting : Waiting, optional
        The queue.
    most_waiting : int
        Recordings that may wait; more are refused.
    patience : float
        Seconds after which a recording that still waits is refused.
    pace : float
        Seconds from the beginning of a batch of pieces to that of the next one, at least. With 0,
        batches are eager, as in the paper.
    told : callable, optional
        Called after each batch with its kind, "streams" or "recordings", its size, and the seconds
        that it took.
    turned : callable, optional
        Called when all answers of a batch are there, and of what was asked before it.
    """

    def __init__(
        self,
        recogniser,
        waiting=None,
        most_waiting=256,
        patience=60.0,
        pace=0.0,
        told=None,
        turned=None,
    ):
        self.recogniser = recogniser
        self._waiting = Waiting() if waiting is None else waiting
        self._most_waiting, self._patience, self._pace = most_waiting, patience, pace
        self._told = told or (lambda kind, size, seconds: None)
        self._turned = turned or (lambda: None)
        self._inbox, self._changed = deque(), threading.Condition()
        self._streams, self._numbers, self._recordings = {}, itertools.count(), 0
        self._stopping, self._next = False, 0.0  # when the next batch of pieces may begin
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

    def ask(self, method, *arguments, answer=None):
        """Call a method in the dispatcher's thread; return the future of its answer.

        The future raises what the method raises. `answer`: a future to use.

        Raises
        ------
        Overloaded
            If the dispatcher has been stopped.
        """
        answer = answer or Future()
        with self._changed:
            if self._stopping:
                raise Overloaded("the server is ending; try again later")
            self._inbox.append((getattr(self, method), arguments, answer))
            self._changed.notify()
        return answer

    # What follows runs in the thread. The methods that can be asked for get the future first.

    def open(self, answer, sample_rate=None, wants_frames=False, pauses=None):
        """Open a stream; answer its number. Raises UserError as `Recogniser.stream` does."""
        session = self.recogniser.start_session(sample_rate, pauses)
        number = next(self._numbers)
        self._streams[number] = StreamJob(session, wants_frames)
        self._waiting.streams += 1
        _answer(answer, number)

    def hear(self, answer, number, samples):
        """Add sound to a stream; answer what it has `Heard` when it is done."""
        job = self._streams[number]
        job.session.push(samples)
        self._listen(job, answer)

    def finish(self, answer, number):
        """End a stream; answer what it has `Heard` in its rest."""
        job = self._streams[number]
        job.session.finish()
        self._listen(job, answer)

    def close(self, answer, number):
        """Forget a stream: its client has gone, or has its last answer."""
        job = self._streams.pop(number)
        self._waiting.remove(lambda other: other is job)
        self._waiting.streams -= 1
        job.refuse(Overloaded("the stream has been closed"))
        _answer(answer, None)

    def transcribe(self, answer, samples):
        """Transcribe samples at the network's rate; answer a `Transcript`.

        Raises
        ------
        Overloaded
            If too many recordings wait, or this one waits for too long.
        """
        if self._recordings >= self._most_waiting:
            raise Overloaded(f"{self._recordings} recordings wait already; try again later")
        seconds = len(samples) / self.recogniser.config.sample_rate
        job = RecordingJob(samples, seconds, time.monotonic() + self._patience, answer)
        self._recordings += 1
        self._waiting.add_recording(job)

    def weigh(self, answer, samples, texts):
        """Answer the CTC loss of each text for samples at the network's rate."""
        _answer(answer, self.recogniser.losses(samples, texts))

    def adopt(self, answer, load):
        """Go on with another recogniser of the same configuration, which `load` returns."""
        recogniser = load()
        if recogniser.config != self.recogniser.config:
            raise UserError("the other network has another configuration; start the server with it")
        self.recogniser = recogniser
        _answer(answer, None)

    def _run(self):
        while True:
            with self._changed:
                while not (self._inbox or len(self._waiting) or self._stopping):
                    self._changed.wait()
                asked = [self._inbox.popleft() for _ in range(len(self._inbox))]
            for method, arguments, answer in asked:
                try:
                    method(answer, *arguments)
                except Exception as error:
                    _refuse(answer, error)
            if not (asked or len(self._waiting)):
                return  # stopping, and nothing waits
            if self._gather():
                continue
            pieces, recordings = self._waiting.next()
            began = time.perf_counter()
            if pieces:
                self._next = began + self._pace
                self._run_pieces(pieces)
                self._told("streams", len(pieces), time.perf_counter() - began)
            elif recordings:
                self._run_recordings(recordings)
                self._told("recordings", len(recordings), time.perf_counter() - began)
            self._turned()

    def _gather(self):
        """Wait for more to ask, if it is too early for a batch of pieces; return whether it was."""
        remaining = self._next - time.perf_counter()
        if remaining <= 0 or self._stopping or not self._waiting.may_grow:
            return False
        self._turned()
        with self._changed:
            if not (self._inbox or self._stopping):
                self._changed.wait(remaining)
        return True

    def _listen(self, job, answer):
        if job.error:
            raise job.error
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
            heard = Heard(tuple(job.transcripts), job.session.text, tuple(job.frames))
            job.transcripts.clear()
            job.frames.clear()
            _answer(job.asked.popleft(), heard)

    def _run_pieces(self, jobs):
        recogniser, pieces = self.recogniser, [job.piece for job in jobs]
        try:
            with one_blas_thread():
                results = run_pieces(recogniser.model, recogniser.features, pieces)
        except Exception as error:  # of the network: these streams cannot go on
            for job in jobs:
                job.error = error
                job.refuse(error)
            return
        for job, result in zip(jobs, results, strict=True):
            transcript = job.session.give(job.piece, *result)
            job.transcripts += [transcript] * (transcript is not None)
            job.frames += [to_cpu(result[0])] * job.wants_frames
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
