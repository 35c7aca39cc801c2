"""What is wrong with a line of an ARPA file: slow and exact, once reading it fast has failed."""

import math

from ds2np.errors import UserError
from ds2np.lm.arpa_source import opened

SHOWN = 60  # characters of a line in a message


def shown(text):
    """Format the beginning of a line for a message."""
    text = text.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}...")


def raise_fault(path, block, line, numbers, n, highest):
    """Raise a UserError for the first faulty line of a block.

    Parameters
    ----------
    path : Path
    block : bytes
    line : int
        Number of its first line.
    numbers : dict of bytes to int
        The known words, if n is above 1.
    n : int
        Order of the n-grams.
    highest : bool
        Whether it is the highest order, which has no back-off weights.
    """
    for number, text in enumerate(block.split(b"\n"), start=line):
        cells = text.split()
        if cells and (fault := _fault(cells, numbers, n, highest)):
            raise UserError(f"{path}, line {number}: {shown(text.strip())}: {fault}")
    raise AssertionError("no line is faulty")


def _fault(cells, numbers, n, highest):
    if len(cells) not in (n + 1, n + 2):
        words = "one word" if n == 1 else f"{n} words"
        return f"expected a probability, {words} and perhaps a back-off weight"
    p, back = _number(cells[0]), _number(cells[n + 1]) if len(cells) == n + 2 else 0
    if p is None or not p <= 0:
        return "the log10 probability is not a number up to 0"
    if back is None or not back < math.inf:
        return "the back-off weight is not a number"
    if highest and back:
        return f"there is a back-off weight, but no {n + 1}-gram could use it"
    for word in cells[1 : n + 1]:
        try:
            word.decode()
        except UnicodeDecodeError:
            return "this is not UTF-8 text"
        if n > 1 and word not in numbers:
            return f"{shown(word)} is not among the 1-grams"
    return None


def _number(text):
    try:
        return float(text)
    except ValueError:
        return None


def raise_duplicate(path, n, words):
    """Raise a UserError for an n-gram that a file has twice."""
    names = [{word.encode(), b"<UNK>"} if word == "<unk>" else {word.encode()} for word in words]
    header, lines = b"\\%d-grams:" % n, []
    with opened(path) as source:
        text, line = source.next_line()
        while text != header:
            text, line = source.next_line()
        while len(lines) < 2:
            text, line = source.next_line()
            if all(map(set.__contains__, names, text.split()[1 : n + 1])):
                lines.append(line)
    raise UserError(
        f"{path}, line {lines[1]}: the {n}-gram {shown(' '.join(words).encode())} stands in line "
        f"{lines[0]} already"
    )
