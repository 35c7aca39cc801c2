"""Statistics of the training set are measured once and saved with the network."""

import dataclasses

import numpy as np
import pytest
from helpers import toys

from ds2np.audio import Features
from ds2np.data.dataset import Dataset
from ds2np.model import DeepSpeech2
from ds2np.model.run_folder import load_run
from ds2np.train.run import train
from ds2np.train.statistics import set_input_statistics


@pytest.mark.parametrize("normalisation", ["corpus", "running"])
def test_a_run_keeps_the_statistics_of_its_training_set(normalisation, utterances, tmp_path):
    config = dataclasses.replace(toys.MODEL, normalisation=normalisation)
    train(config, toys.TRAINING, utterances, utterances[:4], tmp_path / "run")
    model = load_run(tmp_path / "run")
    frames = np.concatenate([Features(config).read(u.audio_filepath) for u in utterances])
    np.testing.assert_allclose(model.buffers["input_norm.mean"], frames.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(model.buffers["input_norm.std"], frames.std(axis=0), rtol=1e-4)


def test_a_run_that_is_resumed_keeps_them(utterances, tmp_path):
    config = dataclasses.replace(toys.MODEL, normalisation="corpus")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, toys.TRAINING, utterances, utterances[:4], whole)
    one = dataclasses.replace(toys.TRAINING, epochs=1)
    train(config, one, utterances, utterances[:4], parts)
    train(config, toys.TRAINING, utterances, utterances[:4], parts, resume=True)
    for name, value in load_run(whole).state_dict().items():
        np.testing.assert_array_equal(load_run(parts).state_dict()[name], value)


def test_by_utterance_there_is_nothing_to_measure(utterances):
    model = DeepSpeech2(toys.MODEL)
    set_input_statistics(model, Dataset(utterances, toys.MODEL))
    assert "input_norm.mean" not in model.buffers
