"""Convolution in float32 where something is very loud: quiet frames keep their accuracy."""

import numpy as np
import pytest

from ds2np.backend import to_cpu, to_gpu, why_no_gpu
from ds2np.layers import Conv2D
from ds2np.layers.conv import GRADIENT_SPREAD, SPREAD, conv2d_backward, conv2d_forward, spreads

STRIDE, PADDING, KERNEL = (2, 2), (2, 3), (5, 7)
ALL, LATER, HIGHER = slice(None), np.s_[:, :, 8:], np.s_[..., 10:]
LOUD = {  # where it is loud, and the outputs that it does not reach
    "a click": ((ALL, ALL, 8, 11), LATER),
    "a frame": ((ALL, ALL, 8), LATER),
    "a tone": ((..., 11), HIGHER),
    "a frame of one utterance": ((1, ALL, 8), LATER),
}


def taps(x):
    """Yield each tap of the filter and the view of padded x that it meets, one entry per output."""
    T, F = ((x.shape[a] - k) // s + 1 for a, k, s in zip((2, 3), KERNEL, STRIDE, strict=True))
    for kt, kf in np.ndindex(*KERNEL):
        yield (kt, kf), x[:, :, kt : kt + 2 * T : 2, kf : kf + 2 * F : 2][:, :, :T, :F]


def pad(x):
    return np.pad(x, [(0, 0), (0, 0), *((p, p) for p in PADDING)])


def direct_forward(x, W):
    return sum(
        np.einsum("nctf,oc->notf", at_tap, W[:, :, k[0], k[1]]) for k, at_tap in taps(pad(x))
    )


def direct_backward(dout, x, W):
    dx, dW = np.zeros_like(pad(x)), np.zeros_like(W)
    for (k, x_at_tap), (_, dx_at_tap) in zip(taps(pad(x)), taps(dx), strict=True):
        dW[:, :, k[0], k[1]] = np.einsum("notf,nctf->oc", dout, x_at_tap)
        dx_at_tap += np.einsum("notf,oc->nctf", dout, W[:, :, k[0], k[1]])
    return dx[:, :, 2:-2, 3:-3], dW


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def largest_error(got, expected, quiet=...):
    assert got.dtype == np.float32
    error = np.abs(got - expected)[quiet].max()
    return error / expected[quiet].std()


@pytest.mark.parametrize("loudness", [1, 1e3, 1e6, 1e9])
@pytest.mark.parametrize(("place", "quiet"), LOUD.values(), ids=LOUD)
def test_outputs_far_from_what_is_loud(place, quiet, loudness, rng):
    x, W = draw(rng, 2, 2, 60, 80), draw(rng, 3, 2, *KERNEL)
    x[place] *= loudness
    out, cache = conv2d_forward(x, W, STRIDE, PADDING)
    expected = direct_forward(x.astype(float), W.astype(float))
    assert largest_error(out, expected, quiet) < 1e-5
    # Where the gradient of the loud outputs is 0, as behind a clipped ReLU, dW is quiet, too.
    dout = draw(rng, *out.shape)
    dout[:, :, :8] = 0
    dout[..., :10] = 0
    dx, dW = conv2d_backward(dout, cache)
    of_x, of_W = direct_backward(dout.astype(float), x.astype(float), W.astype(float))
    assert largest_error(dx, of_x) < 1e-5
    assert largest_error(dW, of_W) < 1e-5


@pytest.mark.parametrize("loudness", [1, 1e6, 1e9])
@pytest.mark.parametrize("place", [(ALL, ALL, 4, 5), (ALL, ALL, 4)], ids=["a click", "a frame"])
def test_gradients_far_from_a_loud_one(place, loudness, rng):
    x, W = draw(rng, 2, 2, 60, 80), draw(rng, 3, 2, *KERNEL)
    out, cache = conv2d_forward(x, W, STRIDE, PADDING)
    dout = draw(rng, *out.shape)
    dout[place] *= loudness
    dx, dW = conv2d_backward(dout, cache)
    of_x, of_W = direct_backward(dout.astype(float), x.astype(float), W.astype(float))
    assert largest_error(dx, of_x, np.s_[:, :, 16:]) < (1e-5 if loudness == 1 else 2e-3)
    assert np.abs(dW - of_W).max() < 1e-5 * np.abs(of_W).max()


def test_the_layer_masks_what_is_loud_in_the_padding(rng):
    x, lengths = draw(rng, 2, 2, 60, 80), np.array([60, 30])
    x[1, :, 40] = 1e9
    layer = Conv2D(2, 3, KERNEL, STRIDE, rng)
    expected = direct_forward(
        np.where(np.arange(60)[:, None] < lengths[:, None, None, None], x, 0).astype(float),
        layer.params["W"].astype(float),
    )
    assert largest_error(layer.forward(x, lengths)[1, :, :15], expected[1, :, :15]) < 1e-5


def test_ordinary_inputs_stay_in_float32(rng):
    x = draw(rng, 3, 2, 60, 80)
    x[1, :, 40:] = 0  # padding
    x[2] *= 1e3  # each utterance has transforms of its own
    assert not spreads(x, SPREAD)
    assert conv2d_forward(x, draw(rng, 3, 2, *KERNEL), STRIDE, PADDING)[1][0].dtype == np.complex64
    x[0, :, 7] /= 1e3
    assert spreads(x, SPREAD)
    assert not spreads(x, GRADIENT_SPREAD)
    assert not spreads(x.astype(float), SPREAD)


@pytest.mark.gpu
@pytest.mark.parametrize("loudness", [1, 1e3, 1e6])
@pytest.mark.parametrize("place", [(ALL, ALL, 8, 11), (1, ALL, 8)], ids=["a click", "a frame"])
def test_on_a_gpu_errors_are_relative_to_the_whole_utterance(place, loudness, rng):
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    x, W = draw(rng, 2, 2, 60, 80), draw(rng, 3, 2, *KERNEL)
    x[place] *= loudness
    out, cache = conv2d_forward(to_gpu(x), to_gpu(W), STRIDE, PADDING)
    dout = draw(rng, *out.shape)
    dx, dW = conv2d_backward(to_gpu(dout), cache)
    assert cache[0][0].dtype == np.complex64
    of_x, of_W = direct_backward(dout.astype(float), x.astype(float), W.astype(float))
    expected = direct_forward(x.astype(float), W.astype(float))
    for got, exact in ((out, expected), (dx, of_x)):
        for one, other in zip(to_cpu(got), exact, strict=True):  # one utterance
            assert np.abs(one - other).max() < 5e-6 * np.sqrt((other**2).mean())
    assert np.abs(to_cpu(dW) - of_W).max() < 1e-5 * np.abs(of_W).max()
