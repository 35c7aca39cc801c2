"""The simple recurrent layer: h_t = f(B(W x_t) + U h_{t-1}), f the clipped ReLU."""

from ds2np.backend import get_array_module
from ds2np.layers.activations import CEILING
from ds2np.layers.recurrent import Recurrent


def simple_rnn_forward(a, U):
    """Run the simple recurrence over all frames, from a state of zeros.

    Parameters
    ----------
    a : ndarray of shape (B, T, N, H)
        Input terms of B independent directions.
    U : ndarray of shape (B, H, H)
        Recurrent weights.

    Returns
    -------
    h : ndarray of shape (B, T, N, H)
    cache : tuple
        For `simple_rnn_backward`.
    """
    xp = get_array_module(a)
    B, T, N, H = a.shape
    h = xp.empty_like(a)
    state = xp.zeros((B, N, H), a.dtype)
    for t in range(T):
        state = state @ U  # (B, N, H)
        state += a[:, t]
        xp.maximum(state, 0, out=state)
        state = xp.minimum(state, CEILING, out=h[:, t])
    return h, (h, U)


def simple_rnn_backward(dh, cache):
    """Run the simple recurrence backward through time.

    Parameters
    ----------
    dh : ndarray of shape (B, T, N, H)
        Gradient of the loss with respect to each state, the recurrent path left out.
    cache : tuple

    Returns
    -------
    da : ndarray of shape (B, T, N, H)
    dU : ndarray of shape (B, H, H)
    """
    h, U = cache
    xp = get_array_module(h)
    B, T, N, H = h.shape
    U_T = xp.ascontiguousarray(U.swapaxes(1, 2))
    passes = (h > 0) & (h < CEILING)
    da = xp.empty_like(h)
    carry = xp.zeros((B, N, H), h.dtype)
    for t in reversed(range(T)):
        carry += dh[:, t]
        carry = xp.multiply(carry, passes[:, t], out=da[:, t]) @ U_T
    return da, recurrent_weight_gradient(h, da)


def recurrent_weight_gradient(h, dg):
    """Sum h_{t-1}^T dg_t over frames and utterances, as one product for each direction.

    Parameters
    ----------
    h : ndarray of shape (B, T, N, H)
    dg : ndarray of shape (B, T, N, GH)
        Gradient with respect to U h_{t-1}.

    Returns
    -------
    ndarray of shape (B, H, GH)
    """
    B, _, _, H = h.shape
    before = h[:, :-1].reshape(B, -1, H)  # the state before the first frame is zero
    return before.swapaxes(1, 2) @ dg[:, 1:].reshape(B, -1, dg.shape[-1])


class SimpleRNN(Recurrent):
    """Recurrent layer of clipped rectifiers; for its parameters see `Recurrent`."""

    gates = 1

    def recur_forward(self, a, U):
        return simple_rnn_forward(a, U)

    def recur_backward(self, dh, cache):
        return simple_rnn_backward(dh, cache)
