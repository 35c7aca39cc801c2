"""The text of a long recording: its words, what of them is spoken, and its sentences.

Where sentences end: `ds2np.align.sentences`. What is spoken: `ds2np.align.spoken`, and of numbers
`ds2np.align.numbers`. In scripts without spaces each character is a word, and each run of Roman
letters or digits. Punctuation belongs to the word before it in the same token, opening brackets and
quotation marks to the word after them. A token that has nothing to speak is no word. Each token is
in a word or in a change: nothing is lost silently.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

import numpy as np

from ds2np.align.sentences import WORDS_A_SIGN, ends_sentence
from ds2np.align.spoken import FOOTNOTE, RULES, SUMMARISED, Speaker
from ds2np.errors import UserError

HEADER = ("line", "before", "after", "rule")
_OPENING = ("Ps", "Pi")  # categories of Unicode
# A title has no blank line: a mark that is not closed must not take the book with it.
_GUTENBERG = (
    re.compile(
        r"(?ms)\A.*?^[ \t]*\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG"
        r"(?:(?!\n[ \t]*\n)[^*]){,300}\*\*\*[ \t]*$"
    ),
    re.compile(
        r"(?ms)^[ \t]*(?:End of (?:the )?Project Gutenberg[^*]{,300})?"
        r"\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG.*\Z"
    ),
)
_ILLUSTRATION = re.compile(r"\[Illustration[^\[\]]*\]")


@dataclass(frozen=True)
class ScriptWord:
    """A word of the text.

    Attributes
    ----------
    text : str
        As written, with its punctuation.
    spoken : str
        As the alphabet writes it: one word or several; "" if it cannot.
    sentence : int
    line : int
        From 1.
    """

    text: str
    spoken: str
    sentence: int
    line: int


@dataclass(frozen=True)
class Change:
    """A token that is not spoken as it is written.

    Attributes
    ----------
    line : int
        From 1; 0 if this stands for all changes of the rule.
    before, after : str
        As written and as spoken, "" if nothing is.
    rule : str
        A key of `RULES`.
    """

    line: int
    before: str
    after: str
    rule: str


@dataclass(frozen=True)
class Script:
    """A text.

    Attributes
    ----------
    words : tuple of ScriptWord
    sentences : tuple of str
        As written, with single spaces.
    changes : tuple of Change
        By line; before them those of `SUMMARISED`.
    """

    words: tuple
    sentences: tuple
    changes: tuple


def read_script(path, alphabet, language=None):
    """Read a `Script` from a file, UTF-8 with or without a byte-order mark; see `parse_script`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected the text of the recording") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; expected a text file") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path} is not UTF-8 text: line {line}; save it as UTF-8") from None
    return parse_script(text, alphabet, language, str(path))


def parse_script(text, alphabet, language=None, name="the text"):
    """Find the words and sentences of a text.

    Parameters
    ----------
    text : str
    alphabet : Alphabet
    language : str, optional
        Of the numbers: a code of num2words, or "zh". By default Mandarin if the alphabet is of a
        script without spaces, else English.
    name : str
        Of the text, for messages.

    Returns
    -------
    Script

    Raises
    ------
    UserError
        If the language is unknown, the text is binary or has no word, or the alphabet cannot write
        half of its words.
    """
    speaker = Speaker(alphabet, language)
    lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise UserError(f"{name} is not text: a NUL character in line {number}")
    lines, left_out = _leave_out("\n".join(lines))
    units = [unit for each in _find_paragraphs(lines) for unit in _read_paragraph(each, speaker)]
    words = [unit for unit in units if unit.is_word]
    _check(words, alphabet, name)
    if " " not in alphabet.symbols:
        _tell_apart(words, alphabet)
    words, sentences = _find_sentences(units, alphabet)
    return Script(words, sentences, _list_changes(units, left_out))


def format_changes(script):
    """Return the changes as a table: a header, and lines of values with tabs between them."""
    rows = [HEADER, *((c.line, c.before, c.after, c.rule) for c in script.changes)]
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


@dataclass(frozen=True)
class Encoded:
    """The labels of a script.

    Attributes
    ----------
    labels : ndarray of int64 of shape (L,)
        Of the whole text.
    begins, ends : ndarray of int64 of shape (W,)
        The place of each word's first label, and the one after its last; begins increase.
    words : ndarray of int64 of shape (W,)
        The places of the words in the script. Words that the alphabet cannot write are left out,
        and so are those that begin within a label of the word before: bigrams of Chinese
        characters.
    """

    labels: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    words: np.ndarray


def encode_script(script, alphabet):
    """Convert a script to labels, an `Encoded`.

    Raises a ValueError if the words of the labels are not those of the script.
    """
    spoken = [(i, word.spoken) for i, word in enumerate(script.words) if word.spoken]
    labels = alphabet.encode(alphabet.join(text for _, text in spoken))
    found = alphabet.find_words(labels)
    counts = np.array([len(alphabet.split(text)) for _, text in spoken], np.int64)
    if counts.sum() != len(found):
        raise ValueError(f"the script has {counts.sum():,} words, its labels {len(found):,}")
    places = np.array([place for _, *place in found], np.int64).reshape(-1, 2)
    lasts = np.cumsum(counts)
    begins, ends = places[lasts - counts, 0], places[lasts - 1, 1]
    words = np.array([i for i, _ in spoken], np.int64)
    new = np.diff(begins, prepend=-1) > 0
    return Encoded(labels, begins[new], ends[new], words[new])


@dataclass
class _Unit:
    """A word, or a token without one."""

    text: str
    line: int
    spoken: str
    rule: str | None
    is_word: bool = True
    before_space: bool = False
    ends: bool = False  # the sentence, by its sign
    ends_paragraph: bool = False


def _leave_out(text):
    """Blank out what Project Gutenberg adds to a book; return the lines, and the changes."""
    changes = []
    rules = *((each, "gutenberg") for each in _GUTENBERG), (_ILLUSTRATION, "illustration")
    for pattern, rule in rules:
        for found in pattern.finditer(text):
            first = text.count("\n", 0, found.start()) + 1
            for line, part in enumerate(found[0].split("\n"), start=first):
                if part.strip():
                    changes.append(Change(line, " ".join(part.split()), "", rule))
        text = pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    return text.split("\n"), changes


def _find_paragraphs(lines):
    """Yield lists of lines that are not blank, each with its number."""
    paragraph = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            paragraph.append((number, line))
        elif paragraph:
            yield paragraph
            paragraph = []


def _read_paragraph(lines, speaker):
    """List the units of a paragraph."""
    tokens = [(number, speaker.cut(token)) for number, line in lines for token in line.split()]
    pieces = ["", *(piece for _, pieces in tokens for piece in pieces), ""]
    units, place = [], 1
    for number, cut in tokens:
        said = []
        for piece in cut:
            said.append(speaker.say(piece, *pieces[place - 1 : place + 2 : 2], len(lines) == 1))
            place += 1
        units += _join_punctuation(number, cut, said)
    is_first = True
    for unit, after in zip(units, [*units[1:], None], strict=True):
        text, following = FOOTNOTE.sub("", unit.text), after.text if after else ""
        unit.ends = is_first = ends_sentence(text, following, is_first, unit.before_space)
    units[-1].ends_paragraph = True
    return units


def _join_punctuation(line, pieces, said):
    """Make the units of a token: its words, with the punctuation before and after them."""
    units, before = [], ""
    for piece, (spoken, rule) in zip(pieces, said, strict=True):
        if spoken or rule == "unwritable":
            units.append(_Unit(before + piece, line, spoken, rule))
            joined, before = before, ""
        elif not units or all(unicodedata.category(c) in _OPENING for c in piece):
            before, joined = before + piece, ""
        else:
            units[-1].text += piece
            joined = piece
        if joined and units[-1].rule in (None, *SUMMARISED):
            units[-1].rule = "footnote" if FOOTNOTE.search(joined) else "punctuation"
    if not units:
        return [_Unit(before, line, "", said[0][1], is_word=False, before_space=True)]
    units[-1].text += before
    units[-1].before_space = True
    return units


def _check(words, alphabet, name):
    """Raise a UserError unless there are words, and the alphabet can write half of them."""
    if not words:
        raise UserError(f"{name} has no word; expected the text of the recording")
    missing = [unit for unit in words if not unit.spoken]
    if 2 * len(missing) > len(words):
        raise UserError(
            f"{name}: {alphabet} can write only {len(words) - len(missing):,} of its "
            f"{len(words):,} words; the first of the others is {missing[0].text!r} in line "
            f"{missing[0].line}; expected a text in the language of the network"
        )


def _tell_apart(words, alphabet):
    """Leave unspoken what would need a space before it, which the alphabet does not have."""
    last = ""
    for unit in words:
        if last and unit.spoken and " " in alphabet.join([last, unit.spoken]):
            unit.spoken, unit.rule = "", "apart"
        last = unit.spoken or last


def _find_sentences(units, alphabet):
    """Return the words and the sentences, tuples."""
    signs = sum(unit.ends for unit in units)
    by_line = WORDS_A_SIGN * signs < sum(unit.is_word for unit in units)
    join = " ".join if alphabet.has_spaces else alphabet.join
    words, sentences, tokens, has_word, starts_token = [], [], [], False, True
    for unit, after in zip(units, [*units[1:], None], strict=True):
        if starts_token:
            tokens.append("")
        tokens[-1] += unit.text
        starts_token = unit.before_space
        if unit.is_word:
            has_word = True
            words.append(ScriptWord(unit.text, unit.spoken, len(sentences), unit.line))
        new_line = after is None or after.line != unit.line
        if unit.ends_paragraph or (new_line if by_line else unit.ends):
            if has_word:
                sentences.append(join(tokens))
            tokens, has_word, starts_token = [], False, True
    return tuple(words), tuple(sentences)


def _list_changes(units, left_out):
    """Return the changes, a tuple; of each rule of `SUMMARISED` how many and the first one."""
    changed = [unit for unit in units if unit.rule]
    counts, summary = Counter(unit.rule for unit in changed), {}
    for unit in changed:
        if unit.rule in SUMMARISED and unit.rule not in summary:
            others = counts[unit.rule] - 1
            before = f"{unit.text} (line {unit.line}{f', and {others:,} more' if others else ''})"
            summary[unit.rule] = Change(0, before, unit.spoken, unit.rule)
    each = [Change(u.line, u.text, u.spoken, u.rule) for u in changed if u.rule not in SUMMARISED]
    each = sorted(each + left_out, key=lambda change: change.line)
    return (*(summary[rule] for rule in RULES if rule in summary), *each)
