"""Good input, broken at random: every command ends with one sentence, and nothing is lost."""

import dataclasses
import shutil

import numpy as np
import pytest
from helpers import toys
from helpers.breakers import AUDIO, CHECKPOINT, MANIFEST, pick

from ds2np.data.manifest import read_manifest
from ds2np.model.run_folder import RunFolder
from ds2np.train.run import train

SEEDS = 300
TEXTS = ("abc", "cab", "a b")
TRAIN = ("--preset", "toy", "--epochs", "1", "--batch-size", "4", "--learning-rate", "0.005")


# Values of options

COUNTS = ("--sample-rate", "--mels", "--epochs", "--batch-size", "--accumulate", "--patience")
POSITIVES = ("--batch-seconds", "--learning-rate", "--anneal", "--max-norm", "--minutes")
TRAIN_OPTIONS = (*COUNTS, *POSITIVES, "--longest", "--momentum", "--seed", "--device", "--overfit")
DATA_OPTIONS = ("--longest", "--preset", "--characters")
OPTION_VALUES = (
    *("", " ", "x", "-1", "-0", "0", "0x10", "1,5", "1e", "...", "0.0.0", "nan", "inf", "-inf"),
    *("7", "1000000000", "1e300", "1e-300", "0.5", "300", "17", "18"),
    *("1e999", "1e-999", "\u00b2", "9" * 5000, "--", "None", "cuda:99", "cuda:-1", "\U0001f600"),
)


pytestmark = pytest.mark.usefixtures("toy_preset")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A corpus and a run; each case breaks a copy."""
    folder = tmp_path_factory.mktemp("good")
    manifest = toys.make_corpus(folder / "corpus", TEXTS)
    utterances = read_manifest(manifest)
    config = dataclasses.replace(toys.TRAINING, epochs=1)
    train(toys.MODEL, config, utterances, utterances, folder / "run")
    return folder


@pytest.fixture
def folder(good, tmp_path):
    shutil.copytree(good, tmp_path / "copy")
    return tmp_path / "copy"


def contents(folder):
    return {p: p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def check(ds2np, folder, arguments, culprits):
    """Run a command; check how it ends, and that its input is unchanged."""
    before = contents(folder)
    code, out, err = ds2np(*arguments)
    assert code in (0, 1, 2), err
    assert "Traceback" not in out + err
    assert contents(folder) == before
    if code == 2:
        last = err.splitlines()[-1]
        assert "error: " in last
        assert err.count("error: ") == 1 or arguments[0] == "transcribe"  # one for each line
        assert len(last) < 2000 + sum(map(len, map(str, culprits)))
        assert any(str(culprit) in last for culprit in culprits), last
    return code


def cases(corruptions):
    """Take the corruptions in turn, each with another seed."""
    taken = [(i, corruptions[i % len(corruptions)]) for i in range(SEEDS // 4)]
    return [pytest.param(i, take, id=f"{take.__name__}-seed{i}") for i, take in taken]


@pytest.mark.parametrize(("seed", "corrupt"), cases(AUDIO))
def test_a_broken_recording(ds2np, folder, seed, corrupt):
    rng = np.random.default_rng([1, seed])
    manifest, run = folder / "corpus" / "tones.jsonl", folder / "run"
    path = folder / "corpus" / "1.wav"
    corrupt(path, rng)
    if seed % 5 == 4 and path.is_file():  # the suffix may be wrong, too
        path = path.rename(path.with_suffix(pick(rng, (".raw", ".flac", ".mp3", ".txt", ""))))
        manifest.write_text(manifest.read_text().replace("1.wav", path.name))
    for command in (
        ("transcribe", run, path),
        ("transcribe", run, path, "--channel", "1"),
        ("evaluate", run, manifest),
        ("data", "--preset", "toy", manifest),
        ("data", "--preset", "toy", "--listen", manifest),
    ):
        check(ds2np, folder, command, [path])


@pytest.mark.parametrize(("seed", "corrupt"), cases(MANIFEST))
def test_a_broken_manifest(ds2np, folder, seed, corrupt):
    rng = np.random.default_rng([2, seed])
    manifest, run = folder / "corpus" / "tones.jsonl", folder / "run"
    good = shutil.copy(manifest, manifest.with_name("good.jsonl"))
    corrupt(manifest, rng)
    for command in (
        ("evaluate", run, manifest),
        ("transcribe", run, manifest),
        ("data", "--preset", "toy", manifest),
        ("data", "--preset", "toy", "--listen", manifest),
        ("data", "--alphabet", manifest),
        ("data", "--preset", "toy", manifest, "--fix", folder.parent / "clean.jsonl"),
        ("train", "--train", manifest, "--dev", good, "--out", run, *TRAIN),
    ):
        named = [manifest, folder / "corpus"]
        check(ds2np, folder, command, [run, *named] if command[0] == "train" else named)


@pytest.mark.parametrize(("seed", "corrupt"), cases(CHECKPOINT))
def test_a_broken_checkpoint(ds2np, folder, seed, corrupt):
    rng = np.random.default_rng([3, seed])
    manifest, run = folder / "corpus" / "tones.jsonl", folder / "run"
    path = RunFolder(run).best
    corrupt(path, rng)
    audio = folder / "corpus" / "0.wav"
    for command in (("transcribe", path, audio), ("evaluate", path, manifest)):
        # A changed stride of the convolutions still fits the arrays, but no transcript.
        check(ds2np, folder, command, [path, manifest])
    if path.is_file():
        path.replace(RunFolder(run).last)
        identical = ("--preset", "toy", "--epochs", "2")  # another run than the existing one
        arguments = ("--train", manifest, "--dev", manifest, "--out", run, "--resume", *identical)
        assert check(ds2np, folder, ("train", *arguments), [run]) == 2


def option_cases():
    for seed in range(SEEDS // 4):
        rng = np.random.default_rng([4, seed])
        option, data_option = pick(rng, TRAIN_OPTIONS), pick(rng, DATA_OPTIONS)
        value = pick(rng, OPTION_VALUES)
        name = f"{option}={ascii(value)[:20]}-seed{seed}"
        yield pytest.param(option, data_option, value, id=name)


@pytest.mark.parametrize(("option", "data_option", "value"), list(option_cases()))
def test_an_invalid_option_value(ds2np, folder, no_report, option, data_option, value):
    manifest = folder / "corpus" / "tones.jsonl"
    out = folder.parent / "run"
    arguments = ("--train", manifest, "--dev", manifest, "--out", out, *TRAIN, "--minutes", "0.001")
    check(
        ds2np,
        folder,
        ("train", *arguments, f"{option}={value}"),
        [option, value.strip() or option],
    )
    culprits = [data_option, repr(value), "alphabet"]
    check(ds2np, folder, ("data", manifest, f"{data_option}={value}"), culprits)
