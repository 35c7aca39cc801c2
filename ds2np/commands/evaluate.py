"""Measure WER and CER on a manifest."""

import sys
from pathlib import Path

from ds2np.commands.options import add_recogniser, count, load_recogniser
from ds2np.errors import UserError


def add_options(parser):
    """Add the options of the command."""
    add_recogniser(parser)
    parser.add_argument("manifests", type=Path, nargs="+", metavar="M.jsonl", help="manifests")
    text = (
        "list so many texts of each utterance in the JSON, and print the rate of the best of them"
    )
    parser.add_argument("--n-best", type=count, metavar="N", help=text)
    parser.add_argument("--json", action="store_true", help="print JSON with each utterance")
    parser.add_argument("--json-file", type=Path, metavar="FILE", help="write the JSON to a file")


def run(args):
    """Evaluate and print error rates, common mistakes and the worst utterances.

    Returns 2 if utterances had to be left out.
    """
    from tqdm import tqdm

    from ds2np.data.dataset import Dataset
    from ds2np.data.manifest import read_manifests
    from ds2np.evaluate import evaluate, format_summary, summarise
    from ds2np.files import replacing, strict_json

    target = args.json_file
    if target and (target.is_dir() or not target.parent.is_dir()):  # fail before the evaluation
        problem = "is a folder" if target.is_dir() else f"is in the missing folder {target.parent}"
        raise UserError(f"{target} {problem}; --json-file needs a file in an existing folder")
    recogniser = load_recogniser(args)
    utterances = read_manifests(args.manifests)
    dataset = Dataset(utterances, recogniser.config)
    dataset.warn()
    with tqdm(total=len(dataset), unit=" utterances") as bar:
        result = evaluate(recogniser, dataset, progress=bar.update)
    dataset.suspects.summarise()
    files, offsets = [u.audio_filepath for u in utterances], [u.offset for u in utterances]
    summary = summarise(result, files, offsets)
    if target:
        with replacing(target) as file:
            file.write(strict_json(summary, indent=1) + "\n")
    if args.json:
        print(strict_json(summary, indent=1))
    else:
        print(f"{len(result.refs)} utterances: {result}\n{format_summary(summary)}")
    if not result.unusable:
        return 0
    lost = f"{len(result.unusable)} of {len(dataset)} utterances"
    names = ", ".join(map(str, args.manifests))
    print(f"error: {names}: {lost} were left out, see above", file=sys.stderr)
    return 2
