"""The CTC loss and its gradient. Chapter 05 derives both, chapter 12 runs them on a GPU."""

import itertools

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
        Beside the logits it is the only array of their size.

    Raises
    ------
    ValueError
        If types, shapes or lengths are wrong, or a label is the blank or not a symbol.
    """
    logits, *given, blank = check_batch(logits, labels, input_lengths, label_lengths, blank)
    xp = get_array_module(logits)
    if is_on_gpu(logits) and fits_kernel(logits, given[0]):
        return ctc_by_kernel(logits, *given, blank)
    dlogits = xp.empty(logits.shape, logits.dtype)
    loss = _solve(logits, given, blank, dlogits)
    dlogits[~xp.isfinite(loss)] = 0
    return loss, zero_padding(dlogits, given[1], in_place=True)


def ctc_loss_only(logits, labels, input_lengths, label_lengths, blank=0):
    """Compute the loss of `ctc_loss` without its gradient, for evaluation.

    Takes the same arguments. No further array of the logits' size is made.
    """
    logits, *given, blank = check_batch(logits, labels, input_lengths, label_lengths, blank)
    if is_on_gpu(logits) and fits_kernel(logits, given[0]):
        return ctc_by_kernel(logits, *given, blank, gradient=False)[0]
    return _solve(logits, given, blank)


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
            of_n = [a[n] for a in given]
            _, sums = _sum_paths(logits[n], logits[n].max(axis=2), *of_n, blank)
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


def _solve(logits, given, blank, dlogits=None):
    """Return the losses, group by group; write the gradient to dlogits, if given."""
    loss = get_array_module(logits).empty(len(logits), logits.dtype)
    with np.errstate(**EXPECTED):
        for n in _groups(logits, given[0]):
            of_n = [a[n] for a in given]
            loss[n] = _solve_group(logits[n], *of_n, blank, None if dlogits is None else dlogits[n])
    return loss


def _solve_group(logits, labels, frames, label_lengths, blank, dlogits):
    """Return the losses of a group, (N,); write its gradient to dlogits, if given."""
    xp = get_array_module(logits)
    peaks, log_norms = _softmax(logits, dlogits)
    lattice, sums = _sum_paths(logits, peaks, labels, frames, label_lengths, blank)
    if dlogits is not None:
        _subtract_posterior(dlogits, lattice, sums)
    real = length_mask(frames, logits.shape[1], logits) > 0
    return xp.where(real, log_norms, 0).sum(axis=1, dtype=np.float64) - sums.log_p


def _softmax(logits, out):
    """Write the softmax y_t(v) to out (N, T, V), if given.

    Returns the peaks and the logs of the norms, (N, T): y_t(v) = e^(logit - peak) / norm.
    """
    xp, (N, T, V) = get_array_module(logits), logits.shape
    peaks, norms = xp.empty((N, T), logits.dtype), xp.empty((N, T), logits.dtype)
    for part in itertools.product(blocks(N, T * V, least=1), blocks(T, V)):
        peaks[part] = logits[part].max(axis=2)
        y = None if out is None else out[part]
        y = xp.subtract(logits[part], peaks[part][:, :, None], out=y)
        norms[part] = xp.exp(y, out=y).sum(axis=2)
        if out is not None:
            y /= norms[part][:, :, None]
    return peaks, xp.log(norms)


def _sum_paths(logits, peaks, labels, frames, label_lengths, blank):
    """Run the recursion for a group; return the lattice and `PathSums`.

    They end with the last frame and the last label of the group.
    """
    xp, T = get_array_module(logits), frames.max()
    lattice = Lattice(labels[:, : label_lengths.max()], frames, label_lengths, blank)
    sums = recurse(logits[:, :T], peaks[:, :T], lattice, Probabilities(xp))
    if not sums.are_exact(lattice):
        del sums  # its memory
        sums = recurse(logits[:, :T], peaks[:, :T], lattice, Logs(xp))
    return lattice, sums


def _subtract_posterior(dlogits, lattice, sums):
    """Turn the softmax into the gradient, in place; the work does not grow with V.

    dlogits_t(v) = y_t(v) - sum of gamma_t(s) over the states s with symbol v
    """
    on_cpu = get_array_module(dlogits) is np
    subtract = _subtract_sorted if on_cpu else _subtract_by_product
    places = lattice.sort_by_symbol() if on_cpu else lattice.symbol_table(dlogits)
    for t in blocks(len(sums.alpha), lattice.real.size):
        subtract(dlogits[:, t], sums.posterior(t), places)


def _subtract_sorted(y, gamma, places):
    """Subtract gamma (T, S, N), summed by symbol, from y (N, T, V), on the CPU."""
    order, starts, n, symbols = places  # see `Lattice.sort_by_symbol`
    gamma = gamma.reshape(len(gamma), -1).take(order, axis=1)
    y[n, :, symbols] -= np.add.reduceat(gamma, starts, axis=1).T


def _subtract_by_product(y, gamma, places):
    """Do the same on a GPU; CuPy's reduceat is built on its cumsum, see `running_sums`."""
    table, n, column, symbols = places  # see `Lattice.symbol_table`
    sums = gamma.transpose(2, 0, 1) @ table  # (N, T, D)
    y[n, :, symbols] -= sums[n, :, column].astype(y.dtype)
