"""What simple RNN and GRU share: input product, batch norm on it, and the two directions.

Paper, "Batch Normalization for Deep RNNs": h_t = f(B(W x_t) + U h_{t-1}). The term B(W x_t) does
not wait for the recurrence, so it is one large product for all frames, and batch normalisation sees
whole sequences. What is left for the loop over time is U h_{t-1} and f.

Both directions run side by side, as a leading axis of size B = 2. The backward direction reads each
utterance from its own last frame, so that padding always comes last and is never seen.
"""

import math

import numpy as np

from ds2np.backend import get_array_module, one_blas_thread
from ds2np.layers.base import Layer
from ds2np.layers.batchnorm import SeqBatchNorm
from ds2np.layers.linear import linear_backward, linear_forward
from ds2np.layers.padding import reverse_sequences, zero_padding


def orthogonal(rng, H, dtype):
    """Draw a random orthogonal matrix: it neither grows nor shrinks the state it multiplies."""
    q, r = np.linalg.qr(rng.standard_normal((H, H)))
    return (q * np.sign(np.diag(r))).astype(dtype)


class Recurrent(Layer):
    """A recurrent layer; its subclasses say what happens in one step.

    A subclass sets ``gates``, the number of H-sized blocks that one step takes, and defines
    ``recur_forward(a, U) -> (h, cache)`` and ``recur_backward(dh, cache) -> (da, dU)`` for a of
    shape (B, T, N, gates * H), U of shape (B, H, gates * H) and h of shape (B, T, N, H).

    Parameters
    ----------
    D, H : int
        Features of the input, and hidden units of each direction.
    rng : numpy.random.Generator
        Draws the initial weights: W uniform (Glorot and Bengio), U orthogonal.
    batchnorm : bool
        Normalise the input term (the paper's way); without it there is a bias b.
    bidirectional : bool
        Run over each utterance in both directions.
    share_input : bool
        Both directions use the same W (and gamma, beta or b), as in the paper.
    merge : {"sum", "concat"}
        How the outputs of two directions are put together; the paper sums them.
    dtype : dtype
    """

    gates = 1

    def __init__(
        self,
        D,
        H,
        rng,
        batchnorm=True,
        bidirectional=False,
        share_input=True,
        merge="sum",
        dtype=np.float32,
    ):
        super().__init__()
        if merge not in ("sum", "concat"):
            raise ValueError(f'merge is {merge!r}; it has to be "sum" or "concat"')
        self.H, self.merge = H, merge
        self.directions = 2 if bidirectional else 1
        self.inputs = 1 if share_input else self.directions
        GH = self.gates * H
        limit = math.sqrt(6 / (D + H))
        self.add_param("W", rng.uniform(-limit, limit, (D, self.inputs * GH)).astype(dtype))
        U = [[orthogonal(rng, H, dtype) for _ in range(self.gates)] for _ in range(self.directions)]
        self.add_param("U", np.stack([np.concatenate(blocks, axis=1) for blocks in U]))
        self.norm = None
        if batchnorm:
            self.norm = SeqBatchNorm(self.inputs * GH, dtype=dtype)
            self.params.update(self.norm.params)
            self.grads.update(self.norm.grads)
            self.buffers.update(self.norm.buffers)
        else:
            self.add_param("b", np.zeros(self.inputs * GH, dtype))

    @property
    def out_features(self):
        """Features of the output."""
        return self.H * (self.directions if self.merge == "concat" else 1)

    def recur_forward(self, a, U):
        """Run the recurrence over input terms a; see the class."""
        raise NotImplementedError(f"{type(self).__name__} has no recurrence")

    def recur_backward(self, dh, cache):
        """Run it backward through time; see the class."""
        raise NotImplementedError(f"{type(self).__name__} has no recurrence")

    def set_training(self, training):
        super().set_training(training)
        if self.norm:
            self.norm.set_training(training)

    def forward(self, x, lengths):
        N, T, _ = x.shape
        a, product = linear_forward(zero_padding(x, lengths), self.params["W"])
        if self.norm:
            a = self.norm.forward(a, lengths)
        else:
            a += self.params["b"]
        a = a.reshape(N, T, self.inputs, -1).transpose(2, 1, 0, 3)  # (inputs, T, N, GH)
        with one_blas_thread():
            h, steps = self.recur_forward(self._turn(a, lengths), self.params["U"])
        h = self._turn(h, lengths)
        self._cache = product, steps, lengths
        out = h.sum(axis=0) if self.merge == "sum" else get_array_module(h).concatenate(h, axis=-1)
        return zero_padding(out.transpose(1, 0, 2), lengths, in_place=True)  # (N, T, H or 2H)

    def backward(self, dout):
        product, steps, lengths = self.take_cache()
        N, T, _ = dout.shape
        dh = zero_padding(dout, lengths).transpose(1, 0, 2)  # (T, N, H or 2H)
        if self.merge == "sum":
            dh = dh[None]
        else:
            dh = dh.reshape(T, N, self.directions, -1).transpose(2, 0, 1, 3)
        with one_blas_thread():
            da, dU = self.recur_backward(self._turn(dh, lengths), steps)
        da = self._turn(da, lengths)
        if self.inputs < self.directions:
            da = da.sum(axis=0, keepdims=True)
        da = da.transpose(2, 1, 0, 3).reshape(N, T, -1)  # (N, T, inputs * GH)
        if self.norm:
            da = self.norm.backward(da)
        else:
            self.grads["b"] += da.sum(axis=(0, 1))
        dx, dW = linear_backward(da, product)
        self.grads["W"] += dW
        self.grads["U"] += dU
        return dx

    def _turn(self, x, lengths):
        """Give every direction its own copy of x, (1 or B, T, N, ...), the second one turned."""
        copies = [x[0]]
        if self.directions == 2:
            copies.append(reverse_sequences(x[-1], lengths))
        return get_array_module(x).stack(copies)
