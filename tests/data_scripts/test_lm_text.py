import gzip
import json

import lm_text
import pytest

from ds2np.lm import NGram

ARPA = """\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-1.0\t<UNK>
-99\t<s>\t-0.5
-0.5\t</s>
-0.4\tHELLO\t-0.1

\\2-grams:
-0.2\t<s> HELLO
-1e-05\tHELLO </s>

\\end\\
"""


def test_texts_of_all_kinds_are_written(run_script, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("One, two.\n\nNo 7\n")
    (tmp_path / "in" / "b.txt.gz").write_bytes(gzip.compress(b"THREE\n"))
    entry = {"audio_filepath": "a", "duration": 1, "text": "four"}
    (tmp_path / "m.jsonl").write_text(json.dumps(entry) + "\n")
    for name in ("out.txt", "new/out.txt.gz"):
        out = tmp_path / name
        code, stdout, _ = run_script(lm_text, tmp_path / "in", tmp_path / "m.jsonl", "--out", out)
        assert code == 0
        data = out.read_bytes()
        text = gzip.decompress(data) if name.endswith("gz") else data
        assert text == b"one two\nthree\nfour\n"
        assert f"{out}: 3 sentences, 4 words" in stdout
        assert "sentences left out because of these: 1" in stdout
        assert "'7' 1" in stdout


def test_sentences_of_a_book_are_found(run_script, tmp_path):
    book = 'It was\nlate, Mr. Po. "Who is\nthere?" he said!\n\nNobody\nanswered\n'
    (tmp_path / "book.txt").write_text(book)
    run_script(lm_text, tmp_path / "book.txt", "--sentences", "--out", tmp_path / "out.txt")
    expected = ["it was late mr po", "who is there", "he said", "nobody answered"]
    assert (tmp_path / "out.txt").read_text().splitlines() == expected


def test_librispeech_is_downloaded_and_put_in_lower_case(run_script, tmp_path, server):
    server.files["/librispeech-lm-norm.txt.gz"] = gzip.compress(b"HELLO\nIT'S I\n")
    server.files["/3-gram.pruned.3e-7.arpa.gz"] = gzip.compress(ARPA.encode())
    arguments = ("--librispeech", "text", "3-gram.pruned.3e-7", "--mirror", server.url)
    out = tmp_path / "lm"
    code, _, err = run_script(lm_text, *arguments, "--out", out)
    assert code == 0, err
    assert gzip.decompress((out / "librispeech-lm-norm.txt.gz").read_bytes()) == b"hello\nit's i\n"
    model = NGram.load(out / "3-gram.pruned.3e-7.arpa.gz")
    assert model.words == ["<unk>", "<s>", "</s>", "hello"]
    assert sorted(path.name for path in out.iterdir()) == [
        "3-gram.pruned.3e-7.arpa.gz",
        "librispeech-lm-norm.txt.gz",
    ]
    asked = len(server.requests)
    _, stdout, _ = run_script(lm_text, *arguments, "--out", out)
    assert stdout.count("already exists, nothing is downloaded") == 2
    assert len(server.requests) == asked


def test_a_damaged_download_is_not_used(run_script, tmp_path, server):
    server.files["/4-gram.arpa.gz"] = gzip.compress(ARPA.encode())[:-4]
    arguments = ("--librispeech", "4-gram", "--mirror", server.url, "--out", tmp_path / "lm")
    code, _, err = run_script(lm_text, *arguments)
    assert code == 2
    assert "is not an intact archive" in err
    assert list((tmp_path / "lm").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give texts, or --librispeech"),
        (("TEXT", "--librispeech", "text"), "give texts, or --librispeech"),
        (("TEXT", "--mirror", "http://x"), "--mirror needs --librispeech"),
        (("--librispeech", "5-gram"), "invalid choice"),
        (("none.txt",), "none.txt does not exist"),
    ],
)
def test_arguments_that_cannot_be(run_script, tmp_path, arguments, message):
    (tmp_path / "t.txt").write_text("12\n")
    arguments = [tmp_path / "t.txt" if a == "TEXT" else a for a in arguments]
    code, _, err = run_script(lm_text, *arguments, "--out", tmp_path / "o.txt")
    assert code == 2
    assert message in err
    assert not (tmp_path / "o.txt").exists()


def test_nothing_that_the_alphabet_writes(run_script, tmp_path):
    (tmp_path / "t.txt").write_text("12\n")
    code, _, err = run_script(lm_text, tmp_path / "t.txt", "--out", tmp_path / "o.txt")
    assert code == 2
    assert "there is no sentence to write" in err
    assert not (tmp_path / "o.txt").exists()


def test_the_text_is_not_overwritten(run_script, tmp_path):
    (tmp_path / "t.txt").write_text("a\n")
    assert run_script(lm_text, tmp_path / "t.txt", "--out", tmp_path / "t.txt")[0] == 2
    assert (tmp_path / "t.txt").read_text() == "a\n"
