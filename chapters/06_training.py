# %% [markdown]
# # 06  Training
#
# A network with a gradient can learn. How well it does depends on how the gradient is followed, and
# on which utterances it is asked about, in which order. This chapter takes each of these choices
# alone, on a toy that shows what it is good for.
#
# ![The network from sound to text, with everything that is trained framed.](images/network_06.svg)
#
# **You will be able to**
#
# * say from the curvature of a loss which learning rates diverge, and what momentum changes;
# * show that Nesterov's look-ahead and the two lines in `ds2np/optim/sgd.py` are the same;
# * clip a gradient by its norm, and say why all arrays share one norm;
# * lower the floor of a noisy descent in two ways: by annealing, and by the mean of the weights;
# * say how large a minibatch is worth its price;
# * plan an epoch: SortaGrad, buckets, a limit of frames, and count what padding costs;
# * read a training curve: a rate too large, a rate too small, a plateau.
#
# **You need** NumPy and the idea of a gradient. From chapter 05: CTC gives each utterance a loss.
# **Reading time** 75 minutes.

# %%
import dataclasses
import itertools
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedLocator, NullLocator
from threadpoolctl import threadpool_limits

from ds2np.audio import load_audio
from ds2np.ctc import ctc_loss
from ds2np.data.batches import pad
from ds2np.data.batches import plan_epoch as real_plan_epoch
from ds2np.data.dataset import Dataset
from ds2np.decode.greedy import greedy_decode
from ds2np.gradcheck import compare_gradients, numerical_gradient
from ds2np.layers.softmax import log_softmax
from ds2np.learn import check, play, show, toy
from ds2np.model import ConvConfig, DeepSpeech2
from ds2np.optim import SGD, global_norm
from ds2np.optim.ema import EMA
from ds2np.plots import plot_lines, plot_plan, plot_walk
from ds2np.text import wer

# %% [markdown]
# ## The idea in one picture
#
# ![A loop of five boxes: plan, which utterances; gradient of the mean loss; clip, if it is too long;
# velocity, remembers; weights, move; and back for the next
# minibatch.](images/training_06_step.svg)
#
# We walk through the loop from the right to the left: first how weights move, on losses so small
# that we can draw them; then what the gradient is an average of; last the plan. At the end all of it
# runs together, on spoken digits.

# %% [markdown]
# ## A bowl
#
# Near a minimum every smooth loss looks like a bowl, wide in some directions and narrow in others.
# Turned so that these directions are the axes, and with the minimum at 0, it is
#
# $$L(w) = \frac{1}{2} \sum_i \lambda_i w_i^2, \qquad g_i = \frac{\partial L}{\partial w_i} =
# \lambda_i w_i.$$
#
# $w$ are the weights, $g$ is the gradient, and $\lambda_i$ is the **curvature** in direction $i$: how
# quickly the slope grows as we move that way. Two weights are enough, one direction twenty times as
# curved as the other. In networks the ratio is usually far larger.

# %%
curvature = np.array([1.0, 20.0])
start = np.array([-8.0, 1.6])


def bowl(w):
    return 0.5 * (curvature * w**2).sum(axis=-1)


def bowl_gradient(w):
    return curvature * w


w = start.copy()
numerical = numerical_gradient(lambda: bowl(w), w)
print(compare_gradients("bowl", bowl_gradient(w), numerical))

# %% [markdown]
# **Gradient descent** takes a step against the gradient. How far, the **learning rate** $r$ says:
#
# $$w_i \leftarrow w_i - r\, g_i = (1 - r \lambda_i)\, w_i.$$
#
# On a bowl each direction goes its own way: every step multiplies its distance by $1 - r \lambda_i$.
# If this factor lies between −1 and 1, the distance shrinks. So the steepest direction sets a limit,
# $r < 2 / \lambda_{\max}$, and the flattest direction pays for it. Predict first: which of the three
# rates below comes nearest to the minimum in 30 steps, and how does the one above the limit fail?


# %%
def plain_step(w, v, rate, momentum):
    return w - rate * bowl_gradient(w), v


def walk(step, rate, momentum=0.0, steps=30):
    """Walk down the bowl; return all places, (steps + 1, 2)."""
    path, v = [start], np.zeros(2)
    for _ in range(steps):
        w, v = step(path[-1], v, rate, momentum)
        path.append(w)
    return np.array(path)


# %%
ends, rates = {}, {"small": 0.02, "just below the limit": 0.095, "above the limit": 0.102}
figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), sharey=True, layout="constrained")
for axis, (name, rate) in zip(axes, rates.items(), strict=True):
    path = walk(plain_step, rate)
    expected = start * (1 - rate * curvature) ** np.arange(31)[:, None]
    np.testing.assert_allclose(path, expected, rtol=1e-9)
    plot_walk(bowl, path, axis, f"{name}: r = {rate}", (9, 3))
    ends[name] = bowl(path[-1])
    print(f"r = {rate}: loss {bowl(path[0]):.1f}, after 30 steps {ends[name]:.3g}")
show(
    figure,
    "Three walks over the level lines of a long narrow bowl. With a small rate the walk creeps along "
    "the floor and does not arrive. Just below the limit it zigzags across the floor and arrives. "
    "Above the limit the zigzags grow.",
)
grown = [name for name, loss in ends.items() if loss > bowl(start)]
print(f"Verdict: nearest is the rate {min(ends, key=ends.get)}; the loss has grown for {grown}.")

# %% [markdown]
# All three walks follow the formula. Even the largest rate that is safe moves slowly along the
# floor of the valley: there the factor is $1 - r \lambda_1$, close to 1.

# %% [markdown]
# ## Momentum
#
# Across the valley the gradient changes its sign with each step; along the valley it always points
# the same way. So let us remember. The **velocity** $v$ adds up all gradients so far, old ones with
# less and less weight, and the weights follow the velocity:
#
# $$v \leftarrow m\, v - r\, g, \qquad w \leftarrow w + v.$$
#
# $m$ is the **momentum**, between 0 and 1. What changes its sign cancels in the sum; what does not,
# grows. How far? If $g$ stayed the same for ever, $v$ would settle where $v = m v - r g$, that is at
# $v = -r g / (1 - m)$.


# %%
def momentum_step(w, v, rate, momentum):
    v = momentum * v - rate * bowl_gradient(w)
    return w + v, v


for m in (0.0, 0.9, 0.99):
    v = 0.0
    for _ in range(2000):
        v = m * v - 1.0  # a gradient of 1, a rate of 1
    print(f"m = {m}: the velocity settles at {-v:.1f} times the plain step")
    np.testing.assert_allclose(-v, 1 / (1 - m), rtol=1e-6)

# %% [markdown]
# The paper's momentum is 0.99: gradients that agree are followed a hundred times as far as one
# alone. This is the other side of its small rates, 1e-4 to 6e-4. A rate says nothing without its
# momentum.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
for axis, (name, step, m) in zip(
    axes, (("plain", plain_step, 0.0), ("momentum 0.8", momentum_step, 0.8)), strict=True
):
    path = walk(step, 0.03, m)
    plot_walk(bowl, path, axis, f"{name}: r = 0.03", (9, 3))
    print(f"{name}: loss after 30 steps {bowl(path[-1]):.3g}")
show(
    figure,
    "Two walks with the same rate. The plain one creeps along the floor and stops short of the "
    "minimum. The one with momentum swings across the floor at first and comes close to the "
    "minimum.",
)
assert bowl(walk(momentum_step, 0.03, 0.8)[-1]) < 0.1 * bowl(walk(plain_step, 0.03)[-1])

# %% [markdown]
# ## Nesterov's momentum
#
# A ball that rolls with momentum notices the other side of the valley only when it is there. But we
# know where the velocity is about to carry us. Nesterov's idea: measure the gradient *there*.
#
# ![Two walkers at the same place with the same velocity. Left, momentum: the gradient is measured
# where the walker stands, and the step crosses the floor of the valley. Right, Nesterov's: it is
# measured at the end of the velocity's part, and points back to the
# floor.](images/training_06_nesterov.svg)
#
# With $p$ for the place, and a prime for what is new, this is the **look-ahead form**:
#
# $$v' = m\, v - r\, g(p + m\, v), \qquad p' = p + v'.$$
#
# It is awkward for a network: its weights are $p$, but its gradient is wanted at another place. So
# we keep the other place as the weights: $w = p + m v$. Where is it after a step? Put in $p'$,
# then $p = w - m v$, then $v' = m v - r g(w)$ for the middle term:
#
# $$
# \begin{aligned}
# w' &= p' + m\, v' \\
#    &= p + v' + m\, v' \\
#    &= (w - m\, v) + (m\, v - r\, g(w)) + m\, v' \\
#    &= w + m\, v' - r\, g(w).
# \end{aligned}
# $$
#
# The gradient is measured at $w$, where the weights are, and $p$ is gone. These are the two lines of
# [sgd.py](../ds2np/optim/sgd.py): update the velocity, then move by $m v' - r g$. They begin at the
# same place, since $v = 0$ at first and so $w = p$; and where training ends, $v$ is small, so
# that $w$ is nearly $p$ again.


# %%
def nesterov_step(w, v, rate, momentum):
    g = bowl_gradient(w)
    v = momentum * v - rate * g
    return w + momentum * v - rate * g, v


def look_ahead(rate, momentum, steps=30):
    """Return the place and the velocity after each step."""
    p, v, trace = start, np.zeros(2), [(start, np.zeros(2))]
    for _ in range(steps):
        v = momentum * v - rate * bowl_gradient(p + momentum * v)
        p = p + v
        trace.append((p, v))
    return trace


m, rate = 0.8, 0.03
ours = walk(nesterov_step, rate, m)
theirs = np.array([p + m * v for p, v in look_ahead(rate, m)])
np.testing.assert_allclose(ours, theirs, rtol=1e-12)
print("largest difference from the look-ahead form:", np.abs(ours - theirs).max())

# %% [markdown]
# Now we break it. Two mistakes are common: to follow $v'$ alone, which is classical momentum, and to
# forget the last term, $-r g$. Both go downhill, and no error message will ever come.


# %%
def forgets_the_push(w, v, rate, momentum):
    v = momentum * v - rate * bowl_gradient(w)
    return w + momentum * v, v


for name, step in (("classical", momentum_step), ("without – r g", forgets_the_push)):
    broken = walk(step, rate, m)
    apart = np.abs(broken - theirs).max()
    print(f"{name}: loss at the end {bowl(broken[-1]):.2g}; off the look-ahead form by {apart:.2g}")
    assert apart > 0.01

# %% [markdown]
# The same start, a larger rate, both kinds side by side. Predict first: which of them swings across
# the floor more often?

# %%
away = {}
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
for axis, (name, step) in zip(
    axes, (("momentum", momentum_step), ("Nesterov", nesterov_step)), strict=True
):
    path = walk(step, 0.045, 0.8)
    plot_walk(bowl, path, axis, f"{name}: r = 0.045, m = 0.8", (9, 3))
    away[name] = np.abs(path[8:15, 1]).max()
    print(f"{name}: from step 8 to step 14 it is at most {away[name]:.2g} away from the floor")
show(
    figure,
    "Two walks on the bowl. With momentum the walk swings across the floor many times. With "
    "Nesterov's it is on the floor after few steps and follows it to the minimum.",
)
calmer = min(away, key=away.get)
print(f"{calmer} swings less, by a factor of {max(away.values()) / away[calmer]:,.0f}.")

# %% [markdown]
# ### When does each of them settle?
#
# In direction $i$, one step maps the pair (place, velocity) to the next one by a matrix of shape
# (2, 2). Write $x = r \lambda_i$. If the largest of the absolute values of its two eigenvalues is
# below 1, the pair shrinks; the smaller, the quicker. The matrix has only $x$ and $m$ in it, so we
# can draw all curvatures at once.


# %%
def shrinkage(x, momentum, kind):
    """Return by how much a step shrinks a direction in the long run; above 1 it grows."""
    if kind == "momentum":
        step = [[1 - x, momentum], [-x, momentum]]
    else:  # Nesterov's: v' = m v - x w, and w' = w + m v' - x w
        step = [[1 - x - momentum * x, momentum**2], [-x, momentum]]
    return np.abs(np.linalg.eigvals(step)).max()


def steps_to_a_tenth(factor):
    """Count steps until a tenth of the distance is left; nan where it grows."""
    return np.log(0.1) / np.log(factor) if factor < 1 else np.nan


xs = np.geomspace(0.001, 4, 600)
curves = {"plain, m = 0": [abs(1 - x) for x in xs]}
for kind in ("momentum", "Nesterov"):
    curves[f"{kind}, m = 0.9"] = [shrinkage(x, 0.9, kind) for x in xs]
curves = {name: (xs, list(map(steps_to_a_tenth, factors))) for name, factors in curves.items()}

# %%
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
plot_lines(curves, axis, "", "rate times curvature, x", "steps until a tenth is left")
axis.set(xscale="log", ylim=(1, 3000))
show(
    figure,
    "Steps until a tenth of the distance is left, over rate times curvature, both logarithmic. On "
    "the left plain descent needs thousands of steps, both kinds of momentum a tenth of that. From "
    "0.003 to 3.8 momentum keeps one level. Nesterov's falls from there, below ten at 1, and rises "
    "without end near 1.36; plain descent does so at 2.",
)
plain, classical, nesterov = (steps[0] for _, steps in curves.values())
print(f"x = 0.001: plain {plain:.0f} steps, momentum {classical:.0f}, Nesterov {nesterov:.0f}")
for limit, kind in ((2 * (1 + 0.9), "momentum"), (1 + 1 / (1 + 2 * 0.9), "Nesterov")):
    assert shrinkage(limit - 0.01, 0.9, kind) < 1 < shrinkage(limit + 0.01, 0.9, kind)

# %% [markdown]
# On the left are the flat directions, which take so long: both kinds of momentum need about
# $1 - m$ times the steps of plain descent. Then classical momentum keeps one level, with the factor
# $\sqrt{m}$, up to $x = 2 (1 + m)$: however steep a direction is, it swings as long as the others.
# Nesterov's damps a direction the more, the steeper it is, up to $x = 1$. The price is a lower
# limit, $x = 1 + 1 / (1 + 2m)$: at the same $m$ it stands smaller rates than classical momentum. The
# cell has tested both limits.

# %% [markdown]
# ## Clipping: a cliff
#
# A recurrent network multiplies by the same weights in each frame (chapter 04). The smallest one has
# one weight, and a state that begins at 1: $h_t = w\, h_{t-1}$. After 30 frames $h_{30} = w^{30}$,
# and we want $h_{30} = \frac{1}{2}$:
#
# $$L(w) = \frac{1}{2} \left( w^{30} - \tfrac{1}{2} \right)^2, \qquad
# g = 30\, w^{29} \left( w^{30} - \tfrac{1}{2} \right).$$


# %%
def cliff(w):
    return 0.5 * (w**30 - 0.5) ** 2


def cliff_gradient(w):
    return 30 * w**29 * (w**30 - 0.5)


for w in (0.8, 0.9, 1.0, 1.1, 1.2):
    print(f"w = {w}: loss {cliff(w):10.3g}   gradient {cliff_gradient(w):10.3g}")
w = np.array([1.05])
numerical = numerical_gradient(lambda: cliff(w)[0], w)
print(compare_gradients("cliff", cliff_gradient(w), numerical))

# %% [markdown]
# To the left a plain, to the right a wall, and no rate that suits both. On the wall the gradient is
# right about the direction and useless about the distance. So we keep its direction and limit its
# length. With $c$ for the largest norm that we allow:
#
# $$g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right), \qquad
# \lVert g \rVert = \sqrt{\textstyle\sum_i g_i^2}.$$
#
# Predict first: from $w = 1.1$ with a rate of 0.002, where will one step without clipping lead? And how
# does the same walk go if no gradient may be longer than 5?

# %%
places = {"with clipping": [1.1], "without": [1.1]}
for _ in range(40):
    w = places["with clipping"][-1]
    g = cliff_gradient(w)
    places["with clipping"].append(w - 0.002 * g * min(1, 5 / max(abs(g), 1e-12)))
for _ in range(2):
    w = places["without"][-1]
    places["without"].append(w - 0.002 * cliff_gradient(w))
print("rate 0.002, without clipping:", ", ".join(f"{w:.4g}" for w in places["without"]))
print(f"clipped at 5, after 40 steps: {places['with clipping'][-1]:.4f};", end=" ")
print(f"the minimum is at {0.5 ** (1 / 30):.4f}")
off = {way: abs(walked[-1] - 0.5 ** (1 / 30)) for way, walked in places.items()}
print("Verdict:", "; ".join(f"{way}, it {'arrives' if d < 0.01 else 'does not arrive'}"
                            for way, d in off.items()))  # fmt: skip

# %%
w = np.linspace(0.85, 1.15, 200)
clipped = np.array(places["with clipping"])
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
axes[0].semilogy(w, cliff(w), color="0.6")
axes[0].semilogy(clipped, cliff(clipped), "o", color="black", ms=4)
axes[0].set(xlabel="weight w", ylabel="loss", ylim=(1e-6, 1e4))
axes[1].plot(clipped, "o-", color="black", ms=3)
axes[1].axhline(0.5 ** (1 / 30), color="0.6", ls="--")
axes[1].set(xlabel="step", ylabel="weight w")
show(
    figure,
    "Left, the loss over the weight on a logarithmic axis, with a walk that comes down the wall in "
    "equal steps to the minimum. Right, the weight of that walk over the steps: a straight line "
    "down, then a short bend and level at the minimum.",
)

# %% [markdown]
# One step without clipping leaves for good. With clipping, the wall is a staircase.
#
# The norm is that of *all* gradients of the network together, as if they were one long vector. If
# we clipped each array, or each number, by itself, the direction would change:

# %%
grads = {"W": np.array([30.0, 0.0]), "b": np.array([4.0])}
together = min(1, 5 / global_norm(grads))
print("norm of all:", round(global_norm(grads), 3))
print("together:   ", {name: (g * together).round(3).tolist() for name, g in grads.items()})
print("each number:", {name: np.clip(g, -5, 5).tolist() for name, g in grads.items()})
everything = np.concatenate([g.ravel() for g in grads.values()])
np.testing.assert_allclose(global_norm(grads), np.sqrt((everything**2).sum()))

# %% [markdown]
# The paper scales gradients of a norm above 400 down to 400. The number belongs to its loss and its
# network; to choose one, look at the median of the norms in a training that goes well (a run's
# `history.csv` has it) and take some multiple. If a gradient is not finite, no scale helps. The
# package then moves nothing, and says which utterances it was.

# %% [markdown]
# ### Exercises
#
# Replace each `raise NotImplementedError` and run the cell below it. What is correct is kept in a
# file of yours, `my_ds2np.py`, beside the folder of the chapters; `python -m ds2np learn` says how far
# you are. Solutions are [apart](solutions/06_training.py). The first exercise stands here, the others
# where you have just read what they need.
#
# ### Exercise 06.1: clip by the norm
#
# Scale all arrays by one factor, so that their common norm is `max_norm` at most. Gradients that are short
# enough stay as they are. If the norm is not finite there is no direction to follow: return zeros for all
# of them (and the norm as it is).
#
# | name in code | symbol | type, shape | meaning |
# |---|---|---|---|
# | `grads` | $g$ | dict of arrays of any shapes | gradients; stays as it is |
# | `max_norm` | $c$ | float | largest norm allowed |
# | first result | | dict of arrays, as `grads` | the clipped gradients, a new dictionary |
# | second result | $\lVert g \rVert$ | float | the norm *before* clipping |
#
# Example: `clip_by_norm({"W": np.array([30.0, 40.0])}, 5.0)` is `({"W": array([3., 4.])}, 50.0)`.


# %%
def clip_by_norm(grads, max_norm):
    """Return a dict of clipped arrays, shapes as they came, and the norm before, a float."""
    raise NotImplementedError


# %%
check("06.1", clip_by_norm)

# %% [markdown]
# ## Annealing: noise
#
# A minibatch's gradient is that of all data plus noise: other utterances would have given another
# one. Take one direction of the bowl with $\lambda = 1$, and add to each gradient a random number
# $\xi$ with mean 0 and variance 1:
#
# $$w \leftarrow (1 - r)\, w - r\, \xi.$$
#
# The distance shrinks, and each step adds noise of the variance $r^2$. Both balance where
# $\text{var} = (1 - r)^2\, \text{var} + r^2$, so at $\text{var} = r / (2 - r)$. The mean loss does
# not fall below half of that, however long we train. A smaller rate has a lower floor, and takes
# longer to get there. So: begin large, end small. The paper divides the rate by 1.2 after each
# epoch. Predict first: after 20 epochs, which of the three schedules below has the lowest loss, and
# which the highest?

# %%
rng = np.random.default_rng(0)
per_epoch, epochs, walkers = 25, 20, 400
annealed = 0.5 / 1.2 ** (np.arange(per_epoch * epochs) // per_epoch)
schedules = {
    "large: 0.5": np.full(len(annealed), 0.5),
    "small: 0.005": np.full(len(annealed), 0.005),
    "annealed from 0.5": annealed,
}
curves = {}
for name, schedule in schedules.items():
    w, loss = np.full(walkers, 10.0), []
    for rate in schedule:
        loss.append((0.5 * w**2).mean())
        w = (1 - rate) * w - rate * rng.standard_normal(walkers)
    curves[name] = np.arange(len(loss)) / per_epoch, np.array(loss)

# %%
figure, axis = plt.subplots(figsize=(7, 3.3), layout="constrained")
plot_lines(curves, axis, "", "epoch", f"mean loss of {walkers} walkers")
show(
    figure,
    "Mean loss over 20 epochs, logarithmic. With the large rate it falls at once and then stays on "
    "a floor. With the small rate it falls slowly. With the annealed rate it falls at once and goes "
    "on falling.",
)

# %%
floor = curves["large: 0.5"][1][-200:].mean()
print(f"floor of the large rate: {floor:.4f}; r / (2 - r) / 2 = {0.5 / 1.5 / 2:.4f}")
for name, (_, loss) in curves.items():
    print(f"{name:18} last epoch: {loss[-per_epoch:].mean():.4f}")
lowest = min(curves, key=lambda name: curves[name][1][-per_epoch:].mean())
print(f"Verdict: lowest in the end is {lowest}.")
np.testing.assert_allclose(floor, 0.5 / 1.5 / 2, rtol=0.05)
assert curves["annealed from 0.5"][1][-1] < 0.2 * curves["large: 0.5"][1][-1]

# %% [markdown]
# <details><summary><b>With a rate that is divided by 1.2 for ever, how far can training go?</b>
# Think first, then look.</summary>
#
# The rates of all epochs together are $r (1 + 1/1.2 + 1/1.2^2 + \dots) = r / (1 - 1/1.2) = 6\, r$. All
# epochs to come are worth six of the first: whoever begins with too small a rate never makes up for
# it. After 20 epochs the rate is divided by $1.2^{19}$, some 32; more epochs would add little. If
# you want to train longer, anneal less.
# </details>

# %% [markdown]
# ### The mean of the weights
#
# There is a second way down from the floor: let the walkers walk, and take the mean of where they
# have been. Polyak and Juditsky (1992) take the plain mean of all places, and prove how good it is.
# The package takes an **exponential moving average** (EMA), in which a place counts for less the
# longer ago it was:
#
# $$\bar{w} \leftarrow k\, \bar{w} + (1 - k)\, w.$$
#
# In the mean the noise of single steps cancels. On the floor each $w$ is $(1 - r)$ times the one
# before plus new noise, and the variance of the mean is that of $w$ times
#
# $$\frac{1 - k}{1 + k} \cdot \frac{1 + k (1 - r)}{1 - k (1 - r)}.$$
#
# The price: the mean lags behind by about $1 / (1 - k)$ steps. In the beginning, where each step is
# progress, that would be a bad bargain, so the package takes $k = \min(0.98, s / (s + 10))$ in step
# $s$. (Here 0.95 for 0.98, since our walk is short.) Training goes on from $w$ as if nothing were
# there; what is evaluated and kept is $\bar{w}$.

# %%
keep, rate, noise = 0.95, 0.5, np.random.default_rng(1)
walking = {"w": np.full(walkers, 10.0)}
mean, package, loss = walking["w"].copy(), EMA(walking, keep), []
total = np.zeros(walkers)  # for Polyak and Juditsky's mean
for step in range(1, len(annealed) + 1):
    walking["w"][...] = (1 - rate) * walking["w"] - rate * noise.standard_normal(walkers)
    k = min(keep, step / (step + 10))
    mean = k * mean + (1 - k) * walking["w"]
    package.update(step)
    if step > len(annealed) // 2:
        total += walking["w"]
    loss.append((0.5 * mean**2).mean())
np.testing.assert_allclose(package.mean["w"], mean)

# %%
curves = {
    "large: 0.5": curves["large: 0.5"],
    "annealed from 0.5": curves["annealed from 0.5"],
    "large, the mean of the weights": (curves["large: 0.5"][0], np.array(loss)),
}

# %%
figure, axis = plt.subplots(figsize=(7, 3.3), layout="constrained")
plot_lines(curves, axis, "", "epoch", f"mean loss of {walkers} walkers")
show(
    figure,
    "Mean loss over 20 epochs, logarithmic. The large rate stays on its floor. The mean of its "
    "weights falls on, to a floor more than ten times lower, sooner than the annealed rate, which "
    "passes it in the last third.",
)

# %%
less = (1 - keep) / (1 + keep) * (1 + keep * (1 - rate)) / (1 - keep * (1 - rate))
print(f"floor of the mean: {np.mean(loss[-200:]):.4f}; expected {floor * less:.4f}")
plain = (0.5 * (total / (len(annealed) // 2)) ** 2).mean()
print(f"the plain mean of the second half of the walk, at its end: {plain:.4f}")
better = "the plain mean" if plain < np.mean(loss[-200:]) else "the EMA"
print(f"Lower here, where the minimum stands still: {better}.")
np.testing.assert_allclose(np.mean(loss[-200:]), floor * less, rtol=0.2)

# %% [markdown]
# ## The real one: a step of SGD
#
# All of it together, for a network: a dictionary of arrays, one norm, one velocity for each array.
# First with a loop over every single number, then the package's.


# %%
def step_by_loops(params, grads, velocity, rate, momentum, max_norm):
    """Clip, then make a step with Nesterov's momentum; change params and velocity in place."""
    total = 0.0
    for grad in grads.values():
        for g in grad.flat:
            total += g * g
    norm = total**0.5
    scale = min(1.0, max_norm / max(norm, 1e-12))
    for name in params:
        for place in np.ndindex(params[name].shape):
            push = rate * scale * grads[name][place]
            velocity[name][place] = momentum * velocity[name][place] - push
            params[name][place] += momentum * velocity[name][place] - push
    return norm


shapes = {"gru1.W": (60, 40), "gru1.U": (40, 40), "output.b": (29,)}
mine, real = (
    {name: np.random.default_rng(1).standard_normal(shape) for name, shape in shapes.items()}
    for _ in range(2)
)
velocity = {name: np.zeros(shape) for name, shape in shapes.items()}
grads = {name: np.zeros(shape) for name, shape in shapes.items()}
optimiser = SGD(real, grads, learning_rate=0.01, momentum=0.99, max_norm=70.0)
seconds = {"loops": 0.0, "package": 0.0}
norms = []
for _ in range(10):
    for grad in grads.values():
        grad[...] = rng.standard_normal(grad.shape) * rng.uniform(0.5, 1.5)
    began = time.perf_counter()
    norm = step_by_loops(mine, grads, velocity, 0.01, 0.99, 70.0)
    seconds["loops"] += time.perf_counter() - began
    began = time.perf_counter()
    norms.append(optimiser.step())
    seconds["package"] += time.perf_counter() - began
    np.testing.assert_allclose(norms[-1], norm)
for name in shapes:
    np.testing.assert_allclose(mine[name], real[name], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(velocity[name], optimiser.velocity[name], rtol=1e-9, atol=1e-12)
print("ten steps agree;", sum(norm > 70 for norm in norms), "of them were clipped")
print(f"the loops take {seconds['loops'] / seconds['package']:.0f} times as long")

# %% [markdown]
# ### Exercise 06.2: a step with Nesterov's momentum
#
# Return the new parameters and the new velocity, two new dictionaries.
#
# | name in code | symbol | type, shape | meaning |
# |---|---|---|---|
# | `params`, `grads`, `velocity` | $w$, $g$, $v$ | dicts with the same names and shapes | stay as they are |
# | `rate`, `momentum` | $r$, $m$ | float | |
# | first result | $w'$ | dict of arrays, as `params` | the new parameters |
# | second result | $v'$ | dict of arrays, as `params` | the new velocity |
#
# Example: with `params` 1, `grads` 2, `velocity` 0, rate 0.1 and momentum 0.5, the new velocity is −0.2
# and the new parameter 0.7.


# %%
def sgd_step(params, grads, velocity, rate, momentum):
    """Return new parameters and new velocity, two dicts of arrays of the shapes that came in."""
    raise NotImplementedError


# %%
check("06.2", sgd_step)

# %% [markdown]
# ## What the gradient is an average of
#
# A minibatch of $N$ utterances has the losses $L_1, \dots, L_N$, each $-\ln p$ of a whole transcript.
# Training follows the gradient of their mean, in which every utterance has the weight $1 / N$:
#
# $$L = \frac{1}{N} \sum_{n=1}^{N} L_n, \qquad \frac{\partial L}{\partial w} =
# \frac{1}{N} \sum_{n=1}^{N} \frac{\partial L_n}{\partial w}.$$
#
# The smallest network that we can do this with: one matrix $W$, frames to logits. Three utterances of
# 4, 7 and 20 frames, with garbage in the padding, as always.

# %%
F, V = 3, 4
lengths, label_lengths = np.array([4, 7, 20]), np.array([1, 2, 5])
labels = np.array([[1, 9, 9, 9, 9], [2, 1, 9, 9, 9], [3, 1, 2, 2, 3]])
x = rng.standard_normal((3, 20, F))
for n, length in enumerate(lengths):
    x[n, length:] = 1e3
W = rng.standard_normal((F, V))


def losses_and_gradients(W, rows):
    """Return the loss and the gradient by W of each of these utterances: (N,), (N, F, V)."""
    loss, dlogits = ctc_loss(x[rows] @ W, labels[rows], lengths[rows], label_lengths[rows])
    return loss, np.einsum("ntf,ntv->nfv", x[rows], dlogits)


rows = np.arange(3)
losses, gradients = losses_and_gradients(W, rows)
numerical = numerical_gradient(lambda: losses_and_gradients(W, rows)[0].mean(), W)
print("losses:", losses.round(2))
print(compare_gradients("mean of utterances", gradients.mean(axis=0), numerical))

# %% [markdown]
# The package multiplies by one constant, `scale`, so that several minibatches for one step, and the
# parts of several processes, simply add up. Chapter 13 shows it.
#
# ### Why not weigh frames?
#
# Batch normalisation divides its sums by the number of *frames* (chapter 03). If we did the same with
# the sum of the losses, the weight of an utterance would depend on who else is there. Beside another one
# of 4 frames, an utterance of 4 frames would have the weight 1/8, beside one of 20 frames 1/24; by
# utterances it is 1/2 each time. A minibatch of long utterances would make small steps, one of short
# utterances large ones. With buckets, whose minibatches are all short or all long, this would be the
# rule.
#
# The mean over utterances has a plain meaning. Utterances are independent, so the sum of their losses
# is $-\ln$ of the probability of *all* transcripts, and every utterance has the same part in it
# whichever way the data are cut into equal minibatches. A long utterance is not short-changed: its loss
# is that of all that is said in it, and so it is larger from the start. We shall see by how much.

# %% [markdown]
# ## Utterances of unequal length
#
# Now real ones, of a sort: one to six spoken digits, by synthetic voices. 192 to learn from, 48 held
# out. A small network, one convolution and one recurrent layer, learns this while we wait.

# %%
one_thread = threadpool_limits(1)  # of BLAS: products this small gain nothing from a second one
VOICES = ("f1", "m1", "Annie", "m4")
with tempfile.TemporaryDirectory() as folder:
    speak = {"speakers": VOICES, "most": 6, "sizes": (0.95, 1.05)}
    spoken = toy.speak_digits(folder, 192, np.random.default_rng(0), **speak)
    speak["speakers"] = VOICES[::-1]
    held_out = toy.speak_digits(folder, 48, np.random.default_rng(1), **speak)
    config = dataclasses.replace(
        toy.CONFIG,
        mels=20,
        conv=(ConvConfig(channels=8, kernel=(11, 7), stride=(3, 2)),),
        layers=1,
        hidden=48,
    )
    network = DeepSpeech2(config, seed=0)
    train_set, dev_set = Dataset(spoken, network.config), Dataset(held_out, network.config)
    features = [train_set.features(i) for i in range(len(train_set))]
    frames = train_set.frames
    for i in (frames.argmin(), frames.argmax()):
        samples, rate = load_audio(spoken[i].audio_filepath, toy.RATE)
        play(samples, rate, spoken[i].text)
    dev_x, dev_lengths = pad([dev_set.features(i) for i in range(len(dev_set))], np.float32)
dev_labels, dev_label_lengths = pad(dev_set.labels, np.int64)
print(f"{network.count_parameters():,} parameters; from {frames.min()} to {frames.max()} frames")

# %% [markdown]
# What does a network that knows nothing make of them? We give it each utterance alone, and note the
# loss and the norm of the gradient. Predict first: which utterances have the largest say?


# %%
def make_batch(indices):
    """Pad some utterances: x, lengths, labels, label_lengths."""
    padded = pad([features[i] for i in indices], np.float32)
    return *padded, *pad([train_set.labels[i] for i in indices], np.int64)


def learn_batch(network, indices):
    """Compute the gradients of a minibatch's mean loss; return the losses, logits and frames."""
    x, lengths, labels, label_lengths = make_batch(indices)
    network.zero_grads()
    logits, out_lengths = network.forward(x, lengths)
    loss, dlogits = ctc_loss(logits, labels, out_lengths, label_lengths)
    network.backward(dlogits / len(loss))
    return loss, logits, out_lengths


def each_alone(network):
    """Return the loss and the gradient of each utterance: (utterances,), (utterances, weights)."""
    losses, gradients = [], []
    for i in range(len(features)):
        losses.append(learn_batch(network, [i])[0][0])
        gradients.append(network.flat_grads.copy())
    return np.array(losses), np.array(gradients)


network.set_training(True)
first_losses, first_gradients = each_alone(network)
first_norms = np.linalg.norm(first_gradients, axis=1)
for name, values in (("loss", first_losses), ("norm", first_norms)):
    print(f"{name}: correlation with the frames {np.corrcoef(frames, values)[0, 1]:.2f}")
rises = min(np.corrcoef(frames, values)[0, 1] for values in (first_losses, first_norms)) > 0.7
print("Verdict: the long ones; both rise with the length." if rises else
      "Verdict: length does not explain both of them here.")  # fmt: skip

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for axis, values, label in zip(
    axes, (first_losses, first_norms), ("loss (nats)", "norm of the gradient"), strict=True
):
    axis.plot(frames, values, "o", color="black", ms=3)
    axis.set(xlabel="frames", ylabel=label, xlim=(0, None), ylim=(0, None))
show(
    figure,
    "Loss and norm of the gradient of each utterance, before any training, over its frames. The "
    f"correlations with the length are {np.corrcoef(frames, first_losses)[0, 1]:.2f} and "
    f"{np.corrcoef(frames, first_norms)[0, 1]:.2f}.",
)

# %% [markdown]
# A long utterance has the largest say just when all that it can say is that the network knows nothing.
#
# ## Larger minibatches
#
# These gradients answer another question, too. How far is the gradient of $N$ utterances, drawn at
# random, from that of all, $G$? For independent draws the variance of a mean falls with $1/N$:
#
# $$E \, \lVert g_N - G \rVert^2 = \frac{s^2}{N}, \qquad s^2 = E\, \lVert g_n - G \rVert^2.$$

# %%
whole = first_gradients.mean(axis=0)
variance = first_gradients.var(axis=0).sum()  # s^2
for N in (1, 4, 16, 64):
    distances = [
        np.sum((first_gradients[rng.integers(0, len(frames), N)].mean(axis=0) - whole) ** 2)
        for _ in range(100)
    ]
    print(
        f"N = {N:2}: distance {np.mean(distances) ** 0.5:6.2f},"
        f" expected {np.sqrt(variance / N):6.2f}; norm of the whole {np.linalg.norm(whole):.2f}"
    )

# %% [markdown]
# Four times the utterances halve the noise. This is what a minibatch of 512, the paper's, buys. With more
# GPUs (chapter 13) it could be 8,192. Is one step of 8,192 worth 16 steps of 512? Noise and gradient are
# equally long where $N = s^2 / \lVert G \rVert^2$. Well below this size, every doubling makes the estimate
# visibly better, and one may take a larger step on it. Well above, twice the utterances tell nothing new.
# Predict first: does this size grow or shrink while a network learns?

# %%
balances = []
for seed in range(3):
    student = DeepSpeech2(config, seed=seed)
    optimiser, balance = SGD(student.params, student.grads, 0.01, momentum=0.95, max_norm=100), []
    for epoch in range(4):
        for indices in np.split(rng.permutation(len(frames)), 24):
            learn_batch(student, indices)
            optimiser.step()
        if epoch in (0, 3):
            _, gradients = each_alone(student)
            balance.append(gradients.var(axis=0).sum() / (gradients.mean(axis=0) ** 2).sum())
    balances.append(balance)
    print(
        f"seed {seed}: equally long at N = {balance[0]:.1f} after one epoch, {balance[1]:.1f} after four"
    )
grown = sum(late > early for early, late in balances)
print(f"Verdict: it has {'grown' if grown == 3 else 'shrunk' if grown == 0 else 'grown and shrunk'}"
      f" with {'all three' if grown in (0, 3) else 'different'} seeds.")  # fmt: skip

# %% [markdown]
# (192 utterances are few: take the sizes as a rough measure of this toy.)
#
# ### What the learning rate can do about it
#
# Where noise rules, $k$ small steps of rate $r$ walk about as far as one step of rate $k\,r$ on $k$ times
# the utterances. That is the **linear rule**: rate in proportion to the minibatch (Goyal and others, 2017).
# It must end somewhere, since too large a rate leaps over the valley, noise or not. On a bowl with ten
# curvatures from 0.01 to 1 all of it can be computed, without a single random number. Each step sees the
# gradient $\lambda_i w_i$ plus noise of variance $1/N$, so
#
# $$E[w_i^2] \;\leftarrow\; (1 - r \lambda_i)^2\, E[w_i^2] + \frac{r^2}{N}.$$
#
# For each $N$ we try many rates and ask for the fewest steps until the loss has fallen to a hundredth.
# Predict first: up to which $N$, from 1 to 65,536, do four times the utterances save three quarters of
# the steps?

# %%
curvatures, tried = np.logspace(-2, 0, 10), np.logspace(-4, np.log10(1.99), 160)


def steps_needed(N, most=30_000):
    """Return the fewest steps, and the rate that makes them."""
    squares = np.ones((len(tried), len(curvatures)))  # all w begin at 1
    shrink, added = (1 - np.outer(tried, curvatures)) ** 2, (tried**2 / N)[:, None]
    for step in range(1, most):
        squares = shrink * squares + added
        loss = 0.5 * squares @ curvatures
        if loss.min() <= 0.01 * 0.5 * curvatures.sum():
            return step, tried[loss.argmin()]
    raise AssertionError("no rate is small enough")


batch_sizes = 4 ** np.arange(9)
needed, best_rates = np.transpose([steps_needed(N) for N in batch_sizes])
print("N      ", "".join(f"{N:>8}" for N in batch_sizes))
print("steps  ", "".join(f"{int(s):>8}" for s in needed))
print("seen   ", "".join(f"{int(s) * N:>8}" for s, N in zip(needed, batch_sizes, strict=True)))
saves = needed[:-1] / needed[1:]
nearly = batch_sizes[1:][saves > 3.5]
print(f"Verdict: nearly up to N = {nearly[-1] if len(nearly) else 1};", end=" ")
print(f"from {batch_sizes[:-1][saves < 1.1][0]} on they save less than a tenth.")

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
for axis, values, label, sign in zip(
    axes, (needed, best_rates), ("steps to the goal", "best learning rate"), (-1, 1), strict=True
):
    axis.loglog(batch_sizes, values, "o-", color="black", ms=4, label="computed")
    ideal = values[0] * (batch_sizes / batch_sizes[0]) ** float(sign)
    axis.loglog(batch_sizes, ideal, ":", color="0.4", label="in proportion")
    axis.set(xlabel="minibatch N", ylabel=label, ylim=(values.min() / 3, values.max() * 3))
    axis.legend()
show(
    figure,
    "Left, steps needed over the size of the minibatch: they fall in proportion at first, then the "
    "curve turns level. Right, the best learning rate: it rises in proportion at first, then "
    "levels off.",
)

# %% [markdown]
# At first, four times the minibatch means nearly a quarter of the steps, with about four times the
# rate: with $p$ times the GPUs training takes about a $p$-th of the time. At the end more utterances buy
# nothing, and the row "seen" tells that all the further work is wasted. Between the two lies a size that
# depends on the task.
#
# ## Buckets
#
# A minibatch is as long as its longest utterance. Layers compute the padding, too, and throw it
# away. If we sort by length and cut, utterances of like length come together, in **buckets**:
#
# ![Twelve utterances in minibatches of four. Left, as they come: each has a long utterance and much
# hatched padding. Right, in order of length: little.](images/training_06_buckets.svg)
#
# But always the same neighbours, in an order that never changes, would be a pity: the noise of
# minibatches should differ from epoch to epoch, and no epoch should have to end with the long
# ones. So in each epoch we
#
# 1. multiply each length by a random number from 0.9 to 1.1, and sort by that: neighbours change,
#    lengths stay alike;
# 2. cut the order into minibatches;
# 3. shuffle the minibatches.
#
# The first epoch is the exception. **SortaGrad**, the paper calls it: it runs in order of length, as
# it is, shortest first, and nothing is shuffled.


# %%
def plan_by_count(frames, batch_size, epoch, seed):
    """Return the minibatches of an epoch, a list of arrays of indices."""
    rng = np.random.default_rng((seed, epoch))  # the same plan whenever we ask for it
    keys = [int(count) for count in frames]
    if epoch > 1:
        factors = rng.uniform(0.9, 1.1, len(frames))
        keys = [key * factor for key, factor in zip(keys, factors, strict=True)]
    order = sorted(range(len(frames)), key=lambda i: keys[i])  # equal ones keep their order
    plan = []
    for first in range(0, len(order), batch_size):
        plan.append(np.array(order[first : first + batch_size]))
    if epoch > 1:
        rng.shuffle(plan)
    return plan


for epoch, seed, size in itertools.product((1, 2, 3), (0, 5), (8, 50)):
    ours, real = (
        plan_by_count(frames, size, epoch, seed),
        real_plan_epoch(frames, size, epoch, seed),
    )
    assert len(ours) == len(real)
    for mine, theirs in zip(ours, real, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(np.sort(np.concatenate(ours)), np.arange(len(frames)))
print("same as the package's plan_epoch, and every utterance stands in it once")

# %% [markdown]
# The plan is a function of seed and epoch alone. So a run that was stopped in the middle of an epoch
# finds its place again, and several processes agree on the plan without a word.
#
# What does the padding cost? We draw three plans of the same 192 utterances.

# %%
mixed = np.random.default_rng(2).permutation(len(frames))
plans = {
    "at random": [mixed[i : i + 8] for i in range(0, len(mixed), 8)],
    "SortaGrad: epoch 1": plan_by_count(frames, 8, 1, 0),
    "buckets: epoch 2": plan_by_count(frames, 8, 2, 0),
}
for name, plan in plans.items():
    computed = 0
    for indices in plan:
        x, lengths, _, _ = make_batch(indices)
        assert lengths.sum() == frames[indices].sum()
        computed += x.shape[0] * x.shape[1]  # utterances, times the longest one's frames
    share = 1 - frames.sum() / computed
    print(f"{name:19} {frames.sum()} real frames, {computed} computed: {share:.1%} padding")

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3), sharey=True, layout="constrained")
for axis, (name, plan) in zip(axes, plans.items(), strict=True):
    plot_plan(frames, plan, axis, name)
    axis.label_outer()
show(
    figure,
    "Three plans, one bar an utterance, padding hatched on top. At random: hatching everywhere. In "
    "order of length: bars rise evenly, hardly any hatching. Buckets: groups of like bars in random "
    "order, a little hatching.",
)

# %% [markdown]
# ### Exercise 06.3: the plan of an epoch
#
# Extend `plan_by_count` by a limit of *frames*, so that a minibatch of long utterances fits into the
# memory: a minibatch ends before an utterance with which it would have more than `batch_size`
# utterances, or more than `max_frames` frames with padding (its utterances times its longest one).
# An utterance that is too long even alone comes alone. Random numbers are drawn as above:
# `rng = np.random.default_rng((seed, epoch))`, then `rng.uniform(0.9, 1.1, len(frames))`, then
# `rng.shuffle` of the list; in the first epoch none. Equal lengths keep their order (a stable sort).
#
# | name in code | symbol | type, shape | meaning |
# |---|---|---|---|
# | `frames` | | list or array of int | frames of each utterance |
# | `batch_size` | $N$ | int | most utterances in a minibatch |
# | `epoch`, `seed` | | int | epochs count from 1 |
# | `max_frames` | | int or infinite | most frames in a minibatch, with padding |
# | result | | list of arrays of int | indices into `frames`; each stands in one minibatch |
#
# Example: of the frames `[5, 2, 9, 4, 7]` in epoch 1, with `batch_size` 4 and `max_frames` 14, the
# order is 1, 3, 0, 4, 2. The first three would make 3 · 5 = 15 frames with their padding, so the plan
# is `[[1, 3], [0, 4], [2]]`.


# %%
def plan_epoch(frames, batch_size, epoch, seed, max_frames=float("inf")):
    """Return a list of arrays of indices into frames, (utterances,); each index stands in one."""
    raise NotImplementedError


# %%
check("06.3", plan_epoch)

# %% [markdown]
# A layer works as long on a frame of padding as on a real one. We let the network compute two of
# these plans, forwards, and compare the times with the numbers of frames. Predict first: how many
# times as long will the plan at random take?

# %%
network.set_training(False)
two_plans = {name: [make_batch(indices)[:2] for indices in plans[name]]
             for name in ("at random", "buckets: epoch 2")}  # fmt: skip
computed = {
    name: sum(x.shape[0] * x.shape[1] for x, _ in padded) for name, padded in two_plans.items()
}
seconds = dict.fromkeys(two_plans, np.inf)
for _ in range(5):
    for name, padded in two_plans.items():  # in turn, and the best of each counts
        began = time.process_time()  # of this program alone, whatever else the machine does
        for x, lengths in padded:
            network.forward(x, lengths)
        seconds[name] = min(seconds[name], time.process_time() - began)
more = {}
for what, of in (("frames", computed), ("time", seconds)):
    more[what] = of["at random"] / of["buckets: epoch 2"]
    print(f"{what}: at random {more[what]:.2f} times that of buckets")
agree = abs(more["time"] / more["frames"] - 1) < 0.15
print("Verdict: the time follows the frames, padding or not." if agree else
      "Verdict: frames alone do not explain the time: it has other parts, or the machine was busy.")  # fmt: skip

# %% [markdown]
# ## SortaGrad against shuffled
#
# Why sort the first epoch? The usual reason: long utterances are hard at first, when the network
# knows nothing; short ones teach it something, and it meets the long ones prepared. In the paper's
# table on SortaGrad, the network without batch normalisation has a word error rate of 11.96 % not
# sorted, and of 10.83 % sorted. (The table has a second column, for the network with batch
# normalisation, which ours has, too. So the figure quoted here is not one for a network like ours.)
#
# Predict first: will sorting help our network after one epoch? Will it still help after four?
#
# Let us try. Three first epochs: shortest first; shuffled minibatches; longest first, as a control.
# The minibatches themselves are buckets each time, and all later epochs are the same. Only the order
# of the first 24 steps differs. Chance is large here (initial weights, neighbours), so we take eight
# seeds, and give the same eight to each. What we compare is the loss on the held out utterances, in
# evaluation mode.


# %%
def plan_of(epoch, seed, first):
    if epoch > 1:
        return real_plan_epoch(frames, 8, epoch, seed)
    plan = real_plan_epoch(frames, 8, 99 if first == "shuffled" else 1, seed)
    return plan[::-1] if first == "longest first" else plan


def learn(seed, first, rate=0.01, epochs=4, max_norm=100.0):
    """Train a new network; return figures of each step and of each epoch."""
    network = DeepSpeech2(config, seed=seed)
    optimiser = SGD(network.params, network.grads, rate, momentum=0.95, max_norm=max_norm)
    alphabet = config.alphabet()
    steps, rows = [], []
    for epoch in range(1, epochs + 1):
        network.set_training(True)
        for indices in plan_of(epoch, seed, first):
            loss, _, _ = learn_batch(network, indices)
            before = network.flat_params.copy()
            norm = optimiser.step()
            moved = np.linalg.norm(network.flat_params - before) / np.linalg.norm(before)
            steps.append((loss.mean(), norm, moved))
        optimiser.learning_rate /= 1.2
        network.set_training(False)
        logits, lengths = network.forward(dev_x, dev_lengths)
        loss, _ = ctc_loss(logits, dev_labels, lengths, dev_label_lengths)
        said = greedy_decode(log_softmax(logits), lengths, alphabet)
        rows.append((loss.mean(), wer(dev_set.texts, said)))
    return np.array(steps), np.array(rows)


orders, seeds = ("shortest first", "shuffled", "longest first"), range(8)
runs = {order: [learn(seed, order) for seed in seeds] for order in orders}
dev_loss = {order: np.array([rows[:, 0] for _, rows in runs[order]]) for order in orders}

# %%
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
for order, shade, style in zip(orders, ("black", "0.35", "0.6"), ("o-", "s--", "^:"), strict=True):
    shift = 0.06 * (orders.index(order) - 1)
    places = np.arange(1, 5) + shift
    axis.plot(np.tile(places, (8, 1)).T, dev_loss[order].T, style[0], color=shade, ms=4, mfc="none")
    axis.plot(places, dev_loss[order].mean(axis=0), style, color=shade, ms=7, label=order)
axis.set(xlabel="epoch", ylabel="held out loss (nats)", yscale="log", xticks=range(1, 5))
axis.yaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 50]))
axis.yaxis.set_major_formatter("{x:.0f}")
axis.yaxis.set_minor_locator(NullLocator())
axis.legend(title="first epoch")
show(
    figure,
    "Held out loss after each of four epochs, eight seeds for each of three orders, with their "
    "means. "
    + " ".join(
        f"{order.capitalize()}: after the first epoch from {loss[:, 0].min():.1f} to "
        f"{loss[:, 0].max():.1f}, after the last from {loss[:, 3].min():.1f} to "
        f"{loss[:, 3].max():.1f}."
        for order, loss in dev_loss.items()
    ),
)

# %% [markdown]
# The clouds of points say more than the means. We compare seed by seed: how often is the sorted run
# better, and how large is the mean difference against its standard error (the spread of the
# differences, divided by $\sqrt{8}$)? If order did not matter, each seed would be a coin toss;
# the last column says how often eight coins would come out at least as unevenly. The verdict at the
# end of a line asks for less than 1 %, since there are eight lines.

# %%
coins = np.array([sum(c) for c in itertools.product((0, 1), repeat=8)])
verdicts = {}
print("shortest first ...")
for other in orders[1:]:
    for epoch in (1, 2, 3, 4):
        gain = (dev_loss[other] - dev_loss["shortest first"])[:, epoch - 1]
        better = int((gain > 0).sum())
        chance = (np.abs(coins - 4) >= abs(better - 4)).mean()
        verdict = ("worse", "better")[better > 4] if chance < 0.01 else "undecided"
        verdicts[other, epoch] = verdict
        print(
            f"against {other:13} after epoch {epoch}: better in {better} of 8, by {gain.mean():5.2f}"
            f" ± {gain.std(ddof=1) / 8**0.5:.2f}; coins: {chance:5.1%}; {verdict}"
        )
words = {
    "better": "better than",
    "worse": "worse than",
    "undecided": "not to be told apart from",
}
for epoch, when in ((1, "After one epoch"), (4, "After four epochs")):
    found = ", ".join(f"{words[verdicts[other, epoch]]} {other}" for other in orders[1:])
    print(f"{when}, shortest first is, by these eight seeds, {found}.")
if verdicts["shuffled", 4] == "undecided":
    print("So what sorting is worth in the end, eight seeds cannot show: a null result.")

# %% [markdown]
# How to read such a table, whatever its numbers are on your machine: "undecided" does not mean "equal",
# a small difference needs more seeds than eight to show. The first line of each block tells what is
# gained in *time*, the last whether anything is left of it later; these are two questions. And eight
# lines are eight chances for luck: a single line of 7 of 8 is no discovery.
#
# **What can be concluded:** what order does to *this* network in its first epochs, on *this* task.
# **What cannot:** whether it does the same for sentences of 15 seconds and networks a thousand times
# as large and without batch normalisation. And there is a catch: the sorted epoch *ends* with long
# utterances, the control with short ones. The held out loss is mostly that of long utterances, and a
# network may know best what it saw last. Part of the difference between those two may be that.
#
# One thing about order needs no statistics. If the memory does not suffice for the longest minibatch,
# longest first says so at once, and shortest first only at the end of the epoch. On a CPU the
# package therefore tries the largest minibatch once, on noise, before it begins.

# %% [markdown]
# ## Reading a training curve
#
# The same network three times, shuffled from the start, with three rates. Predict first: which of
# the three curves looks most reassuring?
#
# Besides the loss and the norm of the gradient we draw a third curve, which has the same meaning for
# every network: how far one step moves the weights, compared with their size,
#
# $$\frac{\lVert w_{\text{after}} - w_{\text{before}} \rVert}{\lVert w_{\text{before}} \rVert},$$
#
# the **ratio of update to weights**. The course notes of Stanford's CS231n give 1e-3 as a rough rule:
# far below, the rate may be too small, far above, too large.

# %%
window = np.ones(8) / 8
tried = {"too small: 0.0003": 3e-4, "about right: 0.01": 0.01, "too large: 0.1": 0.1}
curves, norms, ratios, moves, ends = {}, {}, {}, {}, {}
for name, rate in tried.items():
    steps, rows = learn(0, "shuffled", rate)
    places = np.arange(len(steps)) / 24
    for column, of_steps in enumerate((curves, norms, ratios)):
        of_steps[name] = places[7:], np.convolve(steps[:, column], window, "valid")
    ends[name] = rows[-1, 0]
    moves[name] = np.median(steps[24:, 2])  # from the second epoch on
    print(f"{name:18} held out loss {rows[-1, 0]:8.1f}, WER {rows[-1, 1]:4.0%}, "
          f"median of update / weights {moves[name]:.1e}")  # fmt: skip

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 3.4), layout="constrained")
plot_lines(curves, axes[0], "mean of 8 steps", "epoch", "training loss (nats)")
plot_lines(norms, axes[1], "mean of 8 steps", "epoch", "norm before clipping")
axes[1].axhline(100, color="0.7", lw=1)
plot_lines(ratios, axes[2], "mean of 8 steps", "epoch", "update / weights")
axes[2].axhline(1e-3, color="0.7", lw=1)
show(
    figure,
    "Training loss, norm of the gradient, and ratio of update to weights over four epochs for three "
    "rates. The small rate falls slowly and steadily, with the smallest ratio. The middle one falls "
    "far. The large one leaps up within the first steps and stays high, with gradients above the "
    "limit of 100. Grey lines mark the limit of 100 and the ratio of 0.001.",
)

# %%
best, nearest = (
    min(ends, key=ends.get),
    min(moves, key=lambda name: abs(np.log(moves[name] / 1e-3))),
)
others = ", ".join(f"{moves[name] / moves[best]:.1f}" for name in moves if name != best)
print(f"Best in the end: {best}. The ratios of the other two are {others} times its own.")
print(f"Nearest to the rough rule of 1e-3: {nearest}." + ("" if nearest == best else
      " So the rule does not find the best rate here; compare with runs of your own."))  # fmt: skip

# %% [markdown]
# * **Too small:** a smooth, straight, slow descent. Nothing looks wrong, and that is the danger. If the
#   curve is still straight after two epochs, multiply the rate by 3.
# * **Too large:** the loss leaps above its first value and stays there, rough. The norm stands above
#   the limit, so the steps are clipped, and their length is that of the limit, not of the gradient.
#   (An error rate may exceed 100 %: words that are written though nobody said them count as well.)
# * **About right:** falls at once, then ever more slowly; a little rough, since minibatches differ.
# * **A step at each epoch's start** is no bug either: the rate changes there.
# * **The ratio** is not proportional to the rate: a network that has learned more has smaller
#   gradients, and where the steps are clipped, the ratio is, too. It counts all weights together, and
#   momentum multiplies steps that agree by up to $1 / (1 - 0.95) = 20$. So take the rule for what it
#   is: a ratio of 1e-6 or of 1 is an alarm, a factor of five is not.
#
# ### The first epoch's curve
#
# With SortaGrad the first epoch's curve is a special one: later minibatches are longer, and a
# longer utterance has a larger loss. The curve may *rise* while the network learns.

# %%
steps = {order: runs[order][0][0][:24, 0] for order in orders[:2]}
plan = plan_of(1, 0, "shortest first")
characters = [np.mean([len(train_set.labels[i]) for i in indices]) for indices in plan]
numbers = np.arange(1, 25)
per_character = steps["shortest first"] / characters
rise = steps["shortest first"][-4:].mean() / steps["shortest first"][:4].mean()
fall = per_character[-4:].mean() / per_character[:4].mean()
print(f"sorted, last four steps over first four: loss {rise:.2f}, loss per character {fall:.2f}")
print("The curve rises, and yet the network learns." if fall < 1 < rise else
      "Here the curve falls by itself." if rise <= 1 else "Nothing is learned in this epoch.")  # fmt: skip

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
curves = {order: (numbers, values) for order, values in steps.items()}
plot_lines(curves, axes[0], "", "step of the first epoch", "loss (nats)", log=False)
curves = {"shortest first": (numbers, per_character)}
plot_lines(curves, axes[1], "", "step of the first epoch", "loss per character (nats)", log=False)
axes[1].set_ylim(0, None)
show(
    figure,
    "Left, the loss of each step of the first epoch, sorted and shuffled: the sorted one stays low "
    "while utterances are short. Right, the sorted loss per character, "
    f"{per_character[:4].mean():.1f} in the first four steps and {per_character[-4:].mean():.1f} in "
    "the last four.",
)

# %% [markdown]
# ## The plateau
#
# Every training with CTC begins with a time in which the word error rate is 100 % or nearly so.
# Chapter 05 says why: blanks and the mean frequencies of characters are learned first, without
# listening. In large trainings the loss stands still for a while, too. A rate on the small side
# draws this time out, so that we can watch. Predict first: does the held out loss stand still, too, while the error rate
# does?

# %%
steps, rows = learn(0, "shuffled", 5e-4, epochs=8)
print("loss:", rows[:, 0].round(1), " WER:", [f"{rate:.0%}" for rate in rows[:, 1]])
early = rows[rows[:, 1] > 0.95]  # the epochs of the plateau
fallen = 1 - early[-1, 0] / early[0, 0] if len(early) else 0
print(
    f"Verdict: over the {len(early)} epochs with an error rate above 95 % the loss fell by {fallen:.0%}."
)

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
numbers = np.arange(1, 9)
axes[0].plot(numbers, rows[:, 0], "o-", color="black")
axes[0].set(xlabel="epoch", ylabel="held out loss (nats)", ylim=(0, None))
axes[1].plot(numbers, 100 * rows[:, 1], "o-", color="black")
axes[1].set(xlabel="epoch", ylabel="word error rate (%)", ylim=(0, 110))
show(
    figure,
    "Eight epochs with a small rate. The held out loss falls from the first epoch on. The word error "
    "rate stays near 100 percent at first and falls later.",
)

# %% [markdown]
# The loss falls while the error rate still stands near 100 %: a word counts as wrong until its last letter
# is right. Whoever looks at the error rate alone may give up too early.
#
# <details><summary><b>A rule says: stop if the word error rate has not improved for 3 epochs. What
# can go wrong?</b> Think first, then look.</summary>
#
# On the plateau the rate stands at 100 %, epoch after epoch. The best epoch so far is the first one,
# and after three more the rule ends the run, just before it would have begun to learn. So patience
# must be longer than the plateau, or look at the loss while nothing is recognised. The package's
# default is patience 0: all epochs.
# </details>

# %% [markdown]
# ### Exercise 06.4: when to stop
#
# Return `True` if the last `patience` epochs brought nothing better than the best before them; as good
# again is not better. Patience 0 means: never stop.
#
# | name in code | symbol | type | meaning |
# |---|---|---|---|
# | `rates` | | list of float, perhaps empty | word error rates, one of each epoch that is done |
# | `patience` | | int | how many epochs without anything better are too many |
# | result | | bool | whether to stop |
#
# Example: `should_stop([0.9, 0.4, 0.5, 0.6], 2)` is `True`, `should_stop([0.9, 0.4, 0.5], 2)` is `False`.


# %%
def should_stop(rates, patience):
    """Return a bool; rates is a list of floats, one an epoch, perhaps empty."""
    raise NotImplementedError


# %%
check("06.4", should_stop)

# %% [markdown]
# ## What the paper reports
#
# Synchronous SGD with Nesterov's momentum 0.99; minibatches of 512 utterances over 8 or 16 GPUs; a
# rate from 1e-4 to 6e-4, divided by 1.2 after each epoch, about 20 epochs; gradients of a norm above
# 400 scaled down to 400; SortaGrad in the first epoch, and shuffled minibatches of utterances of like
# length afterwards.
#
# At our size we have seen each part do what it is for. We cannot see whether the numbers are good
# ones: rate, momentum and norm depend on each other, on the size of the minibatch and on the
# network. Ours are others: 0.01, 0.95 and 100, for minibatches of 8 and a small network.
#
# Gradient descent on random examples is much older than this: H. Robbins and S. Monro showed in 1951 with
# which rates such a walk arrives. Momentum is B. Polyak's, of 1964.
#
# **A production system** would warm the rate up over its first steps and lower it along a cosine;
# would use an optimiser with a step size for each weight, such as Adam; would fill minibatches by
# frames more than by utterances; and would read its data in large shuffled pieces, not file by file.
#
# ## Summary
#
# * The steepest direction limits the rate, $r < 2 / \lambda_{\max}$; the flattest pays for it.
# * Momentum adds up what agrees, up to $1 / (1 - m)$ times. Nesterov's measures the gradient where
#   the velocity leads; with the look-ahead point as the weights it is $w + m v' - r g$.
# * Clipping keeps the direction and limits the length, one norm for all arrays.
# * Noise gives every rate a floor. Begin large, end small.
# * Every utterance weighs $1/N$, with the $N$ of the whole minibatch.
# * A larger minibatch has less noise, $1/N$ of it, and is worth less and less.
# * Buckets save padding; SortaGrad sorts the first epoch. Compare over several seeds, pair by pair.
# * Look at the loss before the error rate, and at the norms before the loss; the ratio of update to
#   weights says whether a rate is in the usual range.
#
# ## Further reading
#
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * Y. Nesterov: *A method for solving the convex programming problem with convergence rate
#   O(1/k²)*, 1983.
# * I. Sutskever, J. Martens, G. Dahl, G. Hinton: *On the importance of initialization and momentum in
#   deep learning*, ICML 2013.
# * R. Pascanu, T. Mikolov, Y. Bengio: *On the difficulty of training recurrent neural networks*, ICML
#   2013.
# * Y. Bengio, J. Louradour, R. Collobert, J. Weston: *Curriculum learning*, ICML 2009.
# * B. Polyak, A. Juditsky: *Acceleration of stochastic approximation by averaging*, 1992.
# * P. Goyal and others: *Accurate, large minibatch SGD: training ImageNet in 1 hour*, 2017.
# * S. McCandlish, J. Kaplan, D. Amodei and the OpenAI Dota team: *An empirical model of large-batch
#   training*, 2018.
# * C. J. Shallue and others: *Measuring the effects of data parallelism on neural network training*,
#   2019.
# * Stanford's CS231n, course notes: *Learning*, "Ratio of weights:updates".
# * G. Goh: *Why momentum really works*, Distill, 2017.
# * In the package: [sgd.py](../ds2np/optim/sgd.py), [batches.py](../ds2np/data/batches.py),
#   [step.py](../ds2np/train/step.py), [toy.py](../ds2np/learn/toy.py).
