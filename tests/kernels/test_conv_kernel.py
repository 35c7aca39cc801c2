"""The convolution's kernels, on the host and on a GPU, against the array code."""

import numpy as np
import pytest
from helpers.host_kernels import use_on_host

from ds2np.backend import to_cpu, to_gpu, why_no_gpu
from ds2np.kernels import conv
from ds2np.kernels.host import ORDERS
from ds2np.layers.conv import _from_phases, _to_phases, conv2d_backward, conv2d_forward

# (A, B, T, F), stride, padding, the transform's lengths.
SHAPES = {
    "one number": ((1, 1, 1, 1), (1, 1), (0, 0), (1, 1)),
    "no stride": ((2, 3, 4, 5), (1, 1), (0, 0), (7, 6)),
    "paper's first": ((3, 1, 9, 40), (2, 2), (5, 20), (12, 54)),
    "several tiles": ((5, 14, 3, 35), (1, 2), (1, 3), (6, 40)),
    "cropped": ((4, 9, 7, 33), (3, 2), (1, 1), (2, 15)),
}
# Utterances, channels in and out, frames, frequencies; kernel, stride, padding.
CONVOLUTIONS = {
    "smallest": ((1, 1, 1, 1, 1), (1, 1), (1, 1), (0, 0)),
    "paper's first": ((2, 1, 3, 40, 61), (11, 41), (2, 2), (5, 20)),
    "paper's second": ((2, 3, 4, 17, 30), (11, 21), (1, 2), (5, 10)),
    "leaves some out": ((1, 2, 2, 8, 9), (2, 3), (3, 4), (0, 0)),
}


@pytest.fixture(autouse=True)
def skip_without_gpu(request):
    if request.node.get_closest_marker("gpu") and why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")


@pytest.fixture(params=[*ORDERS, pytest.param("gpu", marks=pytest.mark.gpu)])
def to(request, monkeypatch):
    """Run the kernels on the host in each order of the threads, and on a GPU if there is one."""
    if request.param == "gpu":
        return to_gpu
    use_on_host(monkeypatch, request.param)
    return np.asarray


def check_phases(to, rng, shape, stride, padding, lengths):
    x = rng.standard_normal(shape, np.float32)
    phases = _to_phases(x, stride, padding, lengths)
    np.testing.assert_array_equal(to_cpu(conv.to_phases(to(x), stride, padding, lengths)), phases)
    noise = rng.standard_normal(phases.shape, np.float32)
    back = to_cpu(conv.from_phases(to(noise), stride, padding, shape))
    np.testing.assert_array_equal(back, _from_phases(noise, stride, padding, shape[2:]))


@pytest.mark.parametrize("case", SHAPES.values(), ids=SHAPES)
def test_they_turn_arrays_around(to, case, rng):
    check_phases(to, rng, *case)


@pytest.mark.parametrize("case", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_the_convolution_is_that_of_the_layer(to, case, rng):
    (N, C, O, T, F), kernel, stride, padding = case  # noqa: E741
    x, W = rng.standard_normal((N, C, T, F)), rng.standard_normal((O, C, *kernel))
    expected, cache = conv2d_forward(x, W, stride, padding)
    upstream = rng.standard_normal(expected.shape)
    gradients = conv2d_backward(upstream, cache)
    x, W, upstream = (to(a.astype(np.float32)) for a in (x, W, upstream))
    lengths = conv.fast_frames(T + kernel[0]), F + kernel[1]

    def run():
        given = x, W, stride, padding, expected.shape[2:], lengths
        out, X, W_hat = conv.convolve(*given)
        rest = stride, padding, x.shape, W.shape, lengths
        dx, dW = conv.convolve_backward(upstream, X, W_hat, *rest)
        nothing, same = conv.convolve_backward(upstream, X, W_hat, *rest, to_input=False)
        assert nothing is None
        np.testing.assert_array_equal(to_cpu(same), to_cpu(dW))
        return [to_cpu(a) for a in (out, dx, dW)]

    got = run()
    for one, exact in zip(got, (expected, *gradients), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, exact, rtol=0, atol=2e-6 * max(1, np.abs(exact).max()))
    for one, again in zip(got, run(), strict=True):
        np.testing.assert_array_equal(one, again)


@pytest.mark.gpu
def test_many_products_take_several_calls(rng, monkeypatch):
    x, W = (
        to_gpu(rng.standard_normal(shape, np.float32)) for shape in ((2, 1, 9, 7), (3, 1, 3, 5))
    )
    expected, _ = conv2d_forward(x, W)
    monkeypatch.setattr(conv, "MATRICES", 37)
    np.testing.assert_array_equal(to_cpu(conv2d_forward(x, W)[0]), to_cpu(expected))


@pytest.mark.gpu
def test_the_layer_uses_them_on_a_gpu(rng, monkeypatch):
    used = []
    real = conv._launch
    monkeypatch.setattr(conv, "_launch", lambda name, *rest: used.append(name) or real(name, *rest))
    x, W = (
        to_gpu(rng.standard_normal(shape, np.float32)) for shape in ((2, 1, 9, 7), (3, 1, 3, 5))
    )
    out, cache = conv2d_forward(x, W, (2, 1), (1, 2))
    conv2d_backward(out, cache)
    assert used == [*["to_phases"] * 2, "from_phases", "to_phases", *["from_phases"] * 2]
    for size in ((2, 1, 0, 7), (0, 1, 9, 7), (2, 1, 1, 7)):  # nothing to transform: array code
        out, cache = conv2d_forward(to_gpu(np.zeros(size, np.float32)), W)
        assert not out.size
        assert not to_cpu(conv2d_backward(out, cache)[1]).any()
    assert len(used) == 6


def test_lengths_are_few_and_fast():
    lengths = [conv.fast_frames(frames) for frames in range(1, 1000)]
    assert all(new >= frames for frames, new in enumerate(lengths, start=1))
    assert len(set(lengths)) == 23
    assert [conv.fast_frames(n) for n in (1, 32, 33, 330, 390)] == [32, 32, 64, 384, 448]


MISTAKES = {
    "no barrier": (
        "    __syncthreads();\n    const int row",
        "    const int row",
    ),
    "the padding is forgotten": ("const int t = tile.t - pt", "const int t = tile.t"),
    "times wrap around": ("t >= 0 && ", ""),
    "one frequency too many": ("f >= 0 && f < F", "f >= 0 && f <= F"),
    "phases of time and frequency are exchanged": (
        "* st + t % st) * sf + f % sf",
        "* sf + f % sf) * st + t % st",
    ),
    "the last frequency is missing": ("tile.f + i < QF * sf)", "tile.f + i < QF * sf - 1)"),
    "what no window reached is read": (" && f < QF * sf;", ";"),
    "rows and columns are exchanged": (
        "shared[lane * PITCH + i];\n}\n\n// One block for each time of the image",
        "shared[i * PITCH + lane];\n}\n\n// One block for each time of the image",
    ),
    "a gap between tiles": ("% over_f * TILE", "% over_f * (TILE + 1)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch, rng):
    planted = "phases", *MISTAKES[mistake]

    def check_all():
        for order in ORDERS:
            use_on_host(monkeypatch, order, planted)
            for case in SHAPES.values():
                check_phases(np.asarray, rng, *case)

    with pytest.raises((AssertionError, RuntimeError)):
        check_all()
