"""Index an unpacked corpus in the layout of LibriSpeech, a manifest for each subset.

A subset, such as train-clean-100, holds SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt and, beside it,
the recordings as .flac or .wav.
"""

from collections import defaultdict

from common import audio_duration, corpus_folders, indexing_parser, run, save, warn_left_out
from tqdm import tqdm

from ds2np.data.manifest import Utterance
from ds2np.errors import UserError

AUDIO_SUFFIXES = (".flac", ".wav")


def find_subsets(root):
    """Find the transcripts of all subsets.

    Parameters
    ----------
    root : Path
        A subset, or a folder that holds subsets.

    Returns
    -------
    dict of Path to list of Path
        The transcripts of each subset's folder.

    Raises
    ------
    UserError
        If there is none, or subsets share a name.
    """
    subsets = defaultdict(list)
    for transcript in sorted(root.rglob("*.trans.txt")):
        subset = transcript.parents[2]
        if subset.is_relative_to(root):
            subsets[subset].append(transcript)
    if not subsets:
        raise UserError(
            f"{root} holds no SPEAKER/CHAPTER/*.trans.txt; give --root the folder that holds "
            f"train-clean-100, dev-clean and so on"
        )
    by_name = {}
    for subset in subsets:
        other = by_name.setdefault(subset.name, subset)
        if other != subset:
            raise UserError(f"{other} and {subset} share a name; index one at a time with --root")
    return dict(subsets)


def read_transcript(path):
    """Read what is said in a chapter.

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


def index(subset, transcripts):
    """Match the transcripts of a subset with its recordings.

    Parameters
    ----------
    subset : Path
    transcripts : sequence of Path

    Returns
    -------
    utterances : list of Utterance
    without_audio : list of Path
        Recordings that the transcripts name and that are not there.
    without_text : list of Path
        Recordings that no transcript names.

    Raises
    ------
    UserError
        If a transcript is malformed, a recording is not audio, or nothing matches.
    """
    recordings = {
        path.with_suffix(""): path
        for suffix in AUDIO_SUFFIXES
        for path in subset.rglob(f"*{suffix}")
    }
    utterances, without_audio = [], []
    for transcript in tqdm(transcripts, desc=subset.name, unit="chapter", leave=False):
        for name, text in read_transcript(transcript).items():
            path = recordings.pop(transcript.parent / name, None)
            if path is None:
                without_audio.append(transcript.parent / name)
                continue
            speaker = transcript.parents[1].name
            utterances.append(Utterance(path, audio_duration(path), text, speaker))
    if not utterances:
        raise UserError(
            f"{subset} holds no recording that its transcripts name; the first would be "
            f"{without_audio[0]}.flac or .wav"
        )
    return utterances, without_audio, sorted(recordings.values())


def main():
    """Write the manifests that the command line asks for."""
    args = indexing_parser(__doc__.splitlines()[0], "the unpacked corpus").parse_args()
    root, out = corpus_folders(args)
    for subset, transcripts in find_subsets(root).items():
        utterances, without_audio, without_text = index(subset, transcripts)
        warn_left_out("transcripts without a recording", without_audio)
        warn_left_out("recordings without a transcript", without_text)
        save(out / f"{subset.name}.jsonl", utterances)


if __name__ == "__main__":
    run(main)
