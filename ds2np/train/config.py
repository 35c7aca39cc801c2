"""The hyperparameters of training. Chapter 06 explains them."""

import os
from dataclasses import asdict, dataclass, field

import ds2np
from ds2np.data.manifest import manifests_of
from ds2np.decode import DecoderSettings


@dataclass(frozen=True)
class TrainingConfig:
    """Hyperparameters of training.

    The paper's values, where given, are for networks of up to 100 million parameters.

    Attributes
    ----------
    epochs : int
    batch_size : int
        Utterances in a minibatch, at most (paper: 512).
    batch_seconds : float
        Seconds of sound in a minibatch, padding included, at most.
    accumulate : int
        Minibatches whose gradients are summed for one step (gradient accumulation).
    learning_rate : float
        Initial learning rate (paper: 1e-4 to 6e-4), for the mean gradient of batch_size *
        accumulate utterances; a step of fewer weighs less.
    anneal : float
        The learning rate is divided by this after each epoch (paper: 1.2).
    momentum : float
        Nesterov momentum (paper: 0.99).
    max_norm : float
        Gradient clipping: gradients of a larger norm are scaled down to it (paper: 400).
    ema : float
        EMA decay of the weights that are evaluated and saved: 0.98 averages over about the latest
        50 steps, 0 disables the average.
    sync_batchnorm : bool
        SyncBN: use the batch statistics of all processes, not of each one alone.
    decoder : DecoderSettings
        Decoder of the validation set; the run keeps it for `evaluate` and `transcribe`.
    patience : int
        Early stopping: epochs without a better validation WER (CER without spaces); 0 disables it.
    precision : {"float32", "tf32", "bf16x3"}
        Of matrix products on a GPU; see `ds2np.kernels.products`.
    augment : bool
        Augment the recordings, differently in each epoch; see `ds2np.audio.augment`.
    vary_voice : bool
        With ``augment``: change the voices, too; see `ds2np.audio.voice`.
    mask : bool
        Hide parts of the spectrograms, others in each epoch; see `ds2np.audio.masks`.
    quiet : float
        Most seconds of quiet that are put after each training recording, differently in each
        epoch, and some before it: utterances of streams end with a pause.
    noise, rooms : str
        Folders of noise recordings and of room impulse responses for it; empty for none.
    init : str
        Run or checkpoint whose weights the network starts from; empty for random ones.
    seed : int
        For the initial weights, the order of the minibatches and the augmentation.
    """

    epochs: int = 20
    batch_size: int = 16
    batch_seconds: float = 200.0
    accumulate: int = 1
    learning_rate: float = 4e-3
    anneal: float = 1.2
    momentum: float = 0.98
    max_norm: float = 100.0
    ema: float = 0.98
    sync_batchnorm: bool = False
    decoder: DecoderSettings = field(default_factory=DecoderSettings)
    patience: int = 0
    precision: str = "float32"
    augment: bool = False
    vary_voice: bool = False
    mask: bool = False
    quiet: float = 0.0
    noise: str = ""
    rooms: str = ""
    init: str = ""
    seed: int = 0

    def to_dict(self):
        """Return the settings by name, those of the decoder among them."""
        settings = asdict(self)
        return {**settings, **settings["decoder"]}


def describe(model, config, train_set, dev_set, folder):
    """Return what a run says about itself: version, settings, data, manifests from `folder` on."""
    paths = manifests_of(train_set.utterances)
    return {
        "ds2np": ds2np.__version__,
        "model": model.config.to_dict(),
        "training": config.to_dict(),
        "train_manifests": [_relative(path, folder) for path in paths],
        "train_utterances": len(train_set),
        "train_checksum": train_set.fingerprint,
        "train_vocabulary": train_set.vocabulary,
        "dev_utterances": len(dev_set),
        "dev_checksum": dev_set.fingerprint,
    }


def _relative(path, folder):
    """Return the path from a folder, so that both can move together."""
    try:
        return os.path.relpath(path, folder)
    except ValueError:  # on another drive of Windows
        return str(path)
