"""Opening of audio files: any name, pipes, binary files, and headers that state no length."""

import io
import os
import re

from ds2np.errors import UserError

# libsndfile's log of a file that is shorter than its header says. Programs that write to a pipe
# cannot know the length and leave all ones in the header: such a file is not damaged.
CUT_CHUNK = re.compile(r"^ *(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)
UNKNOWN_LENGTH = 0x7FFFF000
CUT_OGG = re.compile("File ended unexpectedly|Last page lacks an end-of-stream bit")

# Some leave 0 in the header of a WAV file. Its samples begin where an empty file ends, or has the
# four letters of another chunk.
NO_LENGTH = re.compile(rb"data\0\0\0\0(?=(?![ -~]{4}).)", re.DOTALL)
ALL_ONES = b"data\xff\xff\xff\xff"


def name_of(file):
    """Return a printable name of a path or binary file for messages."""
    if isinstance(file, str | bytes | os.PathLike):
        return os.fsencode(file).decode("utf-8", "backslashreplace")
    if isinstance(file, io.TextIOBase) or not all(hasattr(file, n) for n in ("read", "seekable")):
        raise ValueError(f"expected a path or a binary file, got {type(file).__name__}")
    name = getattr(file, "name", None)
    return name_of(name) if isinstance(name, str | bytes) else "the audio"


def open_audio(file):
    """Open a recording once, as a `soundfile.SoundFile`.

    Parameters
    ----------
    file : str, bytes, Path or binary file
        A name need not be UTF-8. A binary file is read from its beginning, wherever it stands; a
        pipe, which cannot seek, is read to its end.

    Raises
    ------
    UserError
        If the file is missing, a folder, or not audio.
    ValueError
        If it is neither a path nor a binary file.
    """
    import soundfile

    try:
        source = _find_source(file)
        opened = soundfile.SoundFile(source)
        if not opened.frames and (data := _mark_unknown_length(source)):
            opened.close()
            opened = soundfile.SoundFile(io.BytesIO(data))
        return opened
    # TypeError: raw samples without a header.
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise UserError(describe_unreadable(name_of(file), error)) from None


def _find_source(file):
    """Return what soundfile can open: a name as bytes, or a binary file that can seek."""
    if not isinstance(file, str | bytes | os.PathLike):
        name_of(file)  # raises a ValueError for what is no file
        if not file.seekable():
            return io.BytesIO(file.read())
        file.seek(0)
        return file
    if os.path.isfile(file):
        path = os.fsencode(file)
        folder, base = os.path.split(path)
        # libsndfile takes any file for one of Sound Designer 2 if macOS's ._NAME stands beside it.
        beside = os.path.join(folder, b"._" + base)
        if os.path.exists(beside) and not base.lower().endswith(b".sd2"):
            with open(file, "rb") as opened:
                return io.BytesIO(opened.read())
        # From a string, soundfile opens only names that are UTF-8.
        return path if os.name == "posix" else os.fspath(file)
    if not os.path.exists(file):  # False for an impossible name, too
        raise UserError(f"{name_of(file)}: no such audio file")
    if os.path.isdir(file):
        raise UserError(f"{name_of(file)} is a folder; expected an audio file")
    with open(file, "rb") as pipe:
        return io.BytesIO(pipe.read())


def _mark_unknown_length(source):
    """Return the bytes of a WAV file whose header states no samples though some follow, or None.

    Its length is marked as unknown, so that libsndfile reads to the end.
    """
    if isinstance(source, str | bytes):
        with open(source, "rb") as file:
            data = file.read()
    else:
        source.seek(0)
        data = source.read()
    if data[:4] != b"RIFF" or not NO_LENGTH.search(data):
        return None
    return NO_LENGTH.sub(ALL_ONES, data, count=1)


def describe_cut(opened):
    """Return a clause that says how an open audio file ends early, or "" if it does not."""
    log = opened.extra_info
    for promised, found in CUT_CHUNK.findall(log):
        if int(found) < int(promised) < UNKNOWN_LENGTH:
            return f"its header promises {promised} bytes of audio, but the file holds {found}"
    return "its last page is missing" if CUT_OGG.search(log) else ""


def describe_unreadable(name, error):
    """Return the message for a file that is not audio, with libsndfile's reason."""
    reason = str(error).split(": ", 1)[-1].strip().rstrip(".")
    return f"{name} is not readable audio ({reason}); expected WAV, FLAC, OGG or MP3"
