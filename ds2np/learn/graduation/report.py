"""What the graduation prints: the state of each exercise, and what was recognised."""

from ds2np.learn.exercise import CORRECT, NOT_DONE

SHOWN = 5  # test recordings


def print_answers(path, verdicts, replacements, chosen):
    """Print the state of each exercise."""
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
                note = f"your {replaced[replacement.original].exercise.function} does its work"
            elif replacement and replacement.fit:
                note = "other functions of yours do its work, or call it themselves"
        group.append(f"    {exercise.number}  {exercise.function}{': ' if note else ''}{note}")
    print(f"what {path} holds:")
    for title, lines in groups.items():
        if lines:
            print(f"  {title}:", *lines, sep="\n")


def print_result(chosen, refs, hyps, rates):
    """Print what was recognised."""
    served = [s for s in chosen if not s.failure]
    calls = sum(s.calls for s in served)
    print(f"\n{len(served)} of your functions served to the end, in {calls:,} calls")
    for replacement in chosen:
        if replacement.failure:
            print(f"your {replacement.exercise.function} did not: {replacement.failure}")
    print("recordings of voices that it had never heard:")
    for i in range(min(SHOWN, len(refs))):
        print(f"    reference   {refs[i]}\n    hypothesis  {hyps[i]}")
    whose = "your own code" if served else "the package's code, with nothing of yours,"
    print(
        f'{whose} recognised this: "{hyps[0]}" where "{refs[0]}" was said; WER of all '
        f"{len(refs)}: {100 * rates[0]:.1f} %, CER {100 * rates[1]:.1f} %"
    )
