"""The lattice of CTC: which states a transcript has, and alpha and beta over all of its paths.

The transcript with a blank before, between and after its labels has S = 2L + 1 states. alpha_t(s)
sums all ways to reach state s at frame t, beta_t(s) all ways to finish from there; their product
tells how probable it is that the right alignment passes through s at t.

In float32 the usual exp(alpha + beta - total) takes the difference of numbers in the thousands, and
the gradient suffers. Here every row of alpha and beta is shifted to a maximum of 0 (the shifts add
up in float64), and the posterior is normalised within its frame.
"""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.layers.padding import length_mask, reverse_sequences


def min_frames(labels):
    """Count the frames that a transcript needs: its labels, and a blank between equal neighbours.

    Parameters
    ----------
    labels : sequence of int

    Returns
    -------
    int
    """
    labels = np.asarray(labels)
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


def take_each(frames, columns):
    """Take columns of each utterance's frames, others for each utterance.

    Parameters
    ----------
    frames : ndarray of shape (T, N, V)
    columns : ndarray of int of shape (N, S)
        In main memory.

    Returns
    -------
    ndarray of shape (T, N, S)
    """
    xp = get_array_module(frames)
    T, N, V = frames.shape
    flat = (np.arange(N)[:, None] * V + columns).ravel()  # one index a column, not one a number
    return frames.reshape(T, N * V).take(xp.asarray(flat), axis=1).reshape(T, *columns.shape)


class Lattice:
    """States and frames of a batch, seen from both ends.

    Direction 0 runs forward. Direction 1 starts at each utterance's own last frame and last state,
    so that alpha and beta are one and the same recursion over an axis of size 2.
    """

    def __init__(self, labels, input_lengths, label_lengths, blank):
        N, L = labels.shape
        self.frames, self.states = input_lengths, 2 * label_lengths + 1
        S = 2 * L + 1
        states = np.full((N, S), blank)
        states[:, 1::2] = labels
        s = np.arange(S)
        self.real = s < self.states[:, None]  # (N, S)
        self.turned = np.where(self.real, self.states[:, None] - 1 - s, s)  # (N, S)
        states[~self.real] = blank
        self.symbols = np.stack([states, np.take_along_axis(states, self.turned, axis=1)])
        self.skip = np.zeros((2, N, S), bool)  # may s be entered from s - 2?
        self.skip[:, :, 2:] = (self.symbols[:, :, 2:] != blank) & (
            self.symbols[:, :, 2:] != self.symbols[:, :, :-2]
        )
        needed = [min_frames(row[:n]) for row, n in zip(labels, label_lengths, strict=True)]
        self.fits = np.asarray(needed, dtype=int) <= input_lengths

    def emissions(self, log_probs):
        """Look up each state's log probability: (T, 2, N, S), -inf for padded states."""
        xp = get_array_module(log_probs)
        forward = xp.ascontiguousarray(log_probs.transpose(1, 0, 2))  # (T, N, V)
        emissions = xp.empty((len(forward), 2, *self.real.shape), log_probs.dtype)
        for d, frames in enumerate((forward, reverse_sequences(forward, self.frames))):
            emissions[:, d] = take_each(frames, self.symbols[d])
        if not self.real.all():
            emissions += xp.where(xp.asarray(self.real), 0, -np.inf).astype(emissions.dtype)
        return emissions

    def loss(self, rows, shifts, emissions):
        """Add up the ways that end in the last label or the last blank."""
        xp = get_array_module(rows)
        n = xp.arange(len(self.frames))
        t = xp.asarray(np.maximum(self.frames - 1, 0))
        last = rows[t, 0, n] + emissions[t, 0, n]  # (N, S)
        s = xp.asarray(self.states)
        ends = xp.stack([last[n, s - 1], xp.where(s > 1, last[n, s - 2], -np.inf)])
        before = length_mask(np.maximum(self.frames - 1, 0), len(shifts), shifts).T  # (T, N)
        total = xp.logaddexp(*ends) + (shifts[:, 0] * before).sum(axis=0)
        return xp.where(xp.asarray(self.frames > 0), -total, 0)

    def posterior(self, rows, emissions):
        """Tell how probable each state is in each frame, given the transcript: (N, T, S)."""
        xp = get_array_module(rows)
        joint = take_each(reverse_sequences(rows[:, 1], self.frames), self.turned)  # beta
        joint += rows[:, 0]
        joint += emissions[:, 0]  # once: neither alpha nor beta has it
        joint -= xp.maximum(joint.max(axis=2, keepdims=True), xp.finfo(joint.dtype).min)
        xp.exp(joint, out=joint)
        total = joint.sum(axis=2, keepdims=True)
        joint /= xp.where(total > 0, total, 1)  # 0 in every state: the transcript does not fit
        return joint.transpose(1, 0, 2)

    def counts(self, logits):
        """Tell which frames have a gradient, (N, T): neither padding nor of a misfit."""
        xp = get_array_module(logits)
        real = length_mask(self.frames, logits.shape[1], logits) > 0
        return real & xp.asarray(self.fits)[:, None]

    def one_hot(self, V, like):
        """Map states to symbols: (N, S, V)."""
        xp = get_array_module(like)
        return (xp.asarray(self.symbols[0])[:, :, None] == xp.arange(V)).astype(like.dtype)


def recurse(emissions, skip):
    """Run alpha and beta over all frames.

    Parameters
    ----------
    emissions : ndarray of shape (T, 2, N, S)
    skip : ndarray of bool of shape (2, N, S)
        Whether a state may be entered from the one before the last.

    Returns
    -------
    rows : ndarray of shape (T, 2, N, S)
        Log of the sum of all ways into a state, the frame's own emission left out, relative to the
        shifts of the rows before.
    shifts : ndarray of float64 of shape (T, 2, N)
        What was taken from each row to bring its maximum to 0.
    """
    xp = get_array_module(emissions)
    T, _, N, S = emissions.shape
    lowest = xp.finfo(emissions.dtype).min  # stands in for the maximum where all ways are closed
    rows = xp.empty_like(emissions)
    rows[0] = -np.inf
    rows[0, :, :, :2] = 0  # a path starts with the first blank or the first label
    shifts = xp.zeros((T, 2, N), np.float64)
    open_skip = xp.where(skip, 0, -np.inf).astype(emissions.dtype)
    row = xp.full((2, N, S + 2), -np.inf, emissions.dtype)  # two closed states before the first
    peak, term = xp.empty_like(rows[0]), xp.empty_like(rows[0])
    with np.errstate(divide="ignore"):  # log 0 = -inf is meant
        for t in range(T):
            if t > 0:
                stay, step, jump = row[..., 2:], row[..., 1:-1], row[..., :-2] + open_skip
                xp.maximum(stay, step, out=peak)
                xp.maximum(peak, jump, out=peak)
                xp.maximum(peak, lowest, out=peak)
                total = xp.exp(xp.subtract(stay, peak, out=term), out=rows[t])
                for way in (step, jump):
                    total += xp.exp(xp.subtract(way, peak, out=term), out=term)
                xp.log(total, out=total)
                total += peak
            xp.add(rows[t], emissions[t], out=row[..., 2:])
            shift = xp.maximum(row[..., 2:].max(axis=-1), lowest)
            row[..., 2:] -= shift[..., None]
            shifts[t] = shift
    return rows, shifts
