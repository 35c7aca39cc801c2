"""A stream with a network of its own: sound in, text out."""

from ds2np.streaming.network import run_pieces


class Stream:
    """What is said while somebody still speaks; created by `Recogniser.stream`.

    Examples
    --------
    >>> stream = recogniser.stream(sample_rate=48000)
    >>> for samples in microphone:
    ...     for transcript in stream.push(samples):
    ...         print(transcript.text)
    ...     print("so far:", stream.text)
    >>> stream.finish()
    """

    def __init__(self, model, features, session):
        self._model, self._features, self._session = model, features, session

    @property
    def text(self):
        """The present utterance so far, which may yet change."""
        return self._session.text

    def push(self, samples):
        """Add some sound; return a list with the `Transcript` of each utterance that has ended.

        Parameters
        ----------
        samples : ndarray of float of shape (n,)
            Any number of samples of one channel, full scale 1.

        Raises
        ------
        UserError
            If samples are NaN, infinite or impossibly large.
        ValueError
            If they are not floats of shape (n,).
        """
        self._session.push(samples)
        return self._run()

    def finish(self):
        """End the stream; return the list of its last transcripts."""
        self._session.finish()
        return self._run()

    def _run(self):
        transcripts = []
        while piece := self._session.take():
            ((log_probs, state),) = run_pieces(self._model, self._features, [piece])
            transcripts.append(self._session.give(piece, log_probs, state))
        return [transcript for transcript in transcripts if transcript]
