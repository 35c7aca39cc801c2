"""Words that begin or end beside a pause, moved to where the sound does; sound that has no text."""

import numpy as np

from ds2np.align.levels import STEP

REACH = 1.0  # seconds by which a boundary may move away from its word
INTO = 0.1  # seconds by which it may move into it, or away where a word is missing
PAUSE = 0.06  # seconds of quiet that are a pause
SOUND = 1.0  # seconds of sound between words, which the network does not hear as speech
SHORT_SOUND = 0.1  # the same where a word is missing: perhaps it was read after all
CLOSE = 0.5  # seconds of quiet within such a sound
NEAR = 0.05  # seconds from a word within which there is sound


def move_to_pauses(starts, ends, foreign, quiet, missing_after=(), missing_before=()):
    """Move the boundaries of words to those of the longest pause near them.

    Parameters
    ----------
    starts, ends : ndarray of float of shape (W,)
        Of the words that were read, in seconds, rising.
    foreign : list of (float, float)
        Sound outside the text, in seconds, between words.
    quiet : ndarray of bool of shape (n,)
        See `find_quiet`.
    missing_after, missing_before : collection of int
        The words before which words of the text are missing, W for the end: words that belong to
        the same sentence as the word in front, or as that behind. The sound there may be theirs: it
        is foreign, and not a part of the words beside it.

    Returns
    -------
    starts, ends, foreign
        The moved ones; sound between words that is no speech is foreign, too.
    """
    starts, ends = np.array(starts, float), np.array(ends, float)
    duration = len(quiet) * STEP
    befores, afters = [0.0, *ends], [*starts, duration]
    all_foreign = []
    spans = [trimmed for span in foreign if (trimmed := _trim(quiet, *span))]
    for j, (left, right) in enumerate(zip(befores, afters, strict=True)):
        inside = []
        away, back = (INTO if j in those else REACH for those in (missing_after, missing_before))
        while spans and spans[0][0] < right:
            inside.append(spans.pop(0))
        first, last = (inside[0][0], inside[-1][1]) if inside else (right, left)
        if j:
            floor = max(starts[j - 1] + STEP, left - INTO)
            run = _longest(quiet, floor, max(first, left) + INTO, begin=left + away)
            ends[j - 1] = min(run[0], right) if run else left
        if j < len(starts):
            ceiling = min(ends[j] - STEP, right + INTO)
            run = _longest(quiet, min(last, right) - INTO, ceiling, end=right - back)
            starts[j] = max(run[1], ends[j - 1] if j else 0.0) if run else right
        left, right = ends[j - 1] if j else 0.0, starts[j] if j < len(starts) else duration
        shortest = SOUND if away == back == REACH else SHORT_SOUND
        all_foreign += _merge([*inside, *_sounds(quiet, left, right, shortest)], left, right)
    return starts, ends, all_foreign


def find_silent(starts, ends, quiet):
    """Return a boolean array (W,): which words, given as to `move_to_pauses`, have no sound.

    The path had to put them somewhere; if nothing is heard there, they were not read there.
    """
    total = np.append(0, np.cumsum(~quiet))
    first, last = (
        np.clip(np.round(times / STEP).astype(int), 0, len(quiet))
        for times in (starts - NEAR, ends + NEAR)
    )
    return total[last] == total[first]


def _trim(quiet, first, last):
    """Return a span without the quiet at its ends, and what is beyond, the edge of a word.

    If there is nothing else, a long one stays as it is: the network heard something. A short one
    is a pause in which the path left out some text; the result is None.
    """
    sounds = _merge(_runs(~quiet, first, last), first, last, PAUSE)
    sounds = [(a, b) for a, b in sounds if b - a >= SHORT_SOUND]
    if sounds:
        return sounds[0][0], sounds[-1][1]
    return (first, last) if last - first >= SOUND - STEP / 2 else None


def _longest(quiet, low, high, begin=np.inf, end=-np.inf):
    """Return the longest pause from `low` to `high`, in seconds, or None.

    It begins before `begin` and ends after `end`.
    """
    pauses = [
        (first, last)
        for first, last in _runs(quiet, low, high)
        if last - first >= PAUSE - STEP / 2 and first <= begin and last >= end
    ]
    return max(pauses, key=lambda pause: pause[1] - pause[0], default=None)


def _runs(marks, low, high):
    """Return the runs of true values between two times as (first, last), in seconds."""
    first, last = max(round(low / STEP), 0), round(high / STEP)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks[first:last].astype(int), [0]])))
    return [((a + first) * STEP, (b + first) * STEP) for a, b in edges.reshape(-1, 2).tolist()]


def _sounds(quiet, left, right, shortest):
    """Return the sounds between two words."""
    if right - left < shortest:
        return []
    loud = _merge(_runs(~quiet, left, right), left, right, min(CLOSE, shortest))
    return [(first, last) for first, last in loud if last - first >= shortest]


def _merge(spans, left, right, close=0.0):
    """Return spans within bounds, rising; those that overlap, or are close, as one."""
    merged = []
    for first, last in sorted((max(a, left), min(b, right)) for a, b in spans):
        if merged and first <= merged[-1][1] + close:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        elif first < last:
            merged.append((first, last))
    return merged
