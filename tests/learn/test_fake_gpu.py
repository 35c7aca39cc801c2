"""The fake GPU: as strict as CuPy, and the whole package runs on it without hidden copies."""

import itertools
import sys

import numpy as np
import pytest
from helpers.signatures import assert_stands_in, signature

from ds2np.backend import get_array_module, get_fft_module, to_cpu, to_gpu, why_no_gpu
from ds2np.ctc import ctc_loss
from ds2np.gradcheck.cases import CASES, LENGTHS
from ds2np.kernels.host import HostModule, why_not_on_host
from ds2np.learn import fake_cublas
from ds2np.learn import fake_gpu as module
from ds2np.learn.fake_gpu import FakeArray, fake_gpu
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.optim import SGD

CONFIG = DeepSpeech2Config(sample_rate=800, layers=2, hidden=8)
CONVOLUTIONS = {
    "2D": (ConvConfig(2, (3, 5), (2, 2)), ConvConfig(2, (3, 3), (1, 2))),
    "1D": (ConvConfig(4, (5,), (2,)),),
}


def test_it_is_there_within_the_block_only():
    before = sys.modules.get("cupy")
    with fake_gpu():
        x = to_gpu(np.ones(3))
        assert get_array_module(x) is sys.modules["cupy"] is not before
    assert sys.modules.get("cupy") is before


def test_the_memories_are_apart():
    x = np.arange(6.0)
    with fake_gpu() as log:
        on_gpu = to_gpu(x)
        for mixed in (
            lambda: x + on_gpu,
            lambda: on_gpu * x,
            lambda: get_array_module(on_gpu).exp(x),
            lambda: get_array_module(on_gpu).concatenate([on_gpu, x]),
            lambda: on_gpu.__setitem__(slice(None), x),
            lambda: np.asarray(on_gpu),
        ):
            with pytest.raises(TypeError, match=r"on (a|the) GPU"):
                mixed()
        np.testing.assert_array_equal(to_cpu(on_gpu), x)
        assert log.sent == 1


def test_array_copies_and_asarray_does_not():
    with fake_gpu():
        x = to_gpu(np.zeros(3))
        cupy = get_array_module(x)
        assert cupy.asarray(x) is x
        cupy.array(x)[0] = 1
        assert not to_cpu(x).any()


def test_launches_copies_and_waits_are_counted():
    with fake_gpu() as log:
        x = to_gpu(np.arange(6.0))
        y = x.reshape(2, 3).T[1:]  # views
        assert log.launches.total() == 0
        y = y.sum(axis=0) + 1
        y *= 2
        y[0] = 5
        assert log.launches == {"sum": 1, "add": 1, "multiply": 1, "setitem": 1}
        assert not log.waits
        assert float(y[0]) == 5
        assert list(log.waits) == [f"{__name__}: assert float(y[0]) == 5"]
        assert log.take().sent == 1
        assert log.sent == 0


def test_numpys_functions_are_cupys():
    with fake_gpu() as log:
        x = to_gpu(np.arange(6.0))
        assert float(np.sum(x)) == 15
        assert np.concatenate([x, x]).shape == (12,)
        assert log.launches == {"sum": 1, "concatenate": 1}
        with pytest.raises(TypeError, match="on the GPU"):
            np.concatenate([x, np.zeros(1)])


def test_what_cupy_lacks_is_not_there():
    with fake_gpu():
        x = to_gpu(np.arange(6.0))
        cupy = get_array_module(x)
        with pytest.raises(AttributeError, match="CuPy has no insert"):
            cupy.insert(x, 1, 2.0)
        with pytest.raises(AttributeError, match="CuPy has no insert"):
            np.insert(x, 1, 2.0)
        with pytest.raises(TypeError, match="CuPy's min takes neither where nor initial"):
            x.min(initial=0.0)
        with pytest.raises(TypeError, match="workers"):
            get_fft_module(x).rfft2(x.reshape(2, 3), workers=2)


def test_hidden_copies_are_counted():
    with fake_gpu() as log:
        x, stack = to_gpu(np.ones((4, 6))), to_gpu(np.ones((2, 3, 4)))
        fft = get_fft_module(x)
        x @ x.T  # cuBLAS transposes for nothing
        assert log.take().launches["copy of a factor"] == 0
        x[:, ::2] @ x[:3]
        stack @ stack.swapaxes(1, 2)
        assert log.take().launches["copy of a factor"] == 2
        spectrum = fft.rfft2(x, s=(8, 6), axes=(0, 1))
        assert log.take().launches == {"zeros": 1, "copy to pad": 1, "rfft2": 1}
        fft.irfft2(spectrum, s=(8, 6), axes=(0, 1))
        assert log.take().launches == {"copy to transform": 1, "irfft2": 1, "divide": 1}
        fft.irfft2(spectrum, s=(8, 6), axes=(0, 1), norm="forward", overwrite_x=True)
        assert log.take().launches == {"irfft2": 1}


def test_empty_arrays_launch_nothing():
    with fake_gpu() as log:
        x = to_gpu(np.ones((4, 6)))
        x[4:] = x[:0] + 1
        assert not log.launches


@pytest.mark.parametrize(("letter", "dtype"), list(fake_cublas.DTYPES.items()))
@pytest.mark.parametrize("operations", list(itertools.product("NTC", repeat=2)))
def test_products_at_addresses(letter, dtype, operations, rng):
    counted = []
    cublas = fake_cublas.Cublas(counted.append)
    m, n, k, batch = 3, 4, 5, 2
    shapes = [(batch, m, k), (batch, k, n)]
    A, B = (
        (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
        if np.dtype(dtype).kind == "c"
        else rng.standard_normal(shape).astype(dtype)
        for shape in shapes
    )
    change = {
        "N": lambda x: x,
        "T": lambda x: x.swapaxes(1, 2),
        "C": lambda x: x.swapaxes(1, 2).conj(),
    }
    # In memory column by column, so that the rows of an array are the columns of its matrix.
    stored = [
        np.ascontiguousarray(change[one](x).swapaxes(1, 2))
        for one, x in zip(operations, (A, B), strict=True)
    ]
    C = np.full((batch, n, m), np.nan, dtype)
    two, zero = np.full(1, 2, dtype), np.zeros(1, dtype)
    a, b = ((x.ctypes.data, x.shape[2], x[0].size) for x in stored)
    kinds = [getattr(cublas, f"CUBLAS_OP_{one}") for one in operations]
    multiply = getattr(cublas, f"{letter}gemmStridedBatched")
    to = C.ctypes.data, m, m * n
    multiply(0, *kinds, m, n, k, two.ctypes.data, *a, *b, zero.ctypes.data, *to, batch)
    np.testing.assert_allclose(C.swapaxes(1, 2), 2 * (A @ B), rtol=1e-4, atol=1e-5)
    assert counted == [f"{letter}gemmStridedBatched"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_layer_computes_the_same(case, rng):
    layer, moved = case.layer(np.float64), case.layer(np.float64)
    x = case.x(rng, np.float64)
    out = layer.forward(x, LENGTHS)
    upstream = rng.standard_normal(out.shape)
    dx = layer.backward(upstream)
    with fake_gpu() as log:
        moved.move(to_gpu)
        got = moved.forward(to_gpu(x), LENGTHS), moved.backward(to_gpu(upstream))
        assert not log.waits
        for one, expected in zip(got, (out, dx), strict=True):
            np.testing.assert_allclose(to_cpu(one), expected, rtol=1e-9, atol=1e-10)
        for name, value in layer.grads.items():
            np.testing.assert_allclose(to_cpu(moved.grads[name]), value, rtol=1e-9, atol=1e-10)


def step(model, rng):
    x = rng.standard_normal((3, 40, model.config.features)).astype(np.float32)
    labels = np.array([[1, 2, 2, 5], [3, 3, 0, 0], [7, 0, 0, 0]])
    optimiser = SGD(model.params, model.grads, learning_rate=1e-3, max_norm=10)
    model.zero_grads()
    logits, out_lengths = model.forward(x, np.array([40, 30, 35]))
    loss, dlogits = ctc_loss(logits, labels, out_lengths, np.array([4, 2, 1]))
    model.backward(dlogits)
    optimiser.step()
    return loss


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
@pytest.mark.parametrize("recurrent", ["gru", "rnn"])
def test_a_training_step_is_the_same_and_waits_once(convolution, recurrent):
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    values = {**CONFIG.to_dict(), "conv": (), "recurrent": recurrent}
    config = DeepSpeech2Config(**{**values, "conv": CONVOLUTIONS[convolution]})
    model = DeepSpeech2(config)
    loss = step(model, np.random.default_rng(0))
    with fake_gpu() as log:
        moved = DeepSpeech2(config)
        moved.move(to_gpu)
        got = step(moved, np.random.default_rng(0))
        assert log.launches["ctc_ways"] == log.launches["ctc_gradient"] == 1
        assert log.waits.total() == 1  # for the norm of the gradients
        np.testing.assert_allclose(to_cpu(got), loss, rtol=1e-4)
        for name, value in model.state_dict().items():
            np.testing.assert_allclose(to_cpu(moved.state_dict()[name]), value, atol=1e-5)


@pytest.fixture
def recorded(monkeypatch):
    """Record which functions and methods a fake GPU is asked for, and with which arguments."""
    calls, counting, by_ufunc = {}, module._counting, FakeArray.__array_ufunc__

    def counted(name, function, owner=None):
        run = counting(name, function, owner)
        is_fft = "scipy.fft" in str(getattr(function, "__module__", ""))
        path = "ndarray" if owner is not None else "fft" if is_fft else "cupy"

        def call(*args, **options):
            given = args if owner is None else (owner, *args)
            calls[path, name, len(args), tuple(options)] = given, options
            return run(*args, **options)

        return call

    def counted_ufunc(self, ufunc, method, *inputs, **options):
        calls[ufunc.__name__, method, len(inputs), tuple(options)] = inputs, options
        return by_ufunc(self, ufunc, method, *inputs, **options)

    monkeypatch.setattr(module, "_counting", counted)
    monkeypatch.setattr(FakeArray, "__array_ufunc__", counted_ufunc)
    return calls


def test_cupy_takes_every_call_of_the_layers_and_of_a_step(recorded, rng):
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: the fake is not compared")
    import cupyx.scipy.fft

    with fake_gpu():
        for case in CASES:
            layer = case.layer(np.float32)
            layer.move(to_gpu)
            out = layer.forward(to_gpu(case.x(rng, np.float32)), LENGTHS)
            layer.backward(to_gpu(rng.standard_normal(out.shape, np.float32)))
        if not why_not_on_host():
            model = DeepSpeech2(CONFIG)
            model.move(to_gpu)
            step(model, rng)
    assert len(recorded) > 30
    rooms = {"cupy": cupy, "ndarray": cupy.ndarray, "fft": cupyx.scipy.fft}
    for (room, name, *_), (args, options) in recorded.items():
        owner = rooms.get(room) or getattr(cupy, room)
        function = getattr(owner, "__getitem__" if name == "getitem" else name)
        signature(function).bind(*args, **options)


def test_the_attributes_and_kernels_are_those_of_cupy():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: the fake is not compared")
    assert set(module.PLAIN) <= set(dir(cupy.ndarray))
    assert_stands_in(module._asarray, cupy.asarray)
    assert_stands_in(module._array, cupy.array)
    assert_stands_in(FakeArray.get, cupy.ndarray.get)
    assert_stands_in(module._RawModule, cupy.RawModule)
    for method in ("record", "synchronize"):
        assert_stands_in(getattr(module._Event, method), getattr(cupy.cuda.Event, method))
    with fake_gpu():
        assert_stands_in(sys.modules["cupy"].cuda.get_elapsed_time, cupy.cuda.get_elapsed_time)
    assert_stands_in(HostModule.get_function, cupy.RawModule.get_function)
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    code = 'extern "C" __global__ void nothing(int n) {}'
    for kind in (HostModule, module._RawModule):
        assert_stands_in(kind(code).get_function("nothing"), cupy.RawKernel.__call__)


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_counts_are_about_those_of_cupy(case, rng):
    if why_no_gpu() or why_not_on_host():
        pytest.skip(f"no GPU: {why_no_gpu()}" if why_no_gpu() else why_not_on_host())
    fakegpu = pytest.importorskip("fakegpu", reason="a real GPU does not count operations")
    x = case.x(rng, np.float32)
    upstream = rng.standard_normal(case.layer(np.float32).forward(x, LENGTHS).shape, np.float32)

    def run(count):
        layer = case.layer(np.float32)
        layer.move(to_gpu)
        given = to_gpu(x), to_gpu(upstream)
        for _ in range(2):  # the first time, constants are sent
            before = count()
            layer.forward(given[0], LENGTHS)
            layer.backward(given[1])
        return before, count()

    with fake_gpu() as log:
        counted = run(log.take)[1]
    before, after = run(fakegpu.counts)
    real = {name: after[name] - before[name] for name in after}
    assert counted.waits.total() == real["d2h"]
    # NumPy lays out some results in another order, which may take another way through the layer.
    assert abs(counted.sent - real["h2d"]) <= 1
    operations = sum(real[name] for name in ("launch", "gemm", "fft", "memset", "d2d"))
    # An index by arrays takes CuPy a few operations, and each matrix of some products one.
    assert 0.6 * operations <= counted.launches.total() <= 1.35 * operations


def test_the_list_of_what_cupy_lacks():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: the fake is not compared")
    assert not [name for name in module.LACKING if hasattr(cupy, name)]
