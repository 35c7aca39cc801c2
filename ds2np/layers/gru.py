"""The gated recurrent unit: a state that is kept or replaced, feature by feature.

As the paper writes it, with the update gate z choosing the candidate (cuDNN and PyTorch write z and
1 - z the other way round):

    z = sigma(W_z x + U_z h)        r = sigma(W_r x + U_r h)
    c = f(W_h x + r * (U_h h))      h = (1 - z) * h_before + z * c
"""

from ds2np.backend import get_array_module
from ds2np.layers.activations import apply_in_place, slope_from_output
from ds2np.layers.recurrent import Recurrent, recurrent_weight_gradient


def gru_forward(a, U, h0, activation="tanh"):
    """Run the gated recurrence over all frames.

    Parameters
    ----------
    a : ndarray of shape (B, T, N, 3 * H)
        Input terms of z, r and c, side by side, for B independent directions.
    U : ndarray of shape (B, H, 3 * H)
        Recurrent weights, side by side in the same order.
    h0 : ndarray of shape (B, N, H)
        The state before the first frame.
    activation : {"clipped_relu", "tanh"}
        The function f of the candidate c.

    Returns
    -------
    h : ndarray of shape (B, T, N, H)
    cache : tuple
        For `gru_backward`.
    """
    xp = get_array_module(a)
    B, T, N, GH = a.shape
    H = GH // 3
    h = xp.empty((B, T, N, H), a.dtype)
    gates = xp.empty_like(a)  # z, r, c after their nonlinearities
    Uh = xp.empty_like(h)  # U_h h_{t-1}
    # A frame is computed in arrays without gaps that stay in the cache, and then copied to where
    # it is kept, whose rows lie apart.
    state, c = h0.copy(), xp.empty_like(h0)
    g, zr = xp.empty((B, N, GH), a.dtype), xp.empty((B, N, 2 * H), a.dtype)
    for t in range(T):
        xp.matmul(state, U, out=g)  # (B, N, 3H)
        Uh[:, t] = g[..., 2 * H :]
        xp.add(a[:, t, :, : 2 * H], g[..., : 2 * H], out=zr)
        zr *= 0.5  # sigma(x) = (1 + tanh(x / 2)) / 2 cannot overflow
        xp.tanh(zr, out=zr)
        zr *= 0.5
        zr += 0.5
        xp.multiply(zr[..., H:], g[..., 2 * H :], out=c)
        c += a[:, t, :, 2 * H :]
        apply_in_place(activation, c)
        gates[:, t, :, : 2 * H] = zr
        gates[:, t, :, 2 * H :] = c
        c -= state
        c *= zr[..., :H]
        state += c
        h[:, t] = state
    return h, (h, h0, gates, Uh, U, activation)


def gru_backward(dh, cache):
    """Run the gated recurrence backward through time.

    Parameters
    ----------
    dh : ndarray of shape (B, T, N, H)
        Gradient of the loss with respect to each state, the recurrent path left out.
    cache : tuple

    Returns
    -------
    da : ndarray of shape (B, T, N, 3 * H)
    dU : ndarray of shape (B, H, 3 * H)
    dh0 : ndarray of shape (B, N, H)
    """
    h, h0, gates, Uh, U, activation = cache
    xp = get_array_module(h)
    T, H = h.shape[1], h.shape[3]
    z, r, c = gates[..., :H], gates[..., H : 2 * H], gates[..., 2 * H :]
    before = xp.concatenate([h0[:, None], h[:, : max(T - 1, 0)]], axis=1)[:, :T]
    # Local slopes do not depend on the recurrence: all frames at once, outside the loop.
    slope_z = (c - before) * z * (1 - z)
    slope_c = z * slope_from_output(activation, c)
    slope_r = Uh * r * (1 - r)
    keep = 1 - z
    U_T = xp.ascontiguousarray(U.swapaxes(1, 2))
    da = xp.empty_like(gates)
    dg = xp.empty_like(gates)  # as da, but its last block is the gradient of U_h h
    carry = xp.zeros_like(h0)
    for t in reversed(range(T)):
        carry += dh[:, t]
        xp.multiply(carry, slope_z[:, t], out=dg[:, t, :, :H])
        dac = xp.multiply(carry, slope_c[:, t], out=da[:, t, :, 2 * H :])
        xp.multiply(dac, slope_r[:, t], out=dg[:, t, :, H : 2 * H])
        xp.multiply(dac, r[:, t], out=dg[:, t, :, 2 * H :])
        carry *= keep[:, t]
        carry += dg[:, t] @ U_T
    da[..., : 2 * H] = dg[..., : 2 * H]
    return da, recurrent_weight_gradient(h, h0, dg), carry


class GRU(Recurrent):
    """Recurrent layer of gated units, tanh candidates by default; see `Recurrent`."""

    gates = 3
    default_activation = "tanh"
    steps_forward = staticmethod(gru_forward)
    steps_backward = staticmethod(gru_backward)
