"""Adaptation of the network of tones to an instrument that it does not know."""

import dataclasses

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np import adapt as adapt_room
from ds2np.adapt import adapt, adaptation, find_learned
from ds2np.data.batches import Draw
from ds2np.data.manifest import Utterance, read_manifest
from ds2np.decode import DecoderSettings
from ds2np.errors import UserError
from ds2np.model.run_folder import RunFolder, load_run
from ds2np.train.run import train
from ds2np.train.trainer import Trainer

pytestmark = pytest.mark.usefixtures("no_report", "few")

SETTINGS = dataclasses.replace(toys.TRAINING, epochs=4)
TEXTS = ("ab", "ba", "cab", "bc", "a c", "b", "acb", "cc", "bb a", "c a")


@dataclasses.dataclass
class Rates:
    """What decides of an Evaluation."""

    cer: float
    loss: float


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(adaptation, "OWN", 20)
    monkeypatch.setattr(adaptation, "BEFORE", 5)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Train on the tones; return the run folder."""
    folder = tmp_path_factory.mktemp("known")
    utterances = read_manifest(toys.make_corpus(folder / "corpus"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ds2np.train.report.Report.write", lambda *rest: None)
        train(toys.MODEL, SETTINGS, utterances, utterances[:4], folder / "run")
    return folder / "run"


@pytest.fixture
def speech(tmp_path):
    rng, found = np.random.default_rng(1), []
    for i, text in enumerate(TEXTS):
        sound = toys.tones(text, rng)
        soundfile.write(tmp_path / f"{i}.wav", np.sign(sound) * np.abs(sound) ** 0.5, toys.RATE)
        found.append(Utterance(tmp_path / f"{i}.wav", toys.SECONDS * len(text), text))
    return found


def given(monkeypatch, before, after, losses=(1.0, 1.0)):
    """Let the evaluations of the sentences held out have these character error rates."""
    pairs = zip((before, after), losses, strict=True)
    found = iter([Rates(*pair) for pair in pairs for _ in ("held out", "known")])
    monkeypatch.setattr(adaptation, "evaluate", lambda *rest: next(found))


def test_the_run_says_what_it_was_trained_on(known, tmp_path):
    assert [u.text for u in find_learned(known)] == list(toys.TEXTS)
    moved = tmp_path / "moved"
    known.parent.rename(moved)
    try:
        assert len(find_learned(moved / "run")) == len(toys.TEXTS)  # both have moved
        assert find_learned(moved / "run" / "best.npz") == []
        (moved / "corpus" / "tones.jsonl").rename(tmp_path / "gone")
        assert find_learned(moved / "run") == []
        (tmp_path / "gone").rename(moved / "corpus" / "tones.jsonl")
    finally:
        moved.rename(known.parent)


def test_the_epoch_has_own_sentences_again_and_again_and_some_of_before(
    known, speech, tmp_path, monkeypatch
):
    seen = {}
    plain = adaptation.train

    def look(config, settings, learned, held, out, **options):
        seen.update(learned=learned, held=held, settings=settings, draw=options["draw"])
        return plain(config, settings, learned, held, out, **options)

    monkeypatch.setattr(adaptation, "train", look)
    adapt(known, speech, tmp_path / "new", settings=SETTINGS)
    own, others = seen["learned"][:8], seen["learned"][8:]
    assert own == [u for u in speech if u not in seen["held"]]
    assert seen["draw"] == Draw(first=8, times=2, others=5)
    assert len(others) == 8  # of ten, two show what is forgotten
    assert {u.audio_filepath.parent.name for u in others} == {"corpus"}
    assert seen["settings"].init == str(known)
    assert len(seen["held"]) == 2


def test_the_weights_are_a_mean_of_old_and_new(known, speech, tmp_path, monkeypatch):
    given(monkeypatch, 0.8, 0.3)
    news, plain = [], adaptation.average

    def look(run, file, *rest):
        news.append(load_run(file).state_dict())
        plain(run, file, *rest)

    monkeypatch.setattr(adaptation, "average", look)
    adapt(known, speech, tmp_path / "new", settings=SETTINGS)
    old, mean = (load_run(run).state_dict() for run in (known, tmp_path / "new"))
    for name, value in mean.items():
        expected = 0.25 * old[name] + 0.75 * news[0][name]
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    assert any((mean[name] != news[0][name]).any() for name in mean)


def test_a_better_network_is_kept_with_the_decoder(known, speech, tmp_path, monkeypatch):
    given(monkeypatch, 0.8, 0.3)
    decoder = DecoderSettings("beam", alpha=0.3)
    decoder.write(RunFolder(known).decoder)
    try:
        result = adapt(known, speech, tmp_path / "new", settings=SETTINGS)
    finally:
        RunFolder(known).decoder.unlink()
    assert result.kept
    assert RunFolder(tmp_path / "new").best.exists()
    assert DecoderSettings.read(RunFolder(tmp_path / "new").decoder) == decoder


def test_the_loss_decides_between_equals(known, speech, tmp_path, monkeypatch):
    given(monkeypatch, 0.8, 0.8, losses=(2.0, 1.5))
    assert adapt(known, speech, tmp_path / "new", settings=SETTINGS).kept


@pytest.mark.parametrize(("after", "loss"), [(0.8, 1.0), (0.8, 1.1), (0.9, 0.5)])
def test_another_one_is_not(known, speech, tmp_path, monkeypatch, after, loss):
    given(monkeypatch, 0.8, after, losses=(1.0, loss))
    assert not adapt(known, speech, tmp_path / "new", settings=SETTINGS).kept
    assert not RunFolder(tmp_path / "new").holds_run


def test_the_rates_are_measured_before_and_after(known, speech, tmp_path):
    result = adapt(known, speech, tmp_path / "new", settings=SETTINGS)
    for before, after in (result.held_out, result.known):
        assert before.refs == after.refs
    assert result.held_out[0].refs == ["cab", "cc"]
    assert not {*result.known[0].refs} - {*toys.TEXTS}
    before, after = result.held_out
    assert result.kept == ((after.cer, after.loss) < (before.cer, before.loss))


def test_a_checkpoint_to_begin_with(known, speech, tmp_path, monkeypatch):
    given(monkeypatch, 0.8, 0.3)
    mixed = find_learned(known)  # a checkpoint does not say what it has learned
    result = adapt(known / "best.npz", speech, tmp_path / "new", mixed, SETTINGS)
    assert result.kept
    assert RunFolder(tmp_path / "new").best.exists()


def test_without_anything_to_mix_in(known, speech, tmp_path):
    result = adapt(known, speech, tmp_path / "new", mixed=[], settings=SETTINGS)
    assert result.known == ()


def test_an_interrupted_one_goes_on(known, speech, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    adapt(known, speech, whole, settings=SETTINGS)

    class Interrupted(Trainer):
        def _train_epoch(self, *rest):
            if self.progress.epoch == 3:
                raise KeyboardInterrupt
            return super()._train_epoch(*rest)

    monkeypatch.setattr("ds2np.train.run.Trainer", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        adapt(known, speech, tmp_path / "new", settings=SETTINGS)
    monkeypatch.setattr("ds2np.train.run.Trainer", Trainer)
    adapt(known, speech, tmp_path / "new", settings=SETTINGS, resume=True)
    for once_more in range(2):  # a finished one gives the same again, not the mean of a mean
        weights, expected = (load_run(run).flat_params for run in (tmp_path / "new", whole))
        np.testing.assert_array_equal(weights, expected)
        if not once_more:
            adapt(known, speech, tmp_path / "new", settings=SETTINGS, resume=True)


def test_a_refused_resumption_changes_nothing(known, speech, tmp_path):
    adapt(known, speech, tmp_path / "new", settings=SETTINGS)
    before = RunFolder(tmp_path / "new").best.read_bytes()
    more = [*speech, dataclasses.replace(speech[0], text="abc")]
    with pytest.raises(UserError, match="cannot be resumed"):
        adapt(known, more, tmp_path / "new", settings=SETTINGS, resume=True)
    assert RunFolder(tmp_path / "new").best.read_bytes() == before


def test_a_run_is_not_overwritten(known, speech):
    with pytest.raises(UserError, match="holds a run already; choose another --out, or"):
        adapt_room.adapt(known, speech, known, settings=SETTINGS)
