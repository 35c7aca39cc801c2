"""A person's recordings in a folder of this machine, and the network that has learned from them.

=========================  ============================================
FOLDER/sentences.txt       what is read aloud, a sentence a line
FOLDER/recordings/07.wav   the last take of the seventh
FOLDER/speech.jsonl        the manifest of the recordings
FOLDER/network             the run folder of the adapted network
=========================  ============================================

Which sentences are recorded follows from the files, so that a lesson can go on another day.
"""

import contextlib
from pathlib import Path

from ds2np.data.manifest import Utterance, write_manifest
from ds2np.errors import UserError
from ds2np.files import make_folder, read_text, replacing
from ds2np.model.run_folder import RunFolder


class Lessons:
    """What somebody reads to a network.

    Parameters
    ----------
    folder : Path
        New, or that of earlier lessons, whose sentences stay.
    sentences : list of str
        For a new folder.

    Raises
    ------
    UserError
        If the folder holds something else, or cannot be created or read.
    """

    def __init__(self, folder, sentences):
        self.folder = Path(folder)
        self._text = self.folder / "sentences.txt"
        self._recordings = self.folder / "recordings"
        self.manifest = self.folder / "speech.jsonl"
        self.network, self.learning = self.folder / "network", self.folder / "network.partial"
        if not self._text.exists() and _holds_something(self.folder):
            raise UserError(f"{folder} holds something else; choose another folder")
        make_folder(self._recordings, "folder")
        if not self._text.exists():
            with replacing(self._text) as file:
                file.writelines(f"{sentence}\n" for sentence in sentences)
        self.sentences = read_text(self._text, "save it as UTF-8").splitlines()

    def path(self, number):
        """Return the file of a sentence's recording; sentences count from 0."""
        return self._recordings / f"{number + 1:02d}.wav"

    def recorded(self):
        """Return the numbers of the sentences that are recorded."""
        return [i for i in range(len(self.sentences)) if self.path(i).exists()]

    def keep(self, number, samples, rate):
        """Keep a take, in place of an earlier one."""
        import soundfile

        with replacing(self.path(number), "wb") as file:
            soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
        self._write_manifest()

    def delete(self):
        """Delete the recordings and the network that has learned from them."""
        for number in self.recorded():
            self.path(number).unlink()
        self.manifest.unlink(missing_ok=True)
        for run in (self.network, self.learning):
            delete_run(run)

    def discard_learning(self):
        """Delete what a training has left that did not come to its end."""
        delete_run(self.learning)

    def adopt(self):
        """Put the network that has just been trained in the place of an earlier one."""
        delete_run(self.network)
        self.learning.rename(self.network)

    def _write_manifest(self):
        import soundfile

        utterances = [
            Utterance(self.path(i), soundfile.info(self.path(i)).duration, self.sentences[i])
            for i in self.recorded()
        ]
        write_manifest(self.manifest, utterances)


def _holds_something(folder):
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def delete_run(folder):
    """Delete a run folder, if there is one."""
    if folder.exists():
        RunFolder(folder).delete()
        with contextlib.suppress(OSError):  # somebody has put something else there
            folder.rmdir()
