"""What is read aloud, and what becomes of the recordings."""

import numpy as np
import pytest

from ds2np.adapt.lessons import Lessons
from ds2np.adapt.prompts import choose_prompts, read_prompts
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2Config
from ds2np.synthesis.corpus import draw_sentences

ALPHABET = DeepSpeech2Config().alphabet()
SENTENCES = ["the cat", "a dog", "it is cold"]


def test_the_prompts_have_all_words(rng):
    texts = draw_sentences(rng, 1500)
    prompts = choose_prompts(texts)
    assert len(set(prompts)) == 40
    assert set(prompts) <= set(texts)
    assert set(" ".join(prompts).split()) == set(" ".join(texts).split())
    assert choose_prompts(texts) == prompts


def test_few_texts_are_all_read():
    assert sorted(choose_prompts(["b", "a", "b ", ""])) == ["a", "b"]
    assert choose_prompts([]) == []


def test_sentences_of_a_file(tmp_path):
    file = tmp_path / "mine.txt"
    lines = [f"sentence {'abcdefgh'[i]}" for i in range(8)]
    file.write_text("\n\n".join(lines) + "\n")
    assert read_prompts(file, ALPHABET) == lines
    for text, expected in (
        ("\n".join([*lines, "für"]), ":9: .*ü"),
        ("\n".join([*lines, lines[2]]), ":9: 'sentence c' stands in line 3, too"),
        ("\n".join(lines[:3]), "has 3 sentences; expected 8 at least"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=expected):
            read_prompts(file, ALPHABET)


def test_recordings_are_kept_and_a_lesson_goes_on(tmp_path, rng):
    lessons = Lessons(tmp_path / "voice", SENTENCES)
    assert lessons.recorded() == []
    sound = (0.1 * rng.standard_normal(8000)).astype(np.float32)
    for number in (2, 0, 2):
        lessons.keep(number, sound, 16000)
    again = Lessons(tmp_path / "voice", ["other sentences do not matter"])
    assert again.sentences == SENTENCES
    assert again.recorded() == [0, 2]
    utterances = read_manifest(again.manifest)
    assert [u.text for u in utterances] == ["the cat", "it is cold"]
    assert [u.duration for u in utterances] == [0.5, 0.5]


def test_all_that_was_made_can_be_deleted(tmp_path):
    lessons = Lessons(tmp_path / "voice", SENTENCES)
    lessons.keep(1, np.zeros(8000, np.float32), 16000)
    for folder in (lessons.learning, lessons.network):
        folder.mkdir()
        (folder / "best.npz").write_bytes(b"")
    (lessons.network / "mine.txt").write_text("somebody's")
    lessons.delete()
    left = sorted(path.name for path in lessons.folder.rglob("*"))
    assert left == ["mine.txt", "network", "recordings", "sentences.txt"]


def test_a_new_network_takes_the_place_of_the_old_one(tmp_path):
    lessons = Lessons(tmp_path / "voice", SENTENCES)
    for number in (1, 2):
        lessons.learning.mkdir()
        (lessons.learning / "best.npz").write_text(str(number))
        lessons.adopt()
    assert (lessons.network / "best.npz").read_text() == "2"
    assert not lessons.learning.exists()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mine.txt").write_text("")
    with pytest.raises(UserError, match="letters holds something else; choose another folder"):
        Lessons(tmp_path / "letters", SENTENCES)
