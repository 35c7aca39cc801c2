import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2np.align.script import (
    Change,
    Script,
    ScriptWord,
    encode_script,
    format_changes,
    parse_script,
    read_script,
)
from ds2np.align.spoken import RULES, SUMMARISED
from ds2np.errors import UserError
from ds2np.text import Alphabet, Bigrams
from ds2np.text.normalise import Normaliser

ENGLISH = Alphabet()
LETTERS = " 'abcdefghijklmnopqrstuvwxyz"
HANZI = "他说你好我们在一九八四年去了书店用写的百分之五六七二三十零爱"
PAIRS = Bigrams([*LETTERS, "th", "he", "hi", "so", "wo", "rd", "et"])
MANDARIN = Alphabet(HANZI + LETTERS)
SPACELESS = Alphabet(HANZI + "py")
HAN_PAIRS = Bigrams([*HANZI, "你好", "我们", "年去", *" py"])
UNSPOKEN = ("unwritable", "apart")  # rules of words that stay
ALPHABETS = [ENGLISH, PAIRS, MANDARIN, SPACELESS, HAN_PAIRS]


def parse(text, alphabet=ENGLISH, **options):
    return parse_script(text, alphabet, **options)


def said(script):
    return [word.spoken for word in script.words]


def changes_of(text, alphabet=ENGLISH):
    changes = parse(text, alphabet).changes
    return [(c.before, c.after, c.rule) for c in changes if c.line]


def test_a_page():
    script = parse("CHAPTER IV.\n\n\u201cWell,\u201d said Mr. Hyde,\n\u2018this is it.\u2019\n")
    assert script.sentences == (
        "CHAPTER IV.",
        "\u201cWell,\u201d said Mr. Hyde, \u2018this is it.\u2019",
    )
    assert script.words[:3] == (
        ScriptWord("CHAPTER", "chapter", 0, 1),
        ScriptWord("IV.", "four", 0, 1),
        ScriptWord("\u201cWell,\u201d", "well", 1, 3),
    )
    assert script.words[-1] == ScriptWord("it.\u2019", "it", 1, 4)
    assert script.changes == (
        Change(0, "CHAPTER (line 1)", "chapter", "case"),
        Change(0, "\u201cWell,\u201d (line 3, and 4 more)", "well", "punctuation"),
        Change(1, "IV.", "four", "number"),
    )


SENTENCES = [
    ("One two. Three four! Five?", ["One two.", "Three four!", "Five?"]),
    ("He said: \u201cGo.\u201d (Now.) So", ["He said: \u201cGo.\u201d", "(Now.)", "So"]),
    ("It was 3.14 or a.b and\nno more. Yes", ["It was 3.14 or a.b and no more.", "Yes"]),
    ("Mr. and Mrs. Hyde. Dr. X", ["Mr. and Mrs. Hyde.", "Dr. X"]),
    ("J. S. Bach. J.S. Bach", ["J. S. Bach.", "J.S. Bach"]),
    ("So did I. You too.", ["So did I.", "You too."]),
    ("See No. 7 here. No. Not so.", ["See No. 7 here.", "No.", "Not so."]),
    ("1. Wash it. 2. Cook it.", ["1. Wash it.", "2. Cook it."]),
    ("There are 12. Go.", ["There are 12.", "Go."]),
    ("Quoi ? Rien.", ["Quoi ?", "Rien."]),
    ("He\u2026 she. _Mr._ X", ["He\u2026", "she.", "_Mr._ X"]),
    ("It is.[12] And", ["It is.[12]", "And"]),
    ("First line\nsecond line\n\n\nA title\n\n* * *\n\nmore. And", None),
]


@pytest.mark.parametrize(("text", "expected"), SENTENCES)
def test_sentences(text, expected):
    expected = expected or ["First line second line", "A title", "more.", "And"]
    assert list(parse(text).sentences) == expected


def test_without_signs_each_line_is_a_sentence():
    lines = ["one two three four five six seven eight nine ten"] * 5 + ["end", "well"]
    text = "\n".join(lines)
    assert list(parse(text).sentences) == lines
    assert list(parse(text.replace("end", "end.")).sentences) == [*lines[:5], "end.", "well"]
    # One sign in 50 words is enough.
    text = text.replace("end\nwell", "end.").replace("one", "", 1)
    assert len(parse(text).sentences) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("well-known", [("well-known", "well known", "hyphen")]),
        ("Paris\u2013London", [("Paris\u2013London", "paris london", "hyphen")]),
        ("and/or", [("and/or", "and or", "sign")]),
        ("caf\u00e9", [("caf\u00e9", "cafe", "accent")]),
        ("cafe\u0301", [("cafe\u0301", "cafe", "accent")]),
        ("co\u00adop", [("co\u00adop", "coop", "invisible")]),
        ("a *** b", [("***", "", "nothing")]),
        ("a \u2014 b", [("\u2014", "", "nothing")]),
        ("a [12] b", [("[12]", "", "footnote")]),
        ("word[12],", [("word[12],", "word", "footnote")]),
        ("in 1846[3]", [("1846[3]", "eighteen forty six", "footnote")]),
        ("a b \u4f60", [("\u4f60", "", "unwritable")]),
        ("a b \u4f60[12]", [("\u4f60[12]", "", "unwritable")]),
        ("IV. A storm", [("IV.", "four", "number")]),
        ("IV. A\nstorm", []),
        ("R&D", [("R&D", "r and d", "number")]),
        ("_word_ =x= don\u2019t", []),
        ("a [Illustration: two\nmen] b", [
            ("[Illustration: two", "", "illustration"), ("men]", "", "illustration"),
        ]),
    ],
)  # fmt: skip
def test_changes(text, expected):
    assert changes_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don\u2019t \u2018tis 'Twas \u2019em", "don't 'tis 'twas 'em"),
        ("\u2018Hello,\u2019 'cat' cat\u2019", "hello cat cat"),
        ("dogs\u2019 runnin' o\u2019 th\u2019", "dogs' runnin' o' th'"),
        ("\u2018dogs\u2019 'o'", "dogs o"),
        ("_don\u2019t_ 'well-known'", "don't well known"),
        ("\u2019cat\u2019 \u2019cat", "cat 'cat"),
    ],
)
def test_apostrophes_and_quotation_marks(text, expected):
    assert " ".join(said(parse(text))) == expected


def test_dashes_split_words():
    script = parse("end--and \u2014so\u2014he 1914\u20141918 \u201cI\u2014\u201d")
    assert [word.text for word in script.words] == [
        "end--", "and", "\u2014so\u2014", "he", "1914\u20141918", "\u201cI\u2014\u201d",
    ]  # fmt: skip
    assert said(script)[4:] == ["nineteen fourteen to nineteen eighteen", "i"]
    assert said(parse("I\u2014I")) == ["i", "i"]


def test_the_frame_of_project_gutenberg():
    text = (
        "Title\n*** START OF THE PROJECT GUTENBERG EBOOK A\nTITLE ***\r\nThe book.\n\n"
        "***END OF THIS PROJECT GUTENBERG EBOOK A TITLE***\nLicence\n"
    )
    script = parse(text)
    assert script.words == (ScriptWord("The", "the", 0, 4), ScriptWord("book.", "book", 0, 4))
    left_out = [change for change in script.changes if change.rule == "gutenberg"]
    assert [(c.line, c.before) for c in left_out[-1:]] == [(7, "Licence")]
    assert [change.line for change in left_out] == [1, 2, 3, 6, 7]


@pytest.mark.parametrize("title", ["A", "A\nLONG TITLE"])
@pytest.mark.parametrize(("before", "after"), [("", ""), ("  ", ""), ("", " \t")])
def test_white_space_beside_the_marks_of_project_gutenberg(before, after, title):
    start, end = (
        f"{before}*** {mark} OF THE PROJECT GUTENBERG EBOOK {title} ***{after}\n"
        for mark in ("START", "END")
    )
    script = parse(f"Title\n{start}One.\n\n***\n\nTwo.\n\n{end}Licence\n")
    assert script.sentences == ("One.", "Two.")


def test_a_mark_that_is_not_closed_leaves_the_book():
    text = "*** START OF THE PROJECT GUTENBERG EBOOK A\n \nOne.\n\n***\n\nTwo.\n"
    assert parse(text).sentences[-2:] == ("One.", "Two.")


@pytest.mark.parametrize("line", ["the Project Gutenberg EBook of A", "Project Gutenberg's A"])
def test_the_last_line_before_the_licence_is_left_out(line):
    mark = "*** END OF THE PROJECT GUTENBERG EBOOK A ***"
    script = parse(f"One.\n\nEnd of {line}, by\nB. C.\n\n{mark}\nLicence\n")
    assert script.sentences == ("One.",)
    # Without the mark it is part of the text.
    assert len(said(parse(f"One.\n\nEnd of {line}, by B. C."))) > 1


def test_mandarin():
    text = "他说\uff1a\u201c你好。\u201d我们在1984年去了\n书店\uff01用Python写的"
    text += " so so 《爱》 5\uff05 [3]* 好[4]。"
    script = parse(text, MANDARIN)
    assert script.sentences[:2] == ("他说\uff1a\u201c你好。\u201d", "我们在1984年去了书店\uff01")
    assert script.sentences[2] == "用Python写的so so《爱》5\uff05[3]*好[4]。"
    assert [word.text for word in script.words[:4]] == ["他", "说\uff1a", "\u201c你", "好。\u201d"]
    assert [word.text for word in script.words[-3:]] == ["《爱》", "5\uff05", "好[4]。"]
    assert MANDARIN.join(said(script)) == (
        "他说你好我们在一九八四年去了书店用python写的so so爱百分之五好"
    )
    assert [word.line for word in script.words][11:13] == [2, 2]
    quoted = "\u300a\u201c爱\u201d\u300b"
    assert [word.text for word in parse(quoted, MANDARIN).words] == [quoted]


def test_without_a_space_roman_words_cannot_stand_side_by_side():
    script = parse("你好 py 說 y 我 py", SPACELESS)
    assert said(script) == ["你", "好", "py", "", "", "我", "py"]
    each = [change for change in script.changes if change.line]
    assert [change.rule for change in each] == ["unwritable", "apart"]


def test_an_alphabet_with_digits_keeps_them():
    script = parse("In 1846, & so", Alphabet(LETTERS + "0123456789"))
    assert said(script) == ["in", "1846", "so"]
    assert changes_of("a b[12]", Alphabet(LETTERS + "0123456789")) == [("b[12]", "b", "footnote")]


def test_another_language():
    german = Alphabet(LETTERS + "äöüß")
    assert said(parse("Die 5 Straßen", german, language="de")) == ["die", "fünf", "straßen"]
    with pytest.raises(UserError, match="no numbers of the language 'xx'"):
        parse("a", language="xx")


def test_the_table_of_changes():
    script = parse("Hello, B12\n\u2014 you")
    assert format_changes(script) == (
        "line\tbefore\tafter\trule\n"
        "0\tHello, (line 1)\thello\tpunctuation\n"
        "1\tB12\tb twelve\tnumber\n"
        "2\t\u2014\t\tnothing\n"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "has no word"),
        (b"\n *** \n\xe2\x80\x94\n", "has no word"),
        (b"one\ntwo \xff\n", "is not UTF-8 text: line 2"),
        (b"one\ntwo\x00\n", "is not text: a NUL character in line 2"),
        ("word\n\n\u0434\u0430 \u043d\u0435\u0442\n".encode(), "can write only 1 of its 3 words"),
        ("word\n\n\u0434\u0430 \u043d\u0435\u0442\n".encode(), "is '\u0434\u0430' in line 3"),
    ],
)
def test_bad_files(tmp_path, data, message):
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(UserError) as error:
        read_script(path, ENGLISH)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_half_of_the_words_are_enough():
    assert said(parse("word \u0434\u0430 so \u043d\u0435\u0442")) == ["word", "", "so", ""]


def test_no_file(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        read_script(tmp_path, ENGLISH)
    with pytest.raises(UserError, match="no such file"):
        read_script(tmp_path / "none.txt", ENGLISH)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(tmp_path, mark):
    path = tmp_path / "text.txt"
    path.write_bytes(mark + b"one\r\n\r\ntwo\rthree\n")
    words = read_script(path, ENGLISH).words
    assert [(word.text, word.sentence, word.line) for word in words] == [
        ("one", 0, 1), ("two", 1, 3), ("three", 2, 4),
    ]  # fmt: skip


SAMPLES = """
Hello, don\u2019t Mr. well-known end--and 1846 $5 million No. 7 XII CHAPTER I \u2018tis' * *** [12]
x[3] caf\u00e9 _so_ 3.14. \u2014 \u201c 你好。 说\uff1a\u201c我们 Python 1984年 py 5\uff05 《爱》 &
[Illustration] 5-7 yes! hmm\u2026 \u00ad \u00bd' 1914\u20131918, B12 '
"""
TOKENS = st.one_of(st.sampled_from(SAMPLES.split()), st.text(max_size=6))
SPACES = st.sampled_from([" ", "  ", "\n", "\n\n", "\t", "\r\n", "\u3000"])


def pieces_in_order(text, script):
    """Take the words and what was left out away from each line; return what remains."""
    lines = re.split("\r\n|\r|\n", text.removeprefix("\ufeff"))
    left_out = [c for c in script.changes if c.line and c.rule not in SUMMARISED]
    words = {}
    for word in script.words:
        words.setdefault(word.line, []).append(word.text)
    nothing = {}
    for change in left_out:
        if not change.after and change.rule not in UNSPOKEN:
            nothing.setdefault(change.line, []).append(change.before)
    for number, line in enumerate(lines, start=1):
        rest, own = line, nothing.get(number, [])
        expected = words.get(number, [])
        while rest.strip():
            rest = rest.lstrip()
            if expected and rest.startswith(expected[0]):
                rest = rest[len(expected.pop(0)) :]
            elif fits := [each for each in own if rest.startswith(each)]:
                own.remove(max(fits, key=len))
                rest = rest[len(max(fits, key=len)) :]
            else:
                return line, rest, expected, own
    return None


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(TOKENS, SPACES), max_size=12))
@pytest.mark.parametrize("alphabet", ALPHABETS, ids=["letters", "pairs", "zh", "bare", "zh-pairs"])
def test_every_token_is_a_word_or_a_change(alphabet, parts):
    text = "".join(token + space for token, space in parts).replace("\0", "")
    text += "\n\n" + ("word " if alphabet.has_spaces else "好") * (len(text) + 1)
    script = parse(text, alphabet)
    assert pieces_in_order(text, script) is None
    used = [word.sentence for word in script.words]
    assert used == sorted(used)
    assert set(used) == set(range(len(script.sentences)))
    joined = alphabet.join(said(script))
    assert alphabet.decode(alphabet.encode(joined)) == joined
    encoded = encode_script(script, alphabet)
    assert np.array_equal(encoded.labels, alphabet.encode(joined))
    assert (np.diff(encoded.begins) > 0).all()
    assert (np.diff(encoded.words) > 0).all()
    assert all(script.words[i].spoken for i in encoded.words)
    # Each word that is not spoken as written is counted once.
    counted = sum(bool(c.line and (c.after or c.rule in UNSPOKEN)) for c in script.changes)
    for change in script.changes[: sum(not change.line for change in script.changes)]:
        more = re.search(r", and ([\d,]+) more\)$", change.before)
        counted += 1 + (int(more[1].replace(",", "")) if more else 0)
    assert counted == sum(word.text != word.spoken for word in script.words)
    assert {change.rule for change in script.changes} <= set(RULES)


def check_begins(script, alphabet):
    """From each begin to its end, the labels are the word's own letters."""
    encoded = encode_script(script, alphabet)
    places = zip(encoded.begins, encoded.ends, strict=True)
    assert [alphabet.decode(encoded.labels[begin:end]) for begin, end in places] == [
        script.words[i].spoken for i in encoded.words
    ]
    return encoded.words


@pytest.mark.parametrize("alphabet", [ENGLISH, PAIRS], ids=["letters", "pairs"])
def test_labels_of_words(alphabet):
    script = parse("The well-known \u4f60 word of 1846\u2014so it is, the hero.", alphabet)
    words = check_begins(script, alphabet)
    assert list(words) == [0, 1, 3, 4, 5, 6, 7, 8, 9, 10]


def test_labels_of_mandarin():
    script = parse("你好\uff0c我用Python写 so so 1984年。", MANDARIN)
    assert list(check_begins(script, MANDARIN)) == list(range(len(script.words)))


def test_characters_that_share_a_label_begin_once():
    script = parse("你好。我们在", HAN_PAIRS)
    encoded = encode_script(script, HAN_PAIRS)
    assert HAN_PAIRS.decode(encoded.labels) == "你好我们在"
    assert (list(encoded.begins), list(encoded.words)) == ([0, 1, 2], [0, 2, 4])


def test_nothing_spoken_has_no_labels():
    encoded = encode_script(Script((), (), ()), ENGLISH)
    parts = encoded.labels, encoded.begins, encoded.ends, encoded.words
    assert [(len(part), part.dtype) for part in parts] == 4 * [(0, np.int64)]


def test_words_that_labels_do_not_have_are_an_error():
    class Wordless(Alphabet):
        def find_words(self, numbers):
            return []

    with pytest.raises(ValueError, match="the script has 3 words, its labels 0"):
        encode_script(parse("so well-known"), Wordless())


def test_a_long_text_looks_at_each_token_once(monkeypatch):
    seen = []
    write = Normaliser.write

    def count(self, text):
        seen.append(text)
        return write(self, text)

    monkeypatch.setattr(Normaliser, "write", count)
    assert len(parse("The quick, brown-eyed fox! " * 50).words) == 200
    assert seen == ["The", "quick,", "brown-eyed", "fox!"]
