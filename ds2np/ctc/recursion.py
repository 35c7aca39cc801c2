"""The forward-backward algorithm: alpha, beta, and the posterior gamma of each state.

alpha_t(s) sums all paths from the start into state s at frame t, y_t(s) included; beta_t(s) sums
all paths from there to the end, without y_t(s). So alpha_t(s) beta_t(s) sums the paths through s at
t, and gamma_t(s) = alpha_t(s) beta_t(s) / p is the probability that the alignment passes there,
given the transcript. Chapter 05 derives it.
"""

from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from ds2np.backend import get_array_module
from ds2np.ctc.semiring import BestPath, Logs, Probabilities
from ds2np.layers.running_sums import running_sums

IN_CACHE = 100_000  # numbers, about: the CPU's cache holds a few arrays of them
RESCALE_EVERY = 24  # frames
# With probabilities, numbers below 1e-308 are lost. No alpha or beta is above 1e152, PEAK times the
# largest growth between two rescalings, 3 a frame; so the paths lost with a number sum to 1e-156.
# Where all paths through each frame sum to 1e-140, a million such losses are no 1e10th part.
LEAST_SUM = np.log(1e-140)


@dataclass
class PathSums:
    """The sums over the paths of each utterance, as numbers of a semiring.

    Attributes
    ----------
    semiring : Probabilities, Logs or BestPath
    alpha, beta : ndarray of shape (T, S, N)
    log_scale : ndarray of shape (T, N)
        log of the factor that alpha_t(s) beta_t(s) lacks.
    log_p : ndarray of shape (N,)
        log p; -inf if there is no path.
    """

    semiring: Probabilities | Logs | BestPath
    alpha: np.ndarray
    beta: np.ndarray
    log_scale: np.ndarray
    log_p: np.ndarray

    def posterior(self, frames):
        """Return gamma of a slice of the frames, (T, S, N)."""
        joint = self.semiring.times(self.alpha[frames], self.beta[frames])
        log_factor = self.log_scale[frames] - self.log_p
        return self.semiring.to_probabilities(joint, log_factor[:, None])

    def are_exact(self, lattice):
        """Check that no path of any weight was lost because probabilities became too small."""
        xp = get_array_module(self.log_p)
        counts = (np.arange(len(self.log_scale))[:, None] < lattice.frames) & lattice.fits
        through = xp.where(xp.asarray(counts), self.log_p - self.log_scale, 0)
        return not bool((through < LEAST_SUM).any())


def blocks(count, numbers, least=8):
    """Return slices of frames (or whatever is counted) of which each has so many numbers.

    Together they have about `IN_CACHE` numbers, but there are at least some in a slice.
    """
    size = max(least, IN_CACHE // max(numbers, 1))
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def recurse(logits, peaks, lattice, semiring):
    """Compute alpha and beta of all frames, in float64.

    With states and frames reversed, beta has the recursion of alpha, so both run at once along an
    axis of size 2.

    Parameters
    ----------
    logits : ndarray of shape (N, T, V)
    peaks : ndarray of shape (N, T)
        A number for each frame, such as its largest logit: the emissions are e^(logit - peak),
        and 1 on padding, whatever it holds.
    lattice : Lattice
    semiring : Probabilities, Logs or BestPath

    Returns
    -------
    PathSums
    """
    xp = get_array_module(logits)
    (N, T, _), S = logits.shape, len(lattice.real)
    # Row t + 1 first holds the emissions of frame t and, states reversed, of frame T - 1 - t; then
    # alpha, and beta times emission. Two extra states precede the first, one of them the start.
    rows = xp.empty((T + 1, 2, S + 2, N))
    rows[0], rows[:, :, :2] = semiring.zero, semiring.zero
    some = blocks(T, N * S)
    for t in some:
        y = _emissions(logits[:, t], peaks[:, t], lattice, semiring)
        for n in np.flatnonzero(lattice.frames < t.stop):
            y[max(lattice.frames[n] - t.start, 0) :, :, n] = semiring.one
        rows[t.start + 1 : t.stop + 1, 0, 2:] = y
        rows[T + 1 - t.stop : T + 1 - t.start, 1, 2:] = y[::-1, ::-1]
    skip = xp.asarray(_skips(lattice, semiring))
    log_scale = _walk(rows, skip, lattice, semiring)
    # p = alpha of the last blank + alpha of the last label
    frames, states, n = xp.asarray(lattice.frames), xp.asarray(lattice.states), xp.arange(N)
    p = semiring.plus(rows[frames, 0, states + 1, n], rows[frames, 0, states, n], None)
    log_p = semiring.to_logs(p) + log_scale[frames, 0, n]
    # beta without its emission: once more the sum over the states of the row before.
    for t in reversed(some):
        before = rows[t, 1]
        new = semiring.times(before[:, :-2], skip[1, 2:], None)
        new = semiring.plus(new, before[:, 1:-1], new)
        rows[t.start + 1 : t.stop + 1, 1, 2:] = semiring.plus(new, before[:, 2:], new)
    alpha, beta = rows[1:, 0, 2:], rows[:0:-1, 1, :1:-1]
    return PathSums(semiring, alpha, beta, log_scale[1:, 0] + log_scale[:T, 1][::-1], log_p)


def _emissions(logits, peaks, lattice, semiring):
    """Return the emissions of some frames as numbers of the semiring, (T, S, N)."""
    peaks = peaks.astype(np.float64)
    if len(lattice.real) < logits.shape[2]:  # fewer exponentials
        y = lattice.take(logits) - peaks.T[:, None]
        return lattice.close(semiring.from_logs(y, y), semiring.zero)
    y = logits - peaks[:, :, None]
    return lattice.emissions(semiring.from_logs(y, y), semiring.zero)


def _skips(lattice, semiring):
    """Return one where a state may be entered from two before, else zero, (2, S + 2, N)."""
    S, N = lattice.skip.shape
    one = np.where(lattice.skip, semiring.one, semiring.zero)
    skip = np.full((2, S + 2, N), semiring.zero)
    skip[0, 2:], skip[1, 4:] = one, one[:1:-1]  # beta skips from s to s + 2
    # A path may start with the first label, and end with the last.
    skip[0, 3:4] = skip[1, np.minimum(S + 3 - lattice.states, S + 1), np.arange(N)] = semiring.one
    return skip


def _walk(rows, skip, lattice, semiring):
    """Walk along the frames in both directions at once; return the log scales, (T + 1, 2, N)."""
    xp = get_array_module(rows)
    T, _, end, N = rows.shape[0] - 1, *rows.shape[1:]
    rows[0, 0, 1] = semiring.one
    last_frames = {T - frames: lattice.frames == frames for frames in lattice.frames.tolist()}
    stops = sorted({*range(0, T, RESCALE_EVERY), *last_frames, T})
    # The states s, s - 1 and s - 2 of both directions are three views of one flat array.
    flat, skip = rows.reshape(T + 1, -1), skip.ravel()[2 * N :]
    steps = zip(flat[:, : -2 * N], flat[:, N:-N], flat[1:, 2 * N :], strict=False)
    stay, new = flat[0, 2 * N :], xp.empty_like(skip)
    times, plus = semiring.times, semiring.plus
    divisors = xp.ones((1 + T // RESCALE_EVERY, 2, N))
    for first, last in pairwise(stops):
        if first in last_frames:  # of some utterances: their beta starts
            n = np.flatnonzero(last_frames[first])
            start = end - 1 - lattice.states[n]
            rows[first, 1, xp.asarray(start), xp.asarray(n)] = semiring.one
        for two_before, step, now in islice(steps, last - first):
            # alpha_t(s) = (alpha_{t-1}(s) + alpha_{t-1}(s-1) + [skip] alpha_{t-1}(s-2)) y_t(s)
            times(two_before, skip, new)
            plus(new, step, new)
            plus(new, stay, new)
            stay = times(new, now, now)
        if last % RESCALE_EVERY == 0:
            divisors[last // RESCALE_EVERY] = semiring.rescale(rows[last])
    sums = running_sums(xp.log(divisors).reshape(1, -1, 2 * N)).reshape(divisors.shape)
    return xp.repeat(sums, RESCALE_EVERY, axis=0)[: T + 1]
