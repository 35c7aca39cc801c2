"""Loss, WER and CER of a recogniser over a dataset."""

import json
import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss_only
from ds2np.data.left_out import LeftOut
from ds2np.evaluate.outputs import network_outputs
from ds2np.parallel.communicator import Communicator
from ds2np.text.score import align_characters, align_units, align_words, count_edits

SCORED = "text", "score", "acoustic", "lm"  # what is kept of a hypothesis


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes
    ----------
    refs, hyps : list of str
        References and hypotheses in the order of the dataset.
    loss : float
        Mean CTC loss per utterance, natural logarithm.
    blank_share : float
        Share of the frames, without padding, whose best symbol is the blank; NaN if not measured.
    unusable : dict of int to str
        The utterances of the dataset that are left out of all these, with the reasons.
    n_best : list of list of dict
        The texts that the decoder returns of each utterance, best first, with their scores: text,
        score, acoustic, lm.
    spaces : bool
        Whether the script separates words. If not, as in Mandarin, a text is one word, so that the
        word error rate is the share of wrong texts; the character error rate counts instead.
    """

    refs: list
    hyps: list
    loss: float
    blank_share: float = math.nan
    unusable: dict = field(default_factory=dict)
    n_best: list = field(default_factory=list)
    spaces: bool = True

    @property
    def indices(self):
        """The place in the dataset of each reference."""
        total = len(self.refs) + len(self.unusable)
        return [i for i in range(total) if i not in self.unusable]

    @cached_property
    def word_alignments(self):
        """The words of each reference aligned with its hypothesis; see `align_words`."""
        return align_words(self.refs, self.hyps)

    @cached_property
    def word_edits(self):
        """Substitutions, insertions and deletions of words."""
        return count_edits(self.word_alignments)

    @cached_property
    def character_alignments(self):
        """The characters of each reference aligned with its hypothesis."""
        return align_characters(self.refs, self.hyps)

    @cached_property
    def character_edits(self):
        """Substitutions, insertions and deletions of characters, including spaces."""
        return count_edits(self.character_alignments)

    @cached_property
    def unit_alignments(self):
        """The units of each reference aligned with its hypothesis; see `align_units`."""
        return self.word_alignments if self.spaces else align_units(self.refs, self.hyps)

    @property
    def unit(self):
        """What errors are counted in: "word", or "character" in a script without spaces."""
        return "word" if self.spaces else "character"

    @property
    def alignments(self):
        """The alignments in which the errors of that unit are counted."""
        return self.word_alignments if self.spaces else self.character_alignments

    @property
    def rate(self):
        """The error rate of that unit."""
        return self.wer if self.spaces else self.cer

    @property
    def rate_name(self):
        """Its name: "WER" or "CER"."""
        return "WER" if self.spaces else "CER"

    @property
    def wer(self):
        """Word error rate; 0.1 is 10 %."""
        return self.word_edits.rate

    @property
    def cer(self):
        """Character error rate."""
        return self.character_edits.rate

    @cached_property
    def oracle_rate(self):
        """Error rate of the best text among those that the decoder returns; see `unit`."""
        refs = [ref for ref, texts in zip(self.refs, self.n_best, strict=True) for _ in texts]
        align = align_words if self.spaces else align_characters
        alignments = iter(align(refs, [one["text"] for texts in self.n_best for one in texts]))
        best = [
            min((next(alignments) for _ in texts), key=lambda each: count_edits([each]).total)
            for texts in self.n_best
        ]
        return count_edits(best).rate

    @property
    def mean_length(self):
        """Mean length of the hypotheses in characters."""
        return mean_length(self.hyps)

    def __str__(self):
        wer, cer, loss = f"{100 * self.wer:.1f} %", f"{100 * self.cer:.1f} %", f"{self.loss:.2f}"
        if self.spaces:
            return f"WER {wer}  CER {cer}  loss {loss}"
        return f"CER {cer}  wrong utterances {wer}  loss {loss}"


def mean_length(texts):
    """Compute the mean length of texts in characters; 0 if there are none."""
    return sum(map(len, texts)) / len(texts) if texts else 0.0


def evaluate(
    recogniser,
    dataset,
    batch_size=16,
    batch_seconds=200.0,
    progress=None,
    comm=None,
    left_out=None,
):
    """Transcribe a dataset and compare it with its references; return an `Evaluation`.

    Utterances whose recordings are unusable are left out and named; see `LeftOut`.

    Parameters
    ----------
    batch_seconds : float
        Largest duration of a minibatch, including padding.
    progress : callable, optional
        Called with the number of utterances after each minibatch.
    comm : Communicator, optional
        Communicator of processes that share the work; each of them gets the whole evaluation.
    left_out : LeftOut, optional
        Knows which utterances have been named before.
    """
    left_out = left_out or LeftOut(len(dataset))
    comm = comm or Communicator()
    results = {}  # index of the utterance -> transcript, loss, blanks, frames; or a reason
    for batch, log_probs, lengths in network_outputs(
        recogniser, dataset, batch_size, batch_seconds, comm
    ):
        loss = ctc_loss_only(log_probs, batch.labels, lengths, batch.label_lengths)
        blanks = to_cpu(log_probs.argmax(axis=2) == 0)
        hypotheses = recogniser.list_hypotheses(log_probs, lengths)
        for n, i in enumerate(batch.indices):
            frames, nats = int(lengths[n]), float(loss[n])
            texts = [{key: getattr(one, key) for key in SCORED} for one in hypotheses[n]]
            results[int(i)] = texts, nats, int(blanks[n, :frames].sum()), frames
        results |= batch.unusable
        if progress:
            progress(len(batch.indices) + len(batch.unusable))
    parts = [json.loads(text) for text in comm.gather(json.dumps(results))]
    found = {int(i): result for part in parts for i, result in part.items()}
    unusable = {i: found.pop(i) for i in sorted(found) if isinstance(found[i], str)}
    left_out.show(unusable)
    left_out.check(len(unusable))
    refs = [dataset.texts[i] for i in sorted(found)]
    n_best, losses, blanks, frames = zip(*(found[i] for i in sorted(found)), strict=True)
    hyps, blank_share = [texts[0]["text"] for texts in n_best], sum(blanks) / sum(frames)
    spaces, loss = recogniser.config.alphabet().has_spaces, float(np.mean(losses))
    return Evaluation(refs, hyps, loss, blank_share, unusable, list(n_best), spaces)
