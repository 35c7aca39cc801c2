# %% [markdown]
# # 12  On the GPU
#
# A GPU computes quickly and is told slowly what to compute. We move the network there without
# changing a line, count what it is told, read programs that we wrote for it (the recursion of CTC, line
# by line, and a recurrent layer that keeps its weights on the chip), and you write four of your own.
#
# ![The network from sound to text, with everything that is trained framed.](images/network_12.svg)
#
# **You will be able to**
#
# * say of a line of NumPy-like code where it computes, and whether the program waits there;
# * count the launches of a loop over time, and estimate what they cost;
# * say which sums need more digits than the numbers that they add up, and why their order matters;
# * read and write CUDA kernels with shared memory, shuffles and barriers, and see what happens when a
#   barrier is forgotten;
# * say why a recurrent layer keeps its weights in registers, and what its blocks wait for.
#
# **You need** chapter 05 (the recursion of CTC), the GRU of chapter 04 and the roofline of chapter
# 11. You need no GPU: all that a GPU would do can be followed here, but for its speed. **Reading
# time** 90 minutes.

# %%
import functools
import inspect
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np

from ds2np import ctc, kernels
from ds2np.backend import get_array_module, to_cpu, to_gpu, why_no_gpu
from ds2np.kernels import recurrent
from ds2np.kernels.batchnorm import batchnorm_by_kernel
from ds2np.kernels.ctc import MAX_LABELS, ctc_by_kernel
from ds2np.kernels.host import ORDERS, HostModule, why_not_on_host
from ds2np.kernels.recurrent import plan_persistent, recurrent_backward, recurrent_forward
from ds2np.layers import GRU, Bidirectional, SeqBatchNorm, SimpleRNN
from ds2np.layers.activations import clipped_relu_forward
from ds2np.layers.gru import gru_backward, gru_forward
from ds2np.layers.softmax import log_softmax
from ds2np.learn import check, show
from ds2np.learn.fake_gpu import fake_gpu
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.optim import SGD
from ds2np.plots import plot_waiting

rng = np.random.default_rng(0)
NO_GPU, NO_COMPILER = why_no_gpu(), why_not_on_host()
print("a GPU to compute on:     ", f"no, {NO_GPU}" if NO_GPU else "yes")
print("kernels run on the host: ", f"no, {NO_COMPILER}" if NO_COMPILER else "yes, by g++")

# %% [markdown]
# The chapter runs with or without either. Where something is missing, the cell that needs it says
# what it leaves out. **Times on a GPU were measured** on a card and a day that are named, or are reckoned
# from such measurements; the text says which.
#
# ## The idea in one picture
#
# Two machines work together. The **CPU**, also called the host, runs our Python program; the **GPU** computes on
# arrays that lie in its own memory. When the program says `x + y`, the CPU writes an order
# (add these arrays, put the result there) into a queue and goes on at once. This is a **launch**.
# The GPU takes orders from the queue, one after another.
#
# ![Two time lines: with small operations the GPU idles between launches; with large ones the
# CPU is far ahead, until it waits for a result.](images/gpu_12_queue.svg)
#
# Two things follow. Where the operations are small, all the time goes into launches, and a
# quicker GPU would not help. And where the program asks for a *number*, as in `float(loss)`, it must
# stand still until the queue is empty, since the number does not exist before that.

# %% [markdown]
# ## The same code, another array
#
# CuPy is a library with NumPy's functions for arrays on the GPU. So a function that takes its
# functions from the module *of the array that it was given* runs on both. By habit this module is
# called `xp`.


# %%
def clip(x):
    xp = get_array_module(x)  # numpy for a NumPy array, cupy for a CuPy array
    return xp.minimum(xp.maximum(x, 0), 20)


x = rng.standard_normal((2, 3)) * 20
print("computed by", get_array_module(x).__name__)
np.testing.assert_array_equal(clip(x), clipped_relu_forward(x)[0])  # the package's

# %% [markdown]
# No global switch says "GPU on". The array decides; arrays of both kinds can live in one program,
# and a test can compare them.
#
# Since many readers have no GPU, `ds2np.learn.fake_gpu` has a **fake** one: it takes CuPy's place,
# computes with NumPy, and keeps a log. Like CuPy, it keeps the two memories apart: an array of one may
# not be mixed with an array of the other. NumPy's functions accept an array on the GPU, but hand it on
# to CuPy's function of the same name: `np.sum(on_gpu)` stays on the GPU.

# %%
with fake_gpu() as log:
    on_gpu = to_gpu(x)  # copies
    clipped = clip(on_gpu)
    print("computed by", get_array_module(on_gpu).__name__, "(fake); launches:", dict(log.launches))
    assert get_array_module(np.sum(on_gpu)) is get_array_module(on_gpu)
    for name, mistake in {
        "x + on_gpu": lambda: x + on_gpu,
        "np.asarray(on_gpu)": lambda: np.asarray(on_gpu),
    }.items():
        try:
            mistake()
        except TypeError as error:
            print(f"{name}: {error}")
    np.testing.assert_array_equal(to_cpu(clipped), clip(x))

# %% [markdown]
# Being refused is good news. A copy from one memory to the other is slow and, in one of the two
# directions, makes the program wait; it should be written down where it happens. So the package has
# two words for it, `to_gpu` and `to_cpu`.
#
# The fake is a model, so let us ask where it falls short. With CuPy, the CPU waits for the GPU in each
# of the following lines: the first two copy a result, the others need to know a *size* before they can
# go on (how many numbers are above 1?), or print the numbers. Which of them does the log count?

# %%
seen = {}
with fake_gpu() as log:
    g = to_gpu(x)
    for line, run_it in {
        "to_cpu(g)": lambda: to_cpu(g),
        "float(g.sum())": lambda: float(g.sum()),
        "g[g > 1]": lambda: g[g > 1],
        "g.nonzero()": lambda: g.nonzero(),
        "repr(g)": lambda: repr(g),
    }.items():
        log.take()
        run_it()
        seen[line] = log.waits.total() > 0
missed = [line for line, counted in seen.items() if not counted]
print("counted:", ", ".join(line for line, counted in seen.items() if counted))
print("not counted:", ", ".join(missed) or "none; the log sees all of them")

# %% [markdown]
# So what follows speaks of the waits *that this log can see*. Where the size of a result depends on
# numbers on the GPU, there is a wait, whatever a log says.
#
# ## What moves, and what waits
#
# What has to lie on the GPU? The parameters, their gradients, and the buffers (the running averages
# of batch normalisation): `model.move(to_gpu)` copies them, once. Then each minibatch, as it comes:
# `model.forward` does that. Lengths and labels stay in main memory, where they are needed for
# decisions; small copies of them are sent where a layer asks for them.
#
# Here is a whole step of training: on the CPU, then twice on the fake GPU, part by part. First
# each array operation is launched by itself; then the package uses its **kernels**, programs of our
# own for the GPU, each of which does the work of many operations in one launch.
#
# Predict first: how many operations is a training step of a network with one convolution and two
# bidirectional GRU layers, for two utterances of one second? Tens, hundreds or thousands?

# %%
config = DeepSpeech2Config(
    sample_rate=8000,
    conv=(ConvConfig(channels=4, kernel=(11, 21), stride=(2, 4)),),
    recurrent="gru",
    layers=2,
    hidden=8,
)
sounds = rng.standard_normal((2, 100, config.features)).astype(np.float32)
frames, labels = np.array([100, 70]), rng.integers(1, 29, (2, 6))
counts = np.array([6, 4])


def training_step(model, each_part):
    optimiser = SGD(model.params, model.grads, learning_rate=1e-3)
    model.zero_grads()
    each_part("preparation")
    logits, out_frames = model.forward(sounds, frames)
    each_part("forward")
    loss, dlogits = ctc.ctc_loss(logits, labels, out_frames, counts)
    each_part("ctc")
    model.backward(dlogits)
    each_part("backward")
    optimiser.step()
    each_part("update")
    loss = to_cpu(loss)
    each_part("the loss")
    return loss


@contextmanager
def array_operations():
    """Do without the package's kernels: each array operation is a launch."""
    never = (lambda *given: False,)
    with patch("ds2np.kernels.support", *never), patch("ds2np.ctc.loss.fits_kernel", *never):
        yield


model = DeepSpeech2(config)
expected = training_step(model, lambda name: None)


def step_on_gpu(way):
    """Return a `Log` for each part of a training step on the fake GPU."""
    parts = {}
    with fake_gpu() as log, way():
        moved = DeepSpeech2(config)
        moved.move(to_gpu)
        got = training_step(moved, lambda name: parts.update({name: log.take()}))
        parameters = {name: to_cpu(value) for name, value in moved.params.items()}
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    for name, value in model.params.items():
        np.testing.assert_allclose(parameters[name], value, rtol=1e-4, atol=1e-6)
    return parts


by_arrays = step_on_gpu(array_operations)
by_kernels = by_arrays if NO_COMPILER else step_on_gpu(nullcontext)
if NO_COMPILER:
    print(f"Not shown here: the launches with the package's kernels, since {NO_COMPILER}.\n")
print("                   launches       arrays")
print("part            arrays  kernels     sent  waits")
for name, part in by_kernels.items():
    launched = "-" if NO_COMPILER else part.launches.total()
    counted = by_arrays[name].launches.total(), launched, part.sent, part.waits.total()
    print("{:15} {:6} {:>8} {:8} {:6}".format(name, *counted))
print("\nThe lines that wait:")
for part in by_kernels.values():
    for line in part.waits:
        print("  ", line)
assert NO_COMPILER or sum(part.waits.total() for part in by_kernels.values()) == 2
total, fewer = (sum(p.launches.total() for p in way.values()) for way in (by_arrays, by_kernels))
print(f"\nVerdict: {'thousands' if total > 1000 else 'fewer than a thousand'}, {total} in all" +
      ("." if NO_COMPILER else f"; by kernels {fewer}, {total / fewer:.0f} times fewer."))  # fmt: skip

# %% [markdown]
# The same loss and the same new weights, within rounding. (A launch in this table is an operation that
# CuPy would be asked for; some of them take it more than one.) The network has 50 frames after its
# convolution: with array operations, nearly all launches come from its two recurrent layers and from
# CTC, which walk through them. The kernels make the count independent of the frames; how, is what
# this chapter is about.
#
# Forward and backward wait for nothing that this log can see: the CPU may run ahead of the GPU through
# the whole step. It waits twice, at the end, for two numbers that a person wants to see: the norm of the gradients and
# the loss. No launch depends on either: whether to clip is decided on the GPU, where the norm is. (The
# package's training loop asks for the losses before the backward pass, since it leaves out utterances
# whose loss is not finite.)
#
# What would more waits do, say a `print(float(h.max()))` in each layer? We can follow a
# queue with three lines of arithmetic. Let a launch take the CPU $c$ and the operation take
# the GPU $g$; times are in units of $c$.
#
# Predict first: where does a wait after each operation cost most? Where operations are small, where
# they are large, or between?


# %%
def time_of(operations, g, wait_every):
    """Follow CPU and GPU; all times are in units of one launch."""
    cpu = gpu = 0.0
    for i in range(1, operations + 1):
        cpu += 1.0  # the launch
        gpu = max(gpu, cpu) + g  # begins when it is free and has been told to
        if i % wait_every == 0:
            cpu = gpu
    return max(cpu, gpu)


# %%
sizes = np.geomspace(0.05, 20, 25)
figure, axis = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
for every, style, name in ((1, "k:", "a wait after each"), (1000, "k-", "one wait at the end")):
    axis.loglog(sizes, [time_of(1000, g, every) / 1000 for g in sizes], style, label=name)
axis.set(xlabel="GPU's time for an operation (launches)", ylabel="time per operation (launches)")
axis.legend()
show(
    figure,
    "Time per operation over the GPU's own time for it. With one wait at the end the time is one "
    "launch up to where the GPU takes longer than a launch, then grows with it. With a wait after "
    "each operation both times add up, which doubles the time where they are equal.",
)

# %%
costs = [time_of(1000, g, 1) / time_of(1000, g, 1000) for g in sizes]
worst = sizes[int(np.argmax(costs))]
where = "between" if 0.5 < worst < 2 else "where they are small" if worst < 1 else "at large ones"
print(f"Verdict: {where}. It costs a factor of {max(costs):.2f} where the GPU takes {worst:.1f} "
      f"launches, {costs[0]:.2f} at the left end and {costs[-1]:.2f} at the right.")  # fmt: skip

# %% [markdown]
# On the left the line is flat: there only fewer launches help. On the right, large operations hide
# everything.
#
# ## How many launches is a layer?
#
# A recurrent layer cannot do all frames at once, since each needs the one before. Written with array
# operations, its launches grow with the number of frames $T$, whatever the size of the layer. We
# count.
#
# Predict first: how many launches does a GRU need for one frame, forward and backward, in both
# directions together? Write the equations of chapter 04 down, if you like, and count the operations.


# %%
def layer_launches(kind, T, H=4, way=array_operations):
    """Count the launches of a bidirectional layer, forward and backward, by operation."""
    x, dout = rng.standard_normal((2, 3, T, H)).astype(np.float32)
    with fake_gpu() as log, way():
        layer = Bidirectional(kind, H, H, np.random.default_rng(1))
        layer.move(to_gpu)
        x, dout = to_gpu(x), to_gpu(dout)
        log.take()
        layer.forward(x, np.full(3, T))
        layer.backward(dout)
        return log.launches


per_frame = {}
for kind in (SimpleRNN, GRU):
    few, many = layer_launches(kind, 64).total(), layer_launches(kind, 128).total()
    per_frame[kind] = (many - few) / 64
    assert layer_launches(kind, 128, H=16).total() == many  # the size of the layer does not matter
    print(f"{kind.__name__:9} {few:5} launches for 64 frames, {many:5} for 128: "
          f"{per_frame[kind]:.0f} for each frame")  # fmt: skip

# %% [markdown]
# What does that cost? Two costs must be kept apart. The **launch** itself hands an order to the
# driver. An **operation of CuPy** is a launch and all that CuPy does around it: look at the arguments,
# find or compile the right kernel, ask for memory for the result. On 2026-11-27 one NVIDIA H200 was at
# hand, with CuPy 14.2. It took the CPU 9 microseconds to ask for an addition, 18 for a product, and 5
# for a kernel of our own, which is given its arrays and has nothing to look for. So a launch costs 5
# microseconds at most, and the rest of the 9 or 18 is CuPy's work on the CPU. The launches counted
# above are operations, so we reckon with 9 and with 18.

# %%
T = 350
for kind, count in per_frame.items():
    print(f"{kind.__name__:9} {count * T:5.0f} launches in {T} frames: "
          f"{count * T * 9e-3:3.0f} to {count * T * 18e-3:3.0f} ms of the CPU's time")  # fmt: skip

# %% [markdown]
# Now the measurements of that day (one NVIDIA H200, 2026-11-27, CuPy 14.2.0, PyTorch 2.11; 64
# utterances of 7 s where not said otherwise; all are in
# [tests/benchmarks/gpu](../tests/benchmarks/gpu/README.md)). The package launched each operation of a
# recurrence by itself then:
#
# | | ours, then | PyTorch, float32 |
# |---|---|---|
# | bidirectional GRU, 512 units, 64 utterances of 350 frames, both passes | 114 ms | 23.5 ms |
# | training step of the preset `small` | 375 ms | 85 ms |
# | training step of the preset `base` | 682 ms | 250 ms |
# | CTC by its kernels, 750 frames, 150 labels | 1.45 ms | 1.78 ms |
#
# CTC had kernels already, an earlier version of those below, and took less time than PyTorch's. All other
# kernels of the package came after that day, and **have not been measured on a GPU yet**. What can be
# counted without one is their launches. Was it the launches that took the GRU's 114 ms?

# %%
low, high = (1e-3 * cost * 350 * per_frame[GRU] for cost in (9, 18))
print(f"Verdict: reckoned {low:.0f} to {high:.0f} ms for the launches alone, measured 114 ms: " +
      ("that explains it." if low <= 114 <= high else "that does not explain it."))  # fmt: skip

# %% [markdown]
# CTC walks through frames as well, so we begin with its remedy: a kernel that walks through all by
# itself. One launch for the softmax of all frames, one for all recursions, a third for all gradients.

# %%
if NO_COMPILER:
    print(f"Not shown here: the launches of the package's CTC, since {NO_COMPILER}.")
else:
    with fake_gpu() as log:
        given = rng.integers(1, 29, (4, 30)), np.full(4, 400), np.full(4, 30)
        logits = to_gpu(rng.standard_normal((4, 400, 29)).astype(np.float32))
        log.take()
        by_kernel = ctc.ctc_loss(logits, *given)[1]
        with_kernel = log.take().launches
        with array_operations():
            by_arrays = ctc.ctc_loss(logits, *given)[1]
        with_arrays = log.take().launches
        np.testing.assert_allclose(to_cpu(by_kernel), to_cpu(by_arrays), atol=3e-5)
    print("with the kernels:", dict(with_kernel))
    print(f"{with_kernel.total()} launches with the kernels, {with_arrays.total()} with arrays")
    assert with_arrays.total() > 100 * with_kernel.total()

# %% [markdown]
# ## Precision
#
# GPUs are quickest with small numbers: float32 has half the size of float64, float16 half of that.
# What is lost?

# %%
print("           digits  smallest normal   largest")
for kind in (np.float16, np.float32, np.float64):
    limits = np.finfo(kind)
    print(f"{kind.__name__}  {limits.precision:8}  {limits.tiny:15.1e}  {limits.max:8.1e}")
print(f"\nfloat16: 2048 + 1 = {float(np.float16(2048) + np.float16(1)):.0f}")
print(f"float32: 16777216 + 1 = {float(np.float32(2**24) + np.float32(1)):.0f}")
print(f"a gradient of 0.00000001 as float16: {float(np.float16(1e-8))}")

# %% [markdown]
# Each number by itself is fine. A *sum* is where it goes wrong: when the sum has grown large, what is
# added falls below its last digit and vanishes. We add up $n$ random numbers between 0 and 1 in
# four ways. (`cumsum` adds one after the other; `sum` of NumPy does not, it adds up in chunks.)
#
# Predict first: a million numbers, kept in float16. Is most of the error lost in keeping them, or in
# adding them up?


# %%
def one_by_one(values, kind):
    return float(np.cumsum(values.astype(kind), dtype=kind)[-1])


def in_chunks(values, kind, chunk=256):
    sums = [one_by_one(values[i : i + chunk], kind) for i in range(0, len(values), chunk)]
    return one_by_one(np.array(sums), kind)


lengths_tried = 4 ** np.arange(3, 11)
errors = {}
for count in lengths_tried:
    numbers = rng.random(count).astype(np.float32)  # their exact sum, as good as float64 can
    exact = numbers.sum(dtype=np.float64)
    for name, value in {
        "float16, one by one": one_by_one(numbers, np.float16),
        "float32, one by one": one_by_one(numbers, np.float32),
        "float32, in chunks": in_chunks(numbers, np.float32),
        "float16 numbers, float32 sum": one_by_one(numbers.astype(np.float16), np.float32),
    }.items():
        errors.setdefault(name, []).append(max(abs(value / exact - 1), 1e-9))

# %%
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
for (name, error), style in zip(errors.items(), ("s:", "o--", "v-", "^-."), strict=True):
    axis.loglog(lengths_tried, error, style, color="black", label=name, markersize=5)
axis.set(xlabel="numbers added up", ylabel="relative error")
axis.legend(fontsize=8)
show(
    figure,
    "Relative error of a sum over the count of numbers. Added one by one in float16 it comes near to "
    "1, that is, all is lost. Numbers kept in float16 but added up in float32 stay far below that, "
    "and float32 in chunks stays lowest.",
)

# %%
kept, added = errors["float16 numbers, float32 sum"][-1], errors["float16, one by one"][-1]
lost = "in adding up" if added > 2 * kept else "in keeping" if kept > added / 2 else "in both"
print(f"Verdict: {lost}. Added up in float32 the error is {kept:.1e}, in float16 {added:.1e}.")
assert errors["float32, in chunks"][-1] < errors["float32, one by one"][-1]

# %% [markdown]
# The lesson: **keep numbers small, and sums large.** To store in float16 costs a little of each
# number, at random, and that averages out; to *add up* in float16 loses the sum. A matrix product is
# full of sums, and so the units that multiply float16 matrices on a GPU (tensor cores), as CuPy uses
# them, add up in float32. In the same way our float32 code adds up in float64 in a few places: the norm
# of the gradients, what was taken off the rows of CTC (`double` in [ctc.cu](../ds2np/kernels/ctc.cu)),
# the sum of the losses.
#
# There is a second point about sums: the same numbers in another order differ in the last digit. (We shall
# count how often, where a kernel has to live with it.) On a GPU, threads that add to one place in memory
# (*atomic* additions) arrive in whatever order they happen to finish. Two trainings from the same seed
# then differ. In our kernels every sum of floats has a fixed order, and where threads do add to one place,
# they add whole numbers: no digit of those is ever lost, so the order does not matter. The same input
# gives the same bits.
#
# ## A kernel is the body of a loop
#
# Now to the GPU's own language, CUDA C++. Whoever reads Python can read it with a few hints:
#
# | written | in words |
# |---|---|
# | `const int i = 3;` | a whole number of 32 bits, which does not change |
# | `float`, `double` | float32, float64; `0.0f` is a float32 |
# | `float* x` | the place in memory where the numbers of x begin; `x[i]` is the i-th from there |
# | `x + 2` for such a place | two numbers farther on |
# | `a / b`, `a % b` for whole numbers | `a // b`, `a % b` for those that are not negative |
# | `c ? a : b` | `a if c else b` |
# | `for (int i = 0; i < n; i += 2)` | `for i in range(0, n, 2):` |
# | `&&`, `!` | `and`, `not` |
# | `(float)x` | x, turned into a float |
# | `float& x` among the arguments | another name for the caller's variable, which the function may change |
# | `float2` | two floats, `.x` and `.y` |
# | `auto f = [&] (int i) { ... };` | a function within a function, like Python's |
# | `// ...` | a comment |
#
# A kernel is a function that says what *one thread* does. A launch says how many threads there are,
# and each runs it. Here is a kernel that adds two arrays; note that it has no loop.

# %%
ADD = """
extern "C" __global__ void add(const float* x, const float* y, float* out)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = x[i] + y[i];
}
"""


def compile_for_host(source, **macros):
    """Return the compiled kernels, or None where there is no compiler."""
    return None if NO_COMPILER else HostModule(source, defines=macros)


x, y = rng.standard_normal((2, 128)).astype(np.float32)
out = np.zeros_like(x)
if module := compile_for_host(ADD):
    blocks, threads = 2, 64
    module.get_function("add")((blocks,), (threads,), (x, y, out))
    np.testing.assert_array_equal(out, x + y)
    print(f"{blocks} blocks of {threads} threads have added {len(out)} numbers")
else:
    print(f"Not run here: a first kernel, since {NO_COMPILER}.")

# %% [markdown]
# * Threads come in **blocks**, here two of 64. `threadIdx.x` counts within the block, `blockIdx.x`
#   counts the blocks, `blockDim.x` is the number of threads of a block. The index `i` is put together
#   from them: block 1, thread 3 takes number 67.
# * Here are 128 numbers for 128 threads. With 100 numbers the last 28 threads must do nothing; how
#   many numbers there are, the kernel has to be told.
# * Blocks know nothing of each other, and run in any order, as many at a time as the GPU has room
#   for. Threads of *one* block can work together; that comes next.
# * A kernel checks nothing. An index that is too large writes somewhere; a number of the wrong
#   size is read wrongly. (A count is `np.int32(100)`: Python's own integer would be handed over with 64
#   bits.)
# * `extern "C"` keeps the kernel's name as it is; without it, C++ adds the types of the arguments.
#
# **How did this run without a GPU?** The text is nearly C++.
# [cuda_on_host.h](../ds2np/kernels/host/cuda_on_host.h) defines the few words that are not, and runs one
# block after another (or all at once, if they wait for each other). Each thread is a *fiber*, which runs
# until it meets a barrier, and then lets the next one run. Wrong arithmetic, wrong indices and forgotten
# barriers show in this way. Speed does not, and so we time nothing here.
#
# ### Exercise 12.5: your first kernel
#
# (The exercises keep the numbers under which answers are known; in this chapter you meet 12.5 first.)
#
# Now you. Write the clipped ReLU, $f(x) = \min(\max(x, 0), \text{ceiling})$, for `count` numbers. There
# are at least as many threads as numbers. What stands behind the last number belongs to others: do not
# read it, and do not write there. With `x` [-3, 7, 30] and a ceiling of 20, `out` is [0, 7, 20].
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `x` | $x$ | `const float*` | (count,) | numbers to read |
# | `out` | $f(x)$ | `float*` | (count,) | numbers to write |
# | `ceiling` | 20 in the paper | `float` | | upper bound |
# | `count` | | `int` | | how many numbers there are |
#
# Take out the `raise`, fill in the kernel, and run the cell below. (`fminf(a, b)`, `fmaxf(a, b)`: minimum
# and maximum of two floats.) The check compiles your text by g++ and runs it on small arrays, with threads
# in three orders. Around each array it keeps memory that nobody may touch, and all that nobody has written
# holds nan, or a very large number. So it can tell a write outside of `out` from a forgotten barrier.
# `printf` works as on a GPU; the check shows what it prints. What is correct is kept in a file of yours,
# `my_ds2np.py`, beside the folder of the chapters; `python -m ds2np learn` says how far you are. Solutions
# are [apart](solutions/12_gpu.py). (Without g++ nothing can be checked: the exercise stays "not done".)


# %%
def clip_kernel():
    """Return the source of a kernel for the clipped ReLU."""
    raise NotImplementedError
    return r"""
extern "C" __global__ void clip(const float* x, float* out, float ceiling, int count)
{
}
"""


# %%
check("12.5", clip_kernel)

# %% [markdown]
# ## Memory: where the numbers lie
#
# Most kernels of this chapter compute little and move much, so what counts is where their numbers lie.
# The GPU of our measurements, an H200, is built of 132 **streaming multiprocessors** (SM), each with
# small, near memories of its own:
#
# | memory | how much | who sees it |
# |---|---|---|
# | registers | 65,536 numbers of 32 bits an SM | one thread |
# | shared memory | 227 KiB a block at most | the threads of one block |
# | level 2 cache | 50 MB | all, without being asked |
# | device memory | 141 GB; a copy ran at 4.1 TB/s on that day | all |
#
# (The 4.1 TB/s were measured; the sizes are the maker's.) A read from device memory takes hundreds of
# clock cycles. An SM does not hurry it up: it *does something else meanwhile*. It holds many warps at
# once, and in each cycle goes on with one that has its numbers.
#
# ### Occupancy
#
# How many warps can it hold? At most 64, in at most 32 blocks, and their registers and shared memory
# have to fit. The share of the 64 that fits is called **occupancy**. It can be reckoned. (The first
# five rows below are made up, one for each limit; how many registers a kernel takes, the compiler
# decides.)
#
# Predict first: the recurrent kernel at the end of this chapter has blocks of 512 threads with 128
# registers each. What is its occupancy?

# %%
SM = {"warps": 64, "blocks": 32, "registers": 65536, "shared memory": 228 * 1024}  # compute 9.0


def occupancy(threads, registers, shared):
    """Return the share of an SM's places for warps that are taken, and what sets the limit."""
    warps = -(-threads // 32)
    room = {
        "warps": SM["warps"] // warps,
        "blocks": SM["blocks"],
        "registers": SM["registers"] // (registers * 32 * warps),
        "shared memory": SM["shared memory"] // (shared + 1024),  # 1 KiB a block for the system
    }
    limit = min(room, key=room.get)
    return room[limit] * warps / SM["warps"], limit


print("threads  registers  shared KiB   occupancy  limited by")
for threads, registers, shared in (
    (64, 32, 0), (32, 32, 0), (256, 32, 0), (256, 64, 0), (256, 32, 64), (512, 128, 100)
):  # fmt: skip
    share, limit = occupancy(threads, registers, 1024 * shared)
    print(f"{threads:7}{registers:11}{shared:12}{share:12.0%}  {limit}")
persistent, _ = occupancy(512, 128, 100 * 1024)
print(f"The recurrent kernel fills {persistent:.0%} of the places" +
      (", on purpose: its registers hold weights." if persistent < 0.5 else "."))  # fmt: skip

# %% [markdown]
# Many warps hide the time of reading. But occupancy is a means: a kernel that keeps its numbers in
# registers reads less, and needs fewer warps to hide it. None of these figures is a speed, and none was
# measured: they follow from the sizes above.
#
# ### Coalescing
#
# Device memory is read in *sectors* of 32 bytes, eight floats. When a warp reads, the addresses of its
# 32 threads are put together (**coalesced**), and each sector that is touched is fetched once. So it
# matters which threads read which numbers. We count sectors, from the addresses alone.
#
# Predict first: an array has rows of 512 floats. How much more is fetched when the 32 threads of a warp
# read down a column than when they read along a row?

# %%
lanes = np.arange(32)


def sectors(indices):
    """Count the sectors of 32 bytes that a warp touches when its threads read these floats."""
    return len(np.unique(4 * np.asarray(indices) // 32))


width = 512  # of an array (T, width): a row lies side by side in memory
reads = {
    "x[t, lane]: neighbours in a row": 3 * width + lanes,
    "x[lane, h]: neighbours in a column": lanes * width + 3,
    "every second number of a row": 2 * lanes,
    "the same number for all": 0 * lanes,
    "a row, from the fourth number on": 3 * width + 4 + lanes,
    "a row, in random order": 3 * width + rng.permutation(32),
}
for name, indices in reads.items():
    fetched, used = 32 * sectors(indices), 4 * len(np.unique(indices))
    print(
        f"{name:36} {sectors(indices):2} sectors, {fetched / used:.1f} bytes fetched for one used"
    )

by_column, by_row = (sectors(reads[name]) for name in list(reads)[1::-1])
print(f"Verdict: down a column {by_column / by_row:.0f} times as much as along a row.")

# %%
strides = np.arange(1, 17)
figure, axis = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
axis.bar(strides, [sectors(stride * lanes) for stride in strides], color="0.5")
axis.axhline(4, color="black", lw=1, ls="--")
axis.set(xlabel="distance between neighbours' numbers", ylabel="sectors of a warp", xticks=strides)
show(
    figure,
    "Sectors that a warp fetches over the distance between the numbers of neighbouring threads: 4 "
    "where they lie side by side, twice as many at distance 2, and 32 from distance 8 on. A dashed "
    "line marks 4, the least.",
)

# %% [markdown]
# Along a row each byte that is fetched is used; down a column it is one in eight. A kernel that only
# copies would take about eight times as long there. (That is what the count says. Caches may help,
# if the other seven are wanted soon; how much, has to be measured on a card, and we have not done so.)
# The order *within* a sector does not matter, nor that all threads read the same number. The
# kernels of batch normalisation, at the end of this chapter, are laid out by this rule.
#
# ## The CTC kernels, line by line
#
# Chapter 05 had $\alpha$, the ways into each state, from the first frame on, and $\beta$, the ways out
# of it, from the last frame back. A frame needs the frame before, so time cannot be shared out. What
# can be: utterances, the two directions, and the states.
#
# ![One block works for one utterance and one direction; its threads are the states; a barrier follows
# each frame.](images/gpu_12_block.svg)
#
# So $2N$ blocks for $N$ utterances, and in each a thread for a state. Before that comes what is the same
# for all frames, the softmax, and after it the gradient; there, no frame needs another one. We read
# the file itself from top to bottom; `read` prints the lines from one place to another.

# %%
source = kernels.read_source("ctc")
lines = source.splitlines()
have_read = set()


def read(first, last, below=""):
    """Print the file from a line with `first` to the next line with `last`."""
    start = next((i for i, line in enumerate(lines) if below and below in line), 0)
    start = next(i for i in range(start, len(lines)) if first in lines[i])
    end = next(i for i in range(start, len(lines)) if last in lines[i])
    have_read.update(range(start, end + 1))
    print("\n".join(f"{i + 1:3}  {lines[i]}" for i in range(start, end + 1)))


read("// The CTC loss", "return peak + __logf")

# %% [markdown]
# Arithmetic first. $\ln(e^a + e^b + e^c)$ with the largest taken out, as in chapter 05, and the same
# trap: if all three are minus infinity, nothing may be taken from it. So what is taken out is never
# less than the lowest finite number. `__device__` marks a function that runs on the GPU;
# `__forceinline__` asks that it be copied to where it is called. CuPy compiles kernels with a bare
# compiler (NVRTC) that has no `INFINITY`; the first `#define` makes one from its bits.
#
# `__expf` and `__logf` are the GPU's own: a single instruction each (to the base 2) and a product.
# The usual `expf` and `logf` take several times as many, for a last digit that we do not need here: the
# numbers that they are applied to have been rounded more.

# %% [markdown]
# ### The lanes of a warp
#
# More than once we need one number from many threads: the largest, or the sum.

# %%
read("// Largest value", "return value;")

# %% [markdown]
# The GPU runs threads in groups of 32, called **warps**; the threads of a warp are its *lanes*. They can
# look into each other's variables without any memory: `__shfl_xor_sync(mask, value, far)` gives each
# lane the `value` of the lane whose number differs from its own in the bit `far` (of lane 5, in binary
# 101, for `far` 4, in binary 100, it is lane 1, in binary 001; Python writes `5 ^ 4`). The mask of 32
# ones says that all lanes take part. Five rounds, with `far` 16, 8, 4, 2, 1, and every lane holds the
# sum of all 32; the same bits in each, since a + b and b + a are the same. With eight lanes it takes
# three rounds:
#
# ![Eight lanes add up their numbers in three rounds; each takes the number of the lane 4, 2 and 1
# away.](images/gpu_12_shuffle.svg)
#
# The price is that *all* lanes must call it. "All must call it" in the comment is a condition that no
# compiler checks.
#
# ### Exercise 12.1: a sum by shuffles
#
# In NumPy you write what *all* lanes do. Lane $j$ of a warp holds `values[j]`. In five rounds, with
# `far` 16, 8, 4, 2, 1, each lane adds the number that the lane $j \oplus \text{far}$ had *before* the
# round ($\oplus$ is `^`, the exclusive or).
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `values` | $v_j$ | float | (32,) | what each lane holds |
# | result | | float | (6, 32) | the same before the first round and after each; at last all are the sum |


# %%
def shuffle_rounds(values):
    """Follow the sum of a warp, values of shape (32,), round by round: (6, 32)."""
    raise NotImplementedError


# %%
check("12.1", shuffle_rounds)

# %% [markdown]
# ### The softmax
#
# A softmax needs the largest logit of the frame, and then the sum of the exponentials. Read naively,
# the logits come from memory twice. For a Chinese alphabet of 4,300 characters that is most of what
# there is to read, so here is a way to do it in one pass: whenever a larger number turns up, the sum so
# far is scaled to it.

# %%
read("// Add e^x to a sum", "peak = highest;")

# %% [markdown]
# With this a **warp** does a frame: lane 0 takes the symbols 0, 32, 64 and so on, lane 1 those beside
# them, and in the end the lanes add up. Lanes that stand side by side read numbers that lie side by
# side, which memory delivers together; this is why the loop goes in steps of 32, and not each lane
# through a piece of its own.

# %%
read("// One warp for each frame", "if (lane == 0) ((float2*)norms)")

# %% [markdown]
# An array is a pointer to its first number here, and shapes are only a habit: element $(n, t, v)$ of
# an array of shape $(N, T, V)$ lies at $(n T + t) V + v$. The casts to `size_t` are there since such a
# product can be larger than an `int` holds. A block has several warps, and the last one may have more of
# them than there are frames: these return at once. They may, since all lanes of a warp do it together.
# Padding is never looked at, here or later, so it may hold anything.
#
# Why keep two numbers, and not their sum? Logits may all be large, and float32 has 7 digits for the sum.
# `logit - peak` is exact where it matters.

# %% [markdown]
# ### Who works on what

# %%
read("// One block for each utterance", "double offset")

# %% [markdown]
# Even blocks go forward, odd ones backward: the block's number says both the utterance and the
# direction. Nobody waits for the end of $\alpha$ to begin with $\beta$. (Exercise 12.2 is about
# these indices.) `label` points to the first label of the utterance, before which stand the two
# lengths: `label[-2]` and `label[-1]`.
#
# `__shared__` declares **shared memory**, a small array that all threads of one block see. In it lie two
# rows of states and two closed places before each; then `partial`, of which later. $S$ counts the
# states of the longest transcript, `states` those of this one. How much memory that is, in bytes, is
# what the launch has to ask for; a block has 48 KiB unless it asks in a special way, and this limits
# the labels of a transcript.
#
# What else the thread needs of a state it keeps in variables of its own. These are **registers**, the
# quickest memory there is; 64 of them for each thread of a block of 1024 (`__launch_bounds__` tells the
# compiler). A block has no more than 1024 threads, so if there are more states, a thread takes several;
# `STATES` is known when the kernel is compiled, since registers have no index. Most often it is 1, and
# each loop over `j` is a single round.

# %%
for L in (40, 200, MAX_LABELS, MAX_LABELS + 1):
    S, room = 2 * L + 1, 4 * (2 * (2 * L + 3) + 32)
    print(f"{L:5} labels: {S:5} states, {room:6} bytes{': too much' * (room > 48 * 1024)}")

# %%
read("if (threadIdx.x < 2) rows", "firsts[(size_t)n * L + s / 2] = first;")

# %% [markdown]
# Some threads close the two places before each row (minus infinity). Then `i` counts states *from where
# this direction begins*, so that backward the last state is number 0. Seen from its own end, $\beta$ is
# the recursion of $\alpha$, and one text serves both. The rule for repeats is in `skip`: only into a
# label, and only if it differs from the label before it, which lies on the other side when walking
# backward. At last, each label looks up where its symbol occurs first; the gradient will need that.
#
# ### Exercise 12.2: who works on what
#
# In `ctc_ways`, thread `i` of block `block` is in its step `k`. Which utterance, which frame and which
# state does it work on? With `frames` [6, 4] and `label_counts` [2, 3], block 3 is utterance 1 backward:
# its step 0 is frame 3, and its thread 0 works on the last of 7 states, so the answer is $(1, 3, 6)$.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `block`, `k`, `i` | | int | | block, its step (from 0), and the thread within the block |
# | `frames` | $T_n$ | int | (N,) | frames of each utterance |
# | `label_counts` | $L_n$ | int | (N,) | labels of each transcript |
# | result | $n, t, s$ | three int | | utterance, frame, state; all $-1$ if there is no such step or state |


# %%
def work_of(block, k, i, frames, label_counts):
    """Return utterance, frame and state of a thread in a step, or -1 three times."""
    raise NotImplementedError


# %%
check("12.2", work_of)

# %% [markdown]
# ### Fetched before it is needed

# %%
read("const size_t begin", "fetch(k, k < last);")

# %% [markdown]
# Memory outside the block is far away, and a number takes long to arrive. A thread that asks for an
# emission and needs it at once waits for it in each frame. But it may go on until it *uses* the
# number. So each thread asks for the emissions of the first eight frames at once, and later for one more
# in each frame, the one that is eight frames ahead: **prefetching**. The numbers on their way need a place
# where nobody waits for them. It cannot be shared memory: to write them there, the thread would have to
# hold them first. It is a register, one for each frame that is ahead.
#
# ### The loop over frames

# %%
read("for (int start = 0", "float* now = rows")

# %% [markdown]
# *Which frame?* `k` counts steps: frames from the first on, or from the last back; `coming` and `out`
# move with it. The loop ends with *this* utterance's frames. It goes in rounds of eight that the
# compiler writes out one after another (`#pragma unroll`): then each of the eight knows its number
# `r`, and `logit[r % AHEAD]` is a certain register.
#
# *Where do the numbers come from?* `before` is the row of the last step, `now` the other one; in the
# next step they change places. That is **double buffering**: nobody writes where somebody may still be
# reading. The two closed places are in front of each row, so that `before[i - 2]` exists for `i = 0`,
# too, and no thread needs a special case.
#
# Now please skip a few lines, to which we come back, and read the recursion of chapter 05:

# %%
read("float emission[STATES]", "__syncthreads();")

# %% [markdown]
# `log_add` adds stay, step and skip; what the thread itself had written it still holds, in `mine`. What is
# stored in memory is `way`, without this frame's emission, for both directions. Then
# $\alpha + \beta + \text{emission}$ counts it once. `fetch` comes first: the frame that is asked for
# here is needed eight steps later, and its register has just become free.
#
# `__syncthreads()` is a **barrier**: no thread of the block passes before all have arrived. It is the
# only one, once for each frame. Before it, `now` is being written; behind it, everybody reads it. All
# threads must come here, also those that have no state: they leave the loop over `j`, not the kernel.
#
# And the lines between?

# %%
read("float shift = 0;", "offset += shift;")

# %% [markdown]
# Every 8 frames the row is shifted to a largest value of about 0, so that float32 keeps its digits for
# the differences (chapter 05 shows what happens otherwise); what was taken away is added up in
# `offset`, a `double`. The largest number of *all* threads takes two steps, since only the lanes of
# a warp can look into each other's variables. In one frame, the first lane of each warp writes its
# warp's largest to `partial`, in shared memory. Then there has to be a barrier, and there is one anyway,
# at the end of the frame. In the next frame, each warp reads all of `partial`: a block has at most 32
# warps, and a warp has 32 lanes. By now the largest number is two frames old. It does not matter: *any*
# number may be taken from all states, if it is given back, and all that counts is that it is near the
# largest.
#
# To believe in both, rows and barrier, we play the block ourselves. The loop over `i` stands for the
# threads, and we let them run in an order of our choice: on a GPU nobody promises one.
#
# Predict first: with a single row, in which the new numbers replace the old ones, how many different
# results do 200 orders of seven threads give?


# %%
def play_block(log_probs, label, back, order, rows=2):
    """Do what one block does, threads in a given order: the ways, (T, S)."""
    T, states = len(log_probs), 2 * len(label) + 1
    symbols = np.zeros(states, int)
    symbols[1::2] = label
    memory = np.full((rows, states + 2), -np.inf)
    ways = np.empty((T, states))
    for k in range(T):
        t = T - 1 - k if back else k
        before, now = memory[k % rows], memory[(k + 1) % rows]
        for i in order:  # the threads
            s = states - 1 - i if back else i
            way = 0.0 if i < 2 else -np.inf
            if k > 0:
                neighbour = s + 2 if back else s - 2
                skip = s % 2 and i >= 2 and symbols[s] != symbols[neighbour]
                way = np.logaddexp(before[i + 2], before[i + 1])
                way = np.logaddexp(way, before[i]) if skip else way
            ways[t, s] = way
            now[i + 2] = way + log_probs[t, symbols[s]]
        # the barrier: all threads have come so far
    return ways


log_probs = log_softmax(rng.standard_normal((8, 4)))
label = np.array([1, 2, 2])
forward, backward = (play_block(log_probs, label, back, range(7)) for back in (False, True))
joint = forward + backward + log_probs[:, [0, 1, 0, 2, 0, 2, 0]]
posterior = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
batch = log_probs[None], label[None], np.array([8]), np.array([3])
np.testing.assert_allclose(posterior, ctc.state_posterior(*batch)[0], atol=1e-12)

results = {}
for rows in (2, 1):
    orders = [np.arange(7)[::-1], *(rng.permutation(7) for _ in range(199))]
    found = [play_block(log_probs, label, False, order, rows) for order in orders]
    results[rows] = len({one.tobytes() for one in found})
    right = sum(np.array_equal(one, forward) for one in found)
    print(f"{rows} row(s), different results: {results[rows]}; right: {right} of 200 orders")
print("Verdict: the order " + ("matters with one row only." if results[2] == 1 < results[1] else
      "does not matter here." if results[1] == 1 else "always matters."))  # fmt: skip
assert results[2] == 1

# %% [markdown]
# With two rows the result is the package's. With one row a thread finds its neighbour's number from this
# frame or from the last one, as it happens. Such an error is called a **race**. It is the worst kind: in
# some order (here from the last thread to the first) the answer is right.
#
# ### Exercise 12.3: from one row to the other
#
# One step of the recursion for all states of one block, in NumPy. `before` begins with two closed places
# of $-\infty$, then come the states; so does your result. State $i$ is reached from $i$, from $i - 1$
# and, where `skip[i]` is true, from $i - 2$: the logarithm of the sum, plus `emissions[i]`. The row that
# you are given must stay as it is; a state that cannot be reached is $-\infty$, not nan.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `before` | $\ln \alpha_{t-1}$ | float | (S + 2,) | two closed places, then the states |
# | `emissions` | $\ln y_t$ | float | (S,) | log probability of each state's symbol |
# | `skip` | | bool | (S,) | whether a path may come from the state two before |
# | result | $\ln \alpha_t$ | float | (S + 2,) | two closed places, then the states |


# %%
def next_row(before, emissions, skip):
    """Compute the row of the next frame, (S + 2,), from the last one, (S + 2,)."""
    raise NotImplementedError


# %%
check("12.3", next_row)

# %% [markdown]
# ### Exercise 12.6: a softmax
#
# Now a whole block for one row, in CUDA: block $n$ computes $e^{x_{n,j} - m} / \sum_k e^{x_{n,k} - m}$,
# where $m$ is the largest number of row $n$. A row may be longer or shorter than the block, so each
# thread takes the numbers `threadIdx.x`, `threadIdx.x + blockDim.x` and so on. Then all threads must
# find *one* largest number and *one* sum: by shuffles within the warps, and from warp to warp through
# shared memory, which `__shared__ float partial[32];` declares; or in shared memory alone. The number
# of threads is a multiple of 32, at most 1024, not always a power of two. Each row has a finite number;
# numbers in the thousands must not overflow. With a row $[0, \ln 3]$, `out` is $[0.25, 0.75]$.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `x` | $x$ | `const float*` | (rows, columns) | a row for each block |
# | `out` | $y$ | `float*` | (rows, columns) | probabilities |
# | `columns` | $V$ | `int` | | numbers in a row |


# %%
def softmax_kernel():
    """Return the source of a kernel for the softmax of each row."""
    raise NotImplementedError
    return r"""
extern "C" __global__ void softmax(const float* x, float* out, int columns)
{
}
"""


# %%
check("12.6", softmax_kernel)

# %% [markdown]
# ### Exercise 12.7: a sum of exponentials, in pairs
#
# The softmax took the largest number off first, and read its row twice. CTC adds in pairs:
# $\ln(e^a + e^b)$, again and again, as `log_add` does with three. Here each thread has one number, and
# block $n$ writes the logarithm of the sum of its threads' exponentials. Threads of the last block
# that have no number add nothing, which is $-\infty$ in logarithms. Numbers in the thousands must not
# overflow; numbers may be $-\infty$, and if all of a block are, so is the result. (Minus infinity is
# `__int_as_float(0xff800000)`.) Threads as above. With `x` $[\ln 0.25, \ln 0.5]$, `out` is $[\ln 0.75]$.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `x` | $x$ | `const float*` | (count,) | a number for each thread |
# | `out` | $\ln \sum e^x$ | `float*` | (blocks,) | a number for each block |
# | `count` | | `int` | | numbers in all; each block has at least one |


# %%
def log_sum_kernel():
    """Return the source of a kernel for the logarithm of each block's sum of exponentials."""
    raise NotImplementedError
    return r"""
extern "C" __global__ void log_sum(const float* x, float* out, int count)
{
}
"""


# %%
check("12.7", log_sum_kernel)

# %% [markdown]
# ### The loss

# %%
read("if (!back && threadIdx.x == 0)", "losses[n] =")

# %% [markdown]
# One thread of the forward block adds up the two states that may be last, and gives back what the
# shifts had taken. If neither was reached, the loss is infinite: the text does not fit. An utterance
# without frames has probability 1 if there is nothing to say.
#
# ### The gradient
#
# Here frames do not depend on each other, so again every frame of every utterance has its own warp.

# %%
read("// One warp for each frame", "unsigned* targets", below="losses[n] = (float)")

# %% [markdown]
# Padding gets a gradient of exactly 0, and so does an utterance whose loss is infinite or nan. Leaving a
# kernel before the lanes exchange numbers is safe here because *all* lanes of the warp leave. They do:
# `frame` and `losses[n]` are the same for all of them.

# %%
read("float peak = LOWEST", "blanks = over_warp(blanks, true);", below="unsigned* targets")

# %% [markdown]
# First the probability of each state, given the text: exponentials of $\alpha + \beta + \text{emission}$,
# divided by their own sum. Whatever the shifts took from the frame, it is in numerator and
# denominator, and falls out.
#
# Then the states of a symbol have to be added up. Even states are blanks, and lanes with an even number
# have even states only: each adds up its own, and `over_warp` the lanes. But equal labels stand
# anywhere, and a thread for each symbol that looks through all states for its own would take
# $V \cdot S$ steps in each frame. So each state goes to its symbol: `atomicAdd` adds to the place of
# the symbol's first label, also when many lanes do so at once, in an order that nobody knows. In floats
# that would cost us the promise of the same bits. In *whole numbers* it costs nothing. A probability
# is written in units of $2^{-31}$, of which about $2^{31}$ can come together at most, and an `unsigned`
# holds that. What rounding takes is less than $2^{-31}$ for each state; float32 itself rounds a half in
# steps of $2^{-24}$.
#
# Predict first: 1000 probabilities are added up in 100 orders, in float32 and in whole numbers. How many
# different sums does each way give?

# %%
gamma = rng.dirichlet(np.full(1000, 0.1)).astype(np.float32)  # adds up to 1
orders = [rng.permutation(1000) for _ in range(100)]
whole = (gamma * np.float32(2**31) + np.float32(0.5)).astype(np.uint32)
for name, numbers, unit in (("floats", gamma, 1), ("whole numbers", whole, 2**31)):
    sums = {np.cumsum(numbers[order], dtype=numbers.dtype)[-1].item() / unit for order in orders}
    error = max(abs(one - gamma.sum(dtype=np.float64)) for one in sums)
    print(f"{name}: {len(sums)} different sums in 100 orders, largest error {error:.1e}")
print(f"Verdict: whole numbers are {'exactly repeatable' if len(sums) == 1 else 'not repeatable'}.")
assert len(sums) == 1

# %%
read("#pragma unroll 4", "if (lane == 0) out[blank]", below="blanks = over_warp")

# %% [markdown]
# At last $y - \text{target}$, the formula of chapter 05. Most symbols do not occur in the text; their
# target is 0, so all symbols get $y$ first, and then those of the text are written once more.
# `__syncwarp()` is the barrier of a warp: without it, a lane might write its $y$ over another lane's
# result. The one before `atomicAdd` is of the same kind: no lane may add to a place that another one has
# yet to clear.
#
# Did we read all of it?

# %%
rest = [i for i in range(len(lines)) if i not in have_read and lines[i].strip(" {}")]
print(f"{len(lines)} lines; not read: {[lines[i] for i in rest]}")
assert not rest

# %% [markdown]
# ### The launch
#
# What is left is Python: which arrays, how many blocks, how many threads.

# %%
text = inspect.getsource(ctc_by_kernel)
print(text[text.index("    xp = get_array_module") :])

# %% [markdown]
# `get_function(name)` finds a kernel; called with blocks, threads and arguments, it launches it. Lengths
# and labels travel together in one array, as each copy has its price. A block of `ctc_ways` has a thread
# for each state, rounded up to whole warps. Nothing is copied back: losses and gradient stay where the
# backward pass will need them. And no line waits between the three launches: the queue keeps their
# order, so each kernel finds what the one before it has written.
#
# ## It runs
#
# On the host, by g++, against the package's NumPy version in float64, which chapter 05 has held against
# finite differences; on a GPU as well, if there is one. The package asks `kernels.load` for the compiled file: for the host we put ours in its place.


# %%
def run(module, logits, labels, frames, counts, to=np.asarray):
    """Return losses and gradients by the kernels."""
    ours = patch.object(kernels, "load", lambda name, STATES: module)
    with ours if module else nullcontext():
        return [to_cpu(a) for a in ctc_by_kernel(to(logits), labels, frames, counts, 0)]


def make_batch(N, T, V, L):
    logits = (2 * rng.standard_normal((N, T, V))).astype(np.float32)
    labels = rng.integers(1, 4, (N, L))  # three symbols: many equal neighbours
    return logits, labels, rng.integers(T // 2, T + 1, N), rng.integers(L // 2, L + 1, N)


def compare(name, got, given):
    expected = ctc.ctc_loss(given[0].astype(np.float64), *given[1:])
    fits = np.isfinite(expected[0])
    difference = np.abs(got[1] - expected[1]).max()
    print(f"{name}: losses {got[0].round(3)}, largest difference of the gradient {difference:.1e}")
    np.testing.assert_array_equal(np.isfinite(got[0]), fits)
    np.testing.assert_allclose(got[0][fits], expected[0][fits], rtol=1e-5)
    np.testing.assert_allclose(got[1], expected[1], rtol=0, atol=3e-5)


given = make_batch(4, 60, 9, 20)
given[2][3] = 3  # far too few frames for its text
print("NumPy, float64: losses", ctc.ctc_loss(given[0].astype(np.float64), *given[1:])[0].round(3))
module = compile_for_host(source, STATES=1)
if module:
    on_host = run(module, *given)
    compare("the host", on_host, given)
    again = run(module, *given)
    np.testing.assert_array_equal(again[1], on_host[1])  # the same bits
else:
    print(f"Not run here: the kernels on the host, since {NO_COMPILER}.")
if NO_GPU:
    print(f"Not run here: the kernels on a GPU, since {NO_GPU}.")
else:
    compare("the GPU", run(None, *given, to=to_gpu), given)

# %% [markdown]
# ## Break it
#
# Four mistakes, each of a few characters, are planted into the file; the broken kernels run on the
# host, where threads run in a fixed order and a mistake shows in the same way each time. (On a GPU, a
# missing barrier may well give the right answer, today.) Predict first: which of them changes the losses
# and not the gradient?

# %%
MISTAKES = {
    "no barrier after a frame": ("__syncthreads();", ""),
    "the repeat rule forgotten": ("label[s / 2] != label[s / 2 - step]", "true"),
    "the shift not given back": ("offset += shift;", ""),
    "a barrier for the first warp only": (
        "__syncthreads();",
        "if (threadIdx.x < 32) __syncthreads();",
    ),
}
given = make_batch(4, 60, 9, 20)
loss, dlogits = ctc.ctc_loss(given[0].astype(np.float64), *given[1:])
print("NumPy, float64: losses", loss.round(3))
results = {}
for name, (right, wrong) in MISTAKES.items():
    assert source.count(right) == 1
    broken = compile_for_host(source.replace(right, wrong), STATES=1)
    if broken is None:
        print(f"Not run here: {name}, since {NO_COMPILER}.")
        continue
    try:
        results[name] = run(broken, *given)
        compare(name, results[name], given)
    except AssertionError:
        print("    found: it is not what NumPy computes")
    except RuntimeError as error:
        print(f"{name}: {error}")
    else:
        raise AssertionError(f"nobody noticed: {name}")
sly = [name for name, got in results.items() if np.allclose(got[1], dlogits, rtol=0, atol=3e-5)]
if results:
    print(f"Verdict: the gradient is right in {len(sly)} of them: {', '.join(sly) or 'none'}.")
    assert sly == ["the shift not given back"]
    assert (results["the repeat rule forgotten"][0] < loss).all()

# %% [markdown]
# That one is sly: without the shifts the losses are wrong and the gradient is right, since each
# frame is divided by its own sum. A network would learn; only the reported loss would be nonsense.
#
# <details><summary><b>For which transcripts is the loss right although the repeat rule is forgotten, and
# in which direction is it wrong for the others?</b> Think first, then look.</summary>
#
# It is right for those without equal neighbours. For the others, paths are counted that skip the
# blank between equal labels; they read a different, shorter text. More paths mean a larger
# probability, so the loss is too small. It looks like good news, which is why such a mistake lives long.
# </details>
#
# <details><summary><b>Why does the last one hang, rather than compute something wrong?</b></summary>
#
# The first warp waits at the barrier, until all threads of the block have come. The second one does
# not: it runs through all frames, and is gone before the first has got to its second frame. So the
# first waits for threads that will never come, and the host notices that nobody can move. On a GPU such
# a kernel is undefined: it may hang until somebody ends the program, or go on with wrong numbers.
# </details>

# %% [markdown]
# ## Padding
#
# Two utterances of unequal length, garbage behind the shorter one's end, and labels that are none
# behind its transcript's end. The kernels loop to each one's own length: nothing changes, and the
# gradient of padding is exactly 0.

# %%
logits, labels, frames, counts = make_batch(2, 30, 6, 8)
frames[:], counts[:] = [30, 12], [6, 3]
garbage, garbage_labels = logits.copy(), labels.copy()
garbage[1, 12:] = 1e30
garbage_labels[1, 3:] = -7
if module:
    clean, dirty = (
        run(module, x, y, frames, counts) for x, y in ((logits, labels), (garbage, garbage_labels))
    )
    np.testing.assert_array_equal(dirty[0], clean[0])
    np.testing.assert_array_equal(dirty[1], clean[1])
    assert not dirty[1][1, 12:].any()
    alone = run(module, logits[1:, :12], labels[1:, :3], frames[1:], counts[1:])
    np.testing.assert_allclose(alone[1][0], clean[1][1, :12], atol=1e-6)
    print("losses:", clean[0], "with garbage:", dirty[0])
else:
    print(f"Not run here: the kernels on padding, since {NO_COMPILER}.")

# %% [markdown]
# ## The recurrence on chip
#
# Back to the recurrent layers. The first remedy is plain: put all that a frame computes beside its
# product into one kernel. A product and a kernel, forward and backward, are 4 launches a frame
# instead of 25. What is beside the product? Gates, candidate, new state, padding: you can write it.
#
# ### Exercise 12.8: a frame of a GRU
#
# One launch computes frame $t$ of chapter 04's GRU, with $f = \tanh$, for all $N$ utterances and $H$
# units. The products are there already:
#
# $$z = \sigma(a^z + u^z), \quad r = \sigma(a^r + u^r), \quad c = \tanh(a^c + r\, u^c), \quad
# h_t = (1 - z)\, h_{t-1} + z\, c .$$
#
# There are at least $N H$ threads. Where frame $t$ is padding, $t \ge T_n$, the state stays as it
# is, whatever `a` and `u` hold there (it may be nan). $\sigma(x) = 1 / (1 + e^{-x})$, also for $x = -200$;
# `expf` and `tanhf` take floats. Where all of `a` and `u` is 0, a state of 1 becomes 0.5.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `a` | $a$ | `const float*` | (N, T, 3H) | input terms of all frames: z, r, c side by side |
# | `u` | $U h_{t-1}$ | `const float*` | (N, 3H) | recurrent terms of this frame: z, r, c |
# | `before` | $h_{t-1}$ | `const float*` | (N, H) | old state |
# | `frames` | $T_n$ | `const int*` | (N,) | frames of each utterance |
# | `after` | $h_t$ | `float*` | (N, H) | new state |
# | `t`, `N`, `T`, `H` | | `int` | | this frame, from 0, and sizes |


# %%
def gru_frame_kernel():
    """Return the source of a kernel for a frame of a GRU, beside its products."""
    raise NotImplementedError
    return r"""
extern "C" __global__ void gru_frame(
    const float* a, const float* u, const float* before, const int* frames, float* after,
    int t, int N, int T, int H)
{
}
"""


# %%
check("12.8", gru_frame_kernel)

# %% [markdown]
# ### Weights that stay
#
# With such a kernel the second bound shows. A launch begins with empty registers: whatever it needs, it reads. The
# product of a frame needs all of $U$, for $N$ rows of states. In the words of chapter 11, its
# arithmetic intensity is low: 2 flop for each number of $U$ and each row, which is $N/2$ flop a byte.
# The next frame reads the same numbers again. That card copied 4.1 TB/s and multiplied at 51 TFLOP/s. By
# these rates:

# %%
H, numbers = 512, 2 * 512 * 3 * 512  # of U, in both directions
print(f"U of a bidirectional GRU of {H} units: {4 * numbers / 2**20:.0f} MiB")
for N in (1, 8, 64):
    read_u, multiply_u = 4 * numbers / 4.1e12, 2 * N * numbers / 51e12
    print(f"N = {N:2}: {N / 2:4} flop a byte, {1e6 * read_u:.1f} microseconds a frame to read U, "
          f"{1e6 * multiply_u:.1f} to multiply")  # fmt: skip
registers = 132 * 65536 * 4
print(f"The registers of all multiprocessors: {registers / 2**20:.0f} MiB")
assert registers > 4 * 4 * numbers

# %% [markdown]
# With few utterances, as when many GPUs share a minibatch or when speech is transcribed live, most of
# the time goes into reading. (A cache makes the way of $U$ shorter, but each multiprocessor still has
# to fetch its part.) With 64 it should go into multiplying, but a product as small as this cannot
# occupy the whole card: it took 15 microseconds there, not 4.
#
# Must $U$ be read again? A block runs on one of the 132 multiprocessors, which provides its registers
# and its shared memory. On a CPU the nearest memory is the
# smallest. A GPU has so many registers that together they hold $U$ several times. So: one
# launch for *all* frames, in which each thread loads its share of $U$ once and keeps it. The idea comes
# from the paper's own laboratory (Diamos and others, *Persistent RNNs*, 2016), where it reached
# 2.8 TFLOP/s with 4 utterances on a Titan X.
#
# But now blocks depend on each other. Each computes 32 units, and each needs the units of all others
# for the next frame. So they have to know of each other after all, and that takes two things:
#
# * All blocks must be on the GPU at once. If one waited for another that has yet to find room, it would
#   wait for ever. CUDA calls this a *cooperative* launch; it is refused if there are too many blocks.
# * Each block must know when the others have written their units.
#
# The fewer blocks wait for each other, the better, and neither utterances nor directions need each
# other. So utterances are cut into *groups*, which have their own blocks in each direction, and
# there are as many groups as there is room for. This is what the package plans:

# %%
print("layer         warps of a block  utterances of a group  blocks")
for name, H, gates in (("GRU of 256", 256, 3), ("GRU of 512", 512, 3), ("RNN of 1280", 1280, 1),
                       ("GRU of 1280", 1280, 3)):  # fmt: skip
    plan = plan_persistent(H, gates, B=2, N=64, multiprocessors=132, shared_bytes=227 * 1024)
    if plan:
        print(f"{name:12} {plan.warps:17} {plan.utterances:22} {plan.blocks:7}")
    else:
        print(f"{name:12} does not fit: a product and a kernel a frame")

# %% [markdown]
# In a block of 16 warps a thread has 128 registers, of which 96 may hold weights; a GRU of 1280 units
# has too many of them. (Four multiprocessors stay free if possible, for others such as the all-reduce of
# chapter 13.)
#
# ### Who waits for whom
#
# Again we read the file; now only its most important lines. (`read` counts lines with the files that it
# includes.) Each block finds out what it works on, and whom it belongs to.

# %%
source = kernels.read_source("recurrent_persistent")
lines = source.splitlines()
read("// The blocks that wait for each other", "arrived = counters + 2 * g;")

# %% [markdown]
# `BLOCKS` is the number of blocks of a group in one direction: a block for each 32 units. `last` is
# the number of frames of the group's longest utterance; when it is over, the group is done.
#
# The same in Python, for a small layer: 96 units, two directions, eight utterances, on a GPU with room
# for two groups.


# %%
H, lengths = 96, np.array([9, 7, 8, 6, 5, 4, 5, 3])
small = plan_persistent(H, 3, B=2, N=8, multiprocessors=16, shared_bytes=227 * 1024)  # 12, 4 free
BLOCKS = -(-H // 32)
groups = -(-len(lengths) // small.utterances)


def work_of_block(block):
    """Return what the constructor of Group finds: direction, utterances, first unit, last frame."""
    g = block // BLOCKS
    first = g % groups * small.utterances
    utterances = range(first, min(first + small.utterances, len(lengths)))
    return g // groups, utterances, block % BLOCKS * 32, lengths[utterances].max()


names, last = [], []
for block in range(small.blocks):
    direction, utterances, unit, frames = work_of_block(block)
    last.append(frames)
    names.append(f"{('forward', 'backward')[direction]}, utterances {utterances[0]} to "
                 f"{utterances[-1]}, units {unit} to {unit + 31}")  # fmt: skip

# %%
figure, axis = plt.subplots(figsize=(7.5, 4.4), layout="constrained")
plot_waiting(names, last, BLOCKS, ((1, 1), (3, 1), (6, 4), (11, 2)), axis)
show(
    figure,
    "Twelve blocks, one below the other, each with a bar for every frame that it computes. Three blocks "
    "at a time make a group: a direction, four utterances, 96 units. Arrows show what four of the "
    "blocks wait for before a frame: for the frame before, of the three blocks of their own group. The "
    "groups of the shorter utterances end after 5 frames, the others after 9.",
)

# %% [markdown]
# Arrows go from the three blocks of a group to one of them; between groups there is none. The group of
# the short utterances is done after 5 frames, and nobody waits for it.
#
# ### Exercise 12.4: who waits for whom
#
# All blocks begin frame 0 at time 0. A block begins a later frame when all blocks of its group have ended
# the frame before. When does each block end each frame? (When you are done: how much later is the last
# one if all blocks are in one group? Draw the times at random.)
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `times` | | float | (T, blocks) | how long each block computes in each frame |
# | `group` | | int | (blocks,) | the number of each block's group |
# | result | | float | (T, blocks) | when each block ends each frame |


# %%
def end_times(times, group):
    """Compute when each block ends each frame, (T, blocks)."""
    raise NotImplementedError


# %%
check("12.4", end_times)

# %% [markdown]
# ### Arrive and wait

# %%
read("// What all threads of this block have written", "arrived[0] = arrived[1] = 0;")
read("unsigned load_acquire", "#define PAUSE()")

# %% [markdown]
# A group has a counter in the memory that all blocks see. To *arrive*, all threads of the block come to a
# barrier, so that all have written; then one of them adds 1. To *wait* before frame $k$, one thread looks
# at the counter until it is `BLOCKS` times $k$; the others wait for this thread, at a barrier. The counter
# only grows, so that an old frame cannot be mistaken for a new one.
#
# The addition is a **release**, the look an **acquire**. Writes need not become visible to other
# multiprocessors in the order in which they were made: there are caches on the way. A block might see
# the new counter and old units. Release means: what my block has written before is visible to whoever
# sees this number. Acquire means: what I read from now on is read after this number. Both are written
# in the GPU's own assembly language, PTX.
#
# ### The product
#
# A block multiplies a chunk of utterances by its own columns of $U$. Each thread holds four units (with
# their gates, all in registers), for a slice of the inner dimension:

# %%
read("float sum[OF_GATES][4] = {};", "x.w * w[g][u][q + 3];")

# %% [markdown]
# `x` is read from shared memory, four numbers at once, and serves four units of each gate: reading
# shared memory would otherwise be the next bound. Then the slices have to be added up: those of four
# lanes by shuffles, as in `over_warp`, those of the 16 warps by this loop:

# %%
read("float add_parts", "return sum;")

# %% [markdown]
# Each warp has a place of its own in `parts`, and they are added up *in the order of the warps*. To let
# all warps add to one place would be shorter; it would also be in another order each time, and no training
# could be repeated bit for bit.
#
# ### The loop over frames

# %%
read("// The new state of a unit", "(1 - z) * h_{k-1} + z * c")
read("for (int k = 0; k < T; ++k)", "group.leave();", below="persistent_forward(")

# %% [markdown]
# The first function is chapter 04's GRU, for one unit. The loop is the rest: fetch the units of the
# frame before, multiply, add up, compute. While a block waits for the others, what does not depend on them
# is on its way from memory: the input terms `a` and the old state. Padding is not computed; a state is
# carried through it. Backward, the same happens from the last frame on: a thread keeps rows of $U$
# instead of columns, and what travels from block to block is the gradient of $U h_{k-1}$.
#
# ### It runs, in any order
#
# The host runs all blocks of such a launch together. From one barrier to the next it runs threads in
# their order, in the opposite order, or at random; then a thread may also be left behind by all others. The
# oracle is the loop of chapter 04, forward and backward, in float64.


# %%
@functools.cache
def compile_text(text, cooperative, defines):
    return HostModule(text, cooperative=cooperative, defines=dict(defines))


def on_host(order, right="", wrong=""):
    """Let the package's kernels run on the host, perhaps with a mistake planted."""

    def load(name, cooperative=False, **defines):
        text = kernels.read_source(name).replace(right, wrong)
        module = compile_text(text, cooperative, tuple(defines.items()))
        module.order = ORDERS.index(order)
        return module

    return patch.object(kernels, "load", load)


def draw_recurrence(T=9):
    """Draw input terms, recurrent weights and upstream gradients, the latter 0 on padding."""
    a = rng.standard_normal((len(lengths), T, 1, 3 * H))
    U = rng.standard_normal((1, H, 3 * H)) / np.sqrt(H)
    dout = rng.standard_normal((len(lengths), T, H))
    dout[np.arange(T) >= lengths[:, None]] = 0
    return [array.astype(np.float32) for array in (a, U, dout)]


def by_loops(a, U, dout):
    """Return output, da and dU by the loops over time of chapter 04, in float64."""
    a, U, dout = (array.astype(np.float64) for array in (a, U, dout))
    h, cache = gru_forward(a.transpose(2, 1, 0, 3), U, np.zeros((1, len(lengths), H)))
    da, dU, _ = gru_backward(dout.transpose(1, 0, 2)[None], cache)
    out = h[0].transpose(1, 0, 2)
    out[np.arange(len(out[0])) >= lengths[:, None]] = 0
    return out, da.transpose(2, 1, 0, 3), dU


def by_launches(a, U, dout):
    """Return the same by the persistent kernels."""
    plan = plan_persistent(H, 3, B=1, N=8, multiprocessors=10, shared_bytes=227 * 1024)
    out, run = recurrent_forward(a, U, None, lengths, "tanh", "sum", plan)
    return out, *recurrent_backward(dout, run)


if NO_COMPILER:
    print(f"Not run here: the recurrence on the host, since {NO_COMPILER}.")
else:
    given = draw_recurrence()
    expected, first = by_loops(*given), None
    for order in ORDERS:
        with on_host(order):
            got = by_launches(*given)
        errors = [np.abs(mine - right).max() for mine, right in zip(got, expected, strict=True)]
        first = first or got
        assert all((mine == other).all() for mine, other in zip(got, first, strict=True))
        print("{:8} largest error of output {:.0e}, da {:.0e}, dU {:.0e}".format(order, *errors))
        assert max(errors) < 1e-5
    print("the same bits in all orders")

# %% [markdown]
# Now three mistakes in the waiting. New numbers are drawn for each run: otherwise a block that looks
# too early might find, in memory that was used before, the right numbers of the last run. Each runs
# five times: forward, backward, and three times in a random order. Predict first: how many of the fifteen
# runs will find nothing wrong?

# %%
MISTAKES = {
    "nobody waits": ("if (first == group.first) group.wait(k);", ""),
    "one block is not waited for": ("BLOCKS * time)", "BLOCKS * time - 1)"),
    "arrives before all threads have written": (
        "    __syncthreads();\n        if (threadIdx.x == 0) add_release",
        "    if (threadIdx.x == 0) add_release",
    ),
}
unseen = runs = 0
for name, mistake in {} if NO_COMPILER else MISTAKES.items():
    assert source.count(mistake[0]) == 1
    print(name)
    found = 0
    for order in (*ORDERS, "random", "random"):
        given = draw_recurrence()
        with on_host(order, *mistake), np.errstate(all="ignore"):  # garbage overflows
            got = by_launches(*given)
        wrong = [
            not np.allclose(mine, right, atol=1e-4)
            for mine, right in zip(got[:2], by_loops(*given)[:2], strict=True)
        ]
        found += any(wrong)
        runs, unseen = runs + 1, unseen + (not any(wrong))
        verdicts = ["wrong" if one else "right" for one in wrong]
        print("    {:8}  forward {}, backward {}".format(order, *verdicts))
    assert found, f"nobody noticed: {name}"
if NO_COMPILER:
    print(f"Not run here: mistakes in the waiting, since {NO_COMPILER}.")
else:
    print(f"Verdict: {unseen} of {runs} runs of broken kernels are right" +
          (" all the same." if unseen else "; here each run shows it."))  # fmt: skip

# %% [markdown]
# A mistake in the waiting gives the right answer whenever nobody happens to be late. So the package's
# tests run such kernels in all three orders. And no order can show a release that is none:
# nothing on the host delays a write. Only a GPU could show it, and only sometimes.
#
# ### What it saves

# %%
WAYS = {
    "array operations": array_operations,
    "a product and a kernel a frame": lambda: patch.dict(recurrent.REGISTERS, clear=True),
    "all frames in one launch": nullcontext,
}
for name, way in {} if NO_COMPILER else WAYS.items():
    layer_launches(GRU, 1, way=way)  # makes the counters, which stay
    few, many = (layer_launches(GRU, T, way=way) for T in (8, 16))
    print(f"{name:31} {few.total():3} launches for 8 frames, {many.total():3} for 16")
if NO_COMPILER:
    print(f"Not shown here: the launches of a layer by kernels, since {NO_COMPILER}.")
else:
    print("\nthe last one:", dict(+many))
    assert many == few
    assert many["persistent_forward"] == many["persistent_backward"] == 1

# %% [markdown]
# From 25 launches a frame to 4, and to none: what is left is the same for a second and for a minute of
# speech, and it is mostly what surrounds the recurrence, such as the product with $W$ and batch
# normalisation. On a GPU these kernels have **not been measured yet**.
#
# ## Sums over all blocks
#
# Two other parts of the package need a number from *all* blocks before they can go on. Neither needs a
# cooperative launch: the end of a kernel is a barrier for the whole GPU, since the next kernel
# begins only then. What it costs is one more launch.
#
# **Batch normalisation** needs the mean before it can centre, and the variance before it can divide. Each
# block adds up a part of a sum, and writes it to a place of its own; every block of the next
# kernel adds up all parts, in their order:

# %%
lines = kernels.read_source("batchnorm").splitlines()
read("// Add up the parts of a sum", "return add_over_lane(sum, at.lanes);")
read("const Layout at", "at.feature()] = total;", below="// First pass: the sums of x")

# %%
x, lengths = rng.standard_normal((4, 70, 50)).astype(np.float32), np.array([70, 50, 61, 9])
gamma, beta = np.ones(50, np.float32), np.zeros(50, np.float32)
expected, first = SeqBatchNorm(50).forward(x, lengths), None
for order in () if NO_COMPILER else ORDERS:
    running = np.zeros(50, np.float32), np.ones(50, np.float32)
    with on_host(order):
        got = batchnorm_by_kernel(x, lengths, gamma, beta, running, 1e-5, 0.99, None)[0]
    first = got if first is None else first
    np.testing.assert_allclose(got, expected, atol=1e-5)
    np.testing.assert_array_equal(got, first)
    print(
        f"{order:8} the same bits; apart from NumPy by {np.abs(got - expected).max():.0e} at most"
    )
if NO_COMPILER:
    print(f"Not run here: batch normalisation on the host, since {NO_COMPILER}.")

# %% [markdown]
# With `atomicAdd` to one place there would be no parts, and no two trainings alike. Which thread takes
# which numbers matters as well. On the card of 2026-11-27, CuPy's sum over the rows of an array (rows,
# 1024) read 0.18 TB/s, where a copy ran at 4.1: this sum is what batch normalisation needs. In our
# kernel, 32 threads side by side read 32 features side by side (not measured yet).
#
# **The update** needs the norm of all gradients before it moves the first weight. It is two kernels
# for all parameters together, which lie in one flat array. In the second one
# ([update.cu](../ds2np/kernels/update.cu)) all blocks add up the same parts, so all find the same norm
# and decide the same: how far to go, or not to move at all. The CPU asks for the norm as well, but only
# for its records, and after both launches.
#
# ## What the paper reports
#
# The paper computes CTC on the GPU and has its own kernels for recurrent layers, its own all-reduce
# and its own memory allocator. It sustains 3 TFLOP/s on each GPU, about half of the peak of its cards. In
# deployment its weights have half precision, with kernels made for small batches. Without a GPU, none
# of its speeds can be seen. What can be seen is what makes them necessary: the count of launches, the
# waits, and the digits that a sum needs. On your GPU, `tests/benchmarks/gpu` measures all kernels.
#
# **A little history.** CUDA appeared in 2007; since 2014, cuDNN (Chetlur and others) has given frameworks
# ready kernels, and in 2016 Diamos and others kept the weights of a recurrence on the chip.
#
# ## Summary
#
# * The array decides where code runs; `to_gpu` and `to_cpu` are the only ways across.
# * The CPU writes orders into a queue. A number that is asked for empties it.
# * Small operations cost a launch each, whatever their size. Loops over time are made of them.
# * Store small, add up large, and in a fixed order.
# * A kernel says what one thread does. Threads of a block share memory and meet at barriers; blocks
#   know nothing of each other.
# * Two rows and one barrier a frame: nobody writes where somebody reads.
# * A multiprocessor hides the time of reading behind other warps. Neighbouring threads should read
#   numbers that lie side by side.
# * A recurrent layer reads the same weights in every frame. In registers they are read once; then blocks
#   have to wait for each other, all on the GPU at once, by a counter with release and acquire.
# * A sum over all blocks ends with the kernel; the next one adds up the parts, in their order.
#
# **A production system** would record the launches of a step once and replay them (CUDA graphs), train in
# half precision with sums in float32, and run the tests of its kernels under a race detector on a GPU.
# Many kernels are no longer written in CUDA: a compiler joins operations into one, or they are written
# in Triton, which plans threads and shared memory by itself (Tillet and others, 2019).
#
# ## Further reading
#
# * NVIDIA: *CUDA C++ Programming Guide*; the chapters on the programming model and on warp shuffle
#   functions.
# * The CuPy project: *User Guide*; its chapters "Performance Best Practices" and "User-Defined Kernels".
# * D. Goldberg: *What every computer scientist should know about floating-point arithmetic*, 1991.
# * P. Micikevicius and others: *Mixed precision training*, ICLR 2018.
# * S. Chetlur and others: *cuDNN: efficient primitives for deep learning*, 2014.
# * P. Tillet, H. T. Kung, D. Cox: *Triton: an intermediate language and compiler for tiled neural network
#   computations*, MAPL 2019.
# * S. Rush: *GPU Puzzles*; kernels to write, in Python, with pictures of what threads read and write.
# * G. Diamos and others: *Persistent RNNs: stashing recurrent weights on-chip*, ICML 2016.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * In the package: [ctc.cu](../ds2np/kernels/ctc.cu), [ctc.py](../ds2np/kernels/ctc.py),
#   [recurrent_persistent.cu](../ds2np/kernels/recurrent_persistent.cu),
#   [recurrent_steps.cu](../ds2np/kernels/recurrent_steps.cu),
#   [recurrent.py](../ds2np/kernels/recurrent.py), [batchnorm.cu](../ds2np/kernels/batchnorm.cu),
#   [update.cu](../ds2np/kernels/update.cu), [backend.py](../ds2np/backend.py),
#   [cuda_on_host.h](../ds2np/kernels/host/cuda_on_host.h), [fake_gpu.py](../ds2np/learn/fake_gpu.py).
