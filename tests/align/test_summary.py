"""What the command says about a corpus."""

from pathlib import Path

import numpy as np

from ds2np.align.corpus import Item
from ds2np.align.cutting import NO_TEXT, NOT_READ, Cut
from ds2np.align.summary import describe_items


def test_amounts_of_what_was_left_out():
    cuts = [
        Cut(0.0, 90.0, 0, 2),
        Cut(np.float64(90.0), np.float64(91.5), 2, 2, NO_TEXT),
        Cut(np.float64(95.0), np.float64(155.0), 2, 2, NO_TEXT),
        Cut(None, None, 2, 3, NOT_READ),
    ]
    items = [Item(Path("a.wav"), cut) for cut in cuts]
    assert [*describe_items(items, "a.jsonl", "a.tsv")] == [
        "a.jsonl: 1 utterance, 1.5 minutes",
        "a.tsv:",
        "  no text: 2 (1.0 minutes)",
        "  not read: 1 (1 word)",
    ]
    assert [*describe_items(items[:1], "a.jsonl", "a.tsv")] == ["a.jsonl: 1 utterance, 1.5 minutes"]
