"""Mistakes that are easily made in the exercises of chapter 05."""

import importlib.util

import numpy as np

from ds2np.learn.book import FOLDER

_spec = importlib.util.spec_from_file_location("right", FOLDER / "solutions" / "05_ctc.py")
right = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(right)


def counts_all_pairs(labels):
    return len(labels) + len(labels) - len(set(labels.tolist()))


def beta(log_probs, labels, skips=True, own_frame=False, last=slice(-2, None), labels_too=True):
    states = right.extend(labels)
    skip = right.may_skip(states) if skips else np.zeros(len(states), bool)
    if not labels_too:
        skip = np.ones(len(states), bool)
    log_beta = np.full((len(log_probs), len(states)), -np.inf)
    log_beta[-1, last] = log_probs[-1, states[last]] if own_frame else 0.0
    for t in reversed(range(len(log_probs) - 1)):
        after = log_beta[t + 1]
        if not own_frame:
            after = after + log_probs[t + 1, states]
        ways = after.copy()
        ways[:-1] = np.logaddexp(ways[:-1], after[1:])
        ways[:-2] = np.where(skip[2:], np.logaddexp(ways[:-2], after[2:]), ways[:-2])
        log_beta[t] = ways + (log_probs[t, states] if own_frame else 0)
    return log_beta


def in_probabilities(log_probs, labels):
    with np.errstate(all="ignore"):
        states, skip = right.extend(labels), right.may_skip(right.extend(labels))
        b = np.zeros((len(log_probs), len(states)), np.float32)
        b[-1, -2:] = 1
        for t in reversed(range(len(log_probs) - 1)):
            after = b[t + 1] * np.exp(log_probs[t + 1, states])
            b[t] = after
            b[t, :-1] += after[1:]
            b[t, :-2] += np.where(skip[2:], after[2:], 0)
        return np.log(b)


def last_state_wins(log_probs, posterior, labels):
    counts = np.zeros_like(log_probs)
    counts[:, right.extend(labels)] = posterior  # one of several equal symbols stays
    return np.exp(log_probs) - counts


def ctc(logits, labels, input_lengths, label_lengths, blank=0):
    """Compute it in the padding, too, and let nan and inf be what they are."""
    T = np.full(len(logits), logits.shape[1])
    return right.ctc_loss(logits, labels, T, label_lengths)


def mean_over_frames(logits, labels, input_lengths, label_lengths, blank=0):
    loss, dlogits = right.ctc_loss(logits, labels, input_lengths, label_lengths)
    return loss / input_lengths, dlogits / input_lengths[:, None, None]


def no_fitting(logits, labels, input_lengths, label_lengths, blank=0):
    loss, dlogits = right.ctc_loss(logits, labels, input_lengths, label_lengths)
    return np.where(np.isinf(loss), 0, loss), dlogits


def without_shift(logits, labels, input_lengths, label_lengths, blank=0, whole=False):
    with np.errstate(all="ignore"):
        peak = np.nanmax(logits, axis=(1, 2), keepdims=True) if whole else 0
        sums = np.exp(logits - peak).sum(axis=2, keepdims=True)
        return right.ctc_loss(
            logits - peak - np.log(sums), labels, input_lengths, label_lengths, blank
        )


WRONG = {
    "05.1": {
        "forgets the blank between equal neighbours": len,
        "counts the states of the lattice": lambda labels: 2 * len(labels) + 1,
        "counts equal labels anywhere": counts_all_pairs,
    },
    "05.2": {
        "never skips a blank": lambda p, labels: beta(p, labels, skips=False),
        "skips between equal labels, and from blank to blank": lambda p, labels: beta(
            p, labels, labels_too=False
        ),
        "counts the own frame, too": lambda p, labels: beta(p, labels, own_frame=True),
        "may end in the last blank only": lambda p, labels: beta(p, labels, last=slice(-1, None)),
        "is alpha": right.ctc_alpha,
        "computes with probabilities, which underflow": in_probabilities,
    },
    "05.3": {
        "forgets that a symbol may have several states": last_state_wins,
        "has the sign of the log likelihood": lambda *a: -right.ctc_logit_gradient(*a),
        "is the gradient by the probabilities' logarithm": lambda p, q, labels: (
            right.ctc_logit_gradient(p, q, labels) - np.exp(p)
        ),
    },
    "05.4": {
        "does not shift the largest logit to 0": without_shift,
        "shifts by the largest logit of the utterance": lambda *a: without_shift(*a, whole=True),
        "ignores which symbol is the blank": lambda logits, labels, T, L, blank=0: right.ctc_loss(
            logits, labels, T, L
        ),
        "computes padding": ctc,
        "averages over frames": mean_over_frames,
        "calls a transcript that does not fit learned": no_fitting,
        "returns nothing": lambda *a: None,
    },
}
