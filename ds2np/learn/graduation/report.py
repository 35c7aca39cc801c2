"""The printed report of the graduation."""

from ds2np.learn.exercise import CORRECT, NOT_DONE

SHOWN = 5  # test recordings


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


def print_result(chosen, refs, hyps, rates):
    """Print the number of calls, some transcriptions, and the error rates."""
    served = [s for s in chosen if not s.failure]
    calls = sum(s.calls for s in served)
    print(f"\nyour functions used to the end: {len(served)}, in {calls:,} calls")
    for replacement in chosen:
        if replacement.failure:
            print(f"your {replacement.exercise.function} was dropped: {replacement.failure}")
    print("recordings of unseen voices:")
    for i in range(min(SHOWN, len(refs))):
        print(f"    reference   {refs[i]}\n    hypothesis  {hyps[i]}")
    whose = "your own code" if served else "the package's code, without yours,"
    print(
        f'{whose} recognised this: "{hyps[0]}" (reference: "{refs[0]}"); WER of all {len(refs)} '
        f"recordings: {100 * rates[0]:.1f} %, CER {100 * rates[1]:.1f} %"
    )
