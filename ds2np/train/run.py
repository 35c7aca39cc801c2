"""A whole run, from manifests to the report: data, network, training."""

import contextlib
import dataclasses
import sys

from ds2np.backend import CPU
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import identify
from ds2np.data.workers import WORTH, workers
from ds2np.decode import check_fit, tell_fit
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2
from ds2np.model.checkpoint import load_alphabet
from ds2np.model.run_folder import RunFolder, load_run
from ds2np.model.transfer import copy_weights
from ds2np.parallel.communicator import Communicator
from ds2np.recogniser import Recogniser
from ds2np.train.changes import make_reader
from ds2np.train.statistics import set_input_statistics
from ds2np.train.trainer import Trainer
from ds2np.train.trial import train_within_memory, try_longest

MEMORISED = 0.02  # character error rate at which a few utterances count as memorised
OVERFIT_EPOCHS = 100


def train(
    model_config,
    training_config,
    train_utterances,
    dev_utterances,
    folder,
    resume=False,
    device=CPU,
    minutes=float("inf"),
    cache=None,
    comm=None,
    beside=None,
    about="",
    draw=None,
):
    """Train a network and write its run folder; return the best network's validation `Evaluation`.

    Parameters
    ----------
    model_config : DeepSpeech2Config
    training_config : TrainingConfig
    train_utterances, dev_utterances : list of Utterance
    folder : str or Path
        The run folder.
    resume : bool
        Resume the run in the folder.
    device : Device
    minutes : float
        Stop after this time; the run can be resumed.
    cache : str or Path, optional
        Folder that caches features, rounded to 16 bits; see `FeatureCache`. Those of augmented
        recordings differ in each epoch and are not cached.
    comm : Communicator, optional
        Connects the processes that train this network.
    beside : dict of str to DecoderSettings, optional
        Decoders with which the best network is evaluated, too, and shown in the report.
    about : str
        A paragraph for the report on what its figures are worth.
    draw : Draw, optional
        The training utterances of each epoch; all by default.

    Raises
    ------
    UserError, KeyboardInterrupt
        See `RunFolder.locked`, `Trainer.start`, `Trainer.resume` and `Trainer.run`.
    """
    comm = comm or Communicator()
    reader = make_reader(model_config, training_config)
    reading = _begin_reading(model_config, training_config, train_utterances, comm)
    with comm.on_main(RunFolder(folder).locked()), reading as read:
        if resume:
            _check_alphabet(RunFolder(folder), model_config.alphabet())
        model = DeepSpeech2(model_config, seed=training_config.seed)
        started = "" if resume else _start_from(training_config.init, model)
        model.move(device)
        model.set_precision(training_config.precision)
        train_set = Dataset(
            train_utterances, model_config, reader.change, reader.masks, draw, read=read
        )
        dev_set = Dataset(dev_utterances, model_config)
        trainer = Trainer(model, train_set, dev_set, folder, training_config, comm)
        trainer.report.about = about
        settings, lm = training_config.decoder, getattr(trainer.recogniser.decoder, "lm", None)
        if lm:
            check_fit(lm, model_config.alphabet())
            if comm.is_main:
                tell_fit(lm, model_config.alphabet())
        if resume:
            trainer.resume()
        else:
            trainer.start()
        if cache is not None:
            for dataset in (dev_set,) if reader.change else (train_set, dev_set):
                dataset.cache_features(cache, comm)
        if not (resume or training_config.init):  # which have statistics that fit their weights
            set_input_statistics(model, train_set, training_config.seed, comm)
        trainer.log(
            f"{folder}: {model.count_parameters():,} parameters, {len(train_set):,} training and "
            f"{len(dev_set):,} validation utterances"
            + (f"; {comm.size} processes" if comm.size > 1 else "")
            + (f"; validated by {settings}" if settings.decoder == "beam" else "")
            + started
        )
        if comm.is_main:
            train_set.warn()
            if train_utterances is not dev_utterances:
                dev_set.warn()
                _warn_shared(train_utterances, dev_utterances)
        if not trainer.finished:
            try_longest(trainer, device)
        train_within_memory(trainer, minutes, device)
        return _conclude(trainer, device, beside or {})


def _begin_reading(config, training, utterances, comm):
    """Return a context: processes that read and augment, if that is worth their start, or None."""
    if training.augment and training.epochs * sum(u.duration for u in utterances) >= WORTH:
        return workers(make_reader, (config, training), comm)
    return contextlib.nullcontext()


def _conclude(trainer, device, beside):
    """Print what came out, and write the report; return the best network's `Evaluation`."""
    for dataset in (trainer.train_set, trainer.dev_set):
        dataset.suspects.summarise()
    model = load_run(trainer.folder.path, device, trainer.config.precision)
    best = Recogniser(model, trainer.recogniser.decoder)
    evaluation = trainer.best_evaluation or trainer.evaluate(best)
    others = {
        name: trainer.evaluate(Recogniser(best.model, settings.build(best.config)))
        for name, settings in beside.items()
    }
    if not trainer.comm.is_main:
        return evaluation
    trainer.report.show(best, trainer.dev_set, evaluation, others)
    epoch = trainer.progress.epoch
    status = "" if trainer.finished else f"Stopped in epoch {epoch}; the run can be resumed."
    report = trainer.report.write(trainer.progress.history, trainer.progress.points, status)
    print(f"best network: {evaluation}")
    for name, other in others.items():
        print(f"{name}: {other}")
    if report:
        print(f"report: {report}")
    return evaluation


def _check_alphabet(folder, alphabet):
    """Refuse to resume with another alphabet, before transcripts are refused because of it."""
    before = load_alphabet(folder.last)
    if before and (changed := alphabet.describe_change(before)):
        raise UserError(
            f"{folder.path} cannot be resumed with another alphabet: the one given {changed}; give "
            "the same --alphabet or --characters as before"
        )


def _start_from(run, model):
    """Start from the weights of a run; return what to say about it."""
    if not run:
        return ""
    source = load_run(run)
    if copy_weights(model, source, run):
        return f"; weights of {run}"
    before, now = (len(each.config.alphabet()) for each in (source, model))
    return (
        f"; weights of {run}, but a new output layer for another alphabet "
        f"({now} symbols, before {before})"
    )


def _warn_shared(train_set, dev_set):
    """Print a warning if validation recordings are trained on, as the error rates say little."""
    known = set(map(identify, train_set))
    if shared := [u for u in dev_set if identify(u) in known]:
        print(
            f"warning: {len(shared):,} of {len(dev_set):,} validation recordings are in the "
            f"training set, too, the first in {shared[0].where}: their WER and CER will be too low",
            file=sys.stderr,
        )


def overfit(model_config, training_config, utterances, folder, **options):
    """Memorise a few utterances, the quickest test of a set-up and its data; return whether it did.

    The utterances serve for both training and validation. ``options`` are those of `train`: device,
    minutes, cache, comm.
    """
    plain = dict.fromkeys(("augment", "vary_voice", "mask"), False)
    plain |= {"quiet": 0.0, "noise": "", "rooms": "", "anneal": 1.0}
    config = dataclasses.replace(training_config, **plain)
    evaluation = train(model_config, config, utterances, utterances, folder, **options)
    memorised = evaluation.cer <= MEMORISED
    verdict = "memorised: the set-up can learn"
    if not memorised:
        verdict = "NOT memorised: try more epochs or another learning rate"
    if (options.get("comm") or Communicator()).is_main:
        print(f"{len(utterances)} utterances, CER {100 * evaluation.cer:.1f} %: {verdict}")
    return memorised
