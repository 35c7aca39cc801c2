"""The tests marked gpu can be collected on a bare CUDA machine."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
# pytest, NumPy, SciPy and CuPy are there.
MISSING = (
    *("soundfile", "jiwer", "tqdm", "threadpoolctl", "matplotlib", "hypothesis", "mpi4py"),
    *("nbformat", "nbclient", "jupytext", "pygments", "latex2mathml", "markdown_it"),
)
BARE = f"""
import sys
import pytest
sys.modules.update(dict.fromkeys({MISSING!r}))
sys.exit(pytest.main(["-m", "gpu", "--collect-only", "-p", "no:cacheprovider", {str(TESTS)!r}]))
"""


def test_they_are_collected_without_the_other_packages():
    collected = subprocess.run(
        [sys.executable, "-c", BARE],
        cwd=TESTS.parent,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert collected.returncode == 0, collected.stdout + collected.stderr
    files = {line.partition("::")[0] for line in collected.stdout.splitlines() if "::" in line}
    marked = {
        path.relative_to(TESTS.parent).as_posix()
        for path in TESTS.rglob("test_*.py")
        if path != Path(__file__) and "mark.gpu" in path.read_text(encoding="utf-8")
    }
    assert marked <= files
