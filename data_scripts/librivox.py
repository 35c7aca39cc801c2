"""Make manifests of read books: align each folder of recordings with its text, and cut it.

A folder below ROOT, or ROOT itself, is a book: recordings in the order of their names, as LibriVox
has them, and one text of all, or a text for each recording with the same name. A trained network
finds the words: what was not read, or has no text, such as the announcements, is left out and
listed. There is nothing to download.
"""

from pathlib import Path

from common import run

from ds2np.align.building import build_corpus
from ds2np.align.corpus import MANIFEST, Options
from ds2np.align.pairs import TEXT_SUFFIXES, find_pairs
from ds2np.audio.folders import AUDIO_SUFFIXES, find_files
from ds2np.commands.options import count, positive
from ds2np.commands.program import Parser
from ds2np.data.manifest import read_manifest, write_manifest
from ds2np.errors import UserError


def main():
    """Align all books; write a manifest of each, and one of all."""
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--root", type=Path, required=True, metavar="FOLDER", help="folder of books")
    add("--run", type=Path, required=True, help="run folder of the network that finds the words")
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder of the results")
    text = "shortest and longest utterance (default: 1 15)"
    add("--seconds", type=positive, nargs=2, default=Options.lengths, metavar="S", help=text)
    text = "recordings with a text of their own that are aligned at the same time (default: 1)"
    add("--processes", type=count, default=1, metavar="N", help=text)
    args = parser.parse_args()
    books, utterances, done = find_books(args.root), [], True
    for name, pairs in books.items():
        out = args.out / name
        options = Options(tuple(args.seconds))
        done &= build_corpus(args.run, pairs, out, options, args.processes)
        if (out / MANIFEST).exists():
            utterances += read_manifest(out / MANIFEST)
    if utterances:
        write_manifest(args.out / MANIFEST, utterances)
        print(f"{args.out / MANIFEST}: {len(utterances):,} utterances of {len(books)} books")
    if not done:
        raise UserError("some recordings could not be aligned; the reasons are above")


def find_books(root):
    """Find folders with recordings and texts; return their pairs by name."""
    if not root.is_dir():
        raise UserError(f"{root} is no folder; expected one of recordings and texts")
    folders = {path.parent for path in find_files(root, AUDIO_SUFFIXES)}
    if not folders:
        raise UserError(f"{root} is a folder without recordings")
    return {
        "-".join(folder.relative_to(root).parts) or root.resolve().name: find_book(folder)
        for folder in sorted(folders)
    }


def find_book(folder):
    """Return the pairs of a folder: one text of all recordings, or one for each."""
    texts = [path for path in find_files(folder, TEXT_SUFFIXES) if path.parent == folder]
    if not texts:
        raise UserError(f"{folder} has recordings but no text, a file that ends in .txt")
    recordings = {path.stem for path in find_files(folder, AUDIO_SUFFIXES)}
    of_all = len(texts) == 1 and texts[0].stem not in recordings
    return find_pairs(folder, texts[0] if of_all else folder)


if __name__ == "__main__":
    run(main)
