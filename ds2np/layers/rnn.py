"""The simple recurrent layer: h_t = f(B(W x_t) + U h_{t-1})."""

from ds2np.backend import get_array_module
from ds2np.layers.activations import apply_in_place, slope_from_output
from ds2np.layers.recurrent import Recurrent, recurrent_weight_gradient


def simple_rnn_forward(a, U, h0, activation="clipped_relu"):
    """Run the simple recurrence over all frames.

    Parameters
    ----------
    a : ndarray of shape (B, T, N, H)
        Input terms of B independent directions.
    U : ndarray of shape (B, H, H)
        Recurrent weights.
    h0 : ndarray of shape (B, N, H)
        The state before the first frame.
    activation : {"clipped_relu", "tanh"}

    Returns
    -------
    h : ndarray of shape (B, T, N, H)
    cache : tuple
        For `simple_rnn_backward`.
    """
    xp = get_array_module(a)
    h = xp.empty_like(a)
    state = h0
    for t in range(a.shape[1]):
        state = xp.add(state @ U, a[:, t], out=h[:, t])  # (B, N, H)
        apply_in_place(activation, state)
    return h, (h, h0, U, activation)


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
    dh0 : ndarray of shape (B, N, H)
    """
    h, h0, U, activation = cache
    xp = get_array_module(h)
    U_T = xp.ascontiguousarray(U.swapaxes(1, 2))
    slope = slope_from_output(activation, h)  # of all frames at once, outside the loop
    da = xp.empty_like(h)
    carry = xp.zeros_like(h0)
    for t in reversed(range(h.shape[1])):
        carry += dh[:, t]
        carry = xp.multiply(carry, slope[:, t], out=da[:, t]) @ U_T
    return da, recurrent_weight_gradient(h, h0, da), carry


class SimpleRNN(Recurrent):
    """Recurrent layer of plain units, clipped rectifiers by default; see `Recurrent`."""

    gates = 1
    default_activation = "clipped_relu"
    steps_forward = staticmethod(simple_rnn_forward)
    steps_backward = staticmethod(simple_rnn_backward)
