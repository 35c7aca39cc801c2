import dataclasses

import numpy as np
import pytest

from ds2np.errors import UserError
from ds2np.model import PRESETS, DeepSpeech2, DeepSpeech2Config, preset


@pytest.mark.parametrize("name", PRESETS)
def test_lengths_need_no_network(name):
    small = dataclasses.replace(preset(name), layers=1, hidden=2, dense=0)
    frames = np.array([0, 1, 2, 3, 10, 49, 50, 51, 1000])
    expected = DeepSpeech2(small).out_lengths(frames)
    np.testing.assert_array_equal(preset(name).out_lengths(frames), expected)
    assert [int(preset(name).out_lengths(int(n))) for n in frames] == expected.tolist()


def test_frames_are_those_of_whole_windows():
    config = preset("tiny")  # windows of 20 ms, one every 10 ms
    assert [config.count_frames(s) for s in (0, 0.0199, 0.02, 0.03, 1)] == [0, 0, 1, 2, 99]


def test_symbols_may_be_longer_than_a_character():
    config = DeepSpeech2Config(characters=("th", "e", " "))
    assert config.alphabet().symbols == ("th", "e", " ")
    assert DeepSpeech2Config.from_dict(config.to_dict()) == config


def test_an_unknown_kind_of_alphabet_is_refused():
    with pytest.raises(UserError, match="no alphabet of 'runes'; choose from characters"):
        DeepSpeech2Config(units="runes").alphabet()
