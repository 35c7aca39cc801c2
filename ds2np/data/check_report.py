"""A checked manifest as numbers, and as a report for the terminal."""

import math
import textwrap
from collections import Counter

BAR = 50  # characters of the longest bar
BARS = 20  # maximum number of bars
WIDTH = 100  # characters in a line


def statistics(checked):
    """Return the statistics of a checked manifest as plain values.

    Durations are those of the recordings, or the stated ones where a recording cannot be read.
    Characters are those of the normalised transcripts. Repeated transcripts are counted; they are
    not a fault.
    """
    lines = [line for line in checked.lines if line.utterance]
    texts = [checked.alphabet.normalise(line.utterance.text) for line in lines]
    words = [word for text in texts for word in text.split()]
    characters = Counter("".join(texts))
    speakers = Counter(line.utterance.speaker for line in lines)
    heard = [line.recording for line in lines if line.recording]
    return {
        "manifest": str(checked.path),
        "utterances": len(lines),
        "hours": sum(line.seconds for line in lines) / 3600,
        "speakers": len(speakers.keys() - {""}),
        "without_speaker": speakers[""],
        "characters": characters.total(),
        "words": len(words),
        "distinct_words": len(set(words)),
        "distinct_texts": len(set(texts)),
        "shortest": _place(min(lines, key=_seconds, default=None)),
        "longest": _place(max(lines, key=_seconds, default=None)),
        "sampling_rates": dict(Counter(r.rate for r in heard).most_common()),
        "formats": dict(Counter(r.format for r in heard).most_common()),
        "durations": count_durations([line.seconds for line in lines]),
        "each_character": dict(characters.most_common()),
        "faulty_lines": len(checked.faulty),
        "faults": [
            {"line": line.number, "kind": fault.kind, "message": fault.message}
            for line in checked.lines
            for fault in line.faults
        ],
    }


def _seconds(line):
    return line.seconds


def _place(line):
    return line and {"line": line.number, "seconds": line.seconds}


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


def describe(checked):
    """Format the statistics and the faults of a checked manifest for the terminal."""
    numbers = statistics(checked)
    parts = [
        _table(numbers),
        _bars(numbers["durations"]),
        _characters(numbers["each_character"]),
        _faults(checked, numbers),
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
        "words": f"{numbers['words']:,} ({numbers['distinct_words']:,} distinct)",
        "transcripts": f"{numbers['distinct_texts']:,} distinct",
        "shortest": _duration(numbers["shortest"]),
        "longest": _duration(numbers["longest"]),
        "rates": _counted({f"{rate:,} Hz": n for rate, n in numbers["sampling_rates"].items()}),
        "formats": _counted(numbers["formats"]),
    }
    return "\n".join(f"{name:12}{value}" for name, value in rows.items())


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
    items = [f"{char!r} {count:,}" for char, count in counts.items()]
    listed = "  ".join(item.replace(" ", "\N{NO-BREAK SPACE}") for item in items)
    lines = textwrap.wrap(listed, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(["characters", *lines]).replace("\N{NO-BREAK SPACE}", " ")


def _faults(checked, numbers):
    if not numbers["faults"]:
        return "no faults found"
    kinds = _counted(Counter(fault["kind"] for fault in numbers["faults"]))
    return "\n".join(
        [
            *(
                f"{checked.path}:{fault['line']}: {fault['kind']}: {fault['message']}"
                for fault in numbers["faults"]
            ),
            f"faulty: {numbers['faulty_lines']:,} of {len(checked.lines):,} lines: {kinds}",
        ]
    )


def describe_copy(checked, target, done):
    """Format what `write_clean` returned (``done``) for the terminal."""
    kept = sum(line.usable for line in checked.lines)
    rows = [f"{target}: {kept:,} of {len(checked.lines):,} lines" + ", not written" * (not kept)]
    actions = {f"left out, {kind}": lines for kind, lines in done["left_out"].items()}
    actions["durations corrected"] = done["durations_corrected"]
    actions["transcripts rewritten"] = done["transcripts_rewritten"]
    for action, lines in actions.items():
        if lines:
            rows.append(f"  {action} ({len(lines):,}): lines {', '.join(map(str, lines))}")
    return "\n".join(rows)
