"""What starts many processes of one program, and where they find the package."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MPIEXEC = Path(sys.executable).with_name("mpiexec")

HOLD = """
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from ds2np.files import locked

with locked(Path(sys.argv[1]), "it"):
    print(flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holding(lock):
    """Let another process hold a lock file."""
    command = [sys.executable, "-c", HOLD, str(lock)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        process.stdout.readline()
        yield process
        process.kill()
