"""Helpers of the scripts that make manifests."""

import importlib.util
import sys
from pathlib import Path

import soundfile

# A clone works without being installed, from any working directory.
if importlib.util.find_spec("ds2np") is None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ds2np.audio.load import describe_unreadable
from ds2np.commands import program
from ds2np.data.manifest import write_manifest
from ds2np.errors import UserError

MAX_NAMED = 5


def run(main):
    """Run the `main` of a script and exit with its code; see `ds2np.commands.program.run`."""
    sys.exit(program.run(main))


def read_transcript(path):
    """Read a file of transcripts whose lines are NAME TEXT.

    Returns
    -------
    dict of str to str
        Lower-case texts, by the name of the recording.

    Raises
    ------
    UserError
        If a line has no text, a name appears twice, or the file is not UTF-8 text.
    """
    texts = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text") from None
    for number, line in enumerate(lines, start=1):
        name, *words = line.split() or [None]
        if name is None:
            continue
        if not words:
            raise UserError(f"{path}:{number}: {name} has no text; expected NAME TEXT")
        if name in texts:
            raise UserError(f"{path}:{number}: {name} appears twice; remove one of the lines")
        texts[name] = " ".join(words).lower()
    return texts


def audio_duration(path):
    """Return the seconds of a recording; raise a UserError if it is not audio, or empty."""
    try:
        seconds = soundfile.info(path).duration
    except soundfile.LibsndfileError as error:
        raise UserError(describe_unreadable(path, error)) from None
    if seconds == 0:
        raise UserError(f"{path} holds no samples; expected a recording longer than 0 seconds")
    return seconds


def warn_left_out(reason, files):
    """Print how many files a manifest leaves out and why, with the names of the first few."""
    if files:
        named = ", ".join(str(file) for file in files[:MAX_NAMED])
        more = ", ..." if len(files) > MAX_NAMED else ""
        print(f"warning: left out {len(files)} {reason}: {named}{more}", file=sys.stderr)


def warn_unmatched(without_audio, without_text):
    """Print which transcripts have no recording, and which recordings no transcript."""
    warn_left_out("transcripts without a recording", without_audio)
    warn_left_out("recordings without a transcript", without_text)


def save(path, utterances):
    """Write a manifest and print one line about it."""
    write_manifest(path, utterances)
    print(f"{path}: {statistics(utterances)}")


def save_parts(folder, manifests):
    """Write the manifest of each part of a corpus, PART.jsonl."""
    for part, utterances in manifests.items():
        save(folder / f"{part}.jsonl", utterances)


def statistics(utterances):
    """Describe utterances in one line."""
    seconds = sum(utterance.duration for utterance in utterances)
    length = f"{seconds / 3600:.2f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
    text = "".join(utterance.text for utterance in utterances)
    words = {word for utterance in utterances for word in utterance.text.split()}
    speakers = {utterance.speaker for utterance in utterances}
    return (
        f"{length}, {len(speakers)} speakers, {len(utterances)} utterances, "
        f"{len(text)} characters ({len(set(text))} distinct), {len(words)} distinct words"
    )
