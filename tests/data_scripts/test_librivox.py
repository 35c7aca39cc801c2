"""Books and their readings become manifests."""

import librivox
import numpy as np
import pytest
from helpers.readings import draw_text, read_aloud

from ds2np.data.manifest import read_manifest


@pytest.fixture
def books(tmp_path):
    """Two books: one text of two recordings, and two recordings with texts of their own."""
    rng, root = np.random.default_rng(0), tmp_path / "books"
    texts = {}
    for book in ("one", "two"):
        (root / book).mkdir(parents=True)
        texts[book] = draw_text(rng, 14)
        for i, part in enumerate((texts[book][:7], texts[book][7:])):
            read_aloud(root / book / f"{i}.wav", rng, part)
            if book == "two":
                (root / book / f"{i}.txt").write_text("\n".join(part))
    (root / "one" / "text.txt").write_text("\n".join(texts["one"]))
    return root, texts


@pytest.fixture
def align(run_script, reader, tmp_path):
    options = "--run", reader, "--out", tmp_path / "out", "--seconds", "0.2", "3"
    return lambda root: run_script(librivox, "--root", root, *options)


def test_books_of_either_kind(align, books, tmp_path):
    root, texts = books
    code, out, _ = align(root)
    assert code == 0
    assert "utterances of 2 books" in out.splitlines()[-1]
    for book, sentences in texts.items():
        utterances = read_manifest(tmp_path / "out" / book / "utterances.jsonl")
        assert " ".join(u.text for u in utterances).split() == " ".join(sentences).split()
    everything = read_manifest(tmp_path / "out" / "utterances.jsonl")
    assert {u.audio_filepath.parent.name for u in everything} == {"one", "two"}


def test_a_single_book(align, books, tmp_path):
    root, _ = books
    code, _, _ = align(root / "one")
    assert code == 0
    assert (tmp_path / "out" / "one" / "0.json").exists()


def test_what_is_no_book(align, books, tmp_path):
    root, _ = books
    assert "none is no folder" in align(tmp_path / "none")[2]
    (tmp_path / "empty").mkdir()
    assert "empty is a folder without recordings" in align(tmp_path / "empty")[2]
    (root / "one" / "text.txt").unlink()
    code, _, err = align(root)
    assert code == 2
    assert "one has recordings but no text" in err


def test_a_book_that_fails_does_not_end_the_others(align, books, tmp_path):
    root, _ = books
    (root / "two" / "0.wav").write_text("no sound")
    code, _, err = align(root)
    assert code == 2
    assert "0.wav is not readable audio" in err
    assert err.splitlines()[-1].startswith("error: some recordings could not be aligned")
    everything = read_manifest(tmp_path / "out" / "utterances.jsonl")
    assert {u.audio_filepath.parent.name for u in everything} == {"one", "two"}
