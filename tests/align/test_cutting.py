"""Cuts: where they may lie, which are best, and that nothing is lost."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2np.align import cutting
from ds2np.align.alignment import AlignedWord, Alignment
from ds2np.align.cutting import LONG, NO_PAUSE, NO_TEXT, NOT_READ, NOT_WRITTEN, QUIET, SHORT, cut


def make(items, duration=None):
    """Build an alignment of words and what lies between them, in tenths of a second.

    A number is a pause, "x3" sound without text, "/" the end of a sentence; "?" a word that was not
    read, "!" one that the alphabet cannot write; other letters are a word of three tenths.
    """
    words, foreign, time, sentence = [], [], 0, 0
    for item in items:
        if isinstance(item, int):
            time += item
        elif item[0] == "x":
            foreign.append((time / 10, (time + int(item[1:])) / 10))
            time += int(item[1:])
        elif item == "/":
            sentence += 1
        elif item in "?!":
            spoken = "" if item == "!" else "w"
            words.append(AlignedWord(item, spoken, sentence, 1, None, None, 0.0))
        else:
            words.append(AlignedWord(item, item, sentence, 1, time / 10, (time + 3) / 10, 1.0))
            time += 3
    duration = time / 10 if duration is None else duration
    return Alignment("r", duration, tuple(words), (), tuple(foreign), (), 0.0, True)


def shown(alignment, **options):
    return [
        (
            "".join(word.text for word in alignment.words[each.first : each.last]),
            None if each.start is None else round(each.start, 3),
            None if each.end is None else round(each.end, 3),
            each.reason,
        )
        for each in cut(alignment, **options)
    ]


def texts(alignment, **options):
    return [text for text, _, _, reason in shown(alignment, **options) if not reason]


def test_an_utterance_keeps_half_of_a_pause_but_not_more_than_the_margin():
    got = shown(make([5, "a", 1, "b", 4, "c", 20, "d"]), lengths=(0.1, 1.0))
    assert got == [
        ("", 0, 0.25, QUIET),
        ("ab", 0.25, 1.4, LONG.format(1)),
        ("c", 1.4, 2.2, ""),
        ("", 2.2, 3.6, QUIET),
        ("d", 3.6, 4.2, ""),
    ]


def test_it_cuts_in_the_longest_pauses_and_as_rarely_as_the_lengths_allow():
    alignment = make(["a", 3, "b", 9, "c", 3, "d", 3, "e"])
    assert texts(alignment, lengths=(0.1, 60.0)) == ["abcde"]
    assert texts(alignment, lengths=(0.1, 2.5)) == ["ab", "cde"]
    assert texts(alignment, lengths=(3.0, 60.0)) == ["abcde"]
    assert {e.reason for e in cut(alignment, lengths=(3.4, 60.0))} == {SHORT.format(3.4), QUIET}


def test_no_cut_without_a_pause():
    alignment = make(["a", 1, "b", 1, "c", 1, "d"])
    assert texts(alignment, lengths=(0.1, 1.0)) == []
    assert texts(alignment, lengths=(0.1, 1.0), pause=0.1) == ["ab", "cd"]


@pytest.mark.parametrize("between", [["x9"], ["???"], ["!?!"], ["???", 9], [2, "x9", "?", 2]])
def test_where_the_text_was_left_it_must_be_cut(between):
    safe = [3, *between, 3]
    safe = [part for item in safe for part in (item if str(item)[0] in "?!" else [item])]
    assert texts(make(["a", "b", *safe, "c", "d"]), lengths=(0.1, 9.0)) == ["ab", "cd"]


def test_without_a_pause_there_words_up_to_the_next_pause_are_in_doubt():
    got = shown(make(["a", 4, "b", "b", "x9", "c", "c", 4, "d"]), lengths=(0.1, 9.0))
    assert [text for text, *_, reason in got if reason == NO_PAUSE] == ["bb", "cc"]
    assert [text for text, *_, reason in got if not reason] == ["a", "d"]


def test_a_word_alone_between_such_a_place_and_a_pause_says_nothing():
    got = shown(make(["a", 4, "b", 4, "c", "x9", "d", 4, "e", 4, "f"]), lengths=(0.1, 0.6))
    assert [(text, reason) for text, *_, reason in got if text] == [
        ("a", ""), ("bc", NO_PAUSE), ("de", NO_PAUSE), ("f", "")
    ]  # fmt: skip


@pytest.mark.parametrize("between", ["?", "!", "?!"])
def test_where_few_words_are_missing_without_a_sound_the_next_pause_counts(between):
    items = ["a", 4, "b", "b", 4, *between, 4, "c", "c", 4, "d"]
    got = shown(make(items), lengths=(0.1, 0.7))
    assert [text for text, *_, reason in got if reason == NO_PAUSE] == ["bb", "cc"]
    assert [text for text, *_, reason in got if text and not reason] == ["a", "d"]
    assert texts(make(["a", 4, "b", 4, "x4", *between, 4, "c"]), lengths=(0.1, 0.7)) == [*"abc"]


@pytest.mark.parametrize(
    ("between", "lost"),
    [("/??", ["cc"]), ("??/", ["bb"]), ("?/?", ["bb", "cc"]), ("/??/", []), ("/?/", [])],
)
def test_the_missing_words_of_a_sentence_are_not_a_part_of_another(between, lost):
    items = ["a", 4, "b", "b", 4, *between, 4, "c", "c", 4, "d"]
    got = shown(make(items), lengths=(0.1, 1.2))
    assert [text for text, *_, reason in got if reason == NO_PAUSE] == lost
    kept = [text for text in ("bb", "cc") if text not in lost]
    assert [text for text, *_, reason in got if text and not reason] == ["a", *kept, "d"]


def test_a_recording_may_end_with_a_word_unless_more_was_to_come():
    assert texts(make(["a", "b"]), lengths=(0.1, 9.0)) == ["ab"]
    got = shown(make(["a", 4, "b", "b", "?"]), lengths=(0.1, 9.0))
    assert [(text, reason) for text, *_, reason in got] == [
        ("a", ""), ("bb", NO_PAUSE), ("?", NOT_READ)
    ]  # fmt: skip


def test_all_that_is_left_out_has_its_reason():
    got = shown(make([*"??!", 3, "x5", 3, "a", 3, *"???", 3, "b"]), lengths=(0.5, 9.0))
    assert [(text, reason) for text, *_, reason in got] == [
        ("??", NOT_READ), ("!", NOT_WRITTEN), ("", QUIET), ("", NO_TEXT), ("", QUIET),
        ("a", ""), ("???", NOT_READ), ("b", ""),
    ]  # fmt: skip


def test_nothing_at_all():
    assert cut(make([])) == []
    assert [each.reason for each in cut(make([9]))] == [QUIET]
    assert [each.reason for each in cut(make(["?"], duration=3.0))] == [NOT_READ, QUIET]


ITEM = st.one_of(
    st.integers(1, 12), st.sampled_from("abcd?!"), st.integers(1, 30).map("x{}".format)
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(ITEM, max_size=40),
    st.sampled_from([(0.1, 0.5), (0.5, 2.0), (1.0, 15.0)]),
    st.sampled_from([0.1, 0.2, 0.5]),
)
def test_each_word_and_each_moment_is_in_one_of_them(items, lengths, pause):
    alignment = make(items)
    found = cut(alignment, lengths, pause)
    places = list(itertools.chain.from_iterable(range(e.first, e.last) for e in found))
    assert places == list(range(len(alignment.words)))
    timed = [each for each in found if each.start is not None]
    edges = [0.0, *itertools.chain.from_iterable((e.start, e.end) for e in timed)]
    np.testing.assert_allclose(edges[:-1:2], edges[1::2], atol=1e-9)
    assert edges[-1] == pytest.approx(alignment.duration) if timed else not alignment.duration
    for each in found:
        if each.reason:
            continue
        words = alignment.words[each.first : each.last]
        assert all(word.read for word in words)
        assert lengths[0] <= each.end - each.start <= lengths[1]
        assert each.start <= words[0].start <= words[-1].end <= each.end
        assert not any(a < each.end - 1e-9 and b > each.start + 1e-9 for a, b in alignment.foreign)


def count_lost(alignment, lengths, pause, chosen):
    """Seconds lost if the pauses `chosen` are cut, in a recording without marks."""
    words, lost = alignment.words, 0.0
    for first, last in itertools.pairwise([0, *chosen, len(words)]):
        before = words[first].start - (words[first - 1].end if first else 0.0)
        after = (words[last].start if last < len(words) else alignment.duration) - words[
            last - 1
        ].end
        start = words[first].start - min(cutting.MARGIN, before / 2)
        end = words[last - 1].end + min(cutting.MARGIN, after / 2)
        lost += 0.0 if lengths[0] <= end - start <= lengths[1] else end - start
    return lost


@pytest.mark.parametrize("seed", range(40))
def test_no_other_choice_of_pauses_loses_less(seed):
    rng = np.random.default_rng(seed)
    items = list(itertools.chain.from_iterable(("a", int(rng.integers(1, 9))) for _ in range(9)))
    alignment, lengths, pause = make(items), (0.8, float(rng.uniform(1, 4))), 0.3
    words = alignment.words
    allowed = [i for i in range(1, 9) if words[i].start - words[i - 1].end >= pause]
    best = min(
        count_lost(alignment, lengths, pause, chosen)
        for count in range(len(allowed) + 1)
        for chosen in itertools.combinations(allowed, count)
    )
    found = cut(alignment, lengths, pause)
    lost = sum(e.end - e.start for e in found if e.reason not in ("", QUIET))
    assert lost == pytest.approx(best)
