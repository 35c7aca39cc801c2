"""The best path of a long text through a long recording, with memory that does not grow.

An hour has 180,000 frames and 100,000 states (see `ds2np.align.lattice`), too many for a table of
all. So of each block of frames only the states between the first and the last are computed that are
better than the best one less `beam`: the band is narrow where the sound is clear, and widens where
several places of the text would do. Now and then, all paths are traced back; before the frame where
they meet, they are one, which is final, and the back-pointers are forgotten.

Outside, a path may go on to any later gate, which would make the band as wide as the text. So the
band ends some words beyond the best state. Where the best path then loses so much for a while
that it is probably lost, the search goes back by some blocks, and looks farther ahead until it has
found where the reading goes on.

What the band leaves out is known: no path through a state that was dropped can be better than its
score there and the best symbol of each frame that follows. If that is less than the score of the
path found, this is the best of all (`Path.exact`); otherwise the search starts again with a wider
beam, looking ahead without end, as long as `work` allows.
"""

import copy
from collections import deque
from dataclasses import dataclass

import numpy as np

from ds2np.align.lattice import Lattice, Steps

BLOCK = 100  # frames with the same band
AHEAD = 100, 2000, np.inf  # labels beyond the best state where the band ends
LOOK = 6  # blocks; where the best path loses, in all of them but one, more than ...
LOST = 0.3  # ... this share of what outside costs, they and as many before are searched again
FRONT = "alpha", "outside", "offset", "best", "dropped"  # what a block begins with
SETTLE = 16  # blocks after which paths are traced back again
BEAM, WIDER = 300.0, 4  # nats; and how many times wider at the next try
WORK = 1e9  # states times frames that another try may take


@dataclass(frozen=True)
class Loose:
    """What it costs to leave the text, in nats.

    Attributes
    ----------
    leave : float
        To go outside.
    frame : float
        In each frame outside, beside the best symbol of the frame, which counts there.
    jump, label : float
        To leave out text, and for each label of it.
    """

    leave: float = 15.0
    frame: float = 1.0
    jump: float = 15.0
    label: float = 0.01


@dataclass(frozen=True)
class Path:
    """The best path.

    Attributes
    ----------
    states : ndarray of int of shape (T,)
        The state of each frame, 2 i + 1 for label i; outside, -1 - g for gate g.
    score : float
        Log-probability of the path, less what it costs to leave the text.
    exact : bool
        Whether it is certain that no path is better.
    """

    states: np.ndarray
    score: float
    exact: bool


def best_path(
    log_probs,
    labels,
    gates=(),
    loose=None,
    gate_costs=0.0,
    blank=0,
    beam=BEAM,
    work=WORK,
    show=lambda frames: None,
):
    """Find the best path of a text through a recording.

    Parameters
    ----------
    log_probs : array_like of float of shape (T, V)
        Only slices of frames are read, so it may be a memory map.
    labels : ndarray of int of shape (L,)
        Of the whole text.
    gates : sequence of int
        At which labels words begin, increasing; L stands for the end of the text. Before these
        labels the path may leave the text.
    loose : Loose, optional
        What that costs; None: the path never leaves the text.
    gate_costs : array_like of float of shape (len(gates),), or float
        What it costs beside, in nats >= 0, to leave the text at each of the gates, or to leave out
        text up to it.
    blank : int
    beam : float
        Nats by which a state may be worse than the best one of its frame, to begin with.
    work : float
        States times frames that may be computed to make certain that the path is the best one.
    show : callable
        Is called with the number of frames done, which begins anew with each beam.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If no path is possible.
    """
    gates, gate_costs = (gates, gate_costs) if loose else ((), ())
    lattice = Lattice(labels, gates, gate_costs, loose or Loose(), blank)
    near, most = len(lattice.places) > 0, len(log_probs) * lattice.count
    while True:
        search = _Search(lattice, beam, near)
        search.run(log_probs, show)
        path = search.finish()
        wider = _widen(beam, path, search)
        if path.exact or (most if near else min(most, wider / beam * search.work)) > work:
            break
        beam, near = wider, False
    if path.score == -np.inf:
        raise ValueError("no path is possible: the text does not fit, or has impossible symbols")
    return path


def _widen(beam, path, search):
    """Return the beam of the next try.

    One as wide as the whole path is worse than the best symbols makes certain. Where no path was
    found, or it was outside for so long that a jump that the beam cut off might have paid, less may
    do.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], path.states < 0, [0]])))
    outside = search.lattice.loose.frame * (edges[1::2] - edges[::2]).max(initial=0)
    if path.score == -np.inf or outside > beam:
        return WIDER * beam
    return max(WIDER * beam, search.best - path.score)


class _Search:
    """One try, with one beam; `near`: with an end of the band, too, see `AHEAD`."""

    def __init__(self, lattice, beam, near):
        self.lattice, self.beam, self.work = lattice, beam, 0.0
        self.near, self.level = near, 0 if near else len(AHEAD) - 1
        self.alpha = np.full(lattice.count + 2, -np.inf)  # of state s at s + 2
        self.alpha[2] = 0.0  # before the first frame: from here, blank and first label are near
        self.outside = np.full(len(lattice.places), -np.inf)
        self.offset = self.best = 0.0  # what alpha is short of; sum of the best symbols
        self.dropped = -np.inf  # the best of what the band left out, less `best` there
        self.steps, self.done, self.again = [], [], 1
        self.settled = 0  # blocks whose steps are forgotten
        self.fronts = deque(maxlen=2 * LOOK)  # what the last blocks began with, and their numbers
        self._choose_band()

    def run(self, log_probs, show):
        """Add all blocks of frames, some of them again."""
        number, count = 0, -(-len(log_probs) // BLOCK)
        while number < count:
            self.fronts.append((number, copy.deepcopy({name: vars(self)[name] for name in FRONT})))
            first = number * BLOCK
            self.push(np.asarray(log_probs[first : first + BLOCK], np.float64))
            show(min(first + BLOCK, len(log_probs)))
            number = self._look_back(number + 1, last=number + 1 == count)
            if len(self.steps) >= self.again:
                self._settle()
                self.again = 2 * len(self.steps) + SETTLE

    def _look_back(self, number, last):
        """Choose how far ahead to look, and return the block with which to go on."""
        if not self.near:
            return number
        first, front = self.fronts[0]
        deficits = [before["best"] - before["offset"] for _, before in self.fronts]
        losses = np.diff([*deficits, self.best - self.offset])[-LOOK:]
        small = losses.max() if last else np.sort(losses)[:2].max()
        lost = small > LOST * self.lattice.loose.frame * BLOCK
        tried = len(self.fronts) >= (2 if self.level else 1) * LOOK or last
        if lost and tried and self.level < len(AHEAD) - 1:
            self.level += 1
            vars(self).update(front)
            self._choose_band()
            self.fronts.clear()
            del self.steps[first - self.settled :]
            return first
        if self.level and tried and not lost:
            self.level = 0
            self.fronts.clear()
        return number

    def push(self, log_probs):
        """Add a block of frames."""
        lattice, loose = self.lattice, self.lattice.loose
        low, high = self.low, self.high
        first, last = np.searchsorted(lattice.places, (low, high))
        places, lost = lattice.places[first:last] - low, lattice.lost[first:last]
        costs = lattice.costs[first:last]
        after = places + 1
        inside = slice(None, len(after) - (len(after) > 0 and after[-1] >= high - low))
        alpha, outside = self.alpha[low + 2 : high + 2], self.outside[first:last]
        one_before, two_before = self.alpha[low + 1 : high + 1], self.alpha[low:high]
        symbols, skip = lattice.symbols[low:high], lattice.skip[low:high]
        one, two = np.empty((2, len(log_probs), high - low), bool)
        ways = np.zeros((len(log_probs), len(places)), np.uint8)
        sources = np.zeros(ways.shape, np.int32)
        numbers = np.arange(first, last)
        beyond = lattice.lost[last] if last < len(lattice.lost) else np.inf
        peaks = log_probs.max(axis=1)
        for t, (log_p, peak) in enumerate(zip(log_probs, peaks, strict=True)):
            # v_t(s) = y_t(s) + max(v_{t-1}(s), v_{t-1}(s-1), [skip] v_{t-1}(s-2), outside)
            best = np.maximum(alpha, one_before)
            np.greater(one_before, alpha, out=one[t])
            skipped = two_before + skip
            np.greater(skipped, best, out=two[t])
            one[t] &= ~two[t]
            np.maximum(best, skipped, out=best)
            if len(places):
                enter = alpha[places], one_before[places]
                for states, back in ((places, outside), (after[inside], outside[inside])):
                    better = back > best[states]
                    best[states[better]] = back[better]
                    one[t, states[better]] = two[t, states[better]] = True
                self._leave(enter, outside, costs, lost, numbers, ways[t], sources[t], beyond)
                outside += peak - loose.frame
            self.best += peak
            np.add(best, log_p[symbols], out=alpha)
            if high < lattice.count:
                self._drop(alpha[-2:].max())  # from here the path may go on above the band
        bits = np.packbits(one, axis=1), np.packbits(two, axis=1)
        self.steps.append(Steps(low, bits, first, ways, sources))
        self.work += one.size
        self._move()

    def _leave(self, enter, outside, costs, lost, numbers, ways, sources, beyond):
        """Update the gates in place, but for the frame's own cost."""
        loose = self.lattice.loose
        potential = outside + lost
        reach = np.maximum.accumulate(potential)
        source = np.maximum.accumulate(np.where(potential == reach, numbers, 0))
        self._drop(reach[-1] - loose.jump - beyond)
        jump = np.full(len(outside), -np.inf)
        jump[1:] = reach[:-1] - loose.jump - (lost + costs)[1:]
        sources[1:] = source[:-1]
        leave = loose.leave + costs
        for way, came in ((1, enter[0] - leave), (2, enter[1] - leave), (3, jump)):
            ways[came > outside] = way
            np.maximum(outside, came, out=outside)

    def _drop(self, value):
        self.dropped = max(self.dropped, value + self.offset - self.best)

    def _move(self):
        """Choose the band of the next block; the best score becomes 0."""
        peak = max(self.alpha.max(), self.outside.max(initial=-np.inf))
        if peak == -np.inf:
            return
        self._choose_band()
        self.alpha -= peak
        self.outside -= peak
        self.offset += peak

    def _choose_band(self):
        """Find the states that the next block may need: near the good ones, or where they jump.

        The others are forgotten. States are compared by their scores and what the text before them
        would have cost, if it had been left out: otherwise those that have read less would look
        better, as the rest of the text still lies before them.
        """
        lattice, loose = self.lattice, self.lattice.loose
        inside, outside = self.alpha[2:] + lattice.cost_before, self.outside + lattice.lost
        best = max(inside.max(), outside.max(initial=-np.inf))
        states, gates = (np.flatnonzero(each > best - self.beam) for each in (inside, outside))
        places = np.concatenate([states, lattice.places[gates]])
        scores = np.concatenate([inside[states], outside[gates]])
        # From outside, or a state, text is left out up to any gate at the same cost.
        jumps = np.concatenate([inside[states] - loose.leave, outside[gates]]).max() - loose.jump
        far = len(lattice.places) and jumps > best - self.beam
        top = int(lattice.places[-1] if far else places.max())
        top = int(min(top, places[scores.argmax()] + 2 * AHEAD[self.level]))
        self.low = max(int(places.min()) - 1, 0)
        self.high = min(top + 2 * BLOCK + 3, lattice.count)
        out = (lattice.places < self.low) | (lattice.places >= self.high)
        parts = self.alpha[: self.low + 2], self.alpha[self.high + 2 :], self.outside[out]
        self._drop(max(part.max(initial=-np.inf) for part in parts))
        parts[0][:] = parts[1][:] = self.outside[out] = -np.inf

    def _settle(self):
        """Trace all paths back; the blocks before the one where they meet are final."""
        if not self.fronts:
            return
        number, front = self.fronts[0]  # the search may go back to it
        alive = (np.flatnonzero(front[name] > -np.inf) for name in ("alpha", "outside"))
        states = np.concatenate([next(alive) - 2, -1 - next(alive)])
        for i in reversed(range(1, number - self.settled)):
            step = self.steps[i]
            for t in reversed(range(len(step.ways))):
                states = np.unique(step.before(self.lattice, t, states))
            if len(states) == 1:
                self.done.append(self._trace(i, int(states[0])))
                del self.steps[:i]
                self.settled += i
                return

    def _trace(self, count, state):
        """Return the states of the first blocks, which end in a state."""
        path = []
        for step in reversed(self.steps[:count]):
            for t in reversed(range(len(step.ways))):
                path.append(state)
                state = step.one_before(self.lattice, t, state)
        return np.array(path[::-1], np.int64)

    def finish(self):
        """Return the best `Path`."""
        lattice, loose = self.lattice, self.lattice.loose
        ends = [(self.alpha[-1], lattice.count - 1)]
        if lattice.count > 1:
            ends.append((self.alpha[-2], lattice.count - 2))
        if len(lattice.places):
            # Outside, the rest of the text may be left out, too.
            rest = loose.label * (lattice.count // 2) - lattice.lost
            costs = np.where(lattice.places < lattice.count - 1, loose.jump + rest, 0)
            gate = int((self.outside - costs).argmax())
            ends.append((self.outside[gate] - costs[gate], -1 - gate))
        score, end = max(ends)
        exact = bool(self.dropped + self.best <= score + self.offset)
        if score == -np.inf:
            return Path(np.zeros(0, np.int64), score, exact)
        states = np.concatenate([*self.done, self._trace(len(self.steps), int(end))])
        return Path(states, float(score + self.offset), exact)
