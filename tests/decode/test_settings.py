"""Which decoder a user gets: from options, from the run, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from ds2np.decode import BeamDecoder, DecoderSettings, GreedyDecoder
from ds2np.decode.settings import WEIGHT, read_phrases
from ds2np.errors import UserError
from ds2np.lm import NGram
from ds2np.model import DeepSpeech2Config

CONFIG = DeepSpeech2Config(sample_rate=1000, mels=4)
TUNED = DecoderSettings("beam", lm="a.arpa", alpha=0.9, beta=3.0)


@pytest.mark.parametrize(
    ("given", "before", "expected"),
    [
        ({}, None, DecoderSettings()),
        ({}, TUNED, TUNED),
        ({"decoder": "greedy"}, TUNED, DecoderSettings()),
        ({"decoder": "beam"}, None, DecoderSettings("beam")),
        ({"lm": "b.arpa"}, None, DecoderSettings("beam", lm="b.arpa")),
        ({"n_best": 3}, None, DecoderSettings("beam", n_best=3)),
        ({"alpha": 0.0}, TUNED, DecoderSettings("beam", lm="a.arpa", alpha=0.0, beta=3.0)),
        ({"decoder": "beam", "lm": ""}, TUNED, DecoderSettings("beam", alpha=0.9, beta=3.0)),
    ],
)
def test_options_stand_over_what_the_run_says(given, before, expected):
    assert DecoderSettings.choose(given, before) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"decoder": "oracle"}, "unknown decoder 'oracle'; choose from greedy, beam"),
        ({"beta": 1.0}, "beta weighs a language model; give one by --lm FILE"),
        ({"decoder": "greedy", "lm": "x"}, "the decoder greedy has no lm; use --decoder beam"),
    ],
)
def test_what_does_not_go_together_is_refused(given, message):
    with pytest.raises(UserError, match=message):
        DecoderSettings.choose(given)


def test_they_come_back_from_a_file(tmp_path):
    file = tmp_path / "decoder.json"
    assert DecoderSettings.read(file) is None
    TUNED.write(file)
    assert DecoderSettings.read(file) == replace(TUNED, lm=str(Path(TUNED.lm).resolve()))
    for damaged in ("{", "[1]", '{"alpha": 1, "gamma": 2}', ""):
        file.write_text(damaged)
        with pytest.raises(UserError, match=r"decoder\.json is damaged"):
            DecoderSettings.read(file)


def test_they_build_the_decoder(tmp_path):
    assert isinstance(DecoderSettings().build(CONFIG), GreedyDecoder)
    NGram.train(["the cat sat", "a cat"], order=2, log=None).save(tmp_path / "lm.arpa")
    (tmp_path / "phrases.txt").write_text("the hat\t3\n")
    decoder = DecoderSettings(
        "beam", str(tmp_path / "lm.arpa"), 0.7, -1.0, 7, str(tmp_path / "phrases.txt"), 2, True
    ).build(CONFIG)
    assert isinstance(decoder, BeamDecoder)
    assert (decoder.beam, decoder.n_best, decoder.lm.order) == (7, 2, 2)
    assert decoder.frame_seconds == CONFIG.frame_ms / 1000
    with pytest.raises(UserError, match=r"no\.arpa"):
        DecoderSettings("beam", lm="no.arpa").build(CONFIG)


def test_phrases_are_read_with_their_weights(tmp_path):
    file = tmp_path / "phrases.txt"
    file.write_text("anna  karenina\t2.5\n\nzebra\n  levin \t 0.5\n")
    assert read_phrases(file) == {"anna karenina": 2.5, "zebra": WEIGHT, "levin": 0.5}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("zebra\ntiger\tmuch\n", r"phrases.txt, line 2: expected a number above 0"),
        ("zebra\t0\n", r"line 1: expected a number above 0 after the tab, found 'zebra\\t0'"),
        ("zebra\tinf\n", "line 1: expected a number above 0"),
        ("\t3\n", "line 1: a number without a phrase"),
        ("a b\t3\na  b\n", "line 2: 'a b' for the second time"),
        (" \n\n", "has no phrases"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (None, r"phrases.txt cannot be read \(No such file"),
    ],
)
def test_a_bad_list_of_phrases_is_named_with_its_line(tmp_path, content, message):
    file = tmp_path / "phrases.txt"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        read_phrases(file)
