"""From manifests to a finished run: augmentation, the dry run, overfitting."""

import dataclasses
import sys

import numpy as np
import pytest
from helpers import toys

from ds2np.audio.effects import add_quiet
from ds2np.data import workers
from ds2np.data.dataset import Dataset
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2
from ds2np.model.run_folder import RunFolder, load_run
from ds2np.train.history import read_history
from ds2np.train.run import overfit
from ds2np.train.trainer import Trainer
from ds2np.train.trial import try_longest

pytestmark = pytest.mark.usefixtures("no_report")


def test_augmentation_differs_by_epoch_and_is_the_same_in_each_run(run, monkeypatch):
    drawn = []

    def change(samples, rng):
        drawn.append(rng.integers(1 << 30))
        return samples

    monkeypatch.setattr("ds2np.train.changes.make_change", lambda *rest: change)
    run("a", augment=True)
    first, drawn[:] = sorted(drawn), []
    assert len(set(first)) == 2 * len(toys.TEXTS)  # twice each, in two epochs
    run("b", augment=True)
    assert sorted(drawn) == first
    run("c", augment=True, seed=1)
    assert set(drawn) - set(first)


def test_augmentation_trains(run):
    history = read_history(RunFolder(run(augment=True)).history)
    assert np.isfinite([row["train_loss"] for row in history]).all()


@pytest.mark.parametrize("cached", [False, True], ids=["computed", "cached"])
def test_spectrograms_are_masked_in_training_only(run, monkeypatch, tmp_path, cached):
    drawn = []

    def hide(x, rng, masks):
        drawn.append(rng.integers(1 << 30))
        return np.zeros_like(x)

    monkeypatch.setattr("ds2np.data.reading.mask", hide)
    run("a")
    assert not drawn
    run("b", mask=True, cache=tmp_path / "cache" if cached else None)
    assert len(set(drawn)) == 2 * len(toys.TEXTS)  # twice each, in two epochs, and never in between


def test_voices_vary_in_training_only(run, monkeypatch):
    changed = []

    def note(samples, rate, rng, **how):
        changed.append(how)
        return samples

    monkeypatch.setattr(sys.modules["ds2np.audio.augment"], "change_voice", note)
    run("a", augment=True)
    assert not changed
    run("b", augment=True, vary_voice=True)
    assert 0.4 < len(changed) / (2 * len(toys.TEXTS)) < 1
    assert len({how["size"] for how in changed}) == len(changed)


def test_quiet_is_put_around_the_recordings_of_training(run, monkeypatch):
    lengths, add = [], add_quiet

    def count(samples, rate, longest, rng):
        changed = add(samples, rate, longest, rng)
        lengths.append(len(changed) - len(samples))
        assert longest == 0.2
        return changed

    monkeypatch.setattr("ds2np.train.changes.add_quiet", count)
    run(quiet=0.2)
    assert len(lengths) >= 2 * len(toys.TEXTS)
    assert 0 < max(lengths) <= (0.2 + 0.2) * toys.RATE + 1
    with pytest.raises(UserError, match="seconds of quiet is 100; expected 0 to 60"):
        run("b", quiet=100)


def test_noise_without_augmentation_is_refused(run):
    with pytest.raises(UserError, match="noise and rooms need augmentation"):
        run(noise="somewhere")


@pytest.mark.parametrize(("epochs", "learnt"), [(150, True), (1, False)])
def test_a_few_utterances_are_memorised(tmp_path, utterances, capsys, epochs, learnt):
    config = dataclasses.replace(toys.TRAINING, epochs=epochs, learning_rate=2e-2)
    assert overfit(toys.MODEL, config, utterances[:3], tmp_path / "run") == learnt
    verdict = capsys.readouterr().out.splitlines()[-1]
    assert verdict.startswith("3 utterances, CER")
    assert ("NOT memorised" in verdict) != learnt


def test_the_dry_run_leaves_no_trace(utterances, tmp_path, capsys):
    model = DeepSpeech2(toys.MODEL)
    before = {name: value.copy() for name, value in model.state_dict().items()}
    data = Dataset(utterances, model.config)
    peak = try_longest(Trainer(model, data, data, tmp_path, toys.TRAINING))
    assert f"memory: {peak / 1e6:.0f} MB with the largest minibatch, 4 x 0.5 s" in (
        capsys.readouterr().out
    )
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert not any(grad.any() for grad in model.grads.values())


def test_the_dry_run_assumes_the_greatest_length_of_augmented_recordings(
    utterances, tmp_path, capsys
):
    model = DeepSpeech2(toys.MODEL)
    data = Dataset(utterances, model.config)
    config = dataclasses.replace(toys.TRAINING, augment=True)
    try_longest(Trainer(model, data, data, tmp_path, config))
    assert "with the largest minibatch, 4 x 0.6 s" in capsys.readouterr().out
    config = dataclasses.replace(toys.TRAINING, quiet=1.0)
    try_longest(Trainer(model, data, data, tmp_path, config))
    assert "with the largest minibatch, 4 x 1.7 s" in capsys.readouterr().out


def lack_memory(*given):
    raise MemoryError


LACK = (
    "^4 utterances of 49 frames do not fit into memory; use fewer utterances or seconds in a mini"
)


def test_a_minibatch_that_does_not_fit_is_named_before_the_run(run, monkeypatch):
    monkeypatch.setattr("ds2np.train.step.ctc_loss", lack_memory)
    with pytest.raises(UserError, match=LACK):
        run()


def test_a_lack_of_memory_in_the_run_is_told(run, monkeypatch):
    plain = DeepSpeech2.backward
    monkeypatch.setattr("ds2np.train.run.try_longest", lambda *given: None)

    def backward(self, dout, *rest, **options):
        return lack_memory() if dout.shape[1] == 25 else plain(self, dout, *rest, **options)

    monkeypatch.setattr(DeepSpeech2, "backward", backward)
    with pytest.raises(UserError, match=LACK):
        run()


def test_processes_that_augment_change_nothing(run, monkeypatch):
    """They are started if there is much sound, and the network is the same."""
    started, begin = [], workers.workers

    def note(*rest):
        started.append(rest)
        return begin(*rest)

    monkeypatch.setattr("ds2np.train.run.workers", note)
    few = run("a", augment=True)
    assert not started
    monkeypatch.setattr("ds2np.train.run.WORTH", 1.0)
    run("b")
    assert not started  # nothing is augmented
    many = run("c", augment=True)
    assert len(started) == 1
    weights = [load_run(folder).flat_params for folder in (few, many)]
    np.testing.assert_array_equal(*weights)
