"""A person's recordings: in which order, with which texts, and which are held out."""

import numpy as np
import pytest
import soundfile

from ds2np.adapt import hold_out, read_speech
from ds2np.data.manifest import Utterance
from ds2np.errors import UserError

TEXTS = [f"sentence {i}" for i in range(11)]


@pytest.fixture
def folder(tmp_path):
    """Write eleven recordings; the first lasts 0.1 s, each one 0.1 s longer."""
    path = tmp_path / "mine"
    path.mkdir()
    for i in range(11):
        soundfile.write(path / f"take {i + 1}.wav", np.full(1600 * (i + 1), 0.1), 16000)
    return path


def write(folder, lines):
    path = folder.parent / "said.txt"
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    return path


def test_numbers_in_names_are_in_their_order(folder):
    speech = read_speech(folder, write(folder, [*TEXTS, "", ""]))
    assert [utterance.text for utterance in speech] == TEXTS
    assert [utterance.audio_filepath.stem for utterance in speech][8:] == [
        "take 9", "take 10", "take 11"
    ]  # fmt: skip
    np.testing.assert_allclose([u.duration for u in speech], 0.1 * np.arange(1, 12))


def test_a_manifest(tmp_path, folder):
    manifest = tmp_path / "m.jsonl"
    manifest.write_text('{"audio_filepath": "mine/take 2.wav", "duration": 0.2, "text": "a"}\n')
    assert read_speech(manifest)[0].text == "a"
    with pytest.raises(UserError, match="is no folder: a manifest has its texts"):
        read_speech(manifest, tmp_path / "said.txt")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (TEXTS[:-1], r"said.txt has 10 lines for 11 recordings in .*take 11.wav is alone"),
        ([*TEXTS, "more"], r"said.txt has 12 lines for 11 recordings in .*line 12 is alone"),
        ([*TEXTS[:4], " ", *TEXTS[5:]], r"said.txt:5: an empty line; expected what .*take 5.wav"),
    ],
)
def test_lines_and_recordings_that_do_not_match(folder, lines, message):
    with pytest.raises(UserError, match=message):
        read_speech(folder, write(folder, lines))


def test_what_is_missing_is_named(folder, tmp_path):
    with pytest.raises(UserError, match="mine is a folder; name the file of its text, too"):
        read_speech(folder)
    with pytest.raises(UserError, match=r"no.txt cannot be read \(No such file"):
        read_speech(folder, tmp_path / "no.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match=r"latin.txt is not UTF-8 text"):
        read_speech(folder, tmp_path / "latin.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty is a folder without recordings"):
        read_speech(tmp_path / "empty", write(folder, TEXTS))


def utterances(texts):
    return [Utterance(f"{i}.wav", 1.0, text) for i, text in enumerate(texts)]


@pytest.mark.parametrize("count", [8, 11, 40, 120])
def test_one_of_eight_is_held_out(count):
    speech = utterances(map(str, range(count)))
    learned, held = hold_out(speech)
    assert sorted([*learned, *held], key=lambda u: int(u.text)) == speech
    assert len(held) == max(2, round(count / 8))
    places = [int(utterance.text) for utterance in held]
    assert set(np.diff(places)) == {min(8, count // 2)}  # evenly


def test_all_recordings_of_a_text_are_on_one_side():
    learned, held = hold_out(utterances([*TEXTS, *TEXTS]))
    assert not {u.text for u in learned} & {u.text for u in held}
    assert len(learned) + len(held) == 22


def test_few_sentences_are_refused():
    with pytest.raises(UserError, match=r"^7 different sentences are too few to learn a voice"):
        hold_out(utterances([*"abcdefg", *"abcdefg"]))
