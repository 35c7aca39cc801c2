"""Run the arithmetic of a widget in node, and a widget itself in a browser without a window."""

import json
import re
import shutil
import subprocess

import pytest

from ds2np.learn.book import FOLDER
from ds2np.learn.widget import widget_html

WIDGETS = FOLDER / "widgets"
BROWSER = next(
    (b for b in ("chromium", "google-chrome", "chromium-browser") if shutil.which(b)), ""
)
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
needs_browser = pytest.mark.skipif(not BROWSER, reason="Chromium is not installed")


def call(widget, function, *arguments):
    """Return what a function of a widget returns, through JSON: infinity is None."""
    program = (
        "const [file, name, values] = JSON.parse(require('fs').readFileSync(0));"
        "console.log(JSON.stringify(require(file)[name](...values)));"
    )
    given = json.dumps([str(WIDGETS / f"{widget}.js"), function, arguments])
    result = subprocess.run(
        ["node", "-e", program], input=given, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def touch(widget, script, folder):
    """Return the text of a page with a widget after a script has touched it; errors fail.

    The widget is given by its name or as HTML.
    """
    text = widget if "<" in widget else widget_html(widget)
    page = folder / "page.html"
    page.write_text(
        "<!DOCTYPE html><meta charset=utf-8><script>onerror = (m) => { document.title = m; };"
        f"</script>{text}"
        f"<script>const place = document.querySelector('figure');{script}</script>",
        encoding="utf-8",
    )
    result = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not (error := re.search("<title>.*?</title>", result.stdout.split("</head>")[0])), error
    shown = re.search(r"<figure.*?</figure>", result.stdout, re.DOTALL)[0]
    assert "<img" not in shown
    return shown
