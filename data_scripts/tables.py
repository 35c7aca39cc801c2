"""Corpora whose recordings and transcripts are listed in tables, one table a subset."""

from common import make_utterances, warn_left_out
from texts import check_new, read_table

from ds2np.errors import UserError


def find_tables(root, suffix):
    """Return the tables in a folder, but not in its subfolders, by their names without suffix."""
    visible = (path for path in sorted(root.iterdir()) if not path.name.startswith("."))
    return {path.stem: path for path in visible if path.suffix.lower() == suffix}


def index_table(table, columns, find, clean=str, **dialect):
    """Make the utterances of a table, without the rows that cannot be used, with warnings.

    Parameters
    ----------
    table : Path
    columns : sequence of str
        Names of the columns with the recording and its transcript, and of that with the speaker
        if there is one.
    find : callable
        Maps a value of the first column to the Path of the recording, or to None.
    clean : callable
        Maps a transcript to what the manifest has of it, besides white space.
    **dialect
        Of `csv.reader`.

    Returns
    -------
    list of Utterance

    Raises
    ------
    UserError
        If the table is malformed, a recording is listed twice, or no row can be used.
    """
    rows, malformed = read_table(table, columns, **dialect)
    found, names, without_text, without_audio = [], set(), [], []
    for where, name, text, *speaker in rows:
        name = name.strip()
        check_new(name, names, where)
        names.add(name)
        text, path = " ".join(clean(text).split()), find(name)
        if not text:
            without_text.append(where)
        elif path is None:
            without_audio.append(f"{where}: {name}")
        else:
            found.append((path, text, *(speaker or [""])))
    warn_left_out("rows that do not have as many values as the header", malformed)
    warn_left_out("rows without a transcript", without_text)
    warn_left_out("rows without a recording", without_audio)
    if not found:
        first = without_audio[0] if without_audio else "it lists none"
        raise UserError(f"{table} lists no recording that is there; {first}")
    return make_utterances(found, table.stem)
