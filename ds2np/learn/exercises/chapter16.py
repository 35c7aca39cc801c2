"""Exercises of chapter 16: pieces of a stream, a queue, and the latencies of both."""

import numpy as np

from ds2np.layers import RowConv, SimpleRNN
from ds2np.layers.rnn import simple_rnn_forward
from ds2np.layers.rowconv import row_conv_forward
from ds2np.layers.streaming import TimeWindow
from ds2np.learn.exercise import Exercise
from ds2np.serve.waiting import Waiting


def rnn_piece(x, h, W, U, b):
    """Run the package's recurrence from a state."""
    a = (x @ W + b).swapaxes(0, 1)[None]  # (1, T, N, H): one direction, frames first
    states = simple_rnn_forward(a, U[None], h[None])[0][0].swapaxes(0, 1)
    return states, np.concatenate([h[:, None], states], axis=1)[:, -1]


def row_conv_piece(x, kept, W, last):
    """Slide the package's window over the frames that are kept and the new ones."""
    tau = len(W) - 1
    frames, kept = TimeWindow(tau + 1, 1, 0, tau).push(x, kept, last)
    out = row_conv_forward(frames, W)[0][:, : max(frames.shape[1] - tau, 0)]
    return out, kept[:, :0] if last else kept


def eager_queue(arrivals, costs):
    """Let the package's queue decide, by a clock of its own."""
    waiting, finish, sizes = Waiting(most=len(costs)), np.zeros(len(arrivals)), []
    now, coming = 0.0, 0
    while coming < len(arrivals) or len(waiting):
        if not len(waiting):
            now = max(now, arrivals[coming])
        while coming < len(arrivals) and arrivals[coming] <= now:
            waiting.add_piece(coming)
            coming += 1
        batch, _ = waiting.next()
        now += costs[len(batch) - 1]
        finish[batch] = now
        sizes.append(len(batch))
    return finish, sizes


def percentile(latencies, percent):
    """Count for each latency those that are no larger."""
    n = len(latencies)
    enough = [x for x in latencies.tolist() if 100 * int((latencies <= x).sum()) >= percent * n]
    return min(enough)


def _rnn_cases(rng):
    def case(N, T, D, H, scale=1.0):
        weights = rng.standard_normal((D, H)), 0.5 * rng.standard_normal((H, H))
        x, h = scale * rng.standard_normal((N, T, D)), rng.uniform(0.5, 2, (N, H))
        return x, h, *weights, rng.standard_normal(H)

    x, h, *weights = case(1, 4, 3, 2)
    return {
        "the first piece of an utterance, a state of zeros": (x, np.zeros_like(h), *weights),
        "a later piece": (x, h, *weights),
        "several streams": case(3, 5, 2, 4),
        "one frame": case(2, 1, 3, 2),
        "no frames": case(2, 0, 3, 2),
        "as many units as inputs": case(2, 4, 3, 3),
        "states that reach the ceiling": case(2, 6, 3, 4, scale=20.0),
    }


def _row_cases(rng):
    def case(N, T, K, H, tau, last=False):
        x, kept = rng.standard_normal((N, T, H)), rng.standard_normal((N, K, H))
        return x, kept, rng.standard_normal((tau + 1, H)), last

    return {
        "the first piece": case(1, 5, 0, 2, 2),
        "a later piece": case(2, 5, 2, 3, 2),
        "the last piece": case(2, 5, 2, 3, 2, last=True),
        "a first piece that is too short": case(2, 1, 0, 3, 3),
        "a second piece that is too short": case(2, 1, 1, 3, 3),
        "just enough for the first frame": case(2, 2, 2, 3, 3),
        "one piece is everything": case(1, 4, 0, 3, 2, last=True),
        "a piece without frames": case(2, 0, 2, 2, 2),
        "a last piece without frames": case(2, 0, 2, 2, 2, last=True),
        "the last piece of a short utterance": case(2, 1, 1, 3, 4, last=True),
        "no look-ahead": case(2, 3, 0, 2, 0),
        "no look-ahead, the last piece": case(2, 3, 0, 2, 0, last=True),
        "one piece of a long stream": case(3, 25, 6, 2, 6),
    }


def _queue_cases(rng):
    def costs(most):
        return np.cumsum(rng.uniform(0.1, 1.0, most)) + 2.0

    def arrivals(count, seconds):
        return np.sort(rng.uniform(0, seconds, count))

    return {
        "one piece": (np.array([0.7]), np.array([2.0])),
        "two that come together": (np.array([1.0, 1.0]), np.array([2.0, 3.0])),
        "the second comes while the first runs": (np.array([0.0, 1.0]), np.array([4.0, 5.0])),
        "the second comes at the very end of the first": (
            np.array([0.0, 0.5, 4.0]),
            np.array([4.0, 5.0, 8.0]),
        ),
        "a pause between two": (np.array([1.0, 30.0, 31.0]), np.array([4.0, 5.0])),
        "more than the limit": (np.zeros(7), np.array([1.0, 1.5, 1.75])),
        "one at a time": (np.array([0.0, 1.0, 2.0, 11.0]), np.array([3.0])),
        "a large batch that costs less than a small one": (
            np.array([0.0, 0.5, 0.75]),
            np.array([4.0, 1.0]),
        ),
        "nothing comes": (np.zeros(0), np.array([1.0, 2.0])),
        "few streams": (arrivals(20, 100), costs(8)),
        "many streams": (arrivals(60, 40), costs(8)),
        "too many streams": (arrivals(40, 10), costs(4)),
    }


def _percentile_cases(rng):
    def some(count):
        return rng.permutation(rng.gamma(2.0, 0.02, count))

    late = some(25)
    late[3] = np.inf
    return {
        "the median of an odd number": (some(7), 50),
        "the median of an even number": (some(8), 50),
        "98 % of a hundred": (some(100), 98),
        "98 % of a few": (some(10), 98),
        "98 % of some": (some(int(rng.integers(51, 99))), 98),
        "25 %": (some(int(rng.integers(9, 40))), 25),
        "all of them": (some(12), 100),
        "none of them: the smallest": (some(12), 0),
        "one latency": (some(1), 50),
        "equal latencies": (np.array([0.2, 0.1, 0.2, 0.2, 0.1]), 75),
        "one was never answered": (late, 75),
        "even that one": (late, 100),
    }


EXERCISES = (
    Exercise(
        "16.1",
        "rnn_piece",
        "a recurrent layer over a piece of a stream",
        rnn_piece,
        _rnn_cases,
        results=("out", "h after"),
        package=SimpleRNN.forward_chunk,
    ),
    Exercise(
        "16.2",
        "row_conv_piece",
        "row convolution over a piece of a stream, with the frames that still wait",
        row_conv_piece,
        _row_cases,
        results=("out", "kept"),
        package=RowConv.forward_chunk,
    ),
    Exercise(
        "16.3",
        "eager_queue",
        "the queue of Batch Dispatch",
        eager_queue,
        _queue_cases,
        results=("finish", "sizes"),
        package=Waiting.next,
    ),
    Exercise(
        "16.4", "percentile", "a percentile of latencies, by nearest rank", percentile,
        _percentile_cases,
    ),
)  # fmt: skip
