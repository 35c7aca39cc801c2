"""How a network is trained: everything that decides what comes out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Attributes
    ----------
    epochs : int
    batch_size : int
        Utterances of a minibatch, at most.
    batch_seconds : float
        Sound of a minibatch, padding included, at most; long utterances come in smaller ones.
    accumulate : int
        Minibatches whose gradients are added up for one step.
    learning_rate : float
        Of the first epoch, for the gradient of the mean loss of batch_size * accumulate utterances;
        a step of fewer weighs less. (The paper's is 1e-4 to 6e-4, with minibatches of 512 and
        networks of up to 100 million parameters.)
    anneal : float
        The rate is divided by this after each epoch (paper: 1.2).
    momentum : float
        Nesterov momentum (paper: 0.99).
    max_norm : float
        Gradients of a larger norm are scaled down to it (paper: 400).
    ema : float
        What is evaluated and kept is a running mean of the weights: this is the share of the old
        mean in each step. With 0.98 it is over about the latest 50 steps; 0 for no mean.
    sync_batchnorm : bool
        Batch statistics are those of all processes that train together, not of each by itself.
    patience : int
        Epochs without a better word error rate before the run ends; 0 for all epochs.
    augment : bool
        Change the recordings, anew in each epoch; see `ds2np.audio.augment`.
    noise, rooms : str
        Folders of recordings for it: noise, and responses of rooms; empty for none.
    seed : int
        Of the initial weights, the order of the minibatches and the changes to the recordings.
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
    patience: int = 0
    augment: bool = False
    noise: str = ""
    rooms: str = ""
    seed: int = 0
