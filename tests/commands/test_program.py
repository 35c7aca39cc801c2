"""How programs end: options given twice, streams that are closed, full or of another encoding."""

import json
import os
import subprocess
import sys

import pytest
from helpers.launcher import ROOT

from ds2np.commands import COMMANDS, program
from ds2np.errors import UserError
from ds2np.files import replacing, strict_json

SCRIPTS = ("aishell", "an4", "fsdd", "librispeech", "synthetic")
PROGRAMS = {name: ("-m", "ds2np", name) for name in COMMANDS}
PROGRAMS |= {name: (ROOT / "data_scripts" / f"{name}.py",) for name in SCRIPTS}
PROGRAMS |= {"ds2np": ("-m", "ds2np")}


def start(shell, *arguments, **variables):
    """Run Python with streams as a shell redirects them; return its exit code and its output."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    environment.pop("PYTHONUNBUFFERED", None)
    command = f'"$@" {shell}'
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command, "bash", sys.executable, *map(str, arguments)],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in ended.stderr, ended.stderr
    assert b"Exception ignored" not in ended.stderr
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_without_docstrings(name):
    code, out, err = start("", "-OO", "-W", "error", *PROGRAMS[name], "--help")
    assert (code, err) == (0, b"")
    assert out.startswith(b"usage: ")


def test_a_command_without_docstrings_and_assertions():
    assert start("", "-OO", "-m", "ds2np", "learn")[0] == 0


REDIRECTIONS = {
    "2>&-": 0,
    ">&-": 0,
    "<&- >&- 2>&-": 0,
    ">/dev/full": 2,
    "2>/dev/full": 0,
    ">/dev/full 2>/dev/full": 2,
    "| head -1": 0,
}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("shell", REDIRECTIONS)
def test_output_that_cannot_be_written(shell):
    code, _, err = start(shell, "-W", "error", "-m", "ds2np", "learn")
    assert code == REDIRECTIONS[shell]
    assert err == (b"error: No space left on device\n" if shell == ">/dev/full" else b"")
    assert start(shell, "-m", "ds2np", "data", "nothing.jsonl")[0] == 2


PROGRAM = """
import sys, os
from ds2np.commands import program

def main():
    with open(sys.argv[1], "w") as file:
        os.write(2, b"a message of a library")
        print("one", file=sys.stderr)
        file.write("data")

sys.exit(program.run(main))
"""


def test_a_file_does_not_take_the_place_of_a_closed_stream(tmp_path):
    assert start("2>&-", "-c", PROGRAM, tmp_path / "file")[0] == 0
    assert (tmp_path / "file").read_text() == "data"


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("utf-8", "é漢𝄞".encode() + b"\xff"),
        ("cp1252", b"\xe9\\u6f22\\ud834\\udd1e\xff"),
        ("ascii", b"\\u00e9\\u6f22\\ud834\\udd1e\xff"),
    ],
)
def test_output_never_fails_for_its_encoding(encoding, written):
    code = "import sys; from ds2np.commands import program as p; text = 'é漢𝄞\\udcff'; "
    code += "sys.exit(p.run(lambda: print(text) or print(text, file=sys.stderr)))"
    ended = start("", "-c", code, PYTHONIOENCODING=encoding)
    assert ended == (0, written + b"\n", written + b"\n")


def test_names_that_are_not_text_stay_valid_json(tmp_path):
    values = {"audio_filepath": os.fsdecode(b"\xff.wav"), "text": "é"}
    assert json.loads(strict_json(values).encode()) == values
    with replacing(tmp_path / "a.jsonl") as file:
        file.write(json.dumps(values, ensure_ascii=False))
    assert json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8")) == values


TWICE = {
    "--train": ("train", "--train", "a", "--train", "b", "--out", "c"),
    "--out": ("train", "--train", "a", "--out=b", "--out=b"),
    "--augment": ("train", "--train", "a", "--out", "b", "--augment", "--augment"),
    "--resume": ("demo", "--resume", "--folder", "a", "--resume"),
    "--json": ("evaluate", "a", "b", "--json", "--json"),
    "--only": ("bench", "--only", "gemm", "--only", "ctc"),
}


@pytest.mark.parametrize("option", TWICE)
def test_an_option_given_twice_is_refused(option, ds2np):
    code, out, err = ds2np(*TWICE[option])
    assert (code, out) == (2, "")
    assert err.endswith(f"error: argument {option}: given more than once\n")


def test_options_are_not_abbreviated(ds2np):
    code, _, err = ds2np("demo", "--fold", "a")
    assert code == 2
    assert "unrecognized arguments: --fold" in err


def test_a_parser_can_be_used_again():
    parser = program.Parser("Test it.\n\nMore.")
    parser.add_argument("--one", type=int)
    parser.add_argument("--two", action="store_true")
    for _ in range(2):
        args = parser.parse_args(["--one", "1", "--two"])
        assert vars(args) == {"one": 1, "two": True}
    assert vars(parser.parse_args([])) == {"one": None, "two": False}
    assert parser.description == "Test it."


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("no such file"), 2, "error: no such file\n"),
        (PermissionError(13, "Permission denied", "a"), 2, "error: a: Permission denied\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted\n"),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_errors_become_exit_codes(error, code, said, capsys):
    def main():
        raise error

    assert program.run(main) == code
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(("given", "said"), [((), ""), (("2 bytes",), " (2 bytes)")])
def test_a_lack_of_memory_ends_in_one_sentence(given, said, capsys):
    def main():
        raise MemoryError(*given)

    assert program.run(main) == 2
    assert capsys.readouterr().err == f"error: there is not enough memory{said}\n"
