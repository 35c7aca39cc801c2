"""A data set for the network: spectrograms, and labels that fit their frames."""

import functools
import hashlib
import json
import os
import sys
from collections.abc import Sequence

import numpy as np

from ds2np.ctc import describe_misfit, min_frames
from ds2np.data.batches import plan_epoch
from ds2np.data.cache import FeatureCache
from ds2np.data.filling import fill_cache
from ds2np.data.reading import Reader, describe
from ds2np.data.suspects import Suspects
from ds2np.errors import UserError
from ds2np.text.suspects import SuspectTexts
from ds2np.text.vocabulary import describe_vocabulary


class Dataset:
    """The utterances of a manifest, checked against a configuration up front.

    Recordings are read when they are needed. One that turns out unusable is a `BadRecording`.

    Parameters
    ----------
    utterances : list of Utterance
    config : DeepSpeech2Config
    change, masks : optional
        Augmentation; see `Reader`.
    draw : Draw, optional
        The utterances of an epoch; all of them by default.
    dtype : dtype
        Of the minibatches.
    read : callable, optional
        Does what such a `Reader` does, elsewhere.

    Attributes
    ----------
    texts : list of str
        The transcripts, normalised by the alphabet.
    labels : sequence of ndarray of int
        The transcripts as symbol numbers.
    frames : ndarray of int of shape (utterances,)
        Frames of each spectrogram, from the duration in the manifest.
    suspects : Suspects
        Recordings that were read and are hardly intelligible.

    Raises
    ------
    UserError
        If a transcript has an unknown character or does not fit its frames, or a recording is
        missing.
    """

    def __init__(
        self,
        utterances,
        config,
        change=None,
        masks=None,
        draw=None,
        dtype=np.float32,
        read=None,
    ):
        self.utterances, self.config, self.dtype = utterances, config, np.dtype(dtype)
        self._reader = Reader(config, change, masks)
        self._read = read or self._reader
        self._draw, self._cache, self.suspects = draw, None, Suspects()
        alphabet = config.alphabet()
        self._needed = np.array(_count_frames(utterances, alphabet))
        self.texts = [alphabet.normalise(u.text) for u in utterances]
        self.labels = _Labels(alphabet, self.texts)
        self.frames = np.array([config.count_frames(u.duration) for u in utterances])
        available = config.out_lengths(self.frames)
        misfits = np.flatnonzero(self._needed > available)
        if len(misfits):
            i = misfits[0]
            sound = f"{utterances[i].duration:g} s of audio"
            misfit = describe_misfit(self._needed[i], available[i], sound)
            raise UserError(
                f"{_name(utterances[i])}: {misfit}{_and_others(misfits)}; "
                f"correct the transcript, leave the line out, or use a smaller stride"
            )
        missing = [u for u in utterances if not os.path.isfile(u.audio_filepath)]
        if missing:
            path = missing[0].audio_filepath
            found = f"{path} is a folder" if path.is_dir() else f"no such audio file: {path}"
            raise UserError(
                f"{_name(missing[0])}: {found}{_and_others(missing)}; "
                f"correct the path or leave the line out"
            )

    def __len__(self):
        return len(self.utterances)

    def features(self, i, rng=None):
        """Compute the spectrogram (T, F) of an utterance, in float32; see `Reader`.

        ``rng`` draws the augmentation; without it there is none. Raises `BadRecording`.
        """
        changed = self._reader.change is not None and rng is not None
        cached = None if self._cache is None or changed else self._cache.read(i)
        x, suspect = self._read(self.utterances[i], self._needed[i], rng, cached)
        self.suspects.notice(i, suspect)
        return x

    def cache_features(self, folder, comm):
        """Read features, unless augmented, from a folder from now on; fill it first, on every rank.

        See `FeatureCache` and `fill_cache`.
        """
        cache = FeatureCache(folder, self._reader.features, self.utterances)
        fill_cache(cache, self.features, self.frames, comm)
        self._cache = cache

    def plan(self, epoch, batch_size=16, batch_seconds=200.0, seed=0, frames=None):
        """Plan the minibatches of an epoch; see `plan_epoch`.

        ``batch_seconds`` limits the audio in a minibatch, padding included. ``frames`` are those of
        other utterances to plan for.
        """
        max_frames = 1000 * batch_seconds / self.config.stride_ms
        frames = self.frames if frames is None else frames
        if self._draw is None:
            return plan_epoch(frames, batch_size, epoch, seed, max_frames)
        drawn = self._draw(len(frames), epoch, seed)
        plan = plan_epoch(frames[drawn], batch_size, epoch, seed, max_frames)
        return [drawn[places] for places in plan]

    @property
    def epoch_frames(self):
        """Frames of an epoch; with a draw, of one of them."""
        drawn = slice(None) if self._draw is None else self._draw(len(self.frames), 1, 0)
        return int(self.frames[drawn].sum())

    def describe(self, i):
        """Name an utterance: its recording, and its line in the manifest."""
        return describe(self.utterances[i])

    def warn(self):
        """Print what the transcripts have that is probably not meant; see `SuspectTexts`."""
        suspects = SuspectTexts(self.config.alphabet().symbols)
        for utterance in self.utterances:
            suspects.notice(utterance.text, utterance.where)
        for sentence in suspects.sentences():
            print(f"warning: {sentence}", file=sys.stderr)

    @functools.cached_property
    def keys(self):
        """What identifies each utterance: a uint64 hash of its recording, part and transcript.

        The folder of the recording does not count, so that a corpus can be moved.
        """
        return np.array([_hash(*each) for each in zip(self.utterances, self.texts, strict=True)])

    @functools.cached_property
    def fingerprint(self):
        """A checksum of the data set: utterances and their frames, in their order."""
        return hashlib.sha256(self.keys.tobytes() + self.frames.tobytes()).hexdigest()[:16]

    @functools.cached_property
    def vocabulary(self):
        """What the transcripts say; see `describe_vocabulary`."""
        return describe_vocabulary(self.texts, self.config.alphabet())


def _count_frames(utterances, alphabet):
    """Count the frames that each transcript needs; refuse what the alphabet cannot write."""
    needed, refused = [], []
    for utterance in utterances:
        try:
            needed.append(min_frames(alphabet.encode(utterance.text)))
        except UserError:
            refused.append(utterance)
    if refused:
        first = refused[0]
        remedy = (
            "spell it out or leave these lines out, or train with an alphabet that has it, which "
            "`data --alphabet` finds"
        )
        if not alphabet.unknown(alphabet.join(alphabet.split(first.text))):
            remedy = "`data --fix` takes out spaces beside Chinese characters"
        raise UserError(
            f"{_name(first)}: {alphabet.describe_unknown(first.text)} not in {alphabet}, as in "
            f"{len(refused):,} of {len(utterances):,} transcripts; {remedy}"
        )
    return needed


class _Labels(Sequence):
    """Labels of transcripts, encoded on access: as arrays they would take ten times the memory."""

    def __init__(self, alphabet, texts):
        self._alphabet, self._texts = alphabet, texts

    def __len__(self):
        return len(self._texts)

    def __getitem__(self, i):
        return self._alphabet.encode(self._texts[i])


def _hash(utterance, text):
    name = os.path.basename(utterance.audio_filepath)
    content = json.dumps([name, utterance.offset, utterance.channel, text])
    digest = hashlib.blake2b(content.encode(), digest_size=8).digest()
    return np.frombuffer(digest, np.uint64)[0]


def _name(utterance):
    return utterance.where or utterance.audio_filepath


def _and_others(found):
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""
