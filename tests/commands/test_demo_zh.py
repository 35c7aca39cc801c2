"""The Mandarin demo, shrunk: 12 training sentences, 6 validation sentences, one epoch."""

import dataclasses
import functools
import json

import pytest
from helpers.voices import need_espeak

from ds2np.commands import demo
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.lm import NGram
from ds2np.model.run_folder import load_run
from ds2np.synthesis import corpus


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished demo."""
    need_espeak()
    folder = tmp_path_factory.mktemp("demo") / "demo"
    small = functools.partial(corpus.write_corpus, train=12, test=6)
    short = dataclasses.replace(demo.RECIPES["zh"], epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ds2np.synthesis.corpus.write_corpus", small)
        patch.setitem(demo.RECIPES, "zh", short)
        demo.run_demo(folder, language="zh")
    return folder


def test_the_network_writes_the_characters_of_the_training_set(finished):
    config = load_run(finished / "run").config
    texts = [u.text for u in read_manifest(finished / "corpus" / "train.jsonl")]
    assert config.characters == "".join(sorted(set("".join(texts))))
    assert config.frame_ms == 40


def test_the_corpus_says_how_it_was_spoken(finished):
    settings = json.loads((finished / "corpus" / "corpus.json").read_text())
    assert (settings["language"], settings["pitch_range"]) == ("zh", 75)
    assert settings["characters"] > 40
    assert all(voice.startswith("cmn+") for voice in settings["train_voices"])


def test_a_model_of_characters_stands_beside_greedy_decoding(finished):
    report = (finished / "run" / "report.html").read_text(encoding="utf-8")
    assert "<tr><th>greedy decoding</th><th>beam search with a 5-gram</th></tr>" in report
    assert "% CER" in report
    lm = NGram.load(finished / "5gram.arpa")
    assert (lm.order, lm.units) == (5, "characters")


def test_other_commands_work_with_the_run(finished, ds2np):
    run, manifest, lm = (finished / name for name in ("run", "corpus/test.jsonl", "5gram.arpa"))
    code, out, _ = ds2np("transcribe", run, finished / "corpus/test/00000.wav", "--lm", lm)
    assert code == 0
    code, out, _ = ds2np("evaluate", run, manifest)
    assert code == 0
    assert "utterances with the most character errors:" in out
    code, out, _ = ds2np("tune", run, manifest, "--lm", lm, "--beam", 5)
    assert code == 0
    assert "6 utterances, greedy: CER " in out


def test_a_finished_run_is_resumed_to_rewrite_its_report(finished, monkeypatch):
    monkeypatch.setitem(demo.RECIPES, "zh", dataclasses.replace(demo.RECIPES["zh"], epochs=1))
    last, report = (finished / "run" / name for name in ("last.npz", "report.html"))
    before = last.read_bytes()
    report.unlink()
    with pytest.raises(UserError, match="a finished run; --resume to rewrite its report"):
        demo.run_demo(finished, language="zh")
    demo.run_demo(finished, resume=True, language="zh")
    assert report.exists()
    assert last.read_bytes() == before


@pytest.mark.parametrize(("spoken", "asked"), [("zh", "en"), ("en", "zh")])
def test_a_corpus_of_another_language_is_refused(tmp_path, spoken, asked):
    folder = tmp_path / "demo"
    (folder / "corpus").mkdir(parents=True)
    settings = {"seed": 0} | ({"language": spoken} if spoken != "en" else {})
    (folder / "corpus" / "corpus.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match=f"speaks {spoken}, not {asked}; use --language {spoken}"):
        demo.run_demo(folder, language=asked)


def test_each_kind_of_demo_has_a_folder_of_its_own(ds2np, monkeypatch):
    called = []

    def run(folder, *rest, language, stream, engines):
        called.append((str(folder), language, stream, engines))

    monkeypatch.setattr(demo, "run_demo", run)
    monkeypatch.setattr(demo, "_find_engines", lambda: ["flite"])
    ds2np("demo")
    ds2np("demo", "--stream")
    ds2np("demo", "--language", "zh", "--stream")
    ds2np("demo", "--voices", "all")
    assert called == [
        ("demo", "en", False, ()),
        ("demo-stream", "en", True, ()),
        ("demo-zh-stream", "zh", True, ()),
        ("demo-voices", "en", False, ["flite"]),
    ]


def test_answers_are_for_english(ds2np):
    for options in (["--language", "zh"], ["--stream"]):
        code, _, err = ds2np("demo", *options, "--answers")
        assert code == 2
        assert "--answers trains the English demo" in err
