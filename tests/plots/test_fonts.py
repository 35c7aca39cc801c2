import io

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager, rc_context
from matplotlib.figure import Figure

from ds2np.plots import choose_fonts, fonts

NAME = "Two Characters"


@pytest.fixture(autouse=True)
def no_other_fonts(monkeypatch):
    """Leave the fonts that matplotlib brings along, which have no Chinese characters.

    Return a list of files for those that have been installed since matplotlib looked.
    """
    manager = font_manager.fontManager
    own = [font for font in manager.ttflist if "mpl-data" in font.fname]
    monkeypatch.setattr(manager, "ttflist", own)
    installed = []
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: installed)
    fonts._find.cache_clear()
    yield installed
    fonts._find.cache_clear()


@pytest.fixture
def font(tmp_path):
    """Make a font that has a square for each of two characters."""
    square = TTGlyphPen(None)
    for draw, point in (("moveTo", (0, 0)), ("lineTo", (0, 500)), ("lineTo", (500, 500))):
        getattr(square, draw)(point)
    square.closePath()
    names = [".notdef", "he", "again"]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord("他"): "he", ord("再"): "again"})
    builder.setupGlyf(dict.fromkeys(names, square.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": NAME, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "two.ttf")
    return str(tmp_path / "two.ttf")


@pytest.fixture
def two_characters(font):
    font_manager.fontManager.addfont(font)


def test_the_font_of_matplotlib_is_kept_where_it_has_all_characters(two_characters):
    assert choose_fonts("th é ␣") == (["sans-serif"], [])


def test_characters_without_a_font_are_named():
    assert choose_fonts("a再他") == (["sans-serif"], ["他", "再"])


def test_an_installed_font_that_has_most_of_them_is_found(two_characters):
    assert choose_fonts("a再他") == (["sans-serif", NAME], [])
    assert choose_fonts("在a再") == (["sans-serif", NAME], ["在"])


def test_a_font_that_was_installed_later_is_found(no_other_fonts, font, tmp_path):
    assert choose_fonts("再") == (["sans-serif"], ["再"])
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    no_other_fonts += [str(tmp_path / "broken.ttf"), font]
    fonts._find.cache_clear()  # as in another process
    assert choose_fonts("再") == (["sans-serif", NAME], [])


def test_matplotlib_draws_with_what_was_chosen(two_characters):
    families, _ = choose_fonts("a再他")
    with rc_context({"font.family": families}):
        figure = Figure()
        figure.subplots().set_title("a再他", fontweight="bold")
        figure.savefig(io.BytesIO(), format="png")  # a missing glyph is a warning, an error here
