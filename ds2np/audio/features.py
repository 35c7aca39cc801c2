"""Features, the network's input, of a whole recording or of a stream. Chapter 01 builds them.

The configuration selects the statistics for their normalisation:

=============  ====================================================================================
"utterance"    the utterance's own, computed here; the utterance must be complete
"corpus"       the training set's, in the network's first layer, `InputNorm`
"running"      those of the frames so far, starting from the corpus's, in the same layer
=============  ====================================================================================

In all three, the recording is power-normalised first: in "utterance" by the power of the whole, in
the other two by that of the frames so far, as in a stream. Its gain changes nothing.
"""

import numpy as np

from ds2np.audio.checks import check_samples
from ds2np.audio.frames import count_frames, frame_forward
from ds2np.audio.level import clip_power_forward, running_power_forward
from ds2np.audio.load import read_sound
from ds2np.audio.normalisation import normalise
from ds2np.audio.spectrogram import log_spectrogram
from ds2np.backend import get_array_module
from ds2np.errors import UserError
from ds2np.layers.streaming import TimeWindow

NORMALISATIONS = ("utterance", "corpus", "running")

# Of the computation: networks and caches of another version are not compatible. Version 1 was
# relative to full scale.
FEATURES_VERSION = 2


class Features:
    """Feature extraction with the settings of a `DeepSpeech2Config`.

    Raises
    ------
    UserError
        If the configuration names an unknown normalisation.

    Examples
    --------
    >>> features = Features(preset("tiny"))
    >>> features(samples).shape
    (99, 161)
    """

    def __init__(self, config):
        if config.normalisation not in NORMALISATIONS:
            raise UserError(
                f"unknown normalisation {config.normalisation!r}; "
                f"choose from {', '.join(NORMALISATIONS)}"
            )
        self.sample_rate, self.sizes = config.sample_rate, config.frame_sizes
        self.count = config.features
        self.by_utterance = config.normalisation == "utterance"
        self._spectrogram = {
            "sample_rate": config.sample_rate,
            "window_ms": config.window_ms,
            "stride_ms": config.stride_ms,
            "mels": config.mels or None,
        }

    @property
    def settings(self):
        """All settings that affect the values of the features, as plain values."""
        return [*self._spectrogram.values(), self.by_utterance]

    def spectrogram(self, samples):
        """Compute the log spectrogram of the power-normalised recording, (T, F)."""
        check_samples(samples)
        if not self.by_utterance:
            return self.continue_streams(samples[None])[0][0]
        level = None
        if count_frames(len(samples), *self.sizes):  # else `log_spectrogram` raises a UserError
            level, _ = clip_power_forward(frame_forward(samples, *self.sizes)[0])
            level = level.astype(float)  # rounding in float32 would differ from gain to gain
        return log_spectrogram(samples, **self._spectrogram, level=level)

    def continue_streams(self, samples, state=None):
        """Compute the features of the next windows of several streams.

        Parameters
        ----------
        samples : ndarray of shape (N, samples)
            From the beginning of the first window to the end of the last one.
        state : tuple, optional
            That of the windows before; see `running_power_forward`.

        Returns
        -------
        out : ndarray of shape (N, T, F)
        state : tuple

        Raises
        ------
        UserError
            If there are fewer samples than one window has.
        """
        size, stride = self.sizes
        xp, (N, count) = get_array_module(samples), samples.shape
        T = rows = count_frames(count, size, stride)
        sound = samples[0] if N == 1 else None
        if N > 1:  # one after another, and windows that belong to two of them are dropped
            rows = -(-count // stride)
            padded = xp.zeros((N, rows * stride), samples.dtype)
            padded[:, :count] = samples
            sound = padded.reshape(-1)
        level = None
        if T:  # else `log_spectrogram` raises a UserError
            sliding = xp.lib.stride_tricks.sliding_window_view(samples, size, axis=1)
            of_streams, _, state = running_power_forward(sliding[:, ::stride], state)
            level = xp.ones((N, rows))
            level[:, :T] = of_streams
            level = level.reshape(-1)[: count_frames(len(sound), size, stride)]
        out = log_spectrogram(sound, **self._spectrogram, level=level)
        if N == 1:
            return out[None], state
        first = rows * xp.arange(N)
        return out[first[:, None] + xp.arange(T)], state

    def __call__(self, samples):
        """Compute the features (T, F) of a whole recording at the configured sampling rate.

        Raises UserError if the sound is shorter than one window.
        """
        return self.normalise(self.spectrogram(samples))

    def normalise(self, spectrogram):
        """Normalise a log spectrogram by its mean and variance, unless the network does it."""
        return normalise(spectrogram) if self.by_utterance else spectrogram

    def read(self, path, notice=None, **part):
        """Compute the features (T, F) of an audio file as float32; errors name the file.

        A part of the file is given by the options of `read_sound`. ``notice`` is called with the
        `Sound`.
        """
        sound = read_sound(path, self.sample_rate, **part)
        if notice:
            notice(sound)
        try:
            return self(sound.samples)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None

    def stream(self):
        """Start a `FeatureStream`: chunks of any size give the features of the whole recording.

        Raises UserError if the normalisation is "utterance".
        """
        if self.by_utterance:
            raise UserError(
                'normalisation by "utterance" needs the whole recording; '
                'a network trained with "corpus" or "running" can process a stream'
            )
        return FeatureStream(self)


class FeatureStream:
    """Features of a sound that arrives in chunks; created by `Features.stream`."""

    def __init__(self, features):
        self._features = features
        self._windows = TimeWindow(*features.sizes, before=0, after=0, time_axis=0)
        self._rest = self._state = None

    def push(self, samples):
        """Add a chunk of samples and compute the features (T, F) of all windows now complete.

        T may be 0.
        """
        check_samples(samples)
        whole, self._rest = self._windows.push(samples, self._rest, last=False)
        if not len(whole):
            return np.zeros((0, self._features.count), samples.dtype)
        (out,), self._state = self._features.continue_streams(whole[None], self._state)
        return out

    def finish(self):
        """End the stream and return no frames (0, F); samples after the last window are dropped.

        Raises UserError if the sound was shorter than one window.
        """
        rest = np.zeros(0, np.float32) if self._rest is None else self._rest
        if self._state is None:
            self._features.spectrogram(rest)  # raises UserError
        return np.zeros((0, self._features.count), rest.dtype)
