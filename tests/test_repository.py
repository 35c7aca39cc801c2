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
    ("model", "optim", "lm"),
    ("data", "gradcheck", "decode", "streaming"),
    ("parallel", "recogniser"),
    ("evaluate", "plots"),
    ("train", "synthesis", "align"),
    ("bench", "learn", "adapt", "serve"),
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
    folders = PACKAGE, ROOT / "data_scripts", ROOT / "tests"
    files = [path for folder in folders for path in folder.rglob("*.py")]
    assert not [str(p) for p in files if len(p.read_text(encoding="utf-8").splitlines()) > 400]


def test_the_root_of_the_package_is_seen_at_a_glance():
    assert len(list(PACKAGE.glob("*.py"))) <= 8


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def calls(path, names):
    """Find the calls in a file of functions or classes by their last name."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
            if name in names:
                yield f"{path.relative_to(PACKAGE)}: {name}"


def test_one_place_makes_alphabets_and_counts_their_symbols():
    offenders = [
        call
        for path in SOURCES
        if room(path) != "text" and path != PACKAGE / "model" / "config.py"
        for call in calls(path, {"Alphabet", "ALPHABETS"})
    ]
    assert not offenders
    counted = r"len\([\w.]*(characters|symbols)\)"
    assert not [p for p in SOURCES if room(p) != "text" and re.search(counted, p.read_text())]


def test_one_place_decodes_what_a_network_puts_out():
    """Others ask the recogniser; benchmarks and exercises are about decoding itself."""
    names = {"greedy_decode", "best_paths", "read_path", "collapse", "make_decoder"}
    names |= {"GreedyDecoder"}
    exempt = {"decode", "recogniser", "bench"}
    callers = [c for p in SOURCES if room(p) not in exempt for c in calls(p, names)]
    assert [c for c in callers if not c.startswith("learn/exercises/")] == []
    decoders = [
        str(path.relative_to(PACKAGE))
        for path in SOURCES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("decoder.decode")
    ]
    assert decoders == ["recogniser.py"]


def test_one_place_names_the_files_of_a_run():
    """Docstrings apart: they tell what a run holds."""
    named = re.compile(r"(config\.json|history\.csv|last\.npz|best\.npz|report\.html)$")
    found = set()
    for path in SOURCES:
        tree = parse(path)
        texts = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        for node in ast.walk(tree):
            text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and named.search(text) and id(node) not in texts:
                found.add(str(path.relative_to(PACKAGE)))
    assert found == {"model/run_folder.py"}


def test_imports_neither_climb_nor_reach_for_private_names():
    offenders = []
    for path in SOURCES:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.ImportFrom):
                private = [a.name for a in node.names if a.name.startswith("_")]
                if node.level or (private and (node.module or "").startswith("ds2np")):
                    offenders.append(f"{path.relative_to(PACKAGE)}: {ast.unparse(node)}")
    assert not offenders


def test_private_attributes_stay_within_their_room():
    own, used = {}, []
    for path in SOURCES:
        names = own.setdefault(room(path), set())
        for node in ast.walk(parse(path)):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                owner = ast.unparse(node.value)
                if owner in ("self", "cls"):
                    names.add(node.attr)
                elif not node.attr.startswith("__") and owner != "sys":
                    used.append((path, node.attr))
    assert [f"{p.name}: {name}" for p, name in used if name not in own[room(p)]] == []


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_modules_import_in_no_circle():
    """Within functions, too: an import that has to hide is a circle all the same."""
    modules = {module_name(path): path for path in SOURCES}
    graph = {}
    for name, file in modules.items():
        graph[name] = targets = set()
        for node in ast.walk(parse(file)):
            if isinstance(node, ast.Import):
                targets |= {a.name for a in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{a.name}" for a in node.names}
                targets |= (inner & modules.keys()) or {node.module}
        targets &= set(modules)
        targets.discard(name)
    # A room's façade imports its files; within the room, files import each other directly.
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            path.append(name)
            for target in sorted(graph[name]):
                visit(target)
            path.pop()
            done.add(name)

    for name in graph:
        visit(name)


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
    command = "pip install -r requirements.txt && python -m pytest -n auto"
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
