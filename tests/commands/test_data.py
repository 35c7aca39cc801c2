import functools
import json

import pytest
from helpers import toys

from ds2np import model


@pytest.fixture(autouse=True)
def preset(monkeypatch):
    monkeypatch.setitem(model.PRESETS, "toy", toys.MODEL)


@pytest.fixture
def manifest(tmp_path):
    return toys.make_corpus(tmp_path / "corpus")


@pytest.fixture
def bad(manifest):
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([lines[0].replace("abc", "ABx"), "[]", *lines[2:]]))
    return manifest


@pytest.fixture
def data(ds2np):
    """Run the command; return its exit code, stdout and stderr."""
    return functools.partial(ds2np, "data")


@pytest.mark.parametrize("options", [(), ("--listen",), ("--longest", "0.6")])
def test_a_good_manifest(data, manifest, options):
    code, out, err = data(manifest, "--preset", "toy", *options)
    assert (code, err) == (0, "")
    assert out.endswith("\nno faults found\n")


def test_what_is_wrong_is_named_and_the_code_says_so(data, bad):
    code, out, err = data(bad, "--preset", "toy")
    assert (code, err) == (1, "")
    assert f"{bad}:1: unknown characters: 'x' in 'ABx'" in out
    assert f"{bad}:2: unreadable line: found list" in out


def test_the_options_reach_the_check(data, manifest):
    assert data(manifest)[0] == 0  # English, and the preset tiny
    code, out, _ = data(manifest, "--longest", "0.5", "--characters", " ab", "--json")
    kinds = {fault["kind"] for fault in json.loads(out)["faults"]}
    assert (code, kinds) == (1, {"long recording", "unknown characters"})


def test_json_is_the_only_output(data, bad):
    code, out, err = data(bad, "--preset", "toy", "--json")
    numbers = json.loads(out)
    assert (code, err) == (1, "")
    assert numbers["utterances"] == len(toys.TEXTS) - 1
    assert [fault["line"] for fault in numbers["faults"]] == [1, 2]


def test_fix_writes_a_copy_and_reports_the_lines(data, bad, tmp_path):
    clean = tmp_path / "clean.jsonl"
    code, out, _ = data(bad, "--preset", "toy", "--fix", clean)
    assert code == 1
    assert f"{clean}: 8 of 10 lines\n" in out
    assert "left out, unknown characters (1): lines 1\n" in out
    assert data(clean, "--preset", "toy")[0] == 0


def test_fix_in_json(data, bad, tmp_path):
    clean = tmp_path / "clean.jsonl"
    copy = json.loads(data(bad, "--preset", "toy", "--fix", clean, "--json")[1])["clean_copy"]
    assert copy["manifest"] == str(clean)
    assert copy["left_out"] == {"unknown characters": [1], "unreadable line": [2]}
    assert clean.exists()


def test_fix_overwrites_nothing(data, bad):
    before = bad.read_bytes()
    code, out, err = data(bad, "--fix", bad)
    assert (code, out) == (2, "")
    assert err == f"error: {bad} is the manifest itself; give the clean copy another name\n"
    assert bad.read_bytes() == before


def test_the_alphabet_can_be_passed_on(data, manifest):
    manifest.write_text(manifest.read_text().replace("acc", "Aé"))
    assert data(manifest, "--alphabet") == (0, " Aabcé\n", "")
    assert data(manifest, "--alphabet", "--lower") == (0, " abcé\n", "")
    code, out, _ = data(manifest, "--alphabet", "--json")
    assert (code, json.loads(out)) == (0, " Aabcé")
    assert data(manifest, "--preset", "toy")[0] == 1
    assert data(manifest, "--preset", "toy", "--characters", " abcé")[0] == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("no.jsonl",), "no.jsonl: no such manifest"),
        (("no.jsonl", "--alphabet"), "no.jsonl: no such manifest"),
        (("no.jsonl", "--fix", "no/clean.jsonl"), "no: no such folder"),
        (("no.jsonl", "--lower"), "--lower needs --alphabet"),
        (("no.jsonl", "--preset", "huge"), "no preset 'huge'"),
        (("no.jsonl", "--characters", "aba"), "'a' twice"),
    ],
)
def test_bad_input_is_one_line(data, tmp_path, monkeypatch, options, reason):
    monkeypatch.chdir(tmp_path)
    code, out, err = data(*options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    assert reason in err


@pytest.mark.parametrize(
    "options", [(), ("m", "--longest", "0"), ("m", "--fix", "a", "--alphabet")]
)
def test_arguments_that_make_no_sense_are_refused(data, options):
    code, out, err = data(*options)
    assert (code, out) == (2, "")
    assert err.startswith("usage: ")
