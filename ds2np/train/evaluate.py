"""How well does a network transcribe? Loss, WER and CER over a dataset."""

from dataclasses import dataclass

import numpy as np

from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss
from ds2np.data.batches import plan_epoch, prefetch
from ds2np.data.dataset import load_features
from ds2np.decode import greedy_decode
from ds2np.text import Alphabet, cer, wer


@dataclass(frozen=True)
class Evaluation:
    """What a network made of a dataset.

    Attributes
    ----------
    refs, hyps : list of str
        In the order of the dataset.
    loss : float
        Mean CTC loss of an utterance, natural logarithm.
    """

    refs: list
    hyps: list
    loss: float

    @property
    def wer(self):
        """Word error rate; 0.1 is 10 %."""
        return wer(self.refs, self.hyps)

    @property
    def cer(self):
        """Character error rate."""
        return cer(self.refs, self.hyps)

    def __str__(self):
        return f"WER {100 * self.wer:.1f} %  CER {100 * self.cer:.1f} %  loss {self.loss:.2f}"


def evaluate(model, dataset, batch_size=16, progress=None):
    """Transcribe a dataset greedily and compare.

    Parameters
    ----------
    model : DeepSpeech2
        Left in evaluation mode.
    dataset : Dataset
    batch_size : int
    progress : callable, optional
        Called with the number of utterances after each minibatch.

    Returns
    -------
    Evaluation
    """
    model.set_training(False)
    alphabet = Alphabet(model.config.characters)
    hyps, losses = [""] * len(dataset), np.zeros(len(dataset))
    plan = plan_epoch(dataset.frames, batch_size, epoch=1, seed=0)  # like lengths, little padding
    for batch in prefetch(dataset, plan):
        logits, lengths = model.forward(batch.x, batch.lengths)
        loss, _ = ctc_loss(logits, batch.labels, lengths, batch.label_lengths)
        losses[batch.indices] = to_cpu(loss)
        for i, hyp in zip(batch.indices, greedy_decode(logits, lengths, alphabet), strict=True):
            hyps[i] = hyp
        if progress:
            progress(len(batch.indices))
    return Evaluation(list(dataset.texts), hyps, float(losses.mean()))


def transcribe(model, path):
    """Write down what one recording says.

    Parameters
    ----------
    model : DeepSpeech2
        Left in evaluation mode.
    path : str or Path
        Of any format and rate that `load_audio` reads.

    Returns
    -------
    str
    """
    model.set_training(False)
    x = load_features(path, model.config)[None]
    logits, lengths = model.forward(x, np.array([x.shape[1]]))
    return greedy_decode(logits, lengths, Alphabet(model.config.characters))[0]
