"""Text files of a corpus: lines of a name and a text, and tables with a header."""

import csv

from ds2np.errors import UserError


def read_lines(path):
    """Read the lines of a UTF-8 text file that are not blank.

    A byte-order mark and the line ends of any system are accepted.

    Returns
    -------
    list of (str, str)
        Each line with FILE:NUMBER before it, for error messages.

    Raises
    ------
    UserError
        If the file is not UTF-8 text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path} is not UTF-8 text: line {number}; save it as UTF-8") from None
    return [(f"{path}:{i}", line) for i, line in enumerate(lines, start=1) if line.strip()]


def read_names(path):
    """Read lines that begin with a name.

    Returns
    -------
    dict of str to (str, str)
        FILE:NUMBER and the rest of the line, by its name.

    Raises
    ------
    UserError
        If a name appears twice, or the file is not UTF-8 text.
    """
    found = {}
    for where, line in read_lines(path):
        name, *rest = line.split(maxsplit=1)
        check_new(name, found, where)
        found[name] = where, rest[0].strip() if rest else ""
    return found


def check_new(name, names, where):
    """Raise a UserError if a name occurs among earlier names."""
    if name in names:
        raise UserError(f"{where}: {name} appears twice; remove one of the lines")


def read_transcript(path):
    """Read a file of transcripts whose lines are NAME TEXT.

    Returns
    -------
    dict of str to str
        Lower-case texts, by the name of the recording.

    Raises
    ------
    UserError
        If a line has no text, a name appears twice, or the file is not UTF-8 text.
    """
    texts = {}
    for name, (where, text) in read_names(path).items():
        if not text:
            raise UserError(f"{where}: {name} has no text; expected NAME TEXT")
        texts[name] = " ".join(text.split()).lower()
    return texts


def read_table(path, columns, **dialect):
    """Read some columns of a table whose first line names the columns.

    Parameters
    ----------
    path : Path
    columns : sequence of str
    **dialect
        Of `csv.reader`.

    Returns
    -------
    rows : list of list of str
        FILE:NUMBER of each row, and its values of `columns`.
    malformed : list of str
        FILE:NUMBER of the rows that have not as many values as the header.

    Raises
    ------
    UserError
        If a column is missing, or the file is not a table or not UTF-8 text.
    """
    lines = read_lines(path)
    wheres = [where for where, _ in lines]
    reader = csv.reader((f"{line}\n" for _, line in lines), **dialect)
    rows, malformed = [], []
    try:
        header = [name.strip() for name in next(reader, [])]
        if missing := [name for name in columns if name not in header]:
            found = ", ".join(header)[:80] or "an empty file"
            raise UserError(
                f"{path}: the first line names no column {missing[0]}; expected a header with "
                f"{', '.join(columns)}, found {found}"
            )
        places = [header.index(name) for name in columns]
        for row in reader:
            where = wheres[reader.line_num - 1]
            # A line end in a value: a quotation mark was opened and never closed.
            if len(row) == len(header) and not any("\n" in value for value in row):
                rows.append([where, *(row[place] for place in places)])
            else:
                malformed.append(where)
    except csv.Error as error:
        raise UserError(f"{wheres[reader.line_num - 1]}: not a row of a table: {error}") from None
    return rows, malformed
