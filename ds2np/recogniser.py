"""The public interface: a `Recogniser` turns sound into text with a network and a decoder."""

import dataclasses
import operator
import os
from pathlib import Path

import numpy as np

from ds2np.audio import Features, describe_suspect, read_sound
from ds2np.audio.checks import check_samples
from ds2np.audio.opening import name_of
from ds2np.audio.reader import check_sound
from ds2np.audio.resampling import resample
from ds2np.backend import choose_device, get_array_module, is_on_gpu, to_cpu
from ds2np.ctc import ctc_loss_only
from ds2np.data.memory import run_within_memory
from ds2np.decode import DecoderSettings, Transcript, make_decoder
from ds2np.errors import UserError
from ds2np.model.outputs import log_probs_of
from ds2np.model.pieces import logits_in_pieces
from ds2np.model.run_folder import RunFolder, load_run
from ds2np.streaming import Session, Stream

WHOLE_SECONDS = 60  # longer utterances go through the network in pieces


class Recogniser:
    """A speech recogniser.

    Parameters
    ----------
    model : DeepSpeech2
        Every call leaves it in evaluation mode.
    decoder : str or object
        A key of `ds2np.decode.DECODERS`, or an object with a method ``decode``.

    Examples
    --------
    >>> recogniser = Recogniser.load("runs/libri")
    >>> recogniser.transcribe("recording.flac").text
    'the cat sat'
    """

    def __init__(self, model, decoder="greedy"):
        self.model, self.config = model, model.config
        self.features = Features(self.config)
        named = isinstance(decoder, str)
        self.decoder = make_decoder(decoder, self.config) if named else decoder

    @classmethod
    def load(cls, run, device="auto", decoder=None, precision=None, **options):
        """Load the best network of a run, with the decoder that `tune` has chosen for it.

        Parameters
        ----------
        run : str or Path
            A run folder or a checkpoint file.
        device : str
            "auto", "cpu", "cuda" or "cuda:N".
        decoder : str or object, optional
            "greedy", "beam", or an object with a method ``decode``; by default what the run says,
            or else greedy.
        precision : {"float32", "tf32", "bf16x3", "half"}, optional
            Of matrix products on a GPU; see `load_run`. "half" is for one to eight utterances at a
            time.
        **options
            Of the decoder, over those of the run; see `ds2np.decode.DecoderSettings`.

        Raises
        ------
        UserError
            If there is no such run, device or decoder, or the device does not have the precision.
        """
        device = choose_device(device)
        device.use()
        model = load_run(run, device, precision)
        if decoder is None or isinstance(decoder, str):
            given = options if decoder is None else {"decoder": decoder} | options
            before = DecoderSettings.read(RunFolder(run).decoder) if Path(run).is_dir() else None
            decoder = DecoderSettings.choose(given, before).build(model.config)
        return cls(model, decoder)

    def log_probs(self, x, lengths):
        """Compute the log-probabilities of the symbols in each frame of a padded minibatch.

        Utterances longer than a minute go through the network in pieces, with bounded memory; see
        `ds2np.model.pieces` for what that changes.

        Parameters
        ----------
        x : ndarray of shape (N, T, F)
        lengths : ndarray of shape (N,)

        Returns
        -------
        log_probs : ndarray of shape (N, T_out, V)
        out_lengths : ndarray of shape (N,)

        Raises
        ------
        UserError
            If the network puts out NaN or infinity, or the minibatch does not fit into memory.
        """
        on_gpu = is_on_gpu(self.model.flat_params)
        return run_within_memory(
            lambda n: self._run(x[:n], lengths[:n]),
            (*x.shape[:2], x.shape[1] * self.config.stride_ms / 1000),
            lambda fits: "use fewer utterances in a minibatch" + " or --device cpu" * on_gpu,
            on_gpu,
        )

    def _run(self, x, lengths):
        self.model.set_training(False)
        long = 1000 * WHOLE_SECONDS / self.config.stride_ms
        if not (np.asarray(lengths) > long).any():
            logits, out_lengths = self.model.infer(x, lengths)
            return log_probs_of(logits), out_lengths
        rows = [self._row(x[n, :length], long) for n, length in enumerate(lengths)]
        out_lengths = np.array([len(row) for row in rows])
        xp = get_array_module(rows[0])
        log_probs = xp.zeros((len(rows), out_lengths.max(), rows[0].shape[1]), rows[0].dtype)
        for n, row in enumerate(rows):
            log_probs[n, : len(row)] = row
        return log_probs, out_lengths

    def _row(self, x, long):
        """Compute the log-probabilities (T_out, V) of one utterance (T, F)."""
        xp = get_array_module(self.model.flat_params)
        if len(x) > long:
            return log_probs_of(xp.concatenate(list(logits_in_pieces(self.model, x))))
        return log_probs_of(self.model.infer(x[None], np.array([len(x)]))[0][0])

    def decode(self, log_probs, lengths):
        """Return the best `Hypothesis` of each utterance of a padded batch.

        Parameters
        ----------
        log_probs : ndarray of shape (N, T_out, V)
        lengths : ndarray of shape (N,)
        """
        return [found[0] for found in self.list_hypotheses(log_probs, lengths)]

    def list_hypotheses(self, log_probs, lengths):
        """Return for each utterance of a padded batch a list of `Hypothesis`, best first."""
        return self.decoder.decode(log_probs, lengths)

    def transcribe(self, sound, sample_rate=None, **part):
        """Return the `Transcript` of one recording, however long.

        Parameters
        ----------
        sound : str, Path, binary file or array of float of shape (samples,)
            An audio file, or samples of one channel.
        sample_rate : int, optional
            Sampling rate of samples in hertz; the network's by default.
        **part
            Options of `read_sound`: a segment, a channel.

        Raises
        ------
        UserError
            If the file cannot be read, the sound is shorter than one window, its rate is
            impossible, or samples are NaN, infinite or impossibly large.
        TypeError, ValueError
            If the samples are not floats of shape (samples,), or the rate is not a whole number.
        """
        network_rate = self.config.sample_rate
        if not isinstance(sound, str | bytes | os.PathLike) and not hasattr(sound, "read"):
            rate = network_rate if sample_rate is None else operator.index(sample_rate)
            samples = to_cpu(sound)
            check_samples(samples)
            check_sound(samples, rate, "the sound")
            return self._transcribe(resample(samples, rate, network_rate))
        name = name_of(sound)
        heard = read_sound(sound, network_rate, **part)
        warnings = describe_suspect(name, heard, network_rate).values()
        try:
            return self._transcribe(heard.samples, part.get("start", 0.0), tuple(warnings))
        except UserError as error:
            raise UserError(f"{name}: {error}") from None

    def stream(self, sample_rate=None, pauses=None):
        """Begin a `Stream`: sound goes in as it comes, and text comes out.

        Parameters
        ----------
        sample_rate : int, optional
            Of the sound, in hertz; the network's by default.
        pauses : Pauses, optional
            Where utterances end.

        Raises
        ------
        UserError
            If the network runs in both directions or its features need whole recordings, or the
            rate is impossible.
        """
        self.model.set_training(False)
        return Stream(self.model, self.features, self.start_session(sample_rate, pauses))

    def start_session(self, sample_rate=None, pauses=None):
        """Begin a `Session`, a stream that shares the network with others; see `stream`."""
        return Session(self.config, self.decoder, sample_rate, pauses)

    def transcribe_batch(self, sounds):
        """Return the `Transcript` of each of some recordings, in one minibatch.

        Parameters
        ----------
        sounds : sequence of ndarray of float of shape (samples,)
            At the network's sampling rate, one channel.

        Raises
        ------
        UserError
            If a sound is shorter than one window, or the minibatch does not fit into memory.
        """
        features = [self.features(sound.astype(self.model.dtype, copy=False)) for sound in sounds]
        lengths = np.array([len(x) for x in features])
        x = np.zeros((len(sounds), lengths.max(), self.features.count), self.model.dtype)
        for row, of_sound in zip(x, features, strict=True):
            row[: len(of_sound)] = of_sound
        found = self.list_hypotheses(*self.log_probs(x, lengths))
        seconds = [len(sound) / self.config.sample_rate for sound in sounds]
        return [_make_transcript(*each) for each in zip(found, seconds, strict=True)]

    def transcribe_in_steps(self, sound):
        """Transcribe a long recording step by step: a generator that yields its `Transcript`.

        Before it, it yields None after each piece of half a minute, so that other work can be done
        between two pieces. See `transcribe_batch`.
        """
        self.model.set_training(False)
        search = self.decoder.stream()
        for logits in logits_in_pieces(self.model, self.features(sound)):
            search.push(to_cpu(log_probs_of(logits)))
            yield None
        yield _make_transcript([search.finish()], len(sound) / self.config.sample_rate)

    def losses(self, sound, texts):
        """Compute the CTC loss, -ln p(text | sound), of each of several texts for one recording.

        Parameters
        ----------
        sound : ndarray of float of shape (samples,)
            At the network's sampling rate.
        texts : sequence of str

        Returns
        -------
        ndarray of shape (texts,)
            Infinite for a text that has more symbols than there are frames.

        Raises
        ------
        UserError
            If the alphabet cannot write a text, or the sound is shorter than one window.
        """
        alphabet, x = self.config.alphabet(), self.features(sound.astype(self.model.dtype))
        labels = [alphabet.encode(alphabet.normalise(text)) for text in texts]
        counts = np.array([len(each) for each in labels])
        padded = np.zeros((len(texts), max(counts)), int)
        for row, each in zip(padded, labels, strict=True):
            row[: len(each)] = each
        log_probs, lengths = self.log_probs(x[None], np.array([len(x)]))
        logits = np.repeat(to_cpu(log_probs), len(texts), axis=0)
        return ctc_loss_only(logits, padded, np.repeat(lengths, len(texts)), counts)

    def _transcribe(self, samples, start=0.0, warnings=()):
        (transcript,) = self.transcribe_batch([samples])
        words = tuple(
            dataclasses.replace(word, start=start + word.start, end=start + word.end)
            for word in transcript.words
        )
        return dataclasses.replace(transcript, words=words, warnings=warnings)


def _make_transcript(hypotheses, seconds):
    """Return the transcript of a recording of some seconds."""
    best = hypotheses[0]
    words = tuple(  # the last frame may extend beyond the recording
        dataclasses.replace(word, start=min(word.start, seconds), end=min(word.end, seconds))
        for word in best.words
    )
    return Transcript(best.text, words, best.score, hypotheses=tuple(hypotheses))
