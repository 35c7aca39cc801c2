"""How well is a recording of `long_recording.py` aligned?

    python tests/benchmarks/alignment_errors.py FOLDER ALIGNED

FOLDER has truth.json, ALIGNED is the output folder of `python -m ds2np align`. Prints how far the
boundaries of sentences are off, and how much of what was planted is marked.
"""

import argparse
import json
from pathlib import Path

import numpy as np

MARKED = 0.5  # of the seconds of a sound, or of the words of a sentence


def main():
    """Read both and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("aligned", type=Path, metavar="ALIGNED")
    args = parser.parse_args()
    from ds2np.align.formats import read_alignment

    truth = json.loads((args.folder / "truth.json").read_text(encoding="utf-8"))
    alignment = read_alignment(args.aligned / "recording.json")
    foreign = {each["line"] + 1 for each in truth["foreign"]}
    by_line = {alignment.words[s.first].line: s for s in alignment.sentences}
    kept = [each for each in truth["sentences"] if not each["removed"]]
    lines = [line for line in range(1, len(kept) + len(foreign) + 1) if line not in foreign]
    errors = []
    for line, each in zip(lines, kept, strict=True):
        found = by_line[line]
        lost = found.start is None
        errors += [
            np.inf if lost else abs(found.start - each["start"]),
            np.inf if lost else abs(found.end - each["end"]),
        ]
    errors = np.array(errors)
    print(
        f"{len(kept):,} sentences in {truth['duration'] / 60:.1f} minutes: median error "
        f"{1000 * np.median(errors):.0f} ms; {100 * np.mean(errors <= 0.2):.1f} % within 200 ms, "
        f"{100 * np.mean(errors <= 0.5):.1f} % within 500 ms"
    )
    planted = [each for each in truth["sentences"] if each["removed"]] + truth["noise"]
    marked = [covered(alignment.foreign, each) >= MARKED for each in planted]
    unread = [count_unread(alignment, by_line[line]) >= MARKED for line in foreign]
    for name, found in (("sounds without text", marked), ("sentences not read", unread)):
        if found:
            print(f"{name}: {sum(found)} of {len(found)} marked ({100 * np.mean(found):.1f} %)")


def covered(spans, each):
    """Return the share of a sound's seconds that lie in some spans."""
    start, end = each["start"], each["end"]
    return sum(max(0.0, min(b, end) - max(a, start)) for a, b in spans) / (end - start)


def count_unread(alignment, sentence):
    """Return the share of a sentence's words that were not read."""
    words = alignment.words[sentence.first : sentence.last]
    return sum(not word.read for word in words) / len(words)


if __name__ == "__main__":
    main()
