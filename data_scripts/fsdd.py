"""Download the Free Spoken Digit Dataset, or index an existing copy.

Its official split: the recordings with index 0 to 4 of each digit and speaker are the test set.
Transcripts are words, "seven", or with --numerals symbols of their own, "7": a recording of a fifth
of a second has eight output frames, and a word of five letters needs most of them.
"""

import re

from common import find_recordings, make_utterances, run, save_parts, warn_left_out
from corpus import Archive, corpus_folders, corpus_parser

from ds2np.errors import UserError

# The version with six speakers. Its archive is generated on demand, and has no published checksum.
ARCHIVE = Archive(
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz",
    "free-spoken-digit-dataset-1.0.10",
)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NUMERALS = "0123456789"
RECORDING = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<index>\d+)")
TEST, DEV = range(5), (5, 25)  # indices


def index(root, names=DIGITS, dev=()):
    """Find the recordings in a folder and its subfolders.

    Parameters
    ----------
    root : Path
    names : sequence of str
        Transcript of each digit.
    dev : collection of int
        Indices of the recordings that are set aside.

    Returns
    -------
    manifests : dict of str to list of Utterance
        The utterances of "train" and "test", and with `dev` of "dev".
    strangers : list of Path
        The recordings whose name has another pattern.
    repeated : list of Path
        The recordings whose name another one has, too.

    Raises
    ------
    UserError
        If there is no recording to train or to test with, or none to set aside, or nearly all are
        unusable.
    """
    found = {part: [] for part in (("train", "dev", "test") if dev else ("train", "test"))}
    known, strangers, repeated = set(), [], []
    for name, path in find_recordings(root).items():
        match = RECORDING.fullmatch(name.name)
        if match is None:
            strangers.append(path)
        elif name.name in known:
            repeated.append(path)
        else:
            known.add(name.name)
            i = int(match["index"])
            part = "test" if i in TEST else "dev" if i in dev else "train"
            found[part].append((path, names[int(match["digit"])], match["speaker"]))
    if not all(found.values()):
        aside = f", {len(found['dev'])} to set aside" if dev else ""
        raise UserError(
            f"{root} holds {len(found['train'])} recordings such as 7_jackson_32.wav for "
            f"training{aside} and {len(found['test'])} for testing; give --root the whole dataset"
        )
    manifests = {part: make_utterances(those, part) for part, those in found.items()}
    return manifests, strangers, repeated


def main():
    """Write the manifests requested on the command line."""
    parser = corpus_parser(__doc__, "the unpacked dataset")
    parser.add_argument("--numerals", action="store_true", help='write "7", not "seven"')
    text = "set aside those with index 5 and 25, to choose a network with"
    parser.add_argument("--dev", action="store_true", help=text)
    args = parser.parse_args()
    root, out = corpus_folders(args, [ARCHIVE], ARCHIVE.folder)
    names = NUMERALS if args.numerals else DIGITS
    manifests, strangers, repeated = index(root, names, DEV if args.dev else ())
    warn_left_out("files not named DIGIT_SPEAKER_INDEX.wav", strangers)
    warn_left_out("files with the name of another one", repeated)
    save_parts(out, manifests)


if __name__ == "__main__":
    run(main)
