"""Download subsets of LibriSpeech, or index an existing copy; each subset gets a manifest.

A subset, such as train-clean-100, holds SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt and, beside it,
the recordings as .flac or .wav. Other corpora of this layout can be indexed, too.
"""

from collections import defaultdict

from common import audio_duration, read_transcript, run, save, warn_unmatched
from corpus import Archive, corpus_folders, corpus_parser
from tqdm import tqdm

from ds2np.data.manifest import Utterance
from ds2np.errors import UserError

AUDIO_SUFFIXES = (".flac", ".wav")
FOLDER = "LibriSpeech"  # at the top of every archive
DEFAULT = ("train-clean-5", "dev-clean-2")

# Open Speech and Language Resources: 12 is LibriSpeech, 31 is Mini LibriSpeech. The checksums are
# from the md5sum.txt of each.
RESOURCES = "https://www.openslr.org/resources"
SUBSETS = {
    "train-clean-5": (31, "5df7d4e78065366204ca6845bb08f490"),
    "dev-clean-2": (31, "6d7ab67ac6a1d2c993d050e16d61080d"),
    "train-clean-100": (12, "2a93770f6d5c6c964bc36631d331a522"),
    "train-clean-360": (12, "c0e676e450a7ff2f54aeade5171606fa"),
    "train-other-500": (12, "d1a0fd59409feb2c614ce4d30c387708"),
    "dev-clean": (12, "42e2234ba48799c1f50f24a7926300a1"),
    "dev-other": (12, "c8d0bcc9cca99d4f8b62fcc847357931"),
    "test-clean": (12, "32fa31d27d2e1cad72775fee3f4849a9"),
    "test-other": (12, "fb5a50374b501bb3bac4815ee91d3135"),
}


def subset_archive(name):
    """Return the Archive of a subset; raise a UserError if there is no such subset."""
    if name not in SUBSETS:
        raise UserError(f"--subsets: there is no {name}; choose from {', '.join(SUBSETS)}")
    number, md5 = SUBSETS[name]
    return Archive(f"{RESOURCES}/{number}/{name}.tar.gz", f"{FOLDER}/{name}", md5)


def find_subsets(root):
    """Find the transcripts of all subsets.

    Parameters
    ----------
    root : Path
        A subset, or a folder that holds subsets.

    Returns
    -------
    dict of Path to list of Path
        The transcripts, by the folder of the subset.

    Raises
    ------
    UserError
        If there is no subset, or two have the same name.
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
            raise UserError(
                f"{other} and {subset} have the same name; index one at a time with --root"
            )
    return dict(subsets)


def index(subset, transcripts):
    """Match the transcripts of a subset with its recordings.

    Returns
    -------
    utterances : list of Utterance
    without_audio : list of Path
        Missing recordings, named in the transcripts.
    without_text : list of Path
        Recordings without a transcript.

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


def choose(subsets, names):
    """Pick subsets by name, in the order of the names; raise a UserError if one is missing."""
    by_name = {subset.name: subset for subset in subsets}
    for name in names:
        if name not in by_name:
            found = ", ".join(sorted(by_name))
            raise UserError(f"--subsets: {name} is not in the corpus, which holds {found}")
    return {by_name[name]: subsets[by_name[name]] for name in names}


def main():
    """Write the manifests requested on the command line."""
    parser = corpus_parser(__doc__, "an unpacked corpus")
    parser.add_argument(
        "--subsets",
        nargs="+",
        metavar="NAME",
        help=f"subsets to use (default: all of --root, or to download the small "
        f"{' and '.join(DEFAULT)}); choose from {', '.join(SUBSETS)}",
    )
    args = parser.parse_args()
    names = args.subsets or (DEFAULT if args.root is None else None)
    archives = [subset_archive(name) for name in names] if args.root is None else []
    root, out = corpus_folders(args, archives, FOLDER)
    subsets = find_subsets(root)
    for subset, transcripts in (choose(subsets, names) if names else subsets).items():
        utterances, without_audio, without_text = index(subset, transcripts)
        warn_unmatched(without_audio, without_text)
        save(out / f"{subset.name}.jsonl", utterances)


if __name__ == "__main__":
    run(main)
