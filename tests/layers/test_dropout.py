"""Dropout: which features it leaves out, when, and with which seed."""

import dataclasses

import numpy as np
import pytest
from helpers import toys

from ds2np.layers import Dropout, Sequential
from ds2np.layers.dropout import seed_dropout
from ds2np.model import DeepSpeech2


@pytest.fixture
def ones():
    return np.ones((50, 4, 80)), np.full(50, 4)


def test_a_share_of_the_features_of_each_utterance_is_left_out_in_all_of_its_frames(ones):
    out = Dropout(0.25).forward(*ones)
    values, counts = np.unique(out, return_counts=True)
    np.testing.assert_allclose(values, [0, 4 / 3])
    assert abs(counts[0] / out.size - 0.25) < 0.03  # of 4,000 draws: 4 standard deviations
    assert (out == out[:, :1]).all()
    assert not (out == out[:1]).all()


def test_in_evaluation_mode_nothing_is_left_out(ones):
    layer = Dropout(0.5)
    layer.set_training(False)
    np.testing.assert_array_equal(layer.forward(*ones), ones[0])


def test_the_mask_follows_from_the_seed_and_the_place_of_the_layer(ones):
    stack = Sequential({"inner": Sequential({"a": Dropout(0.5)}), "b": Dropout(0.5)})

    def masks(*seed):
        seed_dropout(stack, seed)
        layers = stack.sublayers["inner"].sublayers["a"], stack.sublayers["b"]
        return [layer.forward(*ones) for layer in layers]

    first, again, other = masks(0, 1), masks(0, 1), masks(0, 2)
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()
    assert all((a != b).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("share", [-0.1, 1, float("nan")])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(ValueError, match="expected at least 0 and less than 1"):
        Dropout(share)


def test_it_stands_between_recurrent_layers_and_before_the_output():
    config = dataclasses.replace(toys.MODEL, layers=2, dropout=0.3)
    names = [name for name in DeepSpeech2(config).sublayers if "dropout" in name]
    assert names == [f"{config.recurrent}2_dropout", "output_dropout"]
    plain = DeepSpeech2(dataclasses.replace(config, dropout=0.0))
    assert not any("dropout" in name for name in plain.sublayers)
    assert plain.params.keys() == DeepSpeech2(config).params.keys()
