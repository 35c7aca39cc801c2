"""The CTC lattice and the forward-backward algorithm: alpha, beta and the posterior gamma.

The transcript with a blank before, between and after its labels has S = 2L + 1 states; y_t(s) is
the emission, the probability of the symbol of s at frame t. alpha_t(s) sums all paths from the
start into s at t, beta_t(s) all paths from there to the end, both without y_t(s). The posterior
gamma_t(s) = alpha_t(s) y_t(s) beta_t(s) / p is the probability that the alignment passes through s
at t, given the transcript. All are in logs: products become sums, and sums log-sum-exp. Chapter 05
derives it, with y_t(s) included in alpha.

In float32, exp(log alpha + log y + log beta - log p) is a small difference of numbers in the
thousands and loses its digits. So alpha and beta are shifted to a maximum of 0 every few frames,
the shifts add up in float64, and gamma is normalised within its frame.
"""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.ctc.fit import min_frames

LOG_ZERO = -1e25  # log 0: finite, since -inf - -inf is nan
SHIFT_EVERY = 8  # frames


class Lattice:
    """The states of each transcript of a batch, as arrays (S, N).

    With the states as the first axis, each step of the recursion runs over contiguous memory.

    Attributes
    ----------
    frames, states : ndarray of shape (N,)
        Real frames and real states of each utterance.
    symbols : ndarray of int of shape (S, N)
        The symbol that each state emits.
    real, skip, ends : ndarray of bool of shape (S, N)
        Whether a state is not padding, may be entered from two states before, may end a path.
    fits : ndarray of bool of shape (N,)
        Whether the transcript fits into the frames.
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
        """Return each state's emission, log y_t(s): (T, S, N), `LOG_ZERO` for padded states."""
        xp = get_array_module(log_probs)
        N, T, V = log_probs.shape
        frames = log_probs.transpose(1, 0, 2).reshape(T, N * V)
        columns = np.arange(N) * V + self.symbols  # take whole columns: one index for T numbers
        emissions = frames.take(xp.asarray(columns.ravel()), axis=1).reshape(T, *columns.shape)
        if not self.real.all():
            emissions += xp.where(xp.asarray(self.real), 0, LOG_ZERO).astype(emissions.dtype)
        return xp.maximum(emissions, LOG_ZERO, out=emissions)

    def loss(self, alpha, offsets, emissions):
        """Return -log p (N,), over all paths that end in the last label or blank; inf for none."""
        xp = get_array_module(alpha)
        if not len(alpha):
            return xp.asarray(np.where(self.fits, 0.0, np.inf))
        n = xp.arange(len(self.frames))
        t = xp.asarray(np.maximum(self.frames - 1, 0))
        last = alpha[t, :, n] + emissions[t, :, n]  # (N, S)
        last = xp.where(xp.asarray(self.ends.T), last, LOG_ZERO)
        peak = last.max(axis=1)
        # log p = log-sum-exp of the last two states, plus all shifts
        total = xp.log(xp.exp(last - peak[:, None]).sum(axis=1)) + peak + offsets[t, n]
        loss = xp.where(xp.asarray(self.frames > 0), -total, 0)
        return xp.where(xp.asarray(self.fits) & (loss < -LOG_ZERO / 2), loss, np.inf)

    def posterior(self, alpha, beta, emissions):
        """Return gamma (N, T, S), the probability of each state in each frame."""
        xp = get_array_module(alpha)
        joint = alpha + beta  # in logs
        joint += emissions  # once: neither alpha nor beta includes it
        joint = xp.ascontiguousarray(joint.transpose(2, 0, 1))
        joint -= joint.max(axis=2, keepdims=True)
        xp.exp(joint, out=joint)  # alpha_t(s) y_t(s) beta_t(s), up to a factor of the frame
        joint /= joint.sum(axis=2, keepdims=True)  # gamma_t(s): the sum is p, up to that factor
        return joint

    def one_hot(self, V, like):
        """Return the map from states to symbols, (N, S, V)."""
        xp = get_array_module(like)
        return (xp.asarray(self.symbols.T)[:, :, None] == xp.arange(V)).astype(like.dtype)


def recurse(emissions, lattice):
    """Compute log alpha and log beta for all frames (forward-backward).

    With states and frames reversed, beta has the recursion of alpha, so both run at once along an
    axis of size 2. The beta of a shorter utterance starts at its own last frame.

    Parameters
    ----------
    emissions : ndarray of shape (T, S, N)
    lattice : Lattice

    Returns
    -------
    alpha, beta : ndarray of shape (T, S, N)
        Without the emission of the frame itself, and shifted by a constant in each frame.
    offsets : ndarray of float64 of shape (T, N)
        The constant to add to each frame of alpha.
    """
    xp = get_array_module(emissions)
    T, S, N = emissions.shape
    begins = np.stack([np.broadcast_to(np.arange(S)[:, None] < 2, (S, N)), lattice.ends[::-1]])
    begins = xp.where(xp.asarray(begins), 0, LOG_ZERO).astype(emissions.dtype)
    ends_at = {T - frames: np.flatnonzero(lattice.frames == frames) for frames in lattice.frames}
    # Two states of log 0 precede the first state in either direction. Both directions are one flat
    # array, so that states s, s - 1 and s - 2 are three views of it.
    allowed = np.zeros((2, S + 2, N), bool)
    allowed[0, 2:] = lattice.skip
    allowed[1, 4:] = lattice.skip[:1:-1]  # beta skips from s to s + 2
    allowed = xp.where(xp.asarray(allowed), 0, LOG_ZERO).astype(emissions.dtype)
    allowed = allowed.reshape(-1)[2 * N :]  # log of [skip allowed]
    row = xp.full((2, S + 2, N), LOG_ZERO, emissions.dtype)
    flat = row.reshape(-1)
    stay, step, two_before = flat[2 * N :], flat[N:-N], flat[: -2 * N]
    skip, peak, scratch = (xp.empty_like(allowed) for _ in range(3))
    rows = xp.empty((T, 2, S + 2, N), emissions.dtype)
    offset, offsets = xp.zeros((2, N), np.float64), xp.empty((T, N), np.float64)
    states, now = rows[:, :, 2:], row[:, 2:]
    states[:1, 0], states[:1, 1] = begins[0], LOG_ZERO
    for t in range(T):
        if t > 0:
            new = rows[t].reshape(-1)[2 * N :]
            # alpha_t(s) = (alpha y)_{t-1}(s) + (alpha y)_{t-1}(s-1) + [skip] (alpha y)_{t-1}(s-2)
            xp.add(two_before, allowed, out=skip)  # log [skip] (alpha y)_{t-1}(s-2)
            xp.maximum(stay, step, out=peak)
            xp.maximum(peak, skip, out=peak)  # peak = max(stay, step, skip)
            xp.exp(xp.subtract(stay, peak, out=new), out=new)  # e^(stay - peak)
            for term in (step, skip):
                new += xp.exp(xp.subtract(term, peak, out=scratch), out=scratch)
            xp.log(new, out=new)  # log(e^(stay - peak) + e^(step - peak) + e^(skip - peak))
            new += peak  # log alpha_t(s) = log(e^stay + e^step + e^skip)
        if t in ends_at:
            n = xp.asarray(ends_at[t])
            states[t, 1, :, n] = begins[1, :, n]
        offsets[t] = offset[0]
        xp.add(states[t, 0], emissions[t], out=now[0])  # log (alpha y)_t(s)
        xp.add(states[t, 1], emissions[T - 1 - t, ::-1], out=now[1])  # log (beta y), reversed
        if t % SHIFT_EVERY == 0:
            shift = now.max(axis=1)
            now -= shift[:, None]  # the maximum becomes 0: float32 keeps the digits
            offset += shift  # true log alpha = log alpha + offset
    return states[:, 0], states[::-1, 1, ::-1], offsets
