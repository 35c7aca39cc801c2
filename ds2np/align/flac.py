"""Utterances cut out of long recordings, each in a file of its own."""

from ds2np.audio import load_audio
from ds2np.files import make_folder, replacing


class FlacWriter:
    """Writes utterances as FLAC at the sampling rate of the network.

    Parameters
    ----------
    folder : Path
        Gets one file for each utterance: its recording's name and a number.
    sample_rate : int
        In hertz.
    channel : int, optional
        Of the recordings.
    """

    def __init__(self, folder, sample_rate, channel=None):
        make_folder(folder)
        self._folder, self._rate, self._channel = folder, sample_rate, channel

    def __call__(self, item, number):
        """Write an `Item`; return the path of its file."""
        import soundfile

        path = self._folder / f"{number:06d}_{item.recording.stem}.flac"
        samples, _ = load_audio(
            item.recording,
            self._rate,
            start=round(item.cut.start, 4),
            duration=round(item.seconds, 4),
            channel=self._channel,
        )
        with replacing(path, "wb") as file:
            soundfile.write(file, samples.clip(-1, 1), self._rate, "PCM_16", format="FLAC")
        return path
