"""The public interface: a `Recogniser` turns sound into text with a network and a decoder."""

import dataclasses
import operator
import os
from dataclasses import dataclass

import numpy as np

from ds2np.audio import Features
from ds2np.audio.load import check_sound, load_audio, resample
from ds2np.backend import choose_device, get_array_module, to_cpu
from ds2np.decode import make_decoder
from ds2np.errors import UserError
from ds2np.layers import log_softmax
from ds2np.model.run_folder import load_run


@dataclass(frozen=True)
class Transcript:
    """The transcript of a recording.

    Attributes
    ----------
    words : tuple of Word
        Words with times in seconds.
    score : float
        Log-probability of the best hypothesis.
    """

    text: str
    words: tuple
    score: float


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
    def load(cls, run, device="auto", decoder="greedy"):
        """Load the best network of a run.

        Parameters
        ----------
        run : str or Path
            A run folder or a checkpoint file.
        device : str
            "auto", "cpu", "cuda" or "cuda:N".

        Raises
        ------
        UserError
            If there is no such run, device or decoder.
        """
        device = choose_device(device)
        device.use()
        return cls(load_run(run, device), decoder)

    def log_probs(self, x, lengths):
        """Compute the log-probabilities of the symbols in each frame of a padded minibatch.

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
            If the network puts out NaN or infinity.
        """
        self.model.set_training(False)
        logits, out_lengths = self.model.forward(x, lengths)
        self.model.clear_cache()
        if not get_array_module(logits).isfinite(logits).all():
            raise UserError(
                "the outputs of the network are not finite; train it with a smaller learning rate"
            )
        return log_softmax(logits), out_lengths

    def decode(self, log_probs, lengths):
        """Return the best `Hypothesis` of each utterance of a padded batch.

        Parameters
        ----------
        log_probs : ndarray of shape (N, T_out, V)
        lengths : ndarray of shape (N,)
        """
        return [hypotheses[0] for hypotheses in self.decoder.decode(log_probs, lengths)]

    def transcribe(self, sound, sample_rate=None):
        """Return the `Transcript` of one recording.

        Parameters
        ----------
        sound : str, Path or array of float of shape (samples,)
            An audio file, or samples of one channel between -1 and 1.
        sample_rate : int, optional
            Sampling rate of the samples in hertz; the network's by default.

        Raises
        ------
        UserError
            If the file cannot be read, the sound is shorter than one window, its rate is
            impossible, or samples are NaN, infinite or impossibly large.
        TypeError, ValueError
            If the samples are not floats of shape (samples,), or the rate is not a whole number.
        """
        if not isinstance(sound, str | os.PathLike):
            rate = self.config.sample_rate if sample_rate is None else operator.index(sample_rate)
            samples = to_cpu(sound)
            if samples.ndim != 1 or samples.dtype.kind != "f":
                raise ValueError(
                    f"expected floats of shape (samples,), got {samples.dtype} {samples.shape}"
                )
            check_sound(samples, rate, "the sound")
            return self._transcribe(samples, rate)
        samples, sample_rate = load_audio(sound)
        try:
            return self._transcribe(samples, sample_rate)
        except UserError as error:
            raise UserError(f"{sound}: {error}") from None

    def _transcribe(self, samples, sample_rate):
        seconds = len(samples) / sample_rate
        if sample_rate != self.config.sample_rate:
            samples = resample(samples, sample_rate, self.config.sample_rate)
        x = self.features(samples.astype(self.model.dtype, copy=False))[None]
        (best,) = self.decode(*self.log_probs(x, np.array([x.shape[1]])))
        words = tuple(  # the last frame may extend beyond the recording
            dataclasses.replace(w, start=min(w.start, seconds), end=min(w.end, seconds))
            for w in best.words
        )
        return Transcript(best.text, words, best.score)
