"""Summary of an evaluation: edits, common mistakes and the worst utterances."""

from ds2np.evaluate.evaluation import mean_length
from ds2np.text.score import count_edits, count_mistakes, mark_differences

SHOWN = 10  # number of worst utterances, and of each kind of mistake
DEFINITIONS = {
    "word": "WER: edits / words of all references; CER: edits / characters, spaces included",
    "character": "CER: edits / characters of all references; without spaces a text is one word, "
    "and the WER the share of wrong texts;\nletters and digits in a row are listed as one",
}


def summarise(evaluation, files, offsets=None):
    """Summarise an evaluation as a dict of plain values, for JSON and `format_summary`.

    It holds the rates, edits, most common mistakes, worst utterances and all utterances; if the
    decoder returns several texts, also these and the rate of the best of them. files are the
    recordings of the dataset, and offsets the beginnings of segments, None for none.
    """
    sources = [{"audio_filepath": str(file)} for file in files]
    for source, offset in zip(sources, offsets or (), strict=bool(offsets)):
        if offset is not None:
            source["offset"] = offset
    unit, rate = evaluation.unit, evaluation.rate_name.lower()
    many = any(len(texts) > 1 for texts in evaluation.n_best)
    utterances = [
        {
            **sources[i],
            "reference": ref,
            "hypothesis": hyp,
            "differences": mark_differences(units),
            f"{unit}_errors": count_edits([alignment]).total,
            **({"n_best": texts} if many else {}),
        }
        for i, ref, hyp, alignment, units, texts in zip(
            evaluation.indices,
            evaluation.refs,
            evaluation.hyps,
            evaluation.alignments,
            evaluation.unit_alignments,
            evaluation.n_best or [()] * len(evaluation.refs),
            strict=True,
        )
    ]
    wrong = [utterance for utterance in utterances if utterance[f"{unit}_errors"]]
    confused, missed, inserted = count_mistakes(evaluation.unit_alignments)
    return {
        "definition": DEFINITIONS[unit],
        "unit": unit,
        "wer": evaluation.wer,
        "cer": evaluation.cer,
        **({f"oracle_{rate}": evaluation.oracle_rate} if many else {}),
        "loss": evaluation.loss,
        "words": _describe(evaluation.word_edits),
        "characters": _describe(evaluation.character_edits),
        "blank_share": evaluation.blank_share,
        "mean_length": evaluation.mean_length,
        "mean_reference_length": mean_length(evaluation.refs),
        f"confused_{unit}s": [
            {"reference": ref, "hypothesis": hyp, "count": count}
            for (ref, hyp), count in _most_common(confused)
        ],
        f"missed_{unit}s": [{unit: w, "count": count} for w, count in _most_common(missed)],
        f"inserted_{unit}s": [{unit: w, "count": count} for w, count in _most_common(inserted)],
        "worst": sorted(wrong, key=lambda u: u[f"{unit}_errors"], reverse=True)[:SHOWN],
        "utterances": utterances,
        "left_out": [{**sources[i], "reason": reason} for i, reason in evaluation.unusable.items()],
    }


def _describe(edits):
    """Return edits as plain values, each kind with its share of the references."""
    kinds = ("substitutions", "insertions", "deletions")
    counts = {kind: getattr(edits, kind) for kind in kinds}
    return {
        "reference": edits.length,
        **{kind: {"count": n, "share": edits.share(n)} for kind, n in counts.items()},
    }


def _most_common(counter):
    """Return the largest counts, with ties in alphabetical order, to be reproducible."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]


def format_summary(summary):
    """Format the output of `summarise` as text, without rates and correct utterances."""
    unit, rate = summary["unit"], "wer" if summary["unit"] == "word" else "cer"
    columns = ("substitutions", "insertions", "deletions")
    lines = [
        f"{'':10} {'reference':>10}" + "".join(f" {column:>20}" for column in columns),
        *(
            f"{kind:10} {summary[kind]['reference']:>10,}"
            + "".join(f" {_count_and_share(summary[kind][column]):>20}" for column in columns)
            for kind in ("words", "characters")[unit == "character" :]
        ),
        summary["definition"],
        *(
            [
                f"{rate.upper()} of the best of the texts of each utterance: "
                f"{100 * summary[f'oracle_{rate}']:.1f} %"
            ]
            if f"oracle_{rate}" in summary
            else []
        ),
        "",
        f"blanks: {100 * summary['blank_share']:.1f} % of the frames",
        f"mean length in characters: hypotheses {summary['mean_length']:.1f}, "
        f"references {summary['mean_reference_length']:.1f}",
    ]
    mistakes = {
        "most often confused": [
            (f"{entry['reference']} -> {entry['hypothesis']}", entry["count"])
            for entry in summary[f"confused_{unit}s"]
        ],
        "most often missed": [(e[unit], e["count"]) for e in summary[f"missed_{unit}s"]],
        "most often inserted": [(e[unit], e["count"]) for e in summary[f"inserted_{unit}s"]],
    }
    for title, entries in mistakes.items():
        listed = ", ".join(f"{words} ({count})" for words, count in entries)
        lines.append(f"{title}: {listed or 'none'}")
    if summary["worst"]:
        lines += ["", f"utterances with the most {unit} errors:"]
    for utterance in summary["worst"]:
        lines += [
            f"  {utterance[f'{unit}_errors']} in {_source(utterance)}",
            f"    reference    {utterance['reference']}",
            f"    hypothesis   {utterance['hypothesis']}",
            f"    differences  {utterance['differences']}",
        ]
    return "\n".join(lines)


def _source(utterance):
    start = f" from {utterance['offset']:g} s" if "offset" in utterance else ""
    return f"{utterance['audio_filepath']}{start}"


def _count_and_share(entry):
    return f"{entry['count']:,} ({100 * entry['share']:.1f} %)"
