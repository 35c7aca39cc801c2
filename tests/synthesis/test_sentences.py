import dataclasses
import hashlib
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from ds2np.errors import UserError
from ds2np.synthesis.corpus import TEST_VARIANTS, TRAIN_VARIANTS, draw_sentences, plan, voices
from ds2np.synthesis.languages import LANGUAGES
from ds2np.synthesis.sentences import TEMPLATES, WORDS, draw_sentence


@pytest.fixture(scope="module")
def default_plan():
    return plan(seed=0, train=1500, test=200)


def texts(part):
    return [spoken.text for spoken in part]


def test_sentences_have_two_to_seven_words_of_plain_letters():
    rng = np.random.default_rng(1)
    for _ in range(500):
        sentence = draw_sentence(rng)
        assert re.fullmatch(r"[a-z']+( [a-z']+){1,6}", sentence), sentence


def test_every_word_list_is_used_and_has_no_word_twice():
    used = {word for template in TEMPLATES for word in template.split()}
    for name, words in WORDS.items():
        assert name in used
        assert len(set(words.split())) == len(words.split())


def test_no_article_stands_before_a_vowel():
    # "a" never has to become "an".
    for template in TEMPLATES:
        for article, word in pairwise(template.split()):
            if article == "a":
                assert not any(choice[0] in "aeiou" for choice in WORDS[word].split())


def test_train_and_test_share_no_sentence(default_plan):
    train, test = texts(default_plan["train"]), texts(default_plan["test"])
    assert len(set(train)) == len(train) == 1500
    assert len(set(test)) == len(test) == 200
    assert set(train).isdisjoint(test)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_training_says_every_word_often_enough_to_learn_it(seed):
    counts = Counter(" ".join(texts(plan(seed, 1500, 1)["train"])).split())
    assert 100 <= len(counts) <= 130
    assert min(counts.values()) >= 20
    assert sum("'" in word for word in counts) >= 5


def test_training_says_every_word_of_the_test(default_plan):
    train = set(" ".join(texts(default_plan["train"])).split())
    assert train.issuperset(" ".join(texts(default_plan["test"])).split())


def test_a_small_training_set_still_has_every_word_of_the_test():
    parts = plan(seed=3, train=12, test=6)
    train = set(" ".join(texts(parts["train"])).split())
    assert train.issuperset(" ".join(texts(parts["test"])).split())


def test_test_variants_are_in_no_training_voice(default_plan):
    def variants(part):
        return {spoken.voice.partition("+")[2] for spoken in default_plan[part]}

    assert variants("train") == set(TRAIN_VARIANTS)
    assert variants("test") == set(TEST_VARIANTS)
    assert variants("train").isdisjoint(variants("test"))


def test_voices_take_turns(default_plan):
    counts = Counter(spoken.voice for spoken in default_plan["train"])
    assert set(counts) == set(voices(TRAIN_VARIANTS))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_rate_pitch_and_size_vary_within_their_ranges(default_plan):
    train, test = default_plan["train"], default_plan["test"]
    assert (min(s.rate for s in train), max(s.rate for s in train)) == (130, 200)
    assert (min(s.pitch for s in train), max(s.pitch for s in train)) == (30, 70)
    assert 0.87 <= min(s.size for s in train) < 0.88
    assert 1.14 < max(s.size for s in train) <= 1.15
    for s in test:
        assert 130 <= s.rate <= 200
        assert 30 <= s.pitch <= 70
        assert s.size == 1


def test_the_plan_depends_on_the_seed_alone(default_plan):
    assert plan(0, 1500, 200) == default_plan
    assert plan(1, 30, 5) != plan(2, 30, 5)


def test_too_many_sentences_are_refused():
    tiny = dataclasses.replace(
        LANGUAGES["en"], draw=lambda rng: f"it's {rng.choice(['new', 'old'])}"
    )
    rng = np.random.default_rng(0)
    assert sorted(draw_sentences(rng, 2, language=tiny)) == ["it's new", "it's old"]
    with pytest.raises(UserError, match=r"only 2 of 3 distinct .* ask for fewer"):
        draw_sentences(rng, 3, language=tiny)
    with pytest.raises(UserError, match=r"only 1 .* more for training"):
        draw_sentences(rng, 2, ["it's old"], {"it's", "new"}, tiny)


def test_the_english_corpus_is_the_one_it_was(default_plan):
    fields = "path", "text", "voice", "rate", "pitch", "size"
    spoken = [
        tuple(getattr(each, name) for name in fields)
        for part in default_plan.values()
        for each in part
    ]
    digest = hashlib.sha1(repr(spoken).encode()).hexdigest()
    assert digest == "6b57041b610951517f6667f267ad61fa0356f506"
    assert {each.pitch_range for part in default_plan.values() for each in part} == {50}
