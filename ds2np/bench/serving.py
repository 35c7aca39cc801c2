"""A server of a run, for as long as it is measured."""

import contextlib
import subprocess
import sys
import urllib.request

from ds2np.errors import UserError


@contextlib.contextmanager
def serving(run, batch, streams=1, gather=0):
    """Run a server in a process of its own; yield its address, such as 127.0.0.1:8080.

    batch, streams: its limits. gather: milliseconds, see `serve`.
    """
    words = [sys.executable, "-m", "ds2np", "serve", run, "--port", "0", "--device", "cpu"]
    words += ["--max-batch", batch, "--max-streams", streams + 1, "--gather", gather]
    with subprocess.Popen(
        list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            words = process.stdout.readline().split()
            if not words:
                raise UserError(f"no server of {run}; `python -m ds2np serve {run}` says why")
            address = words[0].removeprefix("http://")
            urllib.request.urlopen(f"http://{address}/health").close()  # it listens: this waits
            yield address
        finally:
            process.terminate()
