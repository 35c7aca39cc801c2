import deepspeech_csv
import pytest

from ds2np.data.manifest import read_manifest

HEADER = "wav_filename,wav_filesize,transcript\n"


@pytest.fixture
def root(tmp_path, record):
    root = tmp_path / "corpus"
    for name in ("a", "b", "deep/c"):
        record(root / f"{name}.wav")
    elsewhere = record(tmp_path / "elsewhere" / "d.wav")
    (root / "train.csv").write_text(f'{HEADER}a.wav,8044,yes\nb.wav,8044,"one,  two"\n')
    (root / "test.csv").write_text(f"{HEADER}deep/c.wav,8044,no\n{elsewhere},8044,no no\n")
    return root


def contents(path):
    return [(u.audio_filepath.name, u.text, u.duration) for u in read_manifest(path)]


def test_each_table_has_its_manifest(root, run_script):
    code, out, err = run_script(deepspeech_csv, "--root", root)
    assert (code, err) == (0, "")
    assert contents(root / "train.jsonl") == [("a.wav", "yes", 0.5), ("b.wav", "one, two", 0.5)]
    assert contents(root / "test.jsonl") == [("c.wav", "no", 0.5), ("d.wav", "no no", 0.5)]
    assert all(u.audio_filepath.is_file() for u in read_manifest(root / "test.jsonl"))
    assert f"{root}/train.jsonl: transcripts have characters outside the default" in out
    assert "',' in 1;" in out


def test_a_table_can_be_chosen(root, run_script, tmp_path):
    out = tmp_path / "out"
    assert run_script(deepspeech_csv, "--root", root, "--out", out, "--subsets", "test")[0] == 0
    assert [path.name for path in out.iterdir()] == ["test.jsonl"]
    assert [name for name, _, _ in contents(out / "test.jsonl")] == ["c.wav", "d.wav"]


def test_unusable_rows_are_named_and_left_out(root, run_script):
    table = root / "train.csv"
    table.write_text(f"{HEADER}a.wav,1,yes\nb.wav,1,\ngone.wav,1,gone\ndeep/c.wav,1,one, two\n")
    code, _, err = run_script(deepspeech_csv, "--root", root)
    assert code == 0
    assert err.splitlines() == [
        f"warning: left out 1 rows that do not have as many values as the header: {table}:5",
        f"warning: left out 1 rows without a transcript: {table}:3",
        f"warning: left out 1 rows without a recording: {table}:4: gone.wav",
    ]
    assert contents(root / "train.jsonl") == [("a.wav", "yes", 0.5)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('a.wav,1,"yes\nb.wav,1,no\n', "train.csv:3: not a row of a table"),
        ('a.wav,1,"yes" no\n', "train.csv:2: not a row of a table"),
        ("a.wav,1,yes\n\na.wav,1,no\n", "train.csv:4: a.wav appears twice; remove one"),
        ("gone.wav,1,yes\n", "lists no recording that is there; "),
    ],
)
def test_malformed_tables_are_refused(root, run_script, rows, message):
    (root / "train.csv").write_text(HEADER + rows)
    code, _, err = run_script(deepspeech_csv, "--root", root, "--subsets", "train")
    assert code == 2
    assert message in err.splitlines()[-1]


def test_a_quotation_mark_never_joins_transcripts(root, run_script):
    (root / "train.csv").write_text(f'{HEADER}a.wav,1,"yes\nb.wav,1,no"\ndeep/c.wav,1,so\n')
    code, _, err = run_script(deepspeech_csv, "--root", root)
    assert code == 0
    assert f"as many values as the header: {root}/train.csv:3\n" in err
    assert contents(root / "train.jsonl") == [("c.wav", "so", 0.5)]
