"""The beam decoder: batches, streams, n-best, words and their times, bad input."""

import math
from itertools import product

import numpy as np
import pytest

from ds2np.decode import (
    BeamDecoder,
    GreedyDecoder,
    describe_mismatch,
    make_decoder,
    share_unwritable,
)
from ds2np.decode.candidates import choose_symbols, find_frames, list_candidates
from ds2np.decode.selection import select_best
from ds2np.errors import UserError
from ds2np.lm import NGram
from ds2np.model import DeepSpeech2Config
from ds2np.text import Alphabet

ALPHABET = Alphabet(" abc")
LINES = ["a cab", "ab abc a", "b cab", "abc a", "cab cab ab", "c"]
WORDS = NGram.train(LINES, 3, log=None)
CHARACTERS = NGram.train(LINES, 4, units="characters", log=None)
MODELS = {
    "no LM": {},
    "words": {"lm": WORDS},
    "characters": {"lm": CHARACTERS},
    "phrases": {"lm": WORDS, "phrases": {"cab ab": 4, "bb": 10}},
    "closed": {"lm": WORDS, "closed_vocabulary": True},
}
every_model = pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)


def batch(seed=0, N=12, T=40, sharp=3.0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, sharp, (N, T, len(ALPHABET)))
    x[..., 0] += sharp * (rng.random((N, T)) < 0.5) * 3  # blanks, some of them certain
    x -= np.log(np.exp(x).sum(axis=2, keepdims=True))
    return x.astype(dtype), rng.integers(0, T + 1, N)


@every_model
@pytest.mark.parametrize("seed", range(3))
def test_a_batch_gives_what_its_utterances_give_alone(options, seed):
    decoder = BeamDecoder(ALPHABET, beam=20, n_best=3, **options)
    log_probs, lengths = batch(seed)
    together = decoder.decode(log_probs, lengths)
    for x, length, expected in zip(log_probs, lengths, together, strict=True):
        assert decoder.decode(x[None, :length], [length]) == [expected]  # to the last bit


@every_model
@pytest.mark.parametrize("sizes", [[40], [1] * 40, [7, 0, 13, 20]])
def test_a_stream_gives_what_the_whole_utterance_gives(options, sizes):
    decoder = BeamDecoder(ALPHABET, beam=20, **options)
    log_probs, _ = batch(3, N=1)
    stream, at, texts = decoder.stream(), 0, []
    for size in sizes:
        texts.append(stream.push(log_probs[0, at : at + size]))
        at += size
    ((expected,),) = decoder.decode(log_probs, [40])
    assert stream.finish() == expected
    assert all(isinstance(text, str) for text in texts)
    assert len(texts[-1]) > 3


def test_a_stream_without_frames_is_empty():
    assert BeamDecoder(ALPHABET).stream().finish().text == ""


@every_model
def test_scores_are_exact_and_sorted_even_of_a_narrow_beam(options):
    log_probs, lengths = batch(1, N=6)
    narrow = BeamDecoder(ALPHABET, beam=4, n_best=4, **options)
    wide = BeamDecoder(ALPHABET, beam=3000, n_best=3000, threshold=60, certain=1, **options)
    wide.cumulative = 1
    for found, all_found in zip(
        narrow.decode(log_probs, lengths), wide.decode(log_probs, lengths), strict=True
    ):
        scores = {h.text: h for h in all_found}
        assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
        for h in found:
            assert h.score == h.acoustic + h.lm
            if h.text in scores:
                assert h.score == pytest.approx(scores[h.text].score, abs=1e-9)
        assert any(h.text in scores for h in found)


def test_a_narrow_beam_finds_no_better_text_than_a_wide_one():
    log_probs, lengths = batch(2, N=10, sharp=1.5)
    scores = [
        np.array(
            [h[0].score for h in BeamDecoder(ALPHABET, WORDS, beam=b).decode(log_probs, lengths)]
        )
        for b in (1, 100)
    ]
    assert (scores[0] <= scores[1] + 1e-9).all()
    assert (scores[0] < scores[1] - 1e-6).any()


def test_without_a_language_model_a_sharp_network_is_read_as_greedily():
    log_probs, lengths = batch(4, sharp=12)
    greedy = [h[0].text for h in GreedyDecoder(ALPHABET).decode(log_probs, lengths)]
    found = BeamDecoder(ALPHABET).decode(log_probs, lengths)
    assert np.mean([h[0].text == text for h, text in zip(found, greedy, strict=True)]) > 0.8


@pytest.mark.parametrize("options", [{}, {"lm": WORDS}], ids=["no LM", "words"])
def test_a_prefix_that_comes_back_is_no_second_one(options):
    decoder = BeamDecoder(ALPHABET, beam=5, n_best=20, certain=1, **options)
    for seed in range(10):
        log_probs, lengths = batch(seed, N=20, sharp=1.0)
        for found in decoder.search(log_probs, lengths):
            texts = [tuple(text) for text, _ in found]
            assert len(set(texts)) == len(texts)


# Words


def best_alignment(log_probs, text):
    """Try all paths; return the best that is read as a text."""
    best, score = None, -math.inf
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        merged = [c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c)]
        total = sum(log_probs[t, c] for t, c in enumerate(path))
        if " ".join(ALPHABET.decode(merged).split()) == text and total > score:
            best, score = path, total
    return best


def words_of(path, log_probs):
    """Read words off a path, the slow way: text, start, end, confidence."""
    words, word, before = [], [], 0
    for t, c in enumerate([*path, 1]):
        if c == 1 and word:
            words.append(word)
            word = []
        elif c > 1 and c != before:
            word.append([c, t, t + 1, log_probs[t, c]])
        elif c > 1:
            word[-1][2:] = t + 1, max(word[-1][3], log_probs[t, c])
        before = c
    return [
        (ALPHABET.decode([s[0] for s in w]), w[0][1], w[-1][2], np.exp([s[3] for s in w]).mean())
        for w in words
    ]


@pytest.mark.parametrize("seed", range(6))
def test_words_are_where_the_best_path_has_them(seed):
    log_probs, _ = batch(seed, N=2, T=5, sharp=2, dtype=np.float64)
    log_probs = np.roll(log_probs, seed, axis=2)  # spaces in front, at the end and doubled
    hypotheses = BeamDecoder(ALPHABET, n_best=5).decode(log_probs, [5, 5])
    for x, of_one in zip(log_probs, hypotheses, strict=True):
        for h in of_one:
            expected = words_of(best_alignment(x, h.text), x)
            assert [(w.text, w.start, w.end) for w in h.words] == [w[:3] for w in expected]
            assert [w.confidence for w in h.words] == pytest.approx([w[3] for w in expected])


def test_words_have_times_in_seconds():
    log_probs, lengths = batch(5, N=4, sharp=12)
    frames = BeamDecoder(ALPHABET).decode(log_probs, lengths)
    seconds = BeamDecoder(ALPHABET, frame_seconds=0.02).decode(log_probs, lengths)
    for (a,), (b,) in zip(frames, seconds, strict=True):
        assert [0.02 * w.start for w in a.words] == pytest.approx([w.start for w in b.words])
        assert " ".join(w.text for w in a.words) == a.text


# What is looked at


def test_candidates_hold_the_probability_and_no_more_than_needed():
    x = batch(6)[0].reshape(-1, 5).astype(np.float64)
    chosen = choose_symbols(x, 0.9, 4)
    for row, mask in zip(np.exp(x), chosen, strict=True):
        assert mask[0]
        listed = np.sort(row)[::-1]
        needed = min(4, 1 + int((np.cumsum(listed) < 0.9).sum()))
        assert set(np.argsort(-row)[:needed]) | {0} == set(mask.nonzero()[0])


@pytest.mark.parametrize("most", [1, 40, 299])
def test_large_alphabets_choose_the_same(most):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 3, (50, 300))
    x -= np.log(np.exp(x).sum(axis=1, keepdims=True))
    for row, mask in zip(x, choose_symbols(x, 0.99, most), strict=True):
        needed = min(most, 1 + int((np.cumsum(np.sort(np.exp(row))[::-1]) < 0.99).sum()))
        assert set(np.argsort(-row)[:needed]) | {0} == set(mask.nonzero()[0])


def test_of_a_run_of_certain_blanks_the_first_frame_is_kept():
    p = np.array([[0.5, 0.999, 0.9999, 1.0, 0.3, 1.0, 1.0]])
    log_probs = np.log(np.stack([p, 1 - p + 1e-30], axis=2))
    kept = find_frames(log_probs, np.array([7]), 0.9995)
    assert kept.tolist() == [[True, True, True, False, True, True, False]]
    assert find_frames(log_probs, np.array([6]), 1).tolist() == [[True] * 6 + [False]]


def test_selection_keeps_the_best_of_each_and_the_first_of_equals():
    scores = np.array([3.0, 1, 2, 5, 2, 2, 2, 2])
    kept = select_best(scores, np.array([3, 0, 5]), 2)
    assert kept.tolist() == [True, False, True, True, True, False, False, False]


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam is 0, expected a whole number from 1 on"),
        ({"beam": 2.5}, "beam is 2.5, expected a whole number"),
        ({"n_best": 0}, "n_best is 0, expected a whole number"),
        ({"alpha": math.nan}, "alpha is nan, expected a finite number"),
        ({"alpha": math.inf}, "alpha is inf, expected a finite number"),
        ({"beta": -math.inf}, "beta is -inf, expected a number from -100 to 100"),
        ({"cumulative": 1.5}, "cumulative is 1.5, expected a number from 0 to 1"),
        ({"threshold": 0}, "threshold is 0, expected a number of nats above 0"),
        ({"phrases": {"a": 0}}, "the phrase 'a' has the weight 0; expected how many times"),
        ({"phrases": {"a": math.nan}}, "the phrase 'a' has the weight nan"),
        ({"phrases": {"": 2}}, "a favoured phrase is empty"),
        ({"phrases": {"a dog": 2}}, "the phrase 'a dog': 'd' 'g' 'o' in 'a dog' not in the alph"),
        ({"closed_vocabulary": True}, "a closed vocabulary needs a language model or phrases"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        BeamDecoder(ALPHABET, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x + 1, "frame 0 of utterance 0 has probabilities that sum to 2.718, expected 1"),
        (lambda x: np.exp(x), "frame 0 of utterance 0 has .* expected 1: natural log-prob"),
        (lambda x: np.where(np.arange(5) == 2, np.nan, x), "frame 0 of utterance 0 holds NaN"),
        (lambda x: x * 0 + np.inf, "sum to inf, expected 1"),
    ],
)
def test_what_is_no_log_probability_is_refused(change, message):
    log_probs, _ = batch()
    decoder = BeamDecoder(ALPHABET)
    with pytest.raises(UserError, match=message):
        decoder.decode(change(log_probs), [40] * 12)
    with pytest.raises(UserError, match=message):
        decoder.stream().push(change(log_probs)[0])
    log_probs[1, 30:] = np.nan  # padding may be anything
    decoder.decode(log_probs, [40, 30] + [40] * 10)


@pytest.mark.parametrize(
    ("shape", "lengths", "message"),
    [
        ((2, 4, 6), [4, 4], r"the input has shape \(2, 4, 6\), expected \(N, T, 5\)"),
        ((4, 5), [4], r"the input has shape \(4, 5\), expected \(N, T, 5\)"),
        ((2, 4, 5), [4, 5], r"lengths are \[4, 5\], expected 2 values from 0 to 4"),
        ((2, 4, 5), [4], r"lengths are \[4\], expected 2 values from 0 to 4"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shape, lengths, message):
    with pytest.raises(ValueError, match=message):
        BeamDecoder(ALPHABET).decode(np.full(shape, -np.log(shape[-1])), lengths)


def test_an_empty_batch_and_empty_utterances():
    decoder = BeamDecoder(ALPHABET, WORDS)
    assert decoder.decode(np.zeros((0, 3, 5)), []) == []
    ((first,), (second,)) = decoder.decode(np.zeros((2, 0, 5), np.float32), [0, 0])
    assert first == second
    assert (first.text, first.acoustic) == ("", 0.0)


def test_a_decoder_is_made_by_name():
    config = DeepSpeech2Config()
    decoder = make_decoder("beam", config, beam=7)
    assert (decoder.beam, decoder.frame_seconds) == (7, config.frame_ms / 1000)


# Language models that do not fit


@pytest.mark.parametrize(
    ("lines", "units", "alphabet", "message"),
    [
        (["A CAB", "AB"], "words", " abc", "are in upper case .*, but the alphabet ' abc' is not"),
        (["xyz", "zz"], "words", " abc", "cannot write 100 % of the words .* as 'xyz', 'zz'"),
        (["ab cab", "abc"], "words", "abc", "counts words, such as 'ab', but .* has no space"),
        (["a b c d", "b e f"], "words", " abcdef", "are single characters, but .* by spaces"),
        (["a cab", "ab"], "words", " abc", ""),
        (["a cab", "ab"], "characters", " abc", ""),
        (["acab", "ab"], "characters", "abc", ""),
    ],
)
def test_a_mismatch_is_told_in_one_sentence(lines, units, alphabet, message):
    lm = NGram.train(lines, 1, units=units, log=None)
    sentence = describe_mismatch(lm, Alphabet(alphabet))
    if not message:
        assert sentence == ""
        return
    with pytest.raises(UserError, match=message):
        BeamDecoder(Alphabet(alphabet), lm)
    assert sentence.count(". ") == 0


def test_the_share_of_words_that_cannot_be_written():
    lm = NGram.train(["a dog", "cab"], 1, log=None)
    assert share_unwritable(lm, ALPHABET) == (pytest.approx(1 / 3), ["dog"])


def test_a_frame_that_no_allowed_word_explains_is_passed_over():
    decoder = BeamDecoder(ALPHABET, NGram.train(["ab", "a b"], 2, log=None), closed_vocabulary=True)
    log_probs = np.full((2, 3, len(ALPHABET)), -np.inf)
    for t, (lost, found) in enumerate(zip([2, 4, 3], [2, 3, 0], strict=True)):
        log_probs[0, t, lost] = log_probs[1, t, found] = 0.0
    (lost, *_), (found, *_) = decoder.decode(log_probs, [3, 3])
    assert (lost.text, lost.acoustic) == ("ab", -math.inf)
    assert (found.text, found.acoustic) == ("ab", 0.0)


def test_scores_of_single_precision_are_computed_in_double_precision():
    decoder = BeamDecoder(ALPHABET, WORDS, beam=20)
    log_probs, lengths = batch(4)
    single, double = (decoder.decode(x, lengths) for x in (log_probs, log_probs.astype(float)))
    for (a, *_), (b, *_) in zip(single, double, strict=True):
        assert a.text == b.text
        assert math.isclose(a.score, b.score, abs_tol=1e-12)


def test_padding_has_no_candidates():
    log_probs, lengths = batch(5, N=6, T=30)
    lengths = -np.sort(-lengths)
    log_probs[np.arange(30) >= lengths[:, None]] = np.nan
    for t, frame in enumerate(list_candidates(log_probs, lengths, 0.9, 3)):
        n = (lengths > t).sum()
        chosen = choose_symbols(log_probs[:n, t], 0.9, 3)
        assert frame.symbols.shape == (n, chosen.sum(axis=1).max())
        for symbols, p, row, mask in zip(
            frame.symbols, frame.probabilities, log_probs[:n, t], chosen, strict=True
        ):
            count = mask.sum()
            assert symbols[:count].tolist() == mask.nonzero()[0].tolist()
            np.testing.assert_allclose(p[:count], np.exp(row[mask].astype(float)), rtol=1e-12)
            assert not symbols[count:].any()
            assert not p[count:].any()
