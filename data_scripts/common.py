"""What the scripts that make manifests share."""

import importlib.util
import sys
from pathlib import Path

import soundfile

# A clone works without being installed, from any working directory.
if importlib.util.find_spec("ds2np") is None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ds2np.audio.load import describe_unreadable
from ds2np.data.manifest import write_manifest
from ds2np.errors import UserError

MAX_NAMED = 5


def run(main):
    """Run a script, reporting what the user can mend as one sentence.

    Exits with code 2 after a UserError and with code 130 after Ctrl-C.

    Parameters
    ----------
    main : callable
        Takes no arguments.
    """
    try:
        main()
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped before the end", file=sys.stderr)
        sys.exit(130)


def read_transcript(path):
    """Read a file of transcripts, each line a name and a text.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to str
        Texts in lower case, by the name of the recording.

    Raises
    ------
    UserError
        If a line is not a name and a text, or a name comes twice.
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
            raise UserError(f"{path}:{number}: {name} has no text; a line is NAME TEXT")
        if name in texts:
            raise UserError(f"{path}:{number}: {name} comes a second time; each has one line")
        texts[name] = " ".join(words).lower()
    return texts


def audio_duration(path):
    """Look up how long a recording is.

    Parameters
    ----------
    path : Path

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    UserError
        If it is no audio, or empty.
    """
    try:
        seconds = soundfile.info(path).duration
    except soundfile.LibsndfileError as error:
        raise UserError(describe_unreadable(path, error)) from None
    if seconds == 0:
        raise UserError(f"{path} holds no sample; a recording has to be longer than 0 seconds")
    return seconds


def warn_left_out(reason, files):
    """Say on stderr which files of a corpus are left out of its manifests, if any.

    Parameters
    ----------
    reason : str
    files : sequence of Path
        Of which the first few are named.
    """
    if files:
        named = ", ".join(str(file) for file in files[:MAX_NAMED])
        more = ", ..." if len(files) > MAX_NAMED else ""
        print(f"warning: left out {len(files)} {reason}: {named}{more}", file=sys.stderr)


def warn_unmatched(without_audio, without_text):
    """Say what of a corpus is left out because its transcripts and recordings do not match.

    Parameters
    ----------
    without_audio : sequence
        Names in the transcripts that no recording has.
    without_text : sequence of Path
        Recordings that no transcript names.
    """
    warn_left_out("transcripts without a recording", without_audio)
    warn_left_out("recordings without a transcript", without_text)


def save(path, utterances):
    """Write a manifest and print one line about it.

    Parameters
    ----------
    path : Path
    utterances : sequence of Utterance
    """
    write_manifest(path, utterances)
    print(f"{path}: {statistics(utterances)}")


def save_parts(folder, manifests):
    """Write the manifest of each part of a corpus, PART.jsonl.

    Parameters
    ----------
    folder : Path
    manifests : dict of str to sequence of Utterance
    """
    for part, utterances in manifests.items():
        save(folder / f"{part}.jsonl", utterances)


def statistics(utterances):
    """Sum up utterances in a line.

    Parameters
    ----------
    utterances : sequence of Utterance

    Returns
    -------
    str
    """
    seconds = sum(utterance.duration for utterance in utterances)
    length = f"{seconds / 3600:.2f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
    text = "".join(utterance.text for utterance in utterances)
    words = {word for utterance in utterances for word in utterance.text.split()}
    speakers = {utterance.speaker for utterance in utterances}
    return (
        f"{length}, {len(speakers)} speakers, {len(utterances)} utterances, "
        f"{len(text)} characters ({len(set(text))} distinct), {len(words)} distinct words"
    )
