"""The dispatcher in a process of its own, reached by messages.

    server -> (number, method, arguments)            -> dispatcher
    server <- [(number, answer or error), ...], batches <- dispatcher

Python runs one thread at a time. In one process, the web server and the network would wait for each
other at every step, and hold fewer streams than one core can.
"""

import asyncio
import contextlib
import itertools
import logging
import multiprocessing
import signal
from concurrent.futures import Future
from functools import partial

from ds2np.errors import UserError
from ds2np.serve.log import log_to_stderr
from ds2np.serve.messages import Overloaded

LOG = logging.getLogger("ds2np.serve")
PATIENCE = 10.0  # seconds for what waits at the end


class Remote:
    """Asks a `Dispatcher` in another process, which starts at once.

    A context manager, which ends that process.

    Parameters
    ----------
    load : callable
        Returns the recogniser. It is called in the other process, and has to be picklable.
    batch : int
        Streams, or recordings, that go through the network together.
    pace : float
        Seconds between the beginnings of batches of pieces, at least.

    Attributes
    ----------
    config : DeepSpeech2Config
        Of the recogniser.
    told : callable
        Called after each batch; see `Dispatcher`.
    lost : callable
        Called if the other process ends by itself.

    Raises
    ------
    UserError
        If `load` does, or the other process ends before it has loaded the recogniser.
    """

    def __init__(self, load, batch=128, pace=0.0):
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        self.process = spawn.Process(target=dispatch, args=(theirs, load, batch, pace), daemon=True)
        self.process.start()
        theirs.close()
        self._numbers, self._answers, self._ended = itertools.count(), {}, False
        self.told = self.lost = lambda *arguments: None
        try:
            self.config = self._connection.recv()
        except EOFError:
            self.config = UserError("the process of the network ended while it was loading")
        if isinstance(self.config, Exception):
            self._connection.close()
            self.process.join()
            raise self.config

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()

    @property
    def queued(self):
        """How many answers are awaited."""
        return len(self._answers)

    def listen(self):
        """Receive answers in the event loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._connection.fileno(), self._read)

    def ask(self, method, *arguments):
        """Call a method of the `Dispatcher`; return a future of the event loop.

        Raises
        ------
        Overloaded
            If the other process has ended.
        """
        if self._ended:
            raise Overloaded("the server is ending; try again later")
        number, answer = next(self._numbers), self._loop.create_future()
        self._answers[number] = answer
        with contextlib.suppress(BrokenPipeError):  # `_read` finds that out, too
            self._connection.send((number, method, arguments))
        return answer

    async def stop(self):
        """Let the other process do what waits, and end it."""
        self.lost = lambda: None  # it is meant to end
        if not self._ended:
            with contextlib.suppress(BrokenPipeError):
                self._connection.send(None)
        await asyncio.to_thread(self.process.join, PATIENCE)
        self._end()

    def _read(self):
        try:
            answers, batches = self._connection.recv()
        except (EOFError, OSError):
            self._end()
            self.lost()
            return
        for batch in batches:
            self.told(*batch)
        for number, value, failed in answers:
            answer = self._answers.pop(number)
            if answer.cancelled():
                continue
            (answer.set_exception if failed else answer.set_result)(value)

    def _end(self):
        """Give up what is awaited: no more answers will come."""
        if self._ended:
            return
        self._ended = True
        self._loop.remove_reader(self._connection.fileno())
        self._connection.close()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Overloaded("the server is ending; try again later"))
                answer.exception()  # nobody has to ask for it
        self._answers.clear()


def dispatch(connection, load, batch, pace):
    """Do what comes by a connection, until None comes or the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the server, which says when to end
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    try:
        recogniser = load()
    except UserError as error:
        connection.send(error)
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    log_to_stderr()
    _Desk(connection, recogniser, batch, pace).work()


class _Desk:
    """Takes messages to a `Dispatcher`, and answers from it, many at a time."""

    def __init__(self, connection, recogniser, batch, pace):
        from ds2np.serve.dispatcher import Dispatcher
        from ds2np.serve.waiting import Waiting

        self.connection, self.config = connection, recogniser.config
        self.answers, self.batches = [], []
        self.dispatcher = Dispatcher(
            recogniser,
            Waiting(batch),
            pace=pace,
            told=lambda *told: self.batches.append(told),
            turned=self.send,
        )

    def work(self):
        """Take messages until the last one."""
        self.dispatcher.start()
        self.connection.send(self.config)
        try:
            for number, method, arguments in iter(self.connection.recv, None):
                answer = Future()
                answer.add_done_callback(partial(self.note, number))
                self.dispatcher.ask(method, *arguments, answer=answer)
        except EOFError:
            return  # the server has gone; nobody waits for an answer
        self.dispatcher.stop()

    def note(self, number, answer):
        """Note an answer, in the dispatcher's thread."""
        error = answer.exception()
        if error and not isinstance(error, UserError | Overloaded):
            LOG.error("the dispatcher failed", exc_info=error)
            error = RuntimeError(f"{type(error).__name__}: {error}")
        self.answers.append((number, error or answer.result(), error is not None))

    def send(self):
        """Send what has been noted."""
        if self.answers or self.batches:
            with contextlib.suppress(BrokenPipeError):  # the server has gone
                self.connection.send((self.answers, self.batches))
            self.answers, self.batches = [], []
