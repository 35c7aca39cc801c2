"""Recordings that turn out unusable in the middle of a run: left out, named, counted."""

import dataclasses
import signal

import numpy as np
import pytest
from helpers import toys
from helpers.training import after_steps

from ds2np.data.left_out import LeftOut
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.model.run_folder import RunFolder, load_run
from ds2np.train.history import read_history
from ds2np.train.run import train
from ds2np.train.step import Step

pytestmark = pytest.mark.usefixtures("no_report")
BROKEN = 3


@pytest.fixture
def broken(tmp_path):
    """Return a corpus whose recording 3 is damaged."""
    utterances = read_manifest(toys.make_corpus(tmp_path / "corpus"))
    utterances[BROKEN].audio_filepath.write_bytes(b"no sound")
    return utterances


def learn(folder, train_set, dev_set, resume=False, **changes):
    config = dataclasses.replace(toys.TRAINING, **changes)
    train(toys.MODEL, config, train_set, dev_set, folder, resume)
    return read_history(RunFolder(folder).history)


def test_a_damaged_training_recording_is_left_out(broken, utterances, tmp_path, capsys):
    history = learn(tmp_path / "run", broken, utterances[:4])
    assert [row["left_out"] for row in history] == [1, 1]
    named = f"left out: {broken[BROKEN].where}: {broken[BROKEN].audio_filepath} is not readable"
    assert capsys.readouterr().err.count(named) == 1  # in the first epoch only
    rest = [*broken[:BROKEN], *broken[BROKEN + 1 :]]
    assert learn(tmp_path / "rest", rest, utterances[:4])[0]["left_out"] == 0


def test_a_damaged_validation_recording_is_left_out(broken, utterances, tmp_path, capsys):
    history = learn(tmp_path / "run", utterances, broken[:8])
    assert capsys.readouterr().err.count(f"left out: {broken[BROKEN].where}: ") == 1
    without = learn(tmp_path / "w", utterances, [*utterances[:BROKEN], *utterances[BROKEN + 1 : 8]])
    for row, expected in zip(history, without, strict=True):
        for name in ("dev_loss", "wer", "cer", "blank_share"):
            assert row[name] == expected[name]


def test_a_recording_of_another_length_is_left_out(utterances, tmp_path, capsys):
    """Whoever states 3 s for a recording of 0.3 s means another recording, or a part of one."""
    long = dataclasses.replace(utterances[0], duration=3.0)
    history = learn(tmp_path / "run", [long, *utterances[1:]], utterances[:4])
    assert [row["left_out"] for row in history] == [1, 1]
    assert f'{long.where}: "duration" is 3, but {long.audio_filepath} lasts 0.3' in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("part", ["train", "dev"])
def test_many_damaged_recordings_end_the_run(broken, utterances, tmp_path, part):
    for utterance in broken[: BROKEN + 1]:
        utterance.audio_filepath.write_bytes(b"no sound")
    sets = {"train": utterances, "dev": utterances, part: broken}
    with pytest.raises(UserError, match=r"not readable audio .* [34] of 10 recordings are unus"):
        learn(tmp_path / "run", sets["train"], sets["dev"])


@pytest.mark.parametrize(
    ("total", "tolerated"), [(3, 0), (4, 1), (10, 2), (40, 10), (900, 10), (5000, 50)]
)
def test_how_many_may_be_left_out(total, tolerated):
    LeftOut(total).check(tolerated)
    with pytest.raises(UserError, match=f"^{tolerated + 1} of {total} recordings"):
        LeftOut(total).check(tolerated + 1)


@pytest.mark.parametrize("steps", [1, 2, 4])  # of 3 an epoch
def test_a_run_resumes_without_lines_that_were_taken_out(
    utterances, tmp_path, monkeypatch, capsys, steps
):
    """The epoch goes on in its old order: nothing is trained on twice, and nothing is missed."""
    seen, minibatches = [], Step.minibatches

    def recorded(self, batches, count):
        for batch in minibatches(self, batches, count):
            seen.extend(self.dataset.utterances[i].text for i in batch.indices)
            yield batch

    monkeypatch.setattr(Step, "minibatches", recorded)
    rest = [u for i, u in enumerate(utterances) if i not in (0, 7)]
    texts = sorted(u.text for u in rest)
    with monkeypatch.context() as patch:
        after_steps(patch, steps, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            learn(tmp_path / "run", utterances, utterances[:4])
    epoch = list(seen[10 * (steps > 3) :])
    seen.clear()
    for _ in range(2):  # interrupted again, it still knows the order in which the epoch began
        with monkeypatch.context() as patch:
            after_steps(patch, 1, lambda: signal.raise_signal(signal.SIGINT))
            with pytest.raises(KeyboardInterrupt):
                learn(tmp_path / "run", rest, utterances[:4], resume=True, epochs=3)
    learn(tmp_path / "run", rest, utterances[:4], resume=True, epochs=3)
    assert "2 of 10 training utterances have been removed" in capsys.readouterr().out
    epochs = 2 if steps > 3 else 3
    ends = len(seen) - 8 * (epochs - 1)
    assert sorted(text for text in epoch + seen[:ends] if text in texts) == texts
    for e in range(epochs - 1):
        assert sorted(seen[ends + 8 * e :][:8]) == texts


def test_a_run_resumes_without_a_damaged_validation_recording(broken, utterances, tmp_path):
    folder = tmp_path / "run"
    learn(folder, utterances, broken[:8], epochs=1)
    with pytest.raises(UserError, match="the validation set has changed"):
        learn(folder, utterances, broken[1:8], resume=True)
    rest = [*broken[:BROKEN], *broken[BROKEN + 1 : 8]]
    assert len(learn(folder, utterances, rest, resume=True)) == 2


def test_a_run_resumes_with_its_lines_in_another_order(utterances, tmp_path, monkeypatch):
    """Each minibatch of the epoch keeps its utterances."""
    networks = []
    for name, again in (("same", utterances), ("sorted", utterances[::-1])):
        with monkeypatch.context() as patch:
            after_steps(patch, 5, lambda: signal.raise_signal(signal.SIGINT))  # of 3 an epoch
            with pytest.raises(KeyboardInterrupt):
                learn(tmp_path / name, utterances, utterances[:4])
        learn(tmp_path / name, again, utterances[:4], resume=True)
        networks.append(load_run(RunFolder(tmp_path / name).last).flat_params)
    np.testing.assert_allclose(*networks, rtol=0, atol=1e-6)


def test_validation_recordings_can_be_taken_out_one_after_the_other(broken, utterances, tmp_path):
    """In the middle of an epoch, too: the checkpoint then counts by the latest set."""
    broken[6].audio_filepath.write_bytes(b"no sound")
    folder = tmp_path / "run"
    learn(folder, utterances, broken[:8], epochs=1)
    one = [*broken[:BROKEN], *broken[BROKEN + 1 : 8]]
    config = dataclasses.replace(toys.TRAINING, epochs=3)
    train(toys.MODEL, config, utterances, one, folder, resume=True, minutes=1e-9)
    both = [u for u in one if u is not broken[6]]
    with pytest.raises(UserError, match="the validation set has changed"):
        learn(folder, utterances, [u for u in one if u is not broken[5]], resume=True, epochs=3)
    assert len(learn(folder, utterances, both, resume=True, epochs=3)) == 3


def test_a_run_resumes_with_corrected_durations(utterances, tmp_path, capsys):
    learn(tmp_path / "run", utterances, utterances[:4], epochs=1)
    corrected = [dataclasses.replace(utterances[0], duration=0.31), *utterances[1:]]
    learn(tmp_path / "run", corrected, utterances[:4], resume=True)
    assert "another training set: 1 have another duration" in capsys.readouterr().out


def test_a_minibatch_whose_recordings_are_all_damaged(broken, tmp_path):
    history = learn(tmp_path / "run", broken, broken[:8], batch_size=1, epochs=1)
    rest = [*broken[:BROKEN], *broken[BROKEN + 1 :]]
    expected = learn(tmp_path / "rest", rest, rest[:7], batch_size=1, epochs=1)
    assert history[0]["left_out"] == 1
    for name in ("train_loss", "dev_loss", "wer", "cer"):
        assert history[0][name] == expected[0][name]


def test_features_cannot_be_measured_without_a_usable_recording(broken, tmp_path):
    model = dataclasses.replace(toys.MODEL, normalisation="corpus")
    config = dataclasses.replace(toys.TRAINING, epochs=1)
    usable = [*broken[:BROKEN], *broken[BROKEN + 1 :]]
    train(model, config, broken, usable, tmp_path / "run")
    with pytest.raises(UserError, match=f"no recording is usable: {broken[BROKEN].where}: "):
        train(model, config, broken[BROKEN : BROKEN + 1], usable, tmp_path / "none")
