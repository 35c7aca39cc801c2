"""Mistakes that are easily made in the exercises of chapter 12."""

import importlib.util

import numpy as np

from ds2np.learn.book import FOLDER

_spec = importlib.util.spec_from_file_location("right", FOLDER / "solutions" / "12_gpu.py")
right = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(right)


def other_way_round(values):
    rounds = [values]
    for far in (1, 2, 4, 8, 16):
        rounds.append(rounds[-1] + rounds[-1][np.arange(32) ^ far])
    return np.array(rounds)


def downwards_only(values):
    rounds = [values]
    for far in (16, 8, 4, 2, 1):
        beyond = np.concatenate([rounds[-1][far:], np.zeros(far)])
        rounds.append(rounds[-1] + beyond)
    return np.array(rounds)


def in_place(values):
    rounds = [values]
    for far in (16, 8, 4, 2, 1):
        now = rounds[-1].copy()
        for lane in range(32):
            now[lane] += now[lane ^ far]  # the other lane may have added already
        rounds.append(now)
    return np.array(rounds)


def halves(block, k, i, frames, label_counts):
    N = len(frames)
    return right.work_of(2 * (block % N) + block // N, k, i, frames, label_counts)


def from_the_padded_end(block, k, i, frames, label_counts):
    n, _, s = right.work_of(block, k, i, frames, label_counts)
    return n, (max(frames) - 1 - k if block % 2 else k), s


def states_forward(block, k, i, frames, label_counts):
    n, t, s = right.work_of(block, k, i, frames, label_counts)
    return n, t, min(i, s)


def without_ends(block, k, i, frames, label_counts):
    n = block // 2
    if block % 2 == 0:
        return n, k, i
    return n, frames[n] - 1 - k, 2 * label_counts[n] - i


def row_in_place(before, emissions, skip):
    now = before.copy()
    for i in range(len(emissions)):
        ways = np.logaddexp(now[i + 2], now[i + 1])
        if skip[i]:
            ways = np.logaddexp(ways, now[i])
        now[i + 2] = ways + emissions[i]
    return now


def row_with_nan(before, emissions, skip):
    far = np.where(skip, before[:-2], -np.inf)
    three = np.stack([before[2:], before[1:-1], far])
    peak = three.max(axis=0)
    ways = peak + np.log(np.exp(three - peak).sum(axis=0))
    return np.concatenate([np.full(2, -np.inf), ways + emissions])


def row_underflows(before, emissions, skip):
    p = np.exp(before)
    ways = np.log(p[2:] + p[1:-1] + np.where(skip, p[:-2], 0))
    return np.concatenate([np.full(2, -np.inf), ways + emissions])


def by_slowest(times, group):
    ends = np.empty(times.shape)
    for g in set(group):
        ends[:, group == g] = times[:, group == g].max(axis=1).cumsum()[:, None]
    return ends


def neighbours_in_order(times, group):
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))  # groups that stand together
    ends, begin = [], np.zeros(len(group))
    for of_frame in times:
        ends.append(begin + of_frame)
        slowest = np.maximum.reduceat(ends[-1], starts)
        begin = np.repeat(slowest, np.diff(starts, append=len(group)))
    return np.array(ends)


def changed(solution, *changes):
    """Return an answer whose kernel is the solution's with other text in some places."""
    source = solution()
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return lambda: source


def clip_with(old, new):
    return changed(right.clip_kernel, (old, new))


def softmax_with(*changes):
    return changed(right.softmax_kernel, *changes)


def log_sum_with(*changes):
    return changed(right.log_sum_kernel, *changes)


def gru_with(*changes):
    return changed(right.gru_frame_kernel, *changes)


CLIPPED = "fminf(fmaxf(x[i], 0.0f), ceiling)"
PEAK_LOOP = "for (int j = threadIdx.x; j < columns; j += blockDim.x) peak = fmaxf(peak, row[j]);"
SUM_LOOP = "for (int j = threadIdx.x; j < columns; j += blockDim.x) total += expf(row[j] - peak);"
HALVES = (
    (
        "for (int count = blockDim.x; count > 1; count = (count + 1) / 2) {",
        "for (int half = blockDim.x / 2; half > 0; half /= 2) {",
    ),
    ("const int other = threadIdx.x + (count + 1) / 2;", "const int other = threadIdx.x + half;"),
    ("if (other < count) {", "if (threadIdx.x < half) {"),
)
SHIFTED = "peak == NOTHING ? peak : peak + log1pf(expf(fminf(a, b) - peak))"
FIRST_SUM = "over_warp(i < count ? x[i] : NOTHING)"
SECOND_SUM = "over_warp(lane < blockDim.x / 32 ? partial[lane] : NOTHING)"
SIGMOID = "1.0f / (1.0f + expf(-x))"
OF_A = "a + ((size_t)n * T + t) * 3 * H + j"


WRONG = {
    "12.1": {
        "begins with the nearest lane": other_way_round,
        "takes from the lanes behind only": downwards_only,
        "reads what other lanes have written in this round": in_place,
        "returns the sum alone": lambda values: values.sum(),
    },
    "12.2": {
        "all forward blocks first": halves,
        "begins at the end of the padded batch": from_the_padded_end,
        "does not turn the states round": states_forward,
        "forgets that an utterance and its transcript end": without_ends,
    },
    "12.3": {
        "reads what it has just written": row_in_place,
        "takes minus infinity from itself": row_with_nan,
        "computes with probabilities, which underflow": row_underflows,
        "skips everywhere": lambda b, e, skip: right.next_row(b, e, np.ones_like(skip)),
        "forgets the emission": lambda b, e, skip: right.next_row(b, 0 * e, skip),
    },
    "12.4": {
        "waits for nobody": lambda times, group: np.cumsum(times, axis=0),
        "waits for all blocks": lambda times, group: right.end_times(times, 0 * group),
        "ends when the slowest of the group ends": by_slowest,
        "takes neighbours for a group": neighbours_in_order,
        "returns when frames begin": lambda times, group: right.end_times(times, group) - times,
    },
    "12.5": {
        "no guard": clip_with("if (i < count) ", ""),
        "the guard lets one more through": clip_with("i < count", "i <= count"),
        "guards the thread's own number": clip_with("i < count", "threadIdx.x < count"),
        "all blocks do the same": clip_with("blockIdx.x * blockDim.x + ", ""),
        "counts blocks for threads": clip_with("blockIdx.x * blockDim.x", "blockIdx.x * gridDim.x"),
        "one block for each number": clip_with(
            "blockIdx.x * blockDim.x + threadIdx.x", "blockIdx.x"
        ),
        "begins with the second number": clip_with("+ threadIdx.x", "+ threadIdx.x + 1"),
        "bounds exchanged": clip_with(CLIPPED, "fmaxf(fminf(x[i], 0.0f), ceiling)"),
        "does not clip": clip_with(CLIPPED, "fmaxf(x[i], 0.0f)"),
        "lets negative numbers pass": clip_with(CLIPPED, "fminf(x[i], ceiling)"),
        "the ceiling is always 20": clip_with("ceiling);", "20.0f);"),
        "writes only what it changes": clip_with(
            "if (i < count) out[i] =", "if (i < count && (x[i] < 0 || x[i] > ceiling)) out[i] ="
        ),
        "whole numbers": clip_with("= fminf", "= (int)fminf"),
        "clips in place": clip_with("out[i] =", "((float*)x)[i] ="),
    },
    "12.6": {
        "no shift": softmax_with(
            ("expf(row[j] - peak);", "expf(row[j]);"), ("(row[j] - peak) /", "(row[j]) /")
        ),
        "shifts by the first number": softmax_with(
            ("peak = over_block(peak, false);", "peak = row[0];")
        ),
        "the largest is never less than 0": softmax_with(("-3.4e38f", "0.0f")),
        "adds up before the first barrier": softmax_with(
            ("shared[threadIdx.x] = value;\n    __syncthreads();", "shared[threadIdx.x] = value;")
        ),
        "no barrier between rounds": softmax_with(
            ("        }\n        __syncthreads();", "        }")
        ),
        "no barrier before the memory is used again": softmax_with(
            ("    __syncthreads();  // before somebody writes there again\n", "")
        ),
        "each thread has a largest of its own": softmax_with(
            ("peak = over_block(peak, false);", "")
        ),
        "each thread has a sum of its own": softmax_with(("total = over_block(total, true);", "")),
        "a column for each thread, no loop": softmax_with(
            (SUM_LOOP, "if (threadIdx.x < columns) total = expf(row[threadIdx.x] - peak);")
        ),
        "a largest for each thread, no loop": softmax_with(
            (PEAK_LOOP, "if (threadIdx.x < columns) peak = row[threadIdx.x];")
        ),
        "halves of a block that is no power of two": softmax_with(*HALVES),
        "leaves before the barrier": softmax_with(
            ("    float peak", "    if (threadIdx.x >= columns) return;\n    float peak")
        ),
        "not divided": softmax_with((" / total;", ";")),
        "divided by the number of columns": softmax_with((" / total;", " / columns;")),
        "reads one number of the next row": softmax_with((PEAK_LOOP, PEAK_LOOP.replace("<", "<="))),
        "all blocks read the first row": softmax_with((" + (size_t)blockIdx.x * columns;", ";")),
        "rows of the block's length": softmax_with(
            ("x + (size_t)blockIdx.x * columns;", "x + (size_t)blockIdx.x * blockDim.x;")
        ),
        "the sum is not set to 0": softmax_with((", total = 0.0f;", ", total;")),
        "room for 32 threads": softmax_with(("[1024]", "[32]")),
    },
    "12.7": {
        "no guard": log_sum_with((FIRST_SUM, "over_warp(x[i])")),
        "the guard lets one more through": log_sum_with(("i < count", "i <= count")),
        "0 for a number that is not there": log_sum_with(
            (FIRST_SUM, "over_warp(i < count ? x[i] : 0.0f)")
        ),
        "takes minus infinity from itself": log_sum_with(
            (SHIFTED, "peak + log1pf(expf(fminf(a, b) - peak))")
        ),
        "overflows": log_sum_with((SHIFTED, "logf(expf(a) + expf(b))")),
        "takes the largest for the sum": log_sum_with((SHIFTED, "peak")),
        "adds the logarithms up": log_sum_with((SHIFTED, "a + b")),
        "no barrier": log_sum_with(("__syncthreads();", "")),
        "the sum of the first warp": log_sum_with(
            (f"value = {SECOND_SUM};", ""),
        ),
        "reads the places of warps that are not there": log_sum_with(
            (SECOND_SUM, "over_warp(partial[lane])")
        ),
        "shuffles behind an if": log_sum_with(
            (
                f"float value = {FIRST_SUM};",
                "float value = NOTHING;\n    if (i < count) value = over_warp(x[i]);",
            )
        ),
        "leaves before the barrier": log_sum_with(
            ("    float value =", "    if (i >= count) return;\n    float value =")
        ),
        "forgets the nearest lane": log_sum_with(("far > 0", "far > 1")),
        "takes from the lanes before only": log_sum_with(("__shfl_xor_sync", "__shfl_up_sync")),
        "all blocks write to one place": log_sum_with(("out[blockIdx.x]", "out[0]")),
        "all warps write to one place": log_sum_with(("partial[threadIdx.x / 32]", "partial[0]")),
        "counts within the block only": log_sum_with(("blockIdx.x * blockDim.x + ", "")),
    },
    "12.8": {
        "no guard": gru_with(("if (i >= N * H) return;", "")),
        "z the other way round": gru_with(("(1.0f - z) * h + z * c", "z * h + (1.0f - z) * c")),
        "the order r, z, c": gru_with(
            ("z = sigmoid(of_a[0] + of_u[0])", "z = sigmoid(of_a[H] + of_u[H])"),
            ("r = sigmoid(of_a[H] + of_u[H])", "r = sigmoid(of_a[0] + of_u[0])"),
        ),
        "resets the input term as well": gru_with(
            ("of_a[2 * H] + r * of_u[2 * H]", "r * (of_a[2 * H] + of_u[2 * H])")
        ),
        "does not reset": gru_with(("r * of_u[2 * H]", "of_u[2 * H]")),
        "resets by z": gru_with(("r * of_u[2 * H]", "z * of_u[2 * H]")),
        "a sigmoid for the candidate": gru_with(("tanhf(of_a", "sigmoid(of_a")),
        "a sigmoid that overflows": gru_with((SIGMOID, "expf(x) / (1.0f + expf(x))")),
        "ignores the lengths": gru_with(("if (t < frames[n])", "")),
        "takes the last frame for padding": gru_with(("t < frames[n]", "t < frames[n] - 1")),
        "takes one frame of padding": gru_with(("t < frames[n]", "t <= frames[n]")),
        "0 on padding": gru_with(("after[i] = h;", "after[i] = t < frames[n] ? h : 0.0f;")),
        "writes nothing on padding": gru_with(
            ("after[i] = h;", "if (t < frames[n]) after[i] = h;")
        ),
        "multiplies padding by 0": gru_with(
            ("if (t < frames[n])", "const float real = t < frames[n];"),
            ("h = (1.0f - z) * h + z * c", "h += real * z * (c - h)"),
        ),
        "always the first frame": gru_with((OF_A, "a + (size_t)n * T * 3 * H + j")),
        "frames before utterances": gru_with((OF_A, "a + ((size_t)t * N + n) * 3 * H + j")),
        "units before utterances": gru_with(("n = i / H, j = i % H", "n = i % N, j = i / N")),
        "gates of a unit side by side": gru_with((OF_A, "a + (((size_t)n * T + t) * H + j) * 3")),
    },
}
