import importlib.util
import os
import socket
import subprocess
import sys

import pytest
from helpers.launcher import MPIEXEC, ROOT

# What the commands do with an error, in short.
PROGRAM = """
import os, signal, sys, time
import numpy as np
from ds2np.errors import UserError
from ds2np.parallel import connect

def main(comm):
{body}

try:
    with connect(timeout={timeout}) as comm:
        main(comm)
except UserError as error:
    print("error:", error, file=sys.stderr)
    sys.exit(2)
"""


@pytest.fixture
def mpiexec(tmp_path):
    """Return a function that runs the body of main(comm) under mpiexec."""
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed")
    if not MPIEXEC.exists():
        pytest.skip(f"no MPI library with {MPIEXEC}; pip install mpich")

    def run(processes, body, *options, timeout=30):
        script = tmp_path / "program.py"
        body = "".join(f"    {line}\n" for line in body.splitlines())
        script.write_text(PROGRAM.format(body=body, timeout=timeout))
        return subprocess.run(
            [MPIEXEC, *options, "-n", str(processes), sys.executable, "-W", "error", script],
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
