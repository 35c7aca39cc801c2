"""The graduation: a network is trained by what the reader has written, and recognises speech.

Each answer in the reader's file that passes its check takes the place of the package's function of
the same meaning. All others are the package's own, so that it works with one answer as with all.
"""

import contextlib
import dataclasses
import io
import time
from pathlib import Path

import numpy as np

from ds2np.data.batches import make_batch
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import read_manifest, write_manifest
from ds2np.errors import UserError
from ds2np.evaluate import network_outputs
from ds2np.files import make_folder
from ds2np.learn import answers, sound, toy
from ds2np.learn.adapters import find_adapter
from ds2np.learn.book import CHAPTERS
from ds2np.learn.exercise import CORRECT, NOT_DONE
from ds2np.learn.replace import Replacement, replaced
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.model.run_folder import RunFolder
from ds2np.recogniser import Recogniser
from ds2np.text import cer, wer
from ds2np.train.config import TrainingConfig
from ds2np.train.run import train
from ds2np.train.step import add_gradients
from ds2np.train.trainer import Trainer

LAST_CHAPTER = "07"
# The paper's own kind of layers, small: a convolution over time, simple recurrent layers.
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
MAX_MINUTES = 30  # that one answer may add to the training
APART = 0.01  # how far, as a share of the largest, gradients may lie from the package's
NOTICEABLE = 0.05  # share of a step
SHOWN = 5  # held out recordings


def graduate(path, folder, resume=False, restart=False, device="auto"):
    """Train with the reader's functions, and show what comes of it.

    Parameters
    ----------
    path : Path
        The reader's file.
    folder : Path
        Holds ``digits``, the recordings, and ``graduation``, the run, afterwards.
    resume : bool
        Refused: the answers may be others by now.
    restart : bool
        Delete the run that is there.
    device : str
        As the command line has it; only the CPU will do.

    Raises
    ------
    UserError
        If there is no such file, it cannot be run, none of its functions can be used, a run is
        there already, or there is no voice to speak with.
    """
    if resume:
        raise UserError("--resume and --answers: your functions train in one go; try --restart")
    if device not in ("auto", "cpu"):
        raise UserError(
            f"--device {device} and --answers: your functions compute on the CPU, by NumPy"
        )
    if not path.exists():
        raise UserError(
            f"there is no {path}; the checks in the notebooks write what you solve into it"
        )
    run = RunFolder(folder / "graduation")
    if run.holds_run and not restart:
        raise UserError(f"{run.path} holds a run already; --restart deletes it and trains again")
    with contextlib.redirect_stdout(io.StringIO()):  # what the answers print is not asked for
        verdicts, replacements = judge_all(path)
    done = {e.function for e, verdict in verdicts.items() if verdict.state == CORRECT}
    if not done:
        _list(path, verdicts, [], [])
        raise UserError(f"no function in {path} passes its check yet; with one, come again")
    network = choose_network(done)
    train_set, test_set = make_digits(folder / "digits")
    print(f"trying each of your functions on a minibatch ({len(replacements)}) ...", flush=True)
    with contextlib.redirect_stdout(io.StringIO()):
        chosen = try_all(replacements, network, TRAINING, train_set)
    _list(path, verdicts, replacements, chosen)
    if not chosen:
        raise UserError(f"none of the functions in {path} can be used for this network")
    run.delete()
    for replacement in chosen:
        replacement.reset()
    with replaced(chosen):
        train(network, TRAINING, train_set, test_set, run.path)
        refs, hyps = recognise(Recogniser.load(run.path, "cpu"), test_set)
        rates = wer(refs, hyps), cer(refs, hyps)
    _conclude(chosen, refs, hyps, rates)


def judge_all(path):
    """Check all answers of the reader's file that can have a part in a network.

    Parameters
    ----------
    path : Path

    Returns
    -------
    verdicts : dict of Exercise to Verdict
    replacements : list of Replacement
        Of the correct ones that can stand in for a function of the package.
    """
    names = answers.load(path)
    verdicts, replacements = {}, []
    for chapter in CHAPTERS:
        for exercise in chapter.exercises if chapter.number <= LAST_CHAPTER else ():
            verdicts[exercise] = answers.judge(exercise, names)
            if verdicts[exercise].state != CORRECT:
                continue
            if found := find_adapter(exercise, names[exercise.function]):
                replacements.append(Replacement(exercise, *found, path))
    return verdicts, replacements


def choose_network(done):
    """Choose the recurrent layers that the reader has written; simple ones if both.

    Parameters
    ----------
    done : set of str
        Names of functions.

    Returns
    -------
    DeepSpeech2Config
    """
    gated = "gru_forward" in done and not {"simple_rnn_forward", "simple_rnn_backward"} & done
    return dataclasses.replace(NETWORK, recurrent="gru" if gated else "rnn")


def make_digits(folder):
    """Let voices speak digits, unless they have done so before.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    train_set, test_set : list of Utterance
        The voices of the second are not in the first.

    Raises
    ------
    UserError
        If there is no voice.
    """
    manifests = folder / "train.jsonl", folder / "test.jsonl"
    if not manifests[1].exists():
        if not sound.has_voice():
            raise UserError("there is no espeak-ng on this machine, and so nobody to speak")
        print(f"making {UTTERANCES + HELD_OUT} recordings of spoken digits in {folder}", flush=True)
        make_folder(folder, "--folder")
        rng = np.random.default_rng(0)
        spoken = (
            toy.speak_digits(folder, UTTERANCES, rng),
            toy.speak_digits(folder, HELD_OUT, rng, toy.OTHER_SPEAKERS, sizes=(1.0, 1.0)),
        )
        for manifest, utterances in zip(manifests, spoken, strict=True):
            write_manifest(manifest, utterances)
    return tuple(map(read_manifest, manifests))


def try_step(network, training, utterances):
    """Run everything once that training and recognising run: one step, and one evaluation.

    Parameters
    ----------
    network : DeepSpeech2Config
    training : TrainingConfig
    utterances : list of Utterance

    Returns
    -------
    list of ndarray
        The losses, the gradients, and the parameters after the step.
    """
    model = DeepSpeech2(network, seed=training.seed)
    dataset = Dataset(utterances, model.config)
    trainer = Trainer(model, dataset, dataset, Path(), training)  # writes nothing yet
    assert not trainer.finished
    batch = make_batch(dataset, trainer.plan(2)[0])
    model.set_training(True)
    loss = add_gradients(model, batch, 1 / len(batch.indices))
    gradients = model.flat_grads.copy()
    trainer.optimiser.step()
    parameters = model.flat_params.copy()
    trainer.evaluate(trainer.recogniser)
    cer(*recognise(trainer.recogniser, utterances[:2]))
    return [loss, gradients, parameters]


def recognise(recogniser, utterances):
    """Transcribe recordings.

    Parameters
    ----------
    recogniser : Recogniser
    utterances : list of Utterance

    Returns
    -------
    refs, hyps : list of str
    """
    dataset, found = Dataset(utterances, recogniser.config), {}
    for batch, log_probs, lengths in network_outputs(recogniser, dataset):
        decoded = recogniser.decoder.decode(log_probs, lengths)
        found.update((i, best.text) for i, (best,) in zip(batch.indices, decoded, strict=True))
    return dataset.texts, [found[i] for i in range(len(dataset))]


def try_all(replacements, network, training, utterances):
    """Try each answer alone on a minibatch: whether it is needed, right, and quick enough.

    Parameters
    ----------
    replacements : list of Replacement
        Whoever fails is given the reason.
    network : DeepSpeech2Config
    training : TrainingConfig
    utterances : list of Utterance

    Returns
    -------
    list of Replacement
        Those that serve, all of them together.
    """
    minibatch = Dataset(utterances, network).plan(2, training.batch_size)[0]
    few = [utterances[i] for i in minibatch]
    steps = training.epochs * -(-len(utterances) // training.batch_size)
    clocks = {s.original: Replacement(s.exercise, s.original, s.original, "") for s in replacements}
    began = time.perf_counter()
    with replaced(clocks.values()):
        expected = try_step(network, training, few)
    whole = time.perf_counter() - began
    for replacement in replacements:
        if not clocks[replacement.original].calls:
            continue
        try:
            with replaced([replacement]):
                got = try_step(network, training, few)
        except Exception as error:  # the answer went through, what came of it did not
            replacement.failure = (
                f"with it, a minibatch of speech ends in {type(error).__name__}: {error}"
            )
        if replacement.failure:
            continue
        if apart := find_distance(got, expected):
            replacement.failure = f"on a minibatch of speech {apart}"
            continue
        usual = clocks[replacement.original].seconds
        more = replacement.seconds - usual
        factor = replacement.seconds / max(usual, 1e-9)
        slowness = f"{factor:,.{int(factor < 10)}f} times as slow as the package's"
        if more * steps > 60 * MAX_MINUTES:
            replacement.failure = f"{slowness}, {more * steps / 3600:.1f} hours more in all"
            continue
        if factor > 2 and more > NOTICEABLE * whole:  # less is noise, or nobody minds
            replacement.slowness = slowness
        replacement.fit = True
    fit = [replacement for replacement in replacements if replacement.fit]
    for replacement in fit:
        replacement.reset()
    with replaced(fit):
        try_step(network, training, few)
    return [replacement for replacement in fit if replacement.calls and not replacement.failure]


def find_distance(got, expected):
    """Say how the results of `try_step` differ, beyond rounding.

    Parameters
    ----------
    got, expected : list of ndarray

    Returns
    -------
    str
        Empty if they do not.
    """
    for name, a, b in zip(("losses", "gradients", "parameters"), got, expected, strict=True):
        share = np.abs(a - b).max() / max(np.abs(b).max(), 1e-12)
        if not share <= APART:
            return f"the {name} are up to {100 * share:.3g} % away from the package's"
    return ""


def _list(path, verdicts, replacements, chosen):
    """Print what became of each exercise."""
    by_exercise = {s.exercise: s for s in replacements}
    serving_now = {s.exercise: s for s in chosen}
    replaced = {s.original: s for s in chosen}
    groups = {
        "used in place of the package's own": [],
        "done, but not needed for this network": [],
        "not usable here": [],
        "wrong": [],
        "not done": [],
    }
    used, spare, unfit, wrong, missing = groups.values()
    for exercise, verdict in verdicts.items():
        replacement, note = by_exercise.get(exercise), ""
        if verdict.state == NOT_DONE:
            group = missing
        elif verdict.state != CORRECT:
            group, note = wrong, verdict.reason
        elif exercise in serving_now:
            group, note = used, replacement.slowness
        elif replacement and replacement.failure:
            group, note = unfit, replacement.failure
        else:
            group = spare
            if replacement and replacement.original in replaced:
                note = f"your {replaced[replacement.original].exercise.function} does its work"
            elif replacement and replacement.fit:
                note = "other functions of yours do its work, or call it themselves"
        group.append(f"    {exercise.number}  {exercise.function}{': ' if note else ''}{note}")
    print(f"what {path} holds:")
    for title, lines in groups.items():
        if lines:
            print(f"  {title}:", *lines, sep="\n")


def _conclude(chosen, refs, hyps, rates):
    """Print what was recognised."""
    served = [s for s in chosen if not s.failure]
    calls = sum(s.calls for s in served)
    print(f"\n{len(served)} of your functions served to the end, in {calls:,} calls")
    for replacement in chosen:
        if replacement.failure:
            print(f"your {replacement.exercise.function} did not: {replacement.failure}")
    print("recordings of voices that it had never heard:")
    for i in range(min(SHOWN, len(refs))):
        print(f"    reference   {refs[i]}\n    hypothesis  {hyps[i]}")
    whose = "your own code" if served else "the package's code, with nothing of yours,"
    print(
        f'{whose} recognised this: "{hyps[0]}" where "{refs[0]}" was said; WER of all '
        f"{len(refs)}: {100 * rates[0]:.1f} %, CER {100 * rates[1]:.1f} %"
    )
