"""A page in Chromium without a window, driven by its debugging protocol."""

import base64
import contextlib
import itertools
import json
import re
import subprocess
import time
import urllib.request

from helpers.widgets import BROWSER

QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--mute-audio"),
    "--remote-debugging-port=0",
)
MICROPHONE = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"


class Page:
    """A page, in which scripts can be run."""

    def __init__(self, connection):
        self._connection, self._numbers = connection, itertools.count(1)
        self.errors = []

    def call(self, method, **parameters):
        """Call a method of the protocol; return its result."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._connection.recv(30))
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(answer["params"]["exceptionDetails"])
            if answer.get("method") == "Log.entryAdded":
                self.errors.append(answer["params"]["entry"])
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def run(self, script):
        """Run a script; return its value."""
        result = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, script, seconds=40):
        """Run a script until its value is true; return that."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := self.run(script):
                return value
            time.sleep(0.1)
        raise AssertionError(f"{script}: still {self.run(script)!r}; {self.errors}")

    def picture(self, width, height, path):
        """Write a picture of the page at some size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))


@contextlib.contextmanager
def open_page(url, folder, microphone=None):
    """Open a page; its microphone hears a WAV file, once."""
    from websockets.sync.client import connect

    options = [*QUIET, f"--user-data-dir={folder / 'profile'}"]
    if microphone:
        options += [*MICROPHONE, f"--use-file-for-fake-audio-capture={microphone}%noloop"]
    with subprocess.Popen(
        [BROWSER, *options, "about:blank"], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = iter(process.stderr.readline, "")
            port = next(m[1] for line in lines if (m := re.search(r"ws://127.0.0.1:(\d+)/", line)))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                target = next(each for each in json.load(answer) if each["type"] == "page")
            with connect(target["webSocketDebuggerUrl"], max_size=None) as connection:
                page = Page(connection)
                for domain in ("Runtime", "Log", "Page"):
                    page.call(f"{domain}.enable")
                page.call("Page.navigate", url=url)
                page.wait_for(
                    "document.readyState === 'complete' && location.href !== 'about:blank'"
                )
                yield page
        finally:
            process.kill()
