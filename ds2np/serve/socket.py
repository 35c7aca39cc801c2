"""A WebSocket in the protocol of Vosk's server: raw sound in, partial and final results out.

    {"config": {"sample_rate": 8000}}     first, if it is not 16000
    16-bit samples, little-endian         answered by {"partial": ...} or a result, {"text": ...}
    {"eof": 1}                            answered by the last result; then the server closes

With {"config": {"probabilities": 4}}, which Vosk does not have, each answer has the most probable
symbols of the frames since the one before. Each message of sound gets one answer, in order. A
client that does not read its answers is not read from, either.
"""

import asyncio
import json

import numpy as np
from starlette.websockets import WebSocketDisconnect, WebSocketState

from ds2np.errors import UserError
from ds2np.serve.messages import Overloaded
from ds2np.serve.refusals import refuse

DEFAULT_RATE = 16000  # of the protocol
MOST_SYMBOLS, SMALL = 9, 0.02  # of a frame: symbols that are sent, and their least probability
WRONG, ENDING = 1008, 1001  # codes of a close
IDLE = 60.0  # seconds without a message, or without an answer being read


class Refused(Exception):
    """A message that the protocol does not have."""


class Socket:
    """The endpoint.

    Parameters
    ----------
    dispatcher : Remote
    most_streams : int
    most_seconds : float
        Of sound in a stream.
    ending : asyncio.Event
        Set when the server ends: streams then get their last result.
    """

    def __init__(self, dispatcher, most_streams, most_seconds, ending):
        self.dispatcher, self.ending = dispatcher, ending
        self.most_streams, self.most_seconds = most_streams, most_seconds
        self.streams = 0

    async def serve(self, websocket):
        """Serve one client."""
        if self.streams >= self.most_streams:
            message = f"{self.streams} streams are open already; try again later"
            await websocket.send_denial_response(refuse(503, message))
            return
        self.streams += 1
        try:
            offered = websocket.scope.get("subprotocols") or [None]
            await websocket.accept(offered[0])
            await _Client(self, websocket).serve()
        except (WebSocketDisconnect, TimeoutError):
            pass  # the client has gone
        except Overloaded as error:
            await _close(websocket, ENDING, str(error))
        except (Refused, UserError) as error:
            await _close(websocket, WRONG, str(error))
        finally:
            self.streams -= 1


class _Client:
    def __init__(self, socket, websocket):
        self.socket, self.websocket, self.dispatcher = socket, websocket, socket.dispatcher
        self.rate, self.words, self.most = DEFAULT_RATE, True, 0
        self.seconds, self.stream = 0.0, None  # the dispatcher's number of the stream

    async def serve(self):
        """Answer messages until the client or the server ends the stream."""
        self.ending = asyncio.ensure_future(self.socket.ending.wait())
        try:
            while message := await self._receive():
                if (sound := message.get("bytes")) is not None:
                    await self._hear(sound)
                elif not self._configure(message["text"]):
                    break
            await self._finish()
        finally:
            self.ending.cancel()
            if self.stream is not None:
                self.dispatcher.ask("close", self.stream)

    async def _receive(self):
        """Return the next message, or None when the server ends."""
        message = asyncio.ensure_future(self.websocket.receive())
        try:
            both = {message, self.ending}
            await asyncio.wait(both, timeout=IDLE, return_when="FIRST_COMPLETED")
            if not message.done():
                if self.ending.done():
                    return None
                raise Refused(f"nothing came for {IDLE:g} s")
            if message.result()["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            return message.result()
        finally:
            message.cancel()

    def _configure(self, text):
        """Read a message of text; return whether the stream goes on."""
        try:
            given = json.loads(text)
        except ValueError:
            given = None
        if not isinstance(given, dict) or not given.keys() & {"config", "eof"}:
            raise Refused(f'expected {{"config": ...}} or {{"eof": 1}}, got {text[:80]!r}')
        if "eof" in given:
            return False
        config = given["config"]
        rate = config.get("sample_rate", self.rate) if isinstance(config, dict) else None
        if type(rate) not in (int, float) or not float(rate).is_integer():
            raise Refused(f"expected a sample_rate in hertz, got {text[:80]!r}")
        if self.stream is not None:
            raise Refused("the configuration has to come before the sound")
        self.rate, self.words = int(rate), bool(config.get("words", True))
        most = config.get("probabilities", 0)
        self.most = max(0, min(most, MOST_SYMBOLS)) if type(most) is int else 0
        return True

    async def _hear(self, sound):
        if len(sound) % 2:
            raise Refused(f"expected samples of 16 bits, got {len(sound)} bytes")
        await self._open()
        self.seconds += len(sound) / 2 / self.rate
        if self.seconds > self.socket.most_seconds:
            raise Refused(f"the stream is longer than {self.socket.most_seconds:g} s")
        samples = np.frombuffer(sound, "<i2").astype(np.float32) / 32768
        heard = await self.dispatcher.ask("hear", self.stream, samples)
        answer = {"partial": heard.text}
        if heard.transcripts:
            answer = self._result(heard.transcripts)
        if self.most:
            answer["probabilities"] = self._list_probable(heard.frames)
        await self._send(answer)

    async def _finish(self):
        """Send the last result and close."""
        await self._open()
        heard = await self.dispatcher.ask("finish", self.stream)
        await self._send(self._result(heard.transcripts))
        await self.websocket.close()

    async def _open(self):
        if self.stream is None:
            self.stream = await self.dispatcher.ask("open", self.rate, self.most > 0)

    def _result(self, transcripts):
        """Return the result of one or more utterances, which are joined."""
        join = self.dispatcher.config.alphabet().join
        words = [
            {"conf": word.confidence, "end": word.end, "start": word.start, "word": word.text}
            for transcript in transcripts
            for word in transcript.words
        ]
        text = join([transcript.text for transcript in transcripts])
        return {"result": words, "text": text} if self.words and words else {"text": text}

    def _list_probable(self, pieces):
        """Return of each frame its most probable symbols, "" for the blank, and probabilities."""
        symbols = ("", *self.dispatcher.config.alphabet().symbols)
        frames = []
        for frame in (frame for log_probs in pieces for frame in log_probs):
            best = np.argsort(-frame)[: self.most]
            chosen = [(symbols[s], round(float(np.exp(frame[s])), 3)) for s in best]
            frames.append([each for each in chosen if each[1] >= SMALL])
        return frames

    async def _send(self, answer):
        text = json.dumps(answer, ensure_ascii=False)
        await asyncio.wait_for(self.websocket.send_text(text), IDLE)


async def _close(websocket, code, reason):
    if websocket.application_state == WebSocketState.CONNECTED:
        short = reason.encode()[:120].decode(errors="ignore")  # the protocol allows 123 bytes
        await websocket.close(code, short)
