"""The gated recurrent unit (GRU). Chapter 04 derives it.

The paper's equations, with the input terms a = B(W x) of `Recurrent`. Here z selects the candidate
c; in cuDNN and PyTorch it keeps the old state:

    z_t = sigma(a^z_t + U_z h_{t-1})          r_t = sigma(a^r_t + U_r h_{t-1})
    c_t = f(a^c_t + r_t * (U_h h_{t-1}))      h_t = (1 - z_t) * h_{t-1} + z_t * c_t
"""

from ds2np.backend import get_array_module
from ds2np.layers.activations import activate, slope_from_output
from ds2np.layers.frame_product import frame_product
from ds2np.layers.recurrent import Recurrent, recurrent_weight_gradient


def gru_forward(a, U, h0, activation="tanh"):
    """Compute the states h (B, T, N, H) of B independent directions, with a cache.

    Parameters
    ----------
    a : ndarray of shape (B, T, N, 3 * H)
        Input terms of z, r and c, side by side.
    U : ndarray of shape (B, H, 3 * H)
        Recurrent weights of z, r and c.
    h0 : ndarray of shape (B, N, H)
        The state before the first frame.
    activation : {"clipped_relu", "tanh"}
        The function f of the candidate.
    """
    xp = get_array_module(a)
    B, T, N, GH = a.shape
    H = GH // 3
    h = xp.empty((B, T, N, H), a.dtype)
    gates = xp.empty_like(a)  # z, r, c after their nonlinearities
    Uh = xp.empty_like(h)  # U_h h_{t-1}
    # Each frame is computed in small contiguous arrays that stay in the CPU's cache, then copied.
    state, c = h0.copy(), xp.empty_like(h0)
    zr = xp.empty((B, N, 2 * H), a.dtype)
    multiply_U = frame_product(U, N)
    for t in range(T):
        g = multiply_U(state)  # U_z h_{t-1}, U_r h_{t-1}, U_h h_{t-1}: (B, N, 3H)
        Uh[:, t] = g[..., 2 * H :]
        xp.add(a[:, t, :, : 2 * H], g[..., : 2 * H], out=zr)  # a^z_t + U_z h_{t-1}, and for r
        zr *= 0.5  # sigma(x) = (1 + tanh(x / 2)) / 2 cannot overflow
        xp.tanh(zr, out=zr)
        zr *= 0.5
        zr += 0.5  # z_t, r_t = sigma(...)
        xp.multiply(zr[..., H:], g[..., 2 * H :], out=c)  # r_t * (U_h h_{t-1})
        c += a[:, t, :, 2 * H :]  # a^c_t + r_t * (U_h h_{t-1})
        activate(activation, c, out=c)  # c_t = f(...)
        gates[:, t, :, : 2 * H] = zr
        gates[:, t, :, 2 * H :] = c
        c -= state  # c_t - h_{t-1}
        c *= zr[..., :H]  # z_t * (c_t - h_{t-1})
        state += c  # h_t = h_{t-1} + z_t * (c_t - h_{t-1}) = (1 - z_t) * h_{t-1} + z_t * c_t
        h[:, t] = state
    return h, (h, h0, gates, Uh, U, activation)


def gru_backward(dh, cache):
    """Compute da (B, T, N, 3 * H), dU (B, H, 3 * H) and dh0 (B, N, H) of `gru_forward`.

    dh (B, T, N, H) is the gradient of the states from above, without the recurrent path, which this
    function adds (backpropagation through time).
    """
    h, h0, gates, Uh, *rest = cache
    return gru_backward_in_place(dh, (h, h0, gates.copy(), Uh.copy(), *rest))


def gru_backward_in_place(dh, cache):
    """Do the same in a third of the memory: the cache is overwritten and good for one call only."""
    h, h0, gates, Uh, U, activation = cache
    xp = get_array_module(h)
    T, H = h.shape[1], h.shape[3]
    z, r, c = gates[..., :H], gates[..., H : 2 * H], gates[..., 2 * H :]
    # These derivatives do not depend on the recurrence: all frames at once, outside the loop. They,
    # and then the gradients, take the place of what they are computed from.
    keep = 1 - z  # dh_t / dh_{t-1}, the direct path
    slope_c = z * slope_from_output(activation, c)  # dh_t / da^c_t = z_t f'
    slope_z = c  # dh_t / da^z_t = (c_t - h_{t-1}) z (1 - z), with sigma' = z (1 - z)
    slope_z[:, :1] -= h0[:, None]
    slope_z[:, 1:] -= h[:, : max(T - 1, 0)]
    slope_z *= z
    slope_z *= keep
    slope_r = Uh  # da^c_t / da^r_t = (U_h h_{t-1}) r (1 - r), with sigma' = r (1 - r)
    slope_r *= r
    slope_r *= 1 - r
    multiply_U_T = frame_product(U.swapaxes(1, 2), h.shape[2])
    carry = xp.zeros_like(h0)
    for t in reversed(range(T)):
        carry += dh[:, t]  # dh_t: from above, and from frame t + 1
        xp.multiply(carry, slope_z[:, t], out=z[:, t])  # da^z = dh (c - h_{t-1}) z (1 - z)
        dac = xp.multiply(carry, slope_c[:, t], out=slope_c[:, t])  # da^c = dh z f'
        xp.multiply(dac, r[:, t], out=c[:, t])  # d(U_h h_{t-1}) = da^c r
        xp.multiply(dac, slope_r[:, t], out=r[:, t])  # da^r = da^c (U_h h_{t-1}) r (1 - r)
        carry *= keep[:, t]  # dh_{t-1} = dh (1 - z)
        carry += multiply_U_T(gates[:, t])  # + U_z^T da^z + U_r^T da^r + U_h^T (da^c r)
    dU = recurrent_weight_gradient(h, h0, gates)  # the gates are dg now
    c[...] = slope_c  # da^c in place of da^c r: now they are da
    return gates, dU, carry


class GRU(Recurrent):
    """Layer of gated recurrent units, with tanh candidates by default; see `Recurrent`."""

    gates = 3
    default_activation = "tanh"
    steps_forward = staticmethod(gru_forward)
    steps_backward = staticmethod(gru_backward_in_place)
