"""Train a network on with a few minutes of one person's speech.

In every epoch the person's sentences come several times, each time augmented in another way, among
some of the utterances that the network learned before, others each time, so that it does not forget
what speech is like otherwise. The sentences held out choose the epoch, and say whether it helped at
all. In the end the weights are a mean of the old and the new ones (WiSE-FT, Wortsman et al., 2022):
on the way from one network to the other, the new voice is learned before the others are forgotten.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ds2np.adapt.speech import hold_out
from ds2np.backend import CPU
from ds2np.data.batches import Draw
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import read_manifests
from ds2np.decode import DecoderSettings
from ds2np.errors import UserError
from ds2np.evaluate import evaluate
from ds2np.model.checkpoint import load_checkpoint, save_checkpoint
from ds2np.model.run_folder import RunFolder, load_run
from ds2np.recogniser import Recogniser
from ds2np.train.config import TrainingConfig
from ds2np.train.run import train

SETTINGS = TrainingConfig(epochs=24, learning_rate=2e-3, anneal=1.1, augment=True, mask=True)
OWN = 180  # utterances of the person in an epoch: sentences are repeated until there are as many
BEFORE = 180  # utterances that the network learned before, in an epoch
KNOWN = 40  # other ones, a quarter at most, which show what it has forgotten
NEW = 0.75  # weight of the new network in the mean


@dataclass(frozen=True)
class Adaptation:
    """What came of it.

    Attributes
    ----------
    held_out, known : tuple of Evaluation
        Before and after: on the sentences held out, and on some of what the network learned before;
        `known` is empty if there is nothing of it.
    kept : bool
        Whether the new network is better on the sentences held out: by the CER and, where that is
        equal, as with few sentences, by the loss. Otherwise there is none.
    """

    held_out: tuple
    known: tuple
    kept: bool


def adapt(
    run,
    speech,
    out,
    mixed=None,
    settings=SETTINGS,
    device=CPU,
    minutes=float("inf"),
    resume=False,
):
    """Adapt a network to a person's speech, and write a run folder.

    Parameters
    ----------
    run : str or Path
        Run folder, or checkpoint, of the network to begin with.
    speech : list of Utterance
        The person's own; see `ds2np.adapt.read_speech`.
    out : str or Path
        The new run folder.
    mixed : list of Utterance, optional
        What the network learned before, of which some is mixed in; by default what `run` says.
    settings : TrainingConfig
    device : Device
    minutes : float
        At most, for the training; it can be resumed.
    resume : bool
        Go on with an interrupted adaptation in `out`, with the same speech and settings.

    Returns
    -------
    Adaptation

    Raises
    ------
    UserError
        If there are too few sentences, a file cannot be read, or `out` holds a run that is not to
        be resumed.
    KeyboardInterrupt
        If the user interrupts, once what was learned is saved.
    """
    folder = RunFolder(out)
    if folder.holds_run and not resume:
        raise UserError(f"{out} holds a run already; choose another --out, or --resume it")
    learned, held = hold_out(speech)
    others = find_learned(run) if mixed is None else mixed
    rng = np.random.default_rng(settings.seed)
    others = [others[i] for i in rng.permutation(len(others))]
    few = min(KNOWN, len(others) // 4)
    known, mix = others[:few], others[few:]
    draw = Draw(len(learned), max(round(OWN / len(learned)), 1), BEFORE)
    before = load_run(run, device)
    config = before.config
    held_set = Dataset(held, config)
    known_set = Dataset(known, config) if known else None

    def measure(model):
        recogniser = Recogniser(model)
        return [each and evaluate(recogniser, each) for each in (held_set, known_set)]

    rates = [measure(before)]
    settings = replace(settings, init=str(run))
    limits = {"device": device, "minutes": minutes, "resume": resume}
    train(config, settings, learned + mix, held, out, draw=draw, **limits)
    average(run, folder.best)
    rates.append(measure(load_run(out, device)))
    held_out, known = zip(*rates, strict=True)
    was, became = ((each.cer, each.loss) for each in held_out)
    kept = became < was
    if not kept:
        folder.delete()
    elif Path(run).is_dir() and (decoder := DecoderSettings.read(RunFolder(run).decoder)):
        decoder.write(folder.decoder)
    return Adaptation(held_out, known if known_set else (), kept)


def average(run, file, share=NEW):
    """Move the network of a checkpoint towards that of a run: mean = old + share (new - old).

    Once: a resumed adaptation may not have found a better network than the one it has moved.
    """
    model, progress, _ = load_checkpoint(file)
    if "moved" in progress:
        return
    old = load_run(run).state_dict()
    new = model.state_dict()
    model.load_state_dict({name: old[name] + share * (new[name] - old[name]) for name in new})
    save_checkpoint(file, model, progress | {"moved": share})


def find_learned(run):
    """Return the utterances that a run was trained on, as far as its manifests are still there."""
    if not Path(run).is_dir():
        return []
    return read_manifests([path for path in RunFolder(run).manifests() if path.exists()])
