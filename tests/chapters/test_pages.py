"""The book as pages: all that they show is in their folder, and every formula is one."""

import base64
import html
import re
import shutil
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from fontTools.ttLib import TTFont

from ds2np.errors import UserError
from ds2np.learn.book import CHAPTERS, FOLDER, Chapter
from ds2np.learn.exercise import Exercise
from ds2np.learn.widget import widget_html

sys.path.append(str(FOLDER))
import build
import pages

VOID = {"br", "hr", "img", "input", "link", "meta"}
PIXEL = base64.b64encode(b"\x89PNG not really").decode()
PLAYER = '<figure><audio controls src="data:audio/mpeg;base64,AAAA"></audio></figure>'


class Reader(HTMLParser):
    """Read a page: its links, anchors and formulas, its text without code, its tags in pairs."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.tags, self.text, self.open = [], set(), [], "", []
        self.path = path
        self.feed(path.read_text(encoding="utf-8"))
        assert not self.open

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            assert attributes["id"] not in self.anchors
            self.anchors.add(attributes["id"])
        self.links += [(tag, attributes[name]) for name in ("src", "href") if name in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag == self.open.pop(), f"{self.path.name}:{self.getpos()[0]}: </{tag}>"

    def handle_data(self, data):
        if not {"pre", "code", "math", "title", "script"} & set(self.open):
            self.text += data

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)


def assert_complete(folder):
    """Assert that all a book's pages lead to is in its folder, and that nothing comes from afar."""
    read = {path: Reader(path) for path in folder.rglob("*.html")}
    for path, page in read.items():
        assert not {"iframe", "base"} & {tag for tag, _ in page.tags}
        for tag, address in page.links:
            if address.startswith("data:"):
                continue
            if re.match(r"[a-z]+:|//", address):
                assert tag == "a", address
                continue
            name, _, anchor = address.partition("#")
            target = (path.parent / unquote(name)).resolve() if name else path
            assert target.is_file(), f"{path.name}: {address}"
            assert target.is_relative_to(folder.resolve())
            assert not anchor or unquote(anchor) in read[target].anchors, f"{path.name}: {address}"
    style = (folder / "pages.css").read_text()
    assert "http" not in style
    assert "@import" not in style
    assert all((folder / name).is_file() for name in re.findall(r'url\("([^"]*)"\)', style))
    return read


@dataclass(frozen=True)
class ToyChapter(Chapter):
    exercises: tuple = ()


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Return the folder of a book of two chapters, the second one not there yet."""
    folder = tmp_path / "repository" / "chapters"
    for name in ("images/network.svg", "pages.css", "fonts/book-mathematics.woff2"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FOLDER / name, folder / name)
    (folder / "images" / "a toy.svg").write_text("<svg/>")
    (folder / "solutions").mkdir()
    (folder / "solutions" / "01_toy.py").write_text("def double(x):\n    return 2 < x\n")
    (tmp_path / "repository" / "ds2np").mkdir()
    (tmp_path / "repository" / "ds2np" / "toy.py").write_text("TOY = '<b>'\n")
    exercise = Exercise("01.1", "double", "twice <it>", lambda x: 2 * x, lambda rng: {})
    chapters = (
        ToyChapter("01_toy", "Toys & games", "a toy", "none", 30, (exercise,)),
        ToyChapter("02_more", "More", "more", "none", 45),
    )
    (tmp_path / "repository" / "README.md").write_text(
        "# The `toy`\n\n[01](chapters/01_toy.ipynb), [of it](docs/more.md#a-part-and-more), [the "
        'code](ds2np/toy.py), <img src="chapters/images/a toy.svg" alt="a toy">.\n\n    $ toys $\n'
    )
    (tmp_path / "repository" / "docs").mkdir()
    (tmp_path / "repository" / "docs" / "more.md").write_text(
        "# More\n\n## A part, and more\n\n[Back](../README.md)\n"
    )
    monkeypatch.setattr(pages, "FOLDER", folder)
    monkeypatch.setattr(pages, "DOCUMENTS", ("README.md",))
    monkeypatch.setattr(pages, "CHAPTERS", chapters)
    write(folder, "02_more", "# 02 More\n\nBack to [toys](01_toy.ipynb).")
    return folder


def write(folder, name, *texts):
    """Write a notebook: a text is a cell of markdown, a tuple one of code with its outputs."""
    cells = [
        nbformat.v4.new_markdown_cell(text)
        if isinstance(text, str)
        else nbformat.v4.new_code_cell(text[0], outputs=list(text[1:]))
        for text in texts
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")


def page_of(library, *texts):
    """Write chapter 01 and the pages; return its text."""
    write(library, "01_toy", *texts)
    target = library.parent / "book"
    assert pages.write_pages(target) == target / "index.html"
    assert_complete(target)
    return (target / "01_toy.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Return the pages of the real chapters, in a folder that is not beside them."""
    return pages.write_pages(tmp_path_factory.mktemp("pages") / "book").parent


def test_the_whole_book_is_complete(book):
    read = assert_complete(book)
    for chapter in CHAPTERS:
        page = read[book / f"{chapter.file}.html"]
        assert "$" not in page.text
        assert "](" not in page.text
        assert page.count("h1") == 1
        for tag, attributes in page.tags:
            assert tag != "img" or len(attributes["alt"]) > 20
    index = read[book / "index.html"]
    targets = {address.partition("#")[0] for _, address in index.links}
    assert {f"{chapter.file}.html" for chapter in CHAPTERS} <= targets
    for chapter in CHAPTERS:
        for exercise in chapter.exercises:
            assert f"{exercise.number} : {exercise.task}" in index.text
            links = [a for _, a in index.links if a.startswith(f"{chapter.file}.html#Exercise-")]
            assert any(exercise.number in address for address in links)


def test_a_chapter_leads_to_its_neighbours(book):
    for i, chapter in enumerate(CHAPTERS):
        links = [address for _, address in Reader(book / f"{chapter.file}.html").links]
        assert "index.html" in links
        for neighbour in CHAPTERS[max(i - 1, 0) : i] + CHAPTERS[i + 1 : i + 2]:
            assert links.count(f"{neighbour.file}.html") >= 2


def test_a_page_with_everything(library):
    text = page_of(
        library,
        "# 01 Toys\n\nSee ![a <picture>](images/a%20toy.svg), [solutions](solutions/01_toy.py), "
        "[more](02_more.ipynb), [its title](02_more.ipynb#02-More), [code](../ds2np/toy.py#L1), "
        "[the folder](../ds2np), [here](#A-section), [Distill](https://distill.pub/2017/ctc/), "
        '<img src="images/network.svg" alt="the network">.',
        "## A section\n\n### Exercise 01.1: $x^2$ & more\n\n## A section\n",
        (
            "x = 1 < 2  # math: $x$",
            nbformat.v4.new_output("stream", name="stdout", text="<b> $y$ " + 200 * "w"),
            nbformat.v4.new_output("display_data", {"text/html": PLAYER, "text/plain": "no"}),
            nbformat.v4.new_output(
                "display_data",
                {"image/png": PIXEL, "text/plain": "no"},
                metadata={"image/png": {"alt": 'a "line"'}},
            ),
            nbformat.v4.new_output("execute_result", {"text/plain": "<Thing>"}),
            nbformat.v4.new_output("error", ename="Oh", evalue="<no>", traceback=[]),
        ),
        "<details><summary>Answer</summary>\n\nIt is $a < b$.\n</details>",
        "```python\nx = '<'\n```",
        "| a | b |\n|---|---|\n| $x$ | `y` |\n\n$$\n\\sum_x x\n$$\n\nand $$y$$ here.",
    )
    book = library.parent / "book"
    for link in (
        'src="images/a%20toy.svg" alt="a &lt;picture&gt;"',
        'href="solutions/01_toy.py.html"',
        'href="02_more.html"',
        'href="02_more.html#02-More"',
        'href="code/ds2np/toy.py.html"',
        '<a title="the folder ds2np">the folder</a>',
        'href="#A-section"',
        'href="https://distill.pub/2017/ctc/"',
        'src="images/network.svg"',
        f'src="data:image/png;base64,{PIXEL}" alt="a &quot;line&quot;"',
    ):
        assert link in text
    assert PLAYER in text
    assert text.count("<math") == 5 + 1  # the heading is in the table of contents, too
    for output in ("&lt;b&gt; $y$ www", "&lt;Thing&gt;", "Oh: &lt;no&gt;"):
        assert output in text
    assert "# math: $x$</span>" in text
    assert 'id="A-section-again"' in text
    assert '<div class="wide"><table>' in text
    assert "<title>01 Toys &amp; games - " in text
    assert "2</span> <span" in (book / "solutions" / "01_toy.py.html").read_text()
    assert "&lt;b&gt;" in (book / "code" / "ds2np" / "toy.py.html").read_text()
    index = (book / "index.html").read_text()
    assert '<a href="01_toy.html#A-section">A section</a>' in index
    assert 'href="01_toy.html#Exercise-01.1' in index
    assert "twice &lt;it&gt;" in index
    assert "30 minutes" in index


def test_documents_are_pages_too(library):
    page_of(library, "# 01\n\n[more](../docs/more.md)")
    book = library.parent / "book"
    text = (book / "README.html").read_text()
    assert '<h1 id="the-toy">The <code>toy</code></h1>' in text
    assert "<title>The toy</title>" in text
    for address in ("01_toy.html", "docs-more.html#a-part-and-more", "code/ds2np/toy.py.html"):
        assert f'href="{address}"' in text
    assert 'src="images/a%20toy.svg"' in text
    assert '<pre class="code" tabindex="0"><code>$ toys $</code></pre>' in text
    assert 'href="README.html"' in (book / "docs-more.html").read_text()
    assert 'href="docs-more.html"' in (book / "01_toy.html").read_text()
    index = (book / "index.html").read_text()
    assert '<li><a href="README.html">The <code>toy</code></a></li>' in index
    assert '<li><a href="docs-more.html">More</a></li>' in index


def test_a_document_with_a_mistake_is_named(library):
    (library.parent / "docs" / "more.md").write_text("# More\n\n[x](nowhere.md)")
    with pytest.raises(UserError, match=r"^more: the link to nowhere\.md leads nowhere"):
        page_of(library, "# 01")


def test_the_picture_of_a_chapter_in_the_contents(library):
    network, toy = "![the network](images/network.svg)", "![a toy](images/a%20toy.svg)"
    for text, shown in (("", 0), (network, 1), (f"{network}\n\n{toy}\n\n{network}", 0)):
        page_of(library, f"# 01\n\n{text}")
        index = (library.parent / "book" / "index.html").read_text().split("<section>")[1]
        assert index.count('src="images/network.svg"') == shown
        assert index.count('src="images/a%20toy.svg"') == (toy in text)


def test_the_font_has_a_table_of_mathematics_and_every_sign_of_the_book(book):
    file = book / "fonts" / "book-mathematics.woff2"
    assert file.stat().st_size < 400 * 1024
    assert (book / "fonts" / "GUST-FONT-LICENSE.txt").exists()
    pytest.importorskip("brotli", reason="only with brotli can fontTools read the font")
    font = TTFont(file)
    assert {"MATH", "cmap"} <= set(font.keys())
    letters = set()
    for path in book.glob("*.html"):
        for formula in re.findall(r"<math.*?</math>", path.read_text(encoding="utf-8"), re.S):
            letters |= set(html.unescape(re.sub(r"<[^>]*>|\s", "", formula)))
    assert len(letters) > 100
    assert letters - {chr(code) for code in font.getBestCmap()} == set()


def test_a_widget_stands_in_the_page_as_it_is(library):
    widget = widget_html("ctc_lattice")
    output = nbformat.v4.new_output("display_data", {"text/html": widget})
    assert widget in page_of(library, "# 01", ('show_widget("ctc_lattice")', output))
    text = page_of(library, "# 01\n\nSpeak:\n\n<!-- widget microphone -->\n\nThen *look*.")
    assert widget_html("microphone") in text
    assert "<em>look</em>" in text
    with pytest.raises(UserError, match="01_toy: there is no widget nothing"):
        page_of(library, "# 01\n\n<!-- widget nothing -->")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$\\foo$", "the formula \\foo: unknown: \\foo"),
        ("$$\\frac{a$$", "the formula \\frac{a: its braces do not match"),
        ("[x](nowhere.md)", "the link to nowhere.md leads nowhere"),
        ("[x](../../outside.txt)", "the link to ../../outside.txt leads nowhere"),
        ("![x](https://example.org/x.png)", "x.png is not part of the repository"),
        ('<img src="//example.org/x.png">', "x.png is not part of the repository"),
    ],
)
def test_a_chapter_with_a_mistake_is_named_and_nothing_is_written(library, text, reason):
    (library.parent.parent / "outside.txt").write_text("x")
    with pytest.raises(UserError, match=r"^01_toy: ") as raised:
        page_of(library, text)
    assert str(raised.value).endswith(reason)
    assert not (library.parent / "book").exists()


def test_missing_notebooks(library, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["build.py", "--html", str(library.parent / "book")])
    assert build.main() == 2
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "error: notebooks are missing; build them first: python chapters/build.py 01\n",
    )
    assert not (library.parent / "book").exists()


def test_an_earlier_book_is_replaced_and_what_it_had_more_goes(library):
    book = library.parent / "book"
    solution = book / "solutions" / "01_toy.py.html"
    page_of(library, "# 01\n\n[s](solutions/01_toy.py)")
    assert solution.exists()
    assert "second" in page_of(library, "# 01\n\nsecond")
    assert not solution.exists()
    page_of(library, "# 01\n\n[s](solutions/01_toy.py)")


@pytest.mark.parametrize("name", ["letter.txt", "index.html", "images/network.svg", ".git/config"])
def test_a_folder_with_other_things_is_left_alone(library, name):
    book = library.parent / "book"
    (book / name).parent.mkdir(parents=True)
    (book / name).write_text("mine")
    with pytest.raises(UserError, match=f"{book} holds {name}, which is not a page of the book"):
        page_of(library, "# 01")
    assert [path for path in book.rglob("*") if path.is_file()] == [book / name]
    assert (book / name).read_text() == "mine"


def test_what_was_put_beside_an_earlier_book_is_left_alone(library):
    page_of(library, "# 01")
    (library.parent / "book" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds notes\.txt"):
        page_of(library, "# 01\n\nnew")
    assert "new" not in (library.parent / "book" / "01_toy.html").read_text()


def test_an_empty_folder_will_do_and_a_file_will_not(library, tmp_path):
    (library.parent / "book").mkdir()
    page_of(library, "# 01")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="file is a file"):
        pages.write_pages(tmp_path / "file")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["99"], "error: there is no chapter 99; there are 00, 01, "),
        (["--html", "README.md"], "error: README.md is a file; name a folder for the pages\n"),
        (["--html", "chapters"], "error: chapters holds "),
    ],
)
def test_the_command_says_what_is_wrong(monkeypatch, capsys, arguments, reason):
    monkeypatch.chdir(FOLDER.parent)
    monkeypatch.setattr(sys, "argv", ["build.py", *arguments])
    assert build.main() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(reason)


def test_the_command_refuses_arguments_that_make_no_sense(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["build.py", "--html", "book", "05"])
    with pytest.raises(SystemExit):
        build.main()
    assert "not allowed with argument --html" in capsys.readouterr().err


def test_the_command_says_what_to_open(monkeypatch, capsys, library):
    write(library, "01_toy", "# 01")
    book = library.parent / "book"
    monkeypatch.setattr(sys, "argv", ["build.py", "--html", str(book)])
    assert build.main() == 0
    assert Path(capsys.readouterr().out.strip()) == book / "index.html"


def test_what_a_cell_prints_in_pieces_is_joined_and_keeps_its_place():
    def stream(text, name="stdout"):
        return nbformat.v4.new_output("stream", name=name, text=text)

    player = nbformat.v4.new_output("display_data", {"text/html": PLAYER})
    outputs = [stream("a"), stream("b\n"), player, stream("c"), stream("!", "stderr"), stream("d")]
    joined = build._joined(outputs)
    assert [output.get("text", "player") for output in joined] == ["ab\n", "player", "c", "!", "d"]
