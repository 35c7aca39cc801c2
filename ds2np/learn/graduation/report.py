"""The printed report of the graduation."""

from typing import NamedTuple

from ds2np.learn.exercise import CORRECT, NOT_DONE

SHOWN = 5  # test recordings
USELESS = 0.5  # word error rate above which nothing is recognised


class Result(NamedTuple):
    """The transcriptions of one way of decoding.

    Attributes
    ----------
    how : str
    hyps : list of str
    wer, cer : float
    package : float
        The word error rate of the package's own code, measured once.
    """

    how: str
    hyps: list
    wer: float
    cer: float
    package: float


def print_answers(path, verdicts, replacements, chosen):
    """Print the state of each exercise, and whether its answer is used."""
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
                note = f"replaced by your {replaced[replacement.original].exercise.function}"
            elif replacement and replacement.fit:
                note = "not called: your other functions cover it"
        group.append(f"    {exercise.number}  {exercise.function}{': ' if note else ''}{note}")
    print(f"functions in {path}:")
    for title, lines in groups.items():
        if lines:
            print(f"  {title}:", *lines, sep="\n")


def print_result(chosen, others, refs, results):
    """Print whose functions served, some transcriptions, and the error rates.

    Parameters
    ----------
    chosen : list of Replacement
    others : int
        Functions that the reader could have written, but the package did.
    refs : list of str
    results : list of Result
        Of greedy decoding, and of that with a language model, if a function of the reader's took
        part in it.
    """
    served = [s for s in chosen if not s.failure]
    total = len(chosen) + others
    calls = sum(s.calls for s in served)
    print(f"\n{len(served)} of {total} functions were yours to the end, in {calls:,} calls")
    for replacement in chosen:
        if replacement.failure:
            print(f"your {replacement.exercise.function} was dropped: {replacement.failure}")
    if len(served) < len(chosen):
        print("where one was dropped, the package's own took over, and the work went on")
    print("recordings of unseen voices:")
    for i in range(min(SHOWN, len(refs))):
        print(f"    reference   {refs[i]}\n    hypothesis  {results[0].hyps[i]}")
        for result in results[1:]:
            print(f"    with n-gram {result.hyps[i]}")
    print(f"all {len(refs)} recordings:")
    for result in results:
        print(
            f"    {result.how}: WER {100 * result.wer:.1f} %, CER {100 * result.cer:.1f} %; the "
            f"package's own code alone, measured once: WER {100 * result.package:.1f} %"
        )
    last = results[-1]
    print(conclude(len(served), total, last.wer, last.hyps[0], refs[0]))


def conclude(served, total, rate, hyp, ref):
    """Say whose code has recognised a recording, claiming no more than is true."""
    if served == total:
        whose = "your own code"
    elif 2 * served >= total:
        others = f"{total - served} function{'s' if total - served > 1 else ''}"
        whose = f"your code, with {others} of the package,"
    elif served:
        whose = f"the package's code, with {served} of {total} functions yours,"
    else:
        whose = "the package's code, without yours,"
    if rate > USELESS:
        missed = f"a word error rate of {100 * rate:.0f} %"
        return f"{whose} has not learned to recognise speech: {missed}"
    return f'{whose} recognised this: "{hyp}" (reference: "{ref}")'
