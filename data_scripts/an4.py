"""Download CMU's AN4, spelt-out addresses and numbers, or index an existing copy.

Its recordings come as NIST .sph, as .wav, or as .raw: big-endian samples without a header.
"""

import re

import soundfile
from common import audio_duration, run, save_parts, warn_unmatched
from corpus import Archive, corpus_folders, corpus_parser
from tqdm import tqdm

from ds2np.data.manifest import Utterance
from ds2np.errors import UserError
from ds2np.files import make_folder, replacing

# CMU's own page, www.speech.cs.cmu.edu/databases/an4, is often unreachable; this is the copy that
# NVIDIA's NeMo uses. No checksum is published.
ARCHIVE = Archive("https://dldata-public.s3.us-east-2.amazonaws.com/an4_sphere.tar.gz", "an4")

PARTS = ("train", "test")
AUDIO_SUFFIXES = (".raw", ".sph", ".wav")  # of two with the same name, the later one is used
RAW = {"samplerate": 16_000, "channels": 1, "format": "RAW", "subtype": "PCM_16", "endian": "BIG"}
LINE = re.compile(r"(?P<text>.*)\((?P<name>\w+-(?P<speaker>\w+)-\w+)\)")
MARK = re.compile(r"</?\w+>")  # <s> begins and </s> ends an utterance


def read_transcription(path):
    """Read one of the two files of transcripts.

    Its lines are such as "<s> YES </s> (an89-fash-b)"; those of the test set have no marks.

    Returns
    -------
    dict of str to (str, str)
        Lower-case text and speaker, by the name of the recording.

    Raises
    ------
    UserError
        If the file is missing, a line is malformed, or a name appears twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing; give --root the folder that holds etc and wav"
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text") from None
    found = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = LINE.fullmatch(line.strip())
        words = MARK.sub(" ", match["text"]).lower().split() if match else None
        if not words:
            raise UserError(
                f"{path}:{number}: found {line.strip()}; expected TEXT (NUMBER-SPEAKER-b)"
            )
        if match["name"] in found:
            raise UserError(
                f"{path}:{number}: {match['name']} appears twice; remove one of the lines"
            )
        found[match["name"]] = " ".join(words), match["speaker"]
    return found


def convert_raw(path, folder):
    """Convert a .raw recording, which has no header, to a .wav file in `folder`."""
    make_folder(folder, "--out")
    samples, rate = soundfile.read(path, dtype="int16", **RAW)
    target = folder / f"{path.stem}.wav"
    with replacing(target, "wb") as file:
        soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return target


def index(root, out):
    """Match the transcripts with the recordings.

    Parameters
    ----------
    root : Path
        Holds etc and wav.
    out : Path
        Receives the .wav files converted from .raw recordings.

    Returns
    -------
    manifests : dict of str to list of Utterance
        The utterances of "train" and "test".
    without_audio : list of str
        Names in the transcripts without a recording.
    without_text : list of Path
        Recordings without a transcript.

    Raises
    ------
    UserError
        If a transcript is malformed, a recording is not audio, or nothing matches.
    """
    recordings = {
        path.stem: path for suffix in AUDIO_SUFFIXES for path in (root / "wav").rglob(f"*{suffix}")
    }
    manifests, without_audio = {part: [] for part in PARTS}, []
    for part in PARTS:
        transcription = read_transcription(root / "etc" / f"an4_{part}.transcription")
        for name, (text, speaker) in tqdm(transcription.items(), desc=part, leave=False):
            path = recordings.pop(name, None)
            if path is None:
                without_audio.append(name)
                continue
            if path.suffix == ".raw":
                path = convert_raw(path, out / "converted")
            manifests[part].append(Utterance(path, audio_duration(path), text, speaker))
        if not manifests[part]:
            raise UserError(f"{root / 'wav'} holds no recording that the {part} transcripts name")
    return manifests, without_audio, sorted(recordings.values())


def main():
    """Write the manifests requested on the command line."""
    args = corpus_parser(__doc__, "the unpacked an4").parse_args()
    root, out = corpus_folders(args, [ARCHIVE], ARCHIVE.folder)
    manifests, without_audio, without_text = index(root, out)
    warn_unmatched(without_audio, without_text)
    save_parts(out, manifests)


if __name__ == "__main__":
    run(main)
