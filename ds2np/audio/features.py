"""Features: what the network reads of a sound, from a whole recording or from a stream.

Chapter 01 builds them step by step. Normalisation is a choice of the configuration:

=============  ====================================================================================
"utterance"    by the utterance's own statistics, here: it has to be complete first
"corpus"       by those of the training set, in the network's first layer, `InputNorm`
"running"      by those of what was heard so far, beginning with the corpus's, in the same layer
=============  ====================================================================================
"""

import numpy as np

from ds2np.audio.load import load_audio
from ds2np.audio.normalisation import normalise
from ds2np.audio.spectrogram import log_spectrogram
from ds2np.errors import UserError
from ds2np.layers.streaming import TimeWindow

NORMALISATIONS = ("utterance", "corpus", "running")


class Features:
    """Compute features as a configuration has it.

    Parameters
    ----------
    config : DeepSpeech2Config

    Raises
    ------
    UserError
        If there is no such normalisation.

    Examples
    --------
    >>> features = Features(preset("tiny"))
    >>> features(samples).shape
    (99, 161)
    """

    def __init__(self, config):
        if config.normalisation not in NORMALISATIONS:
            raise UserError(
                f"no normalisation {config.normalisation!r}; choose {', '.join(NORMALISATIONS)}"
            )
        self.sample_rate, self.sizes, self.count = (
            *(config.sample_rate, config.frame_sizes, config.features),
        )
        self.by_utterance = config.normalisation == "utterance"
        self._spectrogram = {
            "sample_rate": config.sample_rate,
            "window_ms": config.window_ms,
            "stride_ms": config.stride_ms,
            "mels": config.mels or None,
        }

    @property
    def settings(self):
        """All that decides about the numbers, as plain values."""
        return [*self._spectrogram.values(), self.by_utterance]

    def spectrogram(self, samples):
        """Compute the log spectrogram before any normalisation; see `log_spectrogram`."""
        return log_spectrogram(samples, **self._spectrogram)

    def __call__(self, samples):
        """Compute the features of a whole recording.

        Parameters
        ----------
        samples : ndarray of shape (samples,)
            At the sampling rate of the configuration.

        Returns
        -------
        ndarray of shape (T, F)

        Raises
        ------
        UserError
            If the sound is shorter than one window.
        """
        return self.normalise(self.spectrogram(samples))

    def normalise(self, spectrogram):
        """Normalise a log spectrogram where that is not the network's task."""
        return normalise(spectrogram) if self.by_utterance else spectrogram

    def read(self, path):
        """Compute the features of a file; errors name it.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        ndarray of float32 of shape (T, F)
        """
        samples, _ = load_audio(path, self.sample_rate)
        try:
            return self(samples)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None

    def stream(self):
        """Begin a stream, whose pieces of any size give what the whole recording gives.

        Returns
        -------
        FeatureStream

        Raises
        ------
        UserError
            If the normalisation is "utterance".
        """
        if self.by_utterance:
            raise UserError(
                'the normalisation "utterance" needs the whole recording; '
                'a network trained with "corpus" or "running" can read a stream'
            )
        return FeatureStream(self)


class FeatureStream:
    """Features of a sound that comes in pieces; made by `Features.stream`."""

    def __init__(self, features):
        self._features = features
        self._windows = TimeWindow(*features.sizes, before=0, after=0, time_axis=0)
        self._rest, self._started = None, False

    def push(self, samples):
        """Compute the features of all windows that are complete now.

        Parameters
        ----------
        samples : ndarray of shape (samples,)
            The next ones, as many as there are.

        Returns
        -------
        ndarray of shape (T, F)
            Possibly of no frame.
        """
        whole, self._rest = self._windows.push(samples, self._rest, last=False)
        if not len(whole):
            return np.zeros((0, self._features.count), samples.dtype)
        self._started = True
        return self._features.spectrogram(whole)

    def finish(self):
        """End the stream; samples behind the last whole window are left out.

        Returns
        -------
        ndarray of shape (0, F)

        Raises
        ------
        UserError
            If the sound was shorter than one window.
        """
        rest = np.zeros(0, np.float32) if self._rest is None else self._rest
        if not self._started:
            self._features.spectrogram(rest)  # says so
        return np.zeros((0, self._features.count), rest.dtype)
