"""Mistakes planted in the kernels of recurrent layers, which the tests have to find."""

import numpy as np
import pytest
from helpers.host_kernels import run_sanitized, use_on_host
from helpers.recurrence import check, make

from ds2np import kernels
from ds2np.kernels import recurrent
from ds2np.kernels.host import ORDERS, why_not_on_host
from ds2np.layers import GRU

if why_not_on_host():
    pytest.skip(f"no kernels on the host: {why_not_on_host()}", allow_module_level=True)

PERSISTENT, TENSOR, STEPS = "recurrent_persistent", "recurrent_tensor", "recurrent_steps"
# file, correct, wrong; each stands once in its source
MISTAKES = {
    "does not wait": (PERSISTENT, "if (first == group.first) group.wait(k);", ""),
    "waits for a frame less": (PERSISTENT, "group.wait(group.last - k)", "group.wait(0)"),
    "arrives before all threads": (
        PERSISTENT,
        "        __syncthreads();\n        if (threadIdx",
        "        if (threadIdx",
    ),
    "counters are left": (PERSISTENT, "arrived[0] = arrived[1] = 0", "arrived[1] = 0"),
    "no zeros between the slices": (PERSISTENT, "    clear<HIDDEN>(tile);\n", ""),
    "the first warp is forgotten": (
        PERSISTENT,
        "for (int warp = 0; warp < WARPS; ++warp)\n        sum",
        "for (int warp = 1; warp < WARPS; ++warp)\n        sum",
    ),
    "the wrong neighbour": (
        PERSISTENT,
        "odd ? even_unit : odd_unit, 8)",
        "odd ? even_unit : odd_unit, 16)",
    ),
    "no barrier after the product": (
        PERSISTENT,
        "                (odd ? odd_unit : even_unit) + c;\n        }\n    }\n    __syncthreads();",
        "                (odd ? odd_unit : even_unit) + c;\n        }\n    }",
    ),
    "the chunk before": (
        PERSISTENT,
        "at_state(s, group.direction, k, first);",
        "at_state(s, group.direction, k, group.first);",
    ),
    "loaded for the wrong frame": (
        PERSISTENT,
        "ahead = load_backward(s, dout, h, kept, group.direction, k - 1,",
        "ahead = load_backward(s, dout, h, kept, group.direction, k,",
    ),
    "a state of the same frame": (
        PERSISTENT,
        "x.old = h[at_state(s, direction, k, n)",
        "x.old = h[at_state(s, direction, k + 1, n)",
    ),
    "the second direction is not turned": (PERSISTENT, "frames - 1 - k : k", "k : k"),
    "no low parts of weights": (
        TENSOR,
        "multiply_tile(sum[m][CHAINS - 1], q, m, 1, b.x, b.y);",
        "continue;",
    ),
    "no low parts of states": (
        TENSOR,
        "multiply_tile(sum[m][CHAINS - 1], q, m, 0, b.z, b.w);",
        "continue;",
    ),
    "a weight's rows in the order of a sum's": (
        TENSOR,
        "m % 2 * 16 + i % 2 * 8 + lane / 4",
        "m % 2 * 16 + i / 2 * 8 + lane / 4",
    ),
    "columns 2t + 8 as they are": (
        TENSOR,
        "lane % 4 * 4 + i / 2 * 2",
        "lane % 4 * 2 + i / 2 * 8",
    ),
    "a sum's rows in the order of a weight's": (
        TENSOR,
        "lane % 4 * 2 + i % 2, unit = lane / 4 + i / 2 * 8",
        "lane % 4 * 2 + i / 2, unit = lane / 4 + i % 2 * 8",
    ),
    "high and low parts side by side": (TENSOR, "odd * 2 + inner % 4 / 2", "inner % 4"),
    "a neighbour's low part": (
        TENSOR,
        "split(odd ? other : x, odd ? x : other,",
        "split(x, other,",
    ),
    "the same chunk again": (
        TENSOR,
        "load(tiles + CHUNK / 4, q % DEPTH)",
        "load(tiles, q % DEPTH)",
    ),
    "does not wait for states": (TENSOR, "group.wait(k + 1);", ""),
    "waits for gradients of a frame less": (
        TENSOR,
        "group.wait(group.last - 1 - k)",
        "group.wait(group.last - 2 - k)",
    ),
    "both halves are one": (TENSOR, "(exchange + k % 2 * half)", "(exchange + (k + 1) % 2 * half)"),
    "no barrier after the product on tensor cores": (
        TENSOR,
        "sum[m][0][i] + sum[m][CHAINS - 1][i];\n            }\n        __syncthreads();",
        "sum[m][0][i] + sum[m][CHAINS - 1][i];\n            }",
    ),
    "the first warp has no part": (TENSOR, "int warp = 0; warp", "int warp = 1; warp"),
    "a first state is not published": (TENSOR, "mine ? *state : 0.0f", "0.0f"),
    "no direct path": (TENSOR, "x.dout + d", "x.dout + d - *carry"),
    "gates are published without padding": (TENSOR, "g * PADDED + j", "g * HIDDEN + j"),
    "padding has a gradient": (
        STEPS,
        "    if (k < frames[n]) {\n        const Loaded",
        "    if (true) {\n        const Loaded",
    ),
    "nothing is carried": (STEPS, "x.dout + carry[i]", "x.dout"),
    "padding has an output": (STEPS, " && t < frames[n]; ++direction", "; ++direction"),
    "an ended utterance goes on": (
        STEPS,
        "    if (k < frames[n]) {\n        const int frame",
        "    if (true) {\n        const int frame",
    ),
}


WAYS = {PERSISTENT: "persistent", TENSOR: "tensor", STEPS: "steps"}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch):
    name, right, wrong = MISTAKES[mistake]
    counters = np.zeros(1000, np.uint32)
    monkeypatch.setattr(recurrent, "_counters", lambda run: counters)
    monkeypatch.setattr(recurrent, "REGISTERS", {2: 10_000})

    def is_found(order):
        use_on_host(monkeypatch, order, (name, right, wrong))
        rng = np.random.default_rng(0)
        N = 20 if name == TENSOR else 5  # two chunks
        try:
            with np.errstate(all="ignore"):  # a mistake may read what was never written
                check(make(GRU, 36, rng, merge="concat"), N, 6, rng, WAYS[name])
        except (AssertionError, RuntimeError):
            return True
        return False

    assert any(map(is_found, ORDERS))


def test_no_index_leaves_its_array(tmp_path):
    """Run odd sizes with the address sanitizer, in a separate process."""
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    ended = run_sanitized(script)
    assert ended.returncode == 0, ended.stderr[:3000]
    for name, right, wrong in (
        (PERSISTENT, "bool mine = warp < rows && j < HIDDEN", "bool mine = warp < rows"),
        (TENSOR, "|| q * WARPS + threadIdx.x / 32 < ALL", "|| true"),
    ):
        assert kernels.read_source(name).count(right) == 1
        script.write_text(WATCHED.replace("(source)", f"(source.replace({right!r}, {wrong!r}))"))
        assert "heap-buffer-overflow" in run_sanitized(script).stderr


WATCHED = """
import functools
import numpy as np
from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.kernels import recurrent
from ds2np.kernels.host import HostModule

@functools.cache
def load(name, cooperative=False, **defines):
    source = kernels.read_source(name)
    source = (source)
    return HostModule(source, sanitize=True, cooperative=cooperative, defines=defines)

kernels.load, recurrent.REGISTERS = load, {2: 10_000}
for gates, H, N, T, merge in ((3, 33, 5, 3, "sum"), (1, 7, 3, 2, "concat")):
    a = np.zeros((N, T, 1, gates * H), np.float32)
    U = np.zeros((2, H, gates * H), np.float32)
    lengths = np.arange(N) % T + 1
    dout = np.ones((N, T, H * (1 + (merge == "concat"))), np.float32)
    ways = [recurrent.plan_persistent(H, gates, 2, N, 12, 10**6, p) for p in ("float32", "tf32")]
    for plan in *ways, None:
        _, run = recurrent.recurrent_forward(a, U, None, lengths, "tanh", merge, plan)
        recurrent.recurrent_backward(dout, run)
"""
