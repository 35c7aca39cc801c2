"""Where an aligned recording is cut into utterances: in long pauses between words.

Where the text was left, because a passage was not read or sound has no text, it must be cut. There,
too, a pause is needed: words up to the last pause before such a place, and from the first one after
it, are left out, since nobody knows what was said between. A word alone between such a place and a
pause may be the sound of another; and where a word or two of a sentence were not found, but no
sound either that could be theirs, it is a part of their neighbours'. Then the pause after that
counts.

Of all other pauses, those are chosen that lose the least sound with the lengths asked for, by the
shortest path from pause to pause; and then, those that are few and long.
"""

import itertools
from dataclasses import dataclass

PAUSE = 0.2  # seconds of quiet between two words in which a cut is safe
MARGIN = 0.3  # seconds of a pause that stay with an utterance, at most half of it
LENGTHS = 1.0, 15.0  # seconds of an utterance
FEW = 2  # words that were perhaps read, but not understood


@dataclass(frozen=True)
class Cut:
    """An utterance, or what was left out.

    Attributes
    ----------
    start, end : float or None
        In seconds; None for words that were not read.
    first, last : int
        Its words, the last one exclusive; none if both are equal.
    reason : str
        Why it is left out; "" for an utterance.
    """

    start: float | None
    end: float | None
    first: int
    last: int
    reason: str = ""


NOT_READ = "not read"
NOT_WRITTEN = "not in the alphabet"
NO_TEXT = "no text"
QUIET = "pause"
NO_PAUSE = "no pause beside sound or text without a counterpart"
SHORT = "shorter than {:g} s"
LONG = "longer than {:g} s without a pause"


@dataclass(frozen=True)
class _Gap:
    """What lies between two words that were read, or at either end of the recording.

    `left` and `right` are where the words beside it end and begin, `before` and `after` the seconds
    of quiet after the one and before the other. A cut is `forced` where the text was left.
    """

    left: float
    right: float
    before: float
    after: float
    forced: bool


def cut(alignment, lengths=LENGTHS, pause=PAUSE):
    """Cut a recording into utterances.

    Parameters
    ----------
    alignment : Alignment
    lengths : tuple of two float
        Shortest and longest utterance, in seconds.
    pause : float
        Shortest quiet in which a cut is allowed, in seconds.

    Returns
    -------
    list of Cut
        In the order of the recording: utterances, and all that is left out. Each word, and each
        moment of the recording, is in one of them.
    """
    read = [i for i, word in enumerate(alignment.words) if word.read]
    gaps = _find_gaps(alignment, read)
    forced = [j for j, gap in enumerate(gaps) if gap.forced or j in (0, len(read))]
    found = []
    for first, last in itertools.pairwise(forced):
        found += _cut_between(gaps, first, last, lengths, pause)
    spoken = [
        Cut(start, end, read[a], read[b - 1] + 1, reason) for start, end, a, b, reason in found
    ]
    return _fill(alignment, spoken)


def _find_gaps(alignment, read):
    """Return the gaps before, between and after the words that were read."""
    words, duration = alignment.words, alignment.duration
    lefts = [0.0, *(words[i].end for i in read)]
    rights = [*(words[i].start for i in read), duration]
    bounds = [-1, *read, len(words)]
    sentences = [word.sentence for word in words]
    gaps = []
    for left, right, (word, following) in zip(
        lefts, rights, itertools.pairwise(bounds), strict=True
    ):
        foreign = [span for span in alignment.foreign if left <= span[0] < right]
        before = (foreign[0][0] if foreign else right) - left
        after = right - (min(foreign[-1][1], right) if foreign else left)
        missing = following - word - 1
        if 0 < missing <= FEW and not foreign:
            # They may be a part of the sound of their sentence.
            if word >= 0 and sentences[word] == sentences[word + 1]:
                before = 0.0
            if following < len(words) and sentences[following] == sentences[following - 1]:
                after = 0.0
        gaps.append(_Gap(left, right, before, after, bool(foreign) or missing > 0))
    return gaps


def _cut_between(gaps, first, last, lengths, pause):
    """Cut the words between two gaps; yield (start, end, first word, last word, reason) of each."""
    ends = 0, len(gaps) - 1

    def begins(j):
        return gaps[j].right - min(MARGIN, gaps[j].after / 2)

    def stops(j):
        return gaps[j].left + min(MARGIN, gaps[j].before / 2)

    # The recording may begin and end with a word: nothing is lost there.
    begin = gaps[first].after >= pause or (first in ends and not gaps[first].forced)
    end = gaps[last].before >= pause or (last in ends and not gaps[last].forced)
    inner = range(first + (1 if begin else 2), last - (0 if end else 1))
    points = [first] * begin + [j for j in inner if gaps[j].before >= pause] + [last] * end
    if len(points) < 2:
        if last > first:
            yield gaps[first].right, gaps[last].left, first, last, NO_PAUSE
        return
    if points[0] > first:
        yield gaps[first].right, stops(points[0]), first, points[0], NO_PAUSE
    for i, j in _shortest(points, begins, stops, gaps, lengths):
        seconds = stops(j) - begins(i)
        reason = SHORT.format(lengths[0]) if seconds < lengths[0] else ""
        reason = LONG.format(lengths[1]) if seconds > lengths[1] else reason
        yield begins(i), stops(j), i, j, reason
    if points[-1] < last:
        yield begins(points[-1]), gaps[last].left, points[-1], last, NO_PAUSE


def _shortest(points, begins, stops, gaps, lengths):
    """Choose some of the points; return the pairs of neighbours.

    c_j = min over i of c_i + lost(i, j) + the shorter the pause at j, the more: (seconds, cuts) are
    compared in this order.
    """
    least, most = lengths
    costs, sources = [(0.0, 0.0)], [None]
    for n in range(1, len(points)):
        choices = []
        for m in reversed(range(n)):
            seconds = stops(points[n]) - begins(points[m])
            if m < n - 1 and seconds > most:
                break
            lost = 0.0 if least <= seconds <= most else seconds
            lost, cuts = costs[m][0] + lost, costs[m][1] + 1 / (1 + gaps[points[m]].before)
            choices.append(((round(lost, 6), cuts), m))
        best, source = min(choices)
        costs.append(best)
        sources.append(source)
    path = [len(points) - 1]
    while path[-1]:
        path.append(sources[path[-1]])
    return list(itertools.pairwise([points[n] for n in reversed(path)]))


def _fill(alignment, spoken):
    """Add what lies between the cuts: sound without text, quiet, and words that were not read."""
    words, found = alignment.words, []
    time = word = 0
    for each in [*spoken, Cut(alignment.duration, alignment.duration, len(words), len(words))]:
        for first, last in _runs_of_reasons(words, word, each.first):
            reason = NOT_READ if words[first].spoken else NOT_WRITTEN
            found.append(Cut(None, None, first, last, reason))
        for start, end in alignment.foreign:
            start, end = max(start, time), min(end, each.start)
            if start < end:
                if time < start:
                    found.append(Cut(time, start, word, word, QUIET))
                found.append(Cut(start, end, word, word, NO_TEXT))
                time = end
        if time < each.start:
            found.append(Cut(time, each.start, word, word, QUIET))
        found.append(each)
        time, word = each.end, each.last
    return found[:-1]


def _runs_of_reasons(words, first, last):
    """Return the runs of words from `first` to `last` that could, or could not, be written."""
    places = range(first, last)
    runs = [list(run) for _, run in itertools.groupby(places, lambda i: bool(words[i].spoken))]
    return [(run[0], run[-1] + 1) for run in runs]
