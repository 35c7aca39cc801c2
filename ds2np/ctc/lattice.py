"""The lattice of CTC: which states a transcript has, and alpha and beta over all of its paths.

The transcript with a blank before, between and after its labels has S = 2L + 1 states. alpha_t(s)
sums all ways to reach state s at frame t, beta_t(s) all ways to finish from there; their product
tells how probable it is that the right alignment passes through s at t.

In float32 the usual exp(alpha + beta - total) takes the difference of numbers in the thousands, and
the gradient suffers. Here alpha and beta are shifted to a maximum of 0 every few frames (the shifts
add up in float64), and the posterior is normalised within its frame.
"""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.ctc.fit import min_frames

CLOSED = -1e25  # log probability of what cannot be; unlike -inf, it can be taken from itself
SHIFT_EVERY = 8  # frames


class Lattice:
    """The states of each transcript of a batch.

    States lead and utterances follow, (S, N): a state's neighbours are then whole rows away, and
    every step of the recursion runs over memory without gaps.

    Attributes
    ----------
    frames : ndarray of shape (N,)
        Real frames of each utterance.
    states : ndarray of shape (N,)
        Real states of each.
    symbols : ndarray of int of shape (S, N)
        What each state stands for.
    real, skip, ends : ndarray of bool of shape (S, N)
        Whether a state is one, may be entered from the one before the last, and may be a path's
        last.
    fits : ndarray of bool of shape (N,)
        Whether there are frames enough for the transcript.
    """

    def __init__(self, labels, input_lengths, label_lengths, blank):
        self.frames, self.states = input_lengths, 2 * label_lengths + 1
        s = np.arange(2 * labels.shape[1] + 1)[:, None]
        self.real = s < self.states
        self.symbols = np.full(self.real.shape, blank)
        self.symbols[1::2] = np.where(self.real[1::2], labels.T, blank)
        self.skip = np.zeros(self.real.shape, bool)
        self.skip[2:] = (self.symbols[2:] != blank) & (self.symbols[2:] != self.symbols[:-2])
        self.ends = self.real & (s >= self.states - 2)
        needed = [min_frames(row[:n]) for row, n in zip(labels, label_lengths, strict=True)]
        self.fits = np.asarray(needed, dtype=int) <= input_lengths

    def emissions(self, log_probs):
        """Look up each state's log probability: (T, S, N), `CLOSED` for padded states."""
        xp = get_array_module(log_probs)
        N, T, V = log_probs.shape
        frames = log_probs.transpose(1, 0, 2).reshape(T, N * V)
        columns = np.arange(N) * V + self.symbols  # one index for a column, not for each number
        emissions = frames.take(xp.asarray(columns.ravel()), axis=1).reshape(T, *columns.shape)
        if not self.real.all():
            emissions += xp.where(xp.asarray(self.real), 0, CLOSED).astype(emissions.dtype)
        return xp.maximum(emissions, CLOSED, out=emissions)

    def loss(self, alpha, offsets, emissions):
        """Add up the ways that end in the last label or the last blank: (N,), inf for none."""
        xp = get_array_module(alpha)
        if not len(alpha):
            return xp.asarray(np.where(self.fits, 0.0, np.inf))
        n = xp.arange(len(self.frames))
        t = xp.asarray(np.maximum(self.frames - 1, 0))
        last = alpha[t, :, n] + emissions[t, :, n]  # (N, S)
        last = xp.where(xp.asarray(self.ends.T), last, CLOSED)
        peak = last.max(axis=1)
        total = xp.log(xp.exp(last - peak[:, None]).sum(axis=1)) + peak + offsets[t, n]
        loss = xp.where(xp.asarray(self.frames > 0), -total, 0)
        return xp.where(xp.asarray(self.fits) & (loss < -CLOSED / 2), loss, np.inf)

    def posterior(self, alpha, beta, emissions):
        """Tell how probable each state is in each frame, given the transcript: (N, T, S)."""
        xp = get_array_module(alpha)
        joint = alpha + beta
        joint += emissions  # once: neither alpha nor beta has it
        joint = xp.ascontiguousarray(joint.transpose(2, 0, 1))
        joint -= joint.max(axis=2, keepdims=True)
        xp.exp(joint, out=joint)
        joint /= joint.sum(axis=2, keepdims=True)
        return joint

    def one_hot(self, V, like):
        """Map states to symbols: (N, S, V)."""
        xp = get_array_module(like)
        return (xp.asarray(self.symbols.T)[:, :, None] == xp.arange(V)).astype(like.dtype)


def recurse(emissions, lattice):
    """Run alpha and beta over all frames.

    Seen from the end, with states and frames in reverse, beta is the recursion of alpha: both run
    at once, over an axis of size 2. A shorter utterance's beta begins when its last frame comes.

    Parameters
    ----------
    emissions : ndarray of shape (T, S, N)
    lattice : Lattice

    Returns
    -------
    alpha, beta : ndarray of shape (T, S, N)
        Log of the sum of all ways into a state and out of it, the frame's own emission left out.
        A constant is taken from each frame, to keep the numbers small.
    offsets : ndarray of float64 of shape (T, N)
        What has been taken from each frame of alpha.
    """
    xp = get_array_module(emissions)
    T, S, N = emissions.shape
    begins = np.stack([np.broadcast_to(np.arange(S)[:, None] < 2, (S, N)), lattice.ends[::-1]])
    begins = xp.where(xp.asarray(begins), 0, CLOSED).astype(emissions.dtype)
    ends_at = {T - frames: np.flatnonzero(lattice.frames == frames) for frames in lattice.frames}
    # Two closed states lie before the first of either direction. All is one line of memory, and a
    # step looks at it from three places.
    skip = np.zeros((2, S + 2, N), bool)
    skip[0, 2:] = lattice.skip
    skip[1, 4:] = lattice.skip[:1:-1]  # who is entered from there, is left for there
    skip = xp.where(xp.asarray(skip), 0, CLOSED).astype(emissions.dtype).reshape(-1)[2 * N :]
    row = xp.full((2, S + 2, N), CLOSED, emissions.dtype)
    line = row.reshape(-1)
    stay, step, jump = line[2 * N :], line[N:-N], line[: -2 * N]
    opened, peak, term = (xp.empty_like(skip) for _ in range(3))
    rows = xp.empty((T, 2, S + 2, N), emissions.dtype)
    offset, offsets = xp.zeros((2, N), np.float64), xp.empty((T, N), np.float64)
    states, now = rows[:, :, 2:], row[:, 2:]
    states[:1, 0], states[:1, 1] = begins[0], CLOSED
    for t in range(T):
        if t > 0:
            new = rows[t].reshape(-1)[2 * N :]
            xp.add(jump, skip, out=opened)
            xp.maximum(stay, step, out=peak)
            xp.maximum(peak, opened, out=peak)
            xp.exp(xp.subtract(stay, peak, out=new), out=new)
            for way in (step, opened):
                new += xp.exp(xp.subtract(way, peak, out=term), out=term)
            xp.log(new, out=new)
            new += peak
        if t in ends_at:
            n = xp.asarray(ends_at[t])
            states[t, 1, :, n] = begins[1, :, n]
        offsets[t] = offset[0]
        xp.add(states[t, 0], emissions[t], out=now[0])
        xp.add(states[t, 1], emissions[T - 1 - t, ::-1], out=now[1])
        if t % SHIFT_EVERY == 0:
            shift = now.max(axis=1)
            now -= shift[:, None]
            offset += shift
    return states[:, 0], states[::-1, 1, ::-1], offsets
