"""A checked manifest as numbers, and as a report for the terminal."""

import itertools
import math
import textwrap
from collections import Counter

from ds2np.audio.suspect import describe_low_rate
from ds2np.text.suspects import SuspectTexts
from ds2np.text.words import without_spaces

BAR = 50  # characters of the longest bar
BARS = 20  # maximum number of bars
WIDTH = 100  # characters in a line
SHOWN = 20  # lines of one kind of fault
CHARACTERS = 200  # distinct ones that are listed


def statistics(checked):
    """Return the statistics of a checked manifest as plain values.

    Durations are those of the recordings, or the stated ones where a recording cannot be read.
    Characters are those of the normalised transcripts; symbols are what the alphabet makes of them,
    with the bits that their frequencies give each (entropy). A Chinese character is a word of its
    own. Repeated transcripts are counted; they are not a fault.
    """
    lines = [line for line in checked.lines if line.utterance]
    words, characters, symbols, texts = Counter(), Counter(), Counter(), set()
    suspects = SuspectTexts(checked.alphabet.symbols)
    for line in lines:
        suspects.notice(line.utterance.text, line.utterance.where)
        text = checked.alphabet.normalise(line.utterance.text)
        words.update(checked.alphabet.split(text))
        characters.update(text)
        symbols.update(checked.alphabet.cut(text))
        texts.add(hash(text))  # the texts themselves would take much memory
    speakers = Counter(line.utterance.speaker for line in lines)
    heard = [line.recording for line in lines if line.recording]
    seconds = sum(line.seconds for line in lines)
    rate = symbols.total() / seconds if seconds else 0.0
    bits = -sum(n * math.log2(n / symbols.total()) for n in symbols.values()) / (
        symbols.total() or 1
    )
    return {
        "manifest": ", ".join(map(str, checked.paths)),
        "utterances": len(lines),
        "hours": seconds / 3600,
        "speakers": len(speakers.keys() - {""}),
        "without_speaker": speakers[""],
        "characters": characters.total(),
        "symbols": symbols.total(),
        "symbols_a_second": rate,
        "bits_a_symbol": bits,
        "words": words.total(),
        "distinct_words": len(words),
        "distinct_texts": len(texts),
        "shortest": _place(checked, min(lines, key=_seconds, default=None)),
        "longest": _place(checked, max(lines, key=_seconds, default=None)),
        "sampling_rates": dict(Counter(r.rate for r in heard).most_common()),
        "formats": dict(Counter(r.format for r in heard).most_common()),
        "durations": count_durations([line.seconds for line in lines]),
        "each_character": dict(characters.most_common()),
        "faulty_lines": len(checked.faulty),
        "faults": [
            {"line": checked.place(line), "kind": fault.kind, "message": fault.message}
            for line in checked.faulty
            for fault in line.faults
        ],
        "warnings": _warn(heard, checked.config.sample_rate) + suspects.sentences(),
    }


def _warn(recordings, sample_rate):
    """List what makes recognition hard but no line unusable."""
    low = Counter(each.rate for each in recordings if each.rate < sample_rate)
    return [
        describe_low_rate(f"{count:,} recordings were", rate, sample_rate)
        for rate, count in low.most_common()
    ]


def _seconds(line):
    return line.seconds


def _place(checked, line):
    return line and {"line": checked.place(line), "seconds": line.seconds}


def count_durations(seconds):
    """Count durations, in seconds, in intervals of equal and round width.

    The intervals are dicts with "from", "to" (exclusive) and "utterances", from 0 on without gaps.
    """
    longest = max(seconds, default=0)
    if not longest:
        return []
    scale = 10.0 ** math.floor(math.log10(longest / BARS))
    width = next(w for m in (1, 2, 5, 10) if longest / (w := m * scale) < BARS)
    counts = Counter(int(s / width) for s in seconds)
    return [
        {"from": round(i * width, 6), "to": round((i + 1) * width, 6), "utterances": counts[i]}
        for i in range(max(counts) + 1)
    ]


def describe(checked, shown=SHOWN):
    """Format the statistics and the faults of a checked manifest for the terminal.

    ``shown`` limits the lines of one kind of fault.
    """
    numbers = statistics(checked)
    parts = [
        _table(numbers),
        _bars(numbers["durations"]),
        _characters(numbers["each_character"]),
        "\n".join(f"warning: {warning}" for warning in numbers["warnings"]),
        _faults(checked, numbers, shown),
    ]
    return "\n\n".join(part for part in parts if part)


def _table(numbers):
    hours, unknown = numbers["hours"], numbers["without_speaker"]
    rows = {
        "manifest": numbers["manifest"],
        "utterances": f"{numbers['utterances']:,}",
        "audio": f"{hours:.2f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes",
        "speakers": f"{numbers['speakers']:,}"
        + (f" ({unknown:,} lines without one)" * bool(unknown)),
        "characters": f"{numbers['characters']:,} ({len(numbers['each_character']):,} distinct)",
        "symbols": f"{numbers['symbols']:,}, {numbers['symbols_a_second']:.2f} a second; "
        f"{numbers['bits_a_symbol']:.2f} bits each, "
        f"{numbers['symbols_a_second'] * numbers['bits_a_symbol']:.1f} a second",
        "words": ""
        if without_spaces(numbers["each_character"])
        else f"{numbers['words']:,} ({numbers['distinct_words']:,} distinct)",
        "transcripts": f"{numbers['distinct_texts']:,} distinct",
        "shortest": _duration(numbers["shortest"]),
        "longest": _duration(numbers["longest"]),
        "rates": _counted({f"{rate:,} Hz": n for rate, n in numbers["sampling_rates"].items()}),
        "formats": _counted(numbers["formats"]),
    }
    return "\n".join(f"{name:12}{value}" for name, value in rows.items() if value)


def _duration(place):
    return f"{place['seconds']:.2f} s (line {place['line']})" if place else "-"


def _counted(counts):
    return "; ".join(f"{name} ({count:,})" for name, count in counts.items()) or "-"


def _bars(durations):
    """Draw a histogram in which every interval that is not empty has a mark."""
    if not durations:
        return ""
    most = max(interval["utterances"] for interval in durations)
    rows = ["seconds         utterances"]
    for interval in durations:
        count = interval["utterances"]
        bar = "#" * math.ceil(BAR * count / most)
        place = f"{interval['from']:6g} to {interval['to']:<6g}"
        rows.append(f"{place}{count:10,}  {bar}".rstrip())
    return "\n".join(rows)


def _characters(counts):
    if not counts:
        return ""
    # A no-break space keeps a character and its number on one line.
    items = [f"{char!r} {count:,}" for char, count in itertools.islice(counts.items(), CHARACTERS)]
    listed = "  ".join(item.replace(" ", "\N{NO-BREAK SPACE}") for item in items)
    lines = textwrap.wrap(listed, WIDTH, break_long_words=False, break_on_hyphens=False)
    if len(counts) > CHARACTERS:
        once = sum(count == 1 for count in counts.values())
        more = len(counts) - CHARACTERS
        lines.append(f"and {more:,} rarer ones, {once:,} of them once (--json lists them)")
    return "\n".join(["characters", *lines]).replace("\N{NO-BREAK SPACE}", " ")


def _faults(checked, numbers, shown):
    if not numbers["faults"]:
        return "no faults found"
    rows, counts = [], Counter()
    for line in checked.faulty:
        for fault in line.faults:
            counts[fault.kind] += 1
            if counts[fault.kind] <= shown:
                rows.append(f"{line.manifest}:{line.number}: {fault.kind}: {fault.message}")
    for kind, count in counts.items():
        if count > shown:
            rows.append(f"and {count - shown:,} more: {kind} (--all lists them)")
    faulty = f"faulty: {numbers['faulty_lines']:,} of {len(checked.lines):,} lines"
    return "\n".join([*rows, f"{faulty}: {_counted(counts)}"])


def describe_copy(checked, target, done, shown=SHOWN):
    """Format what `write_clean` returned (``done``) for the terminal."""
    kept = sum(line.usable for line in checked.lines)
    rows = [f"{target}: {kept:,} of {len(checked.lines):,} lines" + ", not written" * (not kept)]
    actions = {f"left out, {kind}": lines for kind, lines in done["left_out"].items()}
    actions["durations corrected"] = done["durations_corrected"]
    actions["spaces beside Chinese characters taken out"] = done["spaces_taken_out"]
    actions["transcripts rewritten"] = done["transcripts_rewritten"]
    for action, lines in actions.items():
        if lines:
            listed = ", ".join(map(str, lines[:shown]))
            more = ", ..." if len(lines) > shown else ""
            rows.append(f"  {action} ({len(lines):,}): lines {listed}{more}")
    return "\n".join(rows)
