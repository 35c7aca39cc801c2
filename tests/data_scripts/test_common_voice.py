import json

import common_voice
import pytest

from ds2np.data.manifest import read_manifest

HEADER = "client_id\tpath\tsentence_id\tsentence\tup_votes\n"


@pytest.fixture
def root(tmp_path, record):
    root = tmp_path / "en"
    for name in ("a", "b", "c", "d"):
        record(root / "clips" / f"{name}.mp3", seconds=1, rate=16_000)
    write(root, "train", ("ann", "a.mp3", "It's well-known."), ("bob", "b.mp3", '"Yes!"'))
    write(root, "dev", ("cat", "c.mp3", "no"))
    write(root, "validated", ("ann", "a.mp3", "It's well-known."), ("dan", "d.mp3", "Élan"))
    return root


def write(root, name, *rows, header=HEADER):
    rows = [f"{who}\t{path}\t17\t{sentence}\t2\n" for who, path, sentence in rows]
    (root / f"{name}.tsv").write_text(header + "".join(rows), encoding="utf-8")


def contents(path):
    return [(u.audio_filepath.name, u.text, u.speaker) for u in read_manifest(path)]


def test_train_dev_and_test_have_their_manifests(root, run_script):
    code, out, err = run_script(common_voice, "--root", root)
    assert (code, err) == (0, "")
    assert contents(root / "train.jsonl") == [
        ("a.mp3", "It's well known", "ann"),
        ("b.mp3", "Yes", "bob"),
    ]
    assert contents(root / "dev.jsonl") == [("c.mp3", "no", "cat")]
    assert {path.name for path in root.glob("*.jsonl")} == {"train.jsonl", "dev.jsonl"}
    assert 1 <= read_manifest(root / "dev.jsonl")[0].duration < 1.2  # MP3 pads
    line = json.loads((root / "dev.jsonl").read_text())
    assert set(line) == {"audio_filepath", "duration", "text", "speaker"}
    assert "outside the default alphabet" not in out  # the alphabet folds upper case


def test_other_tables_can_be_chosen(root, run_script, tmp_path):
    arguments = ("--root", root, "--out", tmp_path / "out", "--subsets")
    code, out, err = run_script(common_voice, *arguments, "validated")
    assert (code, err) == (0, "")
    path = tmp_path / "out" / "validated.jsonl"
    assert [text for _, text, _ in contents(path)] == ["It's well known", "Élan"]
    assert out.splitlines()[1] == (
        f"{path}: transcripts have characters outside the default alphabet: 'é' in 1; "
        f"`python -m ds2np data {path}` lists them"
    )
    code, _, err = run_script(common_voice, *arguments, "other")
    assert code == 2
    assert (
        err == "error: --subsets: other is not in the corpus, which holds dev, train, validated\n"
    )


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("“Don\N{RIGHT SINGLE QUOTATION MARK}t,” she said.", "Don't she said"),
        ("the dogs' bone, 'tis so…", "the dogs bone tis so"),
        ("¿Qué? — ¡Nada!", "Qué Nada"),
        ("mother-in-law", "mother in law"),
        ("col·lecció, 3.5 and U.S.A.", "col·lecció 3.5 and U.S.A"),  # not for a script to decide
        ("50%, AT&T and $5 (#1)", "50% AT&T and $5 #1"),  # spoken, but not by their marks
        ("नमस्ते, दुनिया।", "नमस्ते दुनिया"),
        ("- ? -", ""),
    ],
)
def test_punctuation_that_is_not_spoken_is_removed(sentence, text):
    assert " ".join(common_voice.remove_punctuation(sentence).split()) == text


def test_quotation_marks_do_not_join_rows(root, run_script):
    """The tables are not quoted: a mark at the beginning of a sentence belongs to it."""
    write(root, "train", ("ann", "a.mp3", '"Yes'), ("bob", "b.mp3", 'and" no'))
    assert run_script(common_voice, "--root", root)[0] == 0
    assert [text for _, text, _ in contents(root / "train.jsonl")] == ["Yes", "and no"]


def test_recordings_may_be_converted(root, run_script, record):
    record(root / "clips" / "a.wav", seconds=0.5)
    (root / "clips" / "b.mp3").unlink()
    record(root / "clips" / "b.flac")
    assert run_script(common_voice, "--root", root)[0] == 0
    assert [name for name, _, _ in contents(root / "train.jsonl")] == ["a.wav", "b.flac"]


def test_unusable_rows_are_named_and_left_out(root, run_script):
    write(
        root,
        "train",
        ("ann", "a.mp3", "yes"),
        ("ann", "b.mp3", " ? "),
        ("ann", "gone.mp3", "gone"),
        ("ann", "c.mp3", "a tab\tin it"),
        ("ann", "", "nothing"),
    )
    code, _, err = run_script(common_voice, "--root", root)
    assert code == 0
    table = root / "train.tsv"
    assert err.splitlines() == [
        f"warning: left out 1 rows that do not have as many values as the header: {table}:5",
        f"warning: left out 1 rows without a transcript: {table}:3",
        f"warning: left out 2 rows without a recording: {table}:4: gone.mp3, {table}:6: ",
    ]
    assert contents(root / "train.jsonl") == [("a.mp3", "yes", "ann")]


def test_a_recording_listed_twice_is_refused(root, run_script):
    write(root, "train", ("ann", "a.mp3", "yes"), ("ann", "a.mp3", "no"))
    code, out, err = run_script(common_voice, "--root", root)
    assert (code, out) == (2, "")
    assert err == f"error: {root}/train.tsv:3: a.mp3 appears twice; remove one of the lines\n"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "an empty file"),
        ("\n", "an empty file"),
        ("ann\ta.mp3\t17\tyes\t2\n", "ann, a.mp3, 17, yes, 2"),
        ("client_id,path,sentence\nann,a.mp3,yes\n", "client_id,path,sentence"),
    ],
)
def test_a_table_without_a_header_is_refused(root, run_script, content, found):
    (root / "train.tsv").write_text(content)
    code, out, err = run_script(common_voice, "--root", root)
    assert (code, out) == (2, "")
    assert err == (
        f"error: {root}/train.tsv: the first line names no column path; expected a header with "
        f"path, sentence, client_id, found {found}\n"
    )


def test_a_table_without_rows_is_refused(root, run_script):
    write(root, "train")
    code, _, err = run_script(common_voice, "--root", root)
    assert code == 2
    assert err == f"error: {root}/train.tsv lists no recording that is there; it lists none\n"


def test_a_table_of_another_encoding_is_refused(root, run_script):
    (root / "train.tsv").write_bytes((HEADER + "ann\ta.mp3\t17\tÉlan\t2\n").encode("latin-1"))
    code, _, err = run_script(common_voice, "--root", root)
    assert code == 2
    assert err == f"error: {root}/train.tsv is not UTF-8 text: line 2; save it as UTF-8\n"


def test_the_folder_above_a_language_is_refused(root, run_script):
    code, _, err = run_script(common_voice, "--root", root.parent)
    assert code == 2
    assert err.endswith(f"give --root the folder of one language, such as {root}\n")
