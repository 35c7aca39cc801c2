"""Solutions of the exercises of chapter 05, CTC."""

import numpy as np


def min_frames(labels):
    """Count labels, and a blank between equal neighbours."""
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))


def extend(labels):
    """Put a blank before, between and after the labels."""
    states = np.zeros(2 * len(labels) + 1, int)
    states[1::2] = labels
    return states


def may_skip(states):
    """Tell which states may be entered from the one before the last."""
    skip = np.zeros(len(states), bool)
    skip[2:] = (states[2:] != 0) & (states[2:] != states[:-2])
    return skip


def ctc_alpha(log_probs, labels):
    """Sum all ways into each state, its own frame included: (T, S)."""
    states = extend(labels)
    skip = may_skip(states)
    log_alpha = np.full((len(log_probs), len(states)), -np.inf)
    log_alpha[0, :2] = log_probs[0, states[:2]]
    for t in range(1, len(log_probs)):
        before = log_alpha[t - 1]
        ways = before.copy()
        ways[1:] = np.logaddexp(ways[1:], before[:-1])
        ways[2:] = np.where(skip[2:], np.logaddexp(ways[2:], before[:-2]), ways[2:])
        log_alpha[t] = ways + log_probs[t, states]
    return log_alpha


def ctc_beta(log_probs, labels):
    """Sum all ways to finish from each state, its own frame left out: (T, S)."""
    states = extend(labels)
    skip = may_skip(states)
    T = len(log_probs)
    log_beta = np.full((T, len(states)), -np.inf)
    log_beta[T - 1, -2:] = 0.0
    for t in reversed(range(T - 1)):
        after = log_beta[t + 1] + log_probs[t + 1, states]  # being there, and going on
        ways = after.copy()
        ways[:-1] = np.logaddexp(ways[:-1], after[1:])
        ways[:-2] = np.where(skip[2:], np.logaddexp(ways[:-2], after[2:]), ways[:-2])
        log_beta[t] = ways
    return log_beta


def ctc_logit_gradient(log_probs, posterior, labels):
    """Take from each symbol's softmax the probability of its states: (T, V)."""
    gradient = np.exp(log_probs)
    for s, symbol in enumerate(extend(labels)):  # a symbol may have several states
        gradient[:, symbol] -= posterior[:, s]
    return gradient


def ctc_loss(logits, labels, input_lengths, label_lengths, blank=0):
    """Compute loss and gradient, utterance by utterance, over real frames and labels only."""
    if blank != 0:  # let the blank and symbol 0 change places, here and in the gradient
        places = np.arange(logits.shape[2])
        places[[0, blank]] = blank, 0
        swapped = logits[:, :, places], places[labels]
        loss, dlogits = ctc_loss(*swapped, input_lengths, label_lengths)
        return loss, dlogits[:, :, places]
    loss = np.zeros(len(logits), logits.dtype)
    dlogits = np.zeros_like(logits)
    for n, (T, L) in enumerate(zip(input_lengths, label_lengths, strict=True)):
        transcript = np.asarray(labels[n, :L])
        if min_frames(transcript) > T:
            loss[n] = np.inf
            continue
        if T == 0:
            continue
        x = logits[n, :T]
        peak = x.max(axis=1, keepdims=True)
        log_probs = x - peak - np.log(np.exp(x - peak).sum(axis=1, keepdims=True))
        joint = ctc_alpha(log_probs, transcript) + ctc_beta(log_probs, transcript)
        total = np.logaddexp.reduce(joint, axis=1, keepdims=True)  # the same in each frame
        loss[n] = -total[0, 0]
        dlogits[n, :T] = ctc_logit_gradient(log_probs, np.exp(joint - total), transcript)
    return loss, dlogits
