"""One stream of sound on its way to text, apart from the network's arithmetic.

    samples -> [features -> network] -> log-probabilities -> text so far, transcripts

The network stands in the middle, so that one minibatch can serve many streams: `take` returns the
next piece of sound, and `give` reads what the network made of it. At a pause, an utterance ends and
the next one begins, with fresh statistics, network state and search.
"""

from dataclasses import replace

from ds2np.audio.checks import check_samples
from ds2np.audio.reader import check_rate, check_sound
from ds2np.decode.words import Transcript
from ds2np.errors import UserError
from ds2np.streaming.network import Piece
from ds2np.streaming.onset import OnsetFinder
from ds2np.streaming.pauses import PauseCounter, Pauses
from ds2np.streaming.sound import SoundBuffer

PIECE_MS = 100  # of sound in a piece, rounded to output frames


class Session:
    """A stream of sound.

    Parameters
    ----------
    config : DeepSpeech2Config
        Of a network that runs forward only.
    decoder : object
        With a method ``stream``.
    sample_rate : int, optional
        Of the sound that will come, in hertz; the network's by default.
    pauses : Pauses, optional

    Attributes
    ----------
    text : str
        The present utterance so far, which may yet change.
    finished : bool
        Whether the stream has ended, and all of it has become text.

    Raises
    ------
    UserError
        If the network cannot process a stream.
    """

    def __init__(self, config, decoder, sample_rate=None, pauses=None):
        if config.bidirectional:
            raise UserError(
                "the network runs in both directions, which needs whole recordings; train one that "
                "runs forward only, such as the preset tiny-stream"
            )
        if config.normalisation == "utterance":
            raise UserError(
                'the network normalises by the whole recording (normalisation "utterance"), which '
                'a stream does not have; train one by "running" or "corpus"'
            )
        self._config, self._decoder = config, decoder
        self._pauses, self._alphabet = pauses or Pauses(), config.alphabet()
        self._rate = sample_rate or config.sample_rate
        check_rate(self._rate, "the stream")
        self._sound = SoundBuffer(self._rate, config.sample_rate)
        window, hop = config.frame_sizes
        self._overlap, self._hop = window - hop, hop
        stride = round(config.frame_ms / config.stride_ms)  # spectrogram frames of an output frame
        self._stride = stride * hop  # samples
        self._frames = stride * max(round(PIECE_MS / config.frame_ms), 1)
        self.finished = False
        self._onset = OnsetFinder(hop / config.sample_rate, self._pauses.louder)
        self._begin(0)

    def _begin(self, place, heard=0):
        """Begin an utterance at a place in the stream, or where speech begins.

        heard: the place up to which the network has heard the sound before.
        """
        self._start, self._count = place, 0  # spectrogram frames so far
        self._searched, self._heard = place, heard
        self._quiet = self._pauses.louder > 0  # until speech begins
        self._next = self._frames  # of the next piece
        self._state = None, None
        self._search, self.text = self._decoder.stream(), ""
        seconds = self._config.frame_ms / 1000
        self._counter = PauseCounter(self._pauses, self._alphabet, seconds)

    def push(self, samples):
        """Add samples (n,), floats with full scale 1; see `Stream.push`."""
        check_samples(samples)
        if len(samples):
            check_sound(samples, self._rate, "the stream")
            self._sound.push(samples)

    def finish(self):
        """End the stream; `take` returns what still waits."""
        self._sound.finish()

    def take(self):
        """Return the next `Piece`, or None if more sound is needed or the stream has finished.

        Before the next call, `give` is to be called.
        """
        if self._quiet and not self._find_onset():
            self.finished = self._sound.closed
            return None
        begin = self._start + self._count * self._hop
        whole = (self._sound.end - begin - self._overlap) // self._hop  # windows that are there
        last = whole < self._next
        if self.finished or (last and not self._sound.closed):
            return None
        frames = max(whole, 0) if last else self._next
        self._count, self._next = self._count + frames, self._frames
        if not self._count:  # the utterance is shorter than one window
            self.finished = True
            return None
        end = begin + frames * self._hop + self._overlap if frames else begin
        return Piece(self._sound.read(begin, end), self._state, last)

    def _find_onset(self):
        """Look for speech in what has not been searched; return whether the utterance begins."""
        hops = (self._sound.end - self._searched) // self._hop
        sound = self._sound.read(self._searched, self._searched + hops * self._hop)
        found = self._onset.find(sound.reshape(hops, self._hop))
        self._searched += found * self._hop
        lead = round(self._pauses.lead * self._config.sample_rate / self._hop) * self._hop
        self._start = max(self._start, self._searched - lead)
        self._sound.forget(self._start)
        self._quiet = found == hops
        if not self._quiet:
            # What has been heard before is one piece, which takes less time than many short ones.
            again = (self._heard - self._start) // (self._hop * self._frames)
            self._next = self._frames * max(again, 1)
        return not self._quiet

    def give(self, piece, log_probs, state):
        """Read what the network made of a piece; return the `Transcript` of an utterance that ends.

        log_probs: (T, V), on any device. Returns None if none ends, or one without words.
        """
        self._state, self.text = state, self._search.push(log_probs)
        ends = self._counter.ends(log_probs)
        begin = self._start + self._counter.next_frame * self._stride
        heard = self._start + self._count * self._hop
        transcript = self._conclude() if ends or piece.last else None
        if piece.last:
            self.finished = True
        elif ends:
            self._begin(begin, heard)
        self._sound.forget(begin)
        return transcript

    def _conclude(self):
        """End the search; return a `Transcript` with times in seconds of the stream."""
        best, start = self._search.finish(), self._start / self._config.sample_rate
        self.text = ""
        if not best.text:
            return None
        words = tuple(
            replace(word, start=start + word.start, end=start + word.end) for word in best.words
        )
        return Transcript(best.text, words, best.score)
