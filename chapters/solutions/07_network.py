"""Solutions of the exercises of chapter 07, the whole network."""

import numpy as np


def out_lengths(lengths, convolutions):
    """Count the frames behind a stack of convolutions, each given as (kernel, stride, padding)."""
    lengths = np.asarray(lengths)
    for kernel, stride, padding in convolutions:
        lengths = np.maximum((lengths + 2 * padding - kernel) // stride + 1, 0)
    return lengths


def stack_backward(dout, layers):
    """Run the layers backward, the last one first; gather their gradients under full names."""
    grads = {}
    for name, backward in reversed(layers.items()):
        dout, own = backward(dout)
        grads.update({f"{name}.{param}": grad for param, grad in own.items()})
    return dout, grads


def greedy_decode(log_probs, lengths, characters):
    """Read the best symbol of each real frame; merge repeats, then drop blanks."""
    texts = []
    for scores, length in zip(log_probs, lengths, strict=True):
        path = scores[:length].argmax(axis=1)
        before = np.concatenate([[0], path[:-1]])[: len(path)]
        labels = path[(path != before) & (path != 0)]
        texts.append(" ".join("".join(characters[k - 1] for k in labels).split()))
    return texts
