"""Products in a chosen precision: the split into bfloat16, and what cuBLAS is asked for."""

import numpy as np
import pytest
from helpers import fake_cublas
from helpers.host_kernels import in_every_order, use_on_host
from helpers.signatures import assert_stands_in

from ds2np import kernels
from ds2np.backend import to_cpu, to_gpu
from ds2np.errors import UserError
from ds2np.kernels.host import ORDERS, why_not_on_host
from ds2np.kernels.products import PRECISIONS, check_precision, product, split

if why_not_on_host():
    pytest.skip(f"no kernels on the host: {why_not_on_host()}", allow_module_level=True)

SMALLEST, INFINITE = np.finfo(np.float32).tiny, 2.0**128  # the first that are not normal


def values(bits):
    """Return bfloat16 numbers as float64."""
    with np.errstate(invalid="ignore"):  # some are nan
        return (to_cpu(bits).astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def right_split(x):
    """Split by the definition, in float64."""
    x = np.where(np.abs(x) < SMALLEST, 0, x.astype(np.float64))
    high = fake_cublas.round_to(x, 8)
    high = np.where(np.abs(high) < INFINITE, high, 0)
    rest = x - high
    low = np.where(np.abs(rest) < SMALLEST, 0, fake_cublas.round_to(rest, 8))
    return high, np.where(np.abs(low) < INFINITE, low, np.inf * np.sign(low))


def odd_numbers():
    """Return numbers of every size and sign, near ties, and those that are no numbers."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 20_000, dtype=np.uint64).astype(np.uint32)
    ties = (np.arange(0x3F80, 0x3FC0, dtype=np.uint32) << 16) + 0x8000
    ends = [0, 0x80000000, 1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x7F7F7FFF, 0x7F7F8000]
    ends += [0x7F800000, 0xFF800000, 0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000, 0xFF7FFFFF]
    return np.concatenate([bits, ties - 1, ties, ties + 1, np.array(ends, np.uint32)])


@in_every_order
def test_the_split_is_the_nearest_bfloat16_twice(order, monkeypatch):
    use_on_host(monkeypatch, order)
    x = odd_numbers().view(np.float32)
    with np.errstate(invalid="ignore"):
        expected = right_split(x)
    for size in (1, 2, 255, 1024, 1025, len(x)):
        got = split(x[-size:][None])
        for mine, right in zip(got, expected, strict=True):
            assert mine.dtype == np.uint16
            np.testing.assert_array_equal(values(mine)[0], right[-size:])
        for mine, again in zip(got, split(x[-size:][None]), strict=True):
            np.testing.assert_array_equal(mine, again)


def test_the_split_leaves_a_rest_of_2_to_the_minus_17(to):
    x = np.float32(np.logspace(-30, 30, 5000))[None]
    high, low = split(to(np.concatenate([x, -x])))
    x = np.concatenate([x, -x])
    assert (np.abs(values(high) + values(low) - x) <= 2.0**-17 * np.abs(x)).all()


def test_the_split_of_a_transpose_is_a_transpose(to, rng):
    x = rng.standard_normal((5, 3)).astype(np.float32)
    for mine, right in zip(split(to(x).T), split(to(x)), strict=True):
        assert mine.T.flags.c_contiguous
        np.testing.assert_array_equal(to_cpu(mine), to_cpu(right).T)


@pytest.fixture
def fake(monkeypatch):
    use_on_host(monkeypatch)
    fake_cublas.use(monkeypatch)
    return np.copy


def layouts(a, b):
    """Yield both factors, each as it is and as the transpose of a contiguous array."""
    for one in (a, a.T.copy().T):
        for other in (b, b.T.copy().T):
            yield one, other


SIZES = [(1, 1, 1), (1, 7, 5), (7, 1, 5), (7, 5, 1), (29, 33, 17), (64, 130, 40)]
# Relative to the norms of the factors: what is left of either, and low times low, which is left
# out; both roundings; and those of the sum.
SUM = 1e-6
ERRORS = {"bf16x3": 2 * 2.0**-17 + 2.0**-16 + SUM, "tf32": 2 * 2.0**-11 + SUM, "float32": SUM}


def check(precision, to, rng):
    for M, K, N in SIZES:
        a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((M, K), (K, N)))
        exact = a.astype(np.float64) @ b.astype(np.float64)
        norms = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=0)
        for one, other in layouts(a, b):
            one, other = (to(x) if x.flags.c_contiguous else to(x.T).T for x in (one, other))
            out = to(np.full((M, N), np.nan, np.float32))
            assert product(one, other, precision, out=out) is out
            got = product(one, other, precision)
            np.testing.assert_array_equal(to_cpu(got), to_cpu(out))
            assert got.dtype == np.float32
            assert (np.abs(to_cpu(got) - exact) <= ERRORS[precision] * norms).all()


@pytest.mark.parametrize("precision", ["bf16x3", "tf32"])
def test_what_cublas_is_asked_for(precision, fake, rng):
    check(precision, fake, rng)


@pytest.mark.parametrize("precision", ERRORS)
def test_products(precision, to, monkeypatch, rng):
    if to is to_gpu and precision == "bf16x3":
        fake_cublas.complete(monkeypatch)
    if to is np.copy and precision == "tf32":
        precision = "float32"
    check(precision, to, rng)


def test_three_products_are_much_better_than_one(fake, rng):
    """bf16 x 3, TF32 and bf16 alone, as errors relative to the norm of the product."""
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((100, 512), (512, 90)))
    exact = a.astype(np.float64) @ b.astype(np.float64)

    def error(got):
        return np.linalg.norm(got - exact) / np.linalg.norm(exact)

    errors = {name: error(product(fake(a), fake(b), name)) for name in ("bf16x3", "tf32")}
    errors["bf16"] = error(values(split(a)[0]) @ values(split(b)[0]))
    assert 1e-7 < errors["bf16x3"] < 1e-5
    assert 1e-4 < errors["tf32"] < 1e-3 < errors["bf16"] < 1e-2


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1, 1e20, 1e30])
def test_no_gradient_is_too_small_or_too_large(size, fake, rng):
    """Therefore the loss needs no scaling."""
    x, dout = (rng.standard_normal(shape) for shape in ((40, 20), (40, 30)))
    dW = product(fake(np.float32(x)).T, fake(np.float32(size * dout)), "bf16x3")
    exact = x.T @ (size * dout)
    assert np.linalg.norm(dW - exact) / np.linalg.norm(exact) < 1e-5


def test_numbers_that_are_not_finite(fake):
    """Infinity stays infinite, as in float32, with any other factor but itself; nan is nan."""
    a = np.float32([[np.inf], [-np.inf], [np.nan], [3.4e38], [2]])
    b = np.float32([[1, 1.001, -0.999, 1e-30, np.nan, np.inf]])
    got = product(fake(a), fake(b), "bf16x3")
    with np.errstate(invalid="ignore", over="ignore"):
        right = a @ b
    np.testing.assert_array_equal(np.isfinite(got[:3]), np.isfinite(right[:3]))
    np.testing.assert_array_equal(got[:3, :5], right[:3, :5])
    assert (got[3, :4] == [np.inf, np.inf, -np.inf, np.inf]).all()  # beyond bfloat16
    np.testing.assert_allclose(got[4, :4], right[4, :4], rtol=1e-5)
    assert np.isnan(got[4, 4])
    assert got[4, 5] == np.inf


def test_three_products_of_four_arrays(fake, rng, monkeypatch):
    asked = []
    original = fake_cublas.gemmEx
    monkeypatch.setattr(fake_cublas, "gemmEx", lambda *a: asked.append(a) or original(*a))
    a, b = (fake(rng.standard_normal(shape).astype(np.float32)) for shape in ((3, 4), (4, 5)))
    product(a, b, "bf16x3")
    assert len(asked) == 3
    assert len({call[7] for call in asked} | {call[10] for call in asked}) == 4


@pytest.mark.parametrize("precision", PRECISIONS)
def test_empty_products_and_other_types(precision, fake, rng):
    for M, K, N in ((0, 3, 2), (3, 0, 2), (3, 2, 0)):
        got = product(np.ones((M, K), np.float32), np.ones((K, N), np.float32), precision)
        np.testing.assert_array_equal(got, np.zeros((M, N)))
    a, b = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    np.testing.assert_array_equal(product(a, b, precision), a @ b)


def test_who_may_choose_what(monkeypatch):
    x = np.ones(1, np.float32)
    check_precision("float32", x)
    for precision in PRECISIONS[1:]:
        with pytest.raises(UserError, match=f"precision {precision} needs a GPU; on the CPU"):
            check_precision(precision, x)
    with pytest.raises(UserError, match="no precision 'fp8'; choose from float32, tf32, bf16x3"):
        check_precision("fp8", x)


def test_an_older_gpu_has_no_bfloat16(fake, monkeypatch):
    x = np.ones(1, np.float32)
    for found in (75, 80, 120):
        monkeypatch.setattr(kernels, "capability", lambda x, found=found: found)
        check_precision("half", x)
        if found >= 80:
            check_precision("tf32", x)
            continue
        with pytest.raises(UserError, match=r"tf32 needs a GPU of .* 8\.0 or .* this one has 7\.5"):
            check_precision("tf32", x)


def test_the_fake_takes_what_cublas_takes():
    pytest.importorskip("cupy", reason="CuPy is not installed: the fake is not compared")
    from cupy_backends.cuda.api import runtime
    from cupy_backends.cuda.libs import cublas

    assert_stands_in(fake_cublas.gemmEx, cublas.gemmEx)
    constants = {n: v for n, v in vars(fake_cublas).items() if n.startswith("CU")}
    assert len(constants) == 5
    for name, value in constants.items():
        assert getattr(runtime if name.startswith("CUDA") else cublas, name) == value


MISTAKES = {
    "cut off, not rounded": ("(bits + 0x7fff + (bits >> 16 & 1)) >> 16", "bits >> 16"),
    "ties upwards": ("0x7fff + (bits >> 16 & 1)", "0x8000"),
    "nan becomes a number": ("    if (x != x) return bits >> 16 | 0x40;", ""),
    "inf - inf": ("if ((upper & 0x7f80) == 0x7f80) upper = 0;", ""),
    "low is cut off": ("low[i] = nearest(", "low[i] = 0xffff & __float_as_int("),
    "smaller than normal": ("fabsf(x) < SMALLEST ? 0.0f : x", "x"),
    "the end is left out": ("if (i >= size) return;", "if (i >= size - 1) return;"),
    "blocks overlap": ("blockIdx.x * PIECE + threadIdx.x", "threadIdx.x"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch):
    x = odd_numbers().view(np.float32)[None]
    with np.errstate(invalid="ignore"):
        expected = right_split(x)

    def run_all():
        for order in ORDERS:
            use_on_host(monkeypatch, order, ("split", *MISTAKES[mistake]))
            for mine, right in zip(split(x), expected, strict=True):
                np.testing.assert_array_equal(values(mine), right)

    with pytest.raises(AssertionError):
        run_all()


def test_one_launch_splits_a_matrix(monkeypatch):
    use_on_host(monkeypatch)
    launched, load = [], kernels.load
    monkeypatch.setattr(kernels, "load", lambda name: launched.append(name) or load(name))
    split(np.ones((30, 40), np.float32))
    assert launched == ["split"]
