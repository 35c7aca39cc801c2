"""How well does a network transcribe? Loss, WER and CER over a dataset, and where it errs."""

import json
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ds2np.audio.features import Features
from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss
from ds2np.data.batches import prefetch
from ds2np.decode.greedy import best_paths, greedy_words, read_path
from ds2np.parallel.communicator import Communicator
from ds2np.text.score import (
    align_characters,
    align_words,
    count_edits,
    count_mistakes,
    mark_differences,
)

SHOWN = 10  # of the worst utterances, and of each kind of mistake
DEFINITION = "WER: edits / words of all references; CER: edits / characters, spaces among them"


@dataclass(frozen=True)
class Evaluation:
    """What a network made of a dataset.

    Attributes
    ----------
    refs, hyps : list of str
        In the order of the dataset.
    loss : float
        Mean CTC loss of an utterance, natural logarithm.
    blank_share : float
        Share of frames, padding left out, whose best symbol is the blank; NaN if not measured.
    """

    refs: list
    hyps: list
    loss: float
    blank_share: float = math.nan

    @cached_property
    def word_alignments(self):
        """The words of each reference beside those of its hypothesis; see `align_words`."""
        return align_words(self.refs, self.hyps)

    @cached_property
    def word_edits(self):
        """Substitutions, insertions and deletions of words."""
        return count_edits(self.word_alignments)

    @cached_property
    def character_edits(self):
        """Substitutions, insertions and deletions of characters, spaces among them."""
        return count_edits(align_characters(self.refs, self.hyps))

    @property
    def wer(self):
        """Word error rate; 0.1 is 10 %."""
        return self.word_edits.rate

    @property
    def cer(self):
        """Character error rate."""
        return self.character_edits.rate

    @property
    def mean_length(self):
        """Mean number of characters that were written for an utterance."""
        return _mean_length(self.hyps)

    def __str__(self):
        return f"WER {100 * self.wer:.1f} %  CER {100 * self.cer:.1f} %  loss {self.loss:.2f}"


def _mean_length(texts):
    return sum(map(len, texts)) / len(texts) if texts else 0.0


def evaluate(model, dataset, batch_size=16, batch_seconds=200.0, progress=None, comm=None):
    """Transcribe a dataset greedily and compare.

    Parameters
    ----------
    model : DeepSpeech2
        Left in evaluation mode.
    dataset : Dataset
    batch_size : int
    batch_seconds : float
        Sound of a minibatch, padding included, at most.
    progress : callable, optional
        Called with the number of utterances after each minibatch.
    comm : Communicator, optional
        Connects processes that share the work; each of them gets the whole evaluation.

    Returns
    -------
    Evaluation
    """
    model.set_training(False)
    alphabet, comm = model.config.alphabet(), comm or Communicator()
    results = {}  # of each utterance: transcript, loss, blanks and frames
    plan = dataset.plan(1, batch_size, batch_seconds)  # in order of length: little padding
    for batch in prefetch(dataset, plan[comm.rank :: comm.size]):
        logits, lengths = model.forward(batch.x, batch.lengths)
        model.clear_cache()
        loss, _ = ctc_loss(logits, batch.labels, lengths, batch.label_lengths)
        paths = best_paths(logits, lengths)
        for i, path, nats in zip(batch.indices, paths, to_cpu(loss), strict=True):
            results[int(i)] = read_path(path, alphabet), float(nats), path.count(0), len(path)
        if progress:
            progress(len(batch.indices))
    parts = [json.loads(text) for text in comm.gather(json.dumps(results))]
    found = {int(i): result for part in parts for i, result in part.items()}
    hyps, losses, blanks, frames = zip(*(found[i] for i in range(len(dataset))), strict=True)
    return Evaluation(
        list(dataset.texts), list(hyps), float(np.mean(losses)), sum(blanks) / sum(frames)
    )


def summarise(evaluation, files):
    """Collect what there is to say about an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
    files : sequence of str or Path
        The recordings, in the same order.

    Returns
    -------
    dict
        Of plain values: the rates, the edits, the words that were mistaken most often, the
        utterances with most word errors, and all utterances.
    """
    utterances = [
        {
            "audio_filepath": str(file),
            "reference": ref,
            "hypothesis": hyp,
            "differences": mark_differences(alignment),
            "word_errors": count_edits([alignment]).total,
        }
        for file, ref, hyp, alignment in zip(
            files, evaluation.refs, evaluation.hyps, evaluation.word_alignments, strict=True
        )
    ]
    wrong = [utterance for utterance in utterances if utterance["word_errors"]]
    confused, missed, inserted = count_mistakes(evaluation.word_alignments)
    return {
        "definition": DEFINITION,
        "wer": evaluation.wer,
        "cer": evaluation.cer,
        "loss": evaluation.loss,
        "words": _describe(evaluation.word_edits),
        "characters": _describe(evaluation.character_edits),
        "blank_share": evaluation.blank_share,
        "mean_length": evaluation.mean_length,
        "mean_reference_length": _mean_length(evaluation.refs),
        "confused_words": [
            {"reference": ref, "hypothesis": hyp, "count": count}
            for (ref, hyp), count in _most_common(confused)
        ],
        "missed_words": [{"word": w, "count": count} for w, count in _most_common(missed)],
        "inserted_words": [{"word": w, "count": count} for w, count in _most_common(inserted)],
        "worst": sorted(wrong, key=lambda u: u["word_errors"], reverse=True)[:SHOWN],
        "utterances": utterances,
    }


def _describe(edits):
    """Write edits as plain values, each kind with its share of the references."""
    kinds = ("substitutions", "insertions", "deletions")
    counts = {kind: getattr(edits, kind) for kind in kinds}
    return {
        "reference": edits.length,
        **{kind: {"count": n, "share": edits.share(n)} for kind, n in counts.items()},
    }


def _most_common(counter):
    """Return the largest counts; among equals, in alphabetical order: the same in every run."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]


def format_summary(summary):
    """Write what `summarise` collected for people to read.

    Parameters
    ----------
    summary : dict

    Returns
    -------
    str
        Several lines; the rates themselves and the utterances without errors are left out.
    """
    columns = ("substitutions", "insertions", "deletions")
    lines = [
        f"{'':10} {'reference':>10}" + "".join(f" {column:>20}" for column in columns),
        *(
            f"{unit:10} {summary[unit]['reference']:>10,}"
            + "".join(f" {_count_and_share(summary[unit][column]):>20}" for column in columns)
            for unit in ("words", "characters")
        ),
        summary["definition"],
        "",
        f"blanks: {100 * summary['blank_share']:.1f} % of the frames",
        f"characters of an utterance: {summary['mean_length']:.1f} written, "
        f"{summary['mean_reference_length']:.1f} in the reference",
    ]
    mistakes = {
        "most often confused": [
            (f"{entry['reference']} -> {entry['hypothesis']}", entry["count"])
            for entry in summary["confused_words"]
        ],
        "most often missed": [(e["word"], e["count"]) for e in summary["missed_words"]],
        "most often inserted": [(e["word"], e["count"]) for e in summary["inserted_words"]],
    }
    for title, entries in mistakes.items():
        listed = ", ".join(f"{words} ({count})" for words, count in entries)
        lines.append(f"{title}: {listed or 'none'}")
    if summary["worst"]:
        lines += ["", "utterances with most word errors:"]
    for utterance in summary["worst"]:
        lines += [
            f"  {utterance['word_errors']} in {utterance['audio_filepath']}",
            f"    reference    {utterance['reference']}",
            f"    hypothesis   {utterance['hypothesis']}",
            f"    differences  {utterance['differences']}",
        ]
    return "\n".join(lines)


def _count_and_share(entry):
    return f"{entry['count']:,} ({100 * entry['share']:.1f} %)"


def strict_json(values, indent=None):
    """Write plain values as JSON that every reader takes.

    JSON has no NaN and no infinity: a number that is not finite becomes null.

    Parameters
    ----------
    values : dict or list
    indent : int, optional
        All in one line if left out.

    Returns
    -------
    str
    """
    return json.dumps(_finite(values), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
    return " ".join(word.text for word in transcribe_words(model, path))


def transcribe_words(model, path):
    """Write down what one recording says, with the time of each word.

    Parameters
    ----------
    model : DeepSpeech2
        Left in evaluation mode.
    path : str or Path
        Of any format and rate that `load_audio` reads.

    Returns
    -------
    list of Word
    """
    import soundfile

    model.set_training(False)
    x = Features(model.config).read(path)[None]
    logits, _ = model.forward(x, np.array([x.shape[1]]))
    duration = soundfile.info(path).duration
    return greedy_words(logits[0], model.config.alphabet(), model.config.frame_ms, duration)
