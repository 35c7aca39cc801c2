"""The page teaches the network a voice: takes of sentences, and the training on them.

=======================  ===========================================================
GET /teach               the sentences, which are recorded, and how the training goes
POST /teach/takes/N      a take of sentence N, a WAV file: kept, or what is wrong with it;
                         with ?sure, whichever sentence it sounds like
GET /teach/takes/N       the take that was kept
DELETE /teach/takes      all takes, and the network that has learned from them
POST /teach/learning     begin the training
DELETE /teach/learning   end it
=======================  ===========================================================

The training runs in a process of its own; when it has helped, the server goes on with its network.
"""

import asyncio
import contextlib
import io
import re
import signal
import sys

import numpy as np
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route

from ds2np.adapt.speech import FEWEST
from ds2np.adapt.take import examine
from ds2np.audio.load import read_sound
from ds2np.errors import UserError
from ds2np.serve.messages import Overloaded
from ds2np.serve.refusals import refuse

# A take is doubtful if its CTC loss for a letter lies nearer to that of a middling sentence than to
# that of the best one. Of a voice that the network has never heard the like of, 15 % of right takes
# are doubtful and 78 % of wrong ones; of one that it knows somewhat, none and 90 % (joe and rms).
FAR = 0.7
PATIENCE = 10  # seconds in which it has to end
PROGRESS = re.compile(r"(\d+)% \|")
LAST_LINES = 20  # of what the training prints


class Teaching:
    """The endpoints.

    Parameters
    ----------
    dispatcher : Remote
    lessons : Lessons
    command : list of str
        Trains `lessons.learning` from `lessons.manifest`; prints its progress.
    load : callable
        Takes a run folder; returns a picklable function that returns its recogniser.
    """

    def __init__(self, dispatcher, lessons, command, load):
        self.dispatcher, self.lessons = dispatcher, lessons
        self.command, self.load = command, load
        self._process, self._lines, self._ended = None, [], None

    def routes(self):
        """Return the routes."""
        return [
            Route("/teach", self._guarded(self.tell), methods=["GET"]),
            Route("/teach/takes", self._guarded(self.delete), methods=["DELETE"]),
            Route("/teach/takes/{number:int}", self._guarded(self.take), methods=["GET", "POST"]),
            Route("/teach/learning", self._guarded(self.learn), methods=["POST", "DELETE"]),
        ]

    async def stop(self):
        """End the training, if one runs."""
        process, self._process = self._process, None
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(process.wait(), PATIENCE)
            except asyncio.TimeoutError:
                process.kill()
                await process.wait()
            self.lessons.discard_learning()

    def _guarded(self, endpoint):
        async def answer(request):
            number = request.path_params.get("number")
            if number is not None and number >= len(self.lessons.sentences):
                return refuse(404, f"there are {len(self.lessons.sentences)} sentences")
            try:
                return await endpoint(request)
            except UserError as error:
                return refuse(400, str(error))
            except Overloaded as error:
                return refuse(503, str(error))

        return answer

    async def tell(self, request=None):
        """Answer how far everything is."""
        done = set(self.lessons.recorded())
        line = self._lines[-1] if self._lines else ""
        percent = PROGRESS.search(line)
        return JSONResponse(
            {
                "folder": str(self.lessons.folder.resolve()),
                "sentences": [
                    {"text": text, "recorded": i in done}
                    for i, text in enumerate(self.lessons.sentences)
                ],
                "fewest": FEWEST,
                "learning": self._process is not None,
                "percent": int(percent[1]) if percent else None,
                "line": line,
                "ended": self._ended,
                "network": self.lessons.network.exists(),
            }
        )

    async def delete(self, request):
        """Delete what was recorded; the server goes on with the network that it knows."""
        await self.stop()
        self.lessons.delete()
        self._lines, self._ended = [], None
        return await self.tell()

    async def take(self, request):
        """Answer a kept take, or judge a new one."""
        number = request.path_params["number"]
        path = self.lessons.path(number)
        if request.method == "GET":
            return FileResponse(path) if path.exists() else refuse(404, "it is not recorded")
        if self._process:
            return refuse(409, "the network is learning; wait until it has finished")
        sound = read_sound(io.BytesIO(await request.body()), self.dispatcher.config.sample_rate)
        take = await asyncio.to_thread(examine, sound.samples, sound.rate)
        complaint, doubt = take.complaint, ""
        if not complaint and "sure" not in request.query_params:
            doubt = await self.compare(number, take.samples)
        if kept := not (complaint or doubt):
            await asyncio.to_thread(self.lessons.keep, number, take.samples, sound.rate)
        told = {"kept": kept, "message": complaint or doubt, "doubtful": bool(doubt)}
        return JSONResponse(told)

    async def compare(self, number, samples):
        """Return a complaint if others of the sentences fit the sound much better."""
        sentences = self.lessons.sentences
        losses = np.asarray(await self.dispatcher.ask("weigh", samples, sentences))
        if not np.isfinite(losses[number]):
            return "That was too short for the sentence: read all of it."
        losses = losses / [len(text) for text in sentences]
        best = losses.min()
        if losses[number] - best <= FAR * (np.median(losses) - best):
            return ""
        return f"That sounds less like the sentence than like: {sentences[int(losses.argmin())]}"

    async def learn(self, request):
        """Begin the training, or end it."""
        if request.method == "DELETE":
            await self.stop()
            return await self.tell()
        if self._process:
            return refuse(409, "the network is learning already")
        count = len(self.lessons.recorded())
        if count < FEWEST:
            return refuse(409, f"{count} sentences are recorded; expected {FEWEST} at least")
        self._lines, self._ended = [], None
        self.lessons.discard_learning()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *self.command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._watch = asyncio.create_task(self._follow(self._process))
        return await self.tell()

    async def _follow(self, process):
        """Read what the training prints, and listen with the new network when it has ended."""
        rest = ""
        while data := await process.stdout.read(4096):
            *lines, rest = re.split(r"[\r\n]", rest + data.decode("utf-8", "replace"))
            self._lines = (self._lines + [line for line in lines if line.strip()])[-LAST_LINES:]
        code = await process.wait()
        if self._process is not process:  # it was ended
            self._lines = []
            return
        if code == 0:
            self.lessons.adopt()
            await self.dispatcher.ask("adopt", self.load(self.lessons.network))
        told = [line for line in self._lines if not PROGRESS.search(line)]
        rates = [line for line in told if "->" in line]  # before and after
        self._ended = {"helped": code == 0, "lines": rates or told[-1:]}
        self._process = None
