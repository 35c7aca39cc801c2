"""The counts behind the table of tones.py."""

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("tones", Path(__file__).with_name("tones.py"))
tones = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tones)


def test_tones_are_counted_where_the_syllable_is_right():
    alignments = [
        [("妈", "妈"), ("麻", "马"), (None, "打"), ("书", None)],
        [("骂", "妈"), ("爸", "大"), ("爸", "爸")],
    ]
    counts = tones.count_tones(alignments)
    assert (counts["said"], counts["right"]) == (6, 4)
    expected = [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]]
    assert counts["confusions"] == expected


def test_rates_tell_duration_from_pitch():
    counts = {
        "said": 100,
        "right": 80,
        # Level and falling last equally long, and so do rising and dipping.
        "confusions": [[10, 1, 2, 7], [3, 15, 2, 0], [0, 4, 16, 0], [5, 0, 0, 15]],
    }
    assert tones.rates(counts) == pytest.approx((0.8, 56 / 80, 74 / 80, 56 / 74))


@pytest.mark.parametrize("name", tones.NETWORKS)
def test_every_network_is_one(name):
    window_ms, stride, way, _ = tones.NETWORKS[name]
    config = tones.configure(window_ms, stride)
    assert config.features == 8 * window_ms + 1
    assert (config.conv[0].stride, config.conv[1].stride) == ((2, stride), (2, 2))
    assert way in ("spoken", "equal")
