import dataclasses

import numpy as np
import pytest
import toys

from ds2np.data.batches import make_batch
from ds2np.data.dataset import Dataset
from ds2np.model import DeepSpeech2
from ds2np.train.clock import PARTS, Clock
from ds2np.train.gradients import add_gradients, describe


@pytest.fixture
def model():
    return DeepSpeech2(toys.MODEL)


@pytest.fixture
def batch(model, utterances):
    return make_batch(Dataset(utterances, model.config), np.array([0, 1, 2, 3]))


def learn(model, batch, scale=0.5):
    model.zero_grads()
    loss, _ = add_gradients(model, batch, scale, Clock())
    return loss, {name: value.copy() for name, value in {**model.grads, **model.buffers}.items()}


def without(batch, row):
    rows = np.array([n for n in range(len(batch.indices)) if n != row])
    columns = dataclasses.asdict(batch)
    return dataclasses.replace(batch, **{name: of_all[rows] for name, of_all in columns.items()})


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_an_utterance_of_broken_numbers_harms_no_other(model, batch, broken):
    loss, expected = learn(model, without(batch, 1))
    model = DeepSpeech2(toys.MODEL)
    batch.x[1, 3, 2] = broken
    with np.errstate(invalid="ignore"):
        got_loss, got = learn(model, batch)
    assert not np.isfinite(got_loss[1])
    np.testing.assert_array_equal(np.delete(got_loss, 1), loss)
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name])


def test_a_transcript_that_does_not_fit_is_left_out(model, batch):
    loss, expected = learn(model, without(batch, 2))
    model = DeepSpeech2(toys.MODEL)
    batch.lengths[2] = 2  # frames: too few for its letters
    got_loss, got = learn(model, batch)
    assert got_loss[2] == np.inf
    np.testing.assert_array_equal(np.delete(got_loss, 2), loss)
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name])


def test_a_minibatch_without_any_good_utterance_changes_nothing(model, batch):
    before = {name: value.copy() for name, value in model.buffers.items()}
    batch.x[...] = np.nan
    with np.errstate(invalid="ignore"):
        loss, _ = learn(model, batch)
    assert not np.isfinite(loss).any()
    for name, value in before.items():
        np.testing.assert_array_equal(model.buffers[name], value)
    assert not any(grad.any() for grad in model.grads.values())


def test_gradients_add_up_in_proportion_to_the_scale(model, batch):
    _, once = learn(model, batch, 0.25)
    _, twice = learn(DeepSpeech2(toys.MODEL), batch, 0.5)
    np.testing.assert_allclose(twice["output.W"], 2 * once["output.W"], rtol=1e-5)


def test_an_utterance_is_described_by_what_ctc_minds(batch):
    batch.labels[0, :3] = (1, 1, 2)
    batch.label_lengths[0] = 3
    text = describe(batch, np.array([7, 0, 0, 0]), 0)
    assert text == "7 frames of output, 3 characters, 1 of them repeats"


def test_the_clock_tells_parts_apart():
    clock = Clock()
    with clock.part("ctc"):
        pass
    assert list(clock.waiting_for("data", iter("ab"))) == ["a", "b"]
    assert [name for name, seconds in clock.seconds.items() if seconds > 0] == ["data", "ctc"]
    assert tuple(clock.seconds) == PARTS
