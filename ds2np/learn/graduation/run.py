"""The steps of the graduation: checks, recordings, trials, training, transcription."""

import contextlib
import dataclasses
import io

import numpy as np

from ds2np.data.manifest import read_manifest, write_manifest
from ds2np.errors import UserError
from ds2np.files import locked, make_folder
from ds2np.learn import answers, sound, toy
from ds2np.learn.book import CHAPTERS, name_notebooks
from ds2np.learn.exercise import CORRECT
from ds2np.learn.graduation.adapters import find_adapter
from ds2np.learn.graduation.replace import Replacement, replaced
from ds2np.learn.graduation.report import print_answers, print_result
from ds2np.learn.graduation.trial import recognise, try_all
from ds2np.model import ConvConfig, DeepSpeech2Config
from ds2np.model.run_folder import RunFolder
from ds2np.recogniser import Recogniser
from ds2np.text import cer, wer
from ds2np.train.config import TrainingConfig
from ds2np.train.run import train

LAST_CHAPTER = "07"
# A small version of the paper's layers: a convolution over time, simple recurrent layers.
NETWORK = DeepSpeech2Config(
    sample_rate=toy.RATE,
    mels=24,
    conv=(ConvConfig(channels=128, kernel=(11,), stride=(2,)),),
    recurrent="rnn",
    layers=2,
    hidden=128,
)
TRAINING = TrainingConfig(
    epochs=10, learning_rate=6e-3, anneal=1.2, momentum=0.95, max_norm=100.0, patience=5
)
UTTERANCES, HELD_OUT = 600, 60


def graduate(path, folder, resume=False, restart=False, device="auto"):
    """Train a network with the reader's functions and print its transcriptions.

    Parameters
    ----------
    path : Path
        The reader's file.
    folder : Path
        Afterwards holds the recordings, ``digits``, and the run, ``graduation``.
    resume : bool
        Refused: the answers may have changed.
    restart : bool
        Delete an existing run.
    device : str
        Option of the command line; the CPU only.

    Raises
    ------
    UserError
        If the file is missing, cannot be run or has no usable function, if a run exists already,
        or if espeak-ng is missing.
    """
    if resume:
        raise UserError("--answers cannot be combined with --resume; use --restart")
    if device not in ("auto", "cpu"):
        raise UserError(f"--device {device}: --answers runs on the CPU only")
    if not path.exists():
        raise UserError(
            f"there is no {path}; it gets your answers from the checks in {name_notebooks()}"
        )
    run = RunFolder(folder / "graduation")
    run.check_free()
    if run.holds_run and not restart:
        raise UserError(
            f"{run.path} already holds a run; use --restart to delete it and train again"
        )
    with contextlib.redirect_stdout(io.StringIO()):  # hide what the answers print
        verdicts, replacements = judge_all(path)
    done = {e.function for e, verdict in verdicts.items() if verdict.state == CORRECT}
    if not done:
        print_answers(path, verdicts, [], [])
        raise UserError(f"no function in {path} passes its check; solve at least one exercise")
    network = choose_network(done)
    train_set, test_set = make_digits(folder / "digits")
    print(f"trying each of your functions on a minibatch ({len(replacements)}) ...", flush=True)
    with contextlib.redirect_stdout(io.StringIO()):
        chosen = try_all(replacements, network, TRAINING, train_set)
    print_answers(path, verdicts, replacements, chosen)
    if not chosen:
        raise UserError(f"none of the functions in {path} can be used for this network")
    run.delete()
    for replacement in chosen:
        replacement.reset()
    with replaced(chosen):
        train(network, TRAINING, train_set, test_set, run.path)
        refs, hyps = recognise(Recogniser.load(run.path, "cpu"), test_set)
        rates = wer(refs, hyps), cer(refs, hyps)
    print_result(chosen, refs, hyps, rates)


def judge_all(path):
    """Check the answers in the reader's file to the exercises up to `LAST_CHAPTER`.

    Returns
    -------
    verdicts : dict of Exercise to Verdict
    replacements : list of Replacement
        One for each correct answer that can replace a function of the package.
    """
    names = answers.load(path)
    verdicts, replacements = {}, []
    for chapter in CHAPTERS:
        for exercise in chapter.exercises if chapter.number <= LAST_CHAPTER else ():
            verdicts[exercise], _ = answers.judge(exercise, path)
            if verdicts[exercise].state != CORRECT:
                continue
            if found := find_adapter(exercise, names[exercise.function]):
                replacements.append(Replacement(exercise, *found, path))
    return verdicts, replacements


def choose_network(done):
    """Return the network's configuration: GRU layers if the reader has solved only those.

    `done` is the set of the names of the correct functions.
    """
    gated = "gru_forward" in done and not {"simple_rnn_forward", "simple_rnn_backward"} & done
    return dataclasses.replace(NETWORK, recurrent="gru" if gated else "rnn")


def make_digits(folder):
    """Return lists of utterances for training and test, spoken by different voices.

    Recordings are made if the folder has none; this raises `UserError` if espeak-ng is missing.
    """
    manifests = folder / "train.jsonl", folder / "test.jsonl"
    if not manifests[1].exists():
        if not sound.has_voice():
            raise UserError("espeak-ng was not found; it is needed to make the recordings")
        print(f"making {UTTERANCES + HELD_OUT} recordings of spoken digits in {folder}", flush=True)
        make_folder(folder, "--folder")
        with locked(folder.with_name(f"{folder.name}.lock"), f"{folder}"):
            rng = np.random.default_rng(0)
            spoken = (
                toy.speak_digits(folder, UTTERANCES, rng),
                toy.speak_digits(folder, HELD_OUT, rng, toy.OTHER_SPEAKERS, sizes=(1.0, 1.0)),
            )
            for manifest, utterances in zip(manifests, spoken, strict=True):
                write_manifest(manifest, utterances)
    return tuple(map(read_manifest, manifests))
