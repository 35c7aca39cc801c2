"""The CTC loss and its gradient. Chapter 05 derives both, chapter 12 runs them on a GPU."""

import numpy as np

from ds2np.backend import get_array_module, is_on_gpu
from ds2np.ctc.arguments import check_batch
from ds2np.ctc.lattice import Lattice
from ds2np.ctc.recursion import blocks, recurse
from ds2np.ctc.semiring import Logs, Probabilities
from ds2np.kernels.ctc import ctc_by_kernel, fits_kernel
from ds2np.layers.padding import length_mask, zero_padding

# Utterances run through the recursion in groups of about this many states: with fewer, the calls of
# NumPy take longer than their arithmetic; more take memory.
GROUP_STATES = 2048
# What NumPy need not warn of: no path, or logits that have no softmax.
EXPECTED = {"divide": "ignore", "over": "ignore", "invalid": "ignore"}


def ctc_loss(logits, labels, input_lengths, label_lengths, blank=0):
    """Compute the CTC loss of each utterance and its gradient with respect to the logits.

    Parameters
    ----------
    logits : ndarray of float32 or float64 of shape (N, T, V)
        The softmax belongs to the loss, and its gradient is included. -inf makes a symbol
        impossible.
    labels : ndarray of int of shape (N, L)
        Transcripts, with any padding.
    input_lengths, label_lengths : ndarray of int of shape (N,)
        Real frames and real labels of each utterance.
    blank : int

    Returns
    -------
    loss : ndarray of shape (N,)
        -log p(transcript), natural logarithm. It is inf where p is 0: the transcript needs more
        frames than there are (see `min_frames`), or all its paths use impossible symbols. It is nan
        where the logits of a real frame have no softmax: one is nan or inf, or all are -inf.
    dlogits : ndarray of shape (N, T, V)
        Gradient of the sum of the losses; exactly 0 on padding and where the loss is inf or nan.

    Raises
    ------
    ValueError
        If types, shapes or lengths are wrong, or a label is the blank or not a symbol.
    """
    logits, *given, blank = check_batch(logits, labels, input_lengths, label_lengths, blank)
    xp = get_array_module(logits)
    if is_on_gpu(logits) and fits_kernel(logits, given[0]):
        return ctc_by_kernel(logits, *given, blank)
    loss, dlogits = xp.empty(len(logits), logits.dtype), xp.empty(logits.shape, logits.dtype)
    with np.errstate(**EXPECTED):
        for n in _groups(logits, given[0]):
            loss[n] = _solve_group(logits[n], *(a[n] for a in given), blank, dlogits[n])
    dlogits[~xp.isfinite(loss)] = 0
    return loss, zero_padding(dlogits, given[1], in_place=True)


def state_posterior(logits, labels, input_lengths, label_lengths, blank=0):
    """Compute the posterior gamma (N, T, 2 * L + 1) of each state, given the transcript.

    Takes the arguments of `ctc_loss`. State 2i + 1 is label i; even states are blanks. The
    posterior sums to 1 in each real frame; it is 0 on padding and where the loss is inf or nan.
    Made for figures.
    """
    logits, *given, blank = check_batch(logits, labels, input_lengths, label_lengths, blank)
    N, T, _ = logits.shape
    xp = get_array_module(logits)
    gamma = xp.zeros((N, T, 2 * given[0].shape[1] + 1), logits.dtype)
    with np.errstate(**EXPECTED):
        for n in _groups(logits, given[0]):
            *_, sums = _sum_paths(logits[n], *(a[n] for a in given), blank)
            of_group = sums.posterior(slice(None)).transpose(2, 0, 1)
            gamma[n, : of_group.shape[1], : of_group.shape[2]] = of_group
    zero_padding(gamma, given[1], in_place=True)
    gamma[~xp.isfinite(gamma).all(axis=(1, 2))] = 0
    return gamma


def _groups(logits, labels):
    """Return slices of the utterances, about equal; on a GPU a single one."""
    N, on_gpu = len(logits), is_on_gpu(logits)
    count = 1 if on_gpu else -(-N * (2 * labels.shape[1] + 1) // GROUP_STATES)
    size = max(1, -(-N // max(count, 1)))
    return [slice(first, first + size) for first in range(0, N, size)]


def _sum_paths(logits, labels, frames, label_lengths, blank):
    """Run the recursion for a group; return logits, their peaks (N, T), lattice and `PathSums`.

    The logits returned end with the last frame of the group, and are 0 on padding.
    """
    xp = get_array_module(logits)
    logits = zero_padding(logits[:, : frames.max()], frames)
    peaks = logits.max(axis=2)
    lattice = Lattice(labels[:, : label_lengths.max()], frames, label_lengths, blank)
    sums = recurse(logits, peaks, lattice, Probabilities(xp))
    if not sums.are_exact(lattice):
        del sums  # its memory
        sums = recurse(logits, peaks, lattice, Logs(xp))
    return logits, peaks, lattice, sums


def _solve_group(logits, labels, frames, label_lengths, blank, dlogits):
    """Return the losses of a group, (N,); write its gradient to dlogits."""
    logits, peaks, lattice, sums = _sum_paths(logits, labels, frames, label_lengths, blank)
    xp = get_array_module(logits)
    N, T, V = logits.shape
    real = length_mask(frames, T, logits) > 0
    subtract = _subtract_sorted if xp is np else _subtract_by_product
    places = lattice.sort_by_symbol() if xp is np else xp.asarray(lattice.symbols.T)
    log_norm = xp.zeros(N)
    for t in blocks(T, N * max(len(lattice.real), V)):
        y = logits[:, t] - peaks[:, t, None]
        norm = xp.exp(y, out=y).sum(axis=2)
        y /= norm[:, :, None]  # y_t(v): the softmax
        log_norm += xp.where(real[:, t], xp.log(norm), 0).sum(axis=1, dtype=np.float64)
        # dlogits_t(v) = y_t(v) - sum of gamma_t(s) over the states s with symbol v
        subtract(y, sums.posterior(t), places)
        dlogits[:, t] = y
    return log_norm - sums.log_p


def _subtract_sorted(y, gamma, places):
    """Subtract gamma (T, S, N), summed by symbol, from y (N, T, V), on the CPU."""
    order, starts, n, symbols = places  # see `Lattice.sort_by_symbol`
    gamma = gamma.reshape(len(gamma), -1).take(order, axis=1)
    y[n, :, symbols] -= np.add.reduceat(gamma, starts, axis=1).T


def _subtract_by_product(y, gamma, symbols):
    """Do the same on a GPU; CuPy's reduceat is built on its cumsum, see `running_sums`."""
    xp = get_array_module(y)
    one_hot = (symbols[:, :, None] == xp.arange(y.shape[2])).astype(gamma.dtype)  # (N, S, V)
    y -= (gamma.transpose(2, 0, 1) @ one_hot).astype(y.dtype)
