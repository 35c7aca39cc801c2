"""Transcribe recordings."""

import sys
from pathlib import Path

from ds2np.commands.options import add_recogniser, load_recogniser
from ds2np.errors import UserError


def add_options(parser):
    """Add the options of the command."""
    add_recogniser(parser)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="recordings")
    parser.add_argument(
        "--json", action="store_true", help="print JSON lines, with words and times"
    )


def run(args):
    """Print the transcript of each file; continue after a file that fails."""
    import dataclasses

    from ds2np.files import strict_json

    recogniser = load_recogniser(args)
    failed = False
    for path in args.files:
        try:
            transcript = recogniser.transcribe(path)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            failed = True
            continue
        if args.json:
            words = [dataclasses.asdict(word) for word in transcript.words]
            entry = {"audio_filepath": str(path), "text": transcript.text, "words": words}
            line = strict_json(entry)
        else:
            line = transcript.text if len(args.files) == 1 else f"{path}: {transcript.text}"
        print(line, flush=True)
    return 2 if failed else 0
