"""The CTC loss, summed over all alignments of a transcript, and its gradient."""

import numpy as np

from ds2np.backend import get_array_module, to_cpu
from ds2np.ctc.lattice import Lattice, recurse
from ds2np.kernels.ctc import ctc_by_kernel, fits_kernel
from ds2np.layers.padding import length_mask, zero_padding
from ds2np.layers.softmax import log_softmax

# Numbers of the posterior that are computed together, so that they stay in the cache.
IN_CACHE = 100_000


def ctc_loss(logits, labels, input_lengths, label_lengths, blank=0):
    """Compute the CTC loss of each utterance and its gradient by the logits.

    Takes logits: the softmax belongs to the loss, and its gradient is folded in.

    Parameters
    ----------
    logits : ndarray of shape (N, T, V)
        Unnormalised scores of the V symbols in each frame.
    labels : ndarray of int of shape (N, L)
        Transcripts, padded with anything.
    input_lengths, label_lengths : ndarray of int of shape (N,)
        Real frames and real labels of each utterance.
    blank : int
        The symbol that stands for "no character".

    Returns
    -------
    loss : ndarray of shape (N,)
        Negative natural logarithm of the probability of the transcript; inf where its labels, and
        blanks between equal ones, outnumber the frames.
    dlogits : ndarray of shape (N, T, V)
        Gradient of the sum of the losses; exactly 0 on padding and where the loss is inf.

    Raises
    ------
    ValueError
        If shapes or lengths do not fit together, or a label is no symbol or the blank.
    """
    xp = get_array_module(logits)
    log_probs, *given = _prepare(logits, labels, input_lengths, label_lengths, blank)
    if xp is not np and fits_kernel(logits, given[0]):
        return ctc_by_kernel(log_probs, *given, blank)
    loss, counts, lattice, rows = _solve(log_probs, *given, blank)
    one_hot = lattice.one_hot(logits.shape[2], logits)  # (N, S, V)
    dlogits = xp.exp(log_probs)
    block = max(1, IN_CACHE // max(lattice.real.size, 1))
    for first in range(0, logits.shape[1], block):
        frames = slice(first, first + block)
        dlogits[:, frames] -= lattice.posterior(*(of_all[frames] for of_all in rows)) @ one_hot
    return loss, xp.where(counts, dlogits, dlogits.dtype.type(0))


def state_posterior(logits, labels, input_lengths, label_lengths, blank=0):
    """Tell how probable each state of the transcript is in each frame, over all alignments.

    For pictures: it is what CTC believes about where the characters are. State 2i + 1 is label i,
    the even ones are the blanks around them.

    Parameters
    ----------
    logits, labels, input_lengths, label_lengths, blank
        As for `ctc_loss`.

    Returns
    -------
    ndarray of shape (N, T, 2 * L + 1)
        Sums to 1 in each real frame; 0 in padding, and where the transcript does not fit.
    """
    given = _prepare(logits, labels, input_lengths, label_lengths, blank)
    _, counts, lattice, rows = _solve(*given, blank)
    return lattice.posterior(*rows) * counts


def _prepare(logits, labels, input_lengths, label_lengths, blank):
    """Check a batch; return log probabilities, and the numbers of it in main memory."""
    given = [np.asarray(to_cpu(a)) for a in (labels, input_lengths, label_lengths)]
    check_ctc(logits, *given, blank)
    return log_softmax(zero_padding(logits, given[1])), *given


def _solve(log_probs, labels, input_lengths, label_lengths, blank):
    """Run alpha and beta.

    Returns
    -------
    loss : ndarray of shape (N,)
    counts : ndarray of bool of shape (N, T, 1)
        Which frames have a gradient: neither padding nor of a transcript that does not fit.
    lattice : Lattice
    rows : tuple of three ndarray of shape (T, S, N)
        Alpha, beta and emissions.
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
    """Refuse what does not fit together, before any arithmetic."""
    if logits.ndim != 3 or logits.dtype.kind != "f":
        raise ValueError(
            f"logits are {logits.dtype} of shape {logits.shape}; needed are floats (N, T, V)"
        )
    N, T, V = logits.shape
    if labels.ndim != 2 or labels.shape[0] != N or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels are {labels.dtype} of shape {labels.shape}; needed are integers ({N}, L)"
        )
    if not 0 <= blank < V:
        raise ValueError(f"blank is {blank}; it has to be one of the {V} symbols")
    for name, lengths, most in (
        ("input_lengths", input_lengths, T),
        ("label_lengths", label_lengths, labels.shape[1]),
    ):
        if lengths.shape != (N,) or lengths.dtype.kind not in "iu":
            raise ValueError(
                f"{name} are {lengths.dtype} of shape {lengths.shape}; needed are integers ({N},)"
            )
        if N and not (lengths.min() >= 0 and lengths.max() <= most):
            raise ValueError(f"{name} are {lengths.tolist()}; they have to lie within 0 and {most}")
    real = np.arange(labels.shape[1]) < label_lengths[:, None]
    wrong = real & ((labels < 0) | (labels >= V) | (labels == blank))
    if wrong.any():
        n, place = np.argwhere(wrong)[0]
        raise ValueError(
            f"label {place} of utterance {n} is {labels[n, place]}; "
            f"it has to be a symbol from 0 to {V - 1} other than the blank, {blank}"
        )
