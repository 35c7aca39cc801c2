# %% [markdown]
# # 03  Batch normalisation for sequences
#
# A deep network learns more easily if what enters its units keeps to one scale. This chapter builds
# the layer that sees to it, for utterances of unequal length, forwards and backwards.
#
# ![The network from sound to text, with convolutions and recurrent layers, where normalisation
# stands, framed.](images/network_03.svg)
#
# **You will be able to**
#
# * say which numbers of a minibatch share one mean, in a recurrent layer and in a convolution;
# * measure what padding does to a mean and a variance, and leave it out;
# * derive the backward pass through mean and variance, and check it against finite differences;
# * say what changes from training to evaluation, and why;
# * explain why the paper normalises $W x_t$ over whole sequences, and leaves $U h_{t-1}$ alone.
#
# **You need** NumPy and the chain rule. Convolution (chapter 02) and recurrence (chapter 04) appear
# as neighbours of the layer; a sentence says each time what they do. **Reading time** 65 minutes.

# %%
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np

from ds2np.audio import log_spectrogram
from ds2np.audio.normalisation import normalise
from ds2np.gradcheck import check_gradients, check_layer
from ds2np.layers import Conv2D, Linear, SeqBatchNorm, Sequential, SimpleRNN, batchnorm
from ds2np.layers.padding import length_mask as real_length_mask
from ds2np.layers.softmax import log_softmax
from ds2np.learn import check, play, show
from ds2np.learn.sound import say
from ds2np.optim import SGD
from ds2np.plots import plot_batch, plot_units

# %% [markdown]
# ## The idea in one picture
#
# A minibatch is a block of numbers: utterances, frames, features. Utterances last unequally long,
# and an array has straight edges; so the short ones are filled up behind their end. The filling is
# called **padding**. It means nothing.
#
# ![Three utterances as sheets behind each other, frames from left to right, features from bottom to
# top, padding hatched. One feature is shaded in all real frames of all three: 19 numbers that share
# one mean and one variance.](images/norm_03_cube.svg)
#
# Take one feature, in every utterance, at every real frame. These numbers share one mean and one
# variance. The layer takes the mean away from each of them and divides by the square root of the
# variance. Every feature gets the same treatment with its own two numbers. Afterwards each feature
# has the mean 0 and the variance 1 over the minibatch. Last, each is multiplied by a number and
# shifted by another, both of them learnt, so that the network can choose a better scale than ours.
#
# That is all, but for two difficulties, and they are what this chapter is about. The hatched
# numbers must not count, neither in the sums nor in the *count*. And each mean depends on all its
# numbers, so a gradient that flows back through it reaches every frame of every utterance.

# %% [markdown]
# ## What enters a unit
#
# Let us look at what a layer meets that has no such help. Three utterances, from short to long:

# %%
rate = 16_000
texts = ("yes", "at seven in the evening", "the meeting begins at a quarter past nine")
sounds = [say(text, rate) for text in texts]
for text, samples in zip(texts, sounds, strict=True):
    play(samples, rate, text)

# %% [markdown]
# We turn each into a log spectrogram of 20 mel bands, 100 frames a second (chapter 01), and put all
# three into one array. Shapes, as everywhere in this book: $N$ utterances, $T$ frames, $F$ bands.

# %%
spectrograms = [
    normalise(log_spectrogram(samples, rate, mels=20).astype(np.float64)) for samples in sounds
]
lengths_of_speech = np.array([len(spectrogram) for spectrogram in spectrograms])
speech = np.zeros((3, lengths_of_speech.max(), 20))  # (N, T, F)
for i, spectrogram in enumerate(spectrograms):
    speech[i, : len(spectrogram)] = spectrogram
share = 1 - lengths_of_speech.sum() / speech[..., 0].size
print("real frames:", lengths_of_speech.tolist(), f"of {speech.shape[1]}; padding: {share:.0%}")

# %%
figure, axes = plt.subplots(3, 1, figsize=(7, 3.6), sharex=True, layout="constrained")
plot_batch(speech, lengths_of_speech, 0.01, axes)
show(
    figure,
    "Three spectrograms below each other, the first short, the third long; what is missing of the "
    "first two is hatched as padding.",
)

# %% [markdown]
# Now two layers with random weights. Each unit of a layer multiplies a frame by its column of the
# weight matrix and adds up. (The paper writes $W x_t$ for this; frames are rows of our arrays, so
# we write `x @ W`, for all frames together.) Then comes the paper's nonlinearity, $f(x) =
# \min(\max(x, 0), 20)$. A unit of the second layer thus receives one number per frame. We gather
# those of the real frames. Predict first: a unit is *on* where its number is above 0. With random
# weights, is each unit on in about half of the frames?

# %%
rng = np.random.default_rng(25)
W1 = rng.uniform(-1, 1, (20, 16)) * np.sqrt(6 / 36)
W2 = rng.uniform(-1, 1, (16, 16)) * np.sqrt(6 / 32)
a = np.clip(speech @ W1, 0, 20) @ W2  # (N, T, 16): what enters the second layer's units
entering = np.concatenate([a[i, :length] for i, length in enumerate(lengths_of_speech)])
on = (entering > 0).mean(axis=0)
print("the unit with the lowest mean :", f"{entering.mean(axis=0).min():.2f}")
print("the unit with the highest mean:", f"{entering.mean(axis=0).max():.2f}")
print(f"share of frames in which a unit is on: from {on.min():.0%} to {on.max():.0%}")
uneven = on.min() < 0.2 and on.max() > 0.9
print("Some are hardly ever on, some nearly always." if uneven else "All are on in a fair part.")
assert uneven

# %% [markdown]
# Only where a unit is on does $f$ let a gradient through. Here some
# units are nearly always off and learn nearly nothing; others are nearly always on, and where $f$
# never bends it might as well not be there. Nobody chose this: the weights happened to point that
# way, and as the layer below learns, all of it will shift again.

# %% [markdown]
# ## Six numbers by hand
#
# A minibatch that fits on paper: two utterances with 4 and 2 real frames, two features. The second
# feature is the first one times 10, plus 60.

# %%
lengths = np.array([4, 2])
feature = np.array([[-1.0, 3.0, 5.0, 9.0], [3.0, 5.0, 0.0, 0.0]])  # (N, T), two frames of padding
x = np.stack([feature, 10 * feature + 60], axis=2)  # (N, T, H)
x[1, 2:] = 0
print("feature 1, utterance 1:", x[0, :, 0], "  utterance 2:", x[1, :, 0])
print("feature 2, utterance 1:", x[0, :, 1], "  utterance 2:", x[1, :, 1])

# %% [markdown]
# Six of the eight numbers of feature 1 are real. Their sum is 24, so the mean is 4. Their distances
# from it are −5, −1, 1, 5, −1, 1. The squares add up to 54, so the variance is 54/6 = 9, and its
# square root, the standard deviation, is 3. The normalised numbers are ±1/3 and ±5/3.
#
# In symbols, for utterance $i$ with $T_i$ real frames, and for each feature $h$ by itself:
#
# $$n = \sum_{i=1}^{m} T_i, \qquad
# \mu_h = \frac{1}{n} \sum_{i=1}^{m} \sum_{t=1}^{T_i} x_{i,t,h}, \qquad
# \sigma_h^2 = \frac{1}{n} \sum_{i=1}^{m} \sum_{t=1}^{T_i} (x_{i,t,h} - \mu_h)^2$$
#
# $$\hat{x}_{i,t,h} = \frac{x_{i,t,h} - \mu_h}{\sqrt{\sigma_h^2 + \epsilon}}, \qquad
# y_{i,t,h} = \gamma_h \, \hat{x}_{i,t,h} + \beta_h$$
#
# | symbol | meaning | shape |
# |---|---|---|
# | $x$, $y$ | input and output of the layer | $(N, T, H)$ |
# | $m$ | utterances in the minibatch, as the paper writes it; our $N$ | one number |
# | $n$ | real frames of all of them together | one number |
# | $\mu$, $\sigma^2$ | mean and variance | $(H,)$ |
# | $\hat{x}$ | normalised input | $(N, T, H)$ |
# | $\gamma$, $\beta$ | scale and shift, learnt; 1 and 0 at first | $(H,)$ |
# | $\epsilon$ | $10^{-5}$, so that a feature that never changes does not divide by 0 | one number |
#
# The paper calls this *sequence-wise* normalisation: its sums run over the utterances **and** over
# time, and $n$ is the number of frames that are not padding. The loops below are these formulas.

# %%
EPSILON = 1e-5


def real_frames(lengths):
    """List the places (utterance, frame) that are no padding."""
    return [(i, t) for i, length in enumerate(lengths) for t in range(length)]


def mean_var_loops(x, lengths):
    frames, H = real_frames(lengths), x.shape[2]
    mean, var = np.zeros(H), np.zeros(H)
    for h in range(H):
        for i, t in frames:
            mean[h] += x[i, t, h] / len(frames)
        for i, t in frames:
            var[h] += (x[i, t, h] - mean[h]) ** 2 / len(frames)
    return mean, var


def bn_forward_loops(x, gamma, beta, lengths):
    mean, var = mean_var_loops(x, lengths)
    out = np.zeros_like(x)  # padding stays exactly 0
    for h in range(x.shape[2]):
        for i, t in real_frames(lengths):
            normal = (x[i, t, h] - mean[h]) / np.sqrt(var[h] + EPSILON)
            out[i, t, h] = gamma[h] * normal + beta[h]
    return out


mean, var = mean_var_loops(x, lengths)
print("mean", mean, " variance", var)
np.testing.assert_allclose(mean, [4, 100])
np.testing.assert_allclose(var, [9, 900])
gamma, beta = np.ones(2), np.zeros(2)
out = bn_forward_loops(x, gamma, beta, lengths)
print("feature 1:", out[0, :, 0].round(4), out[1, :, 0].round(4))
print("feature 2:", out[0, :, 1].round(4), out[1, :, 1].round(4))

# %% [markdown]
# Both features come out alike (a tiny rest is due to $\epsilon$): the layer forgets where a feature
# lay and how far it spread, and keeps its shape over time.

# %% [markdown]
# ## Padding poisons statistics
#
# The obvious thing to write is `x.mean(axis=(0, 1))`. On the same six numbers:

# %%
print("true mean ", mean, "  with the padding", x.mean(axis=(0, 1)))
print("true std  ", np.sqrt(var), " with the padding", x.std(axis=(0, 1)).round(2))

# %% [markdown]
# Nothing crashes. The zeros enter the sum as nothing but they enter the count, and they lie far
# from the mean of feature 2. If a share $p$ of all frames is padding of value 0, then
#
# $$\mu_{\text{padded}} = (1 - p)\, \mu, \qquad
# \sigma^2_{\text{padded}} = (1 - p)\, (\sigma^2 + p\, \mu^2).$$
#
# The first is the count; for the second, write the variance as the mean of the squares minus the
# square of the mean. We measure both with the speech from above, for two units: the one whose
# mean is farthest from 0, counted in its standard deviations, and the one whose mean is nearest.
# Predict first: with half of the frames padding, each mean is halved. And the standard deviations, do
# both shrink?

# %%
distance = np.abs(entering.mean(axis=0)) / entering.std(axis=0)
shares, at_half = np.linspace(0, 0.9, 19), {}
figure, axes = plt.subplots(1, 2, figsize=(10, 3.3), layout="constrained")
for unit, style, name in (
    (distance.argmax(), "o-", "unit far from 0"),
    (distance.argmin(), "s--", "unit near 0"),
):
    numbers = entering[:, unit]
    mu, sigma2, measured = numbers.mean(), numbers.var(), []
    for p in shares:
        count = round(len(numbers) * p / (1 - p))
        padded = np.append(numbers, np.zeros(count))
        p = count / len(padded)
        measured.append((padded.mean(), padded.std()))
        np.testing.assert_allclose(measured[-1][0], (1 - p) * mu, atol=1e-12)
        np.testing.assert_allclose(measured[-1][1] ** 2, (1 - p) * (sigma2 + p * mu**2), atol=1e-12)
    at_half[name] = measured[10][1] / sigma2**0.5  # shares[10] is 0.5
    for axis, values, true in zip(axes, np.transpose(measured), (mu, sigma2**0.5), strict=True):
        axis.plot(100 * shares, values, style, color="black", ms=4, label=name + ", with padding")
        axis.axhline(true, color="0.6", ls=style[1:], lw=3, label="real frames only")
for axis, label in zip(axes, ("mean", "standard deviation"), strict=True):
    axis.set(xlabel="share of padding (%)", ylabel=label)
axes[1].legend(fontsize=8)
show(
    figure,
    "Mean and standard deviation of two units over the share of padding, from 0 to 90 percent. "
    "With padding, the means run towards 0 and the deviations change; of real frames only, all "
    "stay level.",
)
for name, factor in at_half.items():
    way = "grows" if factor > 1 else "shrinks"
    print(
        f"{name}: at half padding, the standard deviation {way} to {factor:.2f} times its true value"
    )

# %% [markdown]
# How much is padded is an accident: it depends on who else happens to be in the minibatch. So with
# the naive mean, the same "yes" comes out differently for each neighbour. Predict first: does its first
# number come nearer to 0 with more padding, or go away from it?

# %%
yes, firsts = a[:1, : lengths_of_speech[0]], []  # alone, no padding
for frames in (0, 50, 200):
    padded = np.concatenate([yes, np.zeros((1, frames, 16))], axis=1)
    naive = (padded - padded.mean(axis=(0, 1))) / padded.std(axis=(0, 1))
    firsts.append(naive[0, 0, 0])
    print(f"'yes' with {frames:3d} frames of padding: its first number is {firsts[-1]:6.3f}")
print("It", "moves away from 0." if abs(firsts[-1]) > abs(firsts[0]) else "comes nearer to 0.")

# %% [markdown]
# ## Mask, and forward without loops
#
# Loops over frames are too slow for Python. We need a way to leave frames out of whole-array sums:
# a **mask** of shape $(N, T)$, 1 for a real frame and 0 for padding. (How to make it without a loop
# is exercise 03.1, below.)

# %%
mask = np.zeros((2, 4))
for i, t in real_frames(lengths):
    mask[i, t] = 1
print(mask)


def bn_forward(x, gamma, beta, mask):
    real = mask[:, :, None]  # (N, T, 1): fits (N, T, H)
    x = np.where(real, x, 0)
    n = max(mask.sum(), 1)  # where no frame is real, nothing is divided by 0
    mean = x.sum(axis=(0, 1)) / n
    centred = (x - mean) * real  # masked again: 0 - mean is not 0
    var = (centred * centred).sum(axis=(0, 1)) / n
    std = np.sqrt(var + EPSILON)
    normal = centred / std
    out = (gamma * normal + beta) * real
    return out, (mean, var, normal, std, gamma, real, n)


np.testing.assert_array_equal(mask, real_length_mask(lengths, 4, x))  # the package's
np.testing.assert_allclose(bn_forward(x, gamma, beta, mask)[0], out, atol=1e-14)
print("same as the loops")

# %% [markdown]
# Two lines deserve a look. The mask is needed **twice**: once it is there for the sum, and once
# more since subtracting the mean has just filled the padding with −mean. And `np.where` is not the
# same as a product where the padding holds something that is no number:

# %%
print("0 * nan =", 0 * np.nan, "   np.where(0, nan, 0) =", np.where(0, np.nan, 0.0))

# %% [markdown]
# ### Exercise 03.1: the mask from the lengths
#
# Replace `raise NotImplementedError` and run the cell below it. What is correct is kept in a file
# of yours, `my_ds2np.py`, beside the folder of the chapters; `python -m ds2np learn` says how far
# you are. Solutions are [apart](solutions/03_batch_norm.py).
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `lengths` | $T_i$ | array of ints | (N,) | real frames of each utterance |
# | `T` | $T$ | int | | frames of the padded batch |
# | result | | array | (N, T) | 1 for real frames, 0 for padding |
#
# `length_mask(np.array([3, 1]), 4)` is `[[1, 1, 1, 0], [1, 0, 0, 0]]`. It can be done without a loop:
# compare a row of frame numbers with a column of lengths.


# %%
def length_mask(lengths, T):
    """Return the mask, (N, T), from lengths, (N,)."""
    raise NotImplementedError


# %%
check("03.1", length_mask)

# %% [markdown]
# ### Exercise 03.2: mean and variance, for features and for channels
#
# One function for two shapes: for the features of a layer, as above, and for a convolution, whose result
# has $C$ channels of $F$ frequencies each. All of a channel shares one mean, over utterances, real
# frames *and* frequencies. (Why, you will see in "Where it stands".)
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `x` | $x$ | array of floats | (N, T, H) or (N, C, T, F) | numbers of a layer, or of a convolution |
# | `mask` | | array | (N, T) | 1 for real frames, 0 for padding |
# | result | $\mu$, $\sigma^2$ | two arrays of floats | (H,) each, or (C,) each | mean and variance |
#
# There is a bracket that makes the mask fit, `mask[:, :, None]` or `mask[:, None, :, None]`. Mind what
# is counted, what may stand in the padding (see above: not only zeros), and a batch without any real
# frame: mean and variance are then 0. No $\epsilon$ here. The mean of the squares minus the square of
# the mean is not exact enough far from 0; take the distances from the mean.


# %%
def masked_mean_var(x, mask):
    """Return mean and variance, (H,) or (C,) each, of the real frames of x."""
    raise NotImplementedError


# %%
check("03.2", masked_mean_var)

# %% [markdown]
# Now the speech. Before and after, for each of the 16 units:

# %%
speech_mask = real_length_mask(lengths_of_speech, speech.shape[1], speech)
normalised, _ = bn_forward(a, np.ones(16), np.zeros(16), speech_mask)
leaving = normalised[speech_mask == 1]  # (real frames, 16)
on = (leaving > 0).mean(axis=0)
print(f"share of frames in which a unit is on: from {on.min():.0%} to {on.max():.0%}")
assert on.min() > 0.2
assert on.max() < 0.8

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), sharey=True, layout="constrained")
plot_units(entering, axes[0]).set_title("before")
plot_units(leaving, axes[1]).set_title("after")
show(
    figure,
    "Mean and standard deviation of 16 units. Before, the means rise from well below 0 to well "
    "above, and the bars differ in length. After, all means are 0 and all bars reach from -1 to 1.",
)

# %% [markdown]
# Each unit is now on in a fair part of the frames, with the very same weights. Nothing is lost for
# good: with $\gamma = \sqrt{\sigma^2 + \epsilon}$ and $\beta = \mu$ the layer does nothing at all,
# so a network that wants its old numbers back can learn them.

# %%
a_mean, a_var = bn_forward(a, np.ones(16), np.zeros(16), speech_mask)[1][:2]
undone, _ = bn_forward(a, np.sqrt(a_var + EPSILON), a_mean, speech_mask)
np.testing.assert_allclose(undone[speech_mask == 1], entering, atol=1e-12)
print("undone")

# %% [markdown]
# ## Backward: three ways for each number
#
# For one feature we may forget about utterances and frames: there are $n$ numbers $x_1, \ldots,
# x_n$, and $n$ outputs $y_1, \ldots, y_n$. From above comes the gradient of the loss by each
# output, $g_k = \partial \text{loss} / \partial y_k$. We are looking for the gradient by each
# $x_k$, by $\gamma$ and by $\beta$.
#
# ![Three ways from x k: straight to its own normalised value, by the mean to all of them, by the
# variance to all of them; each normalised value leads to its own output.](images/norm_03_paths.svg)
#
# Scale and shift are easy. Each $y_k = \gamma \hat{x}_k + \beta$, so
#
# $$\frac{\partial \text{loss}}{\partial \beta} = \sum_k g_k, \qquad
# \frac{\partial \text{loss}}{\partial \gamma} = \sum_k g_k \hat{x}_k, \qquad
# \frac{\partial \text{loss}}{\partial \hat{x}_k} = \gamma g_k.$$
#
# Write $s = \sqrt{\sigma^2 + \epsilon}$, so that $\hat{x}_k = (x_k - \mu) / s$. What does the loss
# do if only the *mean* moves? Each $\hat{x}_k$ falls by $1/s$. And if only the *variance* moves? By
# the chain rule $\partial s / \partial \sigma^2 = 1 / (2 s)$ and $\partial \hat{x}_k / \partial s =
# -\hat{x}_k / s$:
#
# $$\frac{\partial \text{loss}}{\partial \mu} = -\frac{1}{s} \sum_k \gamma g_k, \qquad
# \frac{\partial \text{loss}}{\partial \sigma^2} = -\frac{1}{2 s^2} \sum_k \gamma g_k \hat{x}_k.$$
#
# (The mean also stands inside the variance. That way carries nothing: $\partial \sigma^2 / \partial
# \mu = -\frac{2}{n} \sum_k (x_k - \mu)$, and distances from the mean add up to 0.) Last, how do
# mean and variance move with one input? $\partial \mu / \partial x_k = 1/n$ and $\partial \sigma^2
# / \partial x_k = 2 (x_k - \mu) / n$. The three ways add up:
#
# $$\frac{\partial \text{loss}}{\partial x_k} =
# \underbrace{\frac{\gamma g_k}{s}}_{\text{itself}} +
# \underbrace{\frac{1}{n} \frac{\partial \text{loss}}{\partial \mu}}_{\text{by the mean}} +
# \underbrace{\frac{2 (x_k - \mu)}{n} \frac{\partial \text{loss}}{\partial \sigma^2}}_{\text{by the
# variance}}.$$
#
# As loops, word for word; `dmean` and `dvar` are the gradients by $\mu$ and $\sigma^2$:


# %%
def bn_backward_loops(dout, x, gamma, lengths):
    frames = real_frames(lengths)
    mean, var = mean_var_loops(x, lengths)
    dx, dgamma, dbeta = np.zeros_like(x), np.zeros_like(gamma), np.zeros_like(gamma)
    for h in range(x.shape[2]):
        s, dmean, dvar = np.sqrt(var[h] + EPSILON), 0.0, 0.0
        for i, t in frames:
            normal = (x[i, t, h] - mean[h]) / s
            dnormal = gamma[h] * dout[i, t, h]
            dgamma[h] += dout[i, t, h] * normal
            dbeta[h] += dout[i, t, h]
            dmean -= dnormal / s
            dvar -= dnormal * normal / (2 * s**2)
        for i, t in frames:
            dx[i, t, h] = gamma[h] * dout[i, t, h] / s  # itself
            dx[i, t, h] += dmean / len(frames)  # by the mean
            dx[i, t, h] += dvar * 2 * (x[i, t, h] - mean[h]) / len(frames)  # by the variance
    return dx, dgamma, dbeta


# %% [markdown]
# And without loops. We keep the three ways apart for now, since we want to break them one by one.
# In the third, $2 (x_k - \mu) / (2 s^2)$ is $\hat{x}_k / s$.


# %%
def three_ways(dout, cache):
    """Return the ways from x to the loss, each (N, T, H); then dgamma and dbeta, each (H,)."""
    _, _, normal, std, gamma, real, n = cache
    dout = np.where(real, dout, 0)
    dbeta = dout.sum(axis=(0, 1))
    dgamma = (dout * normal).sum(axis=(0, 1))
    dnormal = gamma * dout
    ways = {
        "itself": dnormal / std,
        "mean": -dnormal.sum(axis=(0, 1)) / std / n * real,
        "variance": -normal / std * (dnormal * normal).sum(axis=(0, 1)) / n,
    }
    return ways, dgamma, dbeta


def bn_backward(dout, cache):
    ways, dgamma, dbeta = three_ways(dout, cache)
    return sum(ways.values()), dgamma, dbeta


# %% [markdown]
# ### Check it
#
# Finite differences need only the forward pass: move one number up and down by $10^{-5}$ and see
# how the loss answers. Our loss is the sum of all outputs, each times a fixed random number; these
# random numbers are then the gradient from above. Everything is float64, all elements are compared,
# $\gamma$ and $\beta$ are away from 1 and 0, and the padding is moved, too: its gradient has to be
# 0.

# %%
rng = np.random.default_rng(1)
lengths = np.array([4, 2, 3])
x = rng.standard_normal((3, 5, 2)) * [1.0, 3.0] + [0.0, 5.0]  # (N, T, H), garbage in the padding
gamma, beta = 1 + 0.5 * rng.standard_normal(2), rng.standard_normal(2)
mask = real_length_mask(lengths, 5, x)
random = rng.standard_normal(x.shape)


def compare(backward, upstream):
    """Compare a backward pass with finite differences, for x, gamma and beta."""

    def loss():
        return float((bn_forward(x, gamma, beta, mask)[0] * upstream).sum())

    def gradients():
        cache = bn_forward(x, gamma, beta, mask)[1]
        return dict(zip(("x", "gamma", "beta"), backward(upstream, cache), strict=True))

    return check_gradients(loss, gradients, {"x": x, "gamma": gamma, "beta": beta})


for result in compare(bn_backward, random):
    print(result)
    assert result.ok
by_loops = bn_backward_loops(random, x, gamma, lengths)
by_arrays = bn_backward(random, bn_forward(x, gamma, beta, mask)[1])
for loops, arrays in zip(by_loops, by_arrays, strict=True):
    np.testing.assert_allclose(arrays, loops, rtol=1e-10, atol=1e-12)
print("loops and arrays agree")

# %% [markdown]
# ### Break it
#
# Four mistakes that are easy to make: to forget that the mean moves, or that the variance does; to
# divide by all frames, padding included; and to leave a gradient on the padding. Each
# runs, and each gives an array of the right shape. We print the largest error in `dx`, and where.


# %%
def forget_the_mean(dout, cache):
    ways, dgamma, dbeta = three_ways(dout, cache)
    return ways["itself"] + ways["variance"], dgamma, dbeta


def forget_the_variance(dout, cache):
    ways, dgamma, dbeta = three_ways(dout, cache)
    return ways["itself"] + ways["mean"], dgamma, dbeta


def count_the_padding(dout, cache):
    return bn_backward(dout, (*cache[:-1], mask.size))


def leave_it_on_the_padding(dout, cache):
    _, _, _, std, gamma, real, n = cache
    dx, dgamma, dbeta = bn_backward(dout, cache)
    return np.where(real, dx, -gamma * dbeta / std / n), dgamma, dbeta  # by the mean, unmasked


broken = (forget_the_mean, forget_the_variance, count_the_padding, leave_it_on_the_padding)
for backward in broken:
    result = compare(backward, random)[0]
    place = f"at {result.index}: {result.got:6.3f} for {result.expected:6.3f}"
    print(f"{backward.__name__:24} error {result.error:.1e}, largest {place}")
    assert not result.ok

# %% [markdown]
# All four are caught. Now the same check with an upstream of ones, as it is often written: the plain sum
# of the outputs is the loss. Predict first: does one of the four pass?

# %%
ones = np.ones_like(x)
for backward in (bn_backward, *broken):
    print(f"{backward.__name__:24} {'passes' if compare(backward, ones)[0].ok else 'caught'}")
passing = [backward.__name__ for backward in broken if compare(backward, ones)[0].ok]
print("Broken, and passes:", ", ".join(passing) or "none")
assert compare(forget_the_variance, ones)[0].ok

# %% [markdown]
# The forgotten variance passes. The reason is the layer itself: the sum of normalised numbers is 0
# whatever the input, so the plain sum of the outputs does not depend on $x$ at all. With ones we
# test whether zeros are zeros. This is why every check in this book draws its upstream at random.
#
# ### What the gradient looks like
#
# Put the derivatives by $\mu$ and $\sigma^2$ into the sum of the three ways, and it shrinks to one
# line, in which $d\beta$ and $d\gamma$ are the two sums `dbeta` and `dgamma`:
#
# $$dx_k = \frac{\gamma}{s} \left( g_k - \frac{d\beta}{n} - \hat{x}_k \frac{d\gamma}{n} \right).$$
#
# From the gradient it takes its mean and its share along $\hat{x}$. What is left can neither shift
# the feature as a whole nor stretch it, as the forward pass would undo both: $\sum_k dx_k$ is 0,
# and $\sum_k dx_k \hat{x}_k$ is 0 but for $\epsilon$. (The package computes it this way,
# and so will you.)

# %%
dx, dgamma, dbeta = bn_backward(random, bn_forward(x, gamma, beta, mask)[1])
normal = bn_forward(x, gamma, beta, mask)[1][2]
print("sum of dx        ", dx.sum(axis=(0, 1)))
print("sum of dx times x̂", (dx * normal).sum(axis=(0, 1)))
np.testing.assert_allclose(dx.sum(axis=(0, 1)), 0, atol=1e-10)
np.testing.assert_allclose((dx * normal).sum(axis=(0, 1)), 0, atol=1e-3)

# %% [markdown]
# ### Exercise 03.3: the backward pass in one line
#
# All gradients, with the short form of $dx$. There is no cache: compute mean and variance yourself,
# with $\epsilon = 10^{-5}$.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `dout` | $g$ | array of floats | (N, T, H) | gradient of the outputs, with garbage in the padding |
# | `x` | $x$ | array of floats | (N, T, H) | input, with garbage in the padding |
# | `gamma` | $\gamma$ | array of floats | (H,) | scale |
# | `mask` | | array | (N, T) | 1 for real frames, 0 for padding |
# | result | $dx$, $d\gamma$, $d\beta$ | three arrays of floats | (N, T, H), (H,), (H,) | gradients; `dx` is 0 in the padding |


# %%
def seq_batchnorm_backward(dout, x, gamma, mask):
    """Return dx, (N, T, H), dgamma and dbeta, (H,) each."""
    raise NotImplementedError


# %%
check("03.3", seq_batchnorm_backward)

# %% [markdown]
# ## Training and evaluation
#
# In training, the output for an utterance depends on its neighbours: they share its mean. A
# user cannot accept that: what is recognised must not depend on who else is speaking, and if nobody
# else is, a short "yes" has few frames for a mean of its own. So while training we keep **running
# averages**,
#
# $$\bar{\mu} \leftarrow 0.9\, \bar{\mu} + 0.1\, \mu, \qquad
# \bar{\sigma}^2 \leftarrow 0.9\, \bar{\sigma}^2 + 0.1\, \sigma^2,$$
#
# beginning with 0 and 1, and in evaluation we use them in place of the batch's own. They are no
# parameters: no gradient reaches them. The package calls them *buffers*.

# %%
rng = np.random.default_rng(2)
layer = SeqBatchNorm(1, dtype=np.float64)
running_mean, running_var, history = 0.0, 1.0, []
for _ in range(60):
    batch_lengths = rng.integers(3, 13, size=4)
    batch = 3 + 2 * rng.standard_normal((4, 12, 1))  # in truth: mean 3, variance 4
    batch_mask = real_length_mask(batch_lengths, 12, batch)
    mean, var = bn_forward(batch, np.ones(1), np.zeros(1), batch_mask)[1][:2]
    running_mean = 0.9 * running_mean + 0.1 * mean[0]
    running_var = 0.9 * running_var + 0.1 * var[0]
    history.append((mean[0], running_mean, var[0], running_var))
    layer.forward(batch, batch_lengths)  # the package keeps its own
np.testing.assert_allclose(layer.buffers["running_mean"], running_mean)
np.testing.assert_allclose(layer.buffers["running_var"], running_var)

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3), layout="constrained")
of_batches, averages = np.array(history)[:, ::2], np.array(history)[:, 1::2]
for k, (name, true) in enumerate((("mean", 3), ("variance", 4))):
    axes[k].plot(of_batches[:, k], ".", color="0.5", label="of each minibatch")
    axes[k].plot(averages[:, k], "-", color="black", label="running average")
    axes[k].axhline(true, color="black", ls=":", label="truth")
    axes[k].set(xlabel="minibatch", ylabel=name)
axes[1].legend(fontsize=8)
show(
    figure,
    "Mean and variance of 60 minibatches as dots that scatter around the truth; the running "
    "averages start at 0 and 1, rise, and stay near the truth with little scatter.",
)

# %% [markdown]
# After $k$ minibatches a share of $0.9^k$ of the first guess is left. Too short a training, and the
# layer evaluates with statistics that were never true. Now the same utterance with two different
# neighbours, in either mode. Predict first: in which does the neighbour move it?

# %%
utterance = 3 + 2 * rng.standard_normal((1, 12, 1))
for training in (True, False):
    layer.set_training(training)
    outs = []
    for neighbour in (0.0, 10.0):
        both = np.concatenate([utterance, utterance + neighbour])
        outs.append(layer.forward(both, np.array([12, 12]))[0])
    moved = np.abs(outs[0] - outs[1]).max()
    print(f"{'training' if training else 'evaluation':10}: a neighbour moves it by {moved:.3f}")
print("In evaluation a neighbour", "matters." if moved else "does not matter.")
assert moved == 0

# %% [markdown]
# In evaluation mean and variance are constants, so the layer is a product and a sum, and these can
# be worked into the weights of the layer below: $W' = W \gamma / s$, and a bias $\beta - \bar{\mu}
# \gamma / s$. In a finished network, normalisation costs nothing. The backward pass changes, too:
# constants do not move, so of the three ways only the first is left.

# %%
rng = np.random.default_rng(3)
layer = SeqBatchNorm(4, dtype=np.float64)
for value in layer.state_dict().values():
    value += rng.uniform(0.2, 1, value.shape)  # as if it had been trained
layer.set_training(False)
W, some_lengths = rng.standard_normal((3, 4)), np.array([6, 4])
some = rng.standard_normal((2, 6, 3))
factor = layer.params["gamma"] / np.sqrt(layer.buffers["running_var"] + EPSILON)
folded = some @ (W * factor) + layer.params["beta"] - layer.buffers["running_mean"] * factor
expected = layer.forward(some @ W, some_lengths)
some_mask = real_length_mask(some_lengths, 6, some)[:, :, None]
np.testing.assert_allclose(folded * some_mask, expected, atol=1e-12)
upstream = rng.standard_normal(expected.shape)
np.testing.assert_allclose(layer.backward(upstream), upstream * factor * some_mask, atol=1e-12)
print("folded into W; backward is the first way alone")

# %% [markdown]
# ## Where it stands
#
# ### In a recurrent layer
#
# A recurrent layer (chapter 04) has a state $h_t$ that it hands on from frame to frame. The
# paper's, normalised, is
#
# $$h_t = f(\mathcal{B}(W x_t) + U h_{t-1}),$$
#
# with the normalisation $\mathcal{B}$ on the input term and nowhere else.
#
# ![W and B stand on the left, where all frames are computed at once. The sum, f and U h stand on
# the right, where frame follows frame.](images/norm_03_place.svg)
#
# Left of the sum nothing waits for anything: $W x_t$ is one matrix product for all frames of all
# utterances, and so all its numbers are there when their mean is taken. Written out, and compared
# with the package:

# %%
rng = np.random.default_rng(4)
N, T, D, H = 2, 6, 3, 4
rnn = SimpleRNN(D, H, rng, dtype=np.float64)
rnn_x, rnn_lengths = rng.standard_normal((N, T, D)), np.array([6, 4])
rnn_mask = real_length_mask(rnn_lengths, T, rnn_x)
W, U = rnn.params["W"], rnn.params["U"][0]  # (D, H), (H, H)
rnn.params["gamma"] += 0.3 * rng.standard_normal(H)
rnn.params["beta"] += 0.3 * rng.standard_normal(H)


def recurrent(x, W):
    gamma, beta = rnn.params["gamma"], rnn.params["beta"]
    b, _ = bn_forward(x @ W, gamma, beta, rnn_mask)  # all frames at once
    h, states = np.zeros((N, H)), []
    for t in range(T):  # frame after frame
        h = np.clip(b[:, t] + h @ U, 0, 20)
        states.append(h)
    return np.stack(states, axis=1) * rnn_mask[:, :, None]  # (N, T, H)


np.testing.assert_allclose(recurrent(rnn_x, W), rnn.forward(rnn_x, rnn_lengths), atol=1e-12)
print("same as the package's SimpleRNN")

# %% [markdown]
# Two consequences can be seen at once. A bias added to $W x_t$ disappears with the mean; so the
# layer has none, and $\beta$ takes its place. And $W$ may be scaled without changing anything, but
# for $\epsilon$, as the factor disappears with the standard deviation. Predict first: which of the two
# changes the output less?

# %%
gamma, beta = rnn.params["gamma"], rnn.params["beta"]
plain, _ = bn_forward(rnn_x @ W, gamma, beta, rnn_mask)
with_bias, _ = bn_forward(rnn_x @ W + 7.0, gamma, beta, rnn_mask)
scaled, _ = bn_forward(rnn_x @ (10 * W), gamma, beta, rnn_mask)
print(f"a bias of 7 changes the output by {np.abs(with_bias - plain).max():.1e}")
print(f"ten times W changes it by         {np.abs(scaled - plain).max():.1e}")
less = np.abs(with_bias - plain).max() < np.abs(scaled - plain).max()
print("The bias changes less: epsilon sees a scale." if less else "The scale changes less.")
np.testing.assert_allclose(with_bias, plain, atol=1e-10)
np.testing.assert_allclose(scaled, plain, atol=1e-3)

# %% [markdown]
# ### In a convolution
#
# A convolution (chapter 02) slides one filter over time *and* frequency; its result is a
# **channel**, a sheet of frames and frequencies, in an array of shape $(N, C, T, F)$. All of a
# channel comes from the same filter, so all of it shares one mean, over utterances, real frames and
# frequencies. There is one $\gamma$ and one $\beta$ for each channel.
#
# ![Two utterances with two channels each. Channel 1 is shaded in both, at all real frames and all
# frequencies: 55 numbers share one mean.](images/norm_03_channel.svg)
#
# The trap, which exercise 03.2 had: what is counted are numbers now, not frames. $n$ is the number of
# real frames **times** $F$. With the channels moved to the end, frequencies can be taken for further
# frames, and our functions from above do the rest:


# %%
def bn_forward_channels(x, gamma, beta, mask):
    N, C, T, F = x.shape
    rows = x.transpose(0, 2, 3, 1).reshape(N, T * F, C)  # each frequency of a frame is a "frame"
    out, cache = bn_forward(rows, gamma, beta, mask.repeat(F, axis=1))
    return out.reshape(N, T, F, C).transpose(0, 3, 1, 2), cache


rng = np.random.default_rng(5)
sound = rng.standard_normal((2, 1, 12, 8))  # (N, C, T, F)
conv = Conv2D(1, 3, (5, 3), (2, 2), rng, dtype=np.float64)
channels = conv.forward(sound, np.array([12, 7]))  # (N, 3, 6, 4)
conv_lengths = conv.out_lengths(np.array([12, 7]))
conv_mask = real_length_mask(conv_lengths, channels.shape[2], channels)
ours, cache = bn_forward_channels(channels, np.ones(3), np.zeros(3), conv_mask)
norm = SeqBatchNorm(3, time_axis=2, dtype=np.float64)
np.testing.assert_allclose(ours, norm.forward(channels, conv_lengths), atol=1e-12)
print(f"{channels.shape} with {conv_lengths} real frames: n = {cache[-1]:g} for each channel")

# %% [markdown]
# ## The real one
#
# The package's pair of functions against ours, loops and arrays, forwards and backwards:

# %%
rng = np.random.default_rng(6)
lengths = np.array([60, 45, 30, 8])
x = rng.standard_normal((4, 60, 16)) * 2 + 1
mask = real_length_mask(lengths, 60, x)
x *= mask[:, :, None]
gamma, beta = rng.standard_normal(16), rng.standard_normal(16)
dout = rng.standard_normal(x.shape) * mask[:, :, None]


def run_loops():
    return bn_forward_loops(x, gamma, beta, lengths), bn_backward_loops(dout, x, gamma, lengths)


def run_ours():
    out, cache = bn_forward(x, gamma, beta, mask)
    return out, bn_backward(dout, cache)


def run_package():
    out, cache = batchnorm.seq_batchnorm_forward(x, gamma, beta, mask)
    return out, batchnorm.seq_batchnorm_backward(dout, cache)


expected = run_package()
for result in (run_loops(), run_ours()):
    np.testing.assert_allclose(result[0], expected[0], atol=1e-12)
    for got, wanted in zip(result[1], expected[1], strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-11)
np.testing.assert_allclose(
    mean_var_loops(x, lengths), batchnorm.seq_batchnorm_forward(x, gamma, beta, mask)[1][:2]
)
print("all agree")
loops = min(repeat(run_loops, number=1, repeat=2))
arrays = min(repeat(run_ours, number=1, repeat=50))
package = min(repeat(run_package, number=1, repeat=50))
print(f"the loops take {loops / package:.0f} times as long as the package,")
print(f"our arrays {arrays / package:.1f} times")

# %% [markdown]
# What the package has beyond ours: it works in place where it can, for both shapes; and it can add
# its sums up over several processes, for a minibatch that is spread over machines has one mean,
# too. The layer's own check, with all elements and a random upstream:

# %%
for H, time_axis, shape in ((3, 1, (2, 5, 3)), (2, 2, (2, 2, 4, 3))):
    layer = SeqBatchNorm(H, time_axis=time_axis, dtype=np.float64)
    print(f"input {shape}")
    for result in check_layer(layer, rng.standard_normal(shape), np.array([4, 2])):
        print("  ", result)
        assert result.ok

# %% [markdown]
# ## Padding
#
# Two unequal utterances. Whatever stands behind their ends, outputs, gradients and running averages
# stay the same to the last bit; outputs and gradients are exactly 0 there.

# %% jupyter={"source_hidden": true}
rng = np.random.default_rng(7)
lengths = np.array([6, 3])
clean, upstream = rng.standard_normal((2, 2, 6, 4))
clean[1, 3:] = 0
results = []
for garbage in (0.0, 1e9, np.nan):
    layer = SeqBatchNorm(4, dtype=np.float64)
    x, dout = clean.copy(), upstream.copy()
    x[1, 3:], dout[1, 3:] = garbage, garbage
    out = layer.forward(x, lengths)
    dx = layer.backward(dout)
    assert not out[1, 3:].any()
    assert not dx[1, 3:].any()
    results.append((out, dx, layer.grads["gamma"], layer.buffers["running_var"]))
    ours, cache = bn_forward(x, np.ones(4), np.zeros(4), real_length_mask(lengths, 6, clean))
    np.testing.assert_allclose(ours, out, atol=1e-12)
    np.testing.assert_allclose(bn_backward(dout, cache)[0], dx, atol=1e-12)
for result in results[1:]:
    for got, first in zip(result, results[0], strict=True):
        np.testing.assert_array_equal(got, first)
print("garbage in the padding changes nothing")

# %% [markdown]
# ## Why not step by step?
#
# There is another way to share a mean: each time step has its own, taken over the utterances only.
#
# ![One feature of four utterances. Left, all 22 real numbers share one mean. Right, each of eight
# frames has a mean of its own, of 4, 4, 4, 3, 3, 2, 1 and 1 numbers.](images/norm_03_stepwise.svg)
#
# **Question.** Why does this not do for speech? And why does the paper normalise $W x_t$, but not
# $U h_{t-1}$? Look at the picture, and at what comes out of the cell below, before you open the
# answer.


# %%
def stepwise(x, mask):
    """Normalise each frame over the utterances that have it."""
    columns = [bn_forward(x[:, t : t + 1], 1, 0, mask[:, t : t + 1])[0] for t in range(x.shape[1])]
    return np.concatenate(columns, axis=1)


rng = np.random.default_rng(8)
lengths = np.array([8, 6, 5, 3])
x = rng.standard_normal((4, 8, 1)) * 2 + 1
mask = real_length_mask(lengths, 8, x)
sequencewise = bn_forward(x, np.ones(1), np.zeros(1), mask)[0]
print("numbers in each step's mean:", mask.sum(axis=0).astype(int))
print("utterance 1, input         :", x[0, :, 0].round(2))
print("utterance 1, sequence-wise :", sequencewise[0, :, 0].round(2))
print("utterance 1, step-wise     :", stepwise(x, mask)[0, :, 0].round(2))
print("utterance 2, step-wise     :", stepwise(x, mask)[1, :6, 0].round(2))

# %% [markdown]
# <details><summary>Answer</summary>
#
# *Too few numbers.* Late frames exist in the long utterances only. Where two utterances are left
# (frame 6), step-wise normalisation gives one of them +1 and the other −1, whatever they were;
# where one is left (frames 7 and 8), it gives 0: all that was said there is erased. A mean over a
# minibatch of $m$ utterances has at best $m$ numbers, a sequence-wise one has $m$ times hundreds.
#
# *Nothing to evaluate with.* There would have to be running averages for every frame number. An
# utterance longer than any in training has none, and those of the last frames come from a handful.
#
# *Frame numbers mean nothing.* A sound is the same sound at frame 30 and at frame 300. The layer's
# weights are shared over time for this reason, and its statistics should be, too.
#
# *Why not $U h_{t-1}$?* A mean over all frames of $U h_{t-1}$ needs all states; the states need
# that mean. Nothing can be computed first. Step by step it would be possible, with all that was
# just said, and with a normalisation inside the loop over time, where each step waits for the one
# before. On $W x_t$ it is one operation for all frames together. And through $W x_t$ it reaches the
# state all the same: the input term has a known scale at every step and in every layer.
#
# (Later work did normalise the recurrent term step by step, with care for its first frames and a
# small $\gamma$: Cooijmans and others, below.)
#
# </details>
#
# The cell below asserts what the answer says of frames 6 to 8.

# %%
np.testing.assert_allclose(np.abs(stepwise(x, mask)[:2, 5, 0]), 1, atol=1e-3)
np.testing.assert_allclose(stepwise(x, mask)[0, 6:, 0], 0, atol=1e-12)

# %% [markdown]
# **A second question.** Why do we divide the sum over all frames by $n$, and not take each
# utterance's own mean and then the mean of these?
#
# <details><summary>Answer</summary>
#
# Then every utterance would count the same, and a frame of a short one more than a frame of a long
# one. What is normalised are frames, so each frame counts once. The difference is seen as soon as
# lengths differ: for the utterances 1, 1, 1, 1 and 5, the mean over frames is 9/5, the mean of the
# means is 3; and the five numbers minus 3 do not add up to 0.
#
# </details>

# %% [markdown]
# ## Does it help?
#
# A small experiment, honest about its size. The task: one of six symbols is heard in each frame, as
# a pattern of 8 numbers with noise; the network has to say, in each frame, which symbol it heard
# **two frames ago**. Guessing costs $\ln 6 \approx 1.79$ per frame. The network is a stack of
# recurrent layers of 24 units, with normalisation or, without it, with a bias.

# %%
V, D, H = 6, 8, 24
patterns = np.random.default_rng(99).standard_normal((V, D))


def toy_batch(rng, N=8, T=20):
    lengths = rng.integers(T // 2, T + 1, N)
    symbols = rng.integers(0, V, (N, T))
    x = patterns[symbols] + 0.3 * rng.standard_normal((N, T, D))
    targets = np.concatenate([np.zeros((N, 2), int), symbols[:, :-2]], axis=1)
    return x, targets, lengths


def toy_network(layers, normalised, seed, scale=1.0):
    rng, stack = np.random.default_rng(seed), {}
    for k in range(layers):
        rnn = SimpleRNN(H if k else D, H, rng, batchnorm=normalised, dtype=np.float64)
        rnn.params["W"] *= scale
        stack[f"rnn{k + 1}"] = rnn
    stack["output"] = Linear(H, V, rng, dtype=np.float64)
    return Sequential(stack)


def toy_step(network, x, targets, lengths):
    """Add to the gradients of the network; return the mean loss of a real frame."""
    log_probs = log_softmax(network.forward(x, lengths))  # (N, T, V)
    chosen = np.eye(V)[targets]
    share = real_length_mask(lengths, x.shape[1], x)[:, :, None] / lengths.sum()
    network.zero_grads()
    network.backward((np.exp(log_probs) - chosen) * share)  # softmax minus target
    return -(log_probs * chosen * share).sum()


# %% [markdown]
# **The gradient's size.** Before any training: six layers, whose input weights $W$ are all
# multiplied by the same factor. Predict first: with weights 4 times as large, is the gradient of $W$
# larger or smaller, without normalisation and with it?

# %%
factors, styles = (0.25, 1, 4), ("o-", "s--", "^:")
norms = {}
batch = toy_batch(np.random.default_rng(1))
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True, layout="constrained")
for axis, normalised in zip(axes, (False, True), strict=True):
    for factor, style in zip(factors, styles, strict=True):
        network = toy_network(6, normalised, 0, factor)
        toy_step(network, *batch)
        sizes = [np.linalg.norm(network.grads[f"rnn{k}.W"]) for k in range(1, 7)]
        norms[normalised, factor] = np.array(sizes)
        axis.semilogy(range(1, 7), sizes, style, color="black", label=f"W times {factor:g}")
    axis.set(xlabel="layer", title="normalised" if normalised else "not normalised")
axes[0].set_ylabel("norm of the gradient of W")
axes[1].legend()
show(
    figure,
    "The norm of the gradient in each of six layers, for weights times 1/4, 1 and 4. Without "
    "normalisation the three lines lie several powers of ten apart; with it, factors of 4.",
)
spread = {k: norms[k, 0.25] / norms[k, 4] for k in (False, True)}
print("without: a quarter of W against four times W:", spread[False])
print("with   : a quarter of W against four times W:", spread[True].round(2))
for normalised, name in ((False, "without"), (True, "with   ")):
    grows = (norms[normalised, 4] > norms[normalised, 1]).all()
    print(f"{name}: larger weights have a {'larger' if grows else 'smaller'} gradient")
assert (spread[False] < 1e-3).all()
np.testing.assert_allclose(spread[True], 16, rtol=0.05)

# %% [markdown]
# Without normalisation, a factor on $W$ acts once per layer, and its powers multiply: the gradient
# vanishes or explodes, in all layers at once. With it, the output does not change with the factor,
# so the derivative by $W$ changes by exactly the inverse, but for $\epsilon$: 16 times the weight,
# a sixteenth of the gradient. Weights that have grown large move less, and the scale that they
# start with matters less.
#
# The picture also shows what normalisation does *not* do: towards the first layer the gradient
# still grows. It is tamed, not levelled.

# %%
print("normalised, factor 1, layers 1 to 6:", norms[True, 1].round(2))
assert norms[True, 1][0] > norms[True, 1][-1]

# %% [markdown]
# **Training.** One layer and three layers, three learning rates, three random beginnings each, 80
# steps (momentum 0.9, as in the package's SGD). What we look at is the loss over the last ten
# steps. Predict first: where does normalisation pay more, with one layer or with three?


# %%
def toy_train(layers, normalised, rate, seed, steps=80):
    network, rng = toy_network(layers, normalised, seed), np.random.default_rng(seed + 1)
    sgd = SGD(network.params, network.grads, rate, momentum=0.9)
    losses = []
    for _ in range(steps):
        losses.append(toy_step(network, *toy_batch(rng)))
        sgd.step()
    return np.mean(losses[-10:])


rates, seeds = (0.01, 0.03, 0.1), (0, 1, 2)
final = {
    (layers, normalised): np.array(
        [[toy_train(layers, normalised, rate, seed) for seed in seeds] for rate in rates]
    )
    for layers in (1, 3)
    for normalised in (False, True)
}

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True, layout="constrained")
for axis, layers in zip(axes, (1, 3), strict=True):
    for normalised, style, marker in ((False, "--", "s"), (True, "-", "o")):
        losses = final[layers, normalised]
        name = "normalised" if normalised else "not normalised"
        fill = "black" if normalised else "white"
        axis.semilogx(rates, np.median(losses, axis=1), style, color="black", label=name)
        for column in losses.T:
            axis.semilogx(rates, column, marker, color="black", mfc=fill, ms=5)
    axis.axhline(np.log(V), color="0.6", ls=":", label="guessing")
    axis.set(xlabel="learning rate", title=f"{layers} recurrent layer{'s' * (layers > 1)}")
axes[0].set_ylabel("loss (nats a frame)")
axes[0].set_ylim(0, None)
axes[1].legend(fontsize=8)
show(
    figure,
    "Loss after 80 steps over the learning rate, one dot for each random beginning, lines through "
    "the medians. With three layers the normalised networks lie lower, by far at the larger rates.",
)
for layers in (1, 3):
    medians = [np.median(final[layers, k], axis=1).round(2) for k in (False, True)]
    print(f"{layers} layer(s), median of three: without {medians[0]}, with {medians[1]}")
gain = {k: np.median(final[k, False], axis=1) - np.median(final[k, True], axis=1) for k in (1, 3)}
where = "with three layers" if gain[3].mean() > gain[1].mean() else "with one layer"
print(
    f"It pays more {where}: a gain of {gain[1].mean():.2f} with one, {gain[3].mean():.2f} with three"
)
assert (gain[3] > 0).all()

# %% [markdown]
# With three layers the normalised networks end lower at every learning rate that we tried (compare
# the medians; dots show how far chance moves them). What this does *not* show: that it is so on
# speech, after a long training, or on utterances that were not trained on. Six symbols in noise are
# not speech, and 80 steps are the beginning of a training only. For that, we have to ask the paper.

# %% [markdown]
# ## What the paper reports
#
# Word error rates in percent from the paper's table on batch normalisation and depth; layers are
# given as recurrent / total, and wider where there are fewer of them, so that all sizes are
# comparable:
#
# | layers | width | train, without | train, with | dev, without | dev, with |
# |---|---|---|---|---|---|
# | 1/5 | 2400 | 10.55 | 11.99 | 13.55 | 14.40 |
# | 3/5 | 1880 | 9.55 | 8.29 | 11.61 | 10.56 |
# | 5/7 | 1510 | 8.59 | 7.61 | 10.77 | 9.78 |
# | 7/9 | 1280 | 8.76 | 7.68 | 10.83 | 9.52 |

# %%
table = {1: (10.55, 11.99, 13.55, 14.40), 3: (9.55, 8.29, 11.61, 10.56)}
table |= {5: (8.59, 7.61, 10.77, 9.78), 7: (8.76, 7.68, 10.83, 9.52)}
for layers, (train, train_with, dev, dev_with) in table.items():
    of_train, of_dev = 100 * (train_with / train - 1), 100 * (dev_with / dev - 1)
    print(f"{layers} recurrent: train {of_train:+5.1f} %, dev {of_dev:+5.1f} % of the error")

# %% [markdown]
# Three things stand in this table. With a single recurrent layer, normalisation made it *worse*, on
# training data and on dev data. With three or more it helps, and most on dev with the deepest
# network. And it helps already on the training data: what it improves is the optimisation. Without
# it, the deepest network is no better than the second deepest; with it, it is on dev, if only by a
# little.
#
# At our size you can see the direction (depth is where it pays) and the mechanism (the gradient's
# size). You cannot see the paper's numbers, nor its loss with one layer.
#
# Batch normalisation was new then: S. Ioffe and C. Szegedy had published it in the same year, 2015, for
# images, and C. Laurent and others had tried it in recurrent networks, on the input term as here.

# %% [markdown]
# ## Summary
#
# * All real frames of all utterances of a minibatch share a mean and a variance for each feature;
#   in a convolution, all frequencies of a channel share them, too.
# * Padding must be left out of the sums, of the distances and of the count. If it is not, nothing
#   crashes: the same utterance comes out differently for each neighbour.
# * Backward, each number reaches the loss by three ways: itself, the mean, the variance. Together
#   they take from the gradient its mean and its share along $\hat{x}$, and divide by the standard
#   deviation.
# * An upstream of ones hides a forgotten variance. Draw it at random.
# * Evaluation uses running averages, so that an utterance does not depend on its neighbours.
# * $\mathcal{B}$ stands on $W x_t$, where all frames are known at once, and replaces the bias.
#
# **A production system** would run normalisation, nonlinearity and their backward passes as one
# kernel, so that each number is read from memory once; would add the sums up over all GPUs; and
# would fold the running averages into the weights before deployment. Many later models use layer
# normalisation, which needs no other utterances, and so no running averages.
#
# ## Further reading
#
# * S. Ioffe, C. Szegedy: *Batch normalization: accelerating deep network training by reducing
#   internal covariate shift*, ICML 2015.
# * C. Laurent, G. Pereyra, P. Brakel, Y. Zhang, Y. Bengio: *Batch normalized recurrent neural
#   networks*, 2015.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*,
#   2015.
# * T. Cooijmans, N. Ballas, C. Laurent, Ç. Gülçehre, A. Courville: *Recurrent batch normalization*,
#   2016.
# * J. L. Ba, J. R. Kiros, G. E. Hinton: *Layer normalization*, 2016.
# * S. Santurkar, D. Tsipras, A. Ilyas, A. Madry: *How does batch normalization help optimization?*,
#   2018.
# * In the package: [batchnorm.py](../ds2np/layers/batchnorm.py),
#   [padding.py](../ds2np/layers/padding.py), [recurrent.py](../ds2np/layers/recurrent.py).
