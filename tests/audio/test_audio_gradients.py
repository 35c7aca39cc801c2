"""Every forward/backward pair of ds2np.audio, and planted mistakes that the check must catch.

A new line in the registry applies all of these tests to another pair.
"""

import functools
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
import scipy.fft

from ds2np.audio import frames, level, mel, normalisation, spectrogram, stft
from ds2np.backend import get_array_module, to_cpu, to_gpu, why_no_gpu
from ds2np.gradcheck import compare_gradients, numerical_gradient
from ds2np.layers import InputNorm


@dataclass(frozen=True)
class Pair:
    """A pair of functions of a module, and their arguments; x is argument `place`."""

    module: ModuleType
    name: str
    shape: tuple
    arguments: tuple = ()
    dtype: type = np.float64  # or complex128
    positive: bool = False
    place: int = 0

    def x(self, rng):
        x = rng.standard_normal(self.shape)
        if self.dtype is np.complex128:
            x = x + 1j * rng.standard_normal(self.shape)
        return np.abs(x) if self.positive else x

    def forward(self, x):
        like = functools.partial(get_array_module(x).asarray, dtype=x.dtype)
        others = [like(a) if isinstance(a, np.ndarray) else a for a in self.arguments]
        arguments = *others[: self.place], x, *others[self.place :]
        return getattr(self.module, f"{self.name}_forward")(*arguments)[:2]

    def backward(self, dout, cache):
        dx = getattr(self.module, f"{self.name}_backward")(dout, cache)
        return dx[self.place] if isinstance(dx, tuple) else dx


def hamming(size):
    return frames.make_window("hamming", size)  # 0 nowhere: each sample counts


FILTERS = np.random.default_rng(1).random((3, 5))
EARLIER = np.array([[3.0], [1.0]]), np.array([[5.0], [0.5]])  # frames, and their powers
LEVEL, POWER = 1 + np.arange(4.0), np.random.default_rng(3).random((4, 5))
SQUARE = np.random.default_rng(2).random((5, 5))  # its transpose fits just as well
# Even and odd windows; strides that divide the window, that do not, and that leave gaps.
SIZES = [(8, 4), (8, 3), (9, 4), (7, 7), (5, 8), (2, 1)]

PAIRS = {
    **{f"frame {s}": Pair(frames, "frame", (30,), s) for s in SIZES},
    "window": Pair(frames, "window", (4, 7), (hamming(7),)),
    "rfft even": Pair(stft, "rfft", (3, 8)),
    "rfft odd": Pair(stft, "rfft", (3, 9)),
    **{f"stft {s}": Pair(stft, "stft", (30,), (hamming(s[0]), s[1])) for s in SIZES},
    "power": Pair(stft, "power", (4, 5), (), np.complex128),
    "log": Pair(stft, "log", (4, 5), (0.3,), positive=True),
    "mel": Pair(mel, "mel", (4, 5), (FILTERS,), positive=True),
    "mel square": Pair(mel, "mel", (4, 5), (SQUARE,), positive=True),
    "clip power": Pair(level, "clip_power", (4, 7)),
    "running power": Pair(level, "running_power", (2, 40, 7)),
    "running power, continued": Pair(level, "running_power", (2, 4, 7), (EARLIER,)),
    "power normalise": Pair(level, "power_normalise", (4, 5), (LEVEL, 0.3), positive=True),
    "level": Pair(level, "power_normalise", (4,), (POWER, 0.3), positive=True, place=1),
    "normalise": Pair(normalisation, "normalise", (5, 4)),
    **{f"spectrogram {s}": Pair(spectrogram, "log_spectrogram", (30,), s) for s in SIZES},
    "spectrogram hamming": Pair(spectrogram, "log_spectrogram", (30,), (9, 4, "hamming")),
    "spectrogram mel": Pair(spectrogram, "log_spectrogram", (30,), (9, 4, "hann", FILTERS)),
    **{f"clip {s}": Pair(spectrogram, "clip_spectrogram", (30,), s) for s in SIZES},
    "clip mel": Pair(spectrogram, "clip_spectrogram", (30,), (9, 4, "hann", FILTERS)),
    **{
        f"clip so far {s}": Pair(spectrogram, "clip_spectrogram", (30,), (*s, "hann", None, True))
        for s in SIZES
    },
}
every_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)


def random_like(x, rng):
    noise = rng.standard_normal(x.shape)
    return noise + 1j * rng.standard_normal(x.shape) if np.iscomplexobj(x) else noise


def check(pair, rng):
    """Compare the backward pass with finite differences, real and imaginary parts alike."""
    x = pair.x(rng)
    out, cache = pair.forward(x)
    upstream = random_like(out, rng)
    got = np.ascontiguousarray(pair.backward(upstream, cache))

    def loss():  # upstream = dL/d(Re) + i dL/d(Im) of the output
        return float(np.vdot(upstream, pair.forward(x)[0]).real)

    numerical = numerical_gradient(loss, x.view(np.float64))  # complex: Re and Im by turns
    assert got.dtype == x.dtype
    return compare_gradients("x", got.view(np.float64), numerical)


@every_pair
def test_gradient(pair, rng):
    comparison = check(pair, rng)
    assert comparison.ok, comparison


@every_pair
@pytest.mark.parametrize("single", [True, False])
def test_the_precision_is_kept(pair, single, rng):
    real, both = (np.float32, np.complex64) if single else (np.float64, np.complex128)
    x = pair.x(rng)
    x = x.astype(both if np.iscomplexobj(x) else real)
    out, cache = pair.forward(x)
    upstream = random_like(out, rng).astype(out.dtype)
    dx = pair.backward(upstream, cache)
    assert out.dtype == (both if np.iscomplexobj(out) else real)
    assert (dx.dtype, dx.shape) == (x.dtype, x.shape)


@every_pair
def test_inputs_and_cache_are_not_modified(pair, rng):
    x = pair.x(rng)
    x.flags.writeable = False
    out, cache = pair.forward(x)
    upstream = random_like(out, rng)
    upstream.flags.writeable = False
    first = pair.backward(upstream, cache)
    np.testing.assert_array_equal(pair.backward(upstream, cache), first)


@every_pair
@pytest.mark.gpu
@pytest.mark.skipif(why_no_gpu() is not None, reason=f"no GPU: {why_no_gpu()}")
def test_the_gpu_agrees(pair, rng):
    x = pair.x(rng)
    out, cache = pair.forward(x)
    upstream = random_like(out, rng)
    gpu_out, gpu_cache = pair.forward(to_gpu(x))
    gpu_dx = pair.backward(to_gpu(upstream), gpu_cache)
    np.testing.assert_allclose(to_cpu(gpu_out), out, atol=1e-10)
    np.testing.assert_allclose(to_cpu(gpu_dx), pair.backward(upstream, cache), atol=1e-9)


@pytest.mark.parametrize("filters", [None, FILTERS])
@pytest.mark.parametrize("scope", ["utterance", "corpus", "running"])
def test_gradient_of_the_whole_input_down_to_the_waveform(filters, scope, rng):
    samples = rng.standard_normal(40)
    layer = InputNorm(5 if filters is None else 3, scope == "running", np.float64)
    layer.buffers["mean"] += np.arange(layer.buffers["mean"].size) - 3
    layer.buffers["std"] += np.arange(layer.buffers["mean"].size)

    def forward():
        so_far = scope != "utterance"
        x, cache = spectrogram.clip_spectrogram_forward(samples, 9, 4, "hann", filters, so_far)
        if scope == "utterance":
            return *normalisation.normalise_forward(x), cache
        return layer.forward(x[None], np.array([len(x)]))[0], None, cache

    out, norm_cache, cache = forward()
    upstream = rng.standard_normal(out.shape)
    if scope == "utterance":
        dx = normalisation.normalise_backward(upstream, norm_cache)
    else:
        dx = layer.backward(upstream[None])[0]
    dsamples = spectrogram.clip_spectrogram_backward(dx, cache)
    numerical = numerical_gradient(lambda: float((forward()[0] * upstream).sum()), samples)
    comparison = compare_gradients("samples", dsamples, numerical)
    assert comparison.ok, comparison


# Typical mistakes, each of which replaces the correct backward pass.
right_power, right_running = level.power_normalise_backward, level.running_power_backward
right_frame, right_rfft = frames.frame_backward, stft.rfft_backward


def frames_overwrite(dout, cache):
    count, stride = cache
    dsamples = np.zeros(count)
    for t, dframe in enumerate(dout):
        dsamples[t * stride : t * stride + len(dframe)] = dframe
    return dsamples


def last_frame_forgotten(dout, cache):
    return right_frame(dout[:-1], cache)


def frames_side_by_side(dout, cache):
    dsamples = np.zeros(cache[0])
    flat = dout.ravel()[: cache[0]]
    dsamples[: len(flat)] = flat
    return dsamples


def overlaps_averaged(dout, cache):
    return right_frame(dout, cache) / np.maximum(right_frame(np.ones_like(dout), cache), 1)


def mirror_images_counted_twice(dout, cache):
    return scipy.fft.irfft(dout, n=cache) * cache


def every_frequency_halved(dout, cache):
    return scipy.fft.irfft(dout, n=cache) * cache / 2


def odd_taken_for_even(dout, cache):
    weights = np.r_[cache, np.full(dout.shape[1] - 2, cache / 2), cache]
    return scipy.fft.irfft(dout * weights, n=cache)


def even_taken_for_odd(dout, cache):
    weights = np.r_[cache, np.full(dout.shape[1] - 1, cache / 2)]
    return scipy.fft.irfft(dout * weights, n=cache)


def window_forgotten(dout, cache):
    return right_frame(right_rfft(dout, cache[2]), cache[0])


def window_applied_twice(dout, cache):
    return right_frame(right_rfft(dout, cache[2]) * cache[1] ** 2, cache[0])


def only_its_own_frame(dout, cache):
    power, counts = cache
    return 2 / power.shape[2] * power * (dout / counts)[:, :, None]


def floor_of_the_frame_forgotten(dout, cache):
    return dout / cache[1], right_power(dout, cache)[1]


def floor_of_the_level_forgotten(dout, cache):
    out, divisor, _ = cache
    return right_power(dout, cache)[0], -(dout * out / divisor).sum(axis=1)


def level_constant(dout, cache):
    return spectrogram.log_spectrogram_backward(dout, cache[2])[0]


def variance_constant(dout, cache):
    return (dout - dout.mean(axis=0)) * cache[1]


def mean_constant(dout, cache):
    out, inverse_std = cache
    return (dout - out * (dout * out).mean()) * inverse_std


def variance_of_each_frequency(dout, cache):
    out, inverse_std = cache
    dcentred = (dout - out * (dout * out).mean(axis=0)) * inverse_std
    return dcentred - dcentred.mean(axis=0)


WRONG = {
    "frames overwrite each other": ("frame (8, 3)", frames_overwrite),
    "last frame forgotten": ("frame (9, 4)", last_frame_forgotten),
    "frames side by side": ("frame (8, 4)", frames_side_by_side),
    "overlaps averaged": ("frame (8, 3)", overlaps_averaged),
    "window not applied": ("window", lambda dout, _: dout),
    "window divided out": ("window", lambda dout, window: dout / window),
    "conjugate missing": ("rfft even", lambda dout, size: right_rfft(dout.conj(), size)),
    "mirror images counted twice": ("rfft even", mirror_images_counted_twice),
    "every frequency halved": ("rfft even", every_frequency_halved),
    "division by the size left in": ("rfft even", lambda dout, n: right_rfft(dout, n) / n),
    "odd size taken for even": ("rfft odd", odd_taken_for_even),
    "even size taken for odd": ("rfft even", even_taken_for_odd),
    "only real parts": ("rfft odd", lambda dout, n: right_rfft(dout.real + 0j, n)),
    "window forgotten on the way back": ("stft (9, 4)", window_forgotten),
    "window applied twice": ("stft (9, 4)", window_applied_twice),
    "square without its 2": ("power", lambda dout, cache: dout * cache),
    "power conjugated": ("power", lambda dout, cache: 2 * dout * cache.conj()),
    "phase lost": ("power", lambda dout, cache: 2 * dout * np.abs(cache) + 0j),
    "log without its floor": ("log", lambda dout, cache: dout / cache[0]),
    "log to base 10": ("log", lambda dout, c: dout / (c[0] + c[1]) / np.log(10)),
    "mel not transposed": ("mel square", lambda dout, filters: dout @ filters.T),
    "mel averaged": ("mel", lambda dout, filters: dout @ (filters / filters.sum(1)[:, None])),
    "clip power without its 2": ("clip power", lambda dout, x: x * (dout.sum() / x.size)),
    "clip power of one frame": ("clip power", lambda dout, x: x * (2 / x.size * dout)[:, None]),
    "earlier frames only": ("running power", lambda d, c: right_running(d[:, ::-1], c)[:, ::-1]),
    "no later frames": ("running power, continued", only_its_own_frame),
    "the frame's part of the floor": ("power normalise", floor_of_the_frame_forgotten),
    "the level's part of the floor": ("level", floor_of_the_level_forgotten),
    "level constant": ("clip (9, 4)", level_constant),
    "mean not subtracted": ("normalise", mean_constant),
    "variance taken as constant": ("normalise", variance_constant),
    "variance of each frequency": ("normalise", variance_of_each_frequency),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_planted_mistakes_are_caught(mistake, monkeypatch, rng):
    name, wrong = WRONG[mistake]
    pair = PAIRS[name]
    assert check(pair, rng).ok
    monkeypatch.setattr(pair.module, f"{pair.name}_backward", wrong)
    assert not check(pair, rng).ok
