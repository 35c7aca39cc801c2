import dataclasses
import functools

import pytest
from helpers import toys
from helpers.voices import need_espeak

from ds2np.audio import load_audio
from ds2np.backend import CPU
from ds2np.commands import demo
from ds2np.commands.demo import run_demo
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.lm import NGram
from ds2np.recogniser import Recogniser
from ds2np.streaming import Pauses
from ds2np.synthesis import corpus
from ds2np.train.history import COLUMNS, read_history, write_history


@pytest.fixture
def no_corpus(monkeypatch):
    """Fail if the corpus is made."""
    fail = lambda folder: pytest.fail("makes the corpus")  # noqa: E731
    monkeypatch.setattr("ds2np.synthesis.corpus.write_corpus", fail)


@pytest.fixture
def leave_run(tmp_path):
    """Leave a run of so many epochs that holds only its metrics."""

    def leave(epochs):
        run = tmp_path / "demo" / "run"
        run.mkdir(parents=True)
        (run / "config.json").write_text("{}")
        if epochs:
            write_history(run / "history.csv", [dict.fromkeys(COLUMNS, i) for i in range(epochs)])
        return run

    return leave


@pytest.mark.parametrize(
    ("epochs", "state", "offer"),
    [
        (0, "a run of 0 epochs", "--resume to continue it"),
        (3, "a run of 3 epochs", "--resume to continue it"),
        (demo.RECIPES["en"].epochs, "a finished run", "--resume to rewrite its report"),
    ],
)
def test_an_existing_run_is_kept(no_corpus, leave_run, epochs, state, offer):
    run = leave_run(epochs)
    before = {path: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(UserError) as caught:
        run_demo(run.parent)
    assert str(caught.value).startswith(f"{run} holds {state}; {offer}, --restart to delete it")
    assert {path: path.read_bytes() for path in run.iterdir()} == before


@pytest.mark.parametrize("raised", [UserError("no voice"), KeyboardInterrupt()])
def test_a_corpus_that_could_not_be_made_ends_the_demo(tmp_path, monkeypatch, raised):
    def fail(*arguments):
        raise raised

    monkeypatch.setattr("ds2np.synthesis.corpus.make_corpus", fail)
    with pytest.raises(type(raised)):
        run_demo(tmp_path / "demo")
    assert not list(tmp_path.rglob("*.jsonl"))
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("checkpoint", [False, True])
def test_resuming_starts_again_without_a_checkpoint(tmp_path, monkeypatch, checkpoint):
    folder, run = tmp_path / "corpus", tmp_path / "run"
    manifest = toys.make_corpus(folder)
    for part in ("train", "test"):
        (folder / f"{part}.jsonl").write_bytes(manifest.read_bytes())
    if checkpoint:
        run.mkdir()
        (run / "last.npz").touch()
    resumed = []
    train = lambda *arguments, resume, **_: resumed.append(resume)  # noqa: E731
    monkeypatch.setattr("ds2np.train.run.train", train)
    run_demo(tmp_path, resume=True)
    assert resumed == [checkpoint]


@pytest.fixture(scope="module")
def micro():
    """Shrink the demo: 12 training sentences, 6 validation sentences, one epoch."""
    small = functools.partial(corpus.write_corpus, train=12, test=6)
    with pytest.MonkeyPatch.context() as patch:
        need_espeak()
        patch.setattr("ds2np.synthesis.corpus.write_corpus", small)
        for language, recipe in demo.RECIPES.items():
            short = dataclasses.replace(recipe, epochs=1)
            patch.setitem(demo.RECIPES, language, short)
        yield


@pytest.fixture(scope="module")
def folder(micro, tmp_path_factory):
    """The folder of a finished demo."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    run_demo(folder)
    return folder


def test_it_makes_a_corpus_and_a_run(folder):
    assert len(read_manifest(folder / "corpus" / "train.jsonl")) == 12
    assert len(read_history(folder / "run" / "history.csv")) == 1
    assert (folder / "run" / "report.html").stat().st_size > 100_000


def test_the_language_model_is_shown_beside_greedy_decoding(folder, capsys):
    run_demo(folder, resume=True)
    name = "beam search with a 3-gram"
    assert f"\n{name}: WER " in capsys.readouterr().out
    report = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert f"<tr><th>greedy decoding</th><th>{name}</th></tr>" in report
    assert report.count(f"<br>{name}: ") == 6  # of each sentence that is shown
    assert NGram.load(folder / "3gram.arpa").order == 3


def test_a_second_start_refuses(folder):
    with pytest.raises(UserError, match="a finished run; --resume to rewrite its report"):
        run_demo(folder)


def test_resuming_a_finished_run_rewrites_its_report_only(folder):
    last = (folder / "run" / "last.npz").read_bytes()
    (folder / "run" / "report.html").unlink()
    run_demo(folder, resume=True)
    assert (folder / "run" / "report.html").exists()
    assert (folder / "run" / "last.npz").read_bytes() == last


def test_restarting_keeps_the_corpus_and_nothing_else(folder, capsys):
    run = folder / "run"
    recordings = {path: path.stat().st_mtime_ns for path in (folder / "corpus").rglob("*")}
    (run / "history.csv").write_text("damaged")
    (run / "notes.txt").write_text("mine")
    run_demo(folder, restart=True)
    assert len(read_history(run / "history.csv")) == 1
    assert (run / "notes.txt").read_text() == "mine"
    assert {path: path.stat().st_mtime_ns for path in (folder / "corpus").rglob("*")} == recordings
    assert f"python -m ds2np transcribe {run} " in capsys.readouterr().out


def test_a_network_for_streams(micro, tmp_path):
    run_demo(tmp_path / "demo", stream=True)
    recogniser = Recogniser.load(tmp_path / "demo" / "run", "cpu")
    path = tmp_path / "demo" / "corpus" / "test" / "00000.wav"
    stream = recogniser.stream(pauses=Pauses(pause=9, silence=9, louder=0))
    samples, _ = load_audio(path)
    found = [*stream.push(samples[:9000]), *stream.push(samples[9000:]), *stream.finish()]
    assert "".join(one.text for one in found) == recogniser.transcribe(path).text


@pytest.mark.parametrize(
    ("kind", "varied"),
    [
        ({}, {"mask"}),
        ({"engines": ("flite",)}, {"mask", "augment", "vary_voice"}),
        ({"stream": True}, set()),
        ({"language": "zh"}, set()),
    ],
)
def test_what_the_trainings_vary(micro, tmp_path, monkeypatch, kind, varied):
    given, write = [], corpus.write_corpus

    def write_by_one_engine(folder, engines, **kind):
        write(folder, **kind)

    monkeypatch.setattr("ds2np.synthesis.corpus.write_corpus", write_by_one_engine)
    monkeypatch.setattr("ds2np.train.run.train", lambda *given_now, **_: given.append(given_now))
    run_demo(tmp_path / "demo", **kind)
    settings = given[0][1]
    assert {each for each in ("mask", "augment", "vary_voice") if getattr(settings, each)} == varied


def test_the_rates_of_a_voice_that_is_held_out_are_told(finished, utterances, capsys):
    voiced = [dataclasses.replace(u, speaker="flite:rms") for u in utterances[:3]]
    demo._tell_others(finished, voiced, CPU)
    out = capsys.readouterr().out
    assert out.startswith("3 sentences by flite:rms, a voice that it has not heard: WER ")
