"""Formulas: what LaTeX becomes in MathML, and what is no formula."""

import sys

import pytest

from ds2np.learn.book import FOLDER

sys.path.append(str(FOLDER))
import mathematics

MINUS = "\N{MINUS SIGN}"
BAR = '<mo stretchy="false" lspace="0" rspace="0">|</mo>'


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", ["<mtable", 'columnalign="right"']),
        (r"\log p", ['<mi>log</mi><mspace width="0.167em" /><mi>p</mi>']),
        (r"2 \ln (p)", ['<mspace width="0.167em" /><mi>ln</mi><mo stretchy="false">(</mo>']),
        (r"\max_{k} a", ["<munder><mi>max</mi>"]),
        (r"\mathrm{softmax}(x)", ["<mtext>softmax</mtext>"]),
        (r"\hat{y}", ['<mover accent="true">']),
        (
            r"\overline{c - i s}",
            ['<mrow class="overline"><mrow><mi>c</mi>', "s</mi></mrow></mrow>"],
        ),
        (r"P = |X|^2", [f"{BAR}<mi>X</mi><msup>{BAR}<mn>2</mn>"]),
        (
            r"\lVert g \rVert = \left|g\right|",
            [f"{BAR.replace('|', '‖')}<mi>g</mi>", 'stretchy="true"'],
        ),
        (r"x = -1", [f'<mo>=</mo><mo form="prefix">{MINUS}</mo><mn>1</mn>']),
        (r"|x| - 1", [f"<mo>{MINUS}</mo>"]),
        (
            r"a_{t-1} / 2",
            [f'<mo lspace="0" rspace="0">{MINUS}</mo>', '<mo lspace="0" rspace="0">/</mo>'],
        ),
        (r"2 \left( \sum_{i} x \right)", ['<munder><mo lspace="0">∑</mo>']),
        (r"\frac{1}{T} \sum_{i} x", ["<munder><mo>∑</mo>"]),
        (r"0, \dots, \infty", ["<mi>…</mi>", "<mi>∞</mi>"]),
        (r"\mu_f, f", ['<mi class="leaning">f</mi>', "<mi>f</mi>"]),
        (r"\text{50\% of it}", ["50%\N{NO-BREAK SPACE}of"]),
        (r"\{1, 2\}", [">{<", ">}<"]),
        (r"a < b \;\&\; c", ["<mo>&lt;</mo>", "&amp;"]),
    ],
)
def test_formulas(latex, parts):
    formula = mathematics.to_mathml(latex, display=True)
    assert formula.startswith('<math display="block">')
    for part in parts:
        assert part in formula


@pytest.mark.parametrize(
    "latex",
    [r"\foo{x}", r"\frac{a", r"\frac{a}", "a}", "a & b", r"a \\ b", r"\left( x", "x_", r"x^{"],
)
def test_what_is_no_formula(latex):
    with pytest.raises(ValueError, match=r"\w"):
        mathematics.to_mathml(latex)
