"""The scripts of measurements: most of them take too long here, but what they name has to exist."""

import argparse
import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from ds2np import kernels
from ds2np.commands import train

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "benchmarks" / "gpu"
SCRIPTS = sorted(FOLDER.glob("*.py"))
SHELL = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sh")}

every_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes):
    """Yield module and name, or None, of each import among some nodes."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def path_of(module):
    """Find the file of a module of the package; None if there is no such module."""
    path = ROOT.joinpath(*module.split("."))
    found = [p for p in (path / "__init__.py", path.with_suffix(".py")) if p.exists()]
    return found[0] if found else None


def names_in(path):
    """Collect what a module defines or imports at its top level."""
    names = set()
    for node in parse(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        else:
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return names


def parts():
    for node in parse(FOLDER / "measure.py").body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "PARTS":
            return ast.literal_eval(node.value)
    raise AssertionError("measure.py names no PARTS")


@every_script
def test_importing_a_script_needs_few_packages(path):
    nodes = parse(path).body  # what is imported within functions comes later
    modules = {module.partition(".")[0] for module, _ in imported(nodes)}
    own = {script.stem for script in SCRIPTS}
    strangers = modules - own - sys.stdlib_module_names
    assert strangers <= {"ds2np", "numpy", "cupy", "cupy_backends"}


@pytest.mark.parametrize("path", sorted(FOLDER.parent.rglob("*.py")), ids=lambda path: path.name)
def test_what_a_script_takes_from_the_package_exists(path):
    tree = parse(path)
    modules = {"side": "ds2np.bench.torch_side"}  # as pytorch.find_side returns it
    for module, name in imported(ast.walk(tree)):
        if module.partition(".")[0] != "ds2np":
            continue
        assert path_of(module), module
        if name and path_of(f"{module}.{name}"):
            modules[name] = f"{module}.{name}"
        else:
            assert name is None or name in names_in(path_of(module)), f"{module}.{name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            assert module is None or node.attr in names_in(path_of(module)), f"{module}.{node.attr}"


def test_every_part_is_measured_run_and_explained():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for part in ("environment", *parts()):
        assert part == "environment" or "measure" in names_in(FOLDER / f"{part}.py")
        assert re.search(rf'"\$\{{measure\[@\]\}}" {part}\b', SHELL["first_run.sh"])
        assert f"`{part}`" in readme or part == "sanitize"


def test_all_tests_marked_gpu_are_run():
    command = re.search(r"pytest -m gpu.*?[^\\]\n", SHELL["first_run.sh"], re.S)[0]
    assert command.endswith(" tests\n")


def test_all_kernels_are_watched():
    spec = importlib.util.spec_from_file_location("sanitize", FOLDER / "sanitize.py")
    sanitize = importlib.util.module_from_spec(spec)
    stand_in = types.SimpleNamespace(GPU=None, failed=[])
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "timing", stand_in)
        patch.syspath_prepend(FOLDER)
        spec.loader.exec_module(sanitize)
    sources = [path.read_text(encoding="utf-8") for path in kernels.FOLDER.glob("*.cu")]
    names = sanitize.kernel_names()
    assert {"ctc_ways", "ctc_gradient", "to_phases", "from_phases"} <= names
    # persistent_forward and persistent_backward stand in two files.
    assert len(names) + 2 == sum(text.count("__global__ void") for text in sources)
    assert '"kns=$kernel"' in SHELL["first_run.sh"]


def test_the_options_of_the_training_exist():
    parser = argparse.ArgumentParser()
    train.add_options(parser)
    known = set(re.findall(r"--[a-z-]+", parser.format_help()))
    lines = re.search(r"\n    train=\(.*?\n    wait ", SHELL["first_run.sh"], re.S)[0]
    used = set(re.findall(r"--[a-z-]+", lines))
    assert {"--train", "--dev", "--device", "--out"} <= used <= known


@pytest.mark.parametrize("name", SHELL)
def test_shell_scripts_are_well_formed(name):
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    subprocess.run(["bash", "-n", FOLDER / name], check=True)
