"""The CTC loss, summed over all alignments of a transcript, and its gradient."""

import numpy as np

from ds2np.backend import get_array_module, to_cpu
from ds2np.ctc.lattice import Lattice, recurse
from ds2np.layers.padding import length_mask
from ds2np.layers.softmax import log_softmax


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
    loss, posterior, log_probs, lattice = _solve(
        logits, labels, input_lengths, label_lengths, blank
    )
    occupancy = posterior @ lattice.one_hot(logits.shape[2], logits)  # (N, T, V)
    counts = lattice.counts(logits)[:, :, None]
    return loss, xp.where(counts, xp.exp(log_probs) - occupancy, logits.dtype.type(0))


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
    _, posterior, _, lattice = _solve(logits, labels, input_lengths, label_lengths, blank)
    return posterior * lattice.counts(logits)[:, :, None]


def _solve(logits, labels, input_lengths, label_lengths, blank):
    """Run alpha and beta; return the loss, the states' posterior, log probabilities and lattice."""
    labels, input_lengths, label_lengths = (
        np.asarray(to_cpu(a)) for a in (labels, input_lengths, label_lengths)
    )
    check_ctc(logits, labels, input_lengths, label_lengths, blank)
    xp = get_array_module(logits)
    N, T, _ = logits.shape
    real = length_mask(input_lengths, T, logits)[:, :, None]
    log_probs = log_softmax(xp.where(real > 0, logits, logits.dtype.type(0)))
    lattice = Lattice(labels, input_lengths, label_lengths, blank)
    fits = xp.asarray(lattice.fits)
    if T == 0:
        loss, posterior = xp.zeros(N), xp.zeros((N, 0, lattice.real.shape[1]))
    else:
        emissions = lattice.emissions(log_probs)
        rows, shifts = recurse(emissions, xp.asarray(lattice.skip))
        loss = lattice.loss(rows, shifts, emissions)
        posterior = lattice.posterior(rows, emissions)
    loss = xp.where(fits, loss, np.inf).astype(logits.dtype)
    return loss, posterior.astype(logits.dtype, copy=False), log_probs, lattice


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
