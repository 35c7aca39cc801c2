"""Index a copy of Mozilla's Common Voice; each of its tables, such as train.tsv, gets a manifest.

The folder of a language holds the tables, and the recordings in clips. There is nothing to download
here: Mozilla hands the corpus out after registration. Its sentences are written language, of which
a recogniser hears no punctuation: dashes become spaces, and other marks at the ends of words are
removed. Upper case is kept, since the alphabet folds what it lacks.
"""

import csv
import os
import unicodedata

from common import find_recordings, run, save
from corpus import choose, index_folders, index_parser
from tables import find_tables, index_table

from ds2np.errors import UserError

COLUMNS = ("path", "sentence", "client_id")
DEFAULT = ("train", "dev", "test")
READ_ALOUD = "%&@#*/§"  # marks by their Unicode category, but words


def remove_punctuation(sentence):
    """Remove the punctuation that is not spoken.

    >>> remove_punctuation('"Well-known", she said!')
    'Well known she said'
    """
    sentence = sentence.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    kinds = {c: unicodedata.category(c) for c in sentence}
    dashes = {ord(c): " " for c in kinds if kinds[c] == "Pd"}
    marks = "".join(c for c in kinds if kinds[c][0] == "P" and c not in READ_ALOUD)
    return " ".join(word.strip(marks) for word in sentence.translate(dashes).split())


def main():
    """Write the manifests requested on the command line."""
    parser = index_parser(__doc__, "the folder of a language, with clips", "train, dev and test")
    args = parser.parse_args()
    root, out = index_folders(args)
    tables = find_tables(root, ".tsv")
    names = args.subsets or [name for name in DEFAULT if name in tables]
    if not names or not (root / "clips").is_dir():
        languages = sorted(path.parent.name for path in root.glob("*/clips"))
        hint = f", such as {root / languages[0]}" if languages else ""
        raise UserError(
            f"{root} holds no folder clips with {', '.join(DEFAULT)}.tsv beside it; give --root "
            f"the folder of one language{hint}"
        )
    clips = find_recordings(root / "clips")

    def find(name):
        return clips.get(root / "clips" / os.path.splitext(name)[0])

    for name, table in choose(tables, names).items():
        utterances = index_table(
            table, COLUMNS, find, remove_punctuation, delimiter="\t", quoting=csv.QUOTE_NONE
        )
        save(out / f"{name}.jsonl", utterances)


if __name__ == "__main__":
    run(main)
