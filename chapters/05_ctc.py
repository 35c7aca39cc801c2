# %% [markdown]
# # 05  CTC
#
# A recogniser hears a hundred frames a second and knows the sentence, but nobody has told it which
# frame belongs to which letter. CTC, connectionist temporal classification, is the loss that does
# without being told.
#
# ![The network from sound to text, with CTC, its last part, framed.](images/network_05.svg)
#
# **You will be able to**
#
# * say which paths over the frames read as a given text, and count them;
# * derive the sum over all of them by dynamic programming, forwards and backwards;
# * derive its gradient, and check it against finite differences;
# * explain why it is computed with logarithms, and what that costs in single precision;
# * explain why networks trained with CTC often begin with blanks alone, and when they need not.
#
# **You need** NumPy, logarithms, and the chain rule. Of the other chapters, none: all that counts
# here is that a network gives a score to each symbol in each frame. **Reading time** 90 minutes.

# %%
import itertools
import tempfile
from dataclasses import replace
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
import soundfile

from ds2np import ctc
from ds2np.ctc.loss import state_posterior
from ds2np.data.batches import prefetch
from ds2np.data.dataset import Dataset
from ds2np.decode.greedy import collapse
from ds2np.gradcheck import compare_gradients, numerical_gradient
from ds2np.layers.softmax import log_softmax
from ds2np.learn import check, play_letters, show, show_widget, toy
from ds2np.model import DeepSpeech2
from ds2np.optim import SGD
from ds2np.plots import plot_lattice, plot_probabilities, plot_spoken, plot_symbols

# %% [markdown]
# ## The idea in one picture
#
# Say "cat" slowly and the c may last for three frames, or for one; there may be silence before the
# t. All of this is still "cat". So we let the network say one symbol in *each* frame, and add a
# symbol that stands for no character: the **blank**, written – here. From such a path we read the
# text in two steps: first merge what is repeated, then drop the blanks.
#
# ![The lattice of "cat": seven states (blank, c, blank, a, blank, t, blank) over seven frames, with
# two of the paths that read "cat".](images/ctc_05_lattice.svg)
#
# The dots are places where a path may be: one column for each frame, one row for each character
# and for the blanks around them. Every walk along the grey lines, from the upper left to the lower
# right, reads "cat". CTC asks one thing of the network: that *all these walks together* be
# probable. Which of them, it leaves to the network.

# %% [markdown]
# ## Paths that read the same
#
# The symbols are numbers: 0 is the blank, 1, 2, ... are characters. The map from a path to its text
# is called $\mathcal{B}$ in the literature. The order of its two steps matters: the blank between
# two equal characters keeps them apart, so it must still be there when repeats are merged.

# %%
symbols = "–cat"


def read(path):
    merged = [symbol for symbol, _ in itertools.groupby(path)]
    return [symbol for symbol in merged if symbol != 0]


for path in ([1, 1, 2, 0, 3, 3], [0, 1, 2, 2, 2, 3], [1, 2, 0, 2, 3, 3]):
    written = " ".join(symbols[symbol] for symbol in path)
    print(written, " reads ", "".join(symbols[symbol] for symbol in read(path)))
    assert read(path) == collapse(path)  # the package's

# %% [markdown]
# Let the network's output for $T$ frames and $V$ symbols be a table of probabilities $y$ of shape
# $(T, V)$, each row with the sum 1. A path $\pi$ takes one symbol from each row, and its probability
# is the product of what it takes (given the sound, CTC assumes the frames to be independent):
#
# $$p(\pi \mid x) = \prod_{t=1}^{T} y_t(\pi_t), \qquad
# p(l \mid x) = \sum_{\pi:\, \mathcal{B}(\pi) = l} p(\pi \mid x), \qquad
# \text{loss} = -\ln p(l \mid x).$$
#
# With few frames and few symbols we can write down *all* $V^T$ paths and take those that read right.

# %%
rng = np.random.default_rng(0)
T, V = 6, 4
logits = rng.standard_normal((T, V))
y = np.exp(log_softmax(logits))  # (T, V), the rows add up to 1
labels = [1, 2, 3]  # "cat"


def enumerate_paths(y, labels):
    """Add up all paths that read as the labels; count them."""
    total, count = 0.0, 0
    for path in itertools.product(range(y.shape[1]), repeat=len(y)):
        if read(path) == labels:
            total += np.prod([y[t, symbol] for t, symbol in enumerate(path)])
            count += 1
    return total, count


probability, count = enumerate_paths(y, labels)
print(f"{V**T} paths, {count} of them read cat; p(cat) = {probability:.6f}")
print(f"loss = {-np.log(probability):.6f}")

# %% [markdown]
# This is the definition, and our oracle for everything that follows. It is also hopeless: the count
# of paths grows with a power of $T$ for the ones that read right and exponentially for all.

# %%
for frames in (3, 4, 5, 6, 7, 8):
    uniform = np.full((frames, V), 1 / V)
    print(f"T = {frames}: {V**frames:6d} paths, {enumerate_paths(uniform, labels)[1]:4d} read cat")

# %% [markdown]
# ## The sum, step by step
#
# All paths of "cat" walk through the same few *states*: the text with a blank before, between and
# after its characters, $S = 2L + 1$ of them. A path stays in a state, or goes on.
#
# ![Which states lead into a state: a blank is entered from itself and from the label before; a label
# from itself, the blank before and, if it differs from it, the label before that
# blank.](images/ctc_05_ways_in.svg)
#
# The third picture is the one to remember: between two equal characters the blank must not be
# skipped, or they would be merged. Let $\alpha_t(s)$ be the probability of all ways that lead into
# state $s$ by frame $t$, that frame included. What leads into $s$ must have come from the column
# before:
#
# $$\alpha_t(s) = \bigl(\alpha_{t-1}(s) + \alpha_{t-1}(s-1) + [\text{skip}_s]\, \alpha_{t-1}(s-2)
# \bigr)\, y_t(l'_s), \qquad
# p(l \mid x) = \alpha_T(S) + \alpha_T(S-1),$$
#
# where $l'_s$ is the symbol of state $s$. A path begins in the first blank or in the first
# character; it ends in the last character or in the last blank. One column follows from the one
# before: $T \cdot S$ steps in place of $V^T$ paths.


# %%
def extend(labels):
    """Put a blank before, between and after the labels: (S,)."""
    states = np.zeros(2 * len(labels) + 1, int)
    states[1::2] = labels
    return states


def may_skip(states, s):
    return s >= 2 and states[s] != 0 and states[s] != states[s - 2]


def alpha_by_loops(y, labels):
    states = extend(labels)
    alpha = np.zeros((len(y), len(states)))  # (T, S)
    alpha[0, :2] = y[0, states[:2]]
    for t in range(1, len(y)):
        for s in range(len(states)):
            ways = alpha[t - 1, s]
            if s >= 1:
                ways += alpha[t - 1, s - 1]
            if may_skip(states, s):
                ways += alpha[t - 1, s - 2]
            alpha[t, s] = ways * y[t, states[s]]
    return alpha


alpha = alpha_by_loops(y, labels)
print("by the recursion ", alpha[-1, -2:].sum())
print("by enumeration   ", probability)
np.testing.assert_allclose(alpha[-1, -2:].sum(), probability, rtol=1e-12)

for text in ([1, 1], [2], [], [3, 3, 1]):  # equal neighbours, one label, none
    ends = alpha_by_loops(y, text)[-1, -2:].sum()
    np.testing.assert_allclose(ends, enumerate_paths(y, text)[0], rtol=1e-12)

# %% [markdown]
# ### Exercise 05.1: how many frames does a text need?
#
# Replace `raise NotImplementedError` and run the cell below it. What is correct is kept in a file of
# yours, `my_ds2np.py`; `python -m ds2np learn` says how far you are, and where the file is. Solutions
# are [apart](solutions/05_ctc.py).
#
# Count the frames that the shortest path needs. `min_frames([3, 1, 2])` is 3, `min_frames([1, 2, 2])`
# is 4, and for no labels it is 0.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `labels` | $l$ | integers, (L,) | the symbols of the text, without blanks |
# | result | | `int` | the smallest $T$ with which a path can read as the text |


# %%
def min_frames(labels):
    """Count frames; labels has the shape (L,), the answer is an int."""
    raise NotImplementedError


# %%
check("05.1", min_frames)

# %% [markdown]
# ### From the other side
#
# Let $\beta_t(s)$ be the probability of all ways to finish *from* state $s$, its own frame left out,
# since $\alpha$ has it already. In the last frame there is nothing left to say: $\beta_T$ is 1 in the
# last two states, in which a path may end, and 0 in all others. Before that, a path goes on to the same
# state, to the next, or past a blank, and pays for what it says there:
#
# $$\beta_t(s) = \beta_{t+1}(s)\, y_{t+1}(l'_s) + \beta_{t+1}(s+1)\, y_{t+1}(l'_{s+1}) +
# [\text{skip}_{s+2}]\, \beta_{t+1}(s+2)\, y_{t+1}(l'_{s+2}).$$
#
# Then $\alpha_t(s)\,\beta_t(s)$ is the probability of all paths that go through $s$ at frame $t$.
# Predict first: what do these products add up to, over all states of one frame?
#
# (This recursion is yours to write, in exercise 05.2. Here is a way without it: seen from the end, with
# text and frames in reverse, $\beta$ is $\alpha$; it counts its own frame there, and we divide that out.)

# %%
mirrored = alpha_by_loops(y[::-1], labels[::-1])[::-1, ::-1]
states = extend(labels)
beta = mirrored / y[:, states]
direct = sum(beta[3, s] * y[3, states[s]] for s in (1, 2, 3))  # of c, in the third frame
print(f"the formula at t = 3, s = 2: {direct:.6f}; the mirrored alpha: {beta[2, 1]:.6f}")
print("sum over states, frame by frame:", (alpha * beta).sum(axis=1))
np.testing.assert_allclose((alpha * beta).sum(axis=1), probability, rtol=1e-12)

# %% [markdown]
# Every path goes through exactly one state in each frame. So in **every** column the products add up to
# the same number, $p(l \mid x)$. Few checks are as strong as this one.

# %% [markdown]
# Divided by their sum, the products say *how probable it is, given the text, that the right path is
# in state s at frame t*. This is what CTC believes about where the letters are.

# %%
gamma = alpha * beta / probability
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
pictures = ((alpha, "ways in, α"), (beta, "ways out, β"), (gamma, "state given the text"))
for axis, (table, title) in zip(axes, pictures, strict=True):
    plot_lattice(table, [symbols[i] for i in extend(labels)], axis)
    axis.set_title(title)
show(
    figure,
    "Three tables of seven states over six frames: alpha is large in the upper left, beta in the "
    "lower right, their product lies along the diagonal.",
)

# %% [markdown]
# All of this can be touched: type a word, drag a frame's probabilities, and see what becomes of $\alpha$,
# $\beta$, their product and the loss. Type a word with equal neighbours, and look where paths must not
# skip. (The widget counts frames from 1, like the formulas; in code, frame $t$ is row $t - 1$.)

# %%
show_widget("ctc_lattice")

# %% [markdown]
# ## Logarithms
#
# A sentence of ten seconds has several hundred frames, and each multiplies $\alpha$ by a number
# below 1. Floating point does not go that far down.

# %%
for frames in (50, 100, 200, 400, 800):
    long = np.exp(log_softmax(rng.standard_normal((frames, 29))))
    print(f"{frames} frames: p = {alpha_by_loops(long, [3, 1, 20])[-1, -2:].sum():.3g}")

# %% [markdown]
# So we keep $\ln \alpha$. Products turn into sums. Sums turn into
#
# $$\ln(e^a + e^b) = m + \ln(e^{a - m} + e^{b - m}), \qquad m = \max(a, b),$$
#
# in which no exponential is larger than 1. A state that cannot be reached has the logarithm
# $-\infty$, and there lies a trap: if both are $-\infty$, then $a - m$ is $\infty - \infty$, which is
# no number, and one such number spoils everything behind it. NumPy's `logaddexp` knows this.


# %%
def naive_log_add(a, b):
    m = np.maximum(a, b)
    return m + np.log(np.exp(a - m) + np.exp(b - m))


with np.errstate(invalid="ignore"):
    print("naive, of two impossible ways:", naive_log_add(-np.inf, -np.inf))
print("logaddexp:                    ", np.logaddexp(-np.inf, -np.inf))


def log_alpha_by_columns(log_probs, labels):
    """Compute all states of a frame at once: (T, S)."""
    states = extend(labels)
    skip = np.array([may_skip(states, s) for s in range(len(states))])
    log_alpha = np.full((len(log_probs), len(states)), -np.inf, log_probs.dtype)
    log_alpha[0, :2] = log_probs[0, states[:2]]
    for t in range(1, len(log_probs)):
        before = log_alpha[t - 1]
        ways = before.copy()
        ways[1:] = np.logaddexp(ways[1:], before[:-1])
        ways[2:] = np.where(skip[2:], np.logaddexp(ways[2:], before[:-2]), ways[2:])
        log_alpha[t] = ways + log_probs[t, states]
    return log_alpha


log_probs = log_softmax(logits)
with np.errstate(divide="ignore"):
    np.testing.assert_allclose(log_alpha_by_columns(log_probs, labels), np.log(alpha), rtol=1e-10)
print("the logarithms agree")

# %% [markdown]
# ### Exercise 05.2: the ways out
#
# Write $\ln \beta_t(s)$ as a recursion from the last frame to the first, with logarithms. In the last
# frame, only the last two states may finish, and there nothing is left to say: $\ln \beta_T = 0$.
# In every other frame, $\beta_t(s)$ adds up the ways on: to $s$, $s + 1$ and, where it is allowed,
# $s + 2$ at frame $t + 1$, each times what that state says *there*. What cannot finish is $-\infty$.
# The blank is 0.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `log_probs` | $\ln y_t(k)$ | float, (T, V) | the logarithm of each probability |
# | `labels` | $l$ | integers, (L,) | the symbols of the text, without blanks |
# | result | $\ln \beta_t(s)$ | float, (T, S), $S = 2L + 1$ | all ways out of each state, its own frame left out |


# %%
def ctc_beta(log_probs, labels):
    """Compute ln beta, (T, S), from log_probs, (T, V), and labels, (L,)."""
    raise NotImplementedError


# %%
check("05.2", ctc_beta)

# %% [markdown]
# ## Backward
#
# The loss is $-\ln p$, and $p$ is a sum of products of entries of $y$. An entry $y_t(k)$ appears in
# exactly those paths that say $k$ at frame $t$, once in each; so $y_t(k)\, \partial p / \partial
# y_t(k)$ is what those paths weigh together: the sum of $\alpha_t(s) \beta_t(s)$ over all states $s$
# with the symbol $k$. Hence
#
# $$\frac{\partial\, \text{loss}}{\partial \ln y_t(k)} = -\sum_{s:\, l'_s = k} \gamma_t(s), \qquad
# \gamma_t(s) = \frac{\alpha_t(s)\, \beta_t(s)}{p(l \mid x)}.$$
#
# One step is left, through the softmax. With logits $a$ and $\ln y_t(k) = a_{tk} - \ln \sum_j
# e^{a_{tj}}$, the chain rule adds for each logit $y_t(k)$ times the sum of all those derivatives,
# which is $-1$ in each frame. What comes out is one of the most readable gradients there are:
#
# $$\frac{\partial\, \text{loss}}{\partial a_{tk}} =
# \underbrace{y_t(k)}_{\text{what the network says}} -
# \underbrace{\sum_{s:\, l'_s = k} \gamma_t(s)}_{\text{what the text allows}}.$$
#
# It is what we know from classification, softmax minus target; only that here the target is not
# given but computed, from the text and from the network's own opinion.


# %%
def ctc_by_columns(logits, labels):
    """Compute loss and gradient by the logits for one utterance."""
    log_probs = log_softmax(logits)
    states = extend(labels)
    log_alpha = log_alpha_by_columns(log_probs, labels)
    mirrored = log_alpha_by_columns(log_probs[::-1], labels[::-1])[::-1, ::-1]
    joint = log_alpha + mirrored - log_probs[:, states]  # ln of alpha times beta
    total = np.logaddexp(log_alpha[-1, -1], log_alpha[-1, -2]) if len(labels) else log_alpha[-1, -1]
    dlogits = np.exp(log_probs)
    for s, symbol in enumerate(states):  # several states may have one symbol
        dlogits[:, symbol] -= np.exp(joint[:, s] - total)
    return -total, dlogits


loss, dlogits = ctc_by_columns(logits, labels)
print("loss", loss, " by enumeration", -np.log(probability))
print("each frame's gradient adds up to", np.abs(dlogits.sum(axis=1)).max())

# %% [markdown]
# Now the check. The upstream gradient of a loss is a number; a random one, since a factor that got
# lost would hide behind 1. The step is $10^{-5}$, all elements are compared, in double precision.

# %%
upstream = rng.standard_normal()
numerical = numerical_gradient(lambda: upstream * ctc_by_columns(logits, labels)[0], logits)
print(compare_gradients("dlogits", upstream * dlogits, numerical))


def broken(logits, labels):
    """Make a mistake on purpose: write each state's share, where it has to be added."""
    log_probs = log_softmax(logits)
    gamma = state_posterior(logits[None], np.array([labels]), [len(logits)], [len(labels)])[0]
    counts = np.zeros_like(logits)
    for s, symbol in enumerate(extend(labels)):
        counts[:, symbol] = gamma[:, s]  # the last blank overwrites those before it
    return np.exp(log_probs) - counts


print(compare_gradients("broken", upstream * broken(logits, labels), numerical))

# %% [markdown]
# The broken one is right in most of its elements: all that are not blanks. A check of a few elements
# may miss it; all elements are cheap at this size.

# %% [markdown]
# ### Exercise 05.3: from states to logits
#
# Given the probability of each state in each frame, `posterior` of shape (T, S), return the gradient
# of the loss by the logits, (T, V). Several states may have the same symbol.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `log_probs` | $\ln y_t(k)$ | float, (T, V) | the logarithm of each probability |
# | `posterior` | $\gamma_t(s)$ | float, (T, S) | the probability of each state, given the text |
# | `labels` | $l$ | integers, (L,) | the symbols of the text; its states are as above |
# | result | $\partial\,\text{loss} / \partial a_{tk}$ | float, (T, V) | the gradient by the logits |


# %%
def ctc_logit_gradient(log_probs, posterior, labels):
    """Compute the gradient by the logits, (T, V), from posterior, (T, S), and labels, (L,)."""
    raise NotImplementedError


# %%
check("05.3", ctc_logit_gradient)

# %% [markdown]
# ### Watch it learn
#
# Without any network we can follow this gradient: take the logits themselves as the parameters, and
# walk downhill. At first the text could be anywhere. Each frame asks for what the text allows there
# and for what the frame itself says already; so small preferences grow, and in the end the path
# is sharp.

# %%
free = 0.5 * rng.standard_normal((24, V))
stages = {}
for step in range(401):
    loss, gradient = ctc_by_columns(free, labels)
    if step in (0, 20, 400):
        given = np.array([labels])
        stages[step] = loss, state_posterior(free[None], given, np.array([24]), np.array([3]))[0]
    free -= 0.5 * gradient

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for axis, (step, (loss, posterior)) in zip(axes, stages.items(), strict=True):
    plot_lattice(posterior, [symbols[i] for i in extend(labels)], axis)
    axis.set_title(f"after {step} steps, loss {loss:.2f}")
show(
    figure,
    "The probability of each of seven states over 24 frames, at three times of the descent: a broad "
    "band along the diagonal at first, a sharp staircase at the end.",
)
assert stages[400][0] < 0.2 < stages[0][0]

# %% [markdown]
# ## Why so many blanks?
#
# Many networks that are trained with CTC start with the same disappointment: for a while they say
# blanks only. This is no bug, and we can see why with the smallest of all networks, one that does
# not listen. Its logits are a bias $b$ of $V$ numbers, the same in all frames. What is the best
# that it can do? Predict first: with four symbols that are all equally probable, which share of the
# frames is blank in the paths that read the text?

# %%
T_long, text = 60, [1, 2, 3, 1, 2, 3]
b = np.zeros(V)
blank_states = [symbol == 0 for symbol in extend(text)]
equal = np.zeros((1, T_long, V)), np.array([text]), [T_long], [len(text)]
wanted = state_posterior(*equal)[0][:, blank_states].sum()
print(
    f"blanks in {T_long} frames: the network gives {T_long / V:.0f}, the right paths have {wanted:.0f}"
)
history = []
for _ in range(60):
    loss, gradient = ctc_by_columns(np.tile(b, (T_long, 1)), text)
    history.append([loss, np.exp(log_softmax(b[None]))[0, 0]])
    b -= 0.05 * gradient.sum(axis=0)  # b is in all frames, so their gradients add up
history = np.array(history)

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
axes[0].plot(history[:, 0], color="black")
axes[0].set(xlabel="step", ylabel="loss (nats)", ylim=(0, None))
axes[1].plot(100 * history[:, 1], color="black")
axes[1].set(xlabel="step", ylabel="probability of the blank (%)", ylim=(0, 100))
show(
    figure,
    "A network that does not listen: its loss falls quickly and then stands still, while the "
    "probability of the blank rises from 25 per cent to most of the total.",
)
print(f"blank: {history[-1, 1]:.0%}; 1 - L / T = {1 - len(text) / T_long:.0%}")
assert history[-1, 1] > 0.7

# %% [markdown]
# The right paths are not blank for the most part: about half of their frames are, while all symbols are
# equal. But every text holds the blank, in $L + 1$ of its $2L + 1$ states, and its expected count is far
# above what the network gives it; the characters share the rest among them. The gradient is the
# difference of the two, so the blank rises first. Once it is probable, the paths with one frame for each
# character and blanks in all others weigh more than those that stay on a character: it rises on, up to
# $1 - L / T$, and a network that does not listen says nothing else. Zeyer, Schlüter and Ney (2021) ask
# along these lines why the characters of many CTC networks become short spikes between blanks.
#
# Must *every* network go through that? So the package's networks begin with a bias that gives the blank
# nine tenths where all other logits are 0 (as Lin et al. 2017, "Focal Loss for Dense Object
# Detection", begin with how rare objects are):

# %%
b = np.zeros(V)
b[0] = np.log(9 * (V - 1))
begun, _ = ctc_by_columns(np.tile(b, (T_long, 1)), text)
print(
    f"loss with equal symbols {history[0, 0]:.1f}, with a blank of 90 % {begun:.1f}, "
    f"the best without listening {history[-1, 0]:.1f}"
)
assert begun < 1.1 * history[-1, 0] < history[0, 0]

# %% [markdown]
# Now networks that listen: the small one of chapter 00, with its gated recurrent layers (GRU), and the
# same with simple ones, on 120 recordings of spoken digits. Each of them begins with a bias of 0, and
# with the planted one; three seeds each. Predict first: which of the four will pass through a time of
# blanks only? And for how many frames of 20 ms, in the end, does the best path stay on a character?


# %%
def watch_blanks(recurrent, planted, seed, epochs=8):
    """Train; return the shares of blanks and the losses of all steps, the last epoch's runs, and all."""
    model = DeepSpeech2(replace(toy.CONFIG, recurrent=recurrent), seed=seed)
    if not planted:
        model.params["output.b"][:] = 0
    optimiser = SGD(model.params, model.grads, 6e-3, momentum=0.95, max_norm=100)
    shares, losses = [], []
    for epoch in range(1, epochs + 1):
        runs = []  # frames of each character in the best paths
        for batch in prefetch(spoken, spoken.plan(epoch), (0, epoch)):
            model.zero_grads()
            logits, frames = model.forward(batch.x, batch.lengths)
            real = np.arange(logits.shape[1]) < frames[:, None]
            shares.append((logits.argmax(axis=2) == 0)[real].mean())
            for scores, count in zip(logits, frames, strict=True):
                groups = itertools.groupby(scores[:count].argmax(axis=1))
                runs += [len(list(run)) for symbol, run in groups if symbol != 0]
            loss, dlogits = ctc.ctc_loss(logits, batch.labels, frames, batch.label_lengths)
            losses.append(loss.mean())
            model.backward(dlogits / len(loss))
            optimiser.step()
        optimiser.learning_rate /= 1.05
    model.set_training(False)
    return np.array(shares), np.array(losses), np.mean(runs), model


folder = tempfile.TemporaryDirectory()
recordings = toy.speak_digits(folder.name, 120, np.random.default_rng(0))
spoken = Dataset(recordings, DeepSpeech2(toy.CONFIG).config)
ways = {
    (recurrent, planted): [watch_blanks(recurrent, planted, seed) for seed in range(3)]
    for recurrent in ("gru", "rnn")
    for planted in (False, True)
}

# %%
print("                        over 95 % blanks  frames a character   loss of the last 5 steps")
for (recurrent, planted), of_three in ways.items():
    name = f"{recurrent.upper()}, {'planted bias' if planted else 'bias 0'}"
    full = np.mean([(shares > 0.95).mean() for shares, *_ in of_three])
    runs = ", ".join(f"{run:.1f}" for _, _, run, _ in of_three)
    last = ", ".join(f"{losses[-5:].mean():.1f}" for _, losses, *_ in of_three)
    print(f"{name:<24}{full:>8.0%} of steps  {runs:<20} {last}")

figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True, layout="constrained")
for axis, recurrent in zip(axes, ("gru", "rnn"), strict=True):
    for planted, style in ((False, "-"), (True, "--")):
        for seed, (shares, *_) in enumerate(ways[recurrent, planted]):
            label = ("planted bias" if planted else "bias 0") if seed == 0 else None
            axis.plot(
                np.arange(1, len(shares) + 1), 100 * shares, style, color="k", lw=1, label=label
            )
    axis.set(xlabel="step", ylim=(0, 101), title=recurrent.upper())
axes[0].set_ylabel("blanks in the best path (%)")
axes[0].legend(frameon=False)
show(
    figure,
    "The share of blanks in the best paths over the steps of training, one line for each seed. Planted "
    "bias: it falls from near 100 per cent. Bias 0: it rises from near 0; with the GRU to about a half, "
    "with the simple RNN much higher, and the lines of the seeds lie far apart.",
)

# %% [markdown]
# The verdict, from these numbers:

# %%
highest = {way: [shares[5:].max() for shares, *_ in three] for way, three in ways.items()}
stays = {way: [run for _, _, run, _ in three] for way, three in ways.items()}
for recurrent in ("gru", "rnn"):
    through = sum(share > 0.95 for share in highest[recurrent, False])
    print(
        f"{recurrent.upper()} from a bias of 0: {through} of 3 seeds pass through a time of blanks,"
    )
    print(f"    of {', '.join(f'{share:.0%}' for share in highest[recurrent, False])} at most.")
long, short = np.median(stays["gru", False]), np.median(stays["rnn", False])
kind = "short spikes" if short < 2 < long else "no shorter" if short > 0.9 * long else "shorter"
print(f"In the end, a character of the GRU lasts for {long:.1f} frames, one of the simple RNN for")
print(f"{short:.1f} (medians of the seeds): beside the GRU's, its characters are {kind}.")
planted = [losses[-5:].mean() for _, losses, *_ in ways["rnn", True]]
free_of = [losses[-5:].mean() for _, losses, *_ in ways["rnn", False]]
helps = "helps with every seed" if max(planted) < min(free_of) else "does not help with every seed"
print(f"The planted bias {helps} of the simple RNN.")

# %% [markdown]
# Look at both at work: the simple RNN that began with a bias of 0 and the GRU with the planted one, of
# each the seed with the smallest loss, reading the same recording.

# %%
example = min(range(len(spoken)), key=lambda i: abs(recordings[i].duration - 1.2))


def read_recording(recurrent, planted):
    """Return the log-probabilities (T, V) of the example from the best seed's network."""
    *_, model = min(ways[recurrent, planted], key=lambda result: result[1][-5:].mean())
    x = spoken.features(example)
    logits, _ = model.forward(x[None], np.array([len(x)]))
    return log_softmax(logits[0])


frame_ms, letters = toy.CONFIG.frame_ms, toy.CONFIG.characters

# %%
figure, axes = plt.subplots(2, 1, figsize=(9, 4.4), sharex=True, layout="constrained")
for axis, (recurrent, planted) in zip(axes, (("rnn", False), ("gru", True)), strict=True):
    plot_probabilities(np.exp(read_recording(recurrent, planted)), frame_ms, letters, axis)
    axis.set_title(f"{recurrent.upper()}, {'planted bias' if planted else 'bias 0'}", loc="left")
axes[0].set_xlabel("")
show(
    figure,
    "Probabilities of the characters (lines) and of the blank (grey area) while two networks read "
    f"“{recordings[example].text}”: above, the simple RNN that began with a bias of 0, below, the GRU "
    "with the planted one, whose characters stand for longer.",
)

# %% [markdown]
# So neither the time of blanks nor the spikes are a law: they depend on the layers and on where training
# begins. What helps both networks is to begin where the blank is already as frequent as it will be; then
# the first steps can go into the characters. [The benchmarks](../tests/benchmarks/README.md) have a run on
# real speech both ways. A training log that shows blanks, an error of 100 % and a falling loss is normal
# in its first minutes; one whose loss has stood still for epochs is not.
#
# The loss does not mind whether a character is long or short, nor where within its sound it stands. The
# text is the same; so times that are taken from a path are those of the path, not measurements of when the
# letter began and ended.
#
# ### The best path is not the best text
#
# Greedy decoding takes the most probable *path*. CTC was trained for the *text*, the sum over all of its
# paths. Two frames, a blank and a letter, are enough for the two to differ. Predict first: the blank has
# 0.6 in both frames, the letter 0.4. Which text is more probable, nothing or the letter?

# %%
two = np.array([[0.6, 0.4], [0.6, 0.4]])
texts = {}
for path in itertools.product(range(2), repeat=2):
    p = two[0, path[0]] * two[1, path[1]]
    texts.setdefault("".join("–a"[k] for k in read(path)) or "(nothing)", []).append(p)
for text_read, terms in texts.items():
    print(f"{text_read}: {' + '.join(f'{p:.2f}' for p in terms)} = {sum(terms):.2f}")
greedy_text = "(nothing)"  # the best symbol of each frame is the blank
best_text = max(texts, key=lambda name: sum(texts[name]))
print(f"The best path reads {greedy_text}, the best text is {best_text}.")
assert best_text != greedy_text

# %% [markdown]
# Nothing has one path, of 0.36; the letter has three, of 0.64 together. A *beam search* adds up the
# paths of the same text while it walks through the frames, and finds such texts; it is also the place
# where a language model can take part. CTC needs one, more than other losses do: given the sound, it
# takes all frames for *independent* of each other. Having written a q, a CTC network has no way to know
# in the next frame that it has; only what it hears, before and after, connects them.
#
# <details><summary><b>Why must frames outnumber characters?</b> Think first, then look.</summary>
#
# A path says one symbol in each frame, so it can say no more characters than there are frames, and
# equal neighbours need a blank between them: $T \ge L + \text{(adjacent repeats)}$. If there are
# fewer, no path reads the text, $p = 0$ and the loss is infinite: there is no downhill. It also sets
# a limit to strides in time. The paper counts 14.1 characters a second; with a frame every 10 ms and two
# convolutions of stride 2 there are 25 frames a second left, with a third one 12, too few. The
# paper's bigram outputs are a way out: fewer, longer symbols.
# </details>
#
# <details><summary><b>Why CTC, and not a network that writes one character after the other?</b>
# </summary>
#
# A sequence-to-sequence network with attention writes each character knowing the ones before, so it
# learns a language model on the way, and may even repeat or leave out what it did not hear. CTC's
# frames are independent of each other, given the sound: it spells what it hears, the order of time
# is built in, the sum is exact, it can run while somebody is still speaking, and a language model
# can be added from outside. What it cannot do is to prefer "to" over "two" by itself, except by what
# its recurrent layers have seen in the sound.
# </details>
#
# <details><summary><b>Is this the only way to spread letters over frames?</b></summary>
#
# No. The grey lines of the lattice are a *topology*, and others were tried before and since. Hidden Markov
# models gave each sound three states of its own, and no blank. The auto segmentation criterion
# (Collobert, Puhrsch and Synnaeve, *Wav2Letter*, 2016) has no blank either; it writes a double letter by
# a symbol of its own and learns how probable one letter is after another. The transducer (Graves 2012)
# keeps the blank but lets a second network see the letters written so far, and may write several of them
# in a frame. Sum, backward pass and best path are those of this chapter each time: only the lines differ.
# </details>

# %% [markdown]
# ## The best single path
#
# With a maximum in place of each sum, the same recursion finds the most probable path of a text
# (Viterbi); a note of where each maximum came from leads back. That tells when each character is
# said. The paper cuts hours of speech into utterances in this way.


# %%
def best_path(log_probs, labels):
    states = extend(labels)
    score = np.full(len(states), -np.inf)
    score[:2] = log_probs[0, states[:2]]
    came_from = np.zeros((len(log_probs), len(states)), int)
    for t in range(1, len(log_probs)):
        new = np.full(len(states), -np.inf)
        for s in range(len(states)):
            origins = [s, s - 1] if s >= 1 else [s]
            origins += [s - 2] if may_skip(states, s) else []
            came_from[t, s] = max(origins, key=lambda origin: score[origin])
            new[s] = score[came_from[t, s]] + log_probs[t, states[s]]
        score = new
    s = len(states) - 1 if score[-1] > score[-2] else len(states) - 2
    best, path = score[s], []
    for t in reversed(range(len(log_probs))):
        path.append(int(states[s]))
        s = came_from[t, s]
    return path[::-1], best


path, best = best_path(log_probs, labels)
print(
    " ".join(symbols[i] for i in path), f" ln p = {best:.4f}, of {np.log(probability):.4f} for all"
)
aligned = ctc.forced_align(log_probs, labels)
assert path == aligned.path.tolist()
np.testing.assert_allclose(best, aligned.score, rtol=1e-12)

# %%
figure, axis = plt.subplots(figsize=(7, 2.6), layout="constrained")
plot_symbols(np.exp(log_softmax(free)), symbols, axis)
show(
    figure,
    "The probabilities of blank, c, a and t over 24 frames after the descent: c, a and t hold a "
    "stretch of frames each, in this order, with blanks between and around them.",
)

# %% [markdown]
# ## Where the letters are
#
# Now all of it on real speech: the recording from above, the network with gated layers, and the text that
# belongs to it. $\gamma$ says for each frame how probable each state is, given the text; the best path
# says it without doubt. Predict first: will the first letter be written before its sound begins, with
# it, or after it?

# %%
recording = recordings[example]
labels_spoken = toy.CONFIG.alphabet().encode(recording.text)
log_probs_spoken = read_recording("gru", True)
aligned = ctc.forced_align(log_probs_spoken, labels_spoken)
times = aligned.times(frame_ms)
T_spoken, L_spoken = len(log_probs_spoken), len(labels_spoken)
gamma = state_posterior(
    log_probs_spoken[None], np.array([labels_spoken]), np.array([T_spoken]), np.array([L_spoken])
)[0]
samples, rate = soundfile.read(recording.audio_filepath)

# %%
figure, axes = plt.subplots(2, 1, figsize=(9, 6), layout="constrained", height_ratios=(1, 1.4))
features = spoken.features(example)
plot_spoken(features, recording.text, times, toy.CONFIG.stride_ms, rate, axes[0])
axes[0].set_xlabel("")
names = ["–", *(name for letter in recording.text.replace(" ", "␣") for name in (letter, "–"))]
plot_lattice(gamma, names, axes[1])
axes[1].set_xlabel(f"frame of {frame_ms:g} ms")
show(
    figure,
    f"Above, the spectrogram of “{recording.text}” with a line where the best path begins each letter. "
    "Below, the probability of each state over the frames: a staircase from the upper left to the lower "
    "right, sharp in most places.",
)
play_letters(samples, rate, recording.text, times, f"“{recording.text}”, letter by letter")

# %% [markdown]
# Play it and watch, or click a letter to hear the sound from there on. Do all paths agree with the best
# one? The centre of a letter by $\gamma$ is $\sum_t t\, \gamma_t(s) / \sum_t \gamma_t(s)$; by the best
# path, the middle of its frames.

# %%
of_letters = gamma[:, 1::2]
centres = np.arange(T_spoken) @ of_letters / of_letters.sum(axis=0)
middles = (aligned.starts + aligned.ends - 1) / 2
apart = np.abs(centres - middles) * frame_ms
furthest = recording.text[apart.argmax()]
agree = "agree to a frame" if apart.max() <= frame_ms else "agree in most letters, not in all"
print(
    f"Largest difference {apart.max():.0f} ms, of “{furthest}”; median {np.median(apart):.0f} ms:"
)
print(f"all paths and the best one {agree}.")
voiced = times[0, 0], times[-1, 1]
loud = np.flatnonzero(np.abs(samples) > 0.05 * np.abs(samples).max()) / rate
when = (
    "after it"
    if voiced[0] > loud[0] + 0.02
    else "with it"
    if voiced[0] > loud[0] - 0.02
    else "before it"
)
print(f"The sound begins at {loud[0]:.2f} s, the first letter at {voiced[0]:.2f} s: {when}.")

# %% [markdown]
# ## The real one
#
# The package's `ctc_loss` takes a whole minibatch, any array module, and runs $\alpha$ and the
# mirrored $\beta$ side by side. It must agree with ours, in loss and gradient.


# %%
def compare(T, V, labels, seed=0):
    logits = np.random.default_rng(seed).standard_normal((1, T, V))
    ours = ctc_by_columns(logits[0], labels)
    theirs = ctc.ctc_loss(logits, np.array([labels]), np.array([T]), np.array([len(labels)]))
    np.testing.assert_allclose(theirs[0][0], ours[0], rtol=1e-10)
    np.testing.assert_allclose(theirs[1][0], ours[1], atol=1e-10)


compare(6, 4, labels)
compare(9, 5, [1, 1, 4, 4])
compare(200, 29, list(range(1, 25)))


batch = rng.standard_normal((16, 150, 29))
texts = rng.integers(1, 29, (16, 40))
frames, lengths = np.full(16, 150), np.full(16, 40)
one_by_one = repeat(lambda: list(map(ctc_by_columns, batch, texts)), number=1, repeat=3)
together = repeat(lambda: ctc.ctc_loss(batch, texts, frames, lengths), number=1, repeat=3)
ratio = min(one_by_one) / min(together)
print(f"16 utterances: one by one takes {ratio:.0f} times as long as together")

# %% [markdown]
# ### The trap of single precision
#
# On a GPU one computes in float32, which has some seven digits. After 1,500 frames $\ln \alpha$ is in
# the thousands: four of the digits stand before the point. The usual way to the gradient is
# $e^{\ln \alpha + \ln \beta - \ln p}$, the exponential of a small difference of large numbers. The
# loss hides this, being large itself; the gradient does not.
#
# The package computes $\alpha$ and $\beta$ in double precision, whatever it is given: they are small
# beside what a network holds. And it begins without logarithms. A column is a row of probabilities
# again once it is scaled, as Graves et al. do; that costs nothing but range. Where a state that
# matters falls below float64's $10^{-308}$, which the package can tell from the scales, it computes
# the utterance again by logarithms. Sum and product are all that the recursion needs, so the same
# lines run either way ([semiring.py](../ds2np/ctc/semiring.py)); with the maximum for the sum they
# find the best path.

# %%
lengths_tried = (100, 300, 600, 1500)
errors = {"as the formula stands": [], "the package": []}
for T_now in lengths_tried:
    exact = rng.standard_normal((T_now, 29))
    spoken = rng.integers(1, 29, T_now // 8).tolist()
    truth = ctc_by_columns(exact, spoken)[1]
    single = exact.astype(np.float32)
    formula = ctc_by_columns(single, spoken)[1]
    given = np.array([spoken]), np.array([T_now]), np.array([len(spoken)])
    ours = ctc.ctc_loss(single[None], *given)[1]
    errors["as the formula stands"].append(np.abs(formula - truth).max())
    errors["the package"].append(np.abs(ours[0] - truth).max())

# %%
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
for (name, error), style in zip(errors.items(), ("o--", "s-"), strict=True):
    axis.loglog(lengths_tried, error, style, color="black", label=name)
axis.set(xlabel="frames", ylabel="largest error of the gradient")
axis.legend()
show(
    figure,
    "The largest error of the single precision gradient over the number of frames, both axes "
    "logarithmic: the formula's error is larger than the package's at every length.",
)
assert all(a > b for a, b in zip(*errors.values(), strict=True))

# %% [markdown]
# ## Padding
#
# Utterances of a minibatch have unequal lengths, and what lies behind the end of the shorter ones
# must not count: not in the loss, and exactly nothing in the gradient. We fill it with garbage. The
# third utterance is impossible: "aa" in two frames. Its loss is infinite and its gradient 0, so that
# whoever trains can see it, name it and leave it out.

# %%
padded = rng.standard_normal((3, 8, V))
padded[1, 5:] = 1e30
padded[2, 2:] = np.nan
texts = np.array([[1, 2, 3], [2, 99, 99], [2, 2, 99]])
loss, gradient = ctc.ctc_loss(padded, texts, np.array([8, 5, 2]), np.array([3, 1, 2]))
print("losses:", loss)
np.testing.assert_allclose(loss[1], ctc_by_columns(padded[1, :5], [2])[0], rtol=1e-12)
assert not gradient[1, 5:].any()
assert not gradient[2].any()
print(f"'aa' needs {ctc.min_frames([2, 2])} frames")

# %% [markdown]
# ### Exercise 05.4: the whole loss
#
# Put it together for a padded minibatch, with the arguments and results of the package's `ctc_loss`:
# logits (N, T, V), labels (N, L), and the real lengths of both. The losses come out as (N,), the
# gradient of their *sum* as (N, T, V): exactly 0 on padding, and 0 with an infinite loss where the
# text does not fit. An utterance may have no frames, or no labels; `blank` may be any symbol. Logits may
# be large, whatever their sign. Use NumPy and your functions from above, written into this one or kept
# in your file; not the package's. Loops over utterances and frames are fine. Later you can train with it.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `logits` | $a$ | float, (N, T, V) | scores of each symbol; garbage behind the end of an utterance |
# | `labels` | $l$ | integers, (N, L) | texts; garbage behind the end of a text |
# | `input_lengths` | $T$ | integers, (N,) | real frames of each utterance |
# | `label_lengths` | $L$ | integers, (N,) | real symbols of each text |
# | `blank` | | `int` | the symbol that stands for no character |
# | first result | loss | float, (N,) | $-\ln p(l \mid x)$; infinite if the text does not fit |
# | second result | | float, (N, T, V) | the gradient of the sum of the finite losses |


# %%
def ctc_loss(logits, labels, input_lengths, label_lengths, blank=0):
    """Return losses, (N,), and the gradient of their sum by the logits, (N, T, V)."""
    raise NotImplementedError


# %%
check("05.4", ctc_loss)

# %% [markdown]
# ## What the paper reports
#
# The paper's networks are trained with CTC throughout. Its collapse, its recursion over $2L + 1$
# states and its condition on the number of frames are those of this chapter; it is computed on the
# GPU, like all else there. Its bigrams are fewer symbols a second than letters, so that the convolutions
# can take larger strides in time, and everything behind them has fewer frames to compute:
# [chapter 14](14_mandarin_and_bigrams.ipynb) measures what that gains.
#
# CTC is from 2006. For years it was one part of systems with hidden Markov models and pronunciation
# dictionaries; that it can carry a whole recogniser from sound to letters, Graves and Jaitly showed in 2014.
#
# ## Summary
#
# * A path says one symbol a frame; merge repeats, then drop blanks. Many paths read the same.
# * $\alpha$ sums the ways in, $\beta$ the ways out; their product adds up to $p$ in every frame.
# * The gradient by the logits is softmax minus the probability of each symbol given the text.
# * Logarithms keep the numbers in range; double precision keeps their digits.
# * A loss that is infinite names a text that does not fit.
# * The blank is in every text, and wants more frames than equal symbols give it. The best path need not
#   be the best text.
#
# **A production system** would compute all utterances' recursions in one kernel on the GPU, would
# prune states that no sensible path visits, and would train on symbols longer than letters.
#
# ## Further reading
#
# * A. Graves, S. Fernández, F. Gomez, J. Schmidhuber: *Connectionist temporal classification:
#   labelling unsegmented sequence data with recurrent neural networks*, ICML 2006.
# * A. Graves, N. Jaitly: *Towards end-to-end speech recognition with recurrent neural networks*, ICML 2014.
# * A. Hannun: *Sequence modeling with CTC*, Distill, 2017.
# * A. Zeyer, R. Schlüter, H. Ney: *Why does CTC result in peaky behavior?*, 2021.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * In the package: [lattice.py](../ds2np/ctc/lattice.py), [recursion.py](../ds2np/ctc/recursion.py),
#   [semiring.py](../ds2np/ctc/semiring.py), [loss.py](../ds2np/ctc/loss.py),
#   [viterbi.py](../ds2np/ctc/viterbi.py).
