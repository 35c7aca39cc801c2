"""The simple recurrent layer, h_t = f(B(W x_t) + U h_{t-1}). Chapter 04 derives it."""

from ds2np.backend import get_array_module
from ds2np.layers.activations import activate, slope_from_output
from ds2np.layers.frame_product import frame_product
from ds2np.layers.recurrent import Recurrent, recurrent_weight_gradient


def simple_rnn_forward(a, U, h0, activation="clipped_relu"):
    """Compute the states h (B, T, N, H) of B independent directions, with a cache.

    a (B, T, N, H) holds the input terms B(W x_t), U (B, H, H) the recurrent weights, and h0
    (B, N, H) the state before the first frame; activation is "clipped_relu" or "tanh".
    """
    xp = get_array_module(a)
    h = xp.empty_like(a)
    multiply_U = frame_product(U, a.shape[2])
    state = h0
    for t in range(a.shape[1]):
        state = xp.add(multiply_U(state), a[:, t], out=h[:, t])  # a_t + U h_{t-1}: (B, N, H)
        activate(activation, state, out=state)  # h_t = f(a_t + U h_{t-1})
    return h, (h, h0, U, activation)


def simple_rnn_backward(dh, cache):
    """Compute da (B, T, N, H), dU (B, H, H) and dh0 (B, N, H) of `simple_rnn_forward`.

    dh (B, T, N, H) is the gradient of the states from above, without the recurrent path, which this
    function adds (backpropagation through time).
    """
    h, h0, U, activation = cache
    xp = get_array_module(h)
    multiply_U_T = frame_product(U.swapaxes(1, 2), h.shape[2])
    slope = slope_from_output(activation, h)  # f' of all frames at once
    da = xp.empty_like(h)
    carry = xp.zeros_like(h0)
    for t in reversed(range(h.shape[1])):
        carry += dh[:, t]  # dh_t: from above, and from frame t + 1
        # da_t = dh_t f'(a_t + U h_{t-1}), dh_{t-1} = U^T da_t
        carry = multiply_U_T(xp.multiply(carry, slope[:, t], out=da[:, t]))
    return da, recurrent_weight_gradient(h, h0, da), carry


class SimpleRNN(Recurrent):
    """Simple recurrent layer, with the clipped ReLU by default; see `Recurrent`."""

    gates = 1
    default_activation = "clipped_relu"
    steps_forward = staticmethod(simple_rnn_forward)
    steps_backward = staticmethod(simple_rnn_backward)
