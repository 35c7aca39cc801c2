"""POST /v1/audio/transcriptions: a recording in, a transcript out, for OpenAI's clients."""

import asyncio
import concurrent.futures
import io
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.responses import Response

from ds2np.audio import describe_suspect
from ds2np.audio.load import read_sound
from ds2np.audio.opening import open_audio
from ds2np.errors import UserError
from ds2np.serve.formats import TYPES, write_transcript
from ds2np.serve.guard import TooLarge
from ds2np.serve.messages import Overloaded
from ds2np.serve.refusals import refuse

READERS = 2  # recordings that are decoded at a time


class TooLong(UserError):
    """A recording is longer than the server takes."""


class Transcriptions:
    """The endpoint.

    Parameters
    ----------
    dispatcher : Remote
    most_seconds : float
        Of a recording.
    """

    def __init__(self, dispatcher, most_seconds):
        self.dispatcher, self.most_seconds = dispatcher, most_seconds
        self.config = dispatcher.config
        self._readers = concurrent.futures.ThreadPoolExecutor(READERS, "reader")

    async def answer(self, request):
        """Answer a request."""
        try:
            async with request.form(max_files=1, max_fields=20) as form:
                return await self._answer(form)
        except (MultiPartException, HTTPException) as error:
            return refuse(400, f"the form cannot be read: {getattr(error, 'detail', error)}")
        except TooLarge as error:
            return refuse(413, str(error))
        except Overloaded as error:
            return refuse(503, str(error))
        except TooLong as error:
            return refuse(413, str(error), "file")
        except UserError as error:
            return refuse(400, str(error), "file")

    async def _answer(self, form):
        file, kind = form.get("file"), form.get("response_format") or "json"
        if file is None or isinstance(file, str):
            return refuse(400, "expected a recording in the field 'file' of a form", "file")
        if kind not in TYPES:
            listed = ", ".join(TYPES)
            return refuse(400, f"unknown format {kind!r}; choose from {listed}", "response_format")
        loop = asyncio.get_running_loop()
        samples, warnings = await loop.run_in_executor(self._readers, self._read, file.file)
        transcript = await self.dispatcher.ask("transcribe", samples)
        transcript = replace(transcript, warnings=warnings)
        seconds = len(samples) / self.config.sample_rate
        words = "word" in form.getlist("timestamp_granularities[]")
        join, language = self.config.alphabet().join, form.get("language") or "und"
        text = write_transcript(transcript, kind, seconds, join, words, language)
        return Response(text, media_type=TYPES[kind])

    def _read(self, file):
        """Decode a recording of bounded length; return its samples and warnings."""
        data = io.BytesIO(file.read())
        with open_audio(data) as opened:
            seconds = opened.frames / opened.samplerate
        if seconds > self.most_seconds:
            raise TooLong(
                f"the recording lasts {seconds:.0f} s; expected at most {self.most_seconds:g} s"
            )
        sound = read_sound(data, self.config.sample_rate)
        suspects = describe_suspect("the recording", sound, self.config.sample_rate)
        return sound.samples, tuple(suspects.values())
