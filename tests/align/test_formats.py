"""Every file of an alignment, read again: by its library, or by the rules of its format."""

import html
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pysubs2
import pytest
from helpers.alignments import align, alignments
from hypothesis import given, settings
from praatio.textgrid import openTextgrid

from ds2np.align.formats import FORMATS, cut_subtitles, read_alignment, write_alignment
from ds2np.errors import UserError

drawn = settings(deadline=None, derandomize=True, max_examples=40)
SMALL = align(
    [[("Good", 0.5, 0.75, 0.9), ("day", 0.75, 1.0, 0.8)], [("Bye", None, None, 0.0)]],
    duration=2.0,
    foreign=[(1.25, 2.0)],
)
NOTHING = replace(SMALL, words=SMALL.words[2:], sentences=(), foreign=(), unread=((0, 1),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("formats")


def write(folder, alignment, kind):
    [path] = write_alignment(folder, "It's 我 %20", alignment, [kind])
    return path


def one_line(text):
    return " ".join(text.split())


def read_parts(parts):
    return [part for part in parts if part.start is not None]


def check_times(spans, parts, unit):
    """Check that intervals are in order, not empty, and near where they should be."""
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    crowded = any(end - start < unit for start, end in parts)
    moved = unit * (1 + len(parts) if crowded else 0.51)  # rounded, but not pushed by others
    for span, part in zip(spans, parts, strict=True):
        assert span == pytest.approx(part, abs=moved)


def test_names_and_order_of_the_files(tmp_path):
    paths = write_alignment(tmp_path, "a.b", SMALL)
    assert [path.name for path in paths] == [f"a.b.{kind}" for kind in FORMATS]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


@drawn
@given(alignment=alignments())
def test_json_gives_the_alignment_back(folder, alignment):
    assert read_alignment(write(folder, alignment, "json")) == alignment


def test_json_gives_a_name_that_is_not_utf8_back(tmp_path):
    alignment = replace(SMALL, recording="\udcff.wav")
    assert read_alignment(write(tmp_path, alignment, "json")) == alignment
    assert write(tmp_path, alignment, "ctm").read_text().startswith("\\udcff 1 0.500 0.250 good ")


def change(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


DAMAGE = {
    "half": lambda text: text[: len(text) // 2],
    "a list": lambda text: "[]",
    "bytes": lambda text: "\x00\x01",
    "no version": lambda text: change(text, '"version": 1', '"versions": 1'),
    "another format": lambda text: change(text, "ds2np alignment", "ds2np"),
    "another version": lambda text: change(text, '"version": 1', '"version": 2'),
    "a missing field": lambda text: change(text, '"confidence"', '"sure"'),
    "a wrong type": lambda text: change(text, "0.75", '"0.75"'),
    "no words": lambda text: json.dumps(json.loads(text) | {"words": None}),
    "a word that is no object": lambda text: json.dumps(json.loads(text) | {"words": [1]}),
    "a range": lambda text: json.dumps(json.loads(text) | {"unread": [[2, 9]]}),
    "a pair": lambda text: json.dumps(json.loads(text) | {"foreign": [[2.0]]}),
    "a number for pairs": lambda text: json.dumps(json.loads(text) | {"foreign": [2.0]}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_json_is_one_error(tmp_path, damage):
    path = write(tmp_path, SMALL, "json")
    path.write_text(DAMAGE[damage](path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(str(path))) as raised:
        read_alignment(path)
    assert "\n" not in str(raised.value)
    assert ("version 2, expected 1" in str(raised.value)) == (damage == "another version")
    fields = "words[0] misses, or should not have, confidence, sure"
    assert (fields in str(raised.value)) == (damage == "a missing field")


def test_a_missing_file_is_one_error(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_alignment(tmp_path / "missing.json")


def test_ctm_of_a_small_alignment(tmp_path):
    words = (replace(SMALL.words[0], text="1984,", spoken="nineteen eighty four"), *SMALL.words[1:])
    alignment = replace(SMALL, words=words, recording="; a 50%.wav")
    assert write(tmp_path, alignment, "ctm").read_text().splitlines() == [
        "%3B%20a%2050%25 1 0.500 0.111 nineteen 0.900",
        "%3B%20a%2050%25 1 0.611 0.083 eighty 0.900",
        "%3B%20a%2050%25 1 0.694 0.056 four 0.900",
        "%3B%20a%2050%25 1 0.750 0.250 day 0.800",
    ]


@drawn
@given(alignment=alignments())
def test_ctm_has_each_spoken_word(folder, alignment):
    text = write(folder, alignment, "ctm").read_text(encoding="utf-8")
    lines = [line.split() for line in text.split("\n")[:-1]]
    assert {unquote(line[0]) for line in lines} <= {Path(alignment.recording).stem}
    expected = [
        (part, word) for word in read_parts(alignment.words) for part in word.spoken.split()
    ]
    assert [line[4] for line in lines] == [part for part, _ in expected]
    assert [float(line[5]) for line in lines] == pytest.approx(
        [word.confidence for _, word in expected], abs=5.1e-4
    )
    thousandths = [round(1000 * float(line[2])) for line in lines]
    spans = [
        (t, t + round(1000 * float(line[3]))) for t, line in zip(thousandths, lines, strict=True)
    ]
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([(0.5, 0.5), (0.5, 0.5), (0.5, 0.6)], [(500, 1), (501, 1), (502, 98)]),
        ([(0.9, 1.0), (1.0, 1.0), (1.0, 1.0)], [(900, 98), (998, 1), (999, 1)]),
    ],
)
def test_words_without_length_get_a_millisecond(tmp_path, times, expected):
    alignment = align([[("a", start, end, 1.0) for start, end in times]], 1.0)
    lines = write(tmp_path, alignment, "ctm").read_text().splitlines()
    found = [tuple(round(1000 * float(x)) for x in line.split()[2:4]) for line in lines]
    assert found == expected
    grid = openTextgrid(str(write(tmp_path, alignment, "TextGrid")), includeEmptyIntervals=False)
    assert len(grid.getTier("words").entries) == 3
    assert grid.maxTimestamp == 1


def read_subtitles(path):
    file = pysubs2.load(str(path), encoding="utf-8", format_=path.suffix[1:])
    return [((e.start / 1000, e.end / 1000), html.unescape(e.text)) for e in file]


@pytest.mark.parametrize("kind", ["srt", "vtt"])
@drawn
@given(alignment=alignments())
def test_subtitles_have_the_sentences(folder, kind, alignment):
    path = write(folder, alignment, kind)
    found, expected = read_subtitles(path), list(cut_subtitles(alignment))
    assert [text for _, text in found] == [text for _, text in expected]
    check_times([span for span, _ in found], [span for span, _ in expected], 1e-3)
    if kind == "vtt":
        text = path.read_text(encoding="utf-8")
        assert text.count("-->") == len(expected)
        assert "<" not in text
    for sentence in alignment.sentences:
        parts = list(cut_subtitles(replace(alignment, sentences=(sentence,))))
        if sentence.complete:
            assert "".join("".join(text for _, text in parts).split()) == "".join(
                sentence.text.split()
            )
        assert (not parts) == (sentence.start is None)


def test_long_sentences_are_halved_between_words():
    words = [(f"word{i:03}", 0.5 * i, 0.5 * i + 0.4, 1.0) for i in range(40)]
    parts = list(cut_subtitles(align([words], 20.0)))
    assert len(parts) == 4  # of 20 s and 319 characters
    for (start, end), text in parts:
        assert len(text.split()) == 10
        assert text.startswith(f"word{round(2 * start):03}")
        assert end - start == pytest.approx(4.9)
    pause = [("a", 0.0, 0.1, 1.0), ("b", 0.2, 0.3, 1.0), ("c", 30.0, 30.5, 1.0)]
    assert [text for _, text in cut_subtitles(align([pause], 31.0))] == ["a b", "c"]


@pytest.mark.parametrize(
    ("text", "srt", "vtt"),
    [
        ("AT&T: a\n< b", "AT&T: a < b", "AT&amp;T: a &lt; b"),
        ("<script>", "&lt;script&gt;", "&lt;script&gt;"),
        ("a --> b", "a --&gt; b", "a --&gt; b"),
        ("&lt; {\\p1} \\N", "&amp;lt; {&#92;p1} &#92;N", "&amp;lt; {&#92;p1} &#92;N"),
        ("{\\an8} up", "{\\an8} up", "{\\an8} up"),
    ],
)
def test_special_characters_in_subtitles(tmp_path, text, srt, vtt):
    alignment = align([[(text, 3599.9994, 3601.0, 1.0)]], 4000.0)
    written = {kind: write(tmp_path, alignment, kind).read_text() for kind in ("srt", "vtt")}
    assert written["srt"] == f"1\n00:59:59,999 --> 01:00:01,000\n{srt}\n\n"
    assert written["vtt"] == f"WEBVTT\n\n1\n00:59:59.999 --> 01:00:01.000\n{vtt}\n\n"


@drawn
@given(alignment=alignments())
def test_a_textgrid_has_three_tiers(folder, alignment):
    path = write(folder, alignment, "TextGrid")
    grid = openTextgrid(str(path), includeEmptyIntervals=True)
    assert grid.tierNames == ("sentences", "words", "foreign")
    assert (grid.minTimestamp, grid.maxTimestamp) == (
        0,
        pytest.approx(alignment.duration, abs=4e-5),
    )
    expected = {
        "sentences": [(s.start, s.end, s.text) for s in read_parts(alignment.sentences)],
        "words": [(w.start, w.end, w.text) for w in read_parts(alignment.words)],
        "foreign": [(start, end, "foreign") for start, end in alignment.foreign],
    }
    for name, rows in expected.items():
        entries = grid.getTier(name).entries
        assert all(a.end == b.start for a, b in pairwise(entries))  # Praat wants them all
        assert (entries[0].start, entries[-1].end) == (0, grid.maxTimestamp)
        entries = [entry for entry in entries if entry.label]
        assert [one_line(e.label) for e in entries] == [one_line(text) for *_, text in rows]
        spans = [(entry.start, entry.end) for entry in entries]
        check_times(spans, [row[:2] for row in rows], 1e-6)


@pytest.mark.parametrize("text", ['item [1]: "x"', '"', 'text = ""', "intervals [1]:\nxmin = 0"])
def test_texts_that_look_like_a_textgrid(tmp_path, text):
    path = write(tmp_path, align([[(text, 0.5, 1.0, 1.0)]], 2.0), "TextGrid")
    grid = openTextgrid(str(path), includeEmptyIntervals=False)
    [entry] = grid.getTier("sentences").entries
    assert one_line(entry.label) == one_line(text)


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_was_read(tmp_path, kind):
    path = write(tmp_path, NOTHING, kind)
    text = path.read_text(encoding="utf-8")
    assert text == {"ctm": "", "srt": "", "vtt": "WEBVTT\n\n"}.get(kind, text)
    if kind == "json":
        assert read_alignment(path) == NOTHING
    if kind == "TextGrid":
        tiers = openTextgrid(str(path), includeEmptyIntervals=False).tiers
        assert [len(tier.entries) for tier in tiers] == [0, 0, 0]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_is_written_completely_or_not_at_all(tmp_path, kind):
    path = write(tmp_path, SMALL, kind)
    before = path.read_bytes()
    broken = replace(SMALL, words=(replace(SMALL.words[0], text=None, spoken=None),))
    with pytest.raises((AttributeError, TypeError, IndexError)):
        FORMATS[kind](path, replace(broken, recording=object()))
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]
