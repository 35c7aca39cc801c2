"""Mandarin has no spaces: characters are counted, and mistakes are characters or Roman words."""

import pytest

from ds2np.evaluate import Evaluation, format_summary, summarise

REFS = ["请再喝茶", "他在家", "她是老师"]
HYPS = ["请在喝茶", "她在家吗", "她是老师"]
FILES = ["0.wav", "1.wav", "2.wav"]


@pytest.fixture
def evaluation():
    n_best = [
        [{"text": text} for text in texts] for texts in zip(HYPS, [*REFS[:2], ""], strict=True)
    ]
    return Evaluation(REFS, HYPS, 1.0, 0.5, n_best=n_best, spaces=False)


def test_the_character_error_rate_is_the_one_that_counts(evaluation):
    assert evaluation.rate == evaluation.cer == 3 / 11
    assert evaluation.rate_name == "CER"
    assert evaluation.oracle_rate == 0
    assert str(evaluation) == "CER 27.3 %  wrong utterances 66.7 %  loss 1.00"


def test_mistaken_characters_are_counted(evaluation):
    summary = summarise(evaluation, FILES)
    assert summary["confused_characters"] == [
        {"reference": "他", "hypothesis": "她", "count": 1},
        {"reference": "再", "hypothesis": "在", "count": 1},
    ]
    assert summary["inserted_characters"] == [{"character": "吗", "count": 1}]
    assert summary["missed_characters"] == []
    assert summary["oracle_cer"] == 0
    assert [u["character_errors"] for u in summary["worst"]] == [2, 1]
    assert summary["worst"][0]["differences"] == "[他 -> 她]在家[+ 吗]"


def test_the_text_speaks_of_characters_only(evaluation):
    text = format_summary(summarise(evaluation, FILES))
    assert "most often confused: 他 -> 她 (1), 再 -> 在 (1)" in text
    assert "utterances with the most character errors:\n  2 in 1.wav" in text
    assert "CER of the best of the texts of each utterance: 0.0 %" in text
    assert "\nwords " not in text
    assert "a text is one word" in text


def test_a_roman_word_in_mandarin_is_one_mistake_of_its_characters():
    refs, hyps = ["我用python写", "再用python写2个"], ["我用pithon写", "在用pithn写2个"]
    summary = summarise(Evaluation(refs, hyps, 1.0, 0.5, spaces=False), ["0.wav", "1.wav"])
    assert summary["cer"] == 4 / (9 + 11)
    assert summary["confused_characters"] == [
        {"reference": "python", "hypothesis": "pithn", "count": 1},
        {"reference": "python", "hypothesis": "pithon", "count": 1},
        {"reference": "再", "hypothesis": "在", "count": 1},
    ]
    assert [each["character_errors"] for each in summary["utterances"]] == [1, 3]
    assert [each["differences"] for each in summary["utterances"]] == [
        "我用[python -> pithon]写",
        "[再 -> 在]用[python -> pithn]写2个",
    ]


def test_another_script_without_spaces_has_mistakes_of_characters():
    summary = summarise(Evaluation(["สวัสดี"], ["สวัดดี"], 1.0, 0.5, spaces=False), FILES[:1])
    assert summary["confused_characters"] == [{"reference": "ส", "hypothesis": "ด", "count": 1}]
