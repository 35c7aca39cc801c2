"""The book as pages for a browser, made from the built notebooks.

They lie in one folder and need nothing from elsewhere: formulas are MathML, players and figures are
part of the page, the font, drawings, solutions and whatever else the chapters link to lie beside
them. All links are relative, so any host of files will do, at any address.
"""

import html
import itertools
import re
from pathlib import Path
from urllib.parse import quote, unquote

import nbformat
from markdown_it import MarkdownIt
from mathematics import to_mathml
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

from ds2np.errors import UserError
from ds2np.files import replacing
from ds2np.learn.book import CHAPTERS, FOLDER
from ds2np.learn.widget import widget_html

TITLE = "Deep Speech 2 from scratch"
DOCUMENTS = "README.md", "tests/benchmarks/README.md", "tests/benchmarks/gpu/README.md"
LIST = ".files-of-the-book"
PAGES = {".ipynb", ".md"}
PICTURES = {".svg", ".png", ".jpg", ".gif"}
WIDGET = r"<!-- widget (\w+) -->"
LONG = 45  # characters of LaTeX; a longer formula within a line may be wider than a phone

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{up}pages.css">
</head>
<body>
{navigation}
<main>
{body}
</main>
{end}
</body>
</html>
"""


def write_pages(folder):
    """Write the book as HTML.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there; an earlier book in it is replaced.

    Returns
    -------
    Path
        The page to open.

    Raises
    ------
    UserError
        If a notebook is missing, a link leads nowhere, a formula is wrong, or the folder holds
        anything but an earlier book. Nothing is written then.
    """
    folder = Path(folder)
    earlier = _files_of_earlier_book(folder)
    if missing := [c.number for c in CHAPTERS if not (FOLDER / f"{c.file}.ipynb").exists()]:
        raise UserError(
            f"notebooks are missing; build them first: python chapters/build.py {' '.join(missing)}"
        )
    pages = [ChapterPage(chapter) for chapter in CHAPTERS]
    documents = _documents(pages)
    files = {"index.html": _index(pages, documents), "pages.css": FOLDER / "pages.css"}
    files["images/network.svg"] = FOLDER / "images" / "network.svg"
    for path in (FOLDER / "fonts").iterdir():
        if path.suffix in {".woff2", ".txt"}:
            files[f"fonts/{path.name}"] = path
    for i, page in enumerate(pages):
        files[page.place] = page.whole(
            before=pages[i - 1].chapter if i else None,
            after=pages[i + 1].chapter if i + 1 < len(pages) else None,
        )
    for document in documents:
        files[document.place] = document.whole()
    for path in set().union(*(page.files for page in [*pages, *documents])):
        name = _place(path)
        if name not in files:
            files[name] = path if path.suffix in PICTURES else _code_page(path, name)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / LIST) as list_file:
        list_file.write("\n".join(sorted(earlier | set(files))) + "\n")
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, "wb") as file:
            file.write(content.read_bytes() if isinstance(content, Path) else content.encode())
    for name in earlier - set(files):
        (folder / name).unlink(missing_ok=True)
    return folder / "index.html"


def _files_of_earlier_book(folder):
    """List what an earlier call wrote; refuse a folder that holds anything else."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder for the pages")
    list_file = folder / LIST
    earlier = set(list_file.read_text().splitlines()) if list_file.exists() else set()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name != LIST and name not in earlier and not path.is_dir():
            raise UserError(
                f"{folder} holds {name}, which is not a page of the book; name a new folder"
            )
    return earlier


def _documents(pages):
    """Read the documents of the project, and those that they or the chapters lead to."""
    documents = {}
    waiting = [FOLDER.parent.resolve() / name for name in DOCUMENTS]
    waiting += [path for page in pages for path in sorted(page.files)]
    for path in waiting:
        if path.suffix == ".md" and path not in documents:
            documents[path] = Document(path)
            waiting += sorted(documents[path].files)
    return list(documents.values())


class Page:
    """A text on its way from Markdown to HTML.

    Parameters
    ----------
    source : Path
        Its links start beside it.
    formulas : bool
        Whether what stands between dollars is a formula.

    Attributes
    ----------
    place : str
        Name of its page.
    headings : list of (int, str, str)
        Level, anchor and HTML of each.
    files : set of Path
        What the page shows or links to, within the repository.
    """

    def __init__(self, source, formulas):
        self.source, self.place = source, _place(source)
        self.headings, self.files = [], set()
        self._markdown = MarkdownIt("commonmark", {"highlight": _highlight_fence}).enable("table")
        if formulas:
            self._markdown.use(dollarmath_plugin, double_inline=True, allow_labels=False)
        for name in ("math_inline", "math_inline_double", "math_block"):
            self._markdown.add_render_rule(name, lambda _, *rest: self._formula(*rest))
        self._markdown.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
        self._markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
        self._markdown.add_render_rule("code_block", _render_code)

    def _text(self, source):
        tokens = self._markdown.parse(source)
        for token, inline in itertools.pairwise(tokens):
            if token.type == "heading_open":
                anchor = self._new_anchor(inline.content)
                token.attrSet("id", anchor)
                text = self._markdown.renderer.renderInline(
                    inline.children, self._markdown.options, {}
                )
                self.headings.append((int(token.tag[1]), quote(anchor), text))
        text = self._markdown.renderer.render(tokens, self._markdown.options, {})
        # No line may begin with the comma behind a formula, or end with the bracket before it.
        return re.sub(
            r'\(?<math display="inline">[^\n]*?</math>[.,;:?)]*',
            lambda found: f'<span class="whole">{found[0]}</span>',
            text,
        )

    def _new_anchor(self, heading):
        """Return the anchor that Jupyter gives to a heading, unlike all earlier ones."""
        anchor = heading.strip().replace(" ", "-")
        taken = {unquote(a) for _, a, _ in self.headings}
        while anchor in taken:
            anchor += "-again"
        return anchor

    def _formula(self, tokens, i, *_):
        latex, display = tokens[i].content.strip(), tokens[i].type != "math_inline"
        try:
            formula = to_mathml(latex, display)
        except ValueError as error:
            raise self._wrong(f"the formula {latex}: {error}") from None
        if display:
            return f'<span class="block">{formula}</span>\n'
        return f'<span class="long">{formula}</span>' if len(latex) > LONG else formula

    def _local(self, text):
        """Let all links and pictures of a piece of HTML lead to where they are in the book."""
        return re.sub(r'\b(src|href)="([^"]*)"', self._link, text)

    def _link(self, match):
        kind, address = match.groups()
        address, sharp, anchor = html.unescape(address).partition("#")
        if not address or address.startswith(("data:", "mailto:")):
            return match[0]
        if re.match(r"(https?:)?//", address):
            if kind == "src":
                raise self._wrong(f"{address} is not part of the repository")
            return match[0]
        path = (self.source.parent / unquote(address)).resolve()
        root = FOLDER.parent.resolve()
        if not path.exists() or not path.is_relative_to(root):
            raise self._wrong(f"the link to {address} leads nowhere")
        if path.is_dir():
            return f'title="the folder {path.relative_to(root).as_posix()}"'
        if path.suffix not in PAGES:
            self.files.add(path)
            return f'{kind}="{quote(_place(path))}"'
        if path.suffix == ".md":
            self.files.add(path)
        return f'{kind}="{quote(_place(path))}{sharp}{anchor}"'

    def _wrong(self, what):
        return UserError(f"{self.source.stem}: {what}")


class ChapterPage(Page):
    """A chapter on its way from notebook to page.

    Parameters
    ----------
    chapter : ds2np.learn.book.Chapter

    Attributes
    ----------
    body : str
        HTML.
    """

    def __init__(self, chapter):
        super().__init__(FOLDER / f"{chapter.file}.ipynb", formulas=True)
        self.chapter = chapter
        self.body = "\n".join(self._cell(c) for c in nbformat.read(self.source, as_version=4).cells)

    def whole(self, before, after):
        """Return the page; before and after are the neighbouring chapters, or None."""
        name = f"{self.chapter.number} {self.chapter.title}"
        items = "".join(
            f'<li class="level{level}"><a href="#{anchor}">{text}</a></li>\n'
            for level, anchor, text in self.headings
            if level > 1
        )
        contents = f"<details><summary>In this chapter</summary>\n<ul>\n{items}</ul>\n</details>\n"
        navigation = _navigation(before, after)
        return PAGE.format(
            title=html.escape(f"{name} - {TITLE}"),
            up="",
            navigation=navigation.replace("</nav>", f"{contents}</nav>"),
            body=self.body,
            end=navigation,
        )

    def picture(self):
        """Return the first drawing that shows more than the chapter's place, as HTML; or ""."""
        drawings = re.findall(r'<img[^>]*src="images/[^>]*>', self.body)
        return next((d for d in drawings if "/network" not in d), "".join(drawings[:1]))

    def _cell(self, cell):
        if cell.cell_type == "markdown":
            return re.sub(WIDGET, self._widget, self._local(self._text(cell.source)))
        if cell.cell_type == "raw":
            return ""
        code = _preformatted(_highlight(cell.source, PythonLexer()), "code")
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            what = "How it is drawn" if "show(" in cell.source else "How it is compared"
            what = "Imports" if cell.source.startswith(("import", "from")) else what
            code = f'<details class="aside"><summary>{what}</summary>\n{code}</details>\n'
        parts = [code]
        parts += [self._local(self._output(output)) for output in cell.outputs]
        return f'<div class="cell">\n{"".join(parts)}</div>'

    def _widget(self, match):
        """Return a widget that the page has and the notebook has not."""
        try:
            return widget_html(match[1])
        except UserError as error:
            raise self._wrong(error) from None

    def _output(self, output):
        if output.output_type == "stream":
            return _preformatted(html.escape(output.text), "output")
        if output.output_type == "error":
            return _preformatted(html.escape(f"{output.ename}: {output.evalue}"), "output")
        data = output.data
        if "text/html" in data:
            return f'<div class="output wide">{data["text/html"]}</div>\n'
        if "image/png" in data:
            alt = html.escape(output.metadata.get("image/png", {}).get("alt", ""))
            source = f"data:image/png;base64,{''.join(data['image/png'].split())}"
            return f'<p><img class="figure" src="{source}" alt="{alt}"></p>\n'
        return _preformatted(html.escape(data.get("text/plain", "")), "output")


class Document(Page):
    """A document of the project on its way from Markdown to page.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    body, title : str
        HTML.
    """

    def __init__(self, path):
        super().__init__(path, formulas=False)
        self.body = self._local(self._text(path.read_text(encoding="utf-8")))
        self.title = self.headings[0][2]

    def whole(self):
        """Return the page."""
        title = re.sub("<[^>]*>", "", self.title)
        return PAGE.format(
            title=title, up="", navigation=_navigation(None, None), body=self.body, end=""
        )

    def _new_anchor(self, heading):
        """Return the anchor that a host of repositories gives to a heading."""
        return super()._new_anchor(re.sub(r"[^\w\s-]", "", heading.lower()))


def _place(path):
    """Say where a file of the repository lies in the book."""
    folder, path = FOLDER.resolve(), path.resolve()
    if path.suffix == ".ipynb":
        return f"{path.stem}.html"
    if path.suffix == ".md":
        return "-".join(path.relative_to(folder.parent).with_suffix(".html").parts)
    if path.is_relative_to(folder):
        name = path.relative_to(folder).as_posix()
    else:
        name = f"code/{path.relative_to(folder.parent).as_posix()}"
    return name if path.suffix in PICTURES else f"{name}.html"


def _navigation(before, after, up=""):
    links = [f'<a href="{up}index.html">Contents</a>']
    if before:
        label = html.escape(f"← {before.number} {before.title}")
        links.insert(0, f'<a rel="prev" href="{up}{before.file}.html">{label}</a>')
    if after:
        label = html.escape(f"{after.number} {after.title} →")
        links.append(f'<a rel="next" href="{up}{after.file}.html">{label}</a>')
    return f'<nav class="chapters">\n{" ".join(links)}\n</nav>'


def _code_page(path, name):
    try:
        lexer = get_lexer_for_filename(path.name)
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    title = path.resolve().relative_to(FOLDER.parent.resolve()).as_posix()
    code = _preformatted(_highlight(path.read_text(encoding="utf-8"), lexer), "code")
    chapter = next((c for c in CHAPTERS if c.file == path.stem), None)
    up = "../" * name.count("/")
    links = _navigation(chapter, None, up)
    return PAGE.format(
        title=html.escape(f"{title} - {TITLE}"),
        up=up,
        navigation=links,
        body=f"<h1><code>{html.escape(title)}</code></h1>\n{code}",
        end="",
    )


def _index(pages, documents):
    hours = sum(page.chapter.minutes for page in pages) / 60
    parts = [
        f"<h1>{TITLE}</h1>",
        "<p>A network that turns sound into text, built piece by piece in NumPy, with every "
        "forward and every backward pass by hand.</p>",
        '<p><img src="images/network.svg" alt="The network: waveform, log spectrogram, two '
        "convolutions over time and frequency, three bidirectional recurrent layers, one linear "
        'layer, CTC, text."></p>',
        f"<p>{len(pages)} chapters, about {hours:.0f} hours with the exercises. To run the cells "
        "and to solve the exercises, open the notebooks: <code>jupyter lab chapters</code>.</p>",
        "<p>About the project</p>\n<ul>\n"
        + "".join(f'<li><a href="{quote(d.place)}">{d.title}</a></li>\n' for d in documents)
        + "</ul>",
    ]
    for page in pages:
        chapter, file = page.chapter, page.place
        sections = "".join(
            f'<li><a href="{file}#{anchor}">{text}</a></li>\n'
            for level, anchor, text in page.headings
            if level == 2
        )
        parts.append(
            f'<section>\n<div class="cover">{page.picture()}</div>\n'
            f'<h2><a href="{file}">{html.escape(f"{chapter.number} {chapter.title}")}'
            f"</a></h2>\n<p>You build {html.escape(chapter.builds)}.</p>\n"
            f'<p class="facts">{chapter.minutes} minutes; in the paper: '
            f"{html.escape(chapter.paper)}</p>\n"
            f"<details><summary>{'Sections and exercises' if chapter.exercises else 'Sections'}"
            f'</summary>\n<ul class="sections">\n{sections}</ul>\n'
        )
        exercises = "".join(
            f'<li><a href="{file}#{_anchor_of(exercise, page)}">{exercise.number}</a> '
            f"<code>{exercise.function}</code>: {html.escape(exercise.task)}</li>\n"
            for exercise in chapter.exercises
        )
        if exercises:
            parts.append(f'<p>Exercises</p>\n<ul class="exercises">\n{exercises}</ul>\n')
        parts.append("</details>\n</section>")
    return PAGE.format(title=TITLE, up="", navigation="", body="\n".join(parts), end="")


def _anchor_of(exercise, page):
    return next((a for _, a, text in page.headings if exercise.number in text), "")


def _highlight(code, lexer):
    return highlight(code, lexer, HtmlFormatter(nowrap=True)).rstrip("\n")


def _highlight_fence(code, language, _):
    try:
        lexer = get_lexer_by_name(language or "text")
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    return _preformatted(_highlight(code, lexer), "code")


def _render_code(_, tokens, i, *__):
    return _preformatted(html.escape(tokens[i].content.rstrip("\n")), "code")


def _preformatted(text, kind):
    # In the order of the tab key, so that those without a mouse can scroll it.
    return f'<pre class="{kind}" tabindex="0"><code>{text}</code></pre>\n'
