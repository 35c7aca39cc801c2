"""The CTC loss and its gradient. Chapter 05 derives both, chapter 12 runs them on a GPU."""

import numpy as np

from ds2np.backend import get_array_module, to_cpu
from ds2np.ctc.lattice import Lattice, recurse
from ds2np.kernels.ctc import ctc_by_kernel, fits_kernel
from ds2np.layers.padding import length_mask, zero_padding
from ds2np.layers.softmax import log_softmax

# The posterior is computed in blocks of this many numbers, which fit into the CPU's cache.
IN_CACHE = 100_000


def ctc_loss(logits, labels, input_lengths, label_lengths, blank=0):
    """Compute the CTC loss of each utterance and its gradient with respect to the logits.

    Parameters
    ----------
    logits : ndarray of shape (N, T, V)
        The softmax belongs to the loss, and its gradient is included.
    labels : ndarray of int of shape (N, L)
        Transcripts, with any padding.
    input_lengths, label_lengths : ndarray of int of shape (N,)
        Real frames and real labels of each utterance.
    blank : int

    Returns
    -------
    loss : ndarray of shape (N,)
        -log p(transcript), natural logarithm; inf where the transcript needs more frames than there
        are (see `min_frames`).
    dlogits : ndarray of shape (N, T, V)
        Gradient of the sum of the losses; exactly 0 on padding and where the loss is inf.

    Raises
    ------
    ValueError
        If shapes or lengths are inconsistent, or a label is the blank or not a symbol.
    """
    xp = get_array_module(logits)
    log_probs, *given = _prepare(logits, labels, input_lengths, label_lengths, blank)
    if xp is not np and fits_kernel(logits, given[0]):
        return ctc_by_kernel(log_probs, *given, blank)
    loss, counts, lattice, rows = _solve(log_probs, *given, blank)
    one_hot = lattice.one_hot(logits.shape[2], logits)  # (N, S, V)
    dlogits = xp.exp(log_probs)  # y_t(v): the softmax
    block = max(1, IN_CACHE // max(lattice.real.size, 1))
    for first in range(0, logits.shape[1], block):
        frames = slice(first, first + block)
        # dlogits_t(v) = y_t(v) - sum of gamma_t(s) over the states s with symbol v
        dlogits[:, frames] -= lattice.posterior(*(of_all[frames] for of_all in rows)) @ one_hot
    return loss, xp.where(counts, dlogits, dlogits.dtype.type(0))


def state_posterior(logits, labels, input_lengths, label_lengths, blank=0):
    """Compute the posterior gamma (N, T, 2 * L + 1) of each state, given the transcript.

    Takes the arguments of `ctc_loss`. State 2i + 1 is label i; even states are blanks. The
    posterior sums to 1 in each real frame; it is 0 on padding and where the transcript does not
    fit. Made for figures.
    """
    given = _prepare(logits, labels, input_lengths, label_lengths, blank)
    _, counts, lattice, rows = _solve(*given, blank)
    return lattice.posterior(*rows) * counts


def _prepare(logits, labels, input_lengths, label_lengths, blank):
    """Check a batch; return log-probabilities, and labels and lengths as NumPy arrays."""
    given = [np.asarray(to_cpu(a)) for a in (labels, input_lengths, label_lengths)]
    check_ctc(logits, *given, blank)
    return log_softmax(zero_padding(logits, given[1])), *given


def _solve(log_probs, labels, input_lengths, label_lengths, blank):
    """Run forward-backward; return loss (N,), which frames count (N, T, 1), lattice and rows.

    Frames of padding, or of a transcript that does not fit, do not count: they have no gradient.
    The rows are alpha, beta and emissions, each (T, S, N).
    """
    xp = get_array_module(log_probs)
    lattice = Lattice(labels, input_lengths, label_lengths, blank)
    emissions = lattice.emissions(log_probs)
    alpha, beta, offsets = recurse(emissions, lattice)
    loss = lattice.loss(alpha, offsets, emissions)
    real = length_mask(input_lengths, log_probs.shape[1], log_probs) > 0
    counts = real & xp.isfinite(loss)[:, None]
    return loss.astype(log_probs.dtype), counts[:, :, None], lattice, (alpha, beta, emissions)


def check_ctc(logits, labels, input_lengths, label_lengths, blank):
    """Raise a ValueError if the arguments of `ctc_loss`, all but logits in NumPy, are wrong."""
    if logits.ndim != 3 or logits.dtype.kind != "f":
        raise ValueError(
            f"logits: expected floats of shape (N, T, V), got {logits.dtype} {logits.shape}"
        )
    N, T, V = logits.shape
    if labels.ndim != 2 or labels.shape[0] != N or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels: expected integers of shape ({N}, L), got {labels.dtype} {labels.shape}"
        )
    if not 0 <= blank < V:
        raise ValueError(f"blank is {blank}, expected a symbol from 0 to {V - 1}")
    for name, lengths, most in (
        ("input_lengths", input_lengths, T),
        ("label_lengths", label_lengths, labels.shape[1]),
    ):
        if lengths.shape != (N,) or lengths.dtype.kind not in "iu":
            raise ValueError(
                f"{name}: expected integers of shape ({N},), got {lengths.dtype} {lengths.shape}"
            )
        if N and not (lengths.min() >= 0 and lengths.max() <= most):
            raise ValueError(f"{name} are {lengths.tolist()}, expected values from 0 to {most}")
    real = np.arange(labels.shape[1]) < label_lengths[:, None]
    wrong = real & ((labels < 0) | (labels >= V) | (labels == blank))
    if wrong.any():
        n, place = np.argwhere(wrong)[0]
        raise ValueError(
            f"label {place} of utterance {n} is {labels[n, place]}, "
            f"expected a symbol from 0 to {V - 1} other than the blank, {blank}"
        )
