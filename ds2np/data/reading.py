"""An utterance is read: recording, augmentation, features, masks."""

import contextlib

from ds2np.audio import read_sound
from ds2np.audio.features import Features
from ds2np.audio.masks import mask
from ds2np.audio.suspect import describe_suspect
from ds2np.ctc import describe_misfit
from ds2np.data.recordings import BadRecording, describe_difference, durations_differ
from ds2np.errors import UserError


class Reader:
    """Reads utterances as a network needs them.

    Parameters
    ----------
    config : DeepSpeech2Config
    change : callable, optional
        Augmentation: maps the samples of a recording, with a generator, to new samples.
    masks : Masks, optional
        Augmentation, too: hide parts of the spectrograms.
    """

    def __init__(self, config, change=None, masks=None):
        self.config, self.change, self.masks = config, change, masks
        self.features = Features(config)

    def __call__(self, utterance, needed, rng=None, cached=None):
        """Read an utterance.

        Parameters
        ----------
        utterance : Utterance
        needed : int
            Frames that its transcript needs; see `min_frames`.
        rng : Generator, optional
            Draws the augmentation; without it there is none.
        cached : ndarray of shape (T, F), optional
            Its features, if they are known.

        Returns
        -------
        features : ndarray of float32 of shape (T, F)
        suspect : dict of str to str
            Why the recording will hardly be recognised; see `describe_suspect`.

        Raises
        ------
        BadRecording
            If the recording cannot be read, does not have the stated duration, or is shorter than
            its transcript needs. The message names the recording and its line.
        """
        path, part, rate = utterance.audio_filepath, utterance.part, self.config.sample_rate
        x, suspect = None, {}

        def notice(sound):
            suspect.update(describe_suspect(describe(utterance), sound, rate))

        if self.change is not None and rng is not None:
            with _naming(utterance):
                sound = read_sound(path, rate, **part)
            notice(sound)
            self._check(utterance, needed, len(sound.samples) / rate)
            x = self.features(self.change(sound.samples, rng))
            if needed > self.config.out_lengths(len(x)):
                x = None  # it has become too fast for its transcript: use it unchanged
        if x is None:
            x = cached
            if x is None:
                with _naming(utterance):
                    x = self.features.read(path, notice, **part)
            size, stride = self.config.frame_sizes
            self._check(utterance, needed, ((len(x) - 1) * stride + size) / rate)
        if self.masks is not None and rng is not None:
            x = mask(x, rng, self.masks)
        return x, suspect

    def _check(self, utterance, needed, seconds):
        """Check the decoded length of a recording, for its transcript and the stated duration."""
        path, stated = utterance.audio_filepath, utterance.duration
        available = self.config.out_lengths(self.config.count_frames(seconds))
        if needed > available:
            misfit = describe_misfit(needed, available, path)
            raise BadRecording("long transcript", f"{_where(utterance)}{misfit}")
        if durations_differ(stated, seconds):
            difference = describe_difference(stated, seconds, path)
            raise BadRecording("wrong duration", f"{_where(utterance)}{difference}")


def describe(utterance):
    """Name an utterance: its recording, and its line in the manifest."""
    return f"{utterance.audio_filepath} ({utterance.where or 'no manifest'})"


def _where(utterance):
    return f"{utterance.where}: " if utterance.where else ""


@contextlib.contextmanager
def _naming(utterance):
    """Raise a UserError about a recording as a BadRecording that also names its line."""
    try:
        yield
    except UserError as error:
        raise BadRecording("unusable audio", f"{_where(utterance)}{error}") from None
