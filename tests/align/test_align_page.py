"""The page of an alignment: what it has, and what a browser does with it."""

import json
import re
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
from helpers.alignments import align, alignments
from helpers.browser import open_page
from helpers.markup import Page
from helpers.widgets import needs_browser
from hypothesis import given, settings

from ds2np.align.page import write_page

NASTY = '</script><script>alert("1")</script>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


def read_page(path):
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def one_line(text):
    return " ".join(text.split())


def read_moments(page):
    found = re.search(r'<script id="moments" type="application/json">(.*?)</script>', page.html)
    moments = json.loads(found[1])
    numbers = [int(at["data-i"]) for at in page.find("span")]
    assert numbers == [*range(len(moments))]
    return moments


@settings(deadline=None, derandomize=True, max_examples=40)
@given(alignment=alignments())
def test_it_has_the_text_and_all_times(folder, alignment):
    path = folder / "it's.html"
    write_page(path, alignment, folder / alignment.recording)
    page = read_page(path)
    assert not re.search(
        r"https?:|//[a-z]|url\(", re.sub(r'<div id="text".*</div>', "", page.html, flags=re.S)
    )
    assert len(page.find("script")) == 2
    text = page.html[page.html.index('<div id="text"') :].partition("</div>")[0]
    text = re.sub(r"<time>.*?</time>|<p><span.*</p>|<span[^>]*gap.*?</span> ", "", text)
    shown = one_line(Page(text + "</div>").text)
    assert shown == one_line(" ".join(sentence.text for sentence in alignment.sentences))
    read = [(word.start, word.end) for word in alignment.words if word.start is not None]
    expected = sorted([*read, *alignment.foreign])
    assert read_moments(page) == [pytest.approx(span, abs=6e-4) for span in expected]
    missed = "".join(re.findall("<del>(.*?)</del>", text)).split()
    assert sum(map(len, map(one_line, missed))) >= len(alignment.unread)


def test_nothing_in_the_text_or_a_name_is_markup(tmp_path):
    name = "\"'&<b>{{text}}.wav"
    sentence = [(NASTY, 0.0, 1.0, 1.0), ("{{moments}}", None, None, 0.0), ("&amp;", 1.0, 2.0, 0.5)]
    path = tmp_path / "out" / "a.html"
    path.parent.mkdir()
    write_page(path, align([sentence], 2.0, name), tmp_path / "in #1?" / name)
    page = read_page(path)
    assert not page.find("b")
    assert len(page.find("script")) == 2
    assert f"{NASTY} {{{{moments}}}} &amp;" in page.text
    assert page.text.count(name) == 2  # title and heading
    [player] = page.find("audio")
    assert unquote(player["src"]) == f"../in #1?/{name}"
    assert re.fullmatch(r"[\w%./-]+", player["src"])


def test_gaps_stand_where_they_are_heard(tmp_path):
    sentences = [
        [("one", 1.0, 2.0, 1.0), ("lost", None, None, 0.0), ("words", None, None, 0.0)],
        [("two", 4.0, 5.0, 1.0), ("three", 70.0, 71.0, 1.0)],
    ]
    foreign = [(0.0, 1.0), (2.0, 3.5), (5.0, 69.0), (71.0, 80.0)]
    write_page(tmp_path / "a.html", align(sentences, 80.0, foreign=foreign), tmp_path / "a.wav")
    page = read_page(tmp_path / "a.html")
    shown = [one_line(part) for part in page.text.partition("view.")[2].split("\n") if part]
    dash = "\N{EN DASH}"
    assert shown[:5] == [
        f"0:00{dash}0:01",
        "0:01one lost words",
        f"0:02{dash}0:03",
        f"0:04two 0:05{dash}1:09 three",
        f"1:11{dash}1:20",
    ]
    assert "<del>lost words</del>" in page.html
    assert "1:20 of sound, 1:15 of it without text. 3 of 5 words were read." in page.text


def test_nothing_was_read(tmp_path):
    sentences = [[("never", None, None, 0.0)]]
    write_page(tmp_path / "a.html", align(sentences, 3.0), tmp_path / "a.wav")
    page = read_page(tmp_path / "a.html")
    assert read_moments(page) == []
    assert "<del>never</del>" in page.html


@pytest.fixture
def spoken(tmp_path):
    """The page of 40 sentences of three words, a tone each, one of them not read, and a gap."""
    rate, rng = 8000, np.random.default_rng(0)
    sentences, pieces, at = [], [], 0.0
    for number in range(40):
        rows = []
        for word in ("alpha,", "be" + 80 * "t" + "a" if number == 3 else "beta", f"{number}."):
            if (number, word) == (1, "beta"):
                rows.append((word, None, None, 0.0))
                continue
            rows.append((word, at, at + 0.4, float(rng.uniform(0.1, 1))))
            tone = np.sin(2 * np.pi * rng.uniform(200, 900) * np.arange(0.4 * rate) / rate)
            pieces.append(np.append(0.3 * tone, np.zeros(round(0.1 * rate))))
            at += 0.5
        sentences.append(rows)
    foreign = (at, at + 2.0)
    pieces.append(0.1 * rng.standard_normal(2 * rate))
    name = 'it\'s a "talk" #1.wav'
    soundfile.write(tmp_path / name, np.concatenate(pieces), rate)
    alignment = align(sentences, at + 2, name, [foreign])
    path = tmp_path / "page.html"
    write_page(path, alignment, tmp_path / name)
    return path


LIT = "document.querySelector('.lit')?.textContent"
TIME = "document.getElementById('audio').currentTime"
READY = "document.getElementById('audio').readyState >= 2"
TOP = "Math.round(document.querySelector('p.now').getBoundingClientRect().top)"


def press(page, key, **options):
    options = json.dumps({"key": key, "bubbles": True, "cancelable": True, **options})
    event = f"new KeyboardEvent('keydown', {options})"
    return page.run(f"document.getElementById('text').dispatchEvent({event})")


@needs_browser
def test_a_click_plays_from_a_word(spoken, tmp_path):
    with open_page(spoken.as_uri(), tmp_path) as page:
        page.wait_for(READY)
        quiet = "document.addEventListener('timeupdate', (e) => e.stopImmediatePropagation(), true)"
        page.run(quiet)  # it comes four times a second, too seldom to light each word
        page.run("document.querySelector('[data-i=\"3\"]').click()")
        assert page.run(LIT) == "alpha,"
        assert 1.5 <= page.run(TIME) < 1.9
        page.wait_for(f"{LIT} === '1.'")
        page.wait_for(f"{LIT} === 'beta'")
        assert not press(page, " ")  # the page does not scroll
        assert page.run("document.getElementById('audio').paused")
        assert page.run("document.querySelectorAll('.lit, .now').length") <= 2
        assert page.errors == [], page.errors


@needs_browser
def test_keys_go_through_the_text(spoken, tmp_path):
    with open_page(spoken.as_uri(), tmp_path) as page:
        page.wait_for(READY)
        press(page, "ArrowRight")
        press(page, "ArrowRight")
        assert (page.run(LIT), page.run(TIME)) == ("0.", pytest.approx(1.0, abs=1e-3))
        press(page, "ArrowLeft")
        assert page.run(LIT) == "beta"
        press(page, "ArrowRight", shiftKey=True)
        assert (page.run(LIT), page.run(TIME)) == ("alpha,", pytest.approx(1.5, abs=1e-3))
        press(page, "ArrowLeft", shiftKey=True)
        assert page.run(TIME) == pytest.approx(0, abs=1e-3)
        press(page, "ArrowLeft")
        assert press(page, "x")
        assert page.run(LIT) == "alpha,"
        assert page.run("[1.4989, 1.4996, 1.5].map(latest)") == [2, 3, 3]  # it may round times
        assert page.errors == [], page.errors


@needs_browser
def test_the_current_sentence_is_scrolled_into_view_on_request(spoken, tmp_path):
    with open_page(spoken.as_uri(), tmp_path) as page:
        page.wait_for(READY)
        page.run(f"{TIME} = 45")
        page.wait_for(f"{TOP} > innerHeight")
        assert page.run("scrollY") == 0
        press(page, "F")
        page.wait_for(f"scrollY > 0 && {TOP} > 100 && {TOP} < innerHeight - 100")
        page.run(f"{TIME} = 59.7")
        page.wait_for(f"{LIT} === '0:59\N{EN DASH}1:01' && {TOP} < innerHeight - 20")


@needs_browser
def test_it_fits_a_phone_and_the_dark(spoken, tmp_path):
    with open_page(spoken.as_uri(), tmp_path) as page:
        page.wait_for(READY)
        press(page, "ArrowRight")
        for width in (390, 1400):
            page.picture(width, 900, tmp_path / f"page{width}.png")
            assert page.run("document.documentElement.scrollWidth <= innerWidth")
        paper = "getComputedStyle(document.body).backgroundColor"
        assert page.run(paper) == "rgb(255, 255, 255)"
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        page.call("Emulation.setEmulatedMedia", features=dark)
        page.picture(390, 900, tmp_path / "dark.png")
        assert page.run(paper) == "rgb(20, 23, 30)"


@needs_browser
def test_a_recording_that_cannot_be_played_is_named(spoken, tmp_path):
    (tmp_path / 'it\'s a "talk" #1.wav').write_bytes(b"no sound")
    with open_page(spoken.as_uri(), tmp_path) as page:
        message = page.wait_for("document.getElementById('message').textContent")
        assert message == 'The browser cannot play it\'s a "talk" #1.wav.'
