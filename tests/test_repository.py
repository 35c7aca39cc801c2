"""What holds for the repository as a whole: its floors, its imports, its README, its lint."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ds2np"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# The floors of the package; a room imports only from lower floors or its own.
FLOORS = (
    ("errors", "files", "machine", "backend", "kernels"),
    ("audio", "text", "layers", "ctc"),
    ("model", "optim"),
    ("data", "gradcheck", "decode"),
    ("parallel", "recogniser"),
    ("evaluate", "plots"),
    ("train", "synthesis"),
    ("bench", "learn"),
    ("commands",),
    ("cli", "__main__"),
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "ds2np":
            names = [f"ds2np.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        else:
            continue
        yield from (n.split(".")[1] for n in names if n.startswith("ds2np."))


def test_every_room_has_a_floor():
    assert {room(path) for path in SOURCES} - {"__init__"} == set(FLOOR_OF)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_lean_downwards(path):
    if path == PACKAGE / "__init__.py":
        assert not list(imported_rooms(path))
        return
    own = FLOOR_OF[room(path)]
    too_high = [name for name in imported_rooms(path) if FLOOR_OF[name] > own]
    assert not too_high, f"floor {own} imports {too_high}"


def test_forward_and_backward_work_on_any_array_module():
    """No function of the forward/backward kind names np itself."""
    offenders = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and re.search(r"(forward|backward)$", node.name):
                names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                offenders += [f"{path.name}: {node.name}"] * ("np" in names)
    assert not offenders


def test_files_are_one_lesson_each():
    scripts = sorted((ROOT / "data_scripts").glob("*.py"))
    long = [p.name for p in [*SOURCES, *scripts] if len(p.read_text().splitlines()) > 400]
    assert not long


def run_python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def test_the_package_and_its_help_import_nothing_heavy():
    code = "import sys, ds2np.cli; print(*sys.modules)"
    modules = {name.partition(".")[0] for name in run_python("-c", code).split()}
    assert not modules & {"numpy", "scipy", "matplotlib", "soundfile", "cupy", "tqdm", "jiwer"}


def test_training_needs_no_gpu_library_and_no_plots():
    code = "import sys, ds2np.train.trainer; print(*sys.modules)"
    modules = {name.partition(".")[0] for name in run_python("-c", code).split()}
    assert not modules & {"matplotlib", "cupy", "jiwer", "mpi4py"}


def test_lint():
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", "--no-cache", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_requirements_and_package_agree():
    """Every dependency of the package stands in requirements.txt with the same bounds."""
    wanted = re.search(
        r"^dependencies = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.S | re.M
    )
    listed = (ROOT / "requirements.txt").read_text().splitlines()
    for requirement in re.findall(r'"(.+?)"', wanted.group(1)):
        assert requirement in listed


README = (ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else ""


def test_ci_runs_the_test_command_of_the_readme():
    command = "pip install -r requirements.txt && python -m pytest"
    assert command in README
    assert command in (ROOT / ".ci" / "run").read_text()


def test_links_of_the_readme_lead_somewhere():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README) + re.findall(r'src="([^"]+)"', README)
    assert targets
    assert not [target for target in targets if not (ROOT / target).exists()]


def test_commands_of_the_readme_exist():
    from ds2np.cli import main

    commands = set(re.findall(r"python -m ds2np ([a-z]+)", README))
    assert {"demo", "train", "evaluate", "transcribe", "doctor"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0
    for script in re.findall(r"python (data_scripts/\S+\.py)", README):
        assert (ROOT / script).exists()
