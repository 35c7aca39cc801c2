# %% [markdown]
# # 04  Recurrence
#
# One frame of sound lasts 20 ms, and hardly a letter can be read from it alone; recurrent layers
# carry what was heard from frame to frame, and this chapter builds them, forward and backward.
#
# ![The network from sound to text, with its recurrent layers framed.](images/network_04.svg)
#
# **You will be able to**
#
# * write a recurrent layer as a loop, and its gradient as a loop that runs the other way;
# * predict from the recurrent weights and the slopes whether gradients fade or explode, and say what
#   clipping and the ceiling of the clipped ReLU do about it;
# * write a GRU and derive its backward pass;
# * run a layer in both directions over utterances of unequal length;
# * explain what row convolution gives to a network that must not look ahead, and write it.
#
# **You need** NumPy, matrix products and the chain rule; [chapter 03](03_batch_norm.ipynb) explains
# the batch normalisation that is named here once. **Reading time** 90 minutes with the exercises.

# %%
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from ds2np.audio import log_spectrogram
from ds2np.gradcheck import check_gradients
from ds2np.layers import (
    GRU,
    Bidirectional,
    Linear,
    RowConv,
    Sequential,
    SimpleRNN,
    gru,
    rnn,
    rowconv,
)
from ds2np.learn import check, play, show, show_widget
from ds2np.learn.sound import say
from ds2np.optim import SGD
from ds2np.plots import plot_lines, plot_reach, plot_states

# %% [markdown]
# ## The idea in one picture
#
# A recurrent layer is one small computation $f$ that is done again in every frame. It takes two
# things in: what this frame says, and what the layer itself said one frame before. Drawn once for
# each frame, side by side, it looks like a deep network whose layers all share their weights. This
# drawing is called the *unrolled* network.
#
# ![A recurrent layer unrolled over four frames: solid arrows lead from left to right through U,
# dashed arrows lead the gradient back from right to left through U
# transposed.](images/recurrence_04_unrolled.svg)
#
# The solid arrows are the first half of this chapter's work. The dashed ones, against the direction
# of time, are the second: the gradient goes back along every way on which a number came.

# %% [markdown]
# ## A memory of one number
#
# The smallest recurrent layer has one unit. Its *state* $h_t$ is a number; in each frame $t$ it
# takes in a number $a_t$ and a share $u$ of its own last state: $h_t = a_t + u\, h_{t-1}$. We knock
# once, in the first frame, and listen to what is left of it.

# %%
a = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
for u in (0.0, 0.5, 0.9, 1.1):
    h, states = 0.0, []
    for a_t in a:
        h = a_t + u * h
        states.append(h)
    print(f"u = {u}: ", " ".join(f"{h:.3f}" for h in states))

# %% [markdown]
# With $u = 0$ the unit forgets at once; with 0.5 each frame halves what is there; with more than 1
# the knock grows. The share $u$ is a memory, and this table of powers of $u$ is most of what there
# is to know about exploding and vanishing. We will meet it again.

# %% [markdown]
# ## The equations
#
# Now $H$ units. The input frame $x_t$ has $D$ numbers, and everything is a row:
#
# $$a_t = x_t W + b, \qquad h_t = f(a_t + h_{t-1} U), \qquad f(x) = \min(\max(x, 0), 20).$$
#
# | symbol | shape | meaning |
# |---|---|---|
# | $x_t$ | (D,) | the input's frame $t$, of $T$ frames |
# | $W$, $b$ | (D, H), (H,) | input weights and bias |
# | $a_t$ | (H,) | the *input term*: what frame $t$ says to each unit |
# | $U$ | (H, H) | recurrent weights; $U_{jk}$: how much unit $k$ listens to unit $j$ |
# | $h_t$ | (H,) | the state; $h_0$, before the first frame, is 0 in most cases |
# | $f$ | | the paper's nonlinearity, the *clipped ReLU* |
#
# The paper writes the same with columns, $h_t = f(W x_t + U h_{t-1} + b)$. Arrays hold a frame as a
# row, so the weights stand to the right of it here and in the package, and are the paper's
# transposed.
#
# The input term needs no state. So it is computed for all frames together, as one large product,
# and batch normalisation $\mathcal{B}$ goes there too, in place of the bias:
# $h_t = f(\mathcal{B}(x_t W) + h_{t-1} U)$. What is left for the loop over time is the second term
# alone. From here on, a recurrence *begins with $a$*.
#
# ### With loops
#
# Every number by itself first: unit $k$ in frame $t$ adds up its input term and what it hears from
# all units $j$.


# %%
def rnn_by_elements(a, U, h0):
    """Run the recurrence: a (T, H), U (H, H), h0 (H,) -> h (T, H)."""
    T, H = a.shape
    h = np.zeros((T, H))
    before = h0
    for t in range(T):
        for k in range(H):
            total = a[t, k]
            for j in range(H):
                total += before[j] * U[j, k]
            h[t, k] = min(max(total, 0), 20)
        before = h[t]
    return h


rng = np.random.default_rng(0)
T, D, H = 6, 3, 4
x = rng.standard_normal((T, D))
W, b = rng.standard_normal((D, H)), 0.5 * rng.standard_normal(H)
U = 0.5 * rng.standard_normal((H, H))
h0 = rng.uniform(0, 1, H)

a = x @ W + b  # (T, H), all frames at once
h = rnn_by_elements(a, U, h0)
print(np.round(h, 2))

# %% [markdown]
# One row for each frame. The two inner loops are a product of a row and a matrix, so the whole
# recurrence has three lines. We assert that it is the same, and use it from now on.


# %%
def f(x):
    return np.clip(x, 0, 20)


def rnn_by_frames(a, U, h0, f=f):
    """Run the recurrence: a (T, H), U (H, H), h0 (H,) -> h (T, H)."""
    h = np.zeros_like(a)
    state = h0
    for t in range(len(a)):
        state = f(a[t] + state @ U)
        h[t] = state
    return h


np.testing.assert_allclose(rnn_by_frames(a, U, h0), rnn_by_elements(a, U, h0), rtol=1e-12)
print("frame by frame is the same as element by element")

# %% [markdown]
# ### Look and listen
#
# We let a voice count, and give its loudness to a layer of 40 units. All units hear the same, and
# none listens to another, so $U$ is diagonal. Each has a memory $u = 1 - 1/m$ of its own, with $m$
# from 1 frame for the lowest unit to 50 for the highest. (The input is scaled by $1 - u$, so that
# no row is much brighter than the others.) Below it stands a layer before any training: random $W$,
# and for $U$ a random orthogonal matrix, times one half, so that it forgets soon.

# %%
rate = 16_000
samples = say("one, two, three.", rate, speed=140)
play(samples, rate, "counting")

spectrogram = log_spectrogram(samples, rate, mels=40)  # (T, 40)
spectrogram = (spectrogram - spectrogram.mean(axis=0)) / spectrogram.std(axis=0)
loudness = np.maximum(spectrogram.mean(axis=1, keepdims=True), 0)  # (T, 1)

memory = 1 - 1 / np.geomspace(1, 50, 40)
kept = rnn_by_frames(loudness * (1 - memory), np.diag(memory), np.zeros(40))

orthogonal, _ = np.linalg.qr(rng.standard_normal((40, 40)))
input_weights = np.sqrt(6 / 80) * rng.uniform(-1, 1, (40, 40))
mixed = rnn_by_frames(spectrogram @ input_weights, 0.5 * orthogonal, np.zeros(40))

# %%
figure, axes = plt.subplots(3, 1, figsize=(8, 6), layout="constrained")
plot_states(spectrogram, axes[0], "what is heard: log mel spectrogram", "mel band", 0.01)
plot_states(kept, axes[1], "units that remember 1 frame (below) to 50 frames (above)", "unit", 0.01)
plot_states(mixed, axes[2], "a layer before training", "unit", 0.01)
show(
    figure,
    "Three images over time. A spectrogram of three words with pauses. Forty units that hear its "
    "loudness: the lower ones go dark in each pause, the upper ones stay bright across it. Forty "
    "units of a random layer: many are dark most of the time, others light up in certain sounds, "
    "some in the pauses.",
)
change = np.abs(np.diff(kept, axis=0)).mean(axis=0) / kept.mean(axis=0)
for unit in (0, 20, 39):
    print(
        f"memory {memory[unit]:.2f}: changes by {change[unit]:.1%} of its mean from frame to frame"
    )
assert change[0] > change[20] > change[39]

# %% [markdown]
# The lowest unit is the loudness itself. Towards the top, pauses are bridged: such a unit still
# knows of the last word when the next one begins. Training has to find, in the lower picture's kind
# of layer, which memories are worth having. For that it needs gradients.

# %% [markdown]
# ## Backpropagation through time
#
# We write $dh_t$ for the gradient that reaches $h_t$ from above, from the layers that read it. As
# in all chapters, a letter with a d in front is the gradient of the loss with respect to that
# letter, and has its shape.
#
# The loss depends on $h_t$ in two ways: directly, through the layers above; and through the next
# frame, since $h_{t+1} = f(a_{t+1} + h_t U)$. The chain rule adds both. Let $s_t = a_t + h_{t-1} U$
# be what goes into $f$, and let $f'$ be the slope of $f$: 1 where the state lies between 0 and 20,
# else 0. For the last frame, and then for each one before it:
#
# $$\begin{aligned}
# g_t &= dh_t + ds_{t+1} U^T && \text{all that arrives at } h_t, \text{ with } ds_{T+1} = 0 \\
# ds_t &= g_t \cdot f'(s_t) && \text{through } f, \text{ unit by unit} \\
# da_t &= ds_t && \text{since } a_t \text{ enters } s_t \text{ as it is.}
# \end{aligned}$$
#
# Why $U^T$? In $s_{t+1}$, unit $k$ hears $h_{t,j} U_{jk}$. So $h_{t,j}$ gets back
# $ds_{t+1,k} U_{jk}$, summed over $k$: row times transposed matrix. The weights $U$ are used in
# every frame, so their gradient is the sum over all frames, and the first state gets what is left
# in the end:
#
# $$dU = \sum_{t=1}^{T} h_{t-1}^T\, ds_t, \qquad dh_0 = ds_1 U^T.$$
#
# Here $h_{t-1}^T ds_t$ is a column times a row: the (H, H) table of all products. By hand, for one
# unit with $u = 0.5$, three frames, and a loss that looks at the last state only, $dh = (0, 0, 1)$:

# %%
u, dh = 0.5, [0.0, 0.0, 1.0]
carry = 0.0
for t in (2, 1, 0):
    g = dh[t] + carry
    carry = g * u
    print(f"frame {t + 1}: from above {dh[t]}, with what is carried {g}, carries on {carry}")

# %% [markdown]
# The knock of the first section, played backwards. Now for all units. `carry` is what reaches a
# state through the frame after it.


# %%
def slope(h):
    return (h > 0) & (h < 20)


def rnn_backward(dh, h, h0, U):
    """Go back through time: dh, h (T, H) -> da (T, H), dU (H, H), dh0 (H,)."""
    da, dU = np.zeros_like(h), np.zeros_like(U)
    carry = np.zeros_like(h0)
    for t in reversed(range(len(h))):
        g = dh[t] + carry
        da[t] = g * slope(h[t])
        before = h[t - 1] if t > 0 else h0
        dU += np.outer(before, da[t])
        carry = da[t] @ U.T
    return da, dU, carry


dh = rng.standard_normal((T, H))  # a random upstream gradient
da, dU, dh0 = rnn_backward(dh, h, h0, U)
print("da", da.shape, " dU", dU.shape, " dh0", dh0.shape)

# %% [markdown]
# Is it right? Move every single number a little up and a little down, run the recurrence forward,
# and look at the loss. As the loss we take the sum of $dh \cdot h$, whose gradient with respect to
# $h$ is exactly our random $dh$. At its two kinks, 0 and 20, $f$ has no slope; we make sure that no
# sum $s_t$ is close to one, and that both ends of $f$ are visited.

# %%
a[2, 1] += 25.0  # loud enough to reach the ceiling


def report(comparisons):
    """Print what a check has found, and tell whether all is well."""
    for comparison in comparisons:
        print("  ", comparison)
    return all(comparison.ok for comparison in comparisons)


def check_rnn(backward, a=a, U=U, h0=h0, dh=dh):
    """Compare a backward pass with finite differences."""

    def loss():
        return float((dh * rnn_by_frames(a, U, h0)).sum())

    def gradients():
        da, dU, dh0 = backward(dh, rnn_by_frames(a, U, h0), h0, U)
        return {"a": da, "U": dU, "h0": dh0}

    return report(check_gradients(loss, gradients, {"a": a, "U": U, "h0": h0}))


h = rnn_by_frames(a, U, h0)
sums = a + np.vstack([h0, h[:-1]]) @ U
distance = min(np.abs(sums).min(), np.abs(sums - 20).min())
print(f"at 0: {(h == 0).sum()} states, at 20: {(h == 20).sum()}, of {h.size};")
print(f"nearest kink {distance:.3f} away")
assert distance > 1e-3
assert (h == 20).any()
assert check_rnn(rnn_backward)

# %% [markdown]
# ### Break it on purpose
#
# Three mistakes that are easily made. The first forgets to carry the gradient. The second takes $U$
# for $U^T$; the shapes fit all the same. The third multiplies with the state of the same frame, not
# with the one before it.


# %%
def forgets_to_carry(dh, h, h0, U):
    da = dh * slope(h)
    return da, np.vstack([h0, h[:-1]]).T @ da, da[0] @ U.T


def takes_U_as_it_is(dh, h, h0, U):
    da, dU, _ = rnn_backward(dh, h, h0, U.T)
    return da, dU, da[0] @ U


def takes_the_state_of_the_same_frame(dh, h, h0, U):
    da, _, dh0 = rnn_backward(dh, h, h0, U)
    return da, h.T @ da, dh0


for broken in (forgets_to_carry, takes_U_as_it_is, takes_the_state_of_the_same_frame):
    print(broken.__name__)
    assert not check_rnn(broken)

# %% [markdown]
# All three are caught. But a check sees only what its example shows. With a *single frame* there is
# nothing to carry, and with a *symmetric* $U$ the transposed matrix is the same one:

# %%
print("forgets to carry, one frame only:")
assert check_rnn(forgets_to_carry, a=a[:1].copy(), dh=dh[:1])
print("takes U as it is, where U is symmetric:")
assert check_rnn(takes_U_as_it_is, U=(U + U.T) / 2)

# %% [markdown]
# Two wrong backward passes, and a check that finds nothing. So the examples of a check have several
# frames, random weights without any symmetry, a random upstream gradient, and a first state that is
# not 0.

# %% [markdown]
# ### Exercise 04.1: the simple recurrence of a batch
#
# The exercises are the recurrences *as the network runs them*: with B directions and N utterances at once,
# and no loop but the one over time. `state @ U` then multiplies (B, N, H) by (B, H, H): each direction by
# its own matrix. Keep everything that a function needs within it.
#
# Replace `raise NotImplementedError` and run the cell below it. What is correct is kept in a file of yours,
# `my_ds2np.py`, and a network can be trained with it later; `python -m ds2np learn` says how far you are.
# Solutions are [apart](solutions/04_recurrence.py).
#
# Run it with the clipped ReLU. With one unit, `a` of 1 in each frame, `U` of 0.5 and `h0` of 0 the states
# are 1, 1.5, 1.75, ...
#
# | name in code | symbol | shape | meaning |
# |---|---|---|---|
# | `a` | $a_t$ | (B, T, N, H) | input terms |
# | `U` | $U$ | (B, H, H) | recurrent weights of each direction |
# | `h0` | $h_0$ | (B, N, H) | the state before the first frame |
# | result | $h_t$ | (B, T, N, H) | all states |


# %%
def simple_rnn_forward(a, U, h0):
    """Run the simple recurrence: (B, T, N, H), (B, H, H), (B, N, H) -> (B, T, N, H)."""
    raise NotImplementedError


# %%
check("04.1", simple_rnn_forward)

# %% [markdown]
# ### Exercise 04.2: and its way back
#
# `dU` is summed over frames and utterances. The matrices of all directions are transposed by
# `U.swapaxes(1, 2)`.
#
# | name in code | symbol | shape | meaning |
# |---|---|---|---|
# | `dh` | $dh_t$ | (B, T, N, H) | the gradient from above |
# | `h`, `h0`, `U` | | as above | the states of the forward pass, and its arguments |
# | first result | $da_t$ | (B, T, N, H) | the gradient of the input terms |
# | second result | $dU$ | (B, H, H) | of the recurrent weights |
# | third result | $dh_0$ | (B, N, H) | of the first state |


# %%
def simple_rnn_backward(dh, h, h0, U):
    """Go back through time: returns da (B, T, N, H), dU (B, H, H) and dh0 (B, N, H)."""
    raise NotImplementedError


# %%
check("04.2", simple_rnn_backward)

# %% [markdown]
# ## Exploding and vanishing
#
# Follow the gradient of one late state back through many frames. Each frame multiplies it by $U^T$
# and by slopes that are 0 or 1. Leave the slopes at 1 for now. What do many products with the same
# matrix do to a row $g$?
#
# Suppose that $g$ is an eigenvector, $g\,U^T = \lambda g$. Then $d$ frames multiply it by
# $\lambda^d$: the one unit $u$ of the beginning again. A general $g$ is a mixture of eigenvectors,
# and after many frames the one with the largest $|\lambda|$ is left. ($\lambda$ may be a complex
# number; its absolute value counts.) This largest $|\lambda|$ is called the **spectral radius** of
# $U$. Below 1 the gradient vanishes, above 1 it explodes. Predict first: with a radius of 0.9, which share
# of the gradient is left after 60 frames, more than a hundredth or less?


# %%
def spectral_radius(U):
    return np.abs(np.linalg.eigvals(U)).max()


random_U = rng.standard_normal((32, 32))
random_U /= spectral_radius(random_U)  # radius 1; times r, it has radius r
start = rng.standard_normal(32)
start /= np.linalg.norm(start)

curves = {}
for radius in (1.1, 1.0, 0.9, 0.5):
    g, norms = start, []
    for _ in range(61):
        norms.append(np.linalg.norm(g))
        g = g @ (radius * random_U).T
    curves[f"radius {radius}"] = norms
    per_frame = (norms[60] / norms[20]) ** (1 / 40)
    print(f"radius {radius}: times {per_frame:.2f} a frame; after 60 frames {norms[60]:.1e}")
    assert abs(per_frame - radius) < 0.05

# %%
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
title = "slopes of 1: the spectral radius decides"
plot_lines(curves, axis, title, "distance (frames)", "norm of the gradient")
show(
    figure,
    "The norm of the gradient over the distance in frames, with a logarithmic axis, for spectral "
    "radii of 1.1, 1, 0.9 and 0.5: nearly straight lines, the first rising, the second almost "
    "level, the others falling, the last one steeply.",
)

# %% [markdown]
# Straight lines on a logarithmic axis: a factor in each frame, close to the radius. With 0.5
# practically nothing is left at the end; with 1.1 more arrives there than was sent. No single
# learning rate suits both.
#
# ### Why the ReLU is clipped
#
# The same radius rules the way forward. Above 1, a state can feed itself and grow without bound,
# and a ReLU without a ceiling lets it. Its slopes of 0 do help, since silent units hand nothing on;
# so we take a radius of 2 to see it. The ceiling of 20 acts twice: no state can pass 20, and a unit
# that stands there has the slope 0, so no gradient goes through it. Predict first: does the ceiling stop the
# gradient from growing, too?

# %%
many = rng.standard_normal((80, 32))
U_2 = 2.0 * random_U
states, gradients = {}, {}
for name, ceiling in (("ReLU", np.inf), ("clipped ReLU", 20)):
    h_now = rnn_by_frames(many, U_2, np.zeros(32), f=lambda s, c=ceiling: np.clip(s, 0, c))
    states[name] = h_now.max(axis=1)
    g, norms = start, []
    for t in reversed(range(80)):
        norms.append(np.linalg.norm(g))
        g = (g * ((h_now[t] > 0) & (h_now[t] < ceiling))) @ U_2.T
    gradients[name] = norms
    print(f"{name}: largest state {h_now.max():.3g}, largest gradient {max(norms):.3g}")
assert states["clipped ReLU"].max() <= 20 < states["ReLU"].max()
assert gradients["clipped ReLU"][-1] < 1e-6 * gradients["ReLU"][-1]

figure, axes = plt.subplots(1, 2, figsize=(8.5, 3), layout="constrained")
plot_lines(states, axes[0], "forward", "frame", "largest state")
plot_lines(gradients, axes[1], "backward", "distance (frames)", "norm of the gradient")
show(
    figure,
    "Two panels with logarithmic axes, each with a curve for the ReLU and one for the clipped one, "
    "at a spectral radius of 2. Forward, the ReLU's largest state rises without end, the clipped "
    "one's stays at or below 20. Backward, both gradients grow with the distance, that of the "
    "clipped ReLU far more slowly.",
)

# %% [markdown]
# The states are tame now, and the gradient is less wild by many powers of ten. It is not cured: it
# still grows through the units between 0 and 20, and those at the ceiling learn nothing at all.
# Better not to go there. The package draws an orthogonal matrix for $U$, whose eigenvalues all have
# $|\lambda| = 1$, so that a product with it makes nothing longer or shorter.

# %%
layer = SimpleRNN(3, 32, np.random.default_rng(0), dtype=np.float64)
eigenvalues = np.linalg.eigvals(layer.params["U"][0])
print(f"|eigenvalue| from {np.abs(eigenvalues).min():.3f} to {np.abs(eigenvalues).max():.3f}")
np.testing.assert_allclose(np.abs(eigenvalues), 1)

# %% [markdown]
# ### The memory of the real layer
#
# So the gradient of the package's layer neither fades nor grows? That was said with slopes of 1. The
# layer has slopes of 0 as well, where a unit is silent. Predict first: if half of the units are on,
# what is left of a gradient after 30 frames?
#
# We take the package's layer as it is drawn, 64 units, with input terms of mean 0 and variance 1, as
# batch normalisation makes them, and send a gradient back from the last frame of 16 utterances. As a
# control, the same with larger $U$, and with all slopes set to 1.


# %%
def gradient_by_distance(forward, backward, a, U, slopes=True):
    """Send a gradient back from the last frame; return its norm in each frame, the last one first."""
    h, cache = forward(a, U, np.zeros_like(a[:, 0, :, : U.shape[1]]))
    dh = np.zeros_like(h)
    dh[:, -1] = back_rng.standard_normal(dh[:, -1].shape)
    if not slopes:  # as if all units were on, and below the ceiling
        cache = (np.ones_like(h), *cache[1:])
    da, _, _ = backward(dh, cache)
    norms = np.linalg.norm(da, axis=-1)[0].mean(axis=1)[::-1]
    return norms / norms[0], h


back_rng = np.random.default_rng(0)
U_real = SimpleRNN(3, 64, np.random.default_rng(0), dtype=np.float64).params["U"]
normal = back_rng.standard_normal((1, 61, 16, 64))
simple = rnn.simple_rnn_forward, rnn.simple_rnn_backward
real, states_real = gradient_by_distance(*simple, normal, U_real)
open_slopes, _ = gradient_by_distance(*simple, normal, U_real, slopes=False)
wide, _ = gradient_by_distance(*simple, normal, 1.5 * U_real)
wider = {r: gradient_by_distance(*simple, normal, r * U_real)[0][60] for r in (1, 1.25, 1.5, 2, 3)}
on = ((states_real > 0) & (states_real < 20)).mean()
for frames in (10, 30, 60):
    print(
        f"after {frames} frames {real[frames]:.0e} is left, with all slopes 1 {open_slopes[frames]:.2f}"
    )
per_frame = real[60] ** (1 / 60)
print(
    f"{on:.0%} of the units are on; a factor of {per_frame:.2f} a frame, sqrt({on:.2f}) = {on**0.5:.2f}"
)
for radius, left in wider.items():
    print(f"{radius} U: after 60 frames {left:.0e}")
verdict = "The slopes decide, not U alone" if real[30] < 0.01 < open_slopes[30] else "U decides"
print(f"{verdict}: {real[30]:.0e} against {open_slopes[30]:.2f} after 30 frames.")
assert abs(per_frame - on**0.5) < 0.1

# %% [markdown]
# Each frame lets about half of the gradient's squares through, so its norm shrinks by about the root
# of the share of units that are on, $\sqrt{0.5} \approx 0.7$, and after 30 frames, less than a third
# of a second, practically nothing is left. An orthogonal $U$ is a good start, no more. A larger $U$
# makes up for it, at one radius (between 1.25 and 1.5 for these input terms), and above it gradients
# explode.
# What we would like is a unit that decides by itself how long to keep a thing: a *gate*. The layer
# after the next section has one, and its curve stands beside this one there.

# %% [markdown]
# ### What clipping the gradient does
#
# Another remedy is at the other end, in the training step: measure the norm of the whole gradient,
# and if it is above a limit (400 in the paper), scale it down to the limit. The direction stays.
#
# One unit shows it. It starts at $h_0 = 1$, hears nothing for 20 frames, and shall end at 1; so its
# state is $u^{20}$, and the best $u$ is 1. We begin a little above it, at 1.15.

# %%
silence, one = np.zeros((20, 1)), np.ones(1)


def gradient_of(u):
    """Return the loss (h_20 - 1)^2 / 2 and its gradient with respect to u."""
    U = np.array([[u]])
    h = rnn_by_frames(silence, U, one)
    dh = np.zeros((20, 1))
    dh[-1] = h[-1] - 1
    return float((h[-1, 0] - 1) ** 2 / 2), float(rnn_backward(dh, h, one, U)[1][0, 0])


learning_rate = 5e-4
for limit in (np.inf, 400.0):
    u = 1.15
    print(f"limit {limit}:")
    for step in range(41):
        loss, du = gradient_of(u)
        if step in (0, 1, 2, 20, 40):
            print(f"   step {step:2d}: u = {u:7.4f}  loss {loss:8.4f}  gradient {du:9.2f}")
        u -= learning_rate * du * min(1.0, limit / max(abs(du), 1e-12))
    print(f"   ends at u = {u:.4f}")

# %% [markdown]
# The gradient at 1.15 is enormous, for a slope that reaches only a little way: one step throws $u$
# far below 0, where the unit is silent, has the slope 0 and learns nothing any more. Clipped, the
# same step is short, and the walk ends where it should. Clipping does nothing about *vanishing*: a
# number that has become 0 cannot be scaled up again. The package's optimiser does the same:

# %%
weight, gradient = np.array([1.15]), np.array([gradient_of(1.15)[1]])
SGD({"u": weight}, {"u": gradient}, learning_rate, momentum=0.0, max_norm=400.0).step()
np.testing.assert_allclose(weight, 1.15 - learning_rate * 400.0)
print("the optimiser's first step leads to", weight[0])

# %% [markdown]
# ## The gated recurrent unit
#
# A simple unit keeps a share of its past that is fixed once $U$ is trained. The gated recurrent
# unit, GRU, decides *in each frame, for each unit*, how much to keep. Its state runs along the top
# of the drawing, and two *gates*, numbers between 0 and 1, open and close.
#
# ![The GRU's cell: the old state runs along the top, is multiplied by one minus z, and z times the
# candidate c is added; the candidate comes from the input term ac and the reset gate r times the
# old state's product with Uh.](images/recurrence_04_gru.svg)
#
# There are three input terms now, $a^z, a^r, a^c$, each of shape (H,) and made from $x_t$ with
# weights of its own as before; and three recurrent matrices $U_z, U_r, U_h$, each (H, H). With the
# logistic function $\sigma(x) = 1 / (1 + e^{-x})$, which squeezes every number into 0 to 1, and
# with a dot for the element-wise product (in the drawing and in code the names are az, ar, ac
# and Uz, Ur, Uh):
#
# $$\begin{aligned}
# z_t &= \sigma(a^z_t + h_{t-1} U_z) && \text{the update gate} \\
# r_t &= \sigma(a^r_t + h_{t-1} U_r) && \text{the reset gate} \\
# c_t &= \tanh(a^c_t + r_t \cdot (h_{t-1} U_h)) && \text{the candidate} \\
# h_t &= (1 - z_t) \cdot h_{t-1} + z_t \cdot c_t && \text{the new state}
# \end{aligned}$$
#
# Two conventions to mind. Here, as in the paper, $z$ chooses the *candidate*: $z = 0$ keeps the old
# state. cuDNN and PyTorch write $z$ and $1 - z$ the other way round. And the reset gate multiplies
# the product $h_{t-1} U_h$, not the state before the product; so all three products with $h_{t-1}$
# are one, with the matrices side by side. For the candidate, tanh is common and is the package's
# default; the paper's $f$ works as well.


# %%
def sigma(x):
    return 1 / (1 + np.exp(-x))


def gru_step(a, before, U):
    """Make one step: a (3H,), before (H,), U (H, 3H) -> h, z, r, c and before @ Uh, (H,) each."""
    az, ar, ac = np.split(a, 3)
    Uz, Ur, Uh = np.split(U, 3, axis=1)
    z = sigma(az + before @ Uz)
    r = sigma(ar + before @ Ur)
    heard = before @ Uh
    c = np.tanh(ac + r * heard)
    return (1 - z) * before + z * c, z, r, c, heard


print("one unit, state 0.8 before, candidate's input term -0.5, Uh = 1:")
for az, ar in ((-8, 0), (8, -8), (8, 8), (0, 0)):
    after, z, r, c, _ = gru_step(
        np.array([az, ar, -0.5]), np.array([0.8]), np.array([[0.0, 0.0, 1.0]])
    )
    print(f"z = {z[0]:.2f}  r = {r[0]:.2f}  c = {c[0]:5.2f}  new state {after[0]:5.2f}")

# %% [markdown]
# First line: the update gate is closed, the state stays. Second: it is open and the reset gate is
# closed, so the candidate, and with it the new state, is made from the input alone, as if the
# utterance began here. Third: both are open, an ordinary recurrent unit. Fourth: half and half.
#
# The loop over time is as before; it keeps what the way back will need. (For numbers far below 0,
# $e^{-x}$ overflows. The package writes $\sigma(x) = (1 + \tanh(x / 2)) / 2$, which cannot.)


# %%
def gru_by_frames(a, U, h0):
    """Run the gated recurrence: a (T, 3H), U (H, 3H), h0 (H,) -> h (T, H) and the gates."""
    before, steps = h0, []
    for a_t in a:
        steps.append(gru_step(a_t, before, U))
        before = steps[-1][0]
    h, z, r, c, heard = (np.array(rows) for rows in zip(*steps, strict=True))  # (T, H) each
    return h, (z, r, c, heard)


a3 = rng.standard_normal((T, 3 * H))
U3 = 0.7 * rng.standard_normal((H, 3 * H))
h3, gates = gru_by_frames(a3, U3, h0)
print(np.round(h3, 2))

# %% [markdown]
# ### Backward
#
# Let $g_t$ again be all that arrives at $h_t$. The last equation first, and then each one before
# it; the slopes are $\sigma' = \sigma (1 - \sigma)$ and $\tanh' = 1 - \tanh^2$, both known from the
# outputs:
#
# $$\begin{aligned}
# dz_t &= g_t \cdot (c_t - h_{t-1}) & da^z_t &= dz_t \cdot z_t \cdot (1 - z_t) \\
# dc_t &= g_t \cdot z_t & da^c_t &= dc_t \cdot (1 - c_t \cdot c_t) \\
# dr_t &= da^c_t \cdot (h_{t-1} U_h) & da^r_t &= dr_t \cdot r_t \cdot (1 - r_t) \\
# dq_t &= da^c_t \cdot r_t & & \text{with } q_t = h_{t-1} U_h
# \end{aligned}$$
#
# The old state is used in four places, so four gradients come together in it, and $g_{t-1}$ is
# their sum and $dh_{t-1}$:
#
# $$g_{t-1} = dh_{t-1} + g_t \cdot (1 - z_t) + da^z_t U_z^T + da^r_t U_r^T + dq_t U_h^T.$$
#
# The weights' gradients are sums over frames as before: $dU_z = \sum_t h_{t-1}^T da^z_t$, $dU_r$ in
# the same way, and $dU_h = \sum_t h_{t-1}^T dq_t$.
#
# The second term of $g_{t-1}$ is what gated units are for. It passes no matrix: as long as $z$ is
# near 0, the gradient goes back along the top of the drawing unharmed.


# %%
def gru_step_backward(g, before, gates, U):
    """Go back through one step: g (H,) -> da (3H,), dproduct (3H,), dbefore (H,)."""
    z, r, c, heard = gates
    daz = g * (c - before) * z * (1 - z)
    dac = g * z * (1 - c * c)
    dar = dac * heard * r * (1 - r)
    da = np.concatenate([daz, dar, dac])
    dproduct = np.concatenate([daz, dar, dac * r])  # of before @ U, all three blocks
    return da, dproduct, g * (1 - z) + dproduct @ U.T


def gru_backward_by_frames(dh, h, gates, h0, U, step=gru_step_backward):
    """Go back through time: dh, h (T, H) -> da (T, 3H), dU (H, 3H), dh0 (H,)."""
    da, dU = np.zeros((len(h), U.shape[1])), np.zeros_like(U)
    carry = np.zeros_like(h0)
    for t in reversed(range(len(h))):
        before = h[t - 1] if t > 0 else h0
        of_frame = [gate[t] for gate in gates]
        da[t], dproduct, carry = step(dh[t] + carry, before, of_frame, U)
        dU += np.outer(before, dproduct)
    return da, dU, carry


def check_gru(step):
    """Compare a backward pass of the GRU with finite differences."""

    def loss():
        return float((dh * gru_by_frames(a3, U3, h0)[0]).sum())

    def gradients():
        da, dU, dh0 = gru_backward_by_frames(dh, *gru_by_frames(a3, U3, h0), h0, U3, step)
        return {"a": da, "U": dU, "h0": dh0}

    return report(check_gradients(loss, gradients, {"a": a3, "U": U3, "h0": h0}))


assert check_gru(gru_step_backward)

# %% [markdown]
# And broken: once with the reset gate forgotten on the way back through $h_{t-1} U_h$, once without
# the way along the top.


# %%
def forgets_the_reset(g, before, gates, U):
    da, _, _ = gru_step_backward(g, before, gates, U)
    return da, da, g * (1 - gates[0]) + da @ U.T


def forgets_the_way_along_the_top(g, before, gates, U):
    da, dproduct, _ = gru_step_backward(g, before, gates, U)
    return da, dproduct, dproduct @ U.T


for broken in (forgets_the_reset, forgets_the_way_along_the_top):
    print(broken.__name__)
    assert not check_gru(broken)

# %% [markdown]
# ### Exercise 04.3: the gated recurrence of a batch
#
# With tanh for the candidate. One of the cases has input terms of some thousands: a sigma that computes
# infinity over infinity fails there.
#
# | name in code | symbol | shape | meaning |
# |---|---|---|---|
# | `a` | $a^z_t, a^r_t, a^c_t$ | (B, T, N, 3H) | input terms of z, r and c, side by side |
# | `U` | $U_z, U_r, U_h$ | (B, H, 3H) | recurrent weights, in the same order |
# | `h0` | $h_0$ | (B, N, H) | the state before the first frame |
# | result | $h_t$ | (B, T, N, H) | all states |


# %%
def gru_forward(a, U, h0):
    """Run the gated recurrence: (B, T, N, 3H), (B, H, 3H), (B, N, H) -> (B, T, N, H)."""
    raise NotImplementedError


# %%
check("04.3", gru_forward)

# %% [markdown]
# ### Exercise 04.5: and its way back
#
# The gated recurrence backward, for a batch. The forward pass has kept its states and gates; what it has
# not kept, such as $h_{t-1} U_h$, you can compute again.
#
# | name in code | symbol | shape | meaning |
# |---|---|---|---|
# | `dh` | $dh_t$ | (B, T, N, H) | the gradient from above |
# | `h`, `h0` | $h_t$, $h_0$ | (B, T, N, H), (B, N, H) | the states of the forward pass, and the first one |
# | `gates` | $z_t, r_t, c_t$ | (B, T, N, 3H) | gates and candidate of the forward pass, side by side |
# | `U` | $U_z, U_r, U_h$ | (B, H, 3H) | recurrent weights, in the same order |
# | first result | $da^z_t, da^r_t, da^c_t$ | (B, T, N, 3H) | the gradients of the input terms, side by side |
# | second result | $dU_z, dU_r, dU_h$ | (B, H, 3H) | of the recurrent weights, summed over frames and utterances |
# | third result | $dh_0$ | (B, N, H) | of the first state |


# %%
def gru_backward(dh, h, h0, gates, U):
    """Go back through time: returns da (B, T, N, 3H), dU (B, H, 3H) and dh0 (B, N, H)."""
    raise NotImplementedError


# %%
check("04.5", gru_backward)

# %% [markdown]
# One unit to touch: drag its input and its weights, and see the update gate open and close, and the state
# hold or let go. (Its gates look at the input only, not at the state: $U_z = U_r = 0$.)

# %%
show_widget("gru_gate")

# %% [markdown]
# ### How far back does a GRU see?
#
# We give every update gate a constant in its input term: 0, so that it is half open at first, or
# negative numbers, which close it. Then we send one gradient back from the last frame.

# %%
T_long, H_long = 61, 32
U_gru = np.concatenate([0.5 * random_U] * 3, axis=1)
quiet = 0.3 * rng.standard_normal((T_long, 3 * H_long))
curves = {}
for constant in (-6, -4, -2, 0):
    shifted = quiet.copy()
    shifted[:, :H_long] += constant
    h_now, gates_now = gru_by_frames(shifted, U_gru, np.zeros(H_long))
    norms = []
    for distance in range(T_long):
        upstream = np.zeros_like(h_now[: distance + 1])
        upstream[-1] = start
        through = [gate[-distance - 1 :] for gate in gates_now]
        before = h_now[-distance - 2] if distance + 1 < T_long else np.zeros(H_long)
        back = gru_backward_by_frames(upstream, h_now[-distance - 1 :], through, before, U_gru)
        norms.append(np.linalg.norm(back[2]))
    curves[f"constant {constant}, mean z {gates_now[0].mean():.3f}"] = norms
    print(f"constant {constant}: after 61 frames {norms[-1]:.1e} of the gradient is left")
last = [norms[-1] for norms in curves.values()]
assert last == sorted(last, reverse=True)
assert last[0] > 0.5

# %%
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
title = "GRU: the update gate decides"
plot_lines(curves, axis, title, "distance (frames)", "norm of the gradient")
show(
    figure,
    "The norm of the gradient over the distance in frames, with a logarithmic axis, for four "
    "constants in the update gate: the more the gate is closed, the flatter the curve.",
)

# %% [markdown]
# The same $U$ in all four, of radius one half, with which a simple layer forgets within a few
# frames. With its gates nearly closed the GRU remembers the whole stretch. And the gates are
# computed from the sound: a unit can hold a thing for as long as it is needed and then let go.
#
# Now the package's GRU beside the package's simple layer, both as they are drawn, with the input terms
# of above, and once more with gates that have learned to stay nearly closed. Predict first: does a
# GRU remember before it has learned anything?

# %%
U_three = GRU(3, 64, np.random.default_rng(0), dtype=np.float64).params["U"]
terms = back_rng.standard_normal((1, 61, 16, 192))
curves = {"simple layer, as drawn": real, "simple layer, 1.5 U": wide}
for constant in (0, -6):
    shifted = terms.copy()
    shifted[..., :64] += constant
    norms, _ = gradient_by_distance(gru.gru_forward, gru.gru_backward, shifted, U_three)
    curves[f"GRU, constant {constant}"] = norms
for name, norms in curves.items():
    print(f"{name:23} after 30 frames {norms[30]:.0e}, after 60 {norms[60]:.0e}")
early = "no more than the simple layer" if curves["GRU, constant 0"][60] < 1e-3 else "already"
kept = "does" if curves["GRU, constant -6"][60] > 0.1 else "does not"
print(f"As drawn, the GRU remembers {early}; with its gates nearly closed it {kept}.")

# %%
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
plot_lines(curves, axis, "the package's layers", "distance (frames)", "norm of the gradient")
show(
    figure,
    "The norm of the gradient over the distance in frames, with a logarithmic axis. The simple layer "
    "as drawn and the GRU as drawn fall steeply; with a constant of -6 in the update gate the GRU's "
    "curve is level, and the simple layer with 1.5 U stays level and rises at the end.",
)

# %% [markdown]
# So a gate is no memory yet: it is something that *can learn* to be one, by closing. A simple layer has
# no weight that would do that.
#
# ### A riddle for both: hold four numbers
#
# Does it matter, once they have learned? In each frame both layers hear four numbers at random, from -1
# to 1, and a flag, which is raised once in 40 frames or so. They shall give the four numbers that they
# heard with the last flag, and nothing of what came since. In speech that would be: who is speaking, how
# loud, in which accent. Both have 32 units and the same 800 steps, with three seeds. Predict first: 50
# frames after the flag, how much of the four numbers does either layer still know?


# %%
def draw_riddle(rng, N, T=80, signs=False):
    """Draw numbers and flags x (N, T, 5), what is to be held (N, T, 4), frames since the flag (N, T)."""
    numbers = rng.choice([-1.0, 1.0], (N, T, 4)) if signs else rng.uniform(-1, 1, (N, T, 4))
    flags = rng.random((N, T)) < 1 / 40
    flags[:, 0] = True
    last = np.maximum.accumulate(np.where(flags, np.arange(T), 0), axis=1)
    held = np.take_along_axis(numbers, last[..., None], axis=1)
    x = np.concatenate([numbers, flags[..., None]], axis=2)
    return x.astype(np.float32), held.astype(np.float32), np.arange(T) - last


def solve_riddle(kind, seed, signs=False):
    """Train a layer and return the share of the variance that it explains, by frames since the flag."""
    draw = np.random.default_rng(seed)
    net = Sequential(
        {"recurrent": kind(5, 32, draw, batchnorm=False), "output": Linear(32, 4, draw)}
    )
    optimiser = SGD(net.params, net.grads, 0.1, momentum=0.9, max_norm=1.0)
    for _ in range(800):
        x, held, _ = draw_riddle(draw, 32, signs=signs)
        net.zero_grads()
        error = net.forward(x, np.full(32, 80)) - held
        net.backward(2 * error / (32 * 80))
        optimiser.step()
    x, held, since = draw_riddle(np.random.default_rng(99), 1000, signs=signs)
    error = net.forward(x, np.full(1000, 80)) - held
    return np.array([1 - (error[since == d] ** 2).mean() / held.var() for d in range(61)])


with threadpool_limits(1):  # products this small are slower on two cores than on one
    solved = {
        "simple layer": [solve_riddle(SimpleRNN, seed) for seed in range(3)],
        "GRU": [solve_riddle(GRU, seed) for seed in range(3)],
        "simple layer, signs only": [
            solve_riddle(SimpleRNN, seed, signs=True) for seed in range(3)
        ],
    }
for name, of_seeds in solved.items():
    print(f"{name:<25} explains after 50 frames:", ", ".join(f"{one[50]:.0%}" for one in of_seeds))
worst, best = min(one[50] for one in solved["GRU"]), max(one[50] for one in solved["simple layer"])
better = "holds more with every seed" if worst > best else "does not hold more with every seed"
print(f"The GRU {better}: {worst:.0%} at least, the simple layer {best:.0%} at most.")

# %%
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
means = {name: 100 * np.mean(of_seeds, axis=0) for name, of_seeds in solved.items()}
plot_lines(
    means, axis, "what is left of four numbers", "frames since the flag", "explained (%)", log=False
)
axis.set_ylim(0, 102)
show(
    figure,
    "How much of the four numbers is still known, over the frames since the flag, the mean of three "
    "seeds: the GRU's line stays level near 100 per cent, the simple layer's falls within ten frames "
    "and stays low. Where the numbers are signs only, the simple layer does better.",
)

# %% [markdown]
# The third line is a control: the same riddle with numbers that are either -1 or 1. A simple layer can hold
# a *sign*, since it may round what it carries to one of two states in each frame. What it hardly learns is to
# leave a number as it is while it goes on listening: each frame mixes something in. A closed gate does not.
#
# The LSTM (Hochreiter and Schmidhuber 1997), the older of the two, has a
# cell beside the state, and three gates: one for what enters the cell, one for what it keeps, one for
# what it shows. Where the GRU mixes old and new by one number $z$, its gates for keeping and entering
# are independent. The paper prefers the GRU, which has fewer weights.
#
# The GRU is from 2014 (Cho and others). Recognisers of today mostly replace recurrence by
# attention over all frames at once, which needs no memory and no order of time, but compares each frame with
# each other one; where speech has to be written while it is spoken, LSTM and GRU layers are still in use.

# %% [markdown]
# ## Both directions
#
# How a letter sounds depends on what follows it, too. A bidirectional layer runs two recurrences:
# one from the first frame to the last, one from the last to the first, and adds their states:
#
# $$h^f_t = f(a_t + h^f_{t-1} U^f), \qquad h^b_t = f(a_t + h^b_{t+1} U^b), \qquad
# \text{out}_t = h^f_t + h^b_t.$$
#
# In the paper both share $W$, and so the input terms $a$; each has its own $U$. We need no second
# loop: turn the frames around, run the loop that we have, and turn its states back.
#
# A minibatch holds utterances of unequal length, padded behind their ends. If the *whole array* is
# turned, padding comes first, and the backward direction has heard it before the utterance begins.
# So each utterance is turned within its own length:
#
# ![Two utterances of six and four frames, turned within their own lengths: the padding of the
# second stays at the end.](images/recurrence_04_turned.svg)


# %%
def both_by_frames(a, U_f, U_b):
    """Run both directions over one utterance: a (T, H), U_f and U_b (H, H) -> (T, H)."""
    nothing = np.zeros(len(U_f))
    forward = rnn_by_frames(a, U_f, nothing)
    backward = rnn_by_frames(a[::-1], U_b, nothing)[::-1]
    return forward + backward


def both_of_batch(a, lengths, U_f, U_b):
    """Run both directions over a batch: a (N, T, H), lengths (N,) -> (N, T, H), padding 0."""
    out = np.zeros_like(a)
    for n, length in enumerate(lengths):
        out[n, :length] = both_by_frames(a[n, :length], U_f, U_b)
    return out


lengths = np.array([6, 4])
batch = rng.standard_normal((2, T, H))
batch[1, 4:] = 0.3  # padding; a bias or batch norm's beta puts such numbers there
U_f, U_b = 0.5 * rng.standard_normal((2, H, H))

right = both_of_batch(batch, lengths, U_f, U_b)
wrong = np.array([both_by_frames(utterance, U_f, U_b) for utterance in batch])
for n, length in enumerate(lengths):
    apart = np.abs(wrong[n, :length] - right[n, :length]).max()
    print(f"length {length}: turned with its padding, real frames change by up to {apart:.3f}")
assert np.abs(wrong[1, :4] - right[1, :4]).max() > 0.01

# %% [markdown]
# The full utterance does not mind; the short one is changed by what comes behind it. It would be
# transcribed differently in another minibatch, and nobody would see why.
#
# Backward there is little to do. A sum hands its gradient to both; each direction goes back through
# its own time; and since $a$ is used by both, its gradients add up.


# %%
def both_backward(dout, a, U_f, U_b):
    """Go back through both directions: dout, a (T, H) -> da (T, H), dU_f, dU_b (H, H)."""
    nothing = np.zeros(len(U_f))
    h_f = rnn_by_frames(a, U_f, nothing)
    h_b = rnn_by_frames(a[::-1], U_b, nothing)
    da_f, dU_f, _ = rnn_backward(dout, h_f, nothing, U_f)
    da_b, dU_b, _ = rnn_backward(dout[::-1], h_b, nothing, U_b)
    return da_f + da_b[::-1], dU_f, dU_b


def both_loss():
    return float((dh * both_by_frames(batch[0], U_f, U_b)).sum())


def both_gradients():
    return dict(zip(("a", "U_f", "U_b"), both_backward(dh, batch[0], U_f, U_b), strict=True))


assert report(check_gradients(both_loss, both_gradients, {"a": batch[0], "U_f": U_f, "U_b": U_b}))

# %% [markdown]
# ### Exercise 04.4: turn each utterance around
#
# Turn the first `lengths[n]` frames of utterance n around; what lies behind them stays where it is. For one
# utterance with the frames 1, 2, 3, 9, 9 and the length 3 the answer is 3, 2, 1, 9, 9. Do not
# change `x` itself.
#
# | name in code | shape | meaning |
# |---|---|---|
# | `x` | (T, N, ...) | time first, then utterances, then any number of axes |
# | `lengths` | (N,) | integers, the real frames of each utterance |
# | result | as `x` | each utterance turned around, its padding at the end |


# %%
def reverse_sequences(x, lengths):
    """Turn each utterance around within its own length: (T, N, ...), (N,) -> (T, N, ...)."""
    raise NotImplementedError


# %%
check("04.4", reverse_sequences)

# %% [markdown]
# ## Row convolution
#
# The backward direction has to wait for the end of the utterance. A recogniser that writes while
# somebody speaks cannot wait. The paper runs such a network forward only, and puts above its
# recurrent layers one that looks a few frames ahead, $\tau$ of them:
#
# $$r_{t,i} = \sum_{j=1}^{\tau+1} W_{i,j}\, h_{t+j-1,i}.$$
#
# Every feature $i$ mixes its own next frames; features do not meet, which is why it needs so few
# weights, $(\tau + 1) H$. In the drawing $\tau = 2$. Beyond the end there are zeros. In our arrays
# $j$ counts from 0, and the weights are transposed, $(\tau + 1, H)$: row $j$ weighs the frame $j$
# steps ahead.
#
# ![Row convolution with tau 2: one feature's frames 4, 5 and 6 are weighed and added into its
# output at frame 4.](images/recurrence_04_rows.svg)
#
# Backward: $h_{t,i}$ was used in the outputs $t, t-1, \ldots, t-\tau$, with $W_0, W_1, \ldots$; and
# $W_{j,i}$ was used in all frames. Where the forward pass has `out[t] += W[j] * x[t + j]`, each of
# the two factors gets the gradient times the other.


# %%
def row_conv_by_frames(x, W):
    """Mix next frames: x (T, H), W (tau + 1, H) -> (T, H)."""
    out = np.zeros_like(x)
    for t in range(len(x)):
        for j in range(len(W)):
            if t + j < len(x):  # beyond the end: zeros
                out[t] += W[j] * x[t + j]
    return out


def row_conv_backward(dout, x, W):
    """Return dx (T, H) and dW (tau + 1, H)."""
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for t in range(len(x)):
        for j in range(len(W)):
            if t + j < len(x):
                dx[t + j] += W[j] * dout[t]
                dW[j] += x[t + j] * dout[t]
    return dx, dW


def looks_back(dout, x, W):
    """Make a mistake on purpose: run the same convolution again on the gradient."""
    return row_conv_by_frames(dout, W), row_conv_backward(dout, x, W)[1]


W_row = rng.standard_normal((3, H))
row_input = rng.standard_normal((T, H))


def check_row_conv(backward):
    """Compare a backward pass of the row convolution with finite differences."""

    def loss():
        return float((dh * row_conv_by_frames(row_input, W_row)).sum())

    def gradients():
        return dict(zip(("x", "W"), backward(dh, row_input, W_row), strict=True))

    return report(check_gradients(loss, gradients, {"x": row_input, "W": W_row}))


assert check_row_conv(row_conv_backward)
print("looks_back")
assert not check_row_conv(looks_back)

# %% [markdown]
# The broken one is the mistake that one makes from memory: forward, information comes from the
# future into frame $t$; so the gradient goes from $t$ to the future, and not the other way.
#
# ### Who sees what
#
# We change one frame of the input after the other and look at which frames of the output change. A
# dark point at column $t$ and row $s$ says that output frame $t$ depends on input frame $s$. Predict first:
# on which side of the diagonal will each of the three networks be dark, and how far from it?


# %%
def measure_reach(network, x):
    """Move each frame of x (T, H) a little; return how much each frame of the output follows: (T, T)."""
    before, reach = network(x), np.zeros((len(x), len(x)))
    for s in range(len(x)):
        moved = x.copy()
        moved[s] += 0.1
        reach[s] = np.linalg.norm(network(moved) - before, axis=1) / np.linalg.norm(moved - x)
    return reach


T_seen, H_seen = 30, 16
calm = 1.0 + 0.5 * rng.standard_normal((T_seen, H_seen))
U_1, U_2 = (0.5 * np.linalg.qr(rng.standard_normal((H_seen, H_seen)))[0] for _ in range(2))
W_ahead = (1 + rng.uniform(-0.5, 0.5, (6, H_seen))) / 6  # tau = 5, around a mean
networks = {
    "forward only": lambda a: rnn_by_frames(a, U_1, np.zeros(H_seen)),
    "both directions": lambda a: both_by_frames(a, U_1, U_2),
    "forward, row convolution": lambda a: row_conv_by_frames(
        rnn_by_frames(a, U_1, np.zeros(H_seen)), W_ahead
    ),
}
reaches = {name: measure_reach(network, calm) for name, network in networks.items()}
for name, reach in reaches.items():
    print(f"{name}: sees up to {max(s - t for s, t in np.argwhere(reach > 0))} frames ahead")

# %%
figure, axes = plt.subplots(1, 3, figsize=(8.5, 3.2), layout="constrained")
for axis, (name, reach) in zip(axes, reaches.items(), strict=True):
    image = plot_reach(np.log10(np.maximum(reach, 1e-6)), axis, name)
figure.colorbar(image, ax=axes, label="log10 of change out / in")
show(
    figure,
    "Three squares, input frames upwards and output frames to the right, with a dark diagonal that "
    "fades away from it. Forward only: dark on the side of the past alone. Both directions: on "
    "both sides. With row convolution: the past, and a band of five frames of the future.",
)

# %% [markdown]
# The dark band fades with the distance: that is the memory of $U$, one half to the power of the
# distance.
#
# What is it good for? A riddle for all three: the input is noise, one number a frame, and the task
# is to tell what the number was *two frames later*. We fit the best linear answer from the states
# on the first half of the frames and look at how much of the variance it explains on the second
# half. Predict first: which of the three can do it?

# %%
noise = rng.standard_normal((2000, 1))
heard = 1.0 + noise @ rng.uniform(-1, 1, (1, H_seen))
half = 1000
for name, network in networks.items():
    features = np.hstack([network(heard), np.ones((2000, 1))])[:-2]
    target = noise[2:, 0]
    weights, *_ = np.linalg.lstsq(features[:half], target[:half], rcond=None)
    left = np.var(target[half:] - features[half:] @ weights) / np.var(target[half:])
    print(f"{name:<25} explains {max(0.0, 1 - left):.0%}")
    assert (left > 0.9) == (name == "forward only")

# %% [markdown]
# Forward only, the future is a secret: next to nothing of it is explained. Both of the others know
# most of it.
#
# <details><summary><b>What does a bidirectional network cost, and when is it worth it?</b> Think
# first, then look.</summary>
#
# Three things. Arithmetic: the products with $U$ are doubled, the product with $W$ is not, as it is
# shared; for as many inputs as hidden units that is three matrices in place of two (the cell below
# counts them). Memory in training: the states of both directions are kept for the way back. And
# time to wait: no frame of the output is known before the last frame of the input is, and with
# several such layers each needs the whole of the one below. The first two are a price like any
# other. The third one excludes whatever has to answer while somebody speaks. So: for files,
# subtitles, archives, both directions; for dictation and dialogue, forward only with a little look
# ahead.
# </details>
#
# <details><summary><b>What would streaming change?</b></summary>
#
# Sound comes in pieces, and everything that looks at more than one frame has to remember something
# between them. A forward recurrence keeps its last state, H numbers for an utterance, and goes on
# from it. Row convolution holds back its last $\tau$ frames until their future has come, so the
# answer is late by $\tau$ frames. (So do the convolutions of chapter 02.) A backward direction
# cannot be fed in pieces at all. And batch normalisation must use its running averages, since the
# statistics of the utterance are not there yet. The cell after the next one does it with the
# package's layers.
# </details>

# %%
D_same = 64
counts = {
    name: made.multiply_adds((D_same,))
    for name, made in {
        "simple, forward only": SimpleRNN(D_same, D_same, np.random.default_rng(0)),
        "simple, both directions": Bidirectional(
            SimpleRNN, D_same, D_same, np.random.default_rng(0)
        ),
        "GRU, forward only": GRU(D_same, D_same, np.random.default_rng(0)),
        "GRU, both directions": Bidirectional(GRU, D_same, D_same, np.random.default_rng(0)),
    }.items()
}
for name, count in counts.items():
    print(f"{name:<24} {count / D_same**2:.0f} H^2 multiplications a frame")

# %%
sound = rng.standard_normal((1, 12, 3)).astype(np.float32)
twelve = np.array([12])
stream = [SimpleRNN(3, 8, np.random.default_rng(1)), RowConv(8, 2, np.random.default_rng(2))]
for layer in stream:
    layer.set_training(False)
whole = stream[1].forward(stream[0].forward(sound, twelve), twelve)

memory, pieces = [None, None], []
for first, last in ((0, 5), (5, 8), (8, 12)):
    piece = sound[:, first:last]
    for i, layer in enumerate(stream):
        piece, memory[i] = layer.forward_chunk(piece, memory[i], last == 12)
    pieces.append(piece)
    print(f"frames {first + 1} to {last} go in, {piece.shape[1]} come out")
np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-6)

both = Bidirectional(SimpleRNN, 3, 8, np.random.default_rng(1))
try:
    both.forward_chunk(sound, None, True)
except ValueError as error:
    print("refused:", error)

# %% [markdown]
# ## The real one
#
# The package's loops are ours, over *whole batches and both directions at once*: arrays of shape
# (B, T, N, H), with B directions and N utterances. Time comes before the utterances so that one
# frame of all of them lies together. `state @ U` then multiplies (B, N, H) by (B, H, H): each
# direction by its own matrix. All that need not wait is taken out of the loop: slopes are computed
# for all frames before it, and $dU$ is one large product behind it. Everything that we built must
# agree.

# %% jupyter={"source_hidden": true}
N = 3
a_batch, h0_batch = rng.standard_normal((2, T, N, H)), rng.uniform(0, 1, (2, N, H))
U_batch, dh_batch = 0.5 * rng.standard_normal((2, H, H)), rng.standard_normal((2, T, N, H))
real, cache = rnn.simple_rnn_forward(a_batch, U_batch, h0_batch)
real_da, real_dU, real_dh0 = rnn.simple_rnn_backward(dh_batch, cache)
for B in range(2):
    dU_sum = 0
    for n in range(N):
        start_state = h0_batch[B, n]
        ours = rnn_by_frames(a_batch[B, :, n], U_batch[B], start_state)
        da, dU, dh0 = rnn_backward(dh_batch[B, :, n], ours, start_state, U_batch[B])
        dU_sum += dU  # weights are shared by the utterances
        np.testing.assert_allclose(real[B, :, n], ours, atol=1e-12)
        np.testing.assert_allclose(real_da[B, :, n], da, atol=1e-12)
        np.testing.assert_allclose(real_dh0[B, n], dh0, atol=1e-12)
    np.testing.assert_allclose(real_dU[B], dU_sum, atol=1e-12)

h3, gates = gru_by_frames(a3, U3, h0)
real, cache = gru.gru_forward(a3[None, :, None], U3[None], h0[None, None])
np.testing.assert_allclose(real[0, :, 0], h3, atol=1e-12)
real_da, real_dU, real_dh0 = gru.gru_backward(dh[None, :, None], cache)
da, dU, dh0 = gru_backward_by_frames(dh, h3, gates, h0, U3)
np.testing.assert_allclose(real_da[0, :, 0], da, atol=1e-12)
np.testing.assert_allclose(real_dU[0], dU, atol=1e-12)
np.testing.assert_allclose(real_dh0[0, 0], dh0, atol=1e-12)

real, cache = rowconv.row_conv_forward(row_input[None], W_row)
np.testing.assert_allclose(real[0], row_conv_by_frames(row_input, W_row), atol=1e-12)
real_dx, real_dW = rowconv.row_conv_backward(dh[None], cache)
dx, dW = row_conv_backward(dh, row_input, W_row)
np.testing.assert_allclose(real_dx[0], dx, atol=1e-12)
np.testing.assert_allclose(real_dW, dW, atol=1e-12)
print("simple recurrence, GRU and row convolution: forward and backward agree")

# %% [markdown]
# Now the whole layer, with input weights, two directions and unequal lengths. The input term is a
# product, so with $da$ in hand the rest of the way back is $dx_t = da_t W^T$,
# $dW = \sum_t x_t^T da_t$ and $db = \sum_t da_t$.

# %% jupyter={"source_hidden": true}
layer = Bidirectional(SimpleRNN, D, H, np.random.default_rng(0), batchnorm=False, dtype=np.float64)
W, b, (U_f, U_b) = layer.params["W"], layer.params["b"], layer.params["U"]
b[...] = 0.3  # it starts at 0, where a mistake could hide
x = rng.standard_normal((2, T, D))
x[1, 4:] = 1e6  # garbage behind the second utterance's end
dout = rng.standard_normal((2, T, H))

out = layer.forward(x, lengths)
dx = layer.backward(dout)

expected = both_of_batch(x @ W + b, lengths, U_f, U_b)
dW, db, dU_both = np.zeros_like(W), np.zeros_like(b), np.zeros((2, H, H))
for n, length in enumerate(lengths):
    x_n = x[n, :length]
    da, *dU = both_backward(dout[n, :length], x_n @ W + b, U_f, U_b)
    dW += x_n.T @ da
    db += da.sum(axis=0)
    dU_both += dU
    np.testing.assert_allclose(dx[n, :length], da @ W.T, atol=1e-12)
np.testing.assert_allclose(out, expected, atol=1e-12)
np.testing.assert_allclose(layer.grads["W"], dW, atol=1e-12)
np.testing.assert_allclose(layer.grads["b"], db, atol=1e-12)
np.testing.assert_allclose(layer.grads["U"], dU_both, atol=1e-12)
print("the bidirectional layer agrees, in its output and in all its gradients")

# %% [markdown]
# And the time that a batch takes: element by element, frame by frame, and the package.

# %%
N, T_timed, H_timed = 8, 40, 32
a_timed = rng.standard_normal((1, T_timed, N, H_timed))
U_timed = 0.1 * rng.standard_normal((1, H_timed, H_timed))
h0_timed = np.zeros((1, N, H_timed))


def one_by_one(run):
    for n in range(N):
        run(a_timed[0, :, n], U_timed[0], h0_timed[0, n])


package = min(repeat(lambda: rnn.simple_rnn_forward(a_timed, U_timed, h0_timed), number=1))
by_frames = min(repeat(lambda: one_by_one(rnn_by_frames), number=1))
by_elements = min(repeat(lambda: one_by_one(rnn_by_elements), number=1, repeat=1))
print(f"frame by frame, one utterance after the other: {by_frames / package:.1f} times as long")
print(f"element by element: {by_elements / package:.0f} times as long")

# %% [markdown]
# A call from Python costs about as much for one row as for many, and a product of two matrices uses
# each weight that it fetches for all utterances at once. What cannot be put together is the
# *frames*: each waits for the one before it. That is why a GPU, which wants to do thousands of
# things at once, has a hard time with recurrent layers.

# %% [markdown]
# ## Padding
#
# Garbage stood behind the second utterance already. Now the two properties that every layer of the
# package has: what stands in the padding changes nothing, and a batch gives what its utterances
# give one by one; here for all recurrent layers, in both passes.

# %%
for name, layer in {
    "simple": SimpleRNN(D, H, np.random.default_rng(0), dtype=np.float64),
    "simple, both": Bidirectional(SimpleRNN, D, H, np.random.default_rng(0), dtype=np.float64),
    "GRU, both": Bidirectional(GRU, D, H, np.random.default_rng(0), dtype=np.float64),
    "row convolution": RowConv(D, 2, np.random.default_rng(0), dtype=np.float64),
}.items():
    results = []
    for garbage in (0.0, 1e6, np.nan):
        x[1, 4:] = garbage
        upstream = np.random.default_rng(1).standard_normal(layer.forward(x, lengths).shape)
        upstream[1, 4:] = garbage
        layer.zero_grads()
        results.append(
            (layer.forward(x, lengths), layer.backward(upstream), layer.grads["W"].copy())
        )
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            assert np.array_equal(one, same)
    assert not results[0][0][1, 4:].any()
    assert not results[0][1][1, 4:].any()
    layer.set_training(False)  # running averages, so that an utterance does not depend on others
    together = layer.forward(x, lengths)
    for n, length in enumerate(lengths):
        alone = layer.forward(x[n : n + 1, :length], lengths[n : n + 1])
        np.testing.assert_allclose(together[n, :length], alone[0], atol=1e-12)
    print(f"{name}: padding has no influence, and gets exactly 0; alone as in the batch")

# %% [markdown]
# ## What the paper reports
#
# Word error rates in per cent on the paper's development set, for networks of growing depth, from
# its tables (simple and GRU; both with batch normalisation):
#
# | layers, of which recurrent | simple RNN | GRU |
# |---|---|---|
# | 5, 1 | 14.40 | 10.53 |
# | 5, 3 | 10.56 | 8.00 |
# | 7, 5 | 9.78 | 7.79 |
# | 9, 7 | 9.52 | 8.19 |
#
# The first few recurrent layers help most, and GRUs beat simple units at every depth; for them, the
# deepest network is not the best one. (Deeper networks were made narrower: the simple ones of the
# first line have 2400 units in a layer, those of the last line 1280.) In another table, by the size
# of the model, the two meet: with 100 million parameters, 7.78 for the GRU and 7.73 for the simple
# RNN on the regular set.
#
# At our size one can see whether a gradient is right, how far it reaches, and what a frame depends
# on. One cannot see which network transcribes better: that takes hours of speech and a whole
# network.
#
# ## Summary
#
# * A recurrence is one loop forward and one loop backward; what is carried back goes through $U^T$
#   and the slopes.
# * The spectral radius of $U$ and the share of units that are on say whether gradients fade or grow;
#   with an orthogonal $U$ the real layer's fade. The ceiling bounds the states, clipping bounds the
#   step; neither brings back what has vanished.
# * A GRU opens and closes: where $z$ is near 0, state and gradient pass unchanged.
# * Two directions see everything and must wait for the end; row convolution sees $\tau$ frames
#   ahead and waits for those.
# * Utterances are turned within their own lengths; padding is last in both directions.
#
# **A production system** would run the loop over time within one kernel that keeps $U$ on the GPU's
# chip from frame to frame, would compute in half precision, and for live speech would do as the
# paper does: forward layers only, row convolution above them, requests gathered into small batches.
#
# ## Further reading
#
# * P. Werbos: *Backpropagation through time: what it does and how to do it*, 1990.
# * Y. Bengio, P. Simard, P. Frasconi: *Learning long-term dependencies with gradient descent is
#   difficult*, 1994.
# * M. Schuster, K. Paliwal: *Bidirectional recurrent neural networks*, 1997.
# * R. Pascanu, T. Mikolov, Y. Bengio: *On the difficulty of training recurrent neural networks*,
#   ICML 2013.
# * K. Cho and others: *Learning phrase representations using RNN encoder-decoder for statistical
#   machine translation*, EMNLP 2014: where the GRU comes from.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*,
#   2015.
# * In the package: [rnn.py](../ds2np/layers/rnn.py), [gru.py](../ds2np/layers/gru.py),
#   [recurrent.py](../ds2np/layers/recurrent.py), [rowconv.py](../ds2np/layers/rowconv.py).
