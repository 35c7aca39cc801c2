"""One training step: broken utterances do not affect others, and gradients add up."""

import dataclasses

import numpy as np
import pytest
from helpers import toys

from ds2np.backend import to_cpu, to_gpu
from ds2np.data.batches import make_batch
from ds2np.data.dataset import Dataset
from ds2np.kernels.host import why_not_on_host
from ds2np.learn.fake_gpu import fake_gpu
from ds2np.model import DeepSpeech2
from ds2np.parallel.communicator import Communicator, Handle
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


class TwoAlike(Communicator):
    """The first of two processes that compute the same; records the sizes of its sums."""

    size = 2

    def __init__(self):
        self.sizes = []

    def begin_sum(self, array):
        self.sizes.append(array.size)
        array *= 2
        return Handle()


@pytest.mark.parametrize("sync_batchnorm", [True, False])
def test_running_statistics_are_averaged_at_once(batch, data, tmp_path, sync_batchnorm):
    config = dataclasses.replace(toys.TRAINING, batch_size=2, sync_batchnorm=sync_batchnorm)
    models = DeepSpeech2(toys.MODEL), DeepSpeech2(toys.MODEL)
    comms = TwoAlike(), Communicator()
    for model, comm in zip(models, comms, strict=True):
        Trainer(model, data, data, tmp_path, config, comm)._train_step(iter([batch]), 1)
    buffers = models[0].flat_buffers.size
    assert comms[0].sizes.count(buffers) == (0 if sync_batchnorm else 1)
    for name, value in models[1].buffers.items():
        np.testing.assert_allclose(models[0].buffers[name], value, rtol=1e-5)


def test_a_step_on_a_gpu_waits_for_losses_and_norm_only(batch, data, tmp_path):
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    model, other = DeepSpeech2(toys.MODEL), DeepSpeech2(toys.MODEL)
    Trainer(model, data, data, tmp_path, toys.TRAINING)._train_step(iter([batch]), 1)
    with fake_gpu() as log:
        other.move(to_gpu)
        trainer = Trainer(other, data, data, tmp_path, toys.TRAINING)
        log.take()
        trainer._train_step(iter([batch]), 1)
        assert log.waits.total() == 2
        assert log.launches["squared_norm"] == log.launches["move_weights"] == 1
        other.move(to_cpu)
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(other.state_dict()[name], value, atol=1e-5)


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
