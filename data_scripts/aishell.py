"""Download AISHELL-1, Mandarin read by 400 speakers, or index an existing copy.

It holds wav/PART/SPEAKER/NAME.wav and one transcript, in which spaces separate Chinese words. The
spaces are removed: each character is a symbol of its own, and spaces are not spoken.
"""

from common import audio_duration, read_transcript, run, save_parts, warn_unmatched
from corpus import Archive, corpus_folders, corpus_parser
from tqdm import tqdm

from ds2np.data.manifest import Utterance
from ds2np.errors import UserError

# The checksum of data_aishell.tgz in the recipes of several toolkits.
ARCHIVE = Archive(
    "https://www.openslr.org/resources/33/data_aishell.tgz",
    "data_aishell",
    "2f494334227864a8a8fec932999db9d8",
    inner="data_aishell/wav/*.tar.gz",
)
PARTS = ("train", "dev", "test")
TRANSCRIPT = "transcript/aishell_transcript_v0.8.txt"


def index(root):
    """Match the transcript with the recordings below `root`, which holds wav and transcript.

    Returns
    -------
    manifests : dict of str to list of Utterance
        The utterances of "train", "dev" and "test".
    without_audio : list of str
        Names in the transcript without a recording.
    without_text : list of Path
        Recordings without a transcript.

    Raises
    ------
    UserError
        If a file is missing, the transcript is malformed, or a recording is not audio.
    """
    if not (root / TRANSCRIPT).is_file():
        raise UserError(f"{root / TRANSCRIPT} is missing; give --root the folder data_aishell")
    texts = read_transcript(root / TRANSCRIPT)
    manifests, without_text = {part: [] for part in PARTS}, []
    for part in PARTS:
        recordings = sorted((root / "wav" / part).glob("*/*.wav"))
        for path in tqdm(recordings, desc=part, unit="file", leave=False):
            text = texts.pop(path.stem, None)
            if text is None:
                without_text.append(path)
                continue
            text = text.replace(" ", "")
            manifests[part].append(Utterance(path, audio_duration(path), text, path.parent.name))
        if not manifests[part]:
            raise UserError(
                f"{root / 'wav' / part} holds no SPEAKER/NAME.wav that the transcript names; the "
                f"archives in {root / 'wav'} have to be unpacked as well, each in its own place"
            )
    return manifests, list(texts), without_text


def main():
    """Write the manifests requested on the command line."""
    args = corpus_parser(__doc__, "the unpacked data_aishell").parse_args()
    root, out = corpus_folders(args, [ARCHIVE], ARCHIVE.folder)
    manifests, without_audio, without_text = index(root)
    warn_unmatched(without_audio, without_text)
    save_parts(out, manifests)


if __name__ == "__main__":
    run(main)
