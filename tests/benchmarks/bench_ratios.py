"""Has a part become slower? PyTorch's time by ours, against the ratios kept in ratios.json.

Not part of the test suite: python -m pytest tests/benchmarks/bench_ratios.py

Ratios hardly depend on what else a machine does, but they do depend on the machine. To keep new
ones, on an idle machine:
python -m ds2np bench --against torch --device cpu --json tests/benchmarks/ratios.json
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KEPT = json.loads(Path(__file__).with_name("ratios.json").read_text(encoding="utf-8"))
ROOT = Path(__file__).parents[2]
LEAST = 0.8  # of the ratio that is kept


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Run the command, which alone has NumPy's kernels chosen before NumPy is imported."""
    pytest.importorskip("torch", reason="PyTorch is not installed: there is nothing to compare to")
    path = tmp_path_factory.mktemp("bench") / "ratios.json"
    command = [sys.executable, "-m", "ds2np", "bench", "--against", "torch", "--device", "cpu"]
    command += ["--only", *KEPT["items"], "--json", str(path)]
    # The tests give BLAS one thread (tests/conftest.py); a measurement needs all.
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return json.loads(path.read_text(encoding="utf-8"))["items"]


@pytest.mark.parametrize("name", KEPT["items"])
def test_no_ratio_has_fallen(name, measured):
    before, now = KEPT["items"][name]["ratio"], measured[name]["ratio"]
    assert now["median"] > LEAST * before["median"], f"torch/ours was {before}, is {now}"
