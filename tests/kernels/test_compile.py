"""All kernels compile for all kinds of GPU, without a warning; NVRTC needs no GPU for that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu" / "kernel_files.py"


@pytest.mark.gpu  # NVRTC comes with CuPy
def test_no_warning():
    pytest.importorskip("cupy", reason="CuPy is not installed, and with it no compiler")
    # The real NVRTC: without libraries that stand in for CUDA's.
    own = {k: v for k, v in os.environ.items() if not k.startswith(("LD_", "FAKE_"))}
    ended = subprocess.run([sys.executable, SCRIPT], env=own, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert (
        "| recurrent_persistent, persistent_forward, GATES 3, HIDDEN 512, WARPS 16 |"
        in ended.stdout
    )
