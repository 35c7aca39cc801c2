"""Transcribe recordings, folders, manifests or standard input."""

import sys
from pathlib import Path

from ds2np.commands.options import add_recogniser, count, load_recogniser, whole
from ds2np.errors import UserError

STDIN = "-"


def add_options(parser):
    """Add the options of the command."""
    add_recogniser(parser)
    text = "recordings, folders of them, manifests (.jsonl), or - for standard input"
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help=text)
    text = "channel to transcribe, from 0 (default: the mean of all)"
    parser.add_argument("--channel", type=whole, metavar="N", help=text)
    text = "print so many texts of each recording, best first, with their scores"
    parser.add_argument("--n-best", type=count, metavar="N", help=text)
    parser.add_argument(
        "--json", action="store_true", help="print JSON lines, with words and times"
    )


def run(args):
    """Print the transcript of each recording; continue after one that fails."""
    recogniser = load_recogniser(args)
    named = args.json or len(args.files) > 1 or _is_list(args.files[0])
    failed = False
    for sound, part in _find(args.files):
        if isinstance(sound, UserError):
            error = sound
        else:
            if args.channel is not None:
                part = {"channel": args.channel} | part
            error = _transcribe(recogniser, sound, part, args, named)
        if error:
            print(f"error: {error}", file=sys.stderr)
            failed = True
    return 2 if failed else 0


def _is_list(path):
    """Return whether an argument stands for several recordings: a folder or a manifest."""
    return path.is_dir() or path.name.lower().endswith((".jsonl", ".jsonl.gz"))


def _find(paths):
    """Yield each recording and the options of its part, or a UserError instead of a recording."""
    from ds2np.audio.folders import AUDIO_SUFFIXES, find_files
    from ds2np.data.manifest import scan_manifest

    for path in paths:
        try:
            if path.is_dir():
                found = find_files(path, AUDIO_SUFFIXES)
                if not found:
                    yield UserError(f"{path} is a folder without recordings"), {}
                yield from ((recording, {}) for recording in found)
            elif _is_list(path):
                for _, item in scan_manifest(path, transcribed=False):
                    broken = isinstance(item, UserError)
                    yield (item, {}) if broken else (item.audio_filepath, item.part)
            else:
                yield path, {}
        except UserError as error:
            yield error, {}


def _transcribe(recogniser, path, part, args, named):
    """Print one transcript and its warnings; return the UserError if there is none."""
    import dataclasses

    from ds2np.files import strict_json

    try:
        sound = sys.stdin.buffer if str(path) == STDIN else path
        transcript = recogniser.transcribe(sound, **part)
    except UserError as error:
        return error
    except (MemoryError, OSError) as error:
        return UserError(f"{path}: {str(error) or 'there is not enough memory'}")
    for warning in transcript.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    start = {"offset": part["start"], "duration": part["duration"]} if "start" in part else {}
    place = f"{path} from {part['start']:g} s: " if start else f"{path}: "
    best = transcript.hypotheses[: args.n_best or 0]
    if args.json:
        words = [dataclasses.asdict(word) for word in transcript.words]
        entry = {"audio_filepath": str(path), **start, "text": transcript.text, "words": words}
        if best:
            keys = "text", "score", "acoustic", "lm"
            entry["n_best"] = [{key: getattr(one, key) for key in keys} for one in best]
        print(strict_json(entry), flush=True)
        return None
    rows = [f"{one.score:9.2f} {one.acoustic:9.2f} {one.lm:9.2f}  {one.text}" for one in best]
    for text in rows or [transcript.text]:
        print(f"{place if named else ''}{text}", flush=True)
    return None
