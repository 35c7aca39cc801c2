"""Index the data folders of a Kaldi recipe, such as data/train; each of them gets a manifest.

Such a folder holds wav.scp, which names a file for each recording, and text, the transcripts. It
may hold utt2spk, the speakers, and segments, the places of the utterances in long recordings. There
is nothing to download.
"""

import shlex
from pathlib import Path, PurePosixPath

from common import read_lengths, run, save, warn_left_out, warn_unmatched
from corpus import choose, index_folders, index_parser
from texts import read_names

from ds2np.data.manifest import Utterance
from ds2np.errors import UserError

# Commands of wav.scp that decode one file to WAV, with the words that choose no part of it.
DECODERS = {
    "cat": (),
    "flac": ("-c", "-d", "-s", "-cd", "-dc", "-cds", "-dcs", "--stdout", "--decode", "--silent"),
    "sox": ("-t", "wav", "flac", "mp3", "sph", "-"),
    "sph2pipe": ("-f", "wav", "-p"),
}
OVERSHOOT = 0.5  # seconds that a segment may end after its recording, as in Kaldi


def decoded_file(entry, where):
    """Return the file that an entry of wav.scp names, or that its command decodes as a whole.

    Raises a UserError for a command that does anything else.
    """
    if not entry.endswith("|"):
        return entry
    try:
        program, *words = shlex.split(entry[:-1])
    except ValueError:  # no command, or a quotation mark without its partner
        program, words = "", []
    harmless = DECODERS.get(PurePosixPath(program).name, words)
    files = [word for word in words if word not in harmless]
    if len(files) != 1 or files[0].startswith("-"):
        raise UserError(
            f"{where}: commands are not run; expected a file, or the command by which "
            f"{', '.join(DECODERS)} decodes one as a whole, found {entry}"
        )
    return files[0]


def locate(file, folder):
    """Find a relative file, as Kaldi from the working directory, or from where the recipe runs.

    That is one of the folders above data/train. Returns a Path even if there is no such file.
    """
    places = [Path(), folder, *folder.parents]
    return next((place / file for place in places if (place / file).is_file()), folder / file)


def read_segments(path):
    """Read where in the recordings the utterances are.

    Returns
    -------
    dict of str to (str, float, float)
        Recording, start and end in seconds, by utterance; -1 is the end of the recording.

    Raises
    ------
    UserError
        If a line is malformed, or an utterance appears twice.
    """
    segments = {}
    for name, (where, rest) in read_names(path).items():
        try:
            recording, start, end = rest.split()
            segments[name] = recording, float(start), float(end)
        except ValueError:
            raise UserError(
                f"{where}: found {name} {rest}; expected UTTERANCE RECORDING START END"
            ) from None
    return segments


def find_subsets(root):
    """Return the data folders by name: `root` itself, or those in it; raise UserError if none."""
    folders = [
        folder
        for folder in (root, *sorted(root.iterdir()))
        if (folder / "wav.scp").is_file() and (folder / "text").is_file()
    ]
    if not folders:
        raise UserError(
            f"{root} and the folders in it hold no wav.scp with a file text beside it; give "
            f"--root a folder such as data/train, or data"
        )
    return {folder.name: folder for folder in (folders[:1] if folders[0] == root else folders)}


def index(folder):
    """Make the utterances of a data folder; print warnings about what is left out.

    Returns
    -------
    list of Utterance
        Those of segments have their start as ``offset``, in seconds.

    Raises
    ------
    UserError
        If a line is malformed, nothing matches, or nearly all recordings are unusable.
    """
    files = {
        name: locate(decoded_file(entry, where), folder)
        for name, (where, entry) in read_names(folder / "wav.scp").items()
    }
    speakers = _read_optional(folder / "utt2spk", read_names)
    segments = _read_optional(folder / "segments", read_segments)
    places = segments or {name: (name, 0.0, -1.0) for name in files}
    texts = read_names(folder / "text")
    found, without_text, without_audio = [], [], []
    for name, (_, text) in texts.items():
        recording, start, end = places.get(name, (None, 0.0, -1.0))
        if not text:
            without_text.append(name)
        elif recording not in files:
            without_audio.append(name)
        else:
            speaker = speakers.get(name, ("", ""))[1]
            text = " ".join(text.split())
            found.append((name, files[recording], start, end, text, speaker))
    warn_left_out("utterances without a text", without_text)
    warn_unmatched(without_audio, [name for name in places if name not in texts])
    if not found:
        raise UserError(f"{folder}: no utterance of text has a recording in wav.scp")
    seconds = read_lengths((path for _, path, *_ in found), folder.name)
    utterances, lost, outside = [], [], []
    for name, path, start, end, text, speaker in found:
        length = seconds.get(path, 0.0)
        if end == -1 or length < end <= length + OVERSHOOT:
            end = length
        if path not in seconds:
            lost.append(name)
        elif not 0 <= start < end <= length:
            outside.append(name)
        else:
            offset = round(start, 4) if segments else None
            utterances.append(Utterance(path, end - start, text, speaker, offset=offset))
    warn_left_out("segments of unusable recordings", lost if segments else [])
    warn_left_out("segments outside their recording", outside)
    if not utterances:
        raise UserError(f"{folder}: no segment lies within its recording")
    return utterances


def _read_optional(path, read):
    return read(path) if path.is_file() else {}


def main():
    """Write the manifests requested on the command line."""
    parser = index_parser(__doc__, "a data folder, or the folder that holds them", "all")
    args = parser.parse_args()
    root, out = index_folders(args)
    for name, folder in choose(find_subsets(root), args.subsets).items():
        save(out / f"{name}.jsonl", index(folder))


if __name__ == "__main__":
    run(main)
