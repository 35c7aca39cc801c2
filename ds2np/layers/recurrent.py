"""The common part of simple RNN and GRU: input term, batch normalisation, both directions.

Paper, "Batch Normalization for Deep RNNs": h_t = f(B(W x_t) + U h_{t-1}). The input term B(W x_t)
does not depend on the recurrence, so it is one large product for all frames; only U h_{t-1} and f
are left for the loop over time. The two directions are a leading axis of size B = 2. The backward
direction reverses each utterance within its own length, so that padding always comes last.

Comments keep the paper's notation, with columns; arrays hold frames as rows, so the code multiplies
by U from the right. Chapter 04 derives both layers, chapter 11 makes them fast.
"""

import math

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module, is_on_gpu, one_blas_thread
from ds2np.kernels.recurrent import (
    Recurrence,
    plan_here,
    recurrent_backward,
    recurrent_forward,
)
from ds2np.kernels.small_product import MOST_ROWS
from ds2np.layers.base import Layer, check_sizes
from ds2np.layers.batchnorm import SeqBatchNorm
from ds2np.layers.linear import linear_backward, linear_forward
from ds2np.layers.padding import check_batch, reverse_sequences, zero_padding
from ds2np.machine import map_in_threads


def draw_recurrent(rng, H, dtype):
    """Draw a random orthogonal matrix (H, H): it preserves the norm of the state."""
    q, r = np.linalg.qr(rng.standard_normal((H, H)))
    return (q * np.sign(np.diag(r))).astype(dtype)


def recurrent_weight_gradient(h, h0, dg):
    """Compute dU (B, H, GH) of all frames at once from dg (B, T, N, GH), the gradient of U h_{t-1}.

    h (B, T, N, H) are the states, h0 (B, N, H) the state before the first frame.
    """
    B, T, _, H = h.shape
    before = h[:, : max(T - 1, 0)].reshape(B, -1, H)
    # dU = sum over t and n of h_{t-1}^T dg_t
    dU = before.swapaxes(1, 2) @ dg[:, 1:].reshape(B, -1, dg.shape[-1])
    return dU + h0.swapaxes(1, 2) @ dg[:, :1].sum(axis=1)


# Multiplications per step and direction above which two threads, one for each direction, are faster
# than one loop for both with half the calls.
THREADING_PAYS = 1_000_000


def _run(steps, *arguments):
    """Run the loops over time, in parallel threads if there are two."""
    with one_blas_thread():
        return map_in_threads("direction", 2, steps, *arguments)


class Recurrent(Layer):
    """Base class of the recurrent layers, from (N, T, D) to (N, T, H).

    A subclass sets ``gates``, the number of H-sized blocks of a step, and two functions:
    ``steps_forward(a, U, h0, activation) -> (h, cache)`` and
    ``steps_backward(dh, cache) -> (da, dU, dh0)`` for a of shape (B, T, N, gates * H), U of shape
    (B, H, gates * H), h of shape (B, T, N, H) and h0 of shape (B, N, H).

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the initial weights: W Glorot uniform, U orthogonal.
    batchnorm : bool
        Normalise the input term, as in the paper; without it there is a bias b.
    activation : {"clipped_relu", "tanh"}, optional
        The function f; the subclass has a default.
    """

    matrices = ("W", "U")
    gates = 1
    default_activation = "clipped_relu"
    directions, inputs, merge = 1, 1, "sum"

    def __init__(self, D, H, rng, batchnorm=True, activation=None, dtype=np.float32):
        super().__init__()
        check_sizes(D=D, H=H)
        self.D, self.H = D, H
        self.activation = activation or self.default_activation
        if self.activation not in ("clipped_relu", "tanh"):
            raise ValueError(f'activation is {activation!r}, expected "clipped_relu" or "tanh"')
        GH = self.gates * H
        limit = math.sqrt(6 / (D + H))
        self.add_param("W", rng.uniform(-limit, limit, (D, self.inputs * GH)).astype(dtype))
        U = [
            np.concatenate([draw_recurrent(rng, H, dtype) for _ in range(self.gates)], axis=1)
            for _ in range(self.directions)
        ]
        self.add_param("U", np.stack(U))
        self.norm = None
        if batchnorm:
            self.norm = SeqBatchNorm(self.inputs * GH, dtype=dtype)
            self.add_sublayer("", self.norm)
        else:
            self.add_param("b", np.zeros(self.inputs * GH, dtype))

    def out_shape(self, shape):
        return (self.H * (self.directions if self.merge == "concat" else 1),)

    def multiply_adds(self, shape):
        return self.params["W"].size + self.params["U"].size

    @property
    def reach(self):
        return math.inf

    def forward(self, x, lengths):
        return self._forward(x, lengths, None)[0]

    def _forward(self, x, lengths, state):
        """Return the output and, if no utterance is padded, the states (B, N, H) after the last."""
        lengths = check_batch(x, lengths, ("N", "T", self.D), self.params["W"].dtype)
        N, T, _ = x.shape
        x = zero_padding(x, lengths)
        a, product = linear_forward(x, self.matrix("W", N * T), self.precision)  # W x_t
        if self.norm:
            a = self.norm.forward(a, lengths)  # B(W x_t)
        else:
            a += self.params["b"]
        a = a.reshape(N, T, self.inputs, self.gates * self.H)
        if kernels.support(a) and a.size:
            plan = plan_here(a, self.H, self.gates, self.directions, N, self.precision)
            half = self._halves.get("U") if N <= MOST_ROWS else None
            given = a, self.params["U"], state, lengths, self.activation, self.merge
            out, run = recurrent_forward(*given, plan, half)
            last = run.h[:, T]
        else:
            out, last, run = self._loop_forward(a, state, lengths)
        self._cache = product, run
        return out, last

    def backward(self, dout):
        product, run = self.take_cache(dout)
        if isinstance(run, Recurrence):
            da, dU = recurrent_backward(dout, run, self.precision)
        else:
            da, dU = self._loop_backward(dout, run)
        da = da.reshape(*dout.shape[:2], self.inputs * self.gates * self.H)
        if self.norm:
            da = self.norm.backward(da)
        else:
            self.grads["b"] += da.sum(axis=(0, 1))
        dx, dW = linear_backward(da, product)
        self.grads["W"] += dW
        self.grads["U"] += dU
        return dx

    def _loop_forward(self, a, state, lengths):
        """Run the loop over time on input terms a (N, T, inputs, GH), by array operations.

        Returns the output, the states (B, N, H) after frame T, and a cache.
        """
        xp, (N, T, _, _) = get_array_module(a), a.shape
        if state is None:
            state = xp.zeros((self.directions, N, self.H), a.dtype)
        a, U = self._turn(a.transpose(2, 1, 0, 3), lengths), self.params["U"]  # each (T, N, GH)
        groups = self._groups(a[0])
        results = _run(
            lambda g: self.steps_forward(xp.stack(a[g]), U[g], state[g], self.activation), groups
        )
        h = [of_one for of_group, _ in results for of_one in of_group]  # each (T, N, H)
        last = xp.stack([of_one[-1] for of_one in h]) if T else state
        h = self._turn(h, lengths)
        added = self.merge == "sum" and self.directions == 2
        out = h[0] + h[1] if added else xp.concatenate(h, axis=-1)
        out = zero_padding(out.transpose(1, 0, 2), lengths, in_place=True)  # (N, T, H or 2H)
        return out, last, (groups, [cache for _, cache in results], lengths)

    def _loop_backward(self, dout, cache):
        """Compute da (N, T, inputs, GH) and dU (B, H, GH) of `_loop_forward`."""
        groups, steps, lengths = cache
        xp = get_array_module(dout)
        dh = zero_padding(dout, lengths).transpose(1, 0, 2)  # (T, N, H or 2H)
        dh = [dh] if self.merge == "sum" else xp.split(dh, self.directions, axis=2)
        dh = self._turn(dh, lengths)
        results = _run(lambda g, cache: self.steps_backward(xp.stack(dh[g]), cache), groups, steps)
        da = self._turn([of_one for of_group, _, _ in results for of_one in of_group], lengths)
        if self.inputs < self.directions:
            da = [da[0] + da[1]]
        da = xp.stack(da, axis=2).swapaxes(0, 1)
        return da, xp.concatenate([dU for _, dU, _ in results])

    def forward_chunk(self, x, state, last):
        if self.directions > 1:
            raise ValueError("a bidirectional layer needs whole utterances, not chunks")
        if self.norm and self.training:
            raise RuntimeError(
                "chunks are normalised by the running statistics: call set_training(False) first"
            )
        state = None if state is None else state.swapaxes(0, 1)
        out, state = self._forward(x, np.full(len(x), x.shape[1]), state)
        return out, state.swapaxes(0, 1)  # utterances first

    def _groups(self, a):
        """Return the directions of each loop over time: one loop for all, or one for each."""
        _, N, GH = a.shape
        wide = N * self.H * GH >= THREADING_PAYS and not is_on_gpu(a)
        if self.directions == 2 and wide:
            return [slice(0, 1), slice(1, 2)]
        return [slice(0, self.directions)]

    def _turn(self, x, lengths):
        """Return x, one (T, N, ...) for all or each direction, for each; the second reversed."""
        reversed_too = [reverse_sequences(x[-1], lengths)] if self.directions == 2 else []
        return [x[0], *reversed_too]


class Bidirectional(Recurrent):
    """Bidirectional recurrent layer, with H units in each direction.

    Parameters
    ----------
    kind : type
        SimpleRNN or GRU.
    share_input : bool
        Use the same W (and gamma, beta or b) in both directions, as in the paper; each has its U.
    merge : {"sum", "concat"}
        Sum the outputs of both directions, as in the paper, or concatenate them.
    **options
        See `Recurrent`.
    """

    directions = 2

    def __init__(self, kind, D, H, rng, share_input=True, merge="sum", **options):
        if not (isinstance(kind, type) and issubclass(kind, Recurrent) and kind.directions == 1):
            raise ValueError(f"kind is {kind!r}, expected SimpleRNN or GRU")
        if merge not in ("sum", "concat"):
            raise ValueError(f'merge is {merge!r}, expected "sum" or "concat"')
        self.gates, self.default_activation = kind.gates, kind.default_activation
        self.steps_forward, self.steps_backward = kind.steps_forward, kind.steps_backward
        self.inputs, self.merge = 1 if share_input else 2, merge
        super().__init__(D, H, rng, **options)
