r"""LaTeX to MathML, which browsers draw themselves.

The library latex2mathml does it; here stands what it lacks (`aligned`, names of functions, limits,
accents, the spaces that TeX puts around signs), and that a mistake in a formula is an error, not a
strange picture.
"""

import re
from xml.etree import ElementTree

from latex2mathml.converter import convert

CHILDREN = {
    "mfrac": 2,
    "msub": 2,
    "msup": 2,
    "msubsup": 3,
    "munder": 2,
    "mover": 2,
    "munderover": 3,
}
SCRIPTS = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
LIMITS = {"max", "min", "lim", "argmax", "argmin"}
ACCENTS = set("^~¯˙→")
OVERLINE = "―"
ROWS = ("math", "mrow", "mtd")
LARGE = set("∑∏⋃⋂")
BARS = set("|‖")
TIGHT = {*BARS, "/"}  # TeX puts no space around these
LETTERS = set("∞…⋯")  # nor around these, which MathML would take for operators
CLOSING = {*BARS, *")]}⌋⌉!′"}


def to_mathml(latex, display=False):
    r"""Turn a formula into MathML.

    Parameters
    ----------
    latex : str
        Without its dollars.
    display : bool
        A formula in a line of its own.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it is no formula, or has a command that nobody knows.
    """
    bare = re.sub(r"\\[{}\\]", "", latex)
    if bare.count("{") != bare.count("}"):
        raise ValueError("its braces do not match")
    plain = re.sub(r"(\\(?:begin|end)\{)aligned\}", r"\1split}", latex.strip())
    plain = plain.replace(r"\mathrm{", r"\text{").replace(r"\operatorname{", r"\text{")
    try:
        text = convert(plain, display="block" if display else "inline")
        math = ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", text))
    except Exception as error:  # the library has no base class for its own
        raise ValueError(f"{type(error).__name__} {error}".strip()) from None
    for element in list(math.iter()):
        if element.tag == "mtext":
            element.text = re.sub(r"\\([%_#$])", r"\1", element.text or "")
        if element.get("linebreak"):
            raise ValueError(r"\\ outside of an environment such as aligned")
        if re.search(r"[\\&{}]", element.text or "") and element.text not in "{}&":
            raise ValueError(f"unknown: {element.text}")
        if len(element) != CHILDREN.get(element.tag, len(element)):
            raise ValueError("an argument is missing")
    for element in list(math.iter()):
        _mend(element, display)
    for element in math.iter():
        _mend_spaces(element)
    return ElementTree.tostring(math, encoding="unicode")


def _mend(element, display):
    """Mend the children of an element: scripts that are limits, accents, spaces around names."""
    if element.tag in SCRIPTS:
        base = element[0].text
        # In a line of text a browser sets the limits of a large sign beside it, by itself.
        if base in LARGE or (display and base in LIMITS):
            element.tag = SCRIPTS[element.tag]
    if element.tag == "mover" and element[1].text in ACCENTS:
        element.set("accent", "true")
    elif element.tag == "mover" and element[1].text == OVERLINE:
        # Few fonts have a bar of any length: the style sheet draws it.
        del element[1]
        element.tag = "mrow"
        element.attrib = {"class": "overline"}
    for i in reversed(range(len(element))):
        child = element[i]
        if child.tag in ("mi", "mo") and len(child.text or "") > 1 and child.text.isalpha():
            child.tag = "mi"
        if element.tag in ROWS and _is_name(child):
            if i + 1 < len(element) and not _starts_with_sign(element[i + 1]):
                element.insert(i + 1, _space())
            if i > 0 and element[i - 1].tag not in ("mo", "mspace", "mtext"):
                element.insert(i, _space())


def _mend_spaces(element):
    """Mend the spaces around the signs among an element's children."""
    if element.tag in {*SCRIPTS, *SCRIPTS.values()}:
        for script in element[1:]:
            for sign in script.iter("mo"):
                _tighten(sign)
            if (last := list(script.iter())[-1]).text == "f":
                last.set("class", "leaning")
    if element.tag in CHILDREN:
        return
    before = None
    for child in element:
        sign = child[0] if child.tag in {*SCRIPTS, *SCRIPTS.values()} else child
        if sign.tag == "mo":
            if sign.text in LETTERS:
                sign.tag = "mi"
            elif sign.text in TIGHT:
                if sign.text in BARS and not sign.get("form"):
                    sign.set("stretchy", "false")
                _tighten(sign)
            elif sign.text in "+−±" and _opens(before):
                sign.set("form", "prefix")
            elif sign.text in LARGE and (before is None or _opens(before)):
                sign.set("lspace", "0")
        if child.tag != "mspace":
            before = child


def _tighten(sign):
    sign.set("lspace", "0")
    sign.set("rspace", "0")


def _opens(element):
    """Say whether what follows this element begins an expression: it is "=", "(", a comma ..."""
    if element is None or element.tag != "mo" or element.text in CLOSING:
        return False
    return "postfix" not in element.attrib.values()


def _space():
    return ElementTree.Element("mspace", width="0.167em")


def _is_name(element):
    """Say whether this is log or max, or one with scripts."""
    if element.tag in {*SCRIPTS, *SCRIPTS.values()}:
        element = element[0]
    return element.tag in ("mi", "mo") and len(element.text or "") > 1 and element.text.isalpha()


def _starts_with_sign(element):
    while element.tag == "mrow" and len(element):
        element = element[0]
    return element.tag in ("mo", "mspace")
