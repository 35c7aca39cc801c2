import importlib.metadata
import re
from pathlib import Path

import pytest

from ds2np.backend import why_no_gpu
from ds2np.commands import doctor
from ds2np.errors import UserError

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture
def missing(monkeypatch):
    """Pretend that some packages are not installed."""

    def pretend(*names):
        def version(name):
            if name in names:
                raise importlib.metadata.PackageNotFoundError(name)
            return "1.2.3"

        monkeypatch.setattr(importlib.metadata, "version", version)

    monkeypatch.setattr(doctor, "self_test", lambda: ("deep speech", "deep speech", 0.1))
    monkeypatch.setattr(doctor, "_gemm_rate", lambda: 10)
    return pretend


def test_it_requires_what_the_package_requires():
    """What some machines only can have has a condition; the voice is checked by itself."""
    listed = re.search(r"^dependencies = \[(.*?)\]", PYPROJECT.read_text(), re.S | re.M).group(1)
    assert tuple(re.findall(r'"([\w-]+)[^";]*"', listed)) == doctor.REQUIRED


def test_a_plain_installation_is_ready(ds2np, missing, monkeypatch):
    from ds2np.synthesis import engines

    def no_library():
        raise UserError("espeak-ng is missing; get it somewhere")

    monkeypatch.setitem(engines.FINDERS, "espeak", no_library)
    missing(*doctor.OPTIONAL)
    code, out, err = ds2np("doctor")
    assert (code, err) == (0, "")
    assert (
        "optional   jupyter missing (for notebooks), pytest missing (for tests), mpi4py missing"
    ) in out
    assert "voices     none, which the demo needs: espeak-ng is missing; get it somewhere\n" in out
    assert out.endswith("verdict: ready\n")


def test_a_missing_requirement_is_named(ds2np, missing):
    missing("tqdm", "jiwer")
    code, out, err = ds2np("doctor")
    assert (code, err) == (1, "")
    assert (
        "soundfile 1.2.3, tqdm MISSING, jiwer MISSING, num2words 1.2.3, threadpoolctl 1.2.3" in out
    )
    assert out.endswith("verdict: NOT ready: tqdm, jiwer missing (pip install tqdm jiwer)\n")


def break_product(monkeypatch):
    monkeypatch.setitem(doctor.GPU_CHECKS, "matrix product", lambda: False)
    return "a matrix product on the GPU gives wrong numbers"


def break_transform(monkeypatch):
    def fail():
        raise RuntimeError("CUFFT_ALLOC_FAILED\nmore")

    monkeypatch.setitem(doctor.GPU_CHECKS, "Fourier transform", fail)
    return "a Fourier transform on the GPU fails (CUFFT_ALLOC_FAILED)"


@pytest.mark.gpu
def test_the_gpu_is_described_and_tested(ds2np, missing):
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    missing()
    code, out, _ = ds2np("doctor")
    assert code == 0
    assert re.search(
        r"GPU        .+, memory \d+ GB, CUDA [\d.]+, driver for CUDA [\d.]+, cupy .+; (no )?NCCL",
        out,
    )
    assert "tested: matrix product, Fourier transform, compiled kernel; the first step" in out


@pytest.mark.gpu
@pytest.mark.parametrize("break_it", [break_product, break_transform])
def test_a_broken_gpu_is_named_in_one_sentence(ds2np, missing, monkeypatch, break_it):
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    missing()
    fault = break_it(monkeypatch)
    code, out, err = ds2np("doctor")
    assert (code, err) == (1, "")
    assert out.endswith(f"verdict: NOT ready: {fault}\n")
