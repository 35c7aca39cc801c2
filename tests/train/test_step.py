"""One training step: broken utterances do not affect others, and gradients add up."""

import dataclasses

import numpy as np
import pytest
from helpers import toys

from ds2np.data.batches import make_batch
from ds2np.data.dataset import Dataset
from ds2np.model import DeepSpeech2
from ds2np.train.clock import PARTS, Clock
from ds2np.train.step import describe
from ds2np.train.trainer import Trainer


@pytest.fixture
def model():
    return DeepSpeech2(toys.MODEL)


@pytest.fixture
def data(utterances):
    return Dataset(utterances, toys.MODEL)


@pytest.fixture
def batch(data):
    return make_batch(data, np.array([0, 1, 2, 3]))


@pytest.fixture
def learn(data, tmp_path):
    """Run a step; return its progress, and gradients and running statistics after it."""

    def learn(model, batch, batch_size=2):
        config = dataclasses.replace(toys.TRAINING, batch_size=batch_size)
        trainer = Trainer(model, data, data, tmp_path, config)
        trainer._train_step(iter([batch]), 1)
        after = {name: value.copy() for name, value in {**model.grads, **model.buffers}.items()}
        return trainer.progress, after

    return learn


def without(batch, row):
    rows = np.array([n for n in range(len(batch.indices)) if n != row])
    columns = {name: value for name, value in vars(batch).items() if name != "unusable"}
    return dataclasses.replace(batch, **{name: of_all[rows] for name, of_all in columns.items()})


def assert_same(progress, got, expected_progress, expected):
    assert progress.loss_sum == expected_progress.loss_sum
    assert (progress.learned, progress.left_out) == (expected_progress.learned, 1)
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name])


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_broken_utterance_does_not_affect_others(model, batch, learn, broken, capsys):
    expected = learn(model, without(batch, 1))
    batch.x[1, 3, 2] = broken
    with np.errstate(invalid="ignore"):
        assert_same(*learn(DeepSpeech2(toys.MODEL), batch), *expected)
    assert "which is not a finite number" in capsys.readouterr().out


def test_a_transcript_that_does_not_fit_is_left_out(model, batch, learn, capsys):
    expected = learn(model, without(batch, 2))
    batch.lengths[2] = 2  # frames: too few for its characters
    assert_same(*learn(DeepSpeech2(toys.MODEL), batch), *expected)
    assert "its loss is inf" in capsys.readouterr().out


def test_a_minibatch_without_any_good_utterance_changes_nothing(model, batch, learn):
    before = {name: value.copy() for name, value in model.state_dict().items()}
    batch.x[...] = np.nan
    with np.errstate(invalid="ignore"):
        progress, _ = learn(model, batch)
    assert (progress.learned, progress.left_out, progress.broken_steps) == (0, 4, 1)
    for name, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], value)
    assert not any(grad.any() for grad in model.grads.values())


def test_gradients_are_scaled_by_the_size_of_a_full_minibatch(model, batch, learn):
    _, once = learn(model, batch, batch_size=4)
    _, twice = learn(DeepSpeech2(toys.MODEL), batch, batch_size=2)
    np.testing.assert_allclose(twice["output.W"], 2 * once["output.W"], rtol=1e-5)


def test_describe_counts_frames_characters_and_repeats(batch):
    batch.labels[0, :3] = (1, 1, 2)
    batch.label_lengths[0] = 3
    text = describe(batch, np.array([7, 0, 0, 0]), 0)
    assert text == "7 frames of output, 3 characters, 1 of them repeats"


def test_the_clock_counts_each_part():
    clock = Clock()
    with clock.part("ctc"):
        pass
    assert list(clock.waiting_for("data", iter("ab"))) == ["a", "b"]
    assert [name for name, seconds in clock.seconds.items() if seconds > 0] == ["data", "ctc"]
    assert tuple(clock.seconds) == PARTS
