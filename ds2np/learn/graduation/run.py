"""The steps of the graduation: checks, recordings, trials, training, transcription."""

import contextlib
import dataclasses
import os

import numpy as np
from tqdm import tqdm

from ds2np.data.manifest import read_manifest, write_manifest
from ds2np.errors import UserError
from ds2np.files import locked, make_folder
from ds2np.learn import answers, sound, toy
from ds2np.learn.book import CHAPTERS
from ds2np.learn.exercise import CORRECT
from ds2np.learn.graduation import decoding, guard
from ds2np.learn.graduation.adapters import can_replace
from ds2np.learn.graduation.faults import describe
from ds2np.learn.graduation.replace import Replacement, replaced
from ds2np.learn.graduation.report import Result, print_answers, print_result
from ds2np.learn.graduation.trial import recognise, try_all
from ds2np.model import ConvConfig, DeepSpeech2Config
from ds2np.model.run_folder import RunFolder
from ds2np.recogniser import Recogniser
from ds2np.text import cer, wer
from ds2np.text.counting import choose_symbols
from ds2np.train.config import TrainingConfig
from ds2np.train.run import train

LAST_CHAPTER = "07"  # whose exercises belong to the graduation; of the later ones these do, too:
GATED = {"gru_forward", "gru_backward"}
AUGMENTING = {"add_noise", "accumulate_turns", "reverberate"}
LATER = {*AUGMENTING, *decoding.FUNCTIONS, "recurrent_weight_gradient", "shard", "cut_bigrams"}
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
AUGMENTED_EPOCHS = 6  # fewer, as each takes longer
MINUTES = 120  # of training, at most
# Word error rates of the package's own code with these settings, measured once on 60 recordings,
# greedy and with a language model: by the symbols, the kind of the recurrent layers, and whether
# recordings are augmented.
PACKAGE_WER = {
    ("characters", "rnn", False): (0.0, 0.0),
    ("characters", "gru", False): (0.017, 0.0),
    ("characters", "rnn", True): (0.025, 0.0),
    ("characters", "gru", True): (0.025, 0.0),
    ("bigrams", "rnn", False): (0.0, 0.0),
    ("bigrams", "gru", False): (0.017, 0.008),
    ("bigrams", "rnn", True): (0.017, 0.0),
    ("bigrams", "gru", True): (0.0, 0.0),
}


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
        or if espeak-ng is missing. If a function turns out faulty during training, afterwards.
    """
    if resume:
        raise UserError("--answers cannot be combined with --resume; use --restart")
    if device not in ("auto", "cpu"):
        raise UserError(f"--device {device}: --answers runs on the CPU only")
    if not path.exists():
        raise UserError(
            f"there is no {path}; it gets your answers from the checks in the notebooks"
        )
    run = RunFolder(folder / "graduation")
    run.check_free()
    if run.holds_run and not restart:
        raise UserError(
            f"{run.path} already holds a run; use --restart to delete it and train again"
        )
    try:
        _graduate(path, folder, run)
    finally:
        guard.dismiss()


def _graduate(path, folder, run):
    with _silence():
        verdicts, replacements = judge_all(path)
    done = {e.function for e, verdict in verdicts.items() if verdict.state == CORRECT}
    if not done:
        print_answers(path, verdicts, [], [])
        raise UserError(f"no function in {path} passes its check; solve at least one exercise")
    train_set, test_set = make_digits(folder / "digits")
    network = choose_network(done, [utterance.text for utterance in train_set])
    training = choose_training(done)
    print(f"trying each of your functions on a minibatch ({len(replacements)}) ...", flush=True)
    usable = [exercise for exercise in verdicts if can_replace(exercise)]
    with _silence():
        chosen, others = try_all(replacements, usable, network, training, train_set)
    print_answers(path, verdicts, replacements, chosen)
    if not chosen:
        raise UserError(f"none of the functions in {path} can be used for this network")
    run.delete()
    for replacement in chosen:
        replacement.reset()
    results = []
    with replaced(chosen):
        _insist(
            "training",
            chosen,
            lambda: train(
                *(network, training, train_set, test_set, run.path),
                resume=run.last.exists(),
                minutes=MINUTES,
            ),
        )
        recogniser = Recogniser.load(run.path, "cpu")
        refs, hyps = recognise(recogniser, test_set)
        greedy, with_lm = PACKAGE_WER[network.units, network.recurrent, training.augment]
        results.append(Result("greedy", hyps, wer(refs, hyps), cer(refs, hyps), greedy))
        if any(map(decoding.needs, chosen)):
            decoded = _insist("decoding", chosen, lambda: _decode(recogniser, train_set, test_set))
            hyps, model = decoded.texts, f"with an n-gram model of the transcripts, {decoded}"
            rates = wer(refs, hyps), cer(refs, hyps)
            results.append(Result(model, hyps, *rates, with_lm))
    print_result(chosen, len(others), refs, results)
    if failed := [s.exercise.function for s in chosen if s.failure]:
        raise UserError(f"faults in {path}, named above: {', '.join(failed)}")


def _insist(what, chosen, run):
    """Run a part of the graduation; if it fails, run it again, and compare every call.

    If it fails again, it is run without the answers: only what fails then is not their fault.
    """
    for strict in (False, True):
        try:
            return run()
        except (OSError, MemoryError):
            raise
        except Exception as error:
            serving = [replacement for replacement in chosen if not replacement.failure]
            if not serving:
                raise
            tqdm.write(f"the {what} failed ({describe(error)}); it goes on, and looks closer")
            for replacement in serving:
                if strict:
                    replacement.failure = f"the {what} failed with it: {describe(error)}"
                else:
                    replacement.reset(strict=True)
    return run()


def _decode(recogniser, train_set, test_set):
    """Decode the test set with a language model; return `Decoded`."""
    texts = [recogniser.config.alphabet().normalise(each.text) for each in train_set]
    tuning = decoding.collect_outputs(recogniser, train_set[: decoding.TUNED])
    test = decoding.collect_outputs(recogniser, test_set)
    with tqdm(desc="finding the weights of a language model", unit=" searches") as bar:
        return decoding.decode(texts, recogniser.config.alphabet(), tuning, test, bar.update)


@contextlib.contextmanager
def _silence():
    """Hide what the answers print."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def judge_all(path):
    """Check the answers in the reader's file to the exercises of the graduation.

    These are all up to `LAST_CHAPTER`, and those in `LATER`, which training can use.

    Returns
    -------
    verdicts : dict of Exercise to Verdict
    replacements : list of Replacement
        One for each correct answer that can replace a function of the package.
    """
    names = answers.load(path)
    verdicts, replacements = {}, []
    for chapter in CHAPTERS:
        for exercise in chapter.exercises:
            if chapter.number > LAST_CHAPTER and exercise.function not in LATER:
                continue
            verdicts[exercise], _ = answers.judge(exercise, path)
            if verdicts[exercise].state == CORRECT and can_replace(exercise):
                replacements.append(Replacement(exercise, names[exercise.function], path))
    return verdicts, replacements


def choose_network(done, texts):
    """Return the network's configuration: GRU layers if the reader has solved only those.

    If the reader cuts texts into bigrams, it writes with those of the texts. `done` is the set of
    the names of the correct functions.
    """
    gated = GATED & done and not {"simple_rnn_forward", "simple_rnn_backward"} & done
    network = dataclasses.replace(NETWORK, recurrent="gru" if gated else "rnn")
    if "cut_bigrams" not in done:
        return network
    symbols, _ = choose_symbols(texts, "bigrams")
    return dataclasses.replace(network, units="bigrams", characters=symbols)


def choose_training(done):
    """Return the hyperparameters: with augmentation if the reader has written a part of it."""
    if not AUGMENTING & done:
        return TRAINING
    epochs = min(TRAINING.epochs, AUGMENTED_EPOCHS)
    return dataclasses.replace(TRAINING, augment=True, epochs=epochs)


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
