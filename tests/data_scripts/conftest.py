import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "data_scripts"))


@pytest.fixture
def run_script(monkeypatch, capsys):
    """Run a script in this process; return its exit code, stdout and stderr."""
    import common

    def run(module, *arguments):
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
        code = 0
        try:
            common.run(module.main)
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def record():
    """Write a short recording."""

    def write(path, seconds=0.5, rate=8000):
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        soundfile.write(path, rng.uniform(-0.1, 0.1, int(seconds * rate)), rate)
        return path

    return write
