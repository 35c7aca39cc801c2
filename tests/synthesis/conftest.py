import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "data_scripts"


@pytest.fixture
def run_script(monkeypatch, capsys):
    """Run the script that makes the corpus; return its exit code, stdout and stderr."""
    monkeypatch.syspath_prepend(SCRIPTS)
    spec = importlib.util.spec_from_file_location("synthetic", SCRIPTS / "synthetic.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["synthetic.py", *map(str, arguments)])
        code = 0
        try:
            script.run(script.main)
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run
