"""A data set for the network: spectrograms, and labels that fit their frames."""

import functools
import hashlib
import json
from pathlib import Path

import numpy as np

from ds2np.audio import load_audio
from ds2np.audio.features import Features
from ds2np.ctc import describe_misfit, min_frames
from ds2np.data.batches import plan_epoch
from ds2np.errors import UserError


class Dataset:
    """The utterances of a manifest, checked against a configuration up front.

    Parameters
    ----------
    utterances : list of Utterance
    config : DeepSpeech2Config
    change : callable, optional
        Augmentation: maps the samples of a recording, with a generator, to new samples.
    cache : FeatureCache, optional
    dtype : dtype
        Of the minibatches.

    Attributes
    ----------
    labels : list of ndarray of int
    texts : list of str
        The transcripts, normalised by the alphabet.
    frames : ndarray of int of shape (utterances,)
        Frames of each spectrogram, from the duration in the manifest.

    Raises
    ------
    UserError
        If a transcript has an unknown character or does not fit its frames, or a recording is
        missing.
    """

    def __init__(self, utterances, config, change=None, cache=None, dtype=np.float32):
        self.utterances, self.config, self.dtype = utterances, config, np.dtype(dtype)
        self._compute = Features(config)
        self._change, self._cache = change, cache
        alphabet = self.config.alphabet()
        self.labels = [alphabet.encode(u.text, u.where) for u in utterances]
        self.texts = [alphabet.decode(labels) for labels in self.labels]
        self.frames = np.array([self.config.count_frames(u.duration) for u in utterances])
        self._needed = np.array([min_frames(labels) for labels in self.labels])
        available = self.config.out_lengths(self.frames)
        misfits = np.flatnonzero(self._needed > available)
        if len(misfits):
            i = misfits[0]
            sound = f"{utterances[i].duration:g} s of audio"
            raise self._misfit(i, available[i], sound, _and_others(misfits))
        missing = [u for u in utterances if not Path(u.audio_filepath).exists()]
        if missing:
            raise UserError(
                f"{_name(missing[0])}: no such audio file: {missing[0].audio_filepath}"
                f"{_and_others(missing)}; correct the path or leave the line out"
            )

    def _misfit(self, i, available, source, others=""):
        misfit = describe_misfit(self._needed[i], available, source)
        return UserError(
            f"{_name(self.utterances[i])}: {misfit}{others}; "
            f"correct the transcript, leave the line out, or use a smaller stride"
        )

    def __len__(self):
        return len(self.utterances)

    def features(self, i, rng=None):
        """Compute the spectrogram (T, F) of an utterance, in float32.

        ``rng`` draws the augmentation; without it there is none.
        """
        path = self.utterances[i].audio_filepath
        if self._change is not None and rng is not None:
            samples, _ = load_audio(path, self.config.sample_rate)
            x = self._compute(self._change(samples, rng))
            if self._needed[i] <= self.config.out_lengths(len(x)):
                return x  # else it has become too fast for its transcript: use it unchanged
        x = (self._cache or self._compute).read(path)
        available = self.config.out_lengths(len(x))
        if self._needed[i] > available:  # the recording is shorter than the manifest states
            raise self._misfit(i, available, path)
        return x

    def plan(self, epoch, batch_size=16, batch_seconds=200.0, seed=0):
        """Plan the minibatches of an epoch; see `plan_epoch`.

        ``batch_seconds`` limits the audio in a minibatch, padding included.
        """
        max_frames = 1000 * batch_seconds / self.config.stride_ms
        return plan_epoch(self.frames, batch_size, epoch, seed, max_frames)

    def describe(self, i):
        """Name an utterance: its recording, and its line in the manifest."""
        utterance = self.utterances[i]
        return f"{utterance.audio_filepath} ({utterance.where or 'no manifest'})"

    @functools.cached_property
    def fingerprint(self):
        """A checksum of the training data: names, durations and transcripts."""
        content = [(Path(u.audio_filepath).name, u.duration, u.text) for u in self.utterances]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _name(utterance):
    return utterance.where or utterance.audio_filepath


def _and_others(found):
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""
