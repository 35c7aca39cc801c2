"""Files of an alignment: JSON, CTM, SubRip and WebVTT subtitles, and Praat's TextGrid.

JSON has everything and can be read again. The others have what was read; in them white space of
the text, line breaks among it, becomes one space. Their times are whole units (milliseconds, in a
TextGrid microseconds): a time is rounded, an interval shorter than a unit gets one, and what
follows it begins that much later. So none is empty, and none overlaps the next.
"""

import html
import json
import re
import urllib.parse
from pathlib import Path
from typing import get_args, get_type_hints

from ds2np.align.alignment import AlignedSentence, AlignedWord, Alignment
from ds2np.errors import UserError
from ds2np.files import replacing, strict_json

KIND, VERSION = "ds2np alignment", 1
LONGEST_TEXT, LONGEST_TIME = 84, 7.0  # characters (two lines) and seconds of a subtitle

# What programs read as more than text: tags, arrows, and the breaks and drawings of pysubs2.
MARKUP = re.compile(r"<[ /]*[a-zA-Z][^>]*>|-->|\\[nNhp]")


def write_alignment(folder, stem, alignment, formats=None):
    """Write an alignment to files of some formats.

    Parameters
    ----------
    folder : Path
        An existing one.
    stem : str
        Name of the files, without the suffix, which is the name of the format.
    alignment : Alignment
    formats : sequence of str, optional
        Keys of `FORMATS`; all by default.

    Returns
    -------
    list of Path
    """
    paths = [(kind, Path(folder, f"{stem}.{kind}")) for kind in formats or FORMATS]
    for kind, path in paths:
        FORMATS[kind](path, alignment)
    return [path for _, path in paths]


def write_json(path, alignment):
    """Write everything, for `read_alignment` and other programs."""
    values = {"format": KIND, "version": VERSION, **vars(alignment)}
    for name in ("words", "sentences"):
        values[name] = [vars(row) for row in values[name]]
    for name in ("foreign", "unread"):
        values[name] = [list(pair) for pair in values[name]]
    with replacing(path) as file:
        file.write(strict_json(values, indent=1) + "\n")


def read_alignment(path):
    """Read what `write_json` has written.

    Returns
    -------
    Alignment

    Raises
    ------
    UserError
        If the file cannot be read, is something else, of another version, or damaged.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        kind, version = values.pop("format"), values.pop("version")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, LookupError, AttributeError, TypeError):
        kind = version = None
    if kind != KIND:
        raise UserError(f"{path} is no alignment, or is damaged; expected the JSON file of align")
    if version != VERSION:
        raise UserError(
            f"{path} is an alignment of version {version}, expected {VERSION}; run align again"
        )
    try:
        return _make_alignment(values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {error}; run align again") from None


def _make_alignment(values):
    for name, kind in (("words", AlignedWord), ("sentences", AlignedSentence)):
        values[name] = tuple(_make(kind, row, f"{name}[{i}]") for i, row in enumerate(values[name]))
    for name, kind in (("foreign", float), ("unread", int)):
        for pair in values[name]:
            if len(pair) != 2 or not all(_fits(value, kind) for value in pair):
                raise ValueError(f"a pair in {name} is {pair}")
        values[name] = tuple(tuple(pair) for pair in values[name])
    ranges = [(s.first, s.last) for s in values["sentences"]] + [*values["unread"]]
    for first, last in ranges:
        if not 0 <= first <= last <= len(values["words"]):
            raise ValueError(f"words {first} to {last} of {len(values['words'])}")
    return _make(Alignment, values, "the whole")


def _make(kind, row, where):
    """Make an object of the values of its fields."""
    hints = get_type_hints(kind)
    if row.keys() != hints.keys():
        odd = ", ".join(sorted(row.keys() ^ hints.keys()))
        raise ValueError(f"{where} misses, or should not have, {odd}")
    for name, hint in hints.items():
        if not isinstance(row[name], tuple) and not _fits(row[name], hint):
            raise ValueError(f"{name} of {where} is {row[name]!r}")
    return kind(**row)


def _fits(value, hint):
    kinds = get_args(hint) or (hint,)
    return isinstance(value, (*kinds, int) if float in kinds else kinds)


def write_ctm(path, alignment):
    """Write NIST's time-marked words: name, channel, start, duration, word, confidence.

    A line is a spoken word. Where one written word is several spoken ones, they share its time
    evenly by letters. The name is that of the recording, without its suffix; white space, "%" and
    a ";" that would begin a comment stand in it as in a URL, such as %20.
    """
    name = re.sub(r"[\s%]|^;", lambda m: urllib.parse.quote(m[0]), Path(alignment.recording).stem)
    rows = [part for word in alignment.words if _was_read(word) for part in _spoken(word)]
    times = _place([span for span, *_ in rows], alignment.duration, 1000)
    with replacing(path) as file:
        for (start, end), (_, text, confidence) in zip(times, rows, strict=True):
            time = f"{start / 1000:.3f} {(end - start) / 1000:.3f}"
            file.write(f"{name} 1 {time} {text} {confidence:.3f}\n")


def _spoken(word):
    """Yield the spoken words of a written one: (start, end), text, confidence."""
    texts = word.spoken.split()
    letter = (word.end - word.start) / max(sum(map(len, texts)), 1)
    start = word.start
    for text in texts:
        end = start + letter * len(text)
        yield (start, end), text, word.confidence
        start = end


def write_srt(path, alignment):
    """Write SubRip subtitles, see `cut_subtitles`.

    SubRip has no escapes. Some players read those of HTML, others show them; so only a text that
    has a tag or such an escape itself is escaped.
    """

    def escape(text):
        plain = not MARKUP.search(text) and html.unescape(text) == text
        return text if plain else _escape(text)

    _write_subtitles(path, alignment, "srt", escape)


def write_vtt(path, alignment):
    """Write WebVTT subtitles, see `cut_subtitles`; special characters are escaped as in HTML."""
    _write_subtitles(path, alignment, "vtt", _escape)


def _escape(text):
    return re.sub(r"\\(?=[nNhp])", "&#92;", html.escape(text, quote=False))


def _write_subtitles(path, alignment, kind, escape):
    import pysubs2

    subtitles = list(cut_subtitles(alignment))
    times = _place([span for span, _ in subtitles], alignment.duration, 1000)
    file = pysubs2.SSAFile()
    for (start, end), (_, text) in zip(times, subtitles, strict=True):
        file.append(pysubs2.SSAEvent(start, end, escape(text)))
    with replacing(path) as out:
        file.to_file(out, kind, keep_ssa_tags=True)  # braces are text


def cut_subtitles(alignment):
    """Cut the sentences into subtitles.

    A sentence that has too many characters is cut in the middle of them, one that lasts too long at
    the pause nearest to the middle of its time, and so on until each part fits; always between
    words. A part of which no word was read has no subtitle.

    Yields
    ------
    (float, float)
        Start and end in seconds.
    str
    """
    for sentence in alignment.sentences:
        if not _was_read(sentence):
            continue
        words = alignment.words[sentence.first : sentence.last]
        text, spans = find_words(sentence, words)
        places, time = [], sentence.start
        for word, (begin, _) in zip(words, spans, strict=True):  # among the characters, and when
            places.append((begin, (time + word.start) / 2 if _was_read(word) else time))
            time = word.end if _was_read(word) else time
        yield from _cut(words, [(0, sentence.start), *places[1:], (len(text), time)], text)


def find_words(sentence, words):
    """Return the text of a sentence in one line, and where in it each of its words stands."""
    text, spans, at = _one_line(sentence.text), [], 0
    for word in words:
        written = _one_line(word.text)
        begin = max(text.find(written, at), at)
        at = begin + len(written)
        spans.append((begin, at))
    return text, spans


def _cut(words, places, text):
    spans = [(word.start, word.end) for word in words if _was_read(word)]
    if not spans:
        return
    span = spans[0][0], spans[-1][1]
    part = text[places[0][0] : places[-1][0]].strip()
    too_long = len(part) > LONGEST_TEXT
    if len(words) == 1 or not (too_long or span[1] - span[0] > LONGEST_TIME):
        yield span, part
        return
    steps = [place[0 if too_long else 1] for place in places]
    middle = (steps[0] + steps[-1]) / 2
    cut = min(range(1, len(words)), key=lambda i: abs(steps[i] - middle))
    yield from _cut(words[:cut], places[: cut + 1], text)
    yield from _cut(words[cut:], places[cut:], text)


def write_textgrid(path, alignment):
    """Write a TextGrid for Praat, with the tiers "sentences", "words" and "foreign"."""
    from praatio.textgrid import IntervalTier, Textgrid

    tiers = {
        "sentences": [(s.start, s.end, s.text) for s in alignment.sentences if _was_read(s)],
        "words": [(w.start, w.end, w.text) for w in alignment.words if _was_read(w)],
        "foreign": [(start, end, "foreign") for start, end in alignment.foreign],
    }
    placed = {
        name: _place([row[:2] for row in rows], alignment.duration, 1e6)
        for name, rows in tiers.items()
    }
    duration = max(
        [alignment.duration, *(times[-1][1] / 1e6 for times in placed.values() if times)]
    )
    grid = Textgrid(0, duration)
    for name, rows in tiers.items():
        times = [(start / 1e6, end / 1e6) for start, end in placed[name]]
        entries = [(*time, _label(text)) for time, (_, _, text) in zip(times, rows, strict=True)]
        grid.addTier(IntervalTier(name, entries, 0, duration))
    with replacing(path) as file:
        grid.save(file.name, "short_textgrid", includeBlankSpaces=True)


def _label(text):
    """Return a text as a label; "item [" would make praatio take the file for the long format."""
    return _one_line(text).replace("item [", "item\N{NO-BREAK SPACE}[")


def _place(spans, duration, rate):
    """Round spans of seconds to whole units, `rate` a second, as the head of the file says."""
    placed, last = [], 0
    for start, end in spans:
        start = max(round(start * rate), last)
        last = max(round(end * rate), start + 1)
        placed.append((start, last))
    limit = max(round(duration * rate), len(placed))
    for i, (start, end) in reversed([*enumerate(placed)]):
        end = min(end, limit)
        limit = min(start, end - 1)
        placed[i] = limit, end
    return placed


def _was_read(part):
    return part.start is not None


def _one_line(text):
    return " ".join(text.split())


FORMATS = {
    "json": write_json,
    "ctm": write_ctm,
    "srt": write_srt,
    "vtt": write_vtt,
    "TextGrid": write_textgrid,
}
