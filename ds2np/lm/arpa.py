r"""Reading ARPA files, the text format of n-gram models.

    \data\
    ngram 1=4
    ngram 2=3

    \1-grams:
    -0.8    word    -0.3        log10 probability, words, log10 back-off weight if there is one

    \2-grams:
    ...
    \end\

Files of KenLM, SRILM and others are read: with tabs or spaces, with or without blank lines, with
<UNK> for <unk>, without back-off weights, without <unk>, <s> or </s>, without some contexts or
suffixes of their n-grams, with other text before \data\. What contradicts itself is refused.
"""

import re

import numpy as np

from ds2np.errors import UserError
from ds2np.lm.arpa_faults import raise_duplicate, raise_fault, shown
from ds2np.lm.arpa_source import opened
from ds2np.lm.building import Duplicate, build
from ds2np.lm.counts import Vocabulary
from ds2np.lm.tables import LEAST, SPECIAL
from ds2np.lm.units import NOTE, find_units

ABSENT = -100.0  # log10 probability of special words that a file lacks: KenLM's choice
COUNT = re.compile(rb"ngram\s+(\d{1,12})\s*=\s*(\d{1,12})$")


def read_arpa(path, units, space, log):
    """Read a model.

    Parameters
    ----------
    path : Path
        Compressed with gzip or not.
    units, space : str or None
        None: as the file says, or looks; see `find_units`.
    log : callable of str or None
        Receives what the file lacks.

    Returns
    -------
    Tables

    Raises
    ------
    UserError
        With file and line, if the file is damaged or contradicts itself.
    """
    numbers = Vocabulary({word.encode(): i for i, word in enumerate(SPECIAL)})
    with opened(path) as source:
        note, counts, header = _read_head(source, path)
        sections = []
        for n, count in enumerate(counts, start=1):
            header = header or source.next_line()
            _check_header(header, rb"\%d-grams:" % n, path)
            sections.append(_read_section(source, path, numbers, n, n == len(counts)))
            if len(sections[-1][1]) != count:
                raise UserError(
                    f"{path}, line {source.line}: the {n}-grams end here, after "
                    f"{len(sections[-1][1]):,}; expected {count:,}, as the head of the file says"
                )
            if n == 1:
                words = [word.decode() for word in numbers]
                numbers = {**numbers, b"<UNK>": 0}
                sections = [_complete_unigrams(words, *sections[0], log or _silent, path)]
            header = None
        _check_header(source.next_line(), b"\\end\\", path)
        text, line = source.next_line()
        if text is not None:
            raise UserError(f"{path}, line {line}: {shown(text)} after \\end\\; expected nothing")
    grams, logp, back = map(list, zip(*sections, strict=True))
    del sections  # the lists below are emptied as they are used
    try:
        return build(words, grams, logp, back, *find_units(words, units, space, note))
    except Duplicate as twice:
        raise_duplicate(path, twice.order, [words[i] for i in twice.words])


def _silent(text):
    pass


def _read_head(source, path):
    r"""Read up to the numbers of n-grams; return a note on the units, these, and the next line."""
    note = None
    while True:
        text, line = source.next_line()
        if text is None:
            raise UserError(
                f"{path} has no \\data\\ in its {line - 1} lines; expected an ARPA file"
            )
        note = note or NOTE.match(text)
        if text.removeprefix(b"\xef\xbb\xbf") == b"\\data\\":
            break
    counts = []
    while True:
        text, line = source.next_line()
        if text is None or not text.startswith(b"ngram"):
            break
        found = COUNT.match(text)
        if not found or int(found[1]) != len(counts) + 1:
            raise UserError(
                f"{path}, line {line}: {shown(text)}; expected ngram {len(counts) + 1}=..."
            )
        counts.append(int(found[2]))
    if not counts:
        raise UserError(f"{path}, line {line}: expected ngram 1=... after \\data\\")
    return note, counts, (text, line)


def _check_header(found, expected, path):
    text, line = found
    if text is None:
        raise UserError(
            f"{path} ends in line {line - 1}, before {expected.decode()}; it is cut short"
        )
    if text != expected:
        raise UserError(f"{path}, line {line}: {shown(text)}; expected {expected.decode()}")


def _read_section(source, path, numbers, n, highest):
    """Read the n-grams of an order: words (count, n), log10 probabilities, back-offs (count,)."""
    parts = [(np.empty((0, n), np.int32), *np.empty((2, 0), np.float32))]
    while True:
        block, line = source.next_block()
        if not block:
            return tuple(map(np.concatenate, zip(*parts, strict=True)))
        try:
            parts.append(_read_block(block, numbers, n, highest))
        except (ValueError, KeyError):  # something is wrong in one of its lines
            raise_fault(path, block, line, numbers, n, highest)


def _split(block, n):
    """Split lines into columns of cells; n + 1 or, with back-off weights, n + 2 of them."""
    cells = block.split()
    characters = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(characters == 10)
    gaps = np.flatnonzero((characters == 9) | (characters == 32))
    gaps = np.diff(np.searchsorted(gaps, ends), prepend=0)  # of each line
    for width in (n + 1, n + 2):
        # As many cells in all as these gaps allow: then every line has as many.
        if len(cells) == len(ends) * width and (gaps == width - 1).all():
            return [cells[j::width] for j in range(width)]
    rows = list(filter(None, map(bytes.split, block.split(b"\n"))))
    widths = set(map(len, rows))
    if not widths <= {n + 1, n + 2}:
        raise ValueError
    if len(widths) == 2:
        rows = [row if len(row) == n + 2 else [*row, b"0"] for row in rows]
    return list(zip(*rows, strict=True)) or [()] * (n + 1)


def _read_block(block, numbers, n, highest):
    columns = _split(block, n)
    size = len(columns[0])
    logp = np.fromiter(map(float, columns[0]), np.float64, size)
    back = np.zeros(size)
    if len(columns) == n + 2:
        back = np.fromiter(map(float, columns[-1]), np.float64, size)
    if not (logp <= 0).all() or not (back < np.inf).all() or (highest and back.any()):
        raise ValueError
    if n == 1:
        for word in columns[1]:
            word.decode()
        columns[1] = [b"<unk>" if word == b"<UNK>" else word for word in columns[1]]
    words = np.empty((size, n), np.int32)
    for j, column in enumerate(columns[1 : n + 1]):
        words[:, j] = np.fromiter(map(numbers.__getitem__, column), np.int32, size)
    logp, back = (np.where(np.isinf(values), LEAST, values) for values in (logp, back))
    return words, logp.astype(np.float32), back.astype(np.float32)


def _complete_unigrams(words, grams, logp, back, log, path):
    """Put the unigrams in the order of their words; give special words that are absent a place."""
    number = grams[:, 0]
    occurs = np.bincount(number, minlength=len(words))
    for twice in np.flatnonzero(occurs > 1)[:1]:
        raise_duplicate(path, 1, [words[twice]])
    for absent in np.flatnonzero(occurs == 0):
        log(f"{path} lacks {words[absent]}: its log10 probability is {ABSENT:g}")
    p, weight = np.full(len(words), ABSENT, np.float32), np.zeros(len(words), np.float32)
    p[number], weight[number] = logp, back
    return np.arange(len(words), dtype=np.int32)[:, None], p, weight
