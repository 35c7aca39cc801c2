"""The options of the command `train`."""

import json

import pytest
from helpers import toys

from ds2np import model
from ds2np.model.run_folder import RunFolder


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
        (("--augment", "--noise", "/nowhere"), "error: /nowhere: no such folder"),
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
    assert train("--epochs", 1, "--cache", tmp_path / "cache")[0] == 0
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == len(toys.TEXTS)
