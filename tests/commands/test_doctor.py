import importlib.metadata
import re
from pathlib import Path

import pytest

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
    listed = re.search(r"^dependencies = \[(.*?)\]", PYPROJECT.read_text(), re.S | re.M).group(1)
    assert tuple(re.findall(r'"([\w-]+)', listed)) == doctor.REQUIRED


def test_a_plain_installation_is_ready(ds2np, missing, monkeypatch):
    def no_library():
        raise UserError("espeak-ng is missing; get it somewhere")

    monkeypatch.setattr("ds2np.synthesis.espeak.load_library", no_library)
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
    assert "soundfile 1.2.3, tqdm MISSING, jiwer MISSING, threadpoolctl 1.2.3" in out
    assert out.endswith("verdict: NOT ready: tqdm, jiwer missing (pip install tqdm jiwer)\n")
