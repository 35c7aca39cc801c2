import json
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from helpers.voices import need_espeak

from ds2np.synthesis.corpus import TEST_VARIANTS, TRAIN_VARIANTS, plan
from ds2np.synthesis.languages import LANGUAGES
from ds2np.synthesis.sentences_zh import TEMPLATES, WORDS, draw_sentence

TONES = {"55", "35", "214", "51", "11"}
# Each group sounds the same.
HOMOPHONES = ("他她它", "在再", "做作坐", "是事市室试", "园员", "气汽", "工公")

PRONOUNCE = """
import json, sys
from ds2np.synthesis.espeak import Espeak
espeak = Espeak()
print(json.dumps([espeak.phonemes(text, "cmn") for text in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def planned():
    return plan(0, 2500, 200, language=LANGUAGES["zh"])


@pytest.fixture(scope="module")
def texts(planned):
    return [spoken.text for part in planned.values() for spoken in part]


@pytest.fixture(scope="module")
def phonemes(texts):
    """The phonemes of all texts and of all homophones, from a process of its own."""
    need_espeak()
    asked = [*texts, *"".join(HOMOPHONES)]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRONOUNCE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(asked, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def in_grammar():
    """Whether the grammar can draw a text, by one regular expression of all templates."""
    slot = lambda match: f"(?:{'|'.join(WORDS[match[0]].split())})"  # noqa: E731
    patterns = [re.sub("[A-Z]+", slot, template).replace(" ", "") for template in TEMPLATES]
    whole = re.compile("|".join(patterns))
    return lambda text: whole.fullmatch(text) is not None


def test_sentences_are_chinese_characters_without_spaces():
    rng = np.random.default_rng(1)
    for _ in range(500):
        sentence = draw_sentence(rng)
        assert re.fullmatch("[\u4e00-\u9fff]{4,16}", sentence), sentence


def test_every_word_list_is_used_and_has_no_word_twice():
    used = {name for template in TEMPLATES for name in re.findall("[A-Z]+", template)}
    assert used == set(WORDS)
    for words in WORDS.values():
        assert len(set(words.split())) == len(words.split())


def test_no_sentence_is_there_twice(texts):
    assert len(set(texts)) == len(texts) == 2700


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_training_has_enough_characters_and_each_often_enough(seed):
    zh = LANGUAGES["zh"]
    parts = plan(seed, zh.train, zh.test, language=zh)
    train, test = (Counter("".join(each.text for each in part)) for part in parts.values())
    assert len(train) >= 300
    assert min(train.values()) >= 10
    assert train.keys() >= test.keys()


def test_it_has_all_tones_and_no_sentence_spoken_in_english(texts, phonemes):
    said = [phonemes[text] for text in texts]
    assert not [text for text in texts if "(en)" in phonemes[text]]
    tones = Counter(tone for each in said for tone in re.findall(r"\d+", each))
    assert set(tones) >= TONES
    assert min(tones[tone] for tone in TONES) > 500


def test_no_two_sentences_sound_the_same(texts, phonemes):
    assert len({phonemes[text] for text in texts}) == len(texts)


@pytest.mark.parametrize("group", HOMOPHONES)
def test_the_words_around_a_homophone_decide(group, texts, phonemes, in_grammar):
    assert len({phonemes[character] for character in group}) == 1
    met = Counter()
    for text in texts:
        assert in_grammar(text)
        for place, character in enumerate(text):
            for other in set(group) - {character} if character in group else ():
                changed = text[:place] + other + text[place + 1 :]
                assert not in_grammar(changed), (text, changed)
                met[character] += 1
    assert set(met) == set(group)


def test_voices_are_variants_of_mandarin_with_a_wide_range_of_pitch(planned):
    for part, variants in (("train", TRAIN_VARIANTS), ("test", TEST_VARIANTS)):
        assert {each.voice for each in planned[part]} == {f"cmn+{each}" for each in variants}
        assert {each.pitch_range for each in planned[part]} == {75}
