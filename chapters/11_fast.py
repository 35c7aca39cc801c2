# %% [markdown]
# # 11  Making it fast
#
# On two CPU cores the package's NumPy code outruns PyTorch in nearly all parts, and in a whole
# training step. This chapter measures where its time goes, what the machine allows, and what six
# ideas are worth.
#
# ![The network from sound to text, with convolutions and recurrent layers, which cost most of the
# time, framed.](images/network_11.svg)
#
# **You will be able to**
#
# * measure so that the answer does not depend on what else the machine does;
# * profile a training step, and compute from the profile what an improvement can gain at most;
# * say, from two numbers of a machine and two of a computation, how fast it can be;
# * write a slow form of an idea, prove that the fast one computes the same, and compare their times;
# * make a slow function of the network fast yourself;
# * name the mistake that fast code makes most often, and show the check that finds it.
#
# **You need** NumPy, and what a convolution (chapter 02), a GRU (chapter 04) and CTC (chapter 05)
# compute. **Reading time** 60 minutes.
#
# Every time in this chapter is measured as the notebook is built, so yours will differ. The text
# promises no number; the pictures show what came out here.

# %%
import json
import re
import statistics
import time

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from ds2np import machine
from ds2np.ctc import ctc_loss, lattice
from ds2np.ctc.semiring import LOG_ZERO
from ds2np.gradcheck import check_gradients
from ds2np.layers import batchnorm, conv, recurrent
from ds2np.layers.batchnorm import seq_batchnorm_forward
from ds2np.layers.gru import gru_backward, gru_forward
from ds2np.layers.linear import linear_forward
from ds2np.layers.rnn import simple_rnn_forward
from ds2np.layers.softmax import log_softmax
from ds2np.learn import check, show
from ds2np.learn.book import FOLDER
from ds2np.model import DeepSpeech2, preset
from ds2np.optim import SGD
from ds2np.plots import plot_amdahl, plot_gains, plot_profile, plot_roofline

# %% [markdown]
# ## The idea in one picture
#
# A processor multiplies faster than it can fetch numbers. Near its arithmetic lies a small memory,
# the **cache**; the large memory is far away, and the way there is narrow.
#
# ![Arithmetic and a small cache, joined by a wide pipe; between the cache and the large memory, a
# narrow one. What is used often is limited by the arithmetic, what is used once by the narrow
# pipe.](images/fast_11_memory.svg)
#
# Most ideas of this chapter follow from this picture: *use a number as often as possible while it is
# near.* Here is the first of them. Four frames can be multiplied by a matrix one by one, or
# together:
#
# ![On the left, each of four frames is multiplied by W in a product of its own: W is read four
# times. On the right, the four frames stand on each other in one tall matrix, and W is read
# once.](images/fast_11_products.svg)
#
# The multiplications are the same, to the last one. But on the right each number of $W$ that has
# been fetched serves four frames.

# %% [markdown]
# ## How to measure
#
# Python has several clocks. `time.perf_counter` is the clock on the wall: it runs on while another
# program has our core. `time.process_time` counts only what the processor does for us. We multiply
# the same two matrices 25 times, and look at both.
#
# Predict first: on which of the two clocks do the 25 times differ more?

# %%
machine.keep_memory()  # freed memory stays with the process, as in the package's commands
one_thread = threadpool_limits(1)  # of BLAS, which multiplies NumPy's matrices; more of it below
rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape, np.float32)


a, b = normal(600, 600), normal(600, 600)
times = {"perf_counter": [], "process_time": []}
for _ in range(25):
    began = time.perf_counter(), time.process_time()
    product = a @ b
    times["perf_counter"].append(time.perf_counter() - began[0])
    times["process_time"].append(time.process_time() - began[1])
wide = {}
for clock, (first, *rest) in times.items():
    middle = statistics.median(rest)
    wide[clock] = max(rest) / min(rest)
    print(f"{clock}, in medians: first {first / middle:.2f},", end=" ")
    print(f"fastest {min(rest) / middle:.2f}, slowest {max(rest) / middle:.2f}")
print("Verdict: the wall's clock differs more; other programs ran meanwhile."
      if wide["perf_counter"] > 1.2 * wide["process_time"] else
      "Verdict: both are alike; no other program was in the way.")  # fmt: skip

# %% [markdown]
# So we use `process_time`. (`perf_counter` is right where threads share the work, whose times
# `process_time` adds up, and where a program waits.)
#
# Three more rules. The first run does not count: it fetches code and memory. What counts is the
# median, since one bad run must not spoil it. And two forms are compared **in turn**, slow, fast,
# slow, fast, each pair giving a ratio: if the machine becomes slower meanwhile, it does so for both.
# The function below does all that. First it asserts that both forms compute the same; a fast wrong
# result is easily had.


# %%
def timed(function, repeat=1):
    began = time.process_time()
    for _ in range(repeat):
        function()
    return (time.process_time() - began) / repeat


gains = {}  # of each idea: median, smallest and largest ratio


def compare(idea, slow, fast, pairs=7, tolerance=1e-4):
    """Assert that two forms agree, time both in turn, and print slow / fast."""
    expected = slow()
    scale = np.abs(expected).max()
    np.testing.assert_allclose(fast(), expected, rtol=0, atol=tolerance * scale)
    repeat = max(1, int(0.01 / max(timed(slow), 1e-6)))  # at least 10 ms
    ratios = [timed(slow, repeat) / timed(fast, repeat) for _ in range(pairs)]
    middle, low, high = gains[idea] = statistics.median(ratios), min(ratios), max(ratios)
    verdict = "a gain" if low > 1 else "a loss" if high < 1 else "undecided in these pairs"
    print(f"{idea}: {middle:.2f} ({low:.2f} to {high:.2f}), {verdict}")


# %% [markdown]
# ## A profile
#
# Before anything is made faster, one has to know what is slow. Guessing is a waste of weekends. We
# take the package's smallest preset, `tiny`, and a minibatch of $N = 8$ utterances of 2 seconds,
# $T = 200$ frames. Its layers and what they cost, in multiplications, for a second of sound:

# %%
model = DeepSpeech2(preset("tiny"))
model.summary()

# %% [markdown]
# A layer is a pair of functions, so a profile needs no tool: run the layers one after the other,
# with a clock around each. As for every measurement in this book, we first assert that this *is* the
# network.
#
# Predict first: the table says that the second convolution has more than half of the multiplications.
# Will it take more than half of the time?

# %%
N, T, L = 8, 200, 25
x, lengths = normal(N, T, model.config.features), np.full(N, T)
labels, label_lengths = rng.integers(1, 29, (N, L)), np.full(N, L)
optimiser = SGD(model.params, model.grads, learning_rate=1e-4)


def profiled_step():
    """Run a training step; return its logits and the seconds of each part and way."""
    clock = time.process_time
    seconds, out, frames = {}, x, lengths
    for name, layer in model.sublayers.items():
        began = clock()
        out = layer.forward(out, frames)
        frames = layer.out_lengths(frames)
        seconds[name, "forward"] = clock() - began
    logits = out
    began = clock()
    _, dout = ctc_loss(logits, labels, frames, label_lengths)
    seconds["ctc", "forward"] = clock() - began
    model.zero_grads()
    for name, layer in reversed(model.sublayers.items()):
        began = clock()
        dout = layer.backward(dout)
        seconds[name, "backward"] = clock() - began
    began = clock()
    optimiser.step()
    seconds["update", "backward"] = clock() - began
    return logits, seconds


expected = model.forward(x, lengths)[0]
model.clear_cache()
np.testing.assert_array_equal(profiled_step()[0], expected)
steps = [profiled_step()[1] for _ in range(8)][1:]
profile = {part: statistics.median(seconds[part] for seconds in steps) for part in steps[0]}

# %%
parts = {}  # the small ones together
for (name, way), seconds in profile.items():
    kind = re.sub(r"(conv|gru)(\d).*", r"\1\2", name) if "norm" not in name else "batch norms"
    kind = {"to_channels": "reshape", "from_channels": "reshape"}.get(kind, kind)
    kind = "ReLUs" if "relu" in name else kind
    parts.setdefault(kind, {"forward": 0.0, "backward": 0.0})[way] += seconds

# %%
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
forward, backward = ([of_one[way] for of_one in parts.values()] for way in ("forward", "backward"))
plot_profile(list(parts), forward, backward, axis)
show(
    figure,
    "A bar for each part of the network: its share of the time of a training step, forward and "
    "backward. The second convolution and the recurrent layers have the long bars.",
)

# %%
step_time = sum(profile.values())


def share_of(*beginnings):
    return sum(v for (name, _), v in profile.items() if name.startswith(beginnings)) / step_time


share = {"recurrent layers": share_of("gru"), "CTC": share_of("ctc")}
share["convolutions"] = sum(profile[name, way] for name in ("conv1", "conv2")
                            for way in ("forward", "backward")) / step_time  # fmt: skip
share["the rest"] = 1 - sum(share.values())
for name, part in share.items():
    print(f"{name:<17} {part:6.1%}")
second = sum(profile["conv2", way] for way in ("forward", "backward")) / step_time
print(f"Verdict: conv2 takes {second:.0%} of the time,", end=" ")
print("less than its part of the multiplications." if second < 0.53 else
      "as much as its multiplications say, or more.")  # fmt: skip
assert share["recurrent layers"] + share["convolutions"] > 0.5

# %% [markdown]
# Convolutions and recurrent layers are what costs; whoever polishes the ReLU polishes in the wrong
# room. (The normalisation inside a recurrent layer is counted with it.) Multiplications alone do not
# tell the time: there are fast ones and slow ones.
#
# A recurrent layer computes $\mathcal{B}(xW)$ for all frames at once, where $\mathcal{B}$ is batch
# normalisation; then a loop over time does the rest. We run the pieces of one by hand, in the sizes of
# the network, with random numbers. The first three lines add up to the layer. The fourth is a part of
# the third: what the products $h_{t-1} U$ alone take. For both directions the loop has twice the
# multiplications of the input product: $2 \cdot H \cdot 3H$ a frame against $D \cdot 3H$, where $D =
# H$. Predict first: will it take twice the time?

# %%
D = H = model.config.hidden
frames = T // 2  # the first convolution has stride 2
inputs, W, U = normal(N, frames, D), normal(D, 3 * H) / 16, normal(2, H, 3 * H) / 32
h0 = np.zeros((2, N, H), np.float32)
product = linear_forward(inputs, W)[0]
gamma, beta, real = np.ones(3 * H, np.float32), np.zeros(3 * H, np.float32), np.ones((N, frames))
real = real.astype(np.float32)
terms = np.stack([product.transpose(1, 0, 2)] * 2)  # (2, T, N, 3H), two directions
pieces = {
    "input product": lambda: linear_forward(inputs, W),
    "normalisation": lambda: seq_batchnorm_forward(product, gamma, beta, real),
    "loop over time": lambda: gru_forward(terms, U, h0),
    "of it, products": lambda: [h0 @ U for _ in range(frames)],
}
seconds = {name: statistics.median(timed(f) for _ in range(9)) for name, f in pieces.items()}
whole = sum(list(seconds.values())[:3])
for name, of_piece in seconds.items():
    print(f"{name:<16} {of_piece / whole:5.0%} of the layer")
loop_over_product = seconds["loop over time"] / seconds["input product"]
print(f"products: {seconds['of it, products'] / seconds['loop over time']:.0%} of the loop's time")
print(
    f"Verdict: the loop takes {loop_over_product:.1f} times as long as the input product,", end=" "
)
print("more than twice." if loop_over_product > 2 else "no more than twice.")

# %% [markdown]
# A part of the difference the roofline will explain, further down; the rest is what the loop does
# besides its products: the arithmetic of the gates, and thousands of calls.
#
# ## Exercises
#
# Replace each `raise NotImplementedError` and run the cell below it. What is correct is kept in a
# file of yours, `my_ds2np.py`, beside the folder of the chapters; `python -m ds2np learn` says how far
# you are. Solutions are [apart](solutions/11_fast.py). The first exercise stands here, the others where
# you have just read what they need.
#
# ### Exercise 11.1: how much there is to multiply
#
# Count the multiplications with weights in one forward pass of a recurrent layer. With `directions` of
# 2, each has its own $U$; if `shared` is True, they have one $W$ and its product is computed once,
# otherwise one $W$ each. Activations and products of gates are not counted.
#
# | name in code | symbol | type | meaning |
# |---|---|---|---|
# | `N`, `T` | $N$, $T$ | int | utterances, and frames of each |
# | `D`, `H` | $D$, $H$ | int | features of a frame, units |
# | `gates` | | int | blocks of $H$ columns: 1 for a simple layer, 3 for a GRU |
# | | $W$, $U$ | | (D, gates * H) and (H, gates * H): weights of the input, of the state |
# | `directions` | | int | 1 or 2 |
# | `shared` | | bool | whether both directions have the same $W$ |
# | result | | int | multiplications |
#
# For one utterance of one frame, D = 5, H = 3 and a simple layer of one direction it is
# 5 * 3 + 3 * 3 = 24.


# %%
def recurrent_multiply_adds(N, T, D, H, gates, directions, shared):
    """Count the multiplications with W and U, an int."""
    raise NotImplementedError


# %%
check("11.1", recurrent_multiply_adds)

# %% [markdown]
# ## Amdahl's law
#
# Let a part take the share $p$ of the time, and let it become $s$ times faster. The rest, $1 - p$,
# stays. The whole becomes faster by
#
# $$S = \frac{1}{(1 - p) + p / s}, \qquad S \to \frac{1}{1 - p} \text{ for } s \to \infty.$$
#
# This is Amdahl's law. On our profile:

# %%
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
plot_amdahl(share, axis)
show(
    figure,
    "How many times faster the step becomes if one of four parts becomes up to a hundred times "
    "faster. Each curve bends and levels off; the parts with a small share stay near 1.",
)
for name, p in share.items():
    print(f"{name:<17} twice as fast: {1 / (1 - p / 2):.2f}; no time at all: {1 / (1 - p):.2f}")
assert all(1 / (1 - p / 2) < 2 for p in share.values())

# %% [markdown]
# Even a part that takes no time at all leaves the others. And each success makes the next one
# harder: what has become fast has a smaller share.
#
# <details><summary><b>A convolution takes 30 % of a step. You make it 5 times faster, then somebody
# makes the recurrent layers, 60 % of the old step, twice as fast. What is gained in all?</b>
# </summary>
#
# Count seconds, not factors. Of 100 seconds, 30 become 6, and 60 become 30; the other 10 stay. That
# is 46 seconds, and $100 / 46 = 2.17$. The two single gains, $1 / (0.7 + 0.3 / 5) = 1.32$ and
# $1 / (0.4 + 0.6 / 2) = 1.43$, multiply to 1.88, less than that. They may not be multiplied, since
# the second is a larger share of what the first has left.
# </details>

# %% [markdown]
# ## The roofline
#
# How fast *can* a part be? Two numbers of the machine decide: its peak rate of arithmetic, and the
# rate at which memory delivers numbers, the **bandwidth**. We measure both: the first with a large
# matrix product, $2 n^3$ operations (a multiplication and an addition each; one of either is called
# a **flop**), the second by copying. A copy inside the cache gives the bandwidth of the wide pipe.

# %%
square = normal(1000, 1000)
peak = 2 * 1000**3 / statistics.median(timed(lambda: square @ square) for _ in range(7))


def bandwidth(numbers, repeat):
    """Copy an array: each byte is read once and written once."""
    source, target = np.ones(numbers, np.float32), np.ones(numbers, np.float32)
    seconds = [timed(lambda: np.copyto(target, source), repeat) for _ in range(7)]
    return 2 * source.nbytes / statistics.median(seconds)


from_memory = bandwidth(24_000_000, 1)  # two arrays of 96 MB: no cache holds them
from_cache = bandwidth(30_000, 300)  # two of 120 KB
print(f"in the time of a byte from memory: {peak / from_memory:.0f} flop", end="")
print(f", or {from_cache / from_memory:.1f} bytes from the cache")

# %% [markdown]
# Now the computation. Its **arithmetic intensity** is the number of flop it does for each byte that
# it has to move:
#
# $$I = \frac{\text{flop}}{\text{bytes}}, \qquad \text{rate} \le \min(\text{peak},\;
# \text{bandwidth} \cdot I).$$
#
# For a product of $R \times D$ by $D \times K$, the flop are $2 R D K$. The bytes are at least those
# of all three matrices, each moved once: $4 (RD + DK + RK)$ in float32. We compute it for one frame
# of the minibatch ($R = N$) and for all ($R = NT$).


# %%
def intensity(rows, inner, columns, bytes_per_number=4):
    numbers = rows * inner + inner * columns + rows * columns
    return 2 * rows * inner * columns / (bytes_per_number * numbers)


for rows in (1, N, N * frames, 100_000):
    print(f"{rows:6d} rows: {intensity(rows, D, 3 * H):5.1f} flop a byte")

# %% [markdown]
# A single row: every weight is fetched for one multiplication and one addition, half a flop a byte.
# With more rows each weight serves all of them. Beyond some hundreds nothing is gained any more:
# then it is the rows themselves that have to be moved.
#
# The **roofline** puts all of this into one picture; GFLOP are $10^9$ flop. Right of the bend the
# arithmetic is the limit, left of it the memory. For each part we count flop and bytes by hand, and
# measure its rate. The flop that we count are those of the *direct* computation; this matters in one
# place.
#
# Predict first: which of these six parts comes nearest to the peak, and which stays furthest below?


# %%
def rate(flop, function):
    repeat = max(1, int(0.01 / max(timed(function), 1e-6)))
    return flop / statistics.median(timed(function, repeat) for _ in range(7))


many, large, other = normal(N * frames, D), normal(12_000_000), normal(12_000_000)
out = np.empty_like(large)
weights, image = normal(16, 16, 11, 21) / 60, normal(N, 16, frames, 41)
conv_flop = 2 * weights.size * N * frames * 21
conv_bytes = 4 * (image.size + weights.size + N * 16 * frames * 21)
points = {
    "input product, all frames": (
        intensity(N * frames, D, 3 * H),
        rate(2 * many.size * 3 * H, lambda: many @ W),
    ),
    "input product, one frame": (
        intensity(N, D, 3 * H),
        rate(2 * N * W.size, lambda: many[:N] @ W),
    ),
    "one utterance, one frame": (
        intensity(1, D, 3 * H),
        rate(2 * W.size, lambda: many[:1] @ W),
    ),
    "sum of two large arrays": (
        1 / 12,  # one flop; two numbers are read, one is written
        rate(large.size, lambda: np.add(large, other, out=out)),
    ),
    "batch normalisation": (
        9 / 8,  # nine flop a number, which is read once and written once at best
        rate(9 * product.size, lambda: seq_batchnorm_forward(product, gamma, beta, real)),
    ),
    "convolution, by Fourier": (
        conv_flop / conv_bytes,
        rate(conv_flop, lambda: conv.conv2d_forward(image, weights, (1, 2), (5, 10))),
    ),
}

# %%
figure, axis = plt.subplots(figsize=(9, 4.2), layout="constrained")
roofs = {"roof, from memory": from_memory, "roof, from the cache": from_cache}
plot_roofline(points, peak, roofs, axis)
show(
    figure,
    "Rates over arithmetic intensity, both axes logarithmic. Two roofs rise to the same flat top, "
    "that of the cache to the left of that of memory. The large products lie near the flat top, "
    "elementwise work far down at the left.",
)

# %%
reached = {name: of_part / peak for name, (_, of_part) in points.items()}
for name, of_peak in sorted(reached.items(), key=lambda item: -item[1]):
    print(f"{name:<26} {points[name][0]:7.1f} flop a byte, {of_peak:6.1%} of the peak")
print(f"Verdict: nearest, or above, is {max(reached, key=reached.get)};", end=" ")
print(f"furthest below is {min(reached, key=reached.get)}.")
explained = 2 * reached["input product, all frames"] / reached["input product, one frame"]
print(
    f"The loop: twice the multiplications at its products' rate are {explained:.1f} times as long,"
)
print(f"it was {loop_over_product:.1f} times as long:", end=" ")
print("gates and calls are the rest." if loop_over_product > 1.2 * explained else "that is all.")

# %% [markdown]
# Read it from left to right.
#
# * Sums and normalisation do so little with each number that the memory sets their pace. No better
#   arithmetic helps them; fewer passes over the array do.
# * The product of a single frame has the same multiplications *a frame* as the large one, and a lower
#   intensity, so at best the same rate. In the loop over time there is no choice: $h_{t-1}$ must be
#   known before $h_t U$. The last lines of the output say how much of the loop's time its products
#   explain. Its matrices fit into the cache, so the roof that counts for it is the higher one.
# * A convolution can lie *above* the roof. That is no mistake of the machine: we counted the flop of
#   the direct form, and the Fourier form does with fewer.
#
# A roof tells what cannot be passed. How near one comes is a matter of code, and of what the picture
# leaves out: each call of NumPy has a price of its own, however little its arrays hold.

# %% [markdown]
# ### Exercise 11.2: how fast it can be
#
# The roofline as a function: the largest rate that the two roofs allow for a product of (rows, inner)
# by (inner, columns). A multiplication and an addition are two flop. Each of the three matrices is
# moved once.
#
# | name in code | symbol | type | meaning |
# |---|---|---|---|
# | `rows`, `inner`, `columns` | $R$, $D$, $K$ | int | sizes of the two factors |
# | `peak` | | float | flop a second that the arithmetic can do |
# | `bandwidth` | | float | bytes a second that the memory can move |
# | `bytes_per_number` | | int | 4 for float32, 8 for float64 |
# | result | | float | flop a second |
#
# Example: a product of 1 by 1 and 1 by 1 has 2 flop and moves 12 bytes, so with a bandwidth of 12 and
# a peak of 100 it is 2.0.


# %%
def attainable_rate(rows, inner, columns, peak, bandwidth, bytes_per_number=4):
    """Return flop a second, a float."""
    raise NotImplementedError


# %%
check("11.2", attainable_rate)

# %% [markdown]
# ## Six ideas
#
# For each idea we write the slow form, in a few lines, and compare. What is printed is the time of
# the slow form divided by that of the fast one: median, smallest, largest of the pairs. What else was
# tried stands on [the page of measurements](../tests/benchmarks/README.md#what-each-idea-is-worth),
# also what did not help.
#
# ### 1. All frames at once
#
# The picture of the beginning, in code. The gradient of $U$, a sum over all frames of $h_{t-1}^T dg_t$,
# can be one product too, with the sum inside. Predict first: which of the two gains more?


# %%
def input_products_by_frames(x, W):
    out = np.empty((*x.shape[:2], W.shape[1]), x.dtype)
    for t in range(x.shape[1]):
        out[:, t] = x[:, t] @ W
    return out


def weight_gradient_by_frames(h, h0, dg):
    dU = np.zeros((h.shape[0], h.shape[3], dg.shape[3]), h.dtype)
    before = h0
    for t in range(h.shape[1]):
        dU += before.swapaxes(1, 2) @ dg[:, t]
        before = h[:, t]
    return dU


states, dg = normal(2, frames, N, H), normal(2, frames, N, 3 * H)
compare(
    "all input products as one",
    lambda: input_products_by_frames(inputs, W),
    lambda: linear_forward(inputs, W)[0],
)
compare(
    "gradient of U as one product",
    lambda: weight_gradient_by_frames(states, h0, dg),
    lambda: recurrent.recurrent_weight_gradient(states, h0, dg),
)

# %%
of_input, of_gradient = (
    gains[name][0] for name in ("all input products as one", "gradient of U as one product")
)
print(f"Verdict: {'the gradient' if of_gradient > of_input else 'the input product'} gains more.")

# %% [markdown]
# Where products of single frames are nearly as fast as the large one (see the roofline), the input
# product has little to gain. The loop for $dU$ also reads and writes all of $dU$ in each frame, to add to
# it; in one product the sums stay in registers.
#
# ### Exercise 11.3: all frames as one product
#
# The gradient of the recurrent weights, $dU = \sum_t \sum_n h_{t-1,n}^T\, dg_{t,n}$, without a loop over
# time: one matrix product for each direction.
#
# | name in code | symbol | type, shape | meaning |
# |---|---|---|---|
# | `h` | $h_t$ | array (B, T, N, H) | states of $B$ directions, frame by frame |
# | `h0` | $h_0$ | array (B, N, H) | the state before the first frame |
# | `dg` | $dg_t$ | array (B, T, N, GH) | gradient by $h_{t-1} U$, for $G$ gates |
# | result | $dU$ | array (B, H, GH) | gradient of the recurrent weights |
#
# Mind which state belongs to which `dg`, and a batch of one frame, or of none. (A loop gives the right
# numbers too, and this check does not look at the clock.) The package's backward passes use a function
# of this name, and the graduation of [chapter 07](07_network.ipynb) can put yours in its place. Example:
# with one direction, one frame, one utterance and one unit, `h0` 2 and `dg` 3, the result is 6, whatever
# `h` is.


# %%
def recurrent_weight_gradient(h, h0, dg):
    """Return dU, (B, H, GH), from h (B, T, N, H), h0 (B, N, H) and dg (B, T, N, GH)."""
    raise NotImplementedError


# %%
check("11.3", recurrent_weight_gradient)

# %% [markdown]
# ### 2. The same memory again
#
# `y = y * 2` makes a new array; `y *= 2` writes into the one that is there. We shift and scale an array
# of 20 MB, which no small cache holds: a new array costs passes through the narrow pipe.


# %%
def scale_anew(x):
    y = x - 1
    y = y * 2
    y = y + 3
    return y * 0.5


def scale_in_place(x):
    y = x - 1
    y *= 2
    y += 3
    y *= 0.5
    return y


tall = normal(5_000_000)
compare("in place, a large array", lambda: scale_anew(tall), lambda: scale_in_place(tall))

# %% [markdown]
# In a loop over time the arrays are small, and there are thousands of them. Below is a simple recurrent
# layer with new arrays in each frame, and one with a buffer that is made before the loop and used again.
# Predict first: a new array of some kilobytes comes from the cache at once. Will the buffer gain
# anything?


# %%
simple_terms, simple_U = terms[..., :H].copy(), U[..., :H].copy()


def states_anew(terms, U, h0):
    h, state = np.empty_like(terms), h0
    for t in range(terms.shape[1]):
        state = np.minimum(np.maximum(terms[:, t] + state @ U, 0), 20)
        h[:, t] = state
    return h


def states_in_a_buffer(terms, U, h0):
    h, state, product = np.empty_like(terms), h0, np.empty_like(h0)
    for t in range(terms.shape[1]):
        np.matmul(state, U, out=product)
        product += terms[:, t]
        state = np.clip(product, 0, 20, out=h[:, t])
    return h


expected = simple_rnn_forward(simple_terms, simple_U, h0)[0]
np.testing.assert_allclose(states_in_a_buffer(simple_terms, simple_U, h0), expected, atol=1e-5)
compare(
    "a simple layer's frame in a buffer",
    lambda: states_anew(simple_terms, simple_U, h0),
    lambda: states_in_a_buffer(simple_terms, simple_U, h0),
)

# %% [markdown]
# The last words of the line are the verdict. It is not always the same: for a GRU the package once wrote
# each gate right where it would be kept, a stretch of columns in a larger array, whose rows lie apart in
# memory. That was slower than new arrays (the page of measurements has the figure); now it uses buffers.
#
# ### 3. The same function, written otherwise
#
# The gates of a GRU need $\sigma(x) = 1 / (1 + e^{-x})$, which overflows at $x = -100$ in float32. The
# textbook's remedy is two branches, one for either sign: whatever is put into an exponential is
# negative. But $\sigma(x) = (1 + \tanh(x / 2)) / 2$ cannot overflow, and has no branch. Predict first:
# both compute one exponential or tanh for each number. Will they take the same time?


# %%
def sigmoid_in_branches(x):
    out, positive = np.empty_like(x), x >= 0
    out[positive] = 1 / (1 + np.exp(-x[positive]))
    power = np.exp(x[~positive])
    out[~positive] = power / (1 + power)
    return out


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


scores = 3 * normal(2, N, 2 * H)  # both gates of a frame
compare(
    "sigmoid by tanh", lambda: sigmoid_in_branches(scores), lambda: sigmoid(scores), tolerance=1e-5
)

# %% [markdown]
# Branches on arrays are masks: numbers are gathered, computed, and put back one by one. Without them
# NumPy takes many numbers in one instruction.
#
# ### 4. Convolution by the Fourier transform
#
# The direct form as matrix products: each window of the input becomes a row (chapter 02), and all
# windows times all filters are one large product. It runs near the peak. Its weak point is the
# number of multiplications: each output needs $C K_T K_F$ of them, and the rows repeat each input up
# to $K_T K_F$ times. The Fourier transform turns the convolution into a product of spectra, whose cost
# does not grow with the filter.


# %%
def windows_forward(x, W, stride, padding):
    """Convolve by one product: x (N, C, T, F), W (O, C, KT, KF) -> (N, O, T_out, F_out)."""
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    windows = np.lib.stride_tricks.sliding_window_view(x, W.shape[2:], axis=(2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1]].transpose(0, 2, 3, 1, 4, 5)
    rows = windows.reshape(-1, W[0].size)  # copies each window
    out = (rows @ W.reshape(len(W), -1).T).reshape(*windows.shape[:3], len(W))
    return np.ascontiguousarray(out.transpose(0, 3, 1, 2)), (rows, W, x.shape, stride, padding)


def windows_backward(dout, cache):
    rows, W, (N, C, T, F), (st, sf), (pt, pf) = cache
    drows = dout.transpose(0, 2, 3, 1).reshape(-1, len(W))
    dW = (drows.T @ rows).reshape(W.shape)
    _, _, T_out, F_out = dout.shape
    drows = (drows @ W.reshape(len(W), -1)).reshape(N, T_out, F_out, C, *W.shape[2:])
    dx = np.zeros((N, T, F, C), dout.dtype)
    for t in range(W.shape[2]):
        for f in range(W.shape[3]):
            dx[:, t : t + st * T_out : st, f : f + sf * F_out : sf] += drows[..., t, f]
    return dx.transpose(0, 3, 1, 2)[:, :, pt : T - pt, pf : F - pf], dW


# %%
few_images = image[:4], weights, (1, 2), (5, 10)  # the network's second convolution
outputs, slow_cache = windows_forward(*few_images)
_, fast_cache = conv.conv2d_forward(*few_images)
dout = normal(*outputs.shape)


def flat(arrays):
    return np.concatenate([array.ravel() for array in arrays])


compare(
    "convolution by Fourier, forward",
    lambda: windows_forward(*few_images)[0],
    lambda: conv.conv2d_forward(*few_images)[0],
    pairs=5,
)
compare(
    "convolution by Fourier, backward",
    lambda: flat(windows_backward(dout, slow_cache)),
    lambda: flat(conv.conv2d_backward(dout, fast_cache)),
    pairs=5,
)

# %% [markdown]
# A part of the gain backward is the slowness of our slow form: for the gradient of the input it adds
# each row back to where it came from, tap by tap, in many passes.
#
# Predict first: filters of networks for images are 3 by 3. Will the Fourier form be the faster one there,
# too? From how many taps on does it pay?

# %%
sizes, ratios = ((3, 3), (5, 5), (5, 11), (11, 11), (11, 21), (11, 41)), []
for KT, KF in sizes:
    given = image[:2], normal(16, 16, KT, KF) / 60, (1, 2), (KT // 2, KF // 2)
    forms = [lambda f=f, given=given: f(*given)[0] for f in (windows_forward, conv.conv2d_forward)]
    np.testing.assert_allclose(forms[1](), forms[0](), atol=1e-3)
    ratios.append(statistics.median(timed(forms[0]) / timed(forms[1]) for _ in range(3)))
pays = [KT * KF for (KT, KF), ratio in zip(sizes, ratios, strict=True) if ratio > 1]
print("windows / Fourier:", ", ".join(f"{KT} x {KF}: {r:.2f}" for (KT, KF), r in
                                      zip(sizes, ratios, strict=True)))  # fmt: skip
print(f"Verdict: it pays from {min(pays)} taps on." if pays else "Verdict: it pays nowhere here.")
assert ratios[-2] > ratios[0]

# %%
figure, axis = plt.subplots(figsize=(6, 2.8), layout="constrained")
axis.plot([KT * KF for KT, KF in sizes], ratios, "o-", color="black")
axis.axhline(1, color="0.6", ls=":")
axis.set(xlabel="size of the filter (taps)", ylabel="windows / Fourier", ylim=(0, None))
show(
    figure,
    "The time of the convolution by windows divided by that of the one by Fourier transform, "
    "forward, over the number of taps of the filter: it rises with the size.",
)

# %% [markdown]
# The paper's filters are large, and there the transform pays.
#
# ### 5. CTC for the whole minibatch
#
# CTC's recursion (chapter 05) has $T$ steps over $S = 2L + 1$ states, and in each step nothing but
# additions, exponentials and logarithms. A hundred numbers are little work for a call of NumPy. So all
# $N$ utterances go together, as columns beside the states: $(S, N)$. The function below computes $\alpha$
# for one utterance, or for a whole minibatch, without a changed letter. Impossible transitions have a log
# probability of $-10^{25}$ and not $-\infty$, so that no $\infty - \infty$ arises.
#
# Predict first: with 16 utterances together, by what factor does it become faster: by 16, by more, or by
# less?

# %%
N_ctc, T_ctc, L_ctc, V = 16, 200, 50, 29
logits = normal(N_ctc, T_ctc, V)
texts, all_frames = rng.integers(1, V, (N_ctc, L_ctc)), np.full(N_ctc, T_ctc)
states = lattice.Lattice(texts, all_frames, np.full(N_ctc, L_ctc), 0)
emissions = states.emissions(log_softmax(logits))  # (T, S, N)
skip = np.where(states.skip, 0, LOG_ZERO).astype(np.float32)  # (S, N)


def last_alpha(emissions, skip):
    """Run the recursion: emissions (T, S) and skip (S,), or (T, S, N) and (S, N)."""
    alpha = np.full((2 + len(skip), *skip.shape[1:]), LOG_ZERO, np.float32)
    alpha[2:4] = emissions[0, :2]  # two closed states stand before the first
    for emission in emissions[1:]:
        stay, step, jump = alpha[2:], alpha[1:-1], alpha[:-2] + skip
        peak = np.maximum(np.maximum(stay, step), jump)
        total = np.exp(stay - peak) + np.exp(step - peak) + np.exp(jump - peak)
        alpha[2:] = np.log(total) + peak + emission
    return alpha[2:]


def losses(alpha):
    return -np.logaddexp(alpha[-1], alpha[-2])


single = [(np.ascontiguousarray(emissions[..., n]), skip[:, n].copy()) for n in range(N_ctc)]
expected = ctc_loss(logits, texts, all_frames, np.full(N_ctc, L_ctc))[0]
np.testing.assert_allclose(losses(last_alpha(emissions, skip)), expected, rtol=1e-4)
compare(
    "CTC for the whole minibatch",
    lambda: np.array([losses(last_alpha(*one)) for one in single]),
    lambda: losses(last_alpha(emissions, skip)),
)
found = gains["CTC for the whole minibatch"][0]
print(f"Verdict: {'less' if found < 14.4 else 'about as much, or more,'} than by 16.")

# %% [markdown]
# The factor is below 16 as soon as the numbers of 16 utterances take longer than the calls. Where calls
# are all that costs, one may add work for nothing; where they are not, only less work helps. The package
# therefore goes a step further and does without exponentials: it multiplies probabilities in float64,
# and scales them back every 24 frames (the page of measurements has what that gains).
#
# ### 6. Part by part
#
# A normalisation is six operations in a row, each of which fetches an array from memory and puts one
# back. If a few utterances at a time go through all of them, their numbers stay in the cache meanwhile.
# The package does so in batch normalisation and convolutions (`ds2np/layers/parts.py`), where threads
# also share the parts; here there is one thread. Predict first: will the roofline's two roofs, memory and
# cache, be seen in the ratio?

# %%
many_frames = normal(16, 250, 3 * H)
all_real = np.ones(many_frames.shape[:2], np.float32)


def normalise(map_parts):
    kept, batchnorm.map_parts = batchnorm.map_parts, map_parts
    try:
        return seq_batchnorm_forward(many_frames, gamma, beta, all_real)[0]
    finally:
        batchnorm.map_parts = kept


def one_after_another(function, x, size):
    return [function(slice(i, i + size)) for i in range(0, len(x), size)]


compare(
    "normalisation part by part",
    lambda: normalise(lambda function, x, size: [function(slice(None))]),
    lambda: normalise(one_after_another),
)

# %%
found, roofs_apart = gains["normalisation part by part"][0], from_cache / from_memory
print(
    f"Verdict: the cache is {roofs_apart:.1f} times as fast as the memory, the parts gain {found:.2f}:"
)
print("most of the time goes elsewhere." if found < 0.5 * (1 + roofs_apart) else
      "the roofs explain it.")  # fmt: skip

# %% [markdown]
# ## All gains
#
# The bars are medians, the lines reach from the smallest to the largest ratio of the pairs.

# %%
figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
plot_gains(gains, axis)
show(
    figure,
    "A bar for each idea: the time of its slow form divided by that of its fast form, on a "
    "logarithmic axis, largest first; a line at 1, where both take the same time.",
)
print("no gain here:", ", ".join(idea for idea, (middle, *_) in gains.items() if middle < 1.05))

# %% [markdown]
# ## What it does for a step
#
# These are gains of *parts*. Amdahl's law says what they do for a step, and we can test it. We put the
# convolution by windows into the network and predict the time of a step from the profile, and from
# how much longer the two convolutions take on their own. Then we measure. Predict first: will the step
# be faster or slower than the law says, or just as fast?


# %%
def with_windows(function):
    kept = conv.conv2d_forward, conv.conv2d_backward
    conv.conv2d_forward, conv.conv2d_backward = windows_forward, windows_backward
    try:
        return function()
    finally:
        conv.conv2d_forward, conv.conv2d_backward = kept


def forward_only():
    return model.forward(x, lengths)[0]


np.testing.assert_allclose(with_windows(forward_only), forward_only(), atol=1e-3)

of_network = [
    (normal(N, 1, T, 161), model.params["conv1.W"], (2, 4), (5, 20)),
    (image, model.params["conv2.W"], (1, 2), (5, 10)),
]


def both_convolutions(forward, backward):
    for given in of_network:
        backward(*forward(*given))  # any upstream gradient will do: here the output itself


def alone(forward, backward):
    return timed(lambda: both_convolutions(forward, backward))


g = statistics.median(
    alone(windows_forward, windows_backward) / alone(conv.conv2d_forward, conv.conv2d_backward)
    for _ in range(4)
)
p = share["convolutions"]
measured = statistics.median(
    timed(lambda: with_windows(profiled_step)) / timed(profiled_step) for _ in range(4)
)
print(f"on their own, the convolutions take {g:.2f} times as long by windows")
predicted = 1 - p + p * g
print(f"the step: {predicted:.2f} times as long predicted, {measured:.2f} times measured")
print("Verdict: Amdahl's law holds within a tenth." if abs(measured / predicted - 1) < 0.1 else
      "Verdict: within the step the convolutions do not behave as they do alone.")  # fmt: skip

# %% [markdown]
# The prediction uses nothing but the profile and a measurement of the part alone. Where the two
# numbers differ, the part behaves otherwise within the step: it finds other things in the cache, and
# leaves others behind. [The page of measurements](../tests/benchmarks/README.md) has the gains of more
# ideas for whole steps of the preset `small`, each in processes of its own.
#
# ## Your turn
#
# ### Exercise 11.4: make it faster
#
# The row convolution of chapter 04, $r_{n,t} = \sum_{j=0}^{\tau} W_j\, h_{n,t+j}$: a frame and the $\tau$
# frames that follow it, weighted and added up, feature by feature; what follows the last frame counts as
# zeros. The function below is right, and slow. Write one with the same result that is really faster: the
# check runs both in turn, on an input of its own, and asks for eight times. It says what it has found.
# Look for the loop that is short, whatever the recording; the other two can go.
#
# | name in code | symbol | type, shape | meaning |
# |---|---|---|---|
# | `x` | $h$ | array (N, T, H) | frames of the layer below |
# | `W` | $W$ | array (tau + 1, H) | weights; `W[0]` is that of the frame itself |
# | result | $r$ | array (N, T, H) | |
#
# There may be more weights than frames. Example: one utterance, one feature, `x` 1, 2, 3 and `W` 10, 1
# give 12, 23, 30.


# %%
def row_conv_by_frames(x, W):
    N, T, _ = x.shape
    out = np.zeros_like(x)
    for n in range(N):
        for t in range(T):
            for j in range(min(len(W), T - t)):
                out[n, t] += W[j] * x[n, t + j]
    return out


print(row_conv_by_frames(np.array([[[1.0], [2.0], [3.0]]]), np.array([[10.0], [1.0]])).ravel())


# %%
def fast_row_conv(x, W):
    """Return the row convolution, (N, T, H), without a loop over frames."""
    raise NotImplementedError


# %%
check("11.4", fast_row_conv)

# %% [markdown]
# ## The mistake that fast code makes
#
# Slow code makes a new array for each result. Fast code writes over old ones, and the mistake lies in
# wait there: to write over what somebody still needs. In a GRU, $h = h_{before} + z (c - h_{before})$.
# The candidate $c$ is not needed for anything else in the forward pass, so why not compute $h$ in its
# place? Predict first: which test will notice?


# %%
def gru_too_much_in_place(terms, U, h0):
    h, (_, _, gates, Uh, _, _) = gru_forward(terms, U, h0)
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    H = U.shape[1]
    c, z = gates[..., 2 * H :], gates[..., :H]
    c -= before  # c is a view of gates, which the backward pass reads
    c *= z
    c += before
    return c, (h, h0, gates, Uh, U, "tanh")


small_terms, small_U = rng.standard_normal((2, 4, 2, 9)), 0.5 * rng.standard_normal((2, 3, 9))
small_h0 = rng.standard_normal((2, 2, 3))
dh = rng.standard_normal((2, 4, 2, 3))
np.testing.assert_allclose(
    gru_too_much_in_place(small_terms, small_U, small_h0)[0],
    gru_forward(small_terms, small_U, small_h0)[0],
)
print("forward, both agree")

given = {"a": small_terms, "U": small_U, "h0": small_h0}
found = {}
for name, forward in (("package", gru_forward), ("too much in place", gru_too_much_in_place)):
    comparisons = check_gradients(
        lambda: float((dh * gru_forward(*given.values())[0]).sum()),
        lambda forward=forward: dict(
            zip(given, gru_backward(dh, forward(*given.values())[1]), strict=True)
        ),
        given,
    )
    print(name)
    for comparison in comparisons:
        print("  ", comparison)
    found[name] = all(comparison.ok for comparison in comparisons)
assert found == {"package": True, "too much in place": False}

# %% [markdown]
# No test of the forward pass can see it. The gradient check does, so it runs after every change that
# is made for speed, also after those that "cannot change anything". Our slow forms agree with the
# package in gradients, too: those of the convolution and of $U$ we compared above.
#
# ### Padding
#
# Fast code meets padding with whole arrays and no `if`. So once more: two unequal utterances, garbage
# in the padding, through the whole network. In evaluation the outputs must be what they are alone,
# in training the gradients must be the same as with zeros.

# %%
pair, unequal = normal(2, 60, model.config.features), np.array([60, 37])
clean = pair.copy()
clean[1, 37:] = 0
pair[1, 37:] = 1e30
results = []
for batch in (clean, pair):
    model.zero_grads()
    out, out_lengths = model.forward(batch, unequal)
    _, dlogits = ctc_loss(out, labels[:2, :5], out_lengths, label_lengths[:2] * 0 + 5)
    dx = model.backward(dlogits)
    results.append((out, dx, model.flat_grads.copy()))
for with_zeros, with_garbage in zip(*results, strict=True):
    np.testing.assert_array_equal(with_zeros, with_garbage)
model.set_training(False)
together, _ = model.forward(pair, unequal)
alone, _ = model.forward(pair[1:, :37], unequal[1:])
model.set_training(True)
np.testing.assert_allclose(together[1, : alone.shape[1]], alone[0], atol=1e-4)
print("garbage in the padding changes nothing")

# %% [markdown]
# ## Against PyTorch
#
# PyTorch is not needed for this book, so its numbers are read, not measured. They come from
# `python -m ds2np bench --against torch --device cpu --pairs 7 --json ratios.json`, both sides with
# two threads in float32, in turn, on the machine described in
# [the benchmarks' README](../tests/benchmarks/README.md).

# %%
file = FOLDER.parent / "tests/benchmarks/ratios.json"
if file.exists():
    kept = json.loads(file.read_text(encoding="utf-8"))
    print("made with", ", ".join(f"{key} {value}" for key, value in kept["machine"].items()))
else:
    kept = {"items": {}}
    print("These figures come with a clone of the repository only.")
for name, item in kept["items"].items():
    if "ratio" in item:
        ratio = item["ratio"]
        print(
            f"{name:<30} PyTorch / ours {ratio['median']:.2f} "
            f"({ratio['min']:.2f} to {ratio['max']:.2f})"
        )

# %% [markdown]
# Above 1 we are faster. How can NumPy be faster than a library written for this? Not by better
# arithmetic: both call a BLAS, and the first line shows that theirs and ours are much alike. It is the
# choice of *what* is computed. The Fourier transform does fewer multiplications for the paper's large
# filters. Shared input weights, which PyTorch's module cannot have, save a product. And the loops have
# one thread for each direction, not all threads for each small product. Where nothing of this
# applies, as in greedy decoding, PyTorch is faster.
#
# The same numbers on another machine, or another size of network, would be others. On a GPU the order
# of costs changes altogether (chapter 12).

# %% [markdown]
# ## What the paper reports
#
# The paper's system is built for GPUs, and the same thoughts return there under other names. Its
# authors wrote their own kernels for recurrent layers and for CTC, an all-reduce of their own and a
# memory allocator of their own; they report 3 TFLOP/s sustained for each GPU, about half of the peak of
# their cards. Batch normalisation stands on the input term, where all frames are known at once: a product
# for all frames, and a normalisation over sequences. SortaGrad's minibatches of like length save padding
# on the way.
#
# What can be seen at our size is where time goes and which ideas work on this processor. What cannot
# be seen is how it scales; that is chapter 13.
#
# The ideas are older than GPUs. J. W. Cooley and J. W. Tukey published the fast Fourier transform in
# 1965; Amdahl's law is of 1967.
#
# **A production system** would run this on a GPU or with a compiler that fuses elementwise passes into
# the products, would keep $U$ in registers over all frames, would compute in half precision, and would
# measure every night whether something has become slower (here it is
# [bench_ratios.py](../tests/benchmarks/bench_ratios.py), by hand).

# %% [markdown]
# <details><summary><b>Why does nobody run the loop over time in parallel, one core for each tenth of
# the frames?</b> Think first, then look.</summary>
#
# The state of each frame needs the state before it, through a nonlinearity; the second tenth cannot
# begin before the first has ended. What can run in parallel is all else: the utterances of the batch
# (rows of each product), the units (its columns), the two directions, and several layers one frame
# apart. This is why a larger batch is cheaper per utterance: $U$ is fetched once for all rows. It is
# also one reason why later models replaced recurrence by attention, which sees all frames at once.
# </details>

# %% [markdown]
# ## Summary
#
# * Measure in pairs, take medians, choose the clock that counts what you mean, and first assert that
#   both forms agree.
# * A profile says what is worth an effort, and Amdahl's law how much, before any work is done.
# * Arithmetic intensity says whether arithmetic or memory is the limit. Many rows in a product are
#   good; many passes over an array are bad.
# * Gains come from computing less (the Fourier transform), from larger products and fewer calls, and
#   from fewer passes over memory.
# * Some ideas gain at one size and lose at another. Some never gain. Only the clock knows.
# * What was made faster needs its gradient check again.
#
# ## Further reading
#
# * G. M. Amdahl: *Validity of the single processor approach to achieving large scale computing
#   capabilities*, 1967.
# * S. Williams, A. Waterman, D. Patterson: *Roofline: an insightful visual performance model for
#   multicore architectures*, Communications of the ACM, 2009.
# * K. Goto, R. A. van de Geijn: *Anatomy of high-performance matrix multiplication*, ACM Transactions
#   on Mathematical Software, 2008.
# * U. Drepper: *What every programmer should know about memory*, 2007.
# * M. Mathieu, M. Henaff, Y. LeCun: *Fast training of convolutional networks through FFTs*, 2014.
# * J. Appleyard, T. Kočiský, P. Blunsom: *Optimizing performance of recurrent neural networks on
#   GPUs*, 2016.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * In the package: [recurrent.py](../ds2np/layers/recurrent.py), [gru.py](../ds2np/layers/gru.py),
#   [conv.py](../ds2np/layers/conv.py), [lattice.py](../ds2np/ctc/lattice.py),
#   [machine.py](../ds2np/machine.py), [ideas.py](../tests/benchmarks/ideas.py).
