import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np import cli
from ds2np.model.run_folder import RunFolder
from ds2np.train.trainer import Trainer

TRAIN = ("--preset", "toy", "--epochs", "2", "--batch-size", "4", "--learning-rate", "0.005")


pytestmark = pytest.mark.usefixtures("toy_preset")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return toys.make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, manifest):
    """A run folder that tests must not change."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    arguments = ["--train", manifest, "--dev", manifest, "--out", folder]
    assert cli.main(["train", *TRAIN, *map(str, arguments)]) == 0
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_one_error(result, *named):
    """Check that a command failed with a one-line message that names the problem."""
    code, _, err = result
    assert code == 2
    lines = err.splitlines()
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert lines[-1].startswith("error: ")  # a progress bar may precede it
    assert "Traceback" not in err
    for name in named:
        assert str(name) in lines[-1]


# Training


def test_train_leaves_a_run_and_its_report(trained):
    names = {path.name for path in trained.iterdir()}
    assert names == {"config.json", "history.csv", "best.npz", "last.npz", "report.html"}


def test_train_uses_the_sampling_rate_asked_for(ds2np, manifest, tmp_path):
    arguments = ("--train", manifest, "--dev", manifest, "--out", tmp_path / "run")
    assert ds2np("train", *TRAIN, *arguments, "--sample-rate", 3200, "--seed", 7)[0] == 0
    written = json.loads((tmp_path / "run" / "config.json").read_text())
    assert written["model"]["sample_rate"] == 3200
    assert written["training"]["seed"] == 7


def test_train_resumes_only_if_asked_to(ds2np, manifest, trained):
    arguments = ("--train", manifest, "--dev", manifest, "--out", trained)
    before = contents(trained)
    result = ds2np("train", *TRAIN, *arguments)
    assert_one_error(result, trained, "--resume")
    assert len(result[2].splitlines()) == 1
    assert contents(trained) == before


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--epochs", value) for value in ("0", "-1", "two", "1.5")),
        *(("--learning-rate", value) for value in ("0", "nan", "inf", "fast")),
        *(("--seed", value) for value in ("-1", "lucky")),
        ("--sample-rate", "0"),
        ("--batch-size", "0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(ds2np, tmp_path, option, value):
    arguments = ("--train", "a", "--dev", "b", "--out", tmp_path / "run", option, value)
    code, _, err = ds2np("train", *arguments)
    assert code == 2
    assert f"argument {option}: {value} is not a" in err
    assert not (tmp_path / "run").exists()


def test_arguments_that_are_missing_or_unknown_are_refused(ds2np):
    for arguments in ((), ("fly",), ("train",), ("evaluate", "run"), ("demo", "--fast")):
        code, out, err = ds2np(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("usage: ")


def test_a_preset_that_is_not_there(ds2np):
    result = ds2np("train", "--train", "a", "--dev", "b", "--out", "c", "--preset", "huge")
    assert_one_error(result, "'huge'", "tiny")


def test_a_rate_too_low_for_a_window(ds2np, manifest, tmp_path):
    arguments = ("--train", manifest, "--dev", manifest, "--out", tmp_path / "run")
    assert_one_error(ds2np("train", *TRAIN, *arguments, "--sample-rate", 10), "10 Hz is too low")


# Bad manifests, for the commands that read one. Each entry changes the lines of a good one.

GOOD_LINES = 3


def change(**changes):
    def edit(lines):
        return [lines[0], json.dumps({**json.loads(lines[1]), **changes}), lines[2]]

    return edit


MANIFESTS = {
    "truncated": (lambda lines: [*lines[:1], lines[1][:-9], lines[2]], ":2: not valid JSON"),
    "list": (lambda lines: [lines[0], "[1]", lines[2]], ":2: found list"),
    "key": (lambda lines: [lines[0], '{"text": "a"}', lines[2]], ':2: "audio_filepath" is missing'),
    "type": (change(text=5), ':2: "text" is 5'),
    "negative": (change(duration=-1), ':2: "duration" is -1'),
    "NaN": (change(duration=float("nan")), ':2: "duration" is NaN'),
    "empty": (lambda lines: [], "holds no utterance"),
    "no UTF-8": (lambda lines: [*lines, "\udcff"], "is not UTF-8 text"),
    "unknown character": (change(text="abd"), ":2: 'd' in 'abd'"),
    "too long": (change(text="abc" * 50), ":2: the transcript needs 150 frames, 0.6 s"),
    "no such audio": (change(audio_filepath="no.wav"), ":2: no such audio file: "),
    "audio is a folder": (change(audio_filepath="."), "is a folder"),
    "audio is text": (change(audio_filepath="tones.jsonl"), "tones.jsonl is not readable audio"),
    "shorter than stated": (
        change(duration=60, text="abc" * 50),
        ":2: the transcript needs 150 frames, ",
    ),
}


@pytest.fixture
def bad_manifest(tmp_path):
    def write(kind):
        path = toys.make_corpus(tmp_path / "bad", toys.TEXTS[:GOOD_LINES])
        lines = MANIFESTS[kind][0](path.read_text().splitlines())
        path.write_bytes("\n".join(lines).encode(errors="surrogateescape"))
        return path, MANIFESTS[kind][1]

    return write


@pytest.mark.parametrize("kind", MANIFESTS)
def test_train_refuses_a_bad_manifest(ds2np, manifest, tmp_path, bad_manifest, kind):
    bad, reason = bad_manifest(kind)
    out = tmp_path / "run"
    assert_one_error(
        ds2np("train", *TRAIN, "--train", bad, "--dev", manifest, "--out", out), bad.parent, reason
    )
    assert not out.exists() or not contents(out)


@pytest.mark.parametrize("kind", MANIFESTS)
def test_evaluate_refuses_a_bad_manifest(ds2np, trained, bad_manifest, kind):
    bad, reason = bad_manifest(kind)
    result = ds2np("evaluate", trained, bad)
    assert_one_error(result, bad.parent, reason)
    assert result[1] == ""


def test_a_manifest_that_is_missing_or_a_folder(ds2np, manifest, trained, tmp_path):
    missing, folder = tmp_path / "no.jsonl", tmp_path
    for bad, reason in ((missing, "no such manifest"), (folder, "is a folder")):
        for result in (
            ds2np("train", "--train", bad, "--dev", manifest, "--out", tmp_path / "run"),
            ds2np("train", "--train", manifest, "--dev", bad, "--out", tmp_path / "run"),
            ds2np("evaluate", trained, bad),
        ):
            assert_one_error(result, bad, reason)
            assert len(result[2].splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_train_does_not_write_over_a_file(ds2np, manifest, tmp_path):
    (tmp_path / "run").write_text("years of work")
    for out in (tmp_path / "run", tmp_path / "run" / "below"):
        result = ds2np("train", *TRAIN, "--train", manifest, "--dev", manifest, "--out", out)
        assert_one_error(result, out)
    assert (tmp_path / "run").read_text() == "years of work"


def test_a_failure_of_the_system_is_one_line_too(ds2np, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device", "run/last.npz.partial")

    monkeypatch.setattr("ds2np.commands.demo.run_demo", full)
    assert_one_error(ds2np("demo"), "No space left on device", "run/last.npz.partial")


# Bad checkpoints, for the commands that read one.

CHECKPOINTS = {
    "missing": (lambda path: None, "no such checkpoint"),
    "folder": (lambda path: path.mkdir(), "holds no checkpoint"),
    "empty": (lambda path: path.touch(), "not a checkpoint"),
    "text": (lambda path: path.write_text("the cat is happy"), "not a checkpoint"),
    "other arrays": (lambda path: np.savez(path, a=np.zeros(3)), "not a checkpoint"),
    "pickled": (lambda path: np.savez(path, header=np.array({}, object)), "not a checkpoint"),
}


@pytest.mark.parametrize("kind", CHECKPOINTS)
@pytest.mark.parametrize("command", ["evaluate", "transcribe"])
def test_a_bad_checkpoint_is_refused(ds2np, manifest, tmp_path, command, kind):
    make, reason = CHECKPOINTS[kind]
    path = tmp_path / "a.npz"
    make(path)
    code, out, err = ds2np(command, path, manifest)
    assert_one_error((code, out, err), path, reason)
    assert (out, len(err.splitlines())) == ("", 1)


def test_a_truncated_checkpoint_is_refused_and_kept(ds2np, manifest, trained, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    RunFolder(run).last.write_bytes(RunFolder(trained).last.read_bytes()[:-500])
    before = contents(run)
    arguments = ("--train", manifest, "--dev", manifest, "--out", run)
    assert_one_error(ds2np("transcribe", run, "a.wav"), RunFolder(run).last)
    assert_one_error(ds2np("train", *TRAIN, *arguments, "--resume"), RunFolder(run).last)
    assert_one_error(ds2np("train", *TRAIN, *arguments), run, "holds a run")
    assert contents(run) == before


# Evaluation and transcription


def test_evaluate_prints_the_rates(ds2np, trained, manifest):
    code, out, _ = ds2np("evaluate", trained, manifest)
    assert code == 0
    assert out.startswith(f"{len(toys.TEXTS)} utterances: WER ")


def test_evaluate_json_fits_transcribe_json(ds2np, trained, manifest):
    code, out, _ = ds2np("evaluate", trained, manifest, "--json")
    result = json.loads(out)
    assert code == 0
    assert result.keys() >= {"wer", "cer", "loss", "words", "characters", "worst", "utterances"}
    assert [u["reference"] for u in result["utterances"]] == list(toys.TEXTS)
    files = [u["audio_filepath"] for u in result["utterances"]]
    code, out, err = ds2np("transcribe", trained, *files, "--json")
    assert (code, err) == (0, "")
    transcripts = [json.loads(line) for line in out.splitlines()]
    assert [(t["audio_filepath"], t["text"]) for t in transcripts] == [
        (u["audio_filepath"], u["hypothesis"]) for u in result["utterances"]
    ]


def test_transcribe_names_the_file_only_among_several(ds2np, trained, manifest):
    a, b = manifest.parent / "0.wav", manifest.parent / "1.wav"
    text_a, text_b = (ds2np("transcribe", trained, file)[1] for file in (a, b))
    assert ds2np("transcribe", RunFolder(trained).best, a, b) == (
        0,
        f"{a}: {text_a}{b}: {text_b}",
        "",
    )


def write_nan(path):
    soundfile.write(path, np.full(800, np.nan), toys.RATE, subtype="FLOAT")


AUDIO = {
    "missing": (lambda path: None, "no such audio file"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "text": (lambda path: path.write_text("the cat is happy\n" * 9), "not readable audio"),
    "zero bytes": (lambda path: path.touch(), "not readable audio"),
    "no samples": (lambda path: soundfile.write(path, np.zeros(0), 8000), "holds no samples"),
    "NaN": (write_nan, "NaN or infinite"),
    "short": (lambda path: soundfile.write(path, np.ones(9), 8000), "the sound lasts"),
}


@pytest.mark.parametrize("kind", AUDIO)
def test_transcribe_names_a_bad_recording_and_continues(ds2np, trained, manifest, tmp_path, kind):
    make, reason = AUDIO[kind]
    good, bad = manifest.parent / "0.wav", tmp_path / "bad.wav"
    make(bad)
    code, out, err = ds2np("transcribe", trained, good, bad, good)
    assert_one_error((code, out, err), bad, reason)
    assert len(err.splitlines()) == 1
    assert [line.split(": ")[0] for line in out.splitlines()] == [str(good), str(good)]


# Interruption


def test_ctrl_c_before_anything_is_saved(ds2np, manifest, tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("ds2np.train.run.Dataset", interrupt)
    arguments = ("--train", manifest, "--dev", manifest, "--out", tmp_path / "run")
    code, _, err = ds2np("train", *TRAIN, *arguments)
    assert (code, err) == (130, "\ninterrupted\n")


def test_ctrl_c_in_training_says_how_to_resume(ds2np, manifest, tmp_path, monkeypatch):
    step = Trainer._train_step

    def interrupted(self, *rest):
        frames = step(self, *rest)
        signal.raise_signal(signal.SIGINT)
        return frames

    arguments = ("--train", manifest, "--dev", manifest, "--out", tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", interrupted)
        code, _, err = ds2np("train", *TRAIN, *arguments)
    assert code == 130
    assert "saved; the same command with --resume continues" in err.splitlines()[-1]
    assert ds2np("train", *TRAIN, *arguments, "--resume")[0] == 0


# As a process


def python_m_ds2np(*arguments):
    root = Path(cli.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-m", "ds2np", *map(str, arguments)],
        cwd=root,
        capture_output=True,
        text=True,
    )


def test_a_process_ends_with_the_exit_code_and_one_line(tmp_path):
    done = python_m_ds2np("transcribe", tmp_path, "a.wav")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {tmp_path} holds no checkpoint")
    assert done.stderr.count("\n") == 1


def test_a_process_transcribes(trained, manifest, ds2np):
    file = manifest.parent / "0.wav"
    done = python_m_ds2np("transcribe", trained, file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ds2np("transcribe", trained, file)[1]


def test_programming_errors_keep_their_traceback(monkeypatch):
    def broken(*arguments, **options):
        raise ValueError("our mistake")

    monkeypatch.setattr("ds2np.commands.demo.run_demo", broken)
    with pytest.raises(ValueError, match="our mistake"):
        cli.main(["demo"])
