"""Download the Free Spoken Digit Dataset, or index an existing copy.

Its official split: the recordings with index 0 to 4 of each digit and speaker are the test set.
"""

import re

from common import audio_duration, run, save_parts, warn_left_out
from corpus import Archive, corpus_folders, corpus_parser
from tqdm import tqdm

from ds2np.data.manifest import Utterance
from ds2np.errors import UserError

# The version with six speakers. Its archive is generated on demand, and has no published checksum.
ARCHIVE = Archive(
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz",
    "free-spoken-digit-dataset-1.0.10",
)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RECORDING = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<index>\d+)\.wav")
TEST_INDICES = range(5)


def index(root):
    """Find the recordings in a folder and its subfolders.

    Returns
    -------
    manifests : dict of str to list of Utterance
        The utterances of "train" and "test".
    strangers : list of Path
        The .wav files whose name has another pattern.

    Raises
    ------
    UserError
        If there is no recording to train or to test with, or one is not audio.
    """
    manifests, strangers = {"train": [], "test": []}, []
    for path in tqdm(sorted(root.rglob("*.wav")), desc="reading", unit="file", leave=False):
        match = RECORDING.fullmatch(path.name)
        if match is None:
            strangers.append(path)
            continue
        part = "test" if int(match["index"]) in TEST_INDICES else "train"
        text = DIGITS[int(match["digit"])]
        manifests[part].append(Utterance(path, audio_duration(path), text, match["speaker"]))
    if not all(manifests.values()):
        raise UserError(
            f"{root} holds {len(manifests['train'])} recordings such as 7_jackson_32.wav for "
            f"training and {len(manifests['test'])} for testing; give --root the whole dataset"
        )
    return manifests, strangers


def main():
    """Write the manifests requested on the command line."""
    args = corpus_parser(__doc__, "the unpacked dataset").parse_args()
    root, out = corpus_folders(args, [ARCHIVE], ARCHIVE.folder)
    manifests, strangers = index(root)
    warn_left_out("files not named DIGIT_SPEAKER_INDEX.wav", strangers)
    save_parts(out, manifests)


if __name__ == "__main__":
    run(main)
