import dataclasses
import json
import re

import numpy as np
import pytest
from helpers import toys

from ds2np.data.check import check_manifest, write_clean
from ds2np.data.check_report import count_durations, describe, describe_copy, statistics

TEXTS = ("abc", "cab ab", "a b", "abc")


@pytest.fixture
def corpus(tmp_path):
    return toys.make_corpus(tmp_path / "corpus", TEXTS)


def test_statistics_are_those_of_the_manifest(corpus):
    numbers = statistics(check_manifest(corpus, toys.MODEL))
    assert json.loads(json.dumps(numbers)) == {
        "manifest": str(corpus),
        "utterances": 4,
        "hours": pytest.approx(1.5 / 3600),
        "speakers": 1,
        "without_speaker": 0,
        "characters": 15,
        "symbols": 15,
        "symbols_a_second": pytest.approx(10),
        "bits_a_symbol": pytest.approx(1.909, abs=1e-3),
        "words": 6,
        "distinct_words": 5,
        "distinct_texts": 3,
        "shortest": {"line": 1, "seconds": 0.3},
        "longest": {"line": 2, "seconds": 0.6},
        "sampling_rates": {"1600": 4},
        "formats": {"WAV PCM_16, 1 channel": 4},
        "durations": numbers["durations"],
        "each_character": {"a": 5, "b": 5, "c": 3, " ": 2},
        "faulty_lines": 0,
        "warnings": [],
        "faults": [],
    }
    assert sum(interval["utterances"] for interval in numbers["durations"]) == 4


def test_the_statistics_list_the_faults(corpus):
    corpus.write_text(corpus.read_text() + "[]\n")
    numbers = statistics(check_manifest(corpus, toys.MODEL))
    assert (numbers["utterances"], numbers["faulty_lines"]) == (4, 1)
    (fault,) = numbers["faults"]
    assert (fault["line"], fault["kind"]) == (5, "unreadable line")
    assert fault["message"].startswith("found list")


def test_symbols_are_those_of_the_alphabet(corpus):
    pairs = (" ", *"abc", "ab")
    config = dataclasses.replace(toys.MODEL, characters=pairs, units="bigrams")
    numbers = statistics(check_manifest(corpus, config))
    alphabet = config.alphabet()
    texts = [json.loads(line)["text"] for line in corpus.read_text().splitlines()]
    symbols = [symbol for text in texts for symbol in alphabet.encode(text).tolist()]
    shares = np.unique(symbols, return_counts=True)[1] / len(symbols)
    assert numbers["symbols"] == len(symbols) < numbers["characters"]
    assert numbers["symbols_a_second"] == pytest.approx(len(symbols) / 1.5)
    assert numbers["bits_a_symbol"] == pytest.approx(-(shares * np.log2(shares)).sum())


def test_durations_are_counted_in_round_intervals():
    intervals = count_durations([0.2, 1.9, 2.0, 2.1, 33.12])
    assert [(i["from"], i["to"]) for i in intervals] == [(i, i + 2) for i in range(0, 34, 2)]
    assert [i["utterances"] for i in intervals] == [2, 2, *[0] * 14, 1]
    assert count_durations([]) == []


@pytest.mark.parametrize("longest", [1e-4, 0.3, 1, 19.99, 20, 86400])
def test_the_intervals_reach_as_far_as_needed_and_are_few(longest):
    intervals = count_durations([longest / 3, longest])
    assert 5 <= len(intervals) <= 21
    assert intervals[-1]["from"] <= longest + 1e-6
    assert intervals[-1]["utterances"] == 1
    assert sum(i["utterances"] for i in intervals) == 2


def test_the_report_shows_the_statistics(corpus):
    page = describe(check_manifest(corpus, toys.MODEL))
    rows = page.splitlines()
    assert "utterances  4" in rows
    assert "shortest    0.30 s (line 1)" in rows
    assert "'a' 5  'b' 5  'c' 3  ' ' 2" in rows
    assert rows[-1] == "no faults found"
    bars = [row for row in rows if row.endswith("#")]
    assert [row.split()[3] for row in bars] == ["3", "1"]
    assert [row.count("#") for row in bars] == [50, 17]


def test_every_fault_has_its_line(corpus):
    corpus.write_text("[]\n" + corpus.read_text().replace("cab ab", "xy"))
    rows = describe(check_manifest(corpus, toys.MODEL)).splitlines()
    assert rows[-3].startswith(f"{corpus}:1: unreadable line: found list")
    assert rows[-2].startswith(f"{corpus}:3: unknown characters: 'x' 'y' in 'xy'")
    assert rows[-1] == "faulty: 2 of 5 lines: unreadable line (1); unknown characters (1)"


def test_a_kind_of_fault_is_listed_twenty_times(tmp_path):
    path = toys.make_corpus(tmp_path / "corpus")
    path.write_text(path.read_text() + "[]\n" * 25 + '{"text": 3}\n')
    checked = check_manifest(path, toys.MODEL)
    text = describe(checked)
    assert text.count(": unreadable line: ") == 20
    assert "\nand 6 more: unreadable line (--all lists them)\n" in text
    assert text.endswith("faulty: 26 of 36 lines: unreadable line (26)")
    assert describe(checked, 99).count(": unreadable line: ") == 26
    copied = describe_copy(
        checked, tmp_path / "c.jsonl", write_clean(checked, tmp_path / "c.jsonl")
    )
    assert "left out, unreadable line (26): lines 11, 12, " in copied
    assert ", 30, ..." in copied


def test_recordings_below_the_rate_of_the_network_are_a_warning(tmp_path):
    """The lines are usable: the network may be another one, and something can still be heard."""
    path = toys.make_corpus(tmp_path / "corpus")
    checked = check_manifest(path, dataclasses.replace(toys.MODEL, sample_rate=2000))
    assert not checked.faulty
    warning = "warning: 10 recordings were recorded at 1,600 Hz, but the network expects 2,000 Hz"
    assert warning in describe(checked)


def test_many_characters_are_wrapped_between_them(corpus):
    text = "".join(chr(0x4E00 + i) * (10 if i < 5 else 1) for i in range(128))
    corpus.write_text(corpus.read_text().replace("cab ab", text))
    rows = describe(check_manifest(corpus, toys.MODEL)).splitlines()
    start = rows.index("characters")
    listed = rows[start + 1 : rows.index("", start)]
    assert len(listed) > 5
    assert max(map(len, listed)) <= 100
    assert all(re.fullmatch(r"('.' \d+  )*'.' \d+", row) for row in listed)


def test_of_thousands_of_characters_the_rarest_are_counted(corpus):
    text = "".join(chr(0x4E00 + i) * (1 + (i < 260)) for i in range(300))
    corpus.write_text(corpus.read_text().replace("cab ab", text))
    checked = check_manifest(corpus, toys.MODEL)
    rows = describe(checked).splitlines()
    assert rows[rows.index("characters") + 1].startswith("'a' 3  'b' 3  'c' 2  '一' 2")
    assert "and 104 rarer ones, 41 of them once (--json lists them)" in rows
    assert len(statistics(checked)["each_character"]) == 304
    assert not any(row.startswith("words") for row in rows)


def test_a_manifest_without_a_readable_line(corpus):
    corpus.write_text("[]\n")
    page = describe(check_manifest(corpus, toys.MODEL))
    assert "shortest    -" in page.splitlines()
    assert page.endswith("faulty: 1 of 1 lines: unreadable line (1)")


def test_the_report_of_a_clean_copy(corpus, tmp_path):
    corpus.write_text("[]\n{}\n" + corpus.read_text().replace("a b", "A b"))
    checked = check_manifest(corpus, toys.MODEL)
    target = tmp_path / "clean.jsonl"
    assert describe_copy(checked, target, write_clean(checked, target)).splitlines() == [
        f"{target}: 4 of 6 lines",
        "  left out, unreadable line (2): lines 1, 2",
        "  transcripts rewritten (1): lines 5",
    ]


def test_the_report_of_a_copy_that_is_not_written(corpus, tmp_path):
    corpus.write_text("[]\n")
    checked = check_manifest(corpus, toys.MODEL)
    target = tmp_path / "clean.jsonl"
    page = describe_copy(checked, target, write_clean(checked, target))
    assert page.startswith(f"{target}: 0 of 1 lines, not written\n")
