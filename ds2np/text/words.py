"""Words, in scripts with spaces and without.

White space separates words, as far as a script has it. In Mandarin and Japanese, and where they are
mixed with Roman letters, each character is a word of its own, and so is each run of letters or
digits: 我用python写 has four words.
"""

import re

# Chinese characters, kana and bopomofo with their punctuation; not Hangul, which has spaces.
ALONE = (
    "\u2e80-\u2fdf\u3001-\u312f\u31a0-\u31ff\u3220-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f"
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff9f\U00020000-\U0003ffff"
)
WORD = re.compile(rf"[{ALONE}]|[^\s{ALONE}]+")
_ALONE = re.compile(rf"[{ALONE}]")


def stands_alone(text):
    """Return whether the first character of a text is a word of its own, without spaces."""
    return _ALONE.match(text) is not None


def without_spaces(characters):
    """Return whether a script has no spaces: most of its characters are words of their own."""
    return 2 * len(_ALONE.findall("".join(characters))) > len(characters)


def split_words(text):
    """Split a text into words, a list of str."""
    return WORD.findall(text)


def space_words(words):
    """Yield what stands before each word in a text: a space between two that are letters."""
    before = ""
    for word in words:
        between = word and before and not (stands_alone(before) or stands_alone(word))
        yield " " if between else ""
        before = word[-1:] or before


def join_words(words):
    """Join words, or texts, to a text: with spaces, but not beside characters that are words.

    This gives a text back from its words if it has such spaces only, and single ones.
    """
    words = list(words)
    return "".join(map("".join, zip(space_words(words), words, strict=True)))
