"""Index a corpus in the form of Mozilla's DeepSpeech; each of its .csv files gets a manifest.

Their columns are wav_filename, wav_filesize and transcript; a relative file name is relative to the
.csv file. There is nothing to download.
"""

from common import run, save
from corpus import choose, index_folders, index_parser
from tables import find_tables, index_table

from ds2np.errors import UserError

COLUMNS = ("wav_filename", "transcript")


def main():
    """Write the manifests requested on the command line."""
    parser = index_parser(__doc__, "the folder with the .csv files", "all")
    args = parser.parse_args()
    root, out = index_folders(args)
    tables = find_tables(root, ".csv")
    if not tables:
        raise UserError(f"{root} holds no .csv file; give --root the folder with train.csv")

    def find(name):
        return root / name if (root / name).is_file() else None

    for name, table in choose(tables, args.subsets).items():
        save(out / f"{name}.jsonl", index_table(table, COLUMNS, find, strict=True))


if __name__ == "__main__":
    run(main)
