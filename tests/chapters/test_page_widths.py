"""No page of the book is wider than the screen, that of a phone or of a desk."""

import functools
import http.server
import json
import re
import subprocess
import sys
import threading

import pytest
from helpers.widgets import BROWSER, needs_browser

from ds2np.learn.book import FOLDER

sys.path.append(str(FOLDER))
import pages

PHONE, DESK = 390, 1400
# Each page in a frame of each width, with all that can be unfolded open.
MEASURE = """<!DOCTYPE html><meta charset=utf-8><pre></pre><script>
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
(async () => {
  const found = {};
  for (const width of WIDTHS) for (const page of PAGES) {
    const frame = document.createElement("iframe");
    frame.style.width = `${width}px`;
    frame.src = page;
    document.body.append(frame);
    await new Promise((done) => { frame.onload = done; });
    const inside = frame.contentDocument;
    inside.querySelectorAll("details").forEach((each) => { each.open = true; });
    await inside.fonts.ready;
    await pause(100);
    const root = inside.documentElement;
    found[`${page} at ${width} px`] = root.scrollWidth - root.clientWidth;
    frame.remove();
  }
  document.querySelector("pre").textContent = JSON.stringify(found);
})();
</script>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def measure_overflow(folder, names):
    """Return by how many pixels each page is too wide."""
    script = MEASURE.replace("PAGES", json.dumps(names)).replace(
        "WIDTHS", json.dumps([PHONE, DESK])
    )
    (folder / "measure.html").write_text(script, encoding="utf-8")
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/measure.html"
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        result = subprocess.run(
            [BROWSER, *options, "--virtual-time-budget=600000", address],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        server.shutdown()
    return json.loads(re.search("<pre>(.*?)</pre>", result.stdout, re.DOTALL)[1])


@needs_browser
def test_no_page_is_wider_than_the_screen(tmp_path):
    pages.write_pages(tmp_path / "book")
    names = sorted(path.name for path in (tmp_path / "book").glob("*.html"))
    overflow = measure_overflow(tmp_path / "book", names)
    assert len(overflow) == 2 * len(names)
    assert {page: pixels for page, pixels in overflow.items() if pixels > 0} == {}


@needs_browser
@pytest.mark.parametrize(("width", "too_wide"), [(380, []), (600, [PHONE]), (1500, [PHONE, DESK])])
def test_what_is_too_wide_is_found(tmp_path, width, too_wide):
    page = f'<!DOCTYPE html><body style="margin: 0"><div style="width: {width}px">a</div>'
    (tmp_path / "a.html").write_text(page)
    overflow = measure_overflow(tmp_path, ["a.html"])
    assert overflow == {
        f"a.html at {screen} px": width - screen if screen in too_wide else 0
        for screen in (PHONE, DESK)
    }
