"""The options of the command `train`."""

import json

import numpy as np
import pytest
from helpers import toys

from ds2np import model
from ds2np.data.manifest import read_manifest, write_manifest
from ds2np.lm import NGram
from ds2np.model.run_folder import RunFolder, load_run
from ds2np.train.history import read_history


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return toys.make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def train(manifest, tmp_path, monkeypatch, ds2np, no_report):
    """Run the command; return its exit code, stdout and stderr."""
    monkeypatch.setitem(model.PRESETS, "toy", toys.MODEL)

    def run(*options, dev=manifest):
        given = ["--dev", dev] if dev else []
        common = ["--preset", "toy", "--train", manifest, *given, "--out", tmp_path / "run"]
        return ds2np("train", *common, "--batch-size", 4, *options)

    return run


def test_every_option_reaches_the_run(train, tmp_path):
    options = {
        "epochs": 1,
        "batch-seconds": 7.5,
        "accumulate": 2,
        "learning-rate": 0.002,
        "anneal": 1.1,
        "momentum": 0.95,
        "max-norm": 50.0,
        "patience": 3,
        "precision": "float32",
        "quiet": 0.5,
        "seed": 4,
    }
    flat = [word for name, value in options.items() for word in (f"--{name}", value)]
    assert train(*flat, "--augment")[0] == 0
    written = json.loads(RunFolder(tmp_path / "run").config.read_text())["training"]
    assert written["augment"] is True
    for name, value in options.items():
        assert written[name.replace("-", "_")] == value


def test_a_run_stopped_by_time_resumes(train, tmp_path):
    code, out, _ = train("--epochs", 2, "--minutes", 1e-9)
    assert code == 0
    assert "time is up after 1 minibatches of epoch 1" in out
    assert train("--epochs", 2, "--resume")[0] == 0
    assert RunFolder(tmp_path / "run").last.exists()


def test_longer_utterances_are_left_out_and_counted(train, tmp_path):
    code, out, _ = train("--epochs", 1, "--longest", 0.35)
    assert code == 0
    assert "left out: 3 utterances longer than 0.35 s" in out
    assert json.loads(RunFolder(tmp_path / "run").config.read_text())["train_utterances"] == 7


@pytest.mark.parametrize(("epochs", "code"), [(150, 0), (1, 1)])
def test_overfit_says_whether_it_learned(train, epochs, code):
    options = ("--overfit", 3, "--epochs", epochs, "--learning-rate", 0.02)
    assert train(*options, dev=None)[0] == code


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--longest", "0.01"), "error: no training utterance is 0.01 s or shorter"),
        (("--noise", "somewhere"), "error: noise and rooms need augmentation"),
        (("--vary-voice",), "error: changes of the voice need augmentation"),
        (("--augment", "--noise", "/nowhere"), "error: /nowhere: no such folder"),
        (("--device", "cpu", "--precision", "tf32"), "error: precision tf32 needs a GPU"),
        (("--precision", "half"), "argument --precision: invalid choice: 'half' (choose from"),
        (("--momentum", "1"), "argument --momentum: 1 is not a number from 0 to below 1"),
        (("--minutes", "0"), "argument --minutes: 0 is not a number above 0 and below 1e30"),
        (("--resume", "--overfit", "2"), "argument --overfit: not allowed with argument --resume"),
    ],
)
def test_impossible_options_are_one_sentence(train, options, message):
    code, _, err = train(*options)
    assert code == 2
    assert message in err.splitlines()[-1]


def test_a_validation_manifest_is_required(train):
    code, _, err = train(dev=None)
    assert (code, err) == (
        2,
        "error: --dev is missing: training needs a validation manifest\n",
    )


def test_a_cache_is_filled_and_used(train, tmp_path):
    code, out, _ = train("--epochs", 1, "--cache", tmp_path / "cache")
    assert code == 0
    assert out.count(f"caching the features of {len(toys.TEXTS)} utterances in {tmp_path}") == 1
    (path,) = (tmp_path / "cache").iterdir()
    assert path.suffix == ".features"


# Several manifests, alphabets, other networks to begin with


def split(manifest, folder, cut=6):
    """Cut a manifest in two."""
    utterances = read_manifest(manifest)
    paths = folder / "a.jsonl", folder / "b.jsonl"
    for path, part in zip(paths, (utterances[:cut], utterances[cut:]), strict=True):
        write_manifest(path, part)
    return paths


def test_several_manifests_are_one_set(train, manifest, tmp_path, ds2np):
    parts = split(manifest, tmp_path)
    assert train("--epochs", 1)[0] == 0
    out = tmp_path / "parts"
    options = ["--preset", "toy", "--batch-size", 4, "--epochs", 1, "--out", out]
    code, _, err = ds2np("train", "--train", *parts, "--dev", *parts, *options)
    assert code == 0
    assert "warning: 10 of 10 validation recordings are in the training set" in err
    weights = [load_run(folder).flat_params for folder in (tmp_path / "run", out)]
    np.testing.assert_array_equal(*weights)
    code, _, err = ds2np("train", "--train", parts[0], parts[0], "--dev", parts[1], *options)
    assert (code, err) == (
        2,
        f"error: {parts[0]} is given twice; its utterances would count double\n",
    )


def test_no_warning_without_shared_recordings(manifest, tmp_path, ds2np, no_report, monkeypatch):
    monkeypatch.setitem(model.PRESETS, "toy", toys.MODEL)
    a, b = split(manifest, tmp_path)
    options = ["--preset", "toy", "--epochs", 1, "--out", tmp_path / "run"]
    assert "warning" not in ds2np("train", "--train", a, "--dev", b, *options)[2]


@pytest.mark.parametrize("form", ["text", "json", "option"])
def test_the_alphabet_of_a_manifest_reaches_the_network(train, manifest, tmp_path, ds2np, form):
    path = tmp_path / "alphabet"
    options = ("--json",) if form == "json" else ()
    path.write_text(ds2np("data", manifest, "--alphabet", *options)[1], encoding="utf-8")
    given = ("--characters", " cab") if form == "option" else ("--alphabet", path)
    assert train("--epochs", 1, *given)[0] == 0
    written = json.loads(RunFolder(tmp_path / "run").config.read_text())["model"]
    assert written["characters"] == (" cab" if form == "option" else " abc")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\nb\n", "has 2 lines, and the first is not"),
        (b"", "has 0 lines"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b'"abc', "begins as JSON"),
        (b"abca", "'a' occurs twice among the characters"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_alphabet(train, tmp_path, content, reason):
    path = tmp_path / "alphabet"
    if content is not None:
        path.write_bytes(content)
    code, _, err = train("--alphabet", path)
    assert (code, err.count("\n")) == (2, 1)
    assert reason in err


@pytest.fixture
def start(tmp_path, manifest, ds2np, no_report, monkeypatch):
    """Train a network for an epoch; start another one from it."""
    monkeypatch.setitem(model.PRESETS, "toy", toys.MODEL)
    common = ["--train", manifest, "--dev", manifest, "--epochs", 1, "--batch-size", 4]
    first = tmp_path / "first"
    assert ds2np("train", *common, "--preset", "toy", "--out", first)[0] == 0

    def run(*options, rate=1e-12):
        given = ("--init", first, "--learning-rate", rate, "--ema", 0, "--out", tmp_path / "second")
        return ds2np("train", *common, *given, *options)

    return run


def test_another_run_is_the_beginning(start, tmp_path):
    code, out, _ = start()
    assert code == 0
    assert f"; weights of {tmp_path / 'first'}\n" in out
    first, second = (load_run(tmp_path / name) for name in ("first", "second"))
    assert second.config == first.config  # without --preset
    np.testing.assert_allclose(second.flat_params, first.flat_params, rtol=0, atol=1e-6)
    written = json.loads(RunFolder(tmp_path / "second").config.read_text())["training"]
    assert written["init"] == str(tmp_path / "first")


def test_another_run_with_another_alphabet(start, tmp_path):
    code, out, _ = start("--characters", " abcd")
    assert code == 0
    assert "but a new output layer for another alphabet (6 symbols, before 5)" in out
    first, second = (load_run(tmp_path / name) for name in ("first", "second"))
    for name, value in first.params.items():
        if not name.startswith("output."):
            np.testing.assert_allclose(second.params[name], value, rtol=0, atol=1e-6)
    assert second.params["output.W"].shape[-1] == 6


def test_a_run_begun_from_another_resumes(start, tmp_path):
    start("--minutes", 1e-9)
    code, out, _ = start("--resume")
    assert code == 0
    assert "weights of" not in out
    assert len(read_history(RunFolder(tmp_path / "second").history)) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--preset", "tiny"), "its sample_rate is 1600, here it is 16000"),
        (("--mels", "8"), "its mels is 0, here it is 8"),
    ],
)
def test_a_network_of_another_shape_is_no_beginning(start, tmp_path, options, reason):
    code, _, err = start(*options)
    assert (code, err) == (
        2,
        f"error: {tmp_path / 'first'} cannot be the beginning of this network: {reason}\n",
    )
    assert not (tmp_path / "second").exists()


@pytest.fixture
def lm(tmp_path):
    path = tmp_path / "lm.arpa"
    NGram.train(toys.TEXTS, order=2, log=None).save(path)
    return path


def test_validation_by_beam_search_is_kept_in_the_run(train, lm, tmp_path, manifest, ds2np):
    options = "--lm", lm, "--alpha", 0.7, "--beta", 1, "--epochs", 2
    code, out, err = train(*options)
    assert code == 0, err
    assert f"; validated by beam search with 100 prefixes and {lm} (alpha 0.7, beta 1)" in out
    folder = RunFolder(tmp_path / "run")
    settings = json.loads(folder.decoder.read_text())
    assert (settings["decoder"], settings["lm"], settings["alpha"]) == ("beam", str(lm), 0.7)
    wer = min(row["wer"] for row in read_history(folder.history))
    summary = json.loads(ds2np("evaluate", folder.path, manifest, "--json")[1])
    assert summary["wer"] == pytest.approx(wer)


def test_a_run_keeps_its_decoder_when_it_is_resumed(train, lm, tmp_path):
    assert train("--epochs", 1, "--lm", lm)[0] == 0
    code, _, err = train("--epochs", 2, "--resume")
    assert code == 2
    assert "decoder was beam in the checkpoint but is now greedy" in err
    tuned = RunFolder(tmp_path / "run").decoder
    tuned.write_text(tuned.read_text().replace("0.5", "0.9"))  # as `tune` does
    assert train("--epochs", 2, "--resume", "--lm", lm)[0] == 0
    assert json.loads(tuned.read_text())["alpha"] == 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--decoder", "beam", "--lm", "missing.arpa"), "missing.arpa cannot be read"),
        (("--decoder", "best"), "unknown decoder 'best'; choose from greedy, beam"),
        (("--alpha", 1), "alpha weighs a language model; give one by --lm FILE"),
    ],
)
def test_a_decoder_that_cannot_be_made_ends_the_run_before_it_begins(
    train, tmp_path, options, message
):
    code, _, err = train("--epochs", 1, *options)
    assert code == 2
    assert message in err
    assert not (tmp_path / "run").exists()


def test_a_language_model_in_upper_case_ends_the_run_before_it_begins(train, tmp_path):
    path = tmp_path / "upper.arpa"
    NGram.train([text.upper() for text in toys.TEXTS], order=2, log=None).save(path)
    code, _, err = train("--epochs", 1, "--lm", path)
    assert code == 2
    assert f"the words of the language model {path} are in upper case" in err
    assert not (tmp_path / "run").exists()


def test_strides_in_time(train, tmp_path):
    assert train("--epochs", 1, "--time-strides", 3)[0] == 0
    written = json.loads(RunFolder(tmp_path / "run").config.read_text())["model"]
    assert [conv["stride"] for conv in written["conv"]] == [[3, 2]]


@pytest.mark.parametrize(
    ("strides", "message"),
    [
        ((2, 2), "--time-strides 2 2: expected one for each of the 1 convolutions"),
        ((6,), "--time-strides 6: expected at most 5, the frames of a kernel"),
        ((0,), "0 is not a whole number of at least 1"),
    ],
)
def test_strides_that_do_not_fit_are_refused(train, strides, message):
    code, _, err = train("--time-strides", *strides)
    assert code == 2
    assert message in err
