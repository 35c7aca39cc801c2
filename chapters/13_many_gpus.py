# %% [markdown]
# # 13  Many GPUs
#
# The paper goes about 20 times through 12,000 hours of English: too much for one GPU. This chapter
# lets many processes train one network, and builds by hand what they need for it: a way to add up
# arrays that lie in all of them.
#
# ![The network from sound to text; everything that is trained is framed.](images/network_13.svg)
#
# **You will be able to**
#
# * say why gradients of parts add up to the gradient of the whole, and when a mean of means lies;
# * write all-reduce in three ways, and count the rounds and the bytes of each;
# * prove that no way sends less than the ring does;
# * train over several processes and get the losses of one;
# * read a scaling curve, and name what it leaves out.
#
# **You need** chapter 03 (batch normalisation) and chapter 06 (training). A GPU is not needed, and
# a second one even less: all runs in small processes on the CPU. **Reading time** 75 minutes.

# %%
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from ds2np.ctc import ctc_loss
from ds2np.data.batches import pad
from ds2np.data.batches import shard as real_shard
from ds2np.data.manifest import write_manifest
from ds2np.layers import batchnorm
from ds2np.learn import check, scaling, show, simulate, toy
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.plots import plot_holdings, plot_over_processes, plot_timeline
from ds2np.train.history import read_history

# %% [markdown]
# ## The idea in one picture
#
# ![A minibatch of five utterances is dealt out to two processes; each computes the gradients of its
# part; all-reduce adds them up; both move their weights alike.](images/parallel_13_step.svg)
#
# Several **processes** run the same program, each with a copy of the same network, each on a GPU of
# its own. They are numbered 0 to $p - 1$; the number is a process's **rank**. Of every minibatch,
# each takes a part and computes gradients from it. Then the processes add their gradients up.
# Whatever comes out is the same in all of them. They have started with equal weights, and all make
# the same step; so all networks stay equal, and no weight is ever sent again. This is **data
# parallelism**, and since everyone waits for everyone in every step, it is called *synchronous*.
#
# The operation in the middle takes one array from every process and leaves the sum of all of them
# in every process. It is called **all-reduce**. Everything else in this chapter follows from two
# questions: is the sum the right thing, and what does it cost?

# %% [markdown]
# ## Parts of a minibatch
#
# The smallest network there is: one weight for each of two inputs, $y_t = W \cdot x_t$. The loss of
# an utterance is $\frac{1}{2} \sum_t (y_t - d_t)^2$, where $d_t$ is the target. Its gradient
# by $W$ is $\sum_t (y_t - d_t)\, x_t$. Five utterances of unequal length, all numbers whole, so that
# nothing is rounded:

# %%
rng = np.random.default_rng(0)
W = np.array([2.0, -1.0])  # (D,)
utterances = [
    (rng.integers(-3, 4, (T, 2)).astype(float), rng.integers(-3, 4, T).astype(float))
    for T in (2, 3, 3, 4, 6)
]


def gradient_sum(utterances, W):
    """Add up the gradients of some utterances: (D,)."""
    dW = np.zeros_like(W)
    for x, target in utterances:  # (T, D), (T,)
        for t in range(len(x)):
            dW += (x[t] @ W - target[t]) * x[t]
    return dW


for i, utterance in enumerate(utterances):
    print(f"utterance {i}: {len(utterance[0])} frames, gradient {gradient_sum([utterance], W)}")

# %% [markdown]
# The loss of a minibatch is the mean of the losses of its utterances. With $g_i$ for the gradient of
# utterance $i$, the gradient of the minibatch is
#
# $$g = \frac{1}{N} \sum_{i=1}^{N} g_i
# = \frac{1}{N} \left( \sum_{i \in \text{part } 0} g_i + \ldots
# + \sum_{i \in \text{part } p-1} g_i \right).$$
#
# That is the whole argument: a sum can be taken in parts, and the parts may be of any size. Here are 3
# and 2 of five.

# %%
parts = [utterances[0::2], utterances[1::2]]  # 0, 2, 4 and 1, 3
whole = gradient_sum(utterances, W) / 5
in_parts = sum(gradient_sum(part, W) for part in parts) / 5
np.testing.assert_array_equal(in_parts, whole)  # to the last bit
print("five utterances, whole:", whole, " in parts: ", in_parts)

# %% [markdown]
# ### The mean of means
#
# It is tempting to let every process take the mean of its own part, since that is what its code does
# when it is alone, and to average these means. With equal parts that is the same. Predict first: and with
# parts of 3 and 2? Which utterances will count for too much?

# %%
means = [gradient_sum(part, W) / len(part) for part in parts]
print("means of the parts:", *means)
print("mean of means:     ", np.mean(means, axis=0), " and the truth:", whole)
print("parts  | weight in the 1st | in the 2nd | as it should be")
for first in (3, 4, 5):
    weights = [f"{1 / (2 * n):.3f}" if n else "0/0" for n in (first, 5 - first)]
    print(f"{first} and {5 - first} | {weights[0]:<17} | {weights[1]:<10} | {1 / 5:.3f}")
apart = np.abs(np.mean(means, axis=0) - whole).max() / np.abs(whole).max()
print(f"Verdict: off by {apart:.0%}; whoever is in the smaller part counts for more.")
assert apart > 0.01

# %% [markdown]
# Nothing crashes. In the mean of means an utterance of part $r$, which has $N_r$ utterances, weighs
# $1 / (p N_r)$ in place of $1 / N$. The last minibatch of an epoch is often small, and with many
# processes some may get nothing at all. The mean of nothing is 0/0, not a number, and it spreads to
# everyone; the *sum* of nothing is 0. So the rule is: **add up sums, and divide once, by the utterances
# of the whole minibatch.** The paper's average is of this kind: over the utterances of the whole
# minibatch.
#
# To divide by frames is another mistake that runs well; chapter 06 says what it does.
#
# With numbers that are not whole, sums in another order differ in the last digits. So a run over four
# processes does not have the same bits as one over two. But all processes of *one* run must have the
# same bits, or their networks would drift apart, a little more in each step. So every way of adding up
# below either computes each sum in one place and copies it, or computes it everywhere in the same order.
#
# ### Exercises
#
# Replace each `raise NotImplementedError` and run the cell below it. What is correct is kept in a
# file of yours, `my_ds2np.py`, beside the folder of the chapters; `python -m ds2np learn` says how far
# you are. Solutions are [apart](solutions/13_many_gpus.py). The first exercise stands here, the others
# where you have just read what they need.
#
# ### Exercise 13.1: from means to the mean
#
# Each of $p$ processes hands in the *mean* of its utterances' gradients, and how many utterances that
# were. Return the mean over all utterances. A process that had none hands in NaN, the mean of nothing.
#
# | name in code | symbol | type, shape | meaning |
# |---|---|---|---|
# | `means` | | array (p, D) | of each process, the mean of its gradients; NaN where it had none |
# | `counts` | $N_r$ | array of int (p,) | utterances of each process |
# | result | $g$ | array (D,) | mean of the gradients of all utterances |
#
# Means `[[1.0], [5.0]]` of `[3, 1]` utterances give `[2.0]`.


# %%
def mean_of_parts(means, counts):
    """Return the mean over all utterances, (D,); means is (p, D), counts (p,)."""
    raise NotImplementedError


# %%
check("13.1", mean_of_parts)

# %% [markdown]
# ## The same with a real network
#
# A small network of the package in double precision, and five utterances of unequal length with
# random frames. `shard` deals a minibatch out like cards: process $r$ takes utterances $r$, $r +
# p$, $r + 2p$ and so on. Minibatches are in order of length, so all parts have like lengths, and
# nobody waits long for the others. The next minibatch is dealt on from where this one ended, or the
# same processes would always get one more.

# %%
config = DeepSpeech2Config(
    sample_rate=8000,
    mels=12,
    characters=" abc",
    conv=(ConvConfig(channels=2, kernel=(5, 5), stride=(2, 2)),),
    layers=1,
    hidden=6,
)
frames = np.array([14, 17, 20, 26, 31])
spectrograms = [rng.standard_normal((T, config.features)) for T in frames]
labels = np.array([[1, 2], [3, 1], [2, 2], [4, 1], [1, 3]])
shares = [real_shard([np.arange(5)], rank, 2)[0] for rank in range(2)]
print("process 0 takes utterances", shares[0], "and process 1", shares[1])


def padded(indices):
    """Stack some utterances, padded to the longest of them, garbage behind the shorter ones."""
    x, lengths = pad([spectrograms[i] for i in indices], np.float64)
    for row, length in zip(x, lengths, strict=True):
        row[length:] = 1e3
    return x, lengths  # (N, T, F), (N,)


def add_gradients_of(model, indices):
    """Add up gradients of some of the five utterances; each weighs 1/5."""
    logits, out_lengths = model.forward(*padded(indices))
    _, dlogits = ctc_loss(logits, labels[indices], out_lengths, np.full(len(indices), 2))
    model.backward(dlogits / 5)


def gradients_of(indices, training):
    model = DeepSpeech2(config, seed=1, dtype=np.float64)  # the same weights every time
    model.set_training(training)
    add_gradients_of(model, indices)
    return model.flat_grads  # all gradients as one long array


# %% [markdown]
# Part 0 is padded to 31 frames, part 1 to 26 only, with garbage behind. Predict first: do the gradients
# of the parts add up to those of the whole, in evaluation mode and in training mode?

# %%
error = {}
for training in (False, True):
    whole = gradients_of(np.arange(5), training)
    in_parts = sum(gradients_of(share, training) for share in shares)
    error[training] = np.abs(in_parts - whole).max() / np.abs(whole).max()
    print(
        f"{'training' if training else 'evaluation':10} mode: relative difference {error[training]:.1e}"
    )
print("Verdict: evaluation mode", "adds up," if error[False] < 1e-12 else "does not add up,",
      "training mode", "does not." if error[True] > 1e-3 else "does, too.")  # fmt: skip
assert error[False] < 1e-12

# %% [markdown]
# Padding does no harm. What differs is the one layer that sees more than one utterance at a time: batch
# normalisation. Its mean in training mode is that of a *part*, and so $g_i$ depends on who else is in
# the part.
#
# ### Exercise 13.2: deal out
#
# Return the plan of process `rank` of `size`: of *every* minibatch, utterances `rank`, `rank + size`, and
# so on. All processes must have equally many minibatches, even if some are empty, or one would wait for a
# sum that the others never begin.
#
# | name in code | symbol | type, shape | meaning |
# |---|---|---|---|
# | `plan` | | list of arrays of int | minibatches; the numbers of their utterances |
# | `rank` | $r$ | int | which process, from 0 |
# | `size` | $p$ | int | how many processes |
# | result | | list of arrays of int | as long as the plan |
#
# Of `[array([7, 3, 9])]`, process 1 of 2 gets `[array([3])]`. The package could train with your
# function, and the graduation of [chapter 07](07_network.ipynb) can put it in the package's place; the
# package's own begins each minibatch with the process after the last one's end.


# %%
def shard(plan, rank, size):
    """Return a process's part of each minibatch, a list of arrays as long as the plan."""
    raise NotImplementedError


# %%
check("13.2", shard)

# %% [markdown]
# ### Statistics of each process, or of all
#
# There are two answers. Leave it so: every process normalises by its own frames, as if its part were
# a minibatch of its own. The network learns that way too, but what it learns depends on the number
# of processes. Or share the statistics. What has to be sent, then? Two utterances of chapter 03's kind,
# one feature, one process each:

# %%
held = [np.array([0.0, 4.0, 6.0, 10.0]), np.array([1.0, 3.0])]  # real frames of the two processes
for rank, x in enumerate(held):
    print(f"process {rank}: mean {x.mean()}, variance {x.var()}")
sums, counts = [x.sum() for x in held], [len(x) for x in held]
mean = sum(sums) / sum(counts)  # first all-reduce: two numbers
squares = [((x - mean) ** 2).sum() for x in held]
var = sum(squares) / sum(counts)  # second all-reduce
print(f"shared:    mean {mean}, variance {var}")
everything = np.concatenate(held)
np.testing.assert_allclose([mean, var], [everything.mean(), everything.var()])

# %% [markdown]
# Means can be added up as sums and counts. Variances cannot be averaged, since the parts lie around
# different means: each process has to learn the *common* mean before it can measure squares. So the
# forward pass needs two all-reduces for each normalisation. The backward pass needs one more, since
# the two sums in its formula, $d\beta$ and $d\gamma$, run over all frames as well.
#
# The package's function takes an argument `add_up` for this. To try it, several processes have to run
# at the same time and wait for each other. We play them with threads. A **barrier** lets nobody
# through before all have come:


# %%
class Room:
    """Simulated processes, a thread each, that add arrays up."""

    def __init__(self, p):
        self.barrier = threading.Barrier(p, timeout=60)
        self.given, self.calls = [None] * p, 0

    def add_up(self, rank, array):
        self.given[rank] = array.copy()
        self.barrier.wait()  # all have given theirs
        array[...] = sum(self.given)
        self.calls += rank == 0
        self.barrier.wait()  # all have read, before anyone gives the next


def run_together(p, work):
    """Call work(rank, add_up) in p threads; return what each returns."""
    room = Room(p)
    with ThreadPoolExecutor(p) as pool:
        results = list(pool.map(lambda rank: work(rank, partial(room.add_up, rank)), range(p)))
    return results, room


def normalise_part(rank, add_up):
    x = held[rank][None, :, None]  # (N, T, H) = (1, T, 1)
    out, _ = batchnorm.seq_batchnorm_forward(
        x, np.ones(1), np.zeros(1), np.ones(x.shape[:2]), all_reduce=add_up
    )
    return out[0, :, 0]


outs, _ = run_together(2, normalise_part)
for rank, out in enumerate(outs):
    np.testing.assert_allclose(out, (held[rank] - mean) / np.sqrt(var + batchnorm.EPSILON))
    print(f"process {rank}:", out.round(3))

# %% [markdown]
# Now a whole data-parallel step, by two and by three processes: statistics are shared, then the
# gradients are added up.


# %%
def shared_step(rank, add_up, p):
    model = DeepSpeech2(config, seed=1, dtype=np.float64)
    batchnorm.sync_batchnorm(model, add_up)
    add_gradients_of(model, real_shard([np.arange(5)], rank, p)[0])
    add_up(model.flat_grads)
    return model.flat_grads


whole = gradients_of(np.arange(5), training=True)
for p in (2, 3):
    results, room = run_together(p, partial(shared_step, p=p))
    for gradients in results:
        np.testing.assert_allclose(gradients, whole, rtol=0, atol=1e-12 * np.abs(whole).max())
        np.testing.assert_array_equal(gradients, results[0])  # the same bits everywhere
    print(f"{p} processes: the gradients of the whole minibatch, after {room.calls} all-reduces")
    assert room.calls == 3 * 3 + 1

# %% [markdown]
# This network has three normalisations (after the convolution, in the recurrent layer, before the
# output), so nine of the all-reduces are theirs and the tenth is that
# of the gradients. Those nine are tiny, but nobody can go on before they are done, and in a deep
# network on many machines such waits add up. The package leaves the choice: `--sync-batchnorm`.
#
# <details><summary>Question: with <code>--sync-batchnorm</code> off, which numbers of the network would
# differ between the processes after a step, although all gradients are the same? What is to be done
# about it?</summary>
#
# The running averages: each process has updated them from its own frames. No gradient reaches them,
# so the all-reduce of the gradients leaves them alone. The package averages them over the processes
# after each step, so that whoever writes the checkpoint writes that of all.
# </details>

# %% [markdown]
# ## All-reduce by hand
#
# From here on, a process is a row in a list, and nothing goes from one to another but by a message.
# In a **round**, each process sends at most one message and receives at most one. The post counts
# rounds, and the bytes that each process sends.


# %%
class Post:
    """Carries messages between simulated processes."""

    def __init__(self, p):
        self.rounds, self.bytes_sent = 0, np.zeros(p, int)

    def exchange(self, messages):
        """Make a round of (sender, receiver, array); return what each receiver gets."""
        assert len({sender for sender, _, _ in messages}) == len(messages)
        got = {receiver: array.copy() for _, receiver, array in messages}
        assert len(got) == len(messages)
        self.rounds += 1
        for sender, _, array in messages:
            self.bytes_sent[sender] += array.nbytes
        return got


# %% [markdown]
# ### Naive
#
# Everyone sends its array to process 0, which adds up and sends the sum back to everyone.


# %%
def naive(arrays):
    held, p = [array.copy() for array in arrays], len(arrays)
    post = Post(p)
    for r in range(1, p):
        held[0] += post.exchange([(r, 0, held[r])])[0]
    for r in range(1, p):
        held[r] = post.exchange([(0, r, held[0])])[r]
    return held, post


arrays = [np.full(8, 10.0**r) for r in range(4)]  # 1, 10, 100, 1000
held, post = naive(arrays)
print("everyone has", held[3][0], f"after {post.rounds} rounds; bytes sent:", post.bytes_sent)

# %% [markdown]
# Process $r$ gives $10^r$, so the digits of a number tell whose arrays are in it: 1111 is all four.
# Process 0 has sent three times as much as the others, and with 128 processes it would be 127 times.
# While it talks to one, the others do nothing.
#
# ### Tree
#
# Pairs can talk at the same time. In the first round 1 sends to 0 and 3 to 2; in the second 2 sends
# to 0; then back the same way.


# %%
def tree(arrays):
    held, p = [array.copy() for array in arrays], len(arrays)
    post = Post(p)
    distances = [2**k for k in range((p - 1).bit_length())]  # 1, 2, 4, ... below p
    for d in distances:
        pairs = [(near, near + d) for near in range(0, p - d, 2 * d)]
        got = post.exchange([(far, near, held[far]) for near, far in pairs])
        for near, _ in pairs:
            held[near] += got[near]
    for d in reversed(distances):
        pairs = [(near, near + d) for near in range(0, p - d, 2 * d)]
        for far, array in post.exchange([(near, far, held[near]) for near, far in pairs]).items():
            held[far] = array
    return held, post


held, post = tree(arrays)
print("everyone has", held[3][0], f"after {post.rounds} rounds; bytes sent:", post.bytes_sent)

# %% [markdown]
# Fewer rounds: $2 \lceil \log_2 p \rceil$ in place of $2 (p - 1)$. But each message still is the
# whole array. And who works? Predict first: how many of 16 processes have nothing to do in the first
# round, and how many in the next?

# %%
p = 16
for k in range((p - 1).bit_length()):
    busy = {r for near in range(0, p - 2**k, 2 * 2**k) for r in (near, near + 2**k)}
    print(f"round {k + 1}: {len(busy):2} of {p} send or receive, {1 - len(busy) / p:.0%} are idle")

# %% [markdown]
# In the first round all work, one half sends and the other receives; then half of them are idle, then
# three quarters, and so on.
#
# ### Ring
#
# Idle processes are wasted links. So cut the array into $p$ **chunks**, put the processes in a ring,
# and let everyone talk to its right-hand neighbour all the time.
#
# ![Four processes in a ring. In the first round process r sends chunk r to its neighbour. After
# three rounds each process has the whole sum of one chunk.](images/parallel_13_ring.svg)
#
# In round $k$ (from 0), process $r$ sends chunk $r - k$ and receives chunk $r - 1 - k$, which it adds
# to its own. What it has just added to is what it sends next. All indices count around the ring:
# after $p - 1$ comes 0. Each chunk travels, and gathers one more process's numbers at every stop.
# After $p - 1$ rounds it has been everywhere: process $r$ has the whole sum of chunk $r + 1$. This
# half is called **reduce-scatter**. In the second half, **all-gather**, the whole sums go round once
# more, and this time they replace what is there.


# %%
def ring(arrays, look=lambda chunks: None):
    p = len(arrays)
    chunks = [np.array_split(array.copy(), p) for array in arrays]  # some longer by one
    post = Post(p)
    look(chunks)
    for k in range(p - 1):  # reduce-scatter
        got = post.exchange([(r, (r + 1) % p, chunks[r][(r - k) % p]) for r in range(p)])
        for r in range(p):
            chunks[r][(r - 1 - k) % p] += got[r]
        look(chunks)
    for k in range(p - 1):  # all-gather
        got = post.exchange([(r, (r + 1) % p, chunks[r][(r + 1 - k) % p]) for r in range(p)])
        for r in range(p):
            chunks[r][(r - k) % p] = got[r]
        look(chunks)
    return [np.concatenate(each) for each in chunks], post


held, post = ring(arrays)
print("everyone has", held[3][0], f"after {post.rounds} rounds; bytes sent:", post.bytes_sent)

# %% [markdown]
# All chunks of all processes after each round, as numbers of contributions. Predict first: after which
# round does every process have one whole sum?

# %%
states = []
ring([np.ones(4)] * 4, lambda chunks: states.append(np.array(chunks, int)[..., 0]))

# %%
figure, axes = plt.subplots(1, 7, figsize=(11, 2.1), sharey=True, layout="constrained")
names = ["start", *(f"round {k}" for k in range(1, 7))]
plot_holdings(states, names, axes)
show(
    figure,
    "Seven tables of four processes by four chunks. At the start all entries are 1. Over three "
    "rounds a diagonal of 2, then 3, then 4 builds up; over three more the fours fill the table.",
)
whole_sums = [(state == 4).sum(axis=1).tolist() for state in states]
print(f"Verdict: after round {whole_sums.index([1, 1, 1, 1])}; all have all after", end=" ")
print(f"round {whole_sums.index([4, 4, 4, 4])}.")

# %% [markdown]
# ### Exercise 13.3: the ring the other way round
#
# A link carries messages both ways at once, so a second ring can turn to the left with half of the
# data. Write one round of its reduce-scatter. In round `k`, process $r$ sends its chunk $r + k$ to process
# $r - 1$, which adds it to its own; all at the same time, and indices count around the ring.
#
# | name in code | symbol | type, shape | meaning |
# |---|---|---|---|
# | `chunks` | | array (p, p, m) | `chunks[r, c]` is chunk $c$ as process $r$ has it; stays as it is |
# | `k` | $k$ | int | round, from 0 |
# | result | | array (p, p, m) | the chunks after the round |
#
# Example: with 2 processes and 1 number a chunk, in round 0, `[[[1], [2]], [[10], [20]]]` becomes
# `[[[1], [22]], [[11], [20]]]`.


# %%
def ring_round_back(chunks, k):
    """Return the chunks after round k, (p, p, m)."""
    raise NotImplementedError


# %%
check("13.3", ring_round_back)

# %% [markdown]
# ### How little can be enough?
#
# In the ring each process sends $2 (p - 1)$ chunks of a $p$-th: $2 \frac{p - 1}{p}$ of its array, less
# than twice, however many processes there are. Nothing in which processes add up element by element can do
# with less. Here is the proof.
#
# Look at one number of the array, and at all messages that carry something about it, be it one
# process's number or the sum of several. Let $f$ be the process that is the first to know the whole
# sum. (If several learn it in the same round, imagine their messages arriving one after the other.)
#
# 1. *Before* $f$ knows it, each of the other $p - 1$ processes must have sent something about it:
#    otherwise its own number could not be in the sum.
# 2. *From then on*, each of the other $p - 1$ processes must still receive something about it: they
#    do not know the sum yet.
#
# No message counts twice. A message of the first kind goes to $f$ itself, or to somebody who passes
# it on before $f$ knows the sum; one of the second kind goes to another than $f$, and not before. So
# each number costs at least $2 (p - 1)$ messages, and an array of $n$ bytes at least $2 (p - 1)\, n$
# bytes, sent by $p$ processes together. The one that sends most sends at least the average:
#
# $$\text{bytes sent by the busiest} \;\geq\; \frac{2 (p - 1)\, n}{p}.$$
#
# In the ring every process sends exactly so much (if $p$ divides the array). It is optimal among all
# ways that treat each number by itself and in which *processes* do the adding. There are two ways below
# the bound, and each breaks one of its assumptions. One sends fewer bytes for a number, as half
# precision does. The other lets the *network* add: a switch that can sum what comes in receives each
# process's array once and sends the sum back once, so that a process sends $n$ bytes, not nearly $2n$.
# NVIDIA's SHARP, in the switches between machines, and NVLS, in those between the GPUs of one machine,
# do this.
#
# ### Counted
#
# The package has the same three ways. All must agree with ours: in the sums, in the rounds and in
# the bytes of every process, also where $p$ does not divide the array.

# %%
ways = {"naive": naive, "tree": tree, "ring": ring}
for name, ours in ways.items():
    theirs = getattr(simulate, name)
    for p in (1, 2, 3, 4, 5, 8):
        for n in (1, 13, 40):
            arrays = [rng.standard_normal(n) for _ in range(p)]
            before = [array.copy() for array in arrays]
            (held, post), (expected, network) = ours(arrays), theirs(arrays)
            for got, wanted in zip(held, expected, strict=True):
                np.testing.assert_array_equal(got, wanted)  # the same order, the same bits
                np.testing.assert_array_equal(got, held[0])
                np.testing.assert_allclose(got, sum(arrays), rtol=0, atol=1e-12)
            np.testing.assert_array_equal(arrays, before)
            assert post.rounds == network.rounds
            assert post.bytes_sent.tolist() == network.bytes_sent
print("same sums, rounds and bytes as the package's")

# %%
processes, counted = (2, 4, 8, 16, 32, 64, 128), {name: [] for name in ways}
for p in processes:
    arrays = [np.ones(128)] * p
    for name, way in ways.items():
        post = way(arrays)[1]
        counted[name].append((post.rounds, post.bytes_sent.max() / arrays[0].nbytes))
    np.testing.assert_allclose(counted["ring"][-1][1], 2 * (p - 1) / p)  # the bound
for name, values in counted.items():
    rounds, sent = values[-1]
    print(f"{name:5} over 128 processes: {rounds:3} rounds, the busiest sends {sent:.2f} arrays")

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
for axis, what, label in zip(
    axes, (0, 1), ("rounds", "most sent by one process\n(arrays)"), strict=True
):
    curves = {name: [value[what] for value in values] for name, values in counted.items()}
    plot_over_processes(processes, curves, label, axis)
show(
    figure,
    "Left, rounds over the number of processes: naive and ring rise together in proportion to it, "
    "the tree slowly. Right, what the busiest process sends: naive rises in proportion, the tree "
    "slowly, and the ring stays below 2 arrays.",
)

# %% [markdown]
# ### Exercise 13.4: to the byte
#
# How many bytes does each process send in the chapter's ring, for float64, 8 bytes each? `np.array_split`
# makes the first `numbers % p` chunks longer by one, so where $p$ does not divide, the processes differ.
# Look at the code of `ring`: in each half, which chunk does process $r$ *not* send?
#
# | name in code | symbol | type, shape | meaning |
# |---|---|---|---|
# | `p` | $p$ | int | processes |
# | `numbers` | | int | numbers in the array that each process gives |
# | result | | array of int (p,) | bytes that each process sends |
#
# For 4 processes and 8 numbers the answer is `[96, 96, 96, 96]`.


# %%
def ring_bytes(p, numbers):
    """Return the bytes that each process sends, (p,)."""
    raise NotImplementedError


# %%
check("13.4", ring_bytes)

# %% [markdown]
# On the left, naive and ring lie on each other. The ring wins in bytes, the tree in rounds. Which of
# the two counts? A round costs time twice: the **latency** $a$, which even the shortest message
# needs, and the message itself, its bytes divided by the **bandwidth** $b$ of the link. For an array
# of $n$ bytes:
#
# $$t_{\text{ring}} = 2 (p - 1) \left( a + \frac{n}{p\, b} \right), \qquad
# t_{\text{tree}} = 2 \lceil \log_2 p \rceil \left( a + \frac{n}{b} \right).$$
#
# We assume 10 microseconds and 6 GB a second. These two numbers are ours, not the paper's; yours will
# be others. Predict first: an array of a kilobyte over 16 processes, by tree or by ring?

# %%
LATENCY, BANDWIDTH = 1e-5, 6e9  # seconds; bytes a second


def all_reduce_seconds(way, p, n):
    rounds = 2 * int(np.ceil(np.log2(p))) if way == "tree" else 2 * (p - 1)
    return rounds * (LATENCY + (n / p if way == "ring" else n) / BANDWIDTH)


# %%
sizes = np.logspace(2, 9, 57)  # bytes
for way in ways:
    expected = [scaling.all_reduce_seconds(way, 16, n, LATENCY, BANDWIDTH) for n in sizes]
    np.testing.assert_allclose([all_reduce_seconds(way, 16, n) for n in sizes], expected)
faster = next(
    n for n in sizes if all_reduce_seconds("ring", 16, n) < all_reduce_seconds("tree", 16, n)
)
short = {way: all_reduce_seconds(way, 16, 1000) for way in ("tree", "ring")}
print(f"Verdict: a kilobyte goes by {min(short, key=short.get)};", end=" ")
print(f"the ring is faster than the tree from about {faster / 1e3:.0f} kB on.")

# %% [markdown]
# ### The tree, as a pipeline
#
# The tree has few rounds, but sends whole arrays and leaves most processes idle. The ring keeps all of
# them busy, but its rounds grow with $p$. Can one have both? Cut the array into $m$ chunks and send them
# up the tree one after the other, as on a conveyor belt: while the first is already near the top, the
# last still leaves the bottom.
#
# For this we take a tree in which nobody has more than two children: process $r$ sends to
# $\lfloor (r - 1) / 2 \rfloor$. (In the tree above, process 0 receives in *every* round of the way up;
# with more chunks it would be the bottleneck.) A process sends a chunk up when it has it from all of its
# children. The way down is the way up, backwards.


# %%
def schedule_up(p, m):
    """Plan the rounds in which m chunks climb a binary tree: lists of (child, parent, chunk)."""
    has = {r: dict.fromkeys((c for c in (2 * r + 1, 2 * r + 2) if c < p), 0) for r in range(p)}
    rounds = []
    while any(count < m for count in has[0].values()):
        messages = []
        for parent, counts in has.items():  # counts: how many chunks came from each child
            ready = [c for c, n in counts.items() if n < m and min(has[c].values(), default=m) > n]
            if ready:  # one message a round: from the child that is behind
                child = min(ready, key=counts.get)
                messages.append((child, parent, counts[child]))
        for child, parent, _ in messages:
            has[parent][child] += 1
        rounds.append(messages)
    return rounds


def pipelined_tree(arrays, m):
    p = len(arrays)
    chunks, post = [np.array_split(array.copy(), m) for array in arrays], Post(p)
    up = schedule_up(p, m)
    for messages in up:
        got = post.exchange([(child, parent, chunks[child][c]) for child, parent, c in messages])
        for _, parent, c in messages:
            chunks[parent][c] += got[parent]
    for messages in reversed(up):
        got = post.exchange([(parent, child, chunks[parent][c]) for child, parent, c in messages])
        for child, _, c in messages:
            chunks[child][c] = got[child]
    return [np.concatenate(each) for each in chunks], post


for p, m in ((1, 3), (2, 1), (5, 4), (16, 7)):
    arrays = [rng.standard_normal(20) for _ in range(p)]
    held, post = pipelined_tree(arrays, m)
    for array in held:
        np.testing.assert_allclose(array, sum(arrays), rtol=0, atol=1e-12)

print("16 processes         rounds   most sent by one, in arrays")
arrays = [np.ones(256)] * 16
for name, (_, post) in {
    "tree": tree(arrays),
    **{f"pipeline, {m:3} chunks": pipelined_tree(arrays, m) for m in (1, 4, 16, 64)},
    "ring": ring(arrays),
}.items():
    print(f"{name:20} {post.rounds:6} {post.bytes_sent.max() / arrays[0].nbytes:10.3f}")

# %% [markdown]
# With $m$ chunks a round carries an $m$-th of the array, so more rounds need not take longer. How many
# chunks are best? A few large ones cost waiting, many small ones latency. Predict first: for long
# arrays, will the pipeline beat the ring?

# %%
CHUNKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def pipeline_seconds(p, n):
    """Return the model's time of the pipelined tree, with the best number of chunks."""
    return min(ROUNDS[p, m] * (LATENCY + n / m / BANDWIDTH) for m in CHUNKS)


ROUNDS = {(p, m): 2 * len(schedule_up(p, m)) for p in (16, 128) for m in CHUNKS}

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True, layout="constrained")
for axis, p in zip(axes, (16, 128), strict=True):
    for way, style in (("tree", "--"), ("ring", "-")):
        axis.loglog(sizes, [1e3 * all_reduce_seconds(way, p, n) for n in sizes], style,
                    color="black", label=way)  # fmt: skip
    times = [1e3 * pipeline_seconds(p, n) for n in sizes]
    axis.loglog(sizes, times, "-.", color="0.5", lw=2, label="pipelined tree")
    axis.axvline(4 * 38e6, color="0.6", lw=3, label="38 million gradients")
    axis.set(xlabel="bytes of the array", title=f"{p} processes")
axes[0].set_ylabel("time (ms)")
axes[0].legend()
show(
    figure,
    "Modelled time of an all-reduce against the size of the array, for 16 and for 128 processes. The "
    "pipelined tree follows the tree for short arrays and stays parallel to the ring for long ones; in "
    "between, with many processes, it is the fastest. A thick line marks 38 million gradients.",
)

# %%
for p in (16, 128):
    times = {
        n: {way: all_reduce_seconds(way, p, n) for way in ("tree", "ring")}
        | {"pipelined tree": pipeline_seconds(p, n)}
        for n in sizes
    }
    best = [min(times[n], key=times[n].get) for n in sizes]
    won = [n for n, way in zip(sizes, best, strict=True) if way == "pipelined tree"]
    where = f"from {min(won) / 1e3:,.0f} to {max(won) / 1e3:,.0f} kB" if won else "nowhere"
    longest = times[sizes[-1]]
    print(f"{p:3} processes: the pipelined tree is the fastest {where}; at {sizes[-1] / 1e9:.0f} GB it "
          f"takes {longest['pipelined tree'] / longest['ring']:.1f} times as long as the ring")  # fmt: skip

slower = longest["pipelined tree"] > longest["ring"]
print(f"Verdict: for long arrays the ring {'stays' if slower else 'does not stay'} the fastest.")

# %% [markdown]
# Its inner processes talk to three others and send three arrays, where the ring sends less than two.
# Libraries take two such trees at once, in which the inner processes of one are the leaves of the other,
# each for half of the array (Sanders, Speck, Träff, 2009): then all have work, and each sends about
# $\frac{3}{2} + \frac{1}{2} = 2$ arrays, hardly more than in a ring. NVIDIA's NCCL has had them since
# version 2.4, for many machines.
#
# ### Which one for gradients?
#
# Gradients are long arrays: 38 million parameters, one of the sizes in the paper's table, are 152 MB
# in single precision. For them the paper uses a ring. The counts of utterances and the statistics of
# batch normalisation are short ones; libraries choose for each array by its length.
#
# ## Real processes
#
# So much for processes that are rows of a list. Real ones are started by `mpiexec`, which comes with
# an MPI library (the *message passing interface*, a standard of the 1990s). The function below starts
# a command in $p$ copies, with one thread of arithmetic each.

# %%
beside = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(beside) if beside.exists() else shutil.which("mpiexec")
WITH_MPI = MPIEXEC is not None and importlib.util.find_spec("mpi4py") is not None
if not WITH_MPI:
    print("skipped below: real processes; they need: pip install mpi4py mpich")
scratch = tempfile.TemporaryDirectory()  # until this notebook ends
folder = Path(scratch.name)


def launch(p, *arguments):
    """Run Python with some arguments in p processes; return what has become of them."""
    launcher = [MPIEXEC, "-n", str(p)] if p > 1 else []
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return subprocess.run(
        [*launcher, sys.executable, *map(str, arguments)],
        env={**os.environ, **one_thread},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )


# %% [markdown]
# The program that all four run is this. `connect` finds out who has started the process, and
# `comm.sum` is the all-reduce of the real engine. It is MPI's own on CPUs, and that of NCCL, the
# library for NVIDIA's GPUs, on GPUs.

# %%
SUM_UP = """
import sys
import numpy as np
from ds2np.parallel import connect

with connect() as comm:
    x = np.load(sys.argv[1])[comm.rank]
    comm.sum(x)
    different = set(comm.gather(x.tobytes().hex()))
    if comm.is_main:
        np.save(sys.argv[2], x)
        print(f"{comm.size} processes, {len(different)} result")
"""
arrays = [rng.standard_normal(1001) for _ in range(4)]
np.save(folder / "arrays.npy", arrays)
if WITH_MPI:
    done = launch(4, "-c", SUM_UP, folder / "arrays.npy", folder / "sum.npy")
    print(done.stdout, end="")
    assert done.returncode == 0
    real = np.load(folder / "sum.npy")
    for name, way in ways.items():
        held = way(arrays)[0]
        np.testing.assert_allclose(held[2], real, rtol=0, atol=1e-12)
        print(f"largest difference from {name:5}: {np.abs(held[2] - real).max():.1e}")

# %% [markdown]
# One result on all four, and ours up to rounding. Now the whole thing: a training by the command
# line, ten utterances of spoken digits, minibatches of five, so that one process always has three
# utterances and the other two. Three runs: one process; two with statistics of their own; two with
# shared ones. All learn from the same seed. Predict first: which two runs have the same losses?

# %%
digits = toy.speak_digits(folder, 10, np.random.default_rng(0), most=2)
write_manifest(folder / "digits.jsonl", digits)
seconds_of_speech = sum(utterance.duration for utterance in digits)
print(f"{len(digits)} utterances, {seconds_of_speech:.1f} s of speech")


def train(name, p, *options):
    """Train by the command line; return the loss of each epoch."""
    where = "--train", folder / "digits.jsonl", "--dev", folder / "digits.jsonl"
    network = "--preset", "tiny", "--sample-rate", 8000, "--device", "cpu"
    run = "--batch-size", 5, "--epochs", 3, "--out", folder / name
    done = launch(p, "-m", "ds2np", "train", *where, *network, *run, *options)
    assert done.returncode == 0, done.stderr
    return np.array([row["train_loss"] for row in read_history(folder / name / "history.csv")])


# %%
losses = {"one process": train("one", 1)}
if WITH_MPI:
    losses["two, own statistics"] = train("own", 2)
    losses["two, shared statistics"] = train("shared", 2, "--sync-batchnorm")
for name, curve in losses.items():
    print(f"{name:23}", " ".join(f"{loss:9.4f}" for loss in curve))
if WITH_MPI:
    one = losses.pop("one process")
    off = {name: np.abs(curve / one - 1).max() for name, curve in losses.items()}
    print("Verdict:", "; ".join(f"{name} differ from one process by {most:.1e}"
                                for name, most in off.items()))  # fmt: skip
    assert off["two, shared statistics"] < 1e-3

# %% [markdown]
# With shared statistics the losses of two processes are those of one, up to the rounding of single
# precision. With statistics of their own the run is another one: neither wrong nor the same. (The
# command was `mpiexec -n 2 python -m ds2np train ...`. To compare a parallel program with itself in
# one process is a strong test: nothing but rounding may differ.)
#
# ## Hide it behind the backward pass
#
# The backward pass runs from the last layer to the first. When it has finished the last layer, that
# layer's gradients are final, and nothing has to wait for the others.
#
# ![Two timelines. Above, gradients are sent after the backward pass; below, during it: the step ends
# sooner.](images/parallel_13_overlap.svg)
#
# But every message costs its latency, and a network has many small arrays. So several layers make
# one **bucket**, which leaves as soon as it is large enough
# ([buckets.py](../ds2np/parallel/buckets.py)).
#
# How large should a bucket be? Let us take a network of five layers, each with 20 ms of backward
# pass, and a link that needs 1 ms for any message and 2 ms for each megabyte. Then the end of the
# step follows from two clocks: a bucket starts when its last layer is computed *and* the link is
# free. Predict first: one bucket, two, or one for each layer: which ends first?

# %%
megabytes = (1, 8, 8, 8, 1)  # of the layers' gradients, first layer first
BACK, PER_MESSAGE, PER_MEGABYTE = 20.0, 1.0, 2.0  # ms


def timeline(smallest):
    """Return what is computed and what is sent: name, begin and end, in ms."""
    computing, sending, now, free, waiting = [], [], 0.0, 0.0, []
    for layer in range(5, 0, -1):
        computing.append((f"layer {layer}", now, now + BACK))
        now += BACK
        waiting.append(layer)
        size = sum(megabytes[i - 1] for i in waiting)
        if size >= smallest or layer == 1:
            begin = max(now, free)
            free = begin + PER_MESSAGE + PER_MEGABYTE * size
            sending.append((",".join(map(str, waiting)), begin, free))
            waiting = []
    return computing, sending


# %%
ends = {}
figure, axes = plt.subplots(3, 1, figsize=(8, 4.6), sharex=True, layout="constrained")
variants = {"one bucket": 1000, "buckets of at least 16 MB": 16, "a bucket for each layer": 0}
for axis, (what, smallest) in zip(axes, variants.items(), strict=True):
    computing, sending = timeline(smallest)
    plot_timeline(computing, sending, axis)
    busy = sum(end - begin for _, begin, end in sending)
    ends[what] = sending[-1][2]
    left = sending[-1][2] - computing[-1][2]
    axis.set_title(what, fontsize=10, loc="left")
    if smallest:
        axis.set_xlabel("")
    print(f"{what:25} {left:4.0f} ms are left to wait, {1 - left / busy:.0%} hidden")
show(
    figure,
    "Three timelines of a backward pass of 100 milliseconds and a link below it. With one bucket "
    "the link starts when all is computed. With two buckets one of them is sent meanwhile. With "
    "one for each layer, only the last and shortest message is left at the end.",
)
print(f"Verdict: {min(ends, key=ends.get)} ends first.")

# %% [markdown]
# With one bucket nothing is hidden. The last bucket can never hide, so it should be small. Here a
# bucket for each layer does best, since 1 ms for a message is little beside a layer's 20 ms. If we cut
# the same gradients into a hundred arrays, each with a message of its own, the messages alone would
# take 100 ms, as long as the backward pass. The package cuts at about a million numbers.
# ([overlap.py](../tests/benchmarks/overlap.py) measures with real processes how much is hidden on a
# link that is slowed on purpose.)
#
# ## Does it scale?
#
# Two questions, often mixed up:
#
# * **weak scaling**: every process has as much work as one had alone; do $p$ of them learn from $p$
#   times the utterances a second?
# * **strong scaling**: the same minibatch is shared out; is the step done in a $p$-th of the time?
#
# First here. One launch of two processes times, in turns: process 0 alone with eight utterances, both
# with eight each, both with four each. Two processes on a small machine share its memory and its
# caches, and perhaps their cores with other programs: where another program holds a core, nothing
# can be gained, and the ratios below say more about that than about us. Predict first: which of the two
# comes closer to 2?

# %%
MEASURE = """
import json, time
from ds2np import machine
machine.tune()
import numpy as np
from ds2np.data.batches import Batch
from ds2np.learn.toy import CONFIG
from ds2np.model import DeepSpeech2
from ds2np.optim import SGD
from ds2np.parallel import connect
from ds2np.parallel.buckets import Buckets
from ds2np.parallel.communicator import Communicator
from ds2np.train.step import add_gradients

def steps(N, comm):
    buckets, batch = Buckets(model, comm, 2**16), batches[N]
    comm.barrier()
    began = time.perf_counter()
    for _ in range(2):
        model.zero_grads()
        add_gradients(model, batch, 1 / N, buckets.layer_done)
        buckets.finish()
        optimiser.step()
    comm.barrier()
    return time.perf_counter() - began

model, rng, T = DeepSpeech2(CONFIG), np.random.default_rng(0), 150
optimiser = SGD(model.params, model.grads, 1e-6)
batches = {}
for N in (4, 8):
    x = rng.standard_normal((N, T, CONFIG.features), np.float32)
    labels = rng.integers(1, 20, (N, 8)), np.full(N, 8)
    batches[N] = Batch(np.arange(N), x, np.full(N, T), *labels)
with connect() as everyone:
    times = []
    for turn in range(5):
        alone = steps(8, Communicator()) if everyone.is_main else 0
        times.append((alone, steps(8, everyone), steps(4, everyone)))
    if everyone.is_main:
        print(json.dumps(times[1:]))  # the first turn warms up
"""
if WITH_MPI:
    done = launch(2, "-c", MEASURE)
    assert done.returncode == 0, done.stderr
    alone, weak, strong = np.array(json.loads(done.stdout)).T
    gains = {"weak": np.median(2 * alone / weak), "strong": np.median(alone / strong)}
    for name, gain in gains.items():
        print(f"{name:6} scaling to 2 processes: {gain:.2f} times the utterances a second")
    print(f"Verdict: {max(gains, key=gains.get)} scaling comes closer here.")

# %% [markdown]
# At best this would be 2 twice. In weak scaling there is more to compute for the same gradients to send.
#
# ### A model up to 128
#
# We have no 128 GPUs. What can be done is to add up what is known: a step is what one GPU computes,
# and what is left of the all-reduce,
#
# $$t(p) = c + \max\left( t_{\text{ring}}(p) - \text{hidden},\; 0 \right), \qquad
# \text{efficiency} = \frac{c}{t(p)},$$
#
# for weak scaling. The result is made of its assumptions: half a second of computing, 38 million
# parameters in single precision, and latency and bandwidth as above. Predict first: with 128 GPUs the
# ring loses some of a straight line. How much of that is lost with the second GPU already?

# %%
COMPUTE, PARAMETERS = (
    0.5,
    38e6,
)  # seconds of a step on each GPU, assumed; a size of the paper's table


def efficiency(p, way="ring", overlap=0.0, bandwidth=BANDWIDTH):
    rounds = 2 * int(np.ceil(np.log2(p))) if way == "tree" else 2 * (p - 1)
    message = 4 * PARAMETERS / (p if way == "ring" else 1)  # single precision
    sending = rounds * (LATENCY + message / bandwidth)
    hidden = min(overlap * sending, 2 / 3 * COMPUTE)  # the backward pass takes two thirds
    return COMPUTE / (COMPUTE + sending - hidden)


print("GPUs    naive     tree     ring   ring, 80 % overlap")
for p in (1, 2, 8, 16, 32, 64, 128):
    ours = [efficiency(p, way) for way in ways] + [efficiency(p, overlap=0.8)]
    for (way, overlap), ours_here in zip(
        (("naive", 0), ("tree", 0), ("ring", 0), ("ring", 0.8)), ours, strict=True
    ):
        step = scaling.Step(COMPUTE, 4 * PARAMETERS, LATENCY, BANDWIDTH, way, overlap)
        theirs = scaling.weak_scaling(step, [p])[0]
        np.testing.assert_allclose(ours_here, theirs.efficiency, rtol=1e-12)
    print(f"{p:4}", "  ".join(f"{value:7.1%}" for value in ours))

# %%
gpus = np.array(scaling.PAPER_GPUS)
figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
curves = {way: gpus * [efficiency(p, way) for p in gpus] for way in ways}
plot_over_processes(gpus, curves, "utterances a second,\nof one GPU's", axes[0])
axes[0].plot(gpus, gpus, color="0.7", lw=4, label="a straight line", zorder=0)
axes[0].set(xlabel="GPUs", title="weak scaling, nothing hidden")
axes[0].legend()
shared = scaling.Step(8 * COMPUTE, 4 * PARAMETERS, LATENCY, BANDWIDTH)  # 8 GPUs as on the left
curves = {
    "weak, ring": [100 * efficiency(p) for p in gpus],
    "strong, ring": [100 * point.efficiency for point in scaling.strong_scaling(shared)],
}
for style, (name, values) in zip(("o-", "v--"), curves.items(), strict=True):
    axes[1].semilogx(gpus, values, style, color="black", label=name)
axes[1].set_xticks(gpus, [str(p) for p in gpus])
axes[1].minorticks_off()
axes[1].set(xlabel="GPUs", ylabel="efficiency (%)", ylim=(0, 105))
axes[1].legend(loc="lower left")
show(
    figure,
    "Left, modelled throughput over 8 to 128 GPUs: the ring runs along the straight line, the tree "
    "lies below it, naive bends flat. Right, the efficiency of weak scaling stays level, that of "
    "strong scaling falls with every doubling.",
)
points = scaling.weak_scaling(scaling.Step(COMPUTE, 4 * PARAMETERS, LATENCY, BANDWIDTH))
print(f"slope from 8 to 128 GPUs, 1 being linear: {scaling.linearity(points):.3f}")
lost = {p: 1 - efficiency(p) for p in (2, 8, 128)}
for p in (2, 8):
    print(f"of what the ring loses with 128 GPUs, {lost[p] / lost[128]:.0%} is lost with {p}")
print(f"the paper: {scaling.PAPER_SAYS}")
assert 0.97 < scaling.linearity(points) < 1
assert efficiency(128, "tree") < efficiency(128)

# %% [markdown]
# The paper reports near-linear weak scaling to 128 GPUs, and the model agrees. How much is that
# worth? The *shape* is worth something: each process of the ring sends $2 (p - 1) / p$ of its array,
# once the array with two GPUs, nearly twice with many, and never more. So about half of the loss is
# there with the second GPU, most of it with eight, and no number of further ones adds much. The
# *height* is made of what we put in:

# %%
print("efficiency at 128 GPUs:")
for bandwidth in (1e9, 6e9, 24e9):
    print(f"  links of {bandwidth / 1e9:2.0f} GB/s: {efficiency(128, bandwidth=bandwidth):.1%}")

# %% [markdown]
# And some of the truth is left out. Real GPUs wait for the one with the longest utterances; a shared
# switch carries all links at once; reading the recordings must keep up. A model with a few free
# numbers that agrees with a published sentence is a check that nothing is grossly wrong, and no more.
#
# <details><summary>Question: why does strong scaling fall, although the ring's time hardly
# changes?</summary>
#
# The time of the ring stays, and the time of computing is divided by $p$. At 128 GPUs each has a
# sixteenth of what each of 8 had, and the gradients to send are as long as ever. Real GPUs are worse
# still: the products become so small that a GPU is no longer busy.
# </details>
#
# Weak scaling has a price that no cable shows: the minibatch grows with the number of GPUs, and a larger
# minibatch is worth less and less. With 64 utterances on each, 8 GPUs have the paper's 512; 128 GPUs
# would have 8,192. How much that is worth stands in [chapter 06](06_training.ipynb), "Larger
# minibatches". So there are two limits to the number of GPUs, and they have nothing to do with each
# other: how well they add up, and how much a larger minibatch is worth. The first can be bought. The
# near-linear scaling to 128 GPUs is a statement about utterances a second, not about how soon a network
# is good.

# %% [markdown]
# ## When a process dies
#
# In a synchronous run all wait for all. If one process is stuck, the others would wait for ever, and
# the worst of it is the silence: nothing says who is missing. The package calls the **roll**: each
# process counts its collective calls. Whoever has waited for a while sends a message to rank 0, "I
# wait at call 40". When the time is up, rank 0 looks whose message is *not* there, and tells all. Here
# rank 2 of three comes late, and the time-out is short:

# %%
LATE = """
import sys, time
import numpy as np
from ds2np.errors import UserError
from ds2np.parallel import connect

try:
    with connect(timeout=1) as comm:
        comm.at("step 17")
        if comm.rank == 2:
            time.sleep(60)
        comm.sum(np.ones(3))
except UserError as error:
    print("error:", error, file=sys.stderr)
    sys.exit(2)
"""
if WITH_MPI:
    done = launch(3, "-c", LATE)
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    print(re.sub(r"\(host \S+\)", "(host ...)", said[0]))
    print("exit code", done.returncode)
    assert "rank 2 of 3" in said[0]
    assert done.returncode == 2

# %% [markdown]
# The run ends with a sentence that names the rank, the place and what may be the matter, and an exit
# code that is not 0. It does not go on without the third: the parts of the minibatch were dealt out to
# three. What remains is the last checkpoint. The same command with `--resume` goes on from there, with
# as many processes as are left; with shared statistics their number changes
# nothing but rounding.

# %% [markdown]
# ## What the paper reports
#
# Synchronous SGD by data parallelism, minibatches of 512 over 8 or 16 GPUs, gradients averaged by a
# ring all-reduce of the authors' own, near-linear weak scaling to 128 GPUs, and 3 TFLOP/s sustained on
# each GPU, about half of the peak of its cards. Synchrony has a merit that we used above: a run can be
# compared with a run of one process.
#
# What we could see here is all of the arithmetic: that the sums are right, what they cost in bytes and
# rounds, and that real processes agree. What we could not see is speed. Two processes on a small
# machine say nothing about 128 GPUs, and our curve up to there is a model.
#
# Ring and tree are older than GPUs: R. Thakur, R. Rabenseifner and W. Gropp compared them in 2005 for MPI
# on clusters of processors, and P. Patarasuk and X. Yuan showed in 2009 that the ring sends the least.
#
# **A production system** would join rings within a machine and trees between machines, send gradients
# in half precision, share optimiser states out over the processes, and replace a dead machine without
# being asked.
#
# ## Summary
#
# * Gradients of utterances add up, in parts of any size. Add up sums, divide once.
# * Batch normalisation is the exception: its statistics are of a part, or they are shared.
# * All-reduce: naive and tree send whole arrays; the ring sends $2 (p - 1) / p$ of one, the least
#   possible where processes add, in many rounds. Long arrays want the ring, short ones the tree; chunks
#   that climb a tree one behind the other lie between them.
# * Buckets let gradients travel while the backward pass goes on.
# * Weak scaling needs larger minibatches, and these are worth less and less (chapter 06).
#
# ## Further reading
#
# * R. Thakur, R. Rabenseifner, W. Gropp: *Optimization of collective communication operations in
#   MPICH*, 2005.
# * P. Sanders, J. Speck, J. L. Träff: *Two-tree algorithms for full bandwidth broadcast, reduction and
#   scan*, 2009.
# * P. Patarasuk, X. Yuan: *Bandwidth optimal all-reduce algorithms for clusters of workstations*, 2009.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * In the package: [simulate.py](../ds2np/learn/simulate.py),
#   [scaling.py](../ds2np/learn/scaling.py), [buckets.py](../ds2np/parallel/buckets.py),
#   [rollcall.py](../ds2np/parallel/rollcall.py), [batchnorm.py](../ds2np/layers/batchnorm.py).
