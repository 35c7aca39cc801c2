"""Where the words and sentences of a text stand in a recording, and what has no counterpart."""

import itertools
from dataclasses import dataclass

import numpy as np

from ds2np.align.boundaries import find_silent, move_to_pauses
from ds2np.align.levels import find_quiet

LEAST_FOREIGN = 0.2  # seconds; less sound outside the text is the gap of a jump
BLOCK = 1000  # frames that are looked at together
SIDES = "left", "right"
LONGEST_BLANK = 50  # frames from one letter of a word to the next


@dataclass(frozen=True)
class AlignedWord:
    """A word of the text in the recording.

    Attributes
    ----------
    text, spoken : str
        As written, and as the alphabet writes it: one or several words.
    sentence, line : int
        Number of its sentence, from 0; line of the file, from 1.
    start, end : float or None
        In seconds; None if it was not read.
    confidence : float
        0 to 1: the probability of each symbol in its best frame, averaged; 0 if it was not read.
    """

    text: str
    spoken: str
    sentence: int
    line: int
    start: float | None
    end: float | None
    confidence: float

    @property
    def read(self):
        """Whether it was found in the recording."""
        return self.start is not None


@dataclass(frozen=True)
class AlignedSentence:
    """A sentence of the text in the recording.

    Attributes
    ----------
    text : str
    first, last : int
        Its words are words[first:last].
    start, end : float or None
        In seconds; None if no word of it was read.
    score : float or None
        Log-probability of the path less that of the best symbols, a frame: 0 is perfect.
    complete : bool
        Whether all of its words were read.
    """

    text: str
    first: int
    last: int
    start: float | None
    end: float | None
    score: float | None
    complete: bool


@dataclass(frozen=True)
class Alignment:
    """A text in a recording.

    Attributes
    ----------
    recording : str
    duration : float
        Of the recording, in seconds.
    words, sentences : tuple
        `AlignedWord` and `AlignedSentence` in the order of the text, all of them.
    foreign : tuple of (float, float)
        Start and end of sound that has no text, in seconds.
    unread : tuple of (int, int)
        Ranges of words that were not read, the last one exclusive.
    score : float
        Log-probability of the path, less what leaving the text costs.
    exact : bool
        Whether it is certain that no path is better; see `ds2np.align.search`.
    """

    recording: str
    duration: float
    words: tuple
    sentences: tuple
    foreign: tuple
    unread: tuple
    score: float
    exact: bool


@dataclass(frozen=True)
class Frames:
    """What a path says of words and frames.

    Attributes
    ----------
    starts, ends : ndarray of int of shape (W,)
        First frame of each word of the text, and the one after its last; -1 if it was not read.
    confidences : ndarray of float of shape (W,)
    outside : ndarray of bool of shape (T,)
        Whether a frame is of sound that has no text.
    costs : ndarray of float of shape (T + 1,)
        Sum over the frames before: the best symbol's log-probability less the path's.
    """

    starts: np.ndarray
    ends: np.ndarray
    confidences: np.ndarray
    outside: np.ndarray
    costs: np.ndarray


def find_frames(states, log_probs, labels, begins, ends, blank=0):
    """Find the frames of words on a path.

    Parameters
    ----------
    states : ndarray of int of shape (T,)
        Of a `Path`.
    log_probs : Outputs or ndarray of shape (T, V)
    labels : ndarray of int of shape (L,)
    begins, ends : ndarray of int of shape (W,)
        Each word's first label, and the one after its last.
    blank : int

    Returns
    -------
    Frames
    """
    frames = np.flatnonzero((states > 0) & (states % 2 == 1))
    on_path = states[frames] // 2  # rising: the label of each of these frames
    first, last = (np.searchsorted(on_path, np.arange(len(labels)), side) for side in SIDES)
    symbols = np.full(len(states), blank)
    symbols[frames] = labels[on_path]
    of_path, costs = np.zeros((2, len(states)))
    for begin in range(0, len(states), BLOCK):
        rows = log_probs[begin : begin + BLOCK]
        of_rows = slice(begin, begin + len(rows))
        of_path[of_rows] = rows[np.arange(len(rows)), symbols[of_rows]]
        costs[of_rows] = rows.max(axis=1) - of_path[of_rows]
    seen = last > first
    best = np.zeros(len(labels) + 1)
    if len(frames):
        best[:-1][seen] = np.exp(np.maximum.reduceat(of_path[frames], first[seen]))
    # Totals over the labels of each word.
    bounds = np.stack([begins, ends], axis=1).ravel()
    read = np.add.reduceat(np.append(seen, False).astype(int), bounds)[::2] == ends - begins
    totals = np.add.reduceat(best, bounds)[::2]
    starts, stops = np.full((2, len(begins)), -1)
    for k in np.flatnonzero(read):
        low, high = _main_part(frames, first[begins[k] : ends[k]], last[begins[k] : ends[k]])
        starts[k], stops[k] = frames[low], frames[high - 1] + 1
    costs[states < 0] = 0.0
    return Frames(
        starts=starts,
        ends=stops,
        confidences=np.where(read, totals / (ends - begins), 0.0),
        outside=states < 0,
        costs=np.append(0.0, np.cumsum(costs)),
    )


def _main_part(frames, first, last):
    """Return the first and last place in `frames` of a word's labels, given those of each label.

    Where a letter was not heard, the path puts it anywhere before the next word, even after minutes
    of other sound. Such letters do not count.
    """
    far = np.flatnonzero(frames[first[1:]] - frames[last[:-1] - 1] > LONGEST_BLANK) + 1
    if not len(far):
        return first[0], last[-1]
    bounds = [0, *far, len(first)]
    low, high = max(itertools.pairwise(bounds), key=lambda part: part[1] - part[0])
    return first[low], last[high - 1]


def make_alignment(frames, words, sentences, part, about, frame_seconds, levels):
    """Put words and sentences of a text together with their places in a recording.

    Parameters
    ----------
    frames : Frames
    words : sequence of ScriptWord
        All of the text.
    sentences : sequence of str
    part : tuple of slice
        The words, and the frames, that belong to this recording.
    about : dict
        recording, duration, score and exact of the `Alignment`.
    frame_seconds : float
    levels : ndarray of float of shape (n,)
        Of the recording; see `ds2np.align.levels`.

    Returns
    -------
    Alignment
    """
    of_words, of_frames = part
    origin, duration = of_frames.start, about["duration"]
    times = np.stack([frames.starts[of_words], frames.ends[of_words]]) - origin
    times = np.clip(times * frame_seconds, 0.0, duration)
    outside = [
        ((first - origin) * frame_seconds, (last - origin) * frame_seconds)
        for first, last in find_runs(frames.outside[of_frames], origin)
        if (last - first) * frame_seconds >= LEAST_FOREIGN
    ]
    quiet = find_quiet(levels)
    of_sentences = [word.sentence for word in words[of_words]]

    def place(read):
        return move_to_pauses(*times[:, read], outside, quiet, *_find_missing(read, of_sentences))

    read = np.flatnonzero(frames.starts[of_words] >= 0)
    starts, ends, foreign = place(read)
    if (silent := find_silent(starts, ends, quiet)).any():
        read = read[~silent]
        starts, ends, foreign = place(read)
    places = dict(zip(read.tolist(), zip(starts, ends, strict=True), strict=True))
    aligned = []
    for i, (word, confidence) in enumerate(
        zip(words[of_words], frames.confidences[of_words].tolist(), strict=True)
    ):
        bounds = (min(round(float(t), 4), duration) for t in places.get(i, ()))
        start, end = tuple(bounds) or (None, None)
        sure = round(confidence, 4) if i in places else 0.0
        aligned.append(
            AlignedWord(word.text, word.spoken, word.sentence, word.line, start, end, sure)
        )
    return Alignment(
        words=tuple(aligned),
        sentences=tuple(_find_sentences(aligned, sentences, frames, of_words.start)),
        foreign=tuple((round(float(a), 4), min(round(float(b), 4), duration)) for a, b in foreign),
        unread=tuple(find_runs([not word.read for word in aligned])),
        **about,
    )


def _find_missing(read, of_sentences):
    """Return the gaps between words that were read where a sentence lacks its end, or its begin."""
    ends, begins = set(), set()
    bounds = [-1, *read.tolist(), len(of_sentences)]
    for j, (left, right) in enumerate(itertools.pairwise(bounds)):
        if right == left + 1:
            continue
        if left >= 0 and of_sentences[left] == of_sentences[left + 1]:
            ends.add(j)
        if right < len(of_sentences) and of_sentences[right - 1] == of_sentences[right]:
            begins.add(j)
    return ends, begins


def _find_sentences(aligned, sentences, frames, first_word):
    """Yield the `AlignedSentence` of those that have words here."""
    begins = [
        i for i, word in enumerate(aligned) if not i or word.sentence != aligned[i - 1].sentence
    ]
    for first, last in itertools.pairwise([*begins, len(aligned)]):
        read = [i for i in range(first, last) if aligned[i].read]
        start = end = score = None
        if read:
            start, end = aligned[read[0]].start, aligned[read[-1]].end
            begin, stop = frames.starts[first_word + read[0]], frames.ends[first_word + read[-1]]
            cost = frames.costs[stop] - frames.costs[begin]
            score = round(-float(cost) / int(stop - begin), 6)
        text = sentences[aligned[first].sentence]
        complete = len(read) == last - first
        yield AlignedSentence(text, first, last, start, end, score, complete)


def find_runs(marks, origin=0):
    """Return the runs of true values as (first, last) places from `origin` on, last exclusive."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(marks, int), [0]])))
    return [(int(first) + origin, int(last) + origin) for first, last in edges.reshape(-1, 2)]
