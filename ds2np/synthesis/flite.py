"""Text to speech with the program flite, whose voices are built from recordings of people.

The voices: awb, a man of Scotland; kal16 and rms, men of America; slt, a woman of America. Of the
others that the program has, one speaks at 8 kHz and one tells only the time.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ds2np.errors import UserError

VOICES = ("awb", "kal16", "rms", "slt")
WORDS_PER_MINUTE = 165  # at its own tempo
HOW_TO_GET_IT = "apt install flite (Debian, Ubuntu) or brew install flite (macOS)"


class Flite:
    """A speaker of sentences; ``version`` is that of the program.

    Raises
    ------
    UserError
        If the program is missing.
    """

    def __init__(self):
        self._program = find_program()
        about = subprocess.run([self._program, "--version"], capture_output=True, text=True)
        self.version = re.search(r"flite-\S+|$", about.stdout).group()

    def say(self, text, voice, rate, pitch=50, pitch_range=50):
        """Speak a text; as `Espeak.say`, with the pitch of the voice, which cannot be changed.

        voice : str, such as "flite:slt".
        """
        import soundfile

        name = voice.removeprefix("flite:")
        if name not in VOICES:
            raise UserError(f'flite has no voice "{name}"; choose from {", ".join(VOICES)}')
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            slower = f"duration_stretch={WORDS_PER_MINUTE / rate:.4f}"
            command = [self._program, "-voice", name, "--setf", slower, "-t", text, "-o", path]
            ended = subprocess.run(command, capture_output=True, text=True)
            if ended.returncode or not path.exists():
                raise UserError(f'flite could not speak "{text}": {ended.stderr.strip()[:200]}')
            return soundfile.read(path, dtype="float32")


def find_program():
    """Return the path of the program; a UserError says how to get it."""
    if program := shutil.which("flite"):
        return program
    raise UserError(f"the speech program flite is missing; get it with {HOW_TO_GET_IT}")
