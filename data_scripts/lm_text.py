"""Make text for a language model: written with the alphabet of a network, one sentence a line.

The text comes from files, compressed or not, folders of them, and manifests; or from LibriSpeech,
whose normalised text of 14,500 books and n-gram models are downloaded and put in lower case, as
the transcripts are. Then: `python -m ds2np lm TEXT --out MODEL`.
"""

import dataclasses
import gzip
import re
from pathlib import Path

from common import run
from corpus import download_whole
from tqdm import tqdm

from ds2np.commands.options import add_characters, given_characters
from ds2np.commands.program import Parser
from ds2np.commands.texts import Texts
from ds2np.errors import UserError
from ds2np.files import locked, make_folder, replacing
from ds2np.model import DeepSpeech2Config
from ds2np.text.normalise import Normaliser

# Open Speech and Language Resources 11, which publishes no checksums.
RESOURCES = "https://www.openslr.org/resources/11"
TEXT = "librispeech-lm-norm.txt.gz"
MODELS = ("3-gram.pruned.3e-7", "3-gram.pruned.1e-7", "3-gram", "4-gram")
SUFFIX = ".arpa.gz"
TITLES = "".join(rf"(?<!\b{title}\.)" for title in ("Mr", "Mrs", "Ms", "Dr", "St"))
END = re.compile(rf"""(?<=[.!?]){TITLES}["'\u2019\u201d)\]]*\s+""")  # of a sentence in a paragraph


def running_text(lines):
    """Yield the sentences of running text, whose lines break anywhere and paragraphs are apart."""
    paragraph = []
    for line in lines:
        if line.strip():
            paragraph.append(line)
        else:
            yield from END.split(" ".join(paragraph))
            paragraph = []
    yield from END.split(" ".join(paragraph))


def write_text(path, sentences, normaliser):
    """Write the sentences that are not left out, compressed if the name ends in .gz.

    Raises
    ------
    UserError
        If none remains.
    """
    with replacing(path, "wb") as file:
        target = gzip.GzipFile(fileobj=file, mode="wb", mtime=0) if path.suffix == ".gz" else file
        for sentence in map(normaliser, sentences):
            if sentence is not None:
                target.write(f"{sentence}\n".encode())
        if target is not file:
            target.close()
        if not normaliser.sentences:
            raise UserError("\n".join(["there is no sentence to write", *normaliser.report()]))
    print(f"{path}: {normaliser.sentences:,} sentences, {normaliser.words:,} words")
    print(*normaliser.report(), sep="\n")


def lower_model(source, path):
    """Write an ARPA file in lower case.

    Words that differ in their case alone would become one n-gram twice; LibriSpeech has none.
    """
    with (
        gzip.open(source, "rb") as lines,
        replacing(path, "wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0) as target,
    ):
        for line in tqdm(lines, desc=path.name, unit="line", unit_scale=True, delay=1, leave=False):
            target.write(line.decode().lower().encode())
    print(f"{path}: in lower case")


def obtain(names, out, mirror, normaliser):
    """Download what is not there yet of LibriSpeech's text and models, and put it in lower case."""
    for name in names:
        file = TEXT if name == "text" else name + SUFFIX
        path = out / file
        if path.exists():
            print(f"{path} already exists, nothing is downloaded")
            continue
        source = out / f"{file}.original"
        if not source.exists():
            download_whole(f"{(mirror or RESOURCES).rstrip('/')}/{file}", source)
        if name == "text":
            write_text(path, Texts([source]), normaliser)
        else:
            lower_model(source, path)
        source.unlink()


def build_parser():
    """Return the command line."""
    parser = Parser(__doc__)
    add = parser.add_argument
    text = "text files, one sentence a line, .gz, folders, manifests, or - for standard input"
    add("texts", type=Path, nargs="*", metavar="TEXT", help=text)
    text = "file for the text, compressed if it ends in .gz; with --librispeech, a folder"
    add("--out", type=Path, required=True, metavar="FILE", help=text)
    text = f"download instead: text, or models ({', '.join(MODELS)})"
    choices = ("text", *MODELS)
    add("--librispeech", nargs="+", choices=choices, metavar="NAME", help=text)
    add("--mirror", metavar="URL", help="download from URL/NAME-OF-FILE instead")
    text = "the lines of the text break anywhere, such as in a book: find the sentences"
    add("--sentences", action="store_true", help=text)
    add_characters(parser, "English letters, space and apostrophe")
    return parser


def main():
    """Make what the command line asks for."""
    args = build_parser().parse_args()
    if bool(args.texts) == bool(args.librispeech):
        raise UserError("give texts, or --librispeech with what to download")
    if args.mirror and not args.librispeech:
        raise UserError("--mirror needs --librispeech; texts are not downloaded")
    config = dataclasses.replace(DeepSpeech2Config(), **given_characters(args))
    normaliser = Normaliser(config.alphabet().symbols)
    if args.librispeech:
        make_folder(args.out, "--out")
        with locked(args.out / "download.lock", f"{args.out}"):
            obtain(args.librispeech, args.out, args.mirror, normaliser)
        return
    make_folder(args.out.parent, "--out")
    if args.out.is_dir():
        raise UserError(f"--out {args.out} is a folder; expected the name of a file")
    if args.out.exists() and any(t.exists() and args.out.samefile(t) for t in args.texts):
        raise UserError(f"--out {args.out} is one of the texts, which would be lost")
    texts = Texts(args.texts)
    write_text(args.out, running_text(texts) if args.sentences else texts, normaliser)


if __name__ == "__main__":
    run(main)
