"""What all scripts that make manifests share: recordings, manifests, warnings, exit codes."""

import sys
from collections import Counter
from pathlib import Path

from tqdm import tqdm

# A clone works without being installed, from any working directory, and beside another version.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ds2np.audio.folders import AUDIO_SUFFIXES, find_files
from ds2np.audio.opening import name_of
from ds2np.commands import program
from ds2np.data.manifest import Utterance, scan_manifest, write_manifest
from ds2np.data.recordings import read_header
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2Config
from ds2np.text.words import split_words, without_spaces

MAX_NAMED = 5  # files in a warning
NEARLY_ALL = 0.9  # of the recordings: as many damaged ones mean a damaged copy


def run(main):
    """Run the `main` of a script and exit with its code; see `ds2np.commands.program.run`."""

    def run_to_the_end():
        try:
            main()
        except BrokenPipeError:
            raise UserError("the output was closed before all manifests were written") from None

    sys.exit(program.run(run_to_the_end))


def find_recordings(folder, suffixes=AUDIO_SUFFIXES):
    """Find the recordings in a folder and its subfolders, following links.

    Parameters
    ----------
    folder : Path
        May be missing.
    suffixes : tuple of str
        Of two recordings of the same name, the one with the later suffix is used.

    Returns
    -------
    dict of Path to Path
        The recordings by their path without the suffix, in the order of the paths.
    """
    if not folder.is_dir():
        return {}
    paths = find_files(folder, suffixes)
    paths.sort(key=lambda path: suffixes.index(path.suffix.lower()))
    return dict(sorted({path.with_suffix(""): path for path in paths}.items()))


def read_lengths(paths, desc):
    """Read the lengths of recordings; leave out those that cannot be used, with a warning.

    Parameters
    ----------
    paths : iterable of Path
    desc : str
        What they are, for the progress bar.

    Returns
    -------
    dict of Path to float
        Seconds.

    Raises
    ------
    UserError
        If all or nearly all recordings cannot be used.
    """
    seconds, damaged = {}, []
    paths = list(dict.fromkeys(paths))
    for path in tqdm(paths, desc=desc, unit="file", delay=1, leave=False):
        try:
            str(path).encode()
            seconds[path] = read_header(path).seconds
        except UserError as error:
            damaged.append(str(error))
        except UnicodeEncodeError:
            name = name_of(path)
            damaged.append(f"{name} has a name that is not UTF-8, as manifests are; rename it")
    total = len(seconds) + len(damaged)
    if len(damaged) > NEARLY_ALL * total:
        raise UserError(f"{desc}: {len(damaged)} of {total} recordings are unusable: {damaged[0]}")
    warn_left_out("unusable recordings", damaged, "\n  ")
    return seconds


def make_utterances(found, desc):
    """Make utterances of (path, text, speaker), without those whose recording cannot be used."""
    seconds = read_lengths((path for path, _, _ in found), desc)
    return [
        Utterance(path, seconds[path], text, speaker)
        for path, text, speaker in found
        if path in seconds
    ]


def warn_left_out(reason, items, separator=", "):
    """Print how many items a manifest leaves out and why, with the names of the first few."""
    if items:
        named = [str(item) for item in items[:MAX_NAMED]] + ["..."] * (len(items) > MAX_NAMED)
        named = separator.removeprefix(",") + separator.join(named)
        print(f"warning: left out {len(items)} {reason}:{named}", file=sys.stderr)


def warn_unmatched(without_audio, without_text):
    """Print which transcripts have no recording, and which recordings no transcript."""
    warn_left_out("transcripts without a recording", without_audio)
    warn_left_out("recordings without a transcript", without_text)


def save(path, utterances):
    """Write a manifest and print one line about it, and a hint if it needs another alphabet.

    Raises
    ------
    UserError
        If `path` is the manifest of another corpus, which would be lost.
    """
    _save_all({path: utterances})


def save_parts(folder, manifests):
    """Write the manifest of each part of a corpus, PART.jsonl, as `save` does."""
    _save_all({folder / f"{part}.jsonl": utterances for part, utterances in manifests.items()})


def _save_all(manifests):
    for path, utterances in manifests.items():
        if path.exists():
            names = {utterance.audio_filepath.stem for utterance in utterances}
            earlier = [item for _, item in scan_manifest(path) if isinstance(item, Utterance)]
            if names.isdisjoint(utterance.audio_filepath.stem for utterance in earlier):
                raise UserError(
                    f"{path} lists other recordings; give --out another folder, or move it"
                )
        write_manifest(path, utterances)
        print(f"{path}: {statistics(utterances)}")
    everything = {c for utterances in manifests.values() for u in utterances for c in u.text}
    if without_spaces(everything):
        paths = " ".join(map(str, manifests))
        print(f"their alphabet: python -m ds2np data {paths} --alphabet --out FILE")
        return
    for path, utterances in manifests.items():
        _name_unknown(path, utterances)


def _name_unknown(path, utterances):
    """Print which characters the default alphabet lacks."""
    alphabet = DeepSpeech2Config().alphabet()
    if alphabet.unknown("".join({c for utterance in utterances for c in utterance.text})):
        unknown = Counter(c for utterance in utterances for c in alphabet.unknown(utterance.text))
        listed = ", ".join(f"{c!r} in {n}" for c, n in unknown.most_common(MAX_NAMED))
        more = ", ..." if len(unknown) > MAX_NAMED else ""
        print(
            f"{path}: transcripts have characters outside the default alphabet: {listed}{more}; "
            f"`python -m ds2np data {path}` lists them"
        )


def statistics(utterances):
    """Describe utterances in one line."""
    seconds = sum(utterance.duration for utterance in utterances)
    length = f"{seconds / 3600:.2f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
    text = "".join(utterance.text for utterance in utterances)
    words = {word for utterance in utterances for word in split_words(utterance.text)}
    speakers = {utterance.speaker for utterance in utterances}
    return (
        f"{length}, {len(speakers)} speakers, {len(utterances)} utterances, "
        f"{len(text)} characters ({len(set(text))} distinct)"
        + ("" if without_spaces(set(text)) else f", {len(words)} distinct words")
    )
