"""Exercises of chapter 12: the GPU."""

import numpy as np

from ds2np.layers.activations import clipped_relu_forward
from ds2np.layers.gru import gru_forward
from ds2np.layers.softmax import log_softmax
from ds2np.learn.exercise import Exercise
from ds2np.learn.guarded_launch import Launch
from ds2np.learn.kernel_exercise import KernelExercise

LANES = np.arange(32)


def shuffle_rounds(values):
    """Compute the rounds of the kernel's `over_warp`."""
    rounds = [values]
    for far in (16, 8, 4, 2, 1):
        rounds.append(rounds[-1] + rounds[-1][LANES ^ far])
    return np.stack(rounds)


def work_of(block, k, i, frames, label_counts):
    """Compute the indices as `ctc_ways` does."""
    n, back = block // 2, block % 2
    states, last = 2 * label_counts[n] + 1, frames[n] - 1
    if k > last or i >= states:
        return -1, -1, -1
    return n, last - k if back else k, states - 1 - i if back else i


def next_row(before, emissions, skip):
    """Compute for all states what a thread of `ctc_ways` computes for one."""
    ways = np.logaddexp(before[2:], before[1:-1])
    ways = np.where(skip, np.logaddexp(ways, before[:-2]), ways)
    return np.concatenate([np.full(2, -np.inf), ways + emissions])


def end_times(times, group):
    """Let each group begin a frame where its slowest block has ended the one before."""
    same = group[:, None] == group
    ends, begin = [], np.zeros(len(group))
    for of_frame in times:
        ends.append(begin + of_frame)
        begin = np.where(same, ends[-1], 0).max(axis=1)
    return np.stack(ends)


def clip(x, ceiling, threads):
    """Compute what the kernel of 12.5 writes."""
    return np.minimum(np.maximum(x, 0), ceiling)


def softmax(x, threads):
    """Compute what the kernel of 12.6 writes, in float64."""
    shifted = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def log_sum(x, threads):
    """Compute what the kernel of 12.7 writes, in float64: a sum for each block."""
    padded = np.full(-(-len(x) // threads) * threads, -np.inf)
    padded[: len(x)] = x
    return np.logaddexp.reduce(padded.reshape(-1, threads), axis=1)


def gru_frame(a, u, before, frames, t, threads):
    """Compute what the kernel of 12.8 writes, in float64, for utterances that have the frame."""
    after = before.astype(np.float64)
    real = t < frames
    az, ar, ac = np.split(a[real, t].astype(np.float64), 3, axis=1)
    uz, ur, uc = np.split(u[real].astype(np.float64), 3, axis=1)
    z, r = 0.5 + 0.5 * np.tanh((az + uz) / 2), 0.5 + 0.5 * np.tanh((ar + ur) / 2)
    c = np.tanh(ac + r * uc)
    after[real] = (1 - z) * after[real] + z * c
    return after


def _launch_clip(x, ceiling, threads):
    given = {"x": x, "out": np.empty_like(x), "ceiling": ceiling, "count": np.int32(x.size)}
    return Launch(max(1, -(-x.size // threads)), threads, given)


def _launch_softmax(x, threads):
    given = {"x": x, "out": np.empty_like(x), "columns": np.int32(x.shape[1])}
    return Launch(len(x), threads, given)


def _launch_log_sum(x, threads):
    blocks = -(-len(x) // threads)
    given = {"x": x, "out": np.empty(blocks, np.float32), "count": np.int32(len(x))}
    return Launch(blocks, threads, given)


def _launch_gru_frame(a, u, before, frames, t, threads):
    N, T = a.shape[:2]
    given = {"a": a, "u": u, "before": before, "frames": frames, "after": np.empty_like(before)}
    sizes = {"t": t, "N": N, "T": T, "H": before.shape[1]}
    given |= {name: np.int32(size) for name, size in sizes.items()}
    return Launch(-(-before.size // threads), threads, given, ("after",))


def _clip_cases(rng):
    def case(count, threads, ceiling=20):
        x = (20 * rng.standard_normal(count)).astype(np.float32)
        return x, np.float32(ceiling), threads

    extremes = np.array([-np.inf, np.inf, 0, 20, 1e30, -1e30, 1e-30, 19.5], np.float32)
    return {
        "eight numbers, one block of 32": (extremes, np.float32(20), 32),
        "a single number": case(1, 32),
        "one number fewer than threads": case(63, 64),
        "as many numbers as threads": case(64, 64),
        "one number more than threads of a block": case(65, 64),
        "several blocks": case(1000, 128),
        "another ceiling": case(200, 64, 6),
        "no number": case(0, 32),
    }


def _softmax_cases(rng):
    def case(rows, columns, threads, scale=2.0, shift=0.0):
        x = scale * rng.standard_normal((rows, columns)) + shift
        return x.astype(np.float32), threads

    some = case(3, 70, 64)
    some[0][:, ::3] = -np.inf
    apart = case(4, 100, 64)
    apart[0][...] += np.array([[0], [900], [-900], [0]])  # neighbours do not help
    return {
        "one row of three, a block of 32": (np.array([[1, 2, 3]], np.float32), 32),
        "a row of one number": case(2, 1, 32),
        "rows as long as the block": case(3, 64, 64),
        "rows longer than the block": case(3, 65, 64),
        "rows much longer than the block": case(2, 300, 32),
        "rows shorter than the block": case(4, 29, 128),
        "a block of three warps": case(3, 200, 96),
        "large numbers": case(3, 50, 32, 300, 2000),
        "large negative numbers": case(3, 150, 64, 30, -2000),
        "rows that are far apart": apart,
        "some probabilities are 0": some,
    }


def _log_sum_cases(rng):
    def case(count, threads, scale=2.0, shift=0.0):
        return (scale * rng.standard_normal(count) + shift).astype(np.float32), threads

    some, none = case(150, 64), case(192, 64)
    some[0][rng.random(150) < 0.7] = -np.inf
    none[0][64:128] = -np.inf
    return {
        "two numbers": (np.log(np.array([0.25, 0.5], np.float32)), 32),
        "a single number": case(1, 64),
        "one warp": case(32, 32),
        "one number more than a block": case(65, 64),
        "a block of three warps": case(96, 96),
        "several blocks, the last one short": case(1000, 128),
        "the largest block": case(1500, 1024),
        "large numbers": case(128, 64, 300, 5000),
        "large negative numbers": case(130, 64, 30, -5000),
        "some are minus infinity": some,
        "all of a block are minus infinity": none,
    }


def _gru_frame_cases(rng):
    def case(N, T, H, t, threads, frames=None, scale=1.0):
        a = scale * rng.standard_normal((N, T, 3 * H))
        u = scale * rng.standard_normal((N, 3 * H))
        before = np.tanh(rng.standard_normal((N, H)))
        frames = np.full(N, T) if frames is None else np.array(frames)
        u[t >= frames] = np.nan
        for n in range(N):
            a[n, frames[n] :] = np.nan
        floats = (value.astype(np.float32) for value in (a, u, before))
        return *floats, frames.astype(np.int32), t, threads

    return {
        "one utterance, one unit": case(1, 1, 1, 0, 32),
        "the first frame": case(2, 3, 5, 0, 32),
        "the last frame": case(2, 3, 5, 2, 32),
        "units fill whole blocks": case(2, 2, 32, 1, 64),
        "several blocks, the last one short": case(3, 4, 50, 2, 64),
        "more utterances than units": case(9, 2, 4, 1, 32),
        "one utterance has ended": case(3, 5, 20, 3, 32, [5, 3, 4]),
        "a frame of padding for all": case(2, 6, 16, 4, 32, [4, 2]),
        "large numbers": case(3, 2, 20, 1, 32, scale=200.0),
    }


def _shuffle_cases(rng):
    return {
        "one lane holds a 1": (np.eye(32)[5],),
        "lane indices": (np.arange(32.0),),
        "random numbers": (rng.standard_normal(32),),
    }


def _work_cases(rng):
    frames, counts = np.array([6, 4, 0]), np.array([2, 3, 1])
    return {
        "forward, the first frame": (0, 0, 3, frames, counts),
        "backward, its first frame is the last": (1, 0, 0, frames, counts),
        "backward, in the middle": (1, 2, 4, frames, counts),
        "the shorter utterance, backward": (3, 0, 1, frames, counts),
        "the shorter utterance, forward": (2, 3, 6, frames, counts),
        "after the end of the utterance": (2, 4, 0, frames, counts),
        "more threads than states": (1, 0, 5, frames, counts),
        "an utterance without frames": (4, 0, 0, frames, counts),
    }


def _row_cases(rng):
    def case(S, reached, skips):
        before = np.concatenate([np.full(2, -np.inf), -3 * rng.random(S)])
        before[2 + reached :] = -np.inf
        skip = np.zeros(S, bool)
        skip[skips] = True
        return before, -5 * rng.random(S), skip

    return {
        "all states reached": case(7, 7, [3, 5]),
        "only the first two reached so far": case(7, 2, [3, 5]),
        "equal neighbours: nothing may be skipped": case(5, 5, []),
        "one blank": case(1, 1, []),
        "no state reached": case(5, 0, [3]),
        "numbers in the thousands": (
            case(5, 5, [3])[0] - 4000,
            -5 * rng.random(5),
            np.arange(5) == 3,
        ),
    }


def _time_cases(rng):
    return {
        "one frame": (np.array([[3.0, 1.0, 2.0]]), np.array([0, 0, 1])),
        "one group": (np.array([[3.0, 1.0], [1.0, 2.0], [5.0, 1.0]]), np.array([0, 0])),
        "each block alone": (rng.random((4, 3)), np.array([2, 0, 1])),
        "two groups of two": (rng.random((6, 4)), np.array([0, 0, 1, 1])),
        "the blocks of a group apart": (rng.random((5, 6)), np.array([4, 1, 4, 1, 1, 4])),
    }


EXERCISES = (
    Exercise(
        "12.1", "shuffle_rounds", "sum over a warp, round by round", shuffle_rounds, _shuffle_cases
    ),
    Exercise("12.2", "work_of", "utterance, frame and state of a thread", work_of, _work_cases),
    Exercise(
        "12.3", "next_row", "one frame of the recursion, from row to row", next_row, _row_cases
    ),
    Exercise("12.4", "end_times", "blocks that wait for their group", end_times, _time_cases),
    KernelExercise(
        "12.5",
        "clip_kernel",
        "a kernel for the clipped ReLU",
        clip,
        _clip_cases,
        package=clipped_relu_forward,
        kernel="clip",
        launch=_launch_clip,
    ),
    KernelExercise(
        "12.6",
        "softmax_kernel",
        "a kernel for the softmax of each row",
        softmax,
        _softmax_cases,
        package=log_softmax,
        kernel="softmax",
        launch=_launch_softmax,
    ),
    KernelExercise(
        "12.7",
        "log_sum_kernel",
        "a kernel for the logarithm of each block's sum of exponentials",
        log_sum,
        _log_sum_cases,
        kernel="log_sum",
        launch=_launch_log_sum,
    ),
    KernelExercise(
        "12.8",
        "gru_frame_kernel",
        "a kernel for all that a GRU computes in a frame beside its products",
        gru_frame,
        _gru_frame_cases,
        package=gru_forward,
        kernel="gru_frame",
        launch=_launch_gru_frame,
    ),
)
