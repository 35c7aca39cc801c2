# %% [markdown]
# # 02  Convolution over time and frequency
#
# A small patch of weights slides over the spectrogram and asks the same question at every place:
# does it look like *this* here?
#
# ![The network from sound to text, with the convolution, the part after the spectrogram,
# framed.](images/network_02.svg)
#
# **You will be able to**
#
# * write a convolution over time, and over time and frequency, with stride and padding, and say
#   beforehand how many outputs it has;
# * derive its backward pass from its loops, check it numerically, and tell why a weak check passes
#   what is wrong;
# * explain two ways to compute the same numbers much faster, one matrix product and the Fourier
#   transform, and write both;
# * say how much sound one output of the network's convolutions depends on;
# * keep what lies behind the end of a short utterance out of its results.
#
# **You need** NumPy, the chain rule, and from [chapter 01](01_sound.ipynb) what a spectrogram and a
# Fourier transform are. **Reading time** 85 minutes, exercises included.

# %%
import tempfile
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np

from ds2np.audio import log_spectrogram, normalise
from ds2np.ctc import min_frames
from ds2np.data.dataset import Dataset
from ds2np.gradcheck import check_gradients, check_layer
from ds2np.layers import Conv1D, Conv2D, activations, conv, conv1d
from ds2np.learn import check, play, show, show_widget, toy
from ds2np.learn.sound import say
from ds2np.model import DeepSpeech2, preset
from ds2np.model.summary import summary
from ds2np.plots import plot_patches
from ds2np.text import Alphabet

rng = np.random.default_rng(0)

# %% [markdown]
# ## The idea in one picture
#
# ![A kernel of three weights slides over a row of seven numbers, two steps at a time, and gives one
# number at each of its four stops.](images/conv_02_sliding.svg)
#
# Above lies a row of numbers, with a zero added at either end. Below lies the **kernel**: three
# weights. Where it stops, each weight is multiplied by the number above it, and the products are
# added up to one output. Then the kernel moves on, here by two places, and does the same again.
#
# The weights of this one are -1, 0, 1, so its output says by how much the row rises around that
# place. Other weights ask other questions. In a network nobody writes them down: training finds
# them. What is fixed is the *form* of the question: it is small, and it is the same everywhere.
# An "a" is an "a" at the beginning of a sentence and at its end, and we do not want to learn it
# twice.

# %% [markdown]
# ## Over one row of numbers
#
# Let the row be $x$, with $T$ numbers, and the kernel $w$, with $K$ weights. The **stride** $s$
# is how far the kernel moves from one stop to the next. The **padding** $p$ is how many zeros we
# add at either end; the longer row is $\tilde{x}$, with $T + 2p$ numbers. The output at stop $t$
# is
#
# $$\text{out}_t = \sum_{k=0}^{K-1} w_k \, \tilde{x}_{s t + k}, \qquad t = 0, \dots, T_{out} - 1.$$
#
# Two loops say the same: one over the stops, one over the weights.


# %%
def slide(x, w, stride=1, padding=0):
    """Slide a kernel (K,) over a row (T,): (T_out,)."""
    padded = np.pad(x, padding)
    T_out = (len(padded) - len(w)) // stride + 1
    out = np.zeros(T_out)
    for t in range(T_out):
        for k in range(len(w)):
            out[t] += w[k] * padded[stride * t + k]
    return out


x = np.array([1.0, 3.0, 2.0, 0.0, 4.0, 1.0, 2.0])
w = np.array([-1.0, 0.0, 1.0])
print("stride 2, padding 1:", slide(x, w, stride=2, padding=1))
print("stride 1, padding 0:", slide(x, w))

# %% [markdown]
# The first line is the drawing.
#
# A word about the word. In mathematics a convolution turns the kernel around first; what we do is
# called cross-correlation there. Where the weights are learned, it makes no difference: training
# would find the same weights in reverse. So networks leave the turn out, and call it convolution
# all the same. NumPy has both.

# %%
print("correlate:", np.correlate(x, w, "valid"))
print("convolve: ", np.convolve(x, w, "valid"))
np.testing.assert_allclose(slide(x, w), np.correlate(x, w, "valid"))
np.testing.assert_allclose(slide(x, w[::-1]), np.convolve(x, w, "valid"))

# %% [markdown]
# Touch it: drag the weights and the input, change stride and padding, and let the kernel slide. The next
# output stays hidden until the kernel has come to its place; say first what it will be.

# %%
show_widget("sliding_kernel")

# %% [markdown]
# ### How many outputs?
#
# The last kernel must still fit: it begins at $s (T_{out} - 1)$ and needs $K$ numbers, so
# $s (T_{out} - 1) + K \le T + 2p$. The largest whole number that satisfies this is
#
# $$T_{out} = \left\lfloor \frac{T + 2p - K}{s} \right\rfloor + 1,$$
#
# where $\lfloor \cdot \rfloor$ rounds down. If not even one kernel fits, there are 0 outputs.
#
# One padding is special. Take a kernel with an odd number of weights, so that it has a middle,
# and $p = (K - 1) / 2$. Then the first kernel has its middle on the first number. The formula
# becomes $\lfloor (T - 1) / s \rfloor + 1 = \lceil T / s \rceil$: the kernel's size has dropped
# out, and with stride 1 the output is as long as the input. This is called **same padding**. The
# paper pads its convolutions this way. (A kernel with an even number of weights has no middle; the
# package's layers refuse to pad it like this.)

# %%
print(" T   K   s   p   outputs")
for T, K, stride in ((7, 3, 2), (100, 11, 2), (99, 11, 2), (100, 41, 1), (3, 11, 2)):
    outputs = len(slide(np.zeros(T), np.zeros(K), stride, (K - 1) // 2))
    print(f"{T:3d} {K:3d} {stride:3d} {(K - 1) // 2:3d} {outputs:6d}")
    assert outputs == -(-T // stride)  # rounded up
    assert outputs == conv.conv_out_length(T, K, stride, (K - 1) // 2)  # the package's

# %% [markdown]
# ### Exercise 02.1: how many outputs?
#
# Write the formula as a function.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `length` | $T$ | int, or array of ints | (N,) if an array | numbers in the row, or of N utterances |
# | `kernel` | $K$ | int | | weights of the kernel |
# | `stride` | $s$ | int | | from one stop to the next |
# | `padding` | $p$ | int | | zeros at either end |
# | result | $T_{out}$ | int, or array of ints | that of `length` | outputs; 0 where no kernel fits |
#
# `conv_out_length(7, 3, 2, 1)` is 4. (Look at what `//` does with negative numbers: it rounds down, not
# towards 0.)
#
# Replace `raise NotImplementedError` and run the cell below it. What is correct is kept in a file
# of yours, `my_ds2np.py`, beside the folder of the chapters; `python -m ds2np learn` says how far
# you are. The [solutions](solutions/02_convolution.py) are apart.


# %%
def conv_out_length(length, kernel, stride, padding):
    """Count outputs; length is an int or (N,), the answer has the same shape."""
    raise NotImplementedError


# %%
check("02.1", conv_out_length)

# %% [markdown]
# ## Over time and frequency
#
# A spectrogram has two axes, so the kernel becomes a small rectangle, and it slides along both. Two
# more things come in.
#
# * **Channels.** The input may have several layers of numbers for the same place, $C$ of them, like
#   the red, green and blue of a photograph. A spectrogram has one. The kernel then has weights for
#   each, and adds everything up.
# * **Filters.** One question is not enough. We take $O$ kernels, called filters; each gives one
#   channel of the output. The next convolution reads them as its input's channels.
#
# With the batch in front, the shapes are
#
# | name | shape | what |
# |---|---|---|
# | x | $(N, C, T, F)$ | utterances, channels, frames, frequencies |
# | W | $(O, C, K_T, K_F)$ | filters, channels, frames, frequencies |
# | out | $(N, O, T_{out}, F_{out})$ | utterances, filters, stops in time, stops in frequency |
#
# and with a stride for each axis, $s_T$ and $s_F$,
#
# $$\text{out}_{n o t f} = \sum_{c=0}^{C-1} \sum_{i=0}^{K_T-1} \sum_{j=0}^{K_F-1}
# W_{o c i j} \, \tilde{x}_{n,\, c,\, s_T t + i,\, s_F f + j}.$$
#
# The three sums run over one **window** of the input, of the filter's shape $(C, K_T, K_F)$. We
# loop over all outputs and leave the inner sums to NumPy.


# %%
def pad_plane(x, padding):
    """Add zeros around the two last axes."""
    (pt, pf), leave = padding, (0, 0)
    return np.pad(x, (leave, leave, (pt, pt), (pf, pf)))


def out_plane(padded, W, stride):
    """Count the stops along time and along frequency."""
    axes = zip(padded.shape[2:], W.shape[2:], stride, strict=True)
    return [(size - kernel) // s + 1 for size, kernel, s in axes]


def conv2d_loops(x, W, stride=(1, 1), padding=(0, 0)):
    """Convolve (N, C, T, F) with (O, C, KT, KF): (N, O, T_out, F_out)."""
    (_, _, KT, KF), (st, sf) = W.shape, stride
    padded = pad_plane(x, padding)
    T_out, F_out = out_plane(padded, W, stride)
    out = np.zeros((len(x), len(W), T_out, F_out))
    for n, o, t, f in np.ndindex(out.shape):
        window = padded[n, :, st * t : st * t + KT, sf * f : sf * f + KF]  # (C, KT, KF)
        out[n, o, t, f] = (W[o] * window).sum()
    return out


image = rng.standard_normal((2, 3, 7, 8))  # N = 2, C = 3, T = 7, F = 8
filters = rng.standard_normal((4, 3, 3, 5))  # O = 4, KT = 3, KF = 5
out = conv2d_loops(image, filters, stride=(1, 2), padding=(1, 2))
print("from", image.shape, "to", out.shape)

# %% [markdown]
# `np.ndindex` is four loops in one: it counts through all places of `out`. Frames stay 7, with
# stride 1; the 8 frequencies become 4, with stride 2; both by same padding.
#
# A convolution over time alone is a special case: a filter as high as the whole plane has only
# one place to stop along frequency. And a plane of one frequency, with one channel and one
# filter, is the row we began with.

# %%
over_time = conv2d_loops(image[:, :1], filters[:, :1, :, :1].repeat(8, axis=3), (2, 1), (1, 0))
print("a filter of all 8 frequencies:", over_time.shape)
np.testing.assert_allclose(
    conv2d_loops(x[None, None, :, None], w[None, None, :, None], (2, 1), (1, 0)).ravel(),
    slide(x, w, stride=2, padding=1),
)

# %% [markdown]
# ## What a kernel sees
#
# Let us ask a real spectrogram a few questions. Somebody says "the cats sat".

# %%
rate = 16_000
voice = say("the cats sat", rate)
play(voice, rate, "the cats sat")
spectrogram = normalise(log_spectrogram(voice, rate)).astype(np.float64)  # (T, F)
print("frames and frequencies:", spectrogram.shape)

# %% [markdown]
# One frame each 10 ms, and 161 frequencies from 0 to 8,000 Hz, 50 Hz apart. Here are three
# filters of 7 frames and 13 frequencies, made by hand:
#
# * **begins**: minus on the left, plus on the right. It is large where it gets louder.
# * **ends**: the same with the signs changed.
# * **stripes**: a wave along frequency, the same in all frames. It is large where bright and dark
#   stripes lie at the distance of its wave: the harmonics of a voice.
#
# Each is scaled so that the absolute weights add up to 1.

# %%
rise = np.repeat(np.array([-1, -1, -1, 0, 1, 1, 1.0])[:, None], 13, axis=1)  # (7, 13)
wave = np.repeat(np.cos(2 * np.pi * (np.arange(13) - 6) / 4.5)[None], 7, axis=0)
wave -= wave.mean()  # a flat plane is no stripes
by_hand = {"begins": rise, "ends": -rise, "stripes": wave}
questions = np.stack([kernel / np.abs(kernel).sum() for kernel in by_hand.values()])[:, None]
answers = conv2d_loops(spectrogram[None, None], questions, padding=(3, 6))[0]  # (3, T, F)
print("filters", questions.shape, " answers", answers.shape)

# %%
figure, axes = plt.subplots(
    4, 2, figsize=(8.2, 7.2), width_ratios=(13, 1), sharex="col", layout="constrained"
)
low = slice(0, 101)  # up to 5 kHz, where most of a voice is
edges = (0, 0.01 * len(spectrogram), 0, 5)  # of the picture: seconds, kHz
style = {"origin": "lower", "aspect": "auto", "interpolation": "nearest"}
titles = ("the spectrogram", *(f"{name}: what is above 0" for name in by_hand))
planes = (spectrogram, *np.maximum(answers, 0))
for axis, title, plane in zip(axes[:, 0], titles, planes, strict=True):
    axis.imshow(plane[:, low].T, extent=edges, cmap="magma", **style)
    axis.set(title=title, ylabel="freq. (kHz)")
axes[-1, 0].set_xlabel("time (s)")
axes[0, 1].axis("off")
for axis, kernel in zip(axes[1:, 1], questions[:, 0], strict=True):
    axis.imshow(kernel.T, cmap="gray", **style)
    axis.set(title="filter", xticks=[], yticks=[])
show(
    figure,
    "Four planes over time and frequency. The spectrogram of the sentence; the answers of the "
    "filter that finds beginnings, bright along vertical lines where a sound starts; of the filter "
    "that finds ends, bright where a sound stops; of the filter that finds stripes, bright in the "
    "voiced stretches. Beside each answer, its filter in shades of grey.",
)

# %% [markdown]
# Each answer is a picture of the same sentence, seen through one question. On the right are the
# filters, white for plus and black for minus. We kept only what is above 0; the network does so as
# well, and further down we see how.
#
# ### The same question everywhere
#
# Another voice may say the same with everything a little higher. Let us move a plane up by 4
# frequencies, and later by 6 frames. Predict first: what happens to the answer of a small filter, with
# stride 1 and with stride 2 in time? And to that of a filter as high as the whole plane?

# %%
base = rng.standard_normal((1, 1, 20, 30))
up, late = np.zeros_like(base), np.zeros_like(base)
up[..., 4:] = base[..., :-4]
late[:, :, 6:] = base[:, :, :-6]
kernel = rng.standard_normal((1, 1, 5, 7))
higher, plain = conv2d_loops(up, kernel), conv2d_loops(base, kernel)
later, halved = conv2d_loops(late, kernel, (2, 1)), conv2d_loops(base, kernel, (2, 1))
same_up = np.allclose(higher[..., 4:], plain[..., :-4])
same_late = np.allclose(later[:, :, 3:], halved[:, :, :-3])
print("4 frequencies up, the answer, 4 places up, is", "the same" if same_up else "another")
print(
    "6 frames later, stride 2, the answer, 3 places later, is",
    "the same" if same_late else "another",
)
assert same_up
assert same_late

tall = rng.standard_normal((1, 1, 5, 30))  # as high as the plane: over time alone
apart = np.abs(conv2d_loops(up, tall) - conv2d_loops(base, tall)).max()
print(f"over time alone, 4 frequencies up: answers differ by up to {apart:.1f}:", end=" ")
print("it does not know the pattern again" if apart > 1 else "it does not matter")

# %% [markdown]
# The answer moves along and is otherwise the same: the filter need not learn the pattern again at its
# new place. A convolution over time alone has a weight of its own for every frequency. It knows this
# about time, but not about frequency.
#
# ### Filters that training found
#
# Which questions does a network ask, if nobody writes them down? We train the small network of
# [chapter 00](00_ten_minutes.ipynb) for a few seconds, four times over 60 recordings of spoken digits;
# that is enough to move its 8 filters, and far too little to recognise well. Predict first: its first
# weights are random numbers. Will a weight after training be like its neighbour in time or frequency?


# %%
def likeness_of_neighbours(filters):
    """Correlate each weight with the next one in time, and in frequency: (O, KT, KF) to two."""
    along_time = np.corrcoef(filters[:, 1:].ravel(), filters[:, :-1].ravel())[0, 1]
    along_frequency = np.corrcoef(filters[..., 1:].ravel(), filters[..., :-1].ravel())[0, 1]
    return along_time, along_frequency


found, likeness = [], []
with tempfile.TemporaryDirectory() as folder:
    digits = toy.speak_digits(folder, 60, np.random.default_rng(0))
    for seed in (0, 1):
        model = DeepSpeech2(toy.CONFIG, seed=seed)
        untrained = model.params["conv1.W"][:, 0].copy()  # (8, 11, 21)
        toy.train(model, Dataset(digits, model.config), 4)
        found.append((untrained, model.params["conv1.W"][:, 0]))
        three = (untrained, found[-1][1], found[-1][1] - untrained)
        likeness.append([likeness_of_neighbours(filters) for filters in three])
        for name, values in zip(("untrained", "trained", "added"), likeness[-1], strict=True):
            print(
                f"seed {seed}, {name:9}: neighbours correlate by {values[0]:5.2f} in time, "
                f"{values[1]:5.2f} in frequency"
            )
likeness = np.array(likeness)  # (seeds, one of three, time and frequency)
smoother = (likeness[:, 1] > likeness[:, 0] + 0.1).all()
print("Training has made the filters", "smoother." if smoother else "no smoother, or not always.")
patches = likeness[:, 2].min() > likeness[:, 1].max()
print("What it added is", "smoother still." if patches else "no smoother than the whole.")

# %%
figure, axes = plt.subplots(2, 8, figsize=(8, 2.6), layout="constrained")
for row, name, patches in zip(axes, ("untrained", "trained"), found[0], strict=True):
    plot_patches(patches, row, name)
show(
    figure,
    "The eight filters of the first layer, time from left to right, frequency upwards. Above, before "
    "training: grains without order. Below, after it: the same grains, with darker and lighter patches "
    "under them.",
)

# %% [markdown]
# The random beginning is still there, since nothing in the training takes it away; what has been added
# are patches. Perhaps it is so because a spectrogram is smooth itself: the gradient of a filter is a sum
# of pieces of it. What such filters respond to is a
# question of [chapter 10](10_what_it_learned.ipynb), with a longer training.

# %% [markdown]
# ### Exercise 02.2: over time, for a batch
#
# In a convolution over time alone, the frequencies are features without an order, $D$ of them, and
# the shapes are plainer: x is $(N, T, D)$, W is $(K, D, O)$, out is $(N, T_{out}, O)$, with
#
# $$\text{out}_{n t o} = \sum_{k=0}^{K-1} \sum_{d=0}^{D-1}
# W_{k d o} \, \tilde{x}_{n,\, s t + k,\, d}.$$
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `x` | $x_{n t d}$ | array of floats | (N, T, D) | frames of N utterances |
# | `W` | $W_{k d o}$ | array of floats | (K, D, O) | filters |
# | `stride` | $s$ | int | | from one stop to the next |
# | `padding` | $p$ | int | | frames of zeros at either end |
# | result | $\text{out}_{n t o}$ | array, dtype of `x` | (N, T_out, O) | outputs |
#
# Write it. One loop over $t$ is fine, and a matrix product inside it. Mind the dtype: training runs in
# float32.


# %%
def conv1d_forward(x, W, stride=1, padding=0):
    """Convolve x, (N, T, D), with W, (K, D, O), over time: (N, T_out, O)."""
    raise NotImplementedError


# %%
check("02.2", conv1d_forward)

# %% [markdown]
# ## How far it sees
#
# Our network stacks two of these, as one row of the paper's table of convolutions does. In the
# package's order, time first, the filters are 11 × 41 with stride 2 × 2 and 11 × 21 with stride 1
# × 2 (the paper writes frequency first: 41x11, 21x11). What does one output of the second one
# depend on?
#
# ![Left, a frame of the second layer over 11 frames of the first, over 31 frames of the
# spectrogram. Right, boxes of 11 by 41 and 31 by 81 on the plane of the
# spectrogram.](images/conv_02_receptive_field.svg)
#
# Go down from the top. The second layer sees 11 frames of the first. Neighbours among these lie 2
# frames of spectrogram apart, because the first layer moves by 2. The first of them sees 11 frames,
# and each of the other 10 adds 2 more: $11 + 10 \cdot 2 = 31$. This is called the **receptive
# field**. In frequency it is $41 + 20 \cdot 2 = 81$ of the 161.
#
# We can also ask the numbers: change one input after the other, and see when the middle output
# changes. The kernels are all ones here, so that nothing can cancel. Predict first: how many
# milliseconds of sound are 31 frames?

# %%
network = (((2, 2), (11, 41)), ((1, 2), (11, 21)))  # stride and kernel, time first
seen = []
for a, size in ((0, 64), (1, 161)):  # frames, frequencies
    row = np.eye(size)  # in each row another number is 1
    for stride, kernel in network:
        row = np.stack([slide(r, np.ones(kernel[a]), stride[a], kernel[a] // 2) for r in row])
    seen.append(int((row[:, row.shape[1] // 2] != 0).sum()))  # that reach the middle output
print(f"one output sees {seen[0]} frames and {seen[1]} frequencies:", end=" ")
print("as we counted" if seen == [31, 81] else "not what we counted")
assert seen == [31, 81]
print(f"that is {20 + (seen[0] - 1) * 10} ms of sound: one window of 20 ms, and steps of 10 ms")

# %% [markdown]
# The package prints the same in its summary of a network, in the last column. The preset `tiny` has
# kernels of the same size in time.

# %%
table = summary(DeepSpeech2(preset("tiny"))).splitlines()
print("\n".join(line for line in table if line.split()[0] in ("layer", "conv1", "conv2")))

# %% [markdown]
# ### Exercise 02.3: the receptive field of a stack
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `kernels` | $K$ of each layer | tuple of ints | | frames of each kernel, the lowest layer first |
# | `strides` | $s$ of each layer | tuple of ints | | strides in time, in the same order |
# | result | | two ints | | frames that one output sees; frames from one output to the next |
#
# `receptive_field((11, 11), (2, 1))` is `(31, 2)`. Without any layer, it
# is `(1, 1)`.


# %%
def receptive_field(kernels, strides):
    """Count the frames that one output sees, and the step to the next; both tuples of int."""
    raise NotImplementedError


# %%
check("02.3", receptive_field)

# %% [markdown]
# ### Dilation and pooling
#
# A stride is one way to see further. Two others are common. **Dilation** pulls the weights of a kernel
# apart: with dilation $d$ they stand on every $d$-th number, so that $K$ weights reach over
# $(K - 1) d + 1$ numbers, and there are as many outputs as before. **Pooling** puts the largest (or the mean) of a
# few neighbouring outputs in place of them. Predict first: two layers of 11 frames over 100 frames,
# once plain and once with each of the three. Which leaves 50 frames, and which is the cheapest?


# %%
def pool(row):
    return row[: len(row) // 2 * 2].reshape(-1, 2).max(axis=1)  # of pairs


ones, dilated = np.ones(11), np.zeros(21)
dilated[::2] = 1  # 11 weights with gaps
stacks = {  # name: the layers, stops of the first one, stops of the second
    "plain": (lambda r: slide(slide(r, ones, 1, 5), ones, 1, 5), 100, 100),
    "stride 2 in the first": (lambda r: slide(slide(r, ones, 2, 5), ones, 1, 5), 50, 50),
    "dilation 2 in the second": (lambda r: slide(slide(r, ones, 1, 5), dilated, 1, 10), 100, 100),
    "pooling of 2 between them": (lambda r: slide(pool(slide(r, ones, 1, 5)), ones, 1, 5), 100, 50),
}
products = {}
for name, (stack, *stops) in stacks.items():
    outputs = np.stack([stack(row) for row in np.eye(100)])  # (input, output)
    assert outputs.shape[1] == stops[-1]
    sees = (outputs[:, outputs.shape[1] // 2] != 0).sum()
    products[name] = 11 * sum(stops)
    print(f"{name:26} sees {sees} frames, leaves {stops[-1]:3}, takes {products[name]} products")
print(f"The cheapest: {min(products, key=products.get)}.")

# %% [markdown]
# All three see further than the plain stack. Dilation keeps every frame, and so all the work of the
# layers above; it suits networks that must give an output for each sample, such as WaveNet (A. van den
# Oord and others, 2016). Pooling halves the frames, too, but computes all of the first layer's outputs
# and then drops half. A stride never computes what it would drop. Deep Speech 2 has up to 7 recurrent
# layers above, whose cost grows with the frames that are left; it uses strides.
#
# ### What a stride in time costs
#
# A stride of 2 in time leaves half the frames, and everything above it has half the work. So why
# not 4, or 8? Before you read on, think about this:
# the network ends in one symbol for each frame that is left. **Why do frames have to outnumber
# characters, and what does stride in time do to that?** The cell below counts. Predict first: at
# which stride can a sentence that is said fast no longer be written?

# %%
sentence = "better late than never"
needed = min_frames(Alphabet().encode(sentence))
print(f"{sentence!r}: {len(sentence)} characters, {needed} frames needed")
strides = (1, 2, 4, 8, 16)
print("stride in time         ", *(f"{s:5d}" for s in strides))
for manner, speed in (("slowly", 120), ("fast", 320)):
    frames = len(log_spectrogram(say(sentence, rate, speed=speed), rate))
    left = [int(conv.conv_out_length(frames, 11, s, 5)) for s in strides]
    print(f"frames, said {manner:<6}    ", *(f"{n:4d}{' ' if n >= needed else '!'}" for n in left))
short = next((s for s, n in zip(strides, left, strict=True) if n < needed), None)
print(f"Said fast, it is lost from stride {short} on." if short else "No stride here loses it.")
print("frames for a character,")
print("at 14.1 characters/s   ", *(f"{100 / s / 14.1:5.1f}" for s in strides))

# %% [markdown]
# A `!` marks where the sentence can no longer be written.
#
# <details><summary>Answer</summary>
#
# CTC ([chapter 05](05_ctc.ipynb)) reads the text off the frames: it merges equal symbols that
# follow each other, then drops the blanks. One frame can contribute at most one character, so
# there must be at least as many frames as characters. And two equal characters in a row, the "tt"
# of "better", would be merged into one; they need a frame with a blank between them. Hence
#
# $$T_{out} \ge L + (\text{pairs of equal neighbours}),$$
#
# where $L$ is the number of characters. If it does not hold, no path through the frames reads as
# the text: its probability is 0, the loss infinite, and there is nothing to learn from. If both
# sides are equal, there is exactly one path, and each character has to fall into exactly its own
# frame.
#
# Same padding leaves $\lceil T / s \rceil$ frames, so a stride divides the left side and leaves
# the right side alone. The paper counts 14.1 characters a second in English; with 100 frames a
# second, the last line above says how many frames are left for a character on average. At stride
# 8 it is less than one. And that is an average: people speak faster than that for part of a
# sentence.
#
# There is a way out on the other side. The paper lets the network write pairs of letters
# (bigrams) in place of letters, so that there are fewer symbols a second, and the stride can be
# larger.
# </details>

# %% [markdown]
# ## Backward
#
# Training asks how the loss, one number at the far end of the network, changes with every weight.
# The part of the network above hands down how the loss changes with each *output*: $\text{dout}_t
# = \partial\, \text{loss} / \partial\, \text{out}_t$. From this we want the same for each weight,
# dw, and for each input, dx, to hand it further down. A d before a name always means this: the
# gradient of the loss by that array. It has the array's shape.
#
# Look at the innermost line of our loops: `out[t] += w[k] * padded[stride * t + k]`. If $w_k$
# grows by a little, this product makes $\text{out}_t$ grow by $\tilde{x}_{st+k}$ times as much,
# and the loss by $\text{dout}_t \, \tilde{x}_{st+k}$ times as much. If $\tilde{x}_{st+k}$ grows,
# the loss grows by $\text{dout}_t \, w_k$ times as much. Both appear in several lines, and all
# their effects add up:
#
# $$\text{dw}_k = \sum_{t} \text{dout}_t \, \tilde{x}_{st+k}, \qquad
# \text{d}\tilde{x}_i = \sum_{t, k \,:\, st + k = i} \text{dout}_t \, w_k.$$
#
# No index has to be solved for. We run the *same* loops, and where the forward pass reads a
# number, the backward pass adds to its gradient. At the end, the gradients of the padding's zeros
# are cut off: nobody wants to change them.


# %%
def slide_backward(dout, x, w, stride=1, padding=0):
    """Return dx, (T,), and dw, (K,), from dout, (T_out,)."""
    padded = np.pad(x, padding)
    dpadded, dw = np.zeros(len(padded)), np.zeros(len(w))
    for t in range(len(dout)):
        for k in range(len(w)):
            dw[k] += dout[t] * padded[stride * t + k]
            dpadded[stride * t + k] += dout[t] * w[k]
    return dpadded[padding : padding + len(x)], dw


dout = np.array([1.0, 0.0, 0.0, 0.0])  # the loss is the first output
dx, dw = slide_backward(dout, x, w, stride=2, padding=1)
print("dx", dx)
print("dw", dw)

# %% [markdown]
# If the loss is the first output alone, dx shows the weights where the first kernel stopped (its
# first weight lies on the padding), and dw shows the numbers that it saw. This is the drawing
# with its arrows turned around.
#
# ### Is it right?
#
# We ask the forward pass. Move one number by $\pm\varepsilon$, see how the loss moves, compare;
# for every number. As the loss we take $\sum_t \text{out}_t \, u_t$ with random $u$, so that dout
# is $u$.


# %%
def check_slide(backward, u):
    def loss():
        return float((slide(x, w, stride=2, padding=1) * u).sum())

    def gradients():
        dx, dw = backward(u, x, w, 2, 1)
        return {"x": dx, "w": dw}

    return check_gradients(loss, gradients, {"x": x, "w": w})


u = rng.standard_normal(4)
comparisons = check_slide(slide_backward, u)
print("\n".join(map(str, comparisons)))
assert all(comparison.ok for comparison in comparisons)

# %% [markdown]
# Now we break it, twice. The first mistake writes where it should add: `=` for `+=`. With stride 2,
# neighbouring kernels of 3 share one number, and the later one wipes out what the earlier one left.
# The second mistake reads dout from the wrong end. Predict first: will a dout of ones find both?


# %%
def overwrites(dout, x, w, stride, padding):
    padded = np.pad(x, padding)
    dpadded = np.zeros(len(padded))
    for t in range(len(dout)):
        for k in range(len(w)):
            dpadded[stride * t + k] = dout[t] * w[k]  # should add
    return dpadded[padding : padding + len(x)], slide_backward(dout, x, w, stride, padding)[1]


def wrong_end(dout, x, w, stride, padding):
    return slide_backward(dout[::-1], x, w, stride, padding)


missed = []
for name, mistake in (("overwrites", overwrites), ("wrong end", wrong_end)):
    for upstream, kind in ((u, "random"), (np.ones(4), "ones")):
        comparisons = check_slide(mistake, upstream)
        caught = not all(comparison.ok for comparison in comparisons)
        print(f"{name}, dout {kind}: {'caught' if caught else 'NOT caught'}")
        for comparison in comparisons:
            print("   ", str(comparison).partition(", largest")[0])
        assert caught or (mistake is wrong_end and kind == "ones")
        if not caught:
            missed.append(f"{name} with {kind}")
print("Missed:", ", ".join(missed) or "nothing")

# %% [markdown]
# With a dout of ones, the second mistake goes through: a row of ones is the same from either end.
# So we check with random numbers, always.
#
# ### In two dimensions
#
# The same loops as forward, over all outputs; a window in place of a number.


# %%
def conv2d_loops_backward(dout, x, W, stride=(1, 1), padding=(0, 0)):
    """Return dx, (N, C, T, F), and dW, (O, C, KT, KF), from dout, (N, O, T_out, F_out)."""
    (_, _, T, F), (_, _, KT, KF) = x.shape, W.shape
    (st, sf), (pt, pf) = stride, padding
    padded = pad_plane(x, padding)
    dpadded, dW = np.zeros_like(padded), np.zeros_like(W)
    for n, o, t, f in np.ndindex(dout.shape):
        at = n, slice(None), slice(st * t, st * t + KT), slice(sf * f, sf * f + KF)
        dW[o] += dout[n, o, t, f] * padded[at]
        dpadded[at] += dout[n, o, t, f] * W[o]
    return dpadded[:, :, pt : pt + T, pf : pf + F], dW


small, weights = rng.standard_normal((2, 2, 5, 6)), rng.standard_normal((3, 2, 3, 3))
how = (2, 1), (1, 1)  # stride, padding
upstream = rng.standard_normal(conv2d_loops(small, weights, *how).shape)
comparisons = check_gradients(
    lambda: float((conv2d_loops(small, weights, *how) * upstream).sum()),
    lambda: dict(zip("xW", conv2d_loops_backward(upstream, small, weights, *how), strict=True)),
    {"x": small, "W": weights},
)
print("\n".join(map(str, comparisons)))
assert all(comparison.ok for comparison in comparisons)

# %% [markdown]
# ### Exercise 02.4: backward over time
#
# Write the backward pass of exercise 02.2.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `dout` | $\text{dout}_{n t o}$ | array of floats | (N, T_out, O) | gradient of the outputs |
# | `x` | $x_{n t d}$ | array of floats | (N, T, D) | frames of N utterances |
# | `W` | $W_{k d o}$ | array of floats | (K, D, O) | filters |
# | `stride` | $s$ | int | | from one stop to the next |
# | `padding` | $p$ | int | | frames of zeros at either end |
# | result | $dx$, $dW$ | two arrays of floats | (N, T, D), (K, D, O) | gradients of `x` and `W` |
#
# Mind the frames that no window reaches: their gradient is 0.


# %%
def conv1d_backward(dout, x, W, stride=1, padding=0):
    """Return dx, (N, T, D), and dW, (K, D, O)."""
    raise NotImplementedError


# %%
check("02.4", conv1d_backward)

# %% [markdown]
# ## The fast form, first way: one matrix product
#
# Nothing that a computer does with numbers is as well optimised as the product of two large
# matrices (in the libraries it is called GEMM, general matrix multiply). So we lay every window
# out as one row of a matrix, and every filter as one column of another:
#
# $$\underbrace{\text{rows}}_{N T_{out} F_{out} \,\times\, C K_T K_F} \quad
# \underbrace{W^\top}_{C K_T K_F \,\times\, O} \quad = \quad \underbrace{\text{out}}_{N T_{out} F_{out}
# \,\times\, O}.$$
#
# The backward pass of a matrix product is two matrix products: $\text{dW} = \text{dout}^\top
# \text{rows}$ and $\text{drows} = \text{dout}\, W$, with W as $(O, C K_T K_F)$ and dout as
# $(N T_{out} F_{out}, O)$. What is left is to bring each row's gradient back to the window that it
# was copied from, and to add where windows overlap.


# %%
def gather(padded, W, stride):
    """Lay all windows out as rows: (N * T_out * F_out, C * KT * KF)."""
    (_, C, KT, KF), (st, sf) = W.shape, stride
    windows = np.lib.stride_tricks.sliding_window_view(padded, (KT, KF), axis=(2, 3))
    windows = windows[:, :, ::st, ::sf]  # (N, C, T_out, F_out, KT, KF), nothing copied yet
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, C * KT * KF)


def conv2d_gemm(x, W, stride=(1, 1), padding=(0, 0)):
    padded = pad_plane(x, padding)
    T_out, F_out = out_plane(padded, W, stride)
    out = gather(padded, W, stride) @ W.reshape(len(W), -1).T  # (N * T_out * F_out, O)
    return out.reshape(len(x), T_out, F_out, len(W)).transpose(0, 3, 1, 2)


def conv2d_gemm_backward(dout, x, W, stride=(1, 1), padding=(0, 0)):
    (N, O, T_out, F_out), (_, C, KT, KF) = dout.shape, W.shape  # noqa: E741
    (st, sf), (pt, pf) = stride, padding
    padded = pad_plane(x, padding)
    as_rows = dout.transpose(0, 2, 3, 1).reshape(-1, O)
    dW = (as_rows.T @ gather(padded, W, stride)).reshape(W.shape)
    drows = (as_rows @ W.reshape(O, -1)).reshape(N, T_out, F_out, C, KT, KF)
    dpadded = np.zeros_like(padded)
    for i, j in np.ndindex(KT, KF):  # all windows' weight (i, j) at once
        places = dpadded[:, :, i : i + st * T_out : st, j : j + sf * F_out : sf]
        places += drows[..., i, j].transpose(0, 3, 1, 2)
    return dpadded[:, :, pt : pt + x.shape[2], pf : pf + x.shape[3]], dW


for stride, padding in (((1, 1), (0, 0)), ((2, 2), (1, 1)), ((1, 2), (1, 0)), ((3, 2), (2, 1))):
    out = conv2d_loops(small, weights, stride, padding)
    np.testing.assert_allclose(conv2d_gemm(small, weights, stride, padding), out, atol=1e-12)
    upstream = rng.standard_normal(out.shape)
    ours = conv2d_gemm_backward(upstream, small, weights, stride, padding)
    loops = conv2d_loops_backward(upstream, small, weights, stride, padding)
    for mine, slow in zip(ours, loops, strict=True):
        np.testing.assert_allclose(mine, slow, atol=1e-12)
print("loops and matrix product agree, forward and backward")

# %% [markdown]
# The price is memory. Every number of the input is copied into each window that contains it. Predict
# first: for the second convolution of the network, with filters of 11 × 21 and a stride of 2 in
# frequency, how many times as large are the rows as the input?

# %%
C, T, F, O, KT, KF, sf = 32, 50, 81, 32, 11, 21, 2  # noqa: E741
F_out = int(conv.conv_out_length(F, KF, sf, KF // 2))
rows = T * F_out * C * KT * KF
print(f"the input holds {C * T * F:,} numbers, its rows {rows:,}: {rows / (C * T * F):.0f} times")
D, K = C * F, KT
T_out = int(conv.conv_out_length(T, K, 2, K // 2))
print(f"over time alone, stride 2: {T_out * K * D / (T * D):.1f} times")
many = rows / (C * T * F) > 10 * T_out * K / T
print("Over both axes the price is", "of another order." if many else "of the same order.")

# %% [markdown]
# So it depends. Over time alone, a number lies in $K / s$ windows, which is little: the package
# does exactly this in [conv1d.py](../ds2np/layers/conv1d.py). Over time and frequency, it lies in
# $K_T K_F / (s_T s_F)$ windows, and with the paper's large filters that is too much.

# %% [markdown]
# ## The fast form, second way: Fourier
#
# In [chapter 01](01_sound.ipynb), the Fourier transform took a sound apart into waves. It does
# another service here. Let $X_m$ and $W_m$ be the transforms of the padded row and of the kernel,
# both filled up with zeros to the same length $M$. We write the row as the sum of its waves, and
# look at the output:
#
# $$\tilde{x}_j = \frac{1}{M} \sum_{m} X_m e^{2 \pi i m j / M}
# \quad \Rightarrow \quad
# \text{out}_t = \sum_k w_k \tilde{x}_{t+k}
# = \frac{1}{M} \sum_m X_m \Bigl( \sum_k w_k e^{2 \pi i m k / M} \Bigr) e^{2 \pi i m t / M}.$$
#
# The bracket is the kernel's transform with the sign of $i$ changed, its complex conjugate
# $\overline{W_m}$. And the whole is an inverse transform again, of the products $X_m
# \overline{W_m}$. Transform both, multiply, transform back: **one** product for each wave,
# however long the kernel is. The transforms themselves are fast, some $M \log M$ operations each;
# that is why they are called FFT, fast Fourier transform.

# %%
padded = np.pad(x, 1)
M, T_out = len(padded), len(padded) - len(w) + 1
X, W = np.fft.rfft(padded, M), np.fft.rfft(w, M)
around = np.fft.irfft(X * W.conj(), M)
print("by Fourier:", np.round(around, 12) + 0.0)
print("by loops:  ", slide(x, w, padding=1))
np.testing.assert_allclose(around[:T_out], slide(x, w, padding=1), atol=1e-12)

# %% [markdown]
# There are $M$ numbers, and only the first $T_{out}$ of them are ours. A wave goes on for ever,
# so to the Fourier transform the row is a ring: behind its last number comes its first one. The
# last two kernels reach over the seam, and we drop what they say. With $M \ge T_{out} + K - 1$
# numbers, the outputs that we keep never reach that far.
#
# The two gradients are of the same kind. $\text{dw}_k = \sum_t \text{dout}_t \tilde{x}_{t+k}$
# slides dout over the row, so its transform is $X_m \overline{D_m}$, where $D_m$ is that of dout.
# In $\text{d}\tilde{x}_i = \sum_k w_k \, \text{dout}_{i-k}$, the sign of $k$ is the other one, so
# nothing is conjugated: $D_m W_m$. The spectra of the forward pass are used again.

# %%
dout = rng.standard_normal(T_out)
D = np.fft.rfft(dout, M)
dx, dw = slide_backward(dout, x, w, padding=1)
np.testing.assert_allclose(np.fft.irfft(D * W, M)[1:-1], dx, atol=1e-12)  # padding cut off
np.testing.assert_allclose(np.fft.irfft(X * D.conj(), M)[: len(w)], dw, atol=1e-12)
print("both gradients agree with the loops")

# %% [markdown]
# ### A stride, without waste
#
# With stride 2, we could compute all outputs and throw every second one away. There is a better
# way. Write $k = s q + r$, with $r$ from 0 to $s - 1$: the kernel's weights number $r$, $s + r$,
# $2s + r$, and so on. The sum splits into $s$ sums:
#
# $$\text{out}_t = \sum_k w_k \tilde{x}_{st + k}
# = \sum_{r=0}^{s-1} \sum_q w_{sq + r} \, \tilde{x}_{s(t + q) + r}.$$
#
# Each inner sum is a convolution of stride **1**, of every $s$-th weight over every $s$-th
# number. These rows are called **phases**. A convolution of stride $s$ is one of stride 1 with
# $s$ times as many channels.

# %%
other = np.array([2.0, 3.0, -1.0])  # a kernel with no zero in it
phases = [slide(padded[r::2], other[r::2])[:4] for r in (0, 1)]
print("phase 0:", phases[0])
print("phase 1:", phases[1])
print("sum:    ", phases[0] + phases[1], " by loops:", slide(x, other, 2, 1))
np.testing.assert_allclose(phases[0] + phases[1], slide(x, other, 2, 1))

# %% [markdown]
# In two dimensions all of this holds for each axis. With channels and filters, the product for each
# wave becomes a small matrix product over the channels, $(N, C)$ by $(C, O)$.


# %%
def conv2d_fft(x, W, stride=(1, 1), padding=(0, 0)):
    (st, sf), padded = stride, pad_plane(x, padding)
    T_out, F_out = out_plane(padded, W, stride)
    sizes = zip(padded.shape[2:], stride, strict=True)
    size = [-(-length // s) for length, s in sizes]  # of the longest phase, rounded up
    total = 0
    for i, j in np.ndindex(min(st, W.shape[2]), min(sf, W.shape[3])):  # the phases
        X = np.fft.rfft2(padded[:, :, i::st, j::sf], size, axes=(2, 3))
        W_conj = np.fft.rfft2(W[:, :, i::st, j::sf], size, axes=(2, 3)).conj()
        # (waves, waves, N, C) by (waves, waves, C, O)
        total = total + X.transpose(2, 3, 0, 1) @ W_conj.transpose(2, 3, 1, 0)
    out = np.fft.irfft2(total.transpose(2, 3, 0, 1), size, axes=(2, 3))
    return out[:, :, :T_out, :F_out]


for stride, padding in (((1, 1), (0, 0)), ((2, 2), (1, 1)), ((1, 2), (1, 0)), ((3, 2), (2, 1))):
    out = conv2d_loops(small, weights, stride, padding)
    np.testing.assert_allclose(conv2d_fft(small, weights, stride, padding), out, atol=1e-12)
print("loops and Fourier agree")

# %% [markdown]
# The package does this in [conv.py](../ds2np/layers/conv.py), forward and backward. It cuts the
# phases by one reshape, chooses lengths of which the FFT is fast, and computes the gradient of a
# filter only at the few places that the filter has. How many operations does it save, a
# multiplication and an addition counted as two? Predict first, for the second convolution, a second of
# sound and 16 utterances at once: a factor of 2, of 10, of 100?

# %%
N, T = 16, 50
direct = 2 * N * O * C * KT * KF * T * F_out
waves_t, waves_f = T + KT - 1, F_out + -(-KF // sf) - 1  # numbers along each axis of a phase
waves = waves_t * (waves_f // 2 + 1)  # a real plane's other half is mirrored
products = 8 * waves * N * O * C * sf  # complex: four products and four sums
planes = N * C * sf + O * C * sf + N * O  # inputs, filters, outputs
transforms = planes * 2.5 * waves_t * waves_f * np.log2(waves_t * waves_f)
fourier = products + transforms
print(f"directly {direct / 1e6:,.0f} M operations")
print(f"Fourier  {fourier / 1e6:,.0f} M, of which the transforms {transforms / 1e6:,.0f} M")
saved = direct / fourier
print(f"{saved:.0f} times fewer" if saved > 1 else "Fourier saves nothing here")

# %% [markdown]
# The count for one FFT, $2.5\, M \log_2 M$, is the customary estimate of its operations for real
# numbers. With a
# filter of 3 × 3 the direct way would have a factor of 9 in place of 231, and Fourier about the
# same work as before: the large filters of speech are what makes it worth while.

# %% [markdown]
# ## Clipped ReLU
#
# A stack of convolutions without anything between them is one larger convolution: sums of sums.
# What makes a second layer worth having is a function between them that is no straight line. The
# paper's is the clipped rectified linear unit,
#
# $$f(x) = \min(\max(x, 0), 20).$$
#
# It keeps what is above 0, as we did with the pictures above, and cuts it off at 20. Backward,
# the gradient passes where the curve rises, and stops where it is flat. (Between the convolution
# and this function stands batch normalisation, [chapter 03](03_batch_norm.ipynb). That is also
# why our convolution adds no bias: the normalisation has one.)


# %%
def clipped_relu(x):
    return np.minimum(np.maximum(x, 0), 20)


def clipped_relu_backward(dout, x):
    return np.where((x > 0) & (x < 20), dout, 0)


values = np.array([-3.0, -0.5, 0.5, 7.0, 19.5, 20.5, 100.0])
u = rng.standard_normal(len(values))
print("forward ", clipped_relu(values))
print("passes  ", clipped_relu_backward(np.ones(len(values)), values))
(comparison,) = check_gradients(
    lambda: float((clipped_relu(values) * u).sum()),
    lambda: {"x": clipped_relu_backward(u, values)},
    {"x": values},
)
print(comparison)
assert comparison.ok
out, cache = activations.clipped_relu_forward(values)
np.testing.assert_array_equal(out, clipped_relu(values))
np.testing.assert_array_equal(
    activations.clipped_relu_backward(u, cache), clipped_relu_backward(u, values)
)

# %% [markdown]
# At exactly 0 and exactly 20 the curve has a corner and no slope; there one may choose. We took 0, as
# the package does wherever it clips, and kept the test away from both.

# %% [markdown]
# ## The real one
#
# The package's functions return the output and a *cache*: what the backward pass will need. All
# that we built must agree with them, forward and backward.

# %% jupyter={"source_hidden": true}
for stride, padding in (((1, 1), (0, 0)), ((2, 2), (1, 1)), ((1, 2), (1, 0)), ((3, 2), (2, 1))):
    out, cache = conv.conv2d_forward(small, weights, stride, padding)
    for ours in (conv2d_loops, conv2d_gemm, conv2d_fft):
        np.testing.assert_allclose(ours(small, weights, stride, padding), out, atol=1e-12)
    upstream = rng.standard_normal(out.shape)
    dx, dW = conv.conv2d_backward(upstream, cache)
    for ours in (conv2d_loops_backward, conv2d_gemm_backward):
        our_dx, our_dW = ours(upstream, small, weights, stride, padding)
        np.testing.assert_allclose(our_dx, dx, atol=1e-12)
        np.testing.assert_allclose(our_dW, dW, atol=1e-12)

frames, tall = rng.standard_normal((2, 9, 4)), rng.standard_normal((3, 4, 5))  # (N,T,D), (K,D,O)
out, cache = conv1d.conv1d_forward(frames, tall, 2, 1)
upstream = rng.standard_normal(out.shape)
dx, dW = conv1d.conv1d_backward(upstream, cache)
as_plane, as_filters = frames[:, None], tall.transpose(2, 0, 1)[:, None]  # one channel
how = (2, 1), (1, 0)
np.testing.assert_allclose(conv2d_loops(as_plane, as_filters, *how)[..., 0].swapaxes(1, 2), out)
upstream = upstream.swapaxes(1, 2)[..., None]  # (N, O, T_out, 1)
our_dx, our_dW = conv2d_loops_backward(upstream, as_plane, as_filters, *how)
np.testing.assert_allclose(our_dx[:, 0], dx, atol=1e-12)
np.testing.assert_allclose(our_dW[:, 0].transpose(1, 2, 0), dW, atol=1e-12)

out, cache = conv1d.conv1d_forward(x[None, :, None], w[:, None, None], 2, 1)
np.testing.assert_allclose(out.ravel(), slide(x, w, 2, 1))
dout = rng.standard_normal(len(out.ravel()))
dx, dw = conv1d.conv1d_backward(dout[None, :, None], cache)
for theirs, ours in zip((dx, dw), slide_backward(dout, x, w, 2, 1), strict=True):
    np.testing.assert_allclose(theirs.ravel(), ours, atol=1e-12)
print("all agree")

# %% [markdown]
# The layer `Conv2D` is a thin class around these: it draws its weights at random, knows its
# padding, and keeps the cache. Its own backward pass goes through the same numerical check.

# %%
layer = Conv2D(2, 3, kernel=(3, 5), stride=(2, 1), rng=rng, dtype=np.float64)
full = np.array([5, 5])  # both utterances have all 5 frames
np.testing.assert_allclose(
    layer.forward(small, full), conv2d_loops(small, layer.params["W"], (2, 1), (1, 2)), atol=1e-12
)
comparisons = check_layer(layer, small, full)
flat = Conv1D(6, 3, kernel=3, stride=2, rng=rng, dtype=np.float64)
comparisons += check_layer(flat, small[:, 0], full)
print("\n".join(map(str, comparisons)))
assert all(comparison.ok for comparison in comparisons)

# %% [markdown]
# How large should the first weights be? Each output adds up $C K_T K_F$ products. If the weights
# are drawn with the variance $2 / (C K_T K_F)$, an output's mean square is about twice that of
# the inputs; the function $f$ then drops the negative half, and the mean square is what it was.
# So the numbers neither die out nor grow from layer to layer. (The zeros of the padding take a
# little away.)

# %%
fresh = Conv2D(8, 32, kernel=(11, 21), stride=(1, 2), rng=rng, dtype=np.float64)
drawn = fresh.params["W"].var() * 8 * 11 * 21
print(f"variance of the weights times their number: {drawn:.3f}")
before = rng.standard_normal((1, 8, 60, 81))
after = clipped_relu(fresh.forward(before, np.array([60])))
print(f"mean square before {np.mean(before**2):.2f}, after {np.mean(after**2):.2f}")
assert abs(drawn - 2) < 0.1
assert 0.6 < np.mean(after**2) < 1.2

# %% [markdown]
# And the time. First a small plane, so that the loops come to an end; then the second convolution
# of the network, in float32, as training has it. (Our backward pass gathers the rows once more; it
# could have kept them.) We print ratios only; on your machine they are others.


# %%
def seconds(function, *arguments):
    return min(repeat(lambda: function(*arguments), number=1, repeat=3))


how = (1, 2), (5, 10)
plane, bank = rng.standard_normal((2, 4, 20, 41)), rng.standard_normal((8, 4, 11, 21))
slow = seconds(conv2d_loops, plane, bank, *how)
lines = ["a small plane: the loops take"]
for name, fast in (
    ("matrix product", conv2d_gemm),
    ("Fourier", conv2d_fft),
    ("the package", conv.conv2d_forward),
):
    lines.append(f"    {slow / seconds(fast, plane, bank, *how):5.1f} times as long as {name}")

plane = rng.standard_normal((2, C, 50, F)).astype(np.float32)
bank = (0.02 * rng.standard_normal((O, C, KT, KF))).astype(np.float32)
out, cache = conv.conv2d_forward(plane, bank, *how)
upstream = rng.standard_normal(out.shape).astype(np.float32)
forward = seconds(conv2d_gemm, plane, bank, *how) / seconds(conv.conv2d_forward, plane, bank, *how)
backward = seconds(conv2d_gemm_backward, upstream, plane, bank, *how) / seconds(
    conv.conv2d_backward, upstream, cache
)
lines += ["the second convolution: the matrix product takes"]
lines += [f"    {forward:5.1f} times as long as the package, forward"]
lines += [f"    {backward:5.1f} times as long as the package, backward"]
apart = np.abs(out - conv2d_gemm(plane, bank, *how)).max() / np.abs(out).max()
lines += [f"and in float32 the two differ by {apart:.0e} of the largest output"]
print("\n".join(lines))
assert apart < 1e-5

# %% [markdown]
# ## Padding: utterances of unequal length
#
# A batch is one array, so a short utterance is filled up to the length of the longest. What stands
# there means nothing. But a kernel near the end of the short one sees it. We put garbage there, and
# count the outputs that change. Predict first: of 9 frames the second utterance has 5; with a kernel of
# 5, stride 2 and padding 2 they become 3. Does the garbage reach one of the 3?

# %%
lengths = np.array([9, 5])  # of T = 9 frames, the second utterance has 5
clean = rng.standard_normal((2, 2, 9, 6))
clean[1, :, 5:] = 0
dirty = clean.copy()
dirty[1, :, 5:] = 1e3
bank = rng.standard_normal((3, 2, 5, 3))
how = (2, 1), (2, 1)
out_lengths = conv.conv_out_length(lengths, 5, 2, 2)
print("frames", lengths, "become", out_lengths)

with_zeros, with_garbage = conv2d_loops(clean, bank, *how), conv2d_loops(dirty, bank, *how)
changed = np.abs(with_garbage - with_zeros)[1].max(axis=(0, 2)) > 0  # (T_out,)
print("frames of the second output that the garbage reaches:", np.flatnonzero(changed))
reached = changed[: out_lengths[1]].sum()
print(f"of its {out_lengths[1]} real outputs, {reached} changed:", end=" ")
print("we must do something" if reached else "nothing to do")
assert reached
behind = np.abs(with_zeros[1, :, out_lengths[1] :]).max(axis=(0, 2))
print("largest outputs behind its end, even with zeros there:", behind.round(2))
assert behind[0] > 0

# %% [markdown]
# Two leaks. The garbage reaches outputs that are real. And even where zeros stand behind the end,
# the first output there is not 0, since its kernel reaches back into the utterance; the next
# convolution would read it. So we set the padding to 0 before *and* after. Then the short
# utterance sees behind its end what it would see if it were alone: the zeros of same padding.


# %%
def zero_behind(x, lengths):
    x = x.copy()
    for n, length in enumerate(lengths):
        x[n, :, length:] = 0
    return x


def conv_batch(x, lengths, W, stride, padding):
    out = conv2d_loops(zero_behind(x, lengths), W, stride, padding)
    return zero_behind(out, conv.conv_out_length(lengths, W.shape[2], stride[0], padding[0]))


out = conv_batch(dirty, lengths, bank, *how)
np.testing.assert_array_equal(out, conv_batch(clean, lengths, bank, *how))
alone = conv2d_loops(dirty[1:, :, :5], bank, *how)
np.testing.assert_allclose(out[1:, :, : out_lengths[1]], alone, atol=1e-12)
assert not out[1, :, out_lengths[1] :].any()

layer = Conv2D(2, 3, kernel=(5, 3), stride=(2, 1), rng=rng, dtype=np.float64)
layer.params["W"][...] = bank
np.testing.assert_allclose(layer.forward(dirty, lengths), out, atol=1e-12)
np.testing.assert_array_equal(layer.out_lengths(lengths), out_lengths)
upstream = rng.standard_normal(out.shape)
upstream[1, :, out_lengths[1] :] = 1e3  # garbage from above, too
dx = layer.backward(upstream)
assert not dx[1, :, 5:].any()
expected, expected_dW = conv2d_loops_backward(
    zero_behind(upstream, out_lengths), zero_behind(dirty, lengths), bank, *how
)
np.testing.assert_allclose(dx, zero_behind(expected, lengths), atol=1e-11)
np.testing.assert_allclose(layer.grads["W"], expected_dW, atol=1e-11)
print("garbage changes nothing, alone or in a batch, forward and backward")

# %% [markdown]
# Backward the same holds in reverse order: the gradient from above is set to 0 behind the end of
# the output, and the one that we hand down behind the end of the input.

# %% [markdown]
# ## What the paper reports
#
# The paper's table of convolutions compares them below 7 recurrent layers, all with about 35
# million parameters. Word error rates in per cent, on its regular and its noisy development set:
#
# | layers | channels | filters, frequency x time | stride | regular | noisy |
# |---|---|---|---|---|---|
# | 1, over time | 1280 | 11 | 2 | 9.52 | 19.36 |
# | 2, over time | 640, 640 | 5, 5 | 1, 2 | 9.67 | 19.21 |
# | 3, over time | 512, 512, 512 | 5, 5, 5 | 1, 1, 2 | 9.20 | 20.22 |
# | 1, both | 32 | 41x11 | 2x2 | 8.94 | 16.22 |
# | 2, both | 32, 32 | 41x11, 21x11 | 2x2, 2x1 | 9.06 | 15.71 |
# | 3, both | 32, 32, 96 | 41x11, 21x11, 21x11 | 2x2, 2x1, 2x1 | 8.61 | 14.74 |
#
# Over time and frequency is better throughout, and the gain is largest in noise. With small data we
# cannot reproduce these numbers. What we can see at our size is what the two kinds cost:

# %%
stops_in_frequency = int(conv.conv_out_length(161, 41, 2, 20))
for name, count, stops in (
    ("1, over time", 1280 * 161 * 11, 1),
    ("1, both", 32 * 41 * 11, stops_in_frequency),
):
    products = count * stops * 50 / 1e6  # 50 frames a second after stride 2
    print(f"{name:<13} {count:10,} weights, {products:6.1f} M products a second")

# %% [markdown]
# The filter over both axes has far fewer weights, since it uses them again at each frequency, and
# it keeps its outputs in order of frequency for the next layer.
#
# Weights that slide over time came to speech with the time-delay neural network (A. Waibel and others,
# 1989), which told b, d and g apart.
#
# ## Summary
#
# * A convolution asks the same small question everywhere: out is the sum of kernel times window.
# * There are $\lfloor (T + 2p - K) / s \rfloor + 1$ outputs; with same padding, $\lceil T / s
#   \rceil$.
# * Backward runs the same loops; where forward reads, backward adds. A random dout finds what
#   ones hide.
# * Windows as rows make it one matrix product; spectra make it one small product for each wave.
#   Strides become phases.
# * Two layers of 11 frames, the first with stride 2, see 31 frames. Dilation sees as far and keeps all
#   frames; pooling leaves as few and costs more.
# * Strides in time save work, until there are fewer frames than characters.
# * Padding is set to 0 before and after, in both directions.
#
# **A production system** today often begins with two convolutions of 3 × 3 and stride 2, which leave a
# quarter of the frames, and has attention above them (A. Gulati and others: *Conformer*, 2020). It would
# leave the choice of the algorithm to a library that knows the
# device and times several: matrix products that gather their windows on the fly, without storing
# them; Fourier for large filters; Winograd's scheme for filters of 3 × 3. It would use half
# precision, and while somebody is still speaking it would keep the last frames of each layer, so
# that the next piece of sound can go on from there.
#
# ## Further reading
#
# * V. Dumoulin, F. Visin: *A guide to convolution arithmetic for deep learning*, 2016.
# * K. Chellapilla, S. Puri, P. Simard: *High performance convolutional neural networks for document
#   processing*, 2006, on convolution as a matrix product.
# * K. He, X. Zhang, S. Ren, J. Sun: *Delving deep into rectifiers*, 2015, on the first weights.
# * M. Mathieu, M. Henaff, Y. LeCun: *Fast training of convolutional networks through FFTs*, 2013.
# * A. Waibel and others: *Phoneme recognition using time-delay neural networks*, 1989, on
#   convolution over time for speech.
# * A. van den Oord and others: *WaveNet: a generative model for raw audio*, 2016, on dilation.
# * A. Gulati and others: *Conformer: convolution-augmented Transformer for speech recognition*, 2020.
# * O. Abdel-Hamid and others: *Convolutional neural networks for speech recognition*, 2014, on
#   convolution over frequency.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*,
#   2015.
# * In the package: [conv.py](../ds2np/layers/conv.py), [conv1d.py](../ds2np/layers/conv1d.py),
#   [activations.py](../ds2np/layers/activations.py), [padding.py](../ds2np/layers/padding.py).
