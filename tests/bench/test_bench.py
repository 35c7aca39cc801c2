import json
import re
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from ds2np import cli
from ds2np.backend import CPU, to_cpu, why_no_gpu
from ds2np.bench import items
from ds2np.bench import run as bench
from ds2np.errors import UserError
from ds2np.layers import GRU, SimpleRNN

COLUMNS = ("median ms", "min", "max", "GFLOP/s", "of GEMM", "peak MB")
RECURRENT = {"N": 2, "T": 5, "D": 4, "H": 3}
SMALL = {
    "gemm": partial(items.gemm, size=50),
    "spectrogram": partial(items.spectrogram, minutes=2, seconds=1),
    "convolutions": partial(items.convolutions, N=2, T=12, F=21, channels=2),
    "gru": partial(items.recurrent, GRU, False, **RECURRENT),
    "gru-shared": partial(items.recurrent, GRU, True, **RECURRENT),
    "rnn": partial(items.recurrent, SimpleRNN, False, **RECURRENT),
    "rnn-shared": partial(items.recurrent, SimpleRNN, True, **RECURRENT),
    "ctc": partial(items.ctc, N=2, T=9, L=3, V=5),
    "ctc-long": partial(items.ctc, N=2, T=12, L=4, V=5),
    "training-step": partial(items.training_step, N=2, seconds=0.4),
    "decoding": partial(items.decoding, N=2, T=9),
}
TIMES = {"median_ms", "min_ms", "max_ms"}
FLOP = {"gflops", "share_of_gemm"}


@pytest.fixture
def small(monkeypatch):
    """Shrink all items."""
    assert set(SMALL) == set(bench.ITEMS)
    monkeypatch.setattr(bench, "ITEMS", SMALL)
    monkeypatch.setattr(bench, "MIN_SECONDS", 1e-3)
    monkeypatch.setattr(bench, "measure_memory", lambda name, side: 12_000_000)
    growth = partial(bench.measure_growth, N=1, seconds=0.4)
    monkeypatch.setattr(bench, "measure_growth", growth)


class Array:
    """A fake tensor with the methods that the comparison uses."""

    def __init__(self, value):
        self.value = np.asarray(value)

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.value


def echo(name, change=1.0):
    """Make a fake PyTorch side: ours, with the arrays scaled by a factor."""

    def make(*_):
        step = SMALL[name](to_cpu).make_ours()

        def other():
            return {k: v if isinstance(v, list) else Array(v * change) for k, v in step().items()}

        return other

    return make


@pytest.fixture
def torch_side(small, monkeypatch):
    """Replace PyTorch's side by a fake; the real one is tested where PyTorch is installed."""
    names = {name.partition("-")[0] for name in SMALL} - {"gru", "rnn", "training"}
    side = {name: echo(name) for name in names}
    side["recurrent"] = side["training_step"] = echo("rnn")
    side = SimpleNamespace(**side)
    monkeypatch.setattr(bench, "import_torch_side", lambda: side)
    versions = bench.importlib.metadata.version
    monkeypatch.setattr(
        bench.importlib.metadata, "version", lambda p: "1" if p == "torch" else versions(p)
    )
    return side


def test_the_table_has_a_line_for_each_part(small, capsys):
    assert cli.main(["bench", "--pairs", "2", "--device", "cpu"]) == 0
    machine, header, *lines = capsys.readouterr().out.splitlines()
    assert "cores" in machine
    assert all(column in header for column in COLUMNS)
    assert "torch" not in header
    assert [line.split()[0] for line in lines] == [*SMALL, *["growth:"] * 3]
    assert "100%" in lines[0]
    assert len(lines[1].split()) == 5  # no GFLOP/s: the name, the three times and the memory


def test_json_holds_what_the_table_shows(small, tmp_path):
    path = tmp_path / "bench.json"
    assert cli.main(["bench", "--pairs", "3", "--device", "cpu", "--json", str(path)]) == 0
    results = json.loads(path.read_text())
    assert set(results) == {"machine", "items", "growth"}
    for name, row in results["items"].items():
        rate = set() if name in ("spectrogram", "ctc", "ctc-long", "decoding") else FLOP
        assert set(row) == TIMES | rate | {"peak_bytes"}
        assert 0 < row["min_ms"] <= row["median_ms"] <= row["max_ms"]
    assert set(results["growth"]) == {"T", "N", "T and N"}


def test_only_some_parts(small, capsys):
    assert cli.main(["bench", "--pairs", "1", "--device", "cpu", "--only", "ctc", "rnn"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0] for line in lines] == ["gemm", "rnn", "ctc"]
    assert cli.main(["bench", "--only", "nonsense"]) == 2
    assert "'nonsense'" in capsys.readouterr().err


def test_two_sides_run_in_turn():
    order = []
    seconds = bench.time_in_turn([lambda: order.append("A"), lambda: order.append("B")], 3, CPU)
    assert order == list("ABABAB")
    assert seconds.shape == (2, 3)


def test_the_comparison_adds_columns(torch_side, tmp_path, capsys):
    path = tmp_path / "bench.json"
    arguments = ["bench", "--against", "torch", "--pairs", "2", "--device", "cpu"]
    only = ["--only", "convolutions", "ctc", "decoding"]
    assert cli.main([*arguments, *only, "--json", str(path)]) == 0
    assert "torch ms  torch MB   torch/ours (min-max)" in capsys.readouterr().out
    for row in json.loads(path.read_text())["items"].values():
        assert set(row["torch"]) == TIMES | {"peak_bytes"}
        assert set(row["ratio"]) == {"median", "min", "max"}
        assert row["compared"]


def test_different_results_are_not_timed(torch_side, capsys):
    torch_side.ctc = echo("ctc", change=1.1)
    arguments = ["bench", "--against", "torch", "--pairs", "1", "--device", "cpu"]
    assert cli.main([*arguments, "--only", "ctc"]) == 1
    assert "ctc: relative error of loss is 9.1e-02" in capsys.readouterr().out


def test_training_steps_have_a_precision(small, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        "ds2np.model.DeepSpeech2.set_precision", lambda self, precision: asked.append(precision)
    )
    options = ["bench", "--device", "cpu", "--precision", "tf32"]
    assert cli.main([*options, "--only", "training-step"]) == 0
    assert asked[-1] == "tf32"
    assert "precision tf32" in capsys.readouterr().out.splitlines()[0]
    assert cli.main([*options, "--against", "torch"]) == 2
    assert "PyTorch's steps are in float32, not in tf32" in capsys.readouterr().err


def test_without_torch_one_sentence_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "ds2np.bench.torch_side", raising=False)
    assert cli.main(["bench", "--against", "torch"]) == 2
    assert (
        capsys.readouterr().err == "error: a comparison with PyTorch needs it: pip install torch\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's account of memory")
def test_memory_is_that_of_a_fresh_process():
    assert 3e6 < bench.measure_memory("ctc", "ours") < 1e8


def test_memory_that_cannot_be_measured_says_why():
    with pytest.raises(UserError, match="memory of nothing cannot be measured: KeyError"):
        bench.measure_memory("nothing", "ours")


@pytest.mark.gpu
def test_a_gpu_is_named_and_its_items_are_timed(small, monkeypatch, tmp_path, capsys):
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    assert set(SMALL) < set(bench.ITEMS_ON_GPU)
    step = partial(items.training_step, N=1, seconds=0.2, name="tiny")
    few = {name: SMALL[name] for name in ("gemm", "gru", "ctc", "decoding")} | {"step-base": step}
    monkeypatch.setattr(bench, "ITEMS_ON_GPU", few)
    path = tmp_path / "bench.json"
    only = ["--pairs", "1", "--json", str(path), "--only", *few]
    assert cli.main(["bench", "--device", "cuda", *only]) == 0
    machine, _, *lines = capsys.readouterr().out.splitlines()
    assert re.search(
        r", GPU .+, memory \d+ GB, CUDA [\d.]+, driver for CUDA [\d.]+, cupy ", machine
    )
    assert [line.split()[0] for line in lines] == [*few]
    rows = json.loads(path.read_text())["items"]
    assert rows["gemm"]["share_of_gemm"] == 1
    assert rows["step-base"]["share_of_gemm"] > 0
    assert all(row["min_ms"] > 0 and row["peak_bytes"] > 0 for row in rows.values())


@pytest.mark.parametrize("name", SMALL)
def test_pytorch_computes_the_same(name):
    pytest.importorskip("torch", reason="PyTorch is not installed: its side is not compared here")
    from ds2np.bench import torch_side

    item = SMALL[name](to_cpu)
    theirs = item.make_torch(torch_side, "cpu")()
    if item.tolerance is not None:
        bench._compare(item.make_ours()(), theirs, item.tolerance)
