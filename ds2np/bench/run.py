"""The benchmark: speed of each part, relative to large matrix products and to PyTorch."""

import importlib.metadata
import json
import os
import platform
from functools import partial

import numpy as np

from ds2np.backend import CPU, choose_device, describe_gpu, to_cpu
from ds2np.bench.items import ITEMS, ITEMS_ON_GPU, STEPS, training_step
from ds2np.bench.memory import import_torch_side, measure_gpu_memory, measure_memory
from ds2np.bench.table import header, line, with_range
from ds2np.bench.timing import spread, time_in_turn
from ds2np.errors import UserError
from ds2np.files import replacing

GROWTH = "growth"
MIN_SECONDS = 0.3  # per run; quick items are repeated and averaged


def run_bench(
    *,
    against_torch=False,
    pairs=5,
    only=None,
    device="auto",
    path=None,
    precision="float32",
):
    """Time the items and print a table; return 1 if our results and PyTorch's differ.

    Each item, or each named in `only`, runs `pairs` times after a warm-up, alternating with
    PyTorch. `path` is a JSON file for the results. `precision` is that of training steps on a GPU,
    where PyTorch's stay in float32. An unknown item raises UserError.
    """
    if against_torch and precision != "float32":
        raise UserError(f"PyTorch's steps are in float32, not in {precision}: compare them in that")
    device = choose_device(device)
    device.use()
    items = ITEMS if device == CPU else ITEMS_ON_GPU
    names = [*items, GROWTH]
    for name in only or []:
        if name not in names:
            raise UserError(f"no item {name!r} to time; choose from {', '.join(names)}")
    torch_side = import_torch_side() if against_torch else None
    machine = _describe_machine(device, torch_side) | {"precision": precision}
    results = {"machine": machine, "items": {}}
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()))
    print(header(against_torch), flush=True)
    gemm = None
    for name, make_item in items.items():
        if only and name not in only and name != "gemm":  # the yardstick of the others
            continue
        try:
            options = {"precision": precision} if name in STEPS else {}
            item = make_item(device, **options)
            row = _measure(item, pairs, device, torch_side)
        except DisagreementError as error:
            print(f"{name}: {error}", flush=True)
            return 1
        gemm = gemm or row["gflops"]
        if "gflops" in row:
            row["share_of_gemm"] = row["gflops"] / gemm
        if device == CPU:
            row["peak_bytes"] = measure_memory(name, "ours")
            if torch_side:
                row["torch"]["peak_bytes"] = measure_memory(name, "torch")
        else:
            row["peak_bytes"] = measure_gpu_memory(item, device)
        results["items"][name] = row
        print(line(name, row), flush=True)
    if not only or GROWTH in only:
        results[GROWTH] = measure_growth(pairs, device, precision)
    if path is not None:
        with replacing(path) as file:
            file.write(json.dumps(results, indent=1) + "\n")
    return 0


class DisagreementError(Exception):
    """Our results and PyTorch's differ."""


def _describe_machine(device, torch_side):
    machine = {"processor": platform.machine(), "cores": os.cpu_count()}
    if device != CPU:
        machine |= describe_gpu()
    for package in ("numpy", "scipy", *(["torch"] if torch_side else [])):
        machine[package] = importlib.metadata.version(package)
    return machine


def _measure(item, pairs, device, torch_side):
    """Compare the results of an item, time it and return its row."""
    steps = [item.make_ours()]
    if torch_side:
        steps.append(item.make_torch(torch_side, _torch_device(device)))
    results = [step() for step in steps]
    if torch_side and item.tolerance is not None:
        _compare(*results, item.tolerance)
    del results
    repeats = np.ceil(MIN_SECONDS / time_in_turn(steps, 1, device)).astype(int)  # (sides, 1)
    steps = [partial(_repeat, *each) for each in zip(steps, repeats[:, 0], strict=True)]
    seconds = time_in_turn(steps, pairs, device) / repeats
    row = spread(1000 * seconds[0], "ms")
    if item.flop:
        row["gflops"] = item.flop / float(np.median(seconds[0])) / 1e9
    if torch_side:
        row["torch"] = spread(1000 * seconds[1], "ms")
        row["compared"] = item.tolerance is not None
        row["ratio"] = spread(seconds[1] / seconds[0])
    return row


def _repeat(step, times):
    for _ in range(times):
        step()


def _torch_device(device):
    return "cpu" if device.gpu is None else f"cuda:{device.gpu}"


def _compare(ours, theirs, tolerance):
    """Raise DisagreementError unless the arrays or texts of both sides agree."""
    for name, value in ours.items():
        expected = theirs[name]
        if isinstance(value, list):
            if value != expected:
                raise DisagreementError(f"our {name} and PyTorch's differ")
            continue
        value, expected = to_cpu(value), expected.detach().cpu().numpy()
        if value.shape != expected.shape:
            raise DisagreementError(f"{name} has shape {value.shape}, PyTorch's {expected.shape}")
        error = np.abs(value - expected).max() / np.abs(expected).max()
        if not error <= tolerance:
            raise DisagreementError(
                f"relative error of {name} is {error:.1e}, expected at most {tolerance:g}"
            )


def measure_growth(pairs, device, precision, N=16, seconds=5):
    """Time training steps with N, T or both doubled, relative to proportional growth."""
    doubled = {"T": (1, 2), "N": (2, 1), "T and N": (2, 2)}
    steps = [
        training_step(device, N * n, seconds * t, precision=precision).make_ours()
        for n, t in [(1, 1), *doubled.values()]
    ]
    for step in steps:
        step()
    base, *others = time_in_turn(steps, pairs, device)
    growth = {}
    for (name, (n, t)), measured in zip(doubled.items(), others, strict=True):
        growth[name] = spread(measured / base / (n * t))
        excess = growth[name]["median"] - 1
        verdict = "proportional" if abs(excess) <= 0.1 else "less" if excess < 0 else "TOO MUCH"
        ratio = with_range(growth[name])
        print(f"{GROWTH}: {name} doubled: {ratio} of {n * t} times the time: {verdict}", flush=True)
    return growth
