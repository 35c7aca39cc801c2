# %% [markdown]
# # 10  What did it learn?
#
# We train a small network, open it, and ask what it has learned: what its filters respond to, where in
# a sound it looks, and what its hidden states know.
#
# ![The network from sound to text; framed is all that lies between the waveform and the
# text.](images/network_10.svg)
#
# **You will be able to**
#
# * show what a convolution's filters respond to, and tell what training put there from what was
#   drawn at random in the beginning;
# * draw where in a spectrogram a loss looks, in two ways, and test such a picture;
# * measure what a network hears when a band of frequencies is missing;
# * measure what a hidden state knows: of letters, of the past, of what is still to come;
# * tell, in each of these, what was learned from what the architecture does by itself.
#
# **You need** the idea of a gradient, and an idea of the network; [chapter 00](00_ten_minutes.ipynb)
# is enough. The spectrogram is built in [01](01_sound.ipynb), the GRU in
# [04](04_recurrence.ipynb), CTC in [05](05_ctc.ipynb). **Reading time** 60 minutes; the cells take
# one or two minutes.
#
# ## The idea in one picture
#
# ![Two networks, one trained and one untrained, and four questions: what excites a filter, what can
# be read from a state, where does it look, what if a part is
# covered.](images/look_10_questions.svg)
#
# A picture of what a network has learned is easily made, and easily believed. So these questions are put
# to a second network as well, of the same shape, which has learned nothing. What both of them show was
# not learned.

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np

from ds2np.audio import load_audio
from ds2np.audio.features import Features
from ds2np.ctc import ctc_loss, forced_align
from ds2np.ctc.loss import state_posterior
from ds2np.data.batches import pad
from ds2np.data.dataset import Dataset
from ds2np.decode.greedy import greedy_decode
from ds2np.evaluate import evaluate
from ds2np.layers import log_softmax
from ds2np.layers.gru import gru_forward
from ds2np.layers.linear import linear_forward
from ds2np.learn import check, play, show, toy
from ds2np.learn.exercises import chapter10 as ready
from ds2np.learn.sound import has_voice
from ds2np.model import DeepSpeech2
from ds2np.plots import (
    plot_lattice,
    plot_map,
    plot_patches,
    plot_probabilities,
    plot_spoken,
    plot_states,
    plot_trace,
)
from ds2np.recogniser import Recogniser
from ds2np.text import score

# %% [markdown]
# ## A network to open
#
# The network of chapter 00: one convolution, two bidirectional recurrent layers of gated units
# (GRU), a linear layer, and CTC. It learns to write digits, spoken by synthetic voices, and is
# tested on voices that it has not learned from. (Where there is no espeak-ng, a hum takes the place
# of the voices; everything below still runs, but then there is nothing to be found.)

# %%
RATE, config = toy.RATE, toy.CONFIG
rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
to_learn = toy.speak_digits(folder.name, 600, rng)
held_out = toy.speak_digits(folder.name, 80, rng, toy.OTHER_SPEAKERS)

model = DeepSpeech2(config, seed=0)
learn_set, test_set = Dataset(to_learn, model.config), Dataset(held_out, model.config)
toy.train(model, learn_set, 8, each_epoch=lambda epoch, loss: print(f"{epoch}: loss {loss:.2f}"))
result = evaluate(Recogniser(model), test_set)
print(f"{len(test_set)} utterances of other speakers: {result}")

# %% [markdown]
# From here on the weights of this network stay as they are. The second one has the weights that this
# one had *before* training. Batch normalisation needs averages even in a network that has learned nothing (chapter 03), so the
# untrained one is shown the sounds until its running averages have settled.

# %%
xs = [test_set.features(i) for i in range(len(test_set))]  # each of shape (T, F), normalised
untrained = DeepSpeech2(config, seed=0)
for _ in range(50):
    untrained.forward(*pad(xs[:20], np.float32))
untrained.set_training(False)
untrained.clear_cache()

alphabet, features = config.alphabet(), Features(config)
symbols = "–" + config.characters  # the blank is symbol 0


def run(model, x):
    """Run one spectrogram (T, F) through the network; return what each layer hands on, by name."""
    outputs, out, lengths = {}, x[None], np.array([len(x)])
    for name, layer in model.sublayers.items():
        out = layer.forward(out, lengths)
        lengths = layer.out_lengths(lengths)
        outputs[name] = out[0]
    return outputs


for name, out in run(model, xs[0]).items():
    print(f"{name:14}{out.shape}")

# %% [markdown]
# ## When does it write?
#
# Our example is one with many letters and words, of those that were written without a mistake.
# CTC has never been told when a letter is said; it has found moments of its own. `forced_align`
# finds the most probable path that reads as the text, and so the frames of each letter.

# %%
right = [i for i, text in enumerate(result.hyps) if text == test_set.texts[i]]
example = max(
    right or range(len(xs)),
    key=lambda i: (len(set(test_set.texts[i].split())), len(test_set.texts[i])),
)
text, x = test_set.texts[example], xs[example]
labels = np.array(alphabet.encode(text))
sound, _ = load_audio(held_out[example].audio_filepath)
outputs = run(model, x)
log_p = log_softmax(outputs["output"])  # (T, V)
alignment = forced_align(log_p, labels)
times = alignment.times(config.frame_ms)  # (L, 2) in seconds
SECONDS, KHZ = len(x) * config.stride_ms / 1000, RATE / 2000  # where our pictures end

print("it was said:", text)
print("path:       ", "".join(symbols[k] for k in alignment.path).replace(" ", "␣"))

# %%
figure, axes = plt.subplots(2, 1, figsize=(7.5, 4.2), layout="constrained", sharex=True)
plot_spoken(x, text, times, config.stride_ms, RATE, axes[0])
axes[0].set_xlabel("")
plot_probabilities(np.exp(log_p), config.frame_ms, config.characters, axes[1])
show(
    figure,
    "Above, the spectrogram of the example, with each letter of its text over the place where it "
    "is written; below, the probabilities of letters and blank over time, one peak for each letter.",
)

# %%
play(sound, RATE, text)

# %% [markdown]
# Listen, and compare the letters with the sound. A letter need not stand where its sound is: the
# layers see the whole utterance, in both directions, so the network may write a word as soon as it
# can tell it from the others, or wait. All that CTC asks for is the order.
#
# This was the *best* path. The loss adds up *all* paths, and the share of those that are in a
# certain state at a certain time is `state_posterior` (chapter 05). Where it is sharp, all good
# paths agree.

# %%
posterior = state_posterior(
    outputs["output"][None], labels[None], np.array([len(log_p)]), np.array([len(labels)])
)[0]  # (T, 2L + 1)
sure = (posterior.max(axis=1) > 0.9).mean()

# %%
figure, axis = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
states = ["" if s % 2 == 0 else text[s // 2].replace(" ", "␣") for s in range(posterior.shape[1])]
plot_lattice(posterior, states, axis)
axis.set(ylabel="state (without name: blank)", xlabel=f"frame of {config.frame_ms:g} ms")
show(
    figure,
    "The probability of each state of the text, blanks and letters, over time: a staircase from "
    "upper left to lower right, black where all paths agree, grey where they differ.",
)

# %%
print(f"frames in which one state holds more than 90 %: {sure:.0%}")
print("All good paths agree in most frames: the best path stands for them." if sure > 0.5 else
      "The paths disagree in most frames: the best one is only one of many.")  # fmt: skip

# %% [markdown]
# ## What the filters look like
#
# The convolution holds one filter for each channel: a small picture of 11 frames (110 ms) and 21
# frequencies (1,000 Hz), which slides over the spectrogram. Its output is large where the sound
# looks like the filter (chapter 02). So we draw the filters themselves: light where they want much
# sound, dark where they want little, time from left to right.
#
# Predict first: three rows of filters, from before training, from after it, and the difference of the
# two. In which of them will a weight be most like its neighbour?

# %%
before, after = untrained.params["conv1.W"][:, 0], model.params["conv1.W"][:, 0]  # (C, 11, 21)
C = len(after)

# %%
figure, axes = plt.subplots(3, C, figsize=(9, 5.4), layout="constrained")
plot_patches(before, axes[0], "before training")
plot_patches(after, axes[1], "after")
plot_patches(after - before, axes[2], "what was added")
for c, axis in enumerate(axes[0]):
    axis.set_title(f"channel {c}", fontsize=10)
show(
    figure,
    "Eight filters in three rows. Before training: noise. After: broad light and dark patches under "
    "noise. Their difference: patches without noise, mostly upright or slanting bands.",
)


# %%
def likeness_of_neighbours(filters):
    """Correlate each weight with the next one in time, over all filters."""
    return np.corrcoef(filters[:, :-1].ravel(), filters[:, 1:].ravel())[0, 1]


alike = {
    name: likeness_of_neighbours(filters)
    for name, filters in (("before", before), ("after", after), ("difference", after - before))
}
for name, r in alike.items():
    print(f"{name:11} correlation of neighbours in time: {r:+.2f}")
print("What was added is the smoothest of the three." if alike["difference"] > alike["after"] else
      "What was added is no smoother than the filters themselves.")  # fmt: skip
if has_voice():
    assert likeness_of_neighbours(after - before) > 0.5 > abs(likeness_of_neighbours(before))

# %% [markdown]
# Nobody asked for smoothness. But each step adds a multiple of the gradient, the gradient is a sum of
# pieces of spectrograms, and in those a number is like its neighbours. And the noise of the beginning is
# still there: in so short a training nothing has pulled it down. (Filters in publications look cleaner;
# longer training and weight decay are perhaps the reason. We have not tried.)
#
# ## What the filters respond to
#
# A filter alone may deceive: it acts together with what follows. So we ask the recordings. For each
# channel we look for the place in each held-out utterance at which its output is largest, take the
# 24 strongest places, and average what the spectrogram shows there. That average is *what it
# responds to*.

# %%
time_pad, frequency_pad = after.shape[1] // 2, after.shape[2] // 2
stride_t, stride_f = config.conv[0].stride
strongest = [[] for _ in range(C)]  # of each channel: (output, piece of spectrogram, frequency)
for spectrogram in xs:
    response = run(model, spectrogram)["conv1"]  # (C, T, F) before normalisation
    padded = np.pad(spectrogram, ((time_pad, time_pad), (frequency_pad, frequency_pad)))
    for c in range(C):
        t, f = np.unravel_index(response[c].argmax(), response[c].shape)
        piece = padded[stride_t * t :, stride_f * f :][: after.shape[1], : after.shape[2]]
        np.testing.assert_allclose(
            (piece * after[c]).sum(), response[c, t, f], rtol=1e-2, atol=1e-2
        )
        strongest[c].append(
            (response[c, t, f], piece, stride_f * f * RATE / 2 / (config.features - 1))
        )

pieces = []
for c in range(C):
    best = sorted(strongest[c], key=lambda found: -found[0])[:24]
    pieces.append(np.mean([piece for _, piece, _ in best], axis=0))
    places = np.array([hertz for _, _, hertz in best])
    print(f"channel {c}: strongest near {np.median(places):4.0f} Hz (median of {len(best)} places)")

# %%
figure, axes = plt.subplots(2, C, figsize=(9, 3.8), layout="constrained")
plot_patches(after, axes[0], "filter")
plot_patches(np.array(pieces), axes[1], "responds to")
for c, axis in enumerate(axes[0]):
    axis.set_title(f"channel {c}", fontsize=10)
show(
    figure,
    "Above, the eight filters after training; below, the mean piece of spectrogram that excites "
    "each of them most: beginnings and ends of sounds, and bands that stay or move.",
)

# %% [markdown]
# An upright border, dark on the left and light on the right, is the *beginning* of a sound; light
# on the left, its end. Horizontal bands are tones or resonances that stay, slanting ones move. The
# assertion in the loop says that we have understood the layer: piece times filter, added up, *is*
# its output (there is no bias; the next layer adds one).
#
# And in our example? Each picture below shows one channel after normalisation and clipped ReLU, as
# the recurrent layers receive it.

# %%
maps = outputs["conv1_relu"]  # (C, T, F)
shares = (maps > 0).mean(axis=(1, 2))
raw_shares = (run(untrained, x)["conv1_relu"] > 0).mean(axis=(1, 2))

# %%
figure, axes = plt.subplots(2, C // 2, figsize=(9.5, 3.6), layout="constrained", sharey=True)
for c, axis in enumerate(axes.flat):
    plot_map(maps[c], SECONDS, KHZ, axis, f"channel {c}")
    axis.label_outer()
show(
    figure,
    "Eight pictures of the example, one for each channel: some light up where a sound begins, some "
    "where it ends, some along the resonances of a vowel.",
)

# %%
print("share of places where a channel is above 0, from channel 0 on")
for name, of_all in (("trained", shares), ("untrained", raw_shares)):
    print(f"{name:10}", "  ".join(f"{share:.0%}" for share in of_all))

# %% [markdown]
# ## Where does it look?
#
# The loss is a function of the spectrogram, too. Its gradient $\partial\, \text{loss} / \partial x$,
# of shape $(T, F)$ like $x$ itself, says for each time and frequency how much the loss would change
# if there were a little more sound. Training throws this gradient away; we draw its size. Such a
# picture is called a *saliency map*.
#
# More telling than the whole loss is one word of it. We take the log probability of the symbols on
# the best path, in the frames of one word only. Its gradient by the logits is known from chapter 05:
# one-hot minus softmax, in these frames, and 0 in all others. `model.backward` does the rest.


# %%
def gradient_of_word(model, x, path, frames):
    """Differentiate the log probability of a path's symbols in some frames by x: (T, F)."""
    logits, _ = model.forward(x[None], np.array([len(x)]))
    dlogits = np.zeros_like(logits)
    dlogits[0, frames] = (
        np.eye(logits.shape[2])[path[frames]] - np.exp(log_softmax(logits))[0, frames]
    )
    return model.backward(dlogits)[0]


words, begins = text.split(), np.cumsum([0] + [len(word) + 1 for word in text.split()])
spans = [
    slice(alignment.starts[begin], alignment.ends[begin + len(word) - 1])
    for word, begin in zip(words, begins[:-1], strict=True)
]
saliency = [np.abs(gradient_of_word(model, x, alignment.path, span)) for span in spans]
raw_saliency = [np.abs(gradient_of_word(untrained, x, alignment.path, span)) for span in spans]

# %%
figure, axes = plt.subplots(
    len(words) + 1, 1, figsize=(7, 1.5 * (len(words) + 1)), layout="constrained", sharex=True
)
plot_spoken(x, text, times, config.stride_ms, RATE, axes[0])
for axis, word, span, size in zip(axes[1:], words, spans, saliency, strict=True):
    size = size / max(np.quantile(size, 0.995), 1e-12)
    plot_map(size, SECONDS, KHZ, axis, f"where “{word}” looks", (0, 1))
    for edge in (span.start, span.stop):
        axis.axvline(edge * config.frame_ms / 1000, color="white", lw=1, ls="--")
for axis in axes:
    axis.label_outer()
show(
    figure,
    "The spectrogram of the example, and below it, for each word, the size of the gradient: light "
    "around the time at which the word is written, and dark elsewhere.",
)

# %% [markdown]
# Each word has its own stretch of sound, though the recurrent layers could look anywhere. Dashed
# lines mark where the word is written. It is tempting to say that the network has learned that what
# is far away does not matter. Predict first: how near does the untrained network look?

# %%
centres = (np.arange(len(x)) + 0.5) * config.stride_ms


def share_near(size, span):
    """Share of a map that lies within 300 ms of the middle of a word."""
    middle = (span.start + span.stop) / 2 * config.frame_ms
    return size[np.abs(centres - middle) < 300].sum() / size.sum()


print("share of the gradient within 300 ms of the middle of the word's letters")
near = np.array(
    [[share_near(size, span) for size in both]
     for span, *both in zip(spans, saliency, raw_saliency, strict=True)]
)  # fmt: skip
for word, (trained_share, raw_share) in zip(words, near, strict=True):
    print(f"{word:6} trained {trained_share:.0%}, untrained {raw_share:.0%}")
alike = np.abs(np.diff(near, axis=1)).max() < 0.1
print("The untrained network looks as near as the trained one: this was not learned." if alike
      else "The two differ: training has changed how far the network looks.")  # fmt: skip

# %% [markdown]
# Where a network that has learned nothing looks as near, the nearness belongs to the *architecture*. (A
# likely reason: the gates of a fresh GRU stand about half open, so its state fades within a few frames,
# and so does its gradient.)
#
# **Test such pictures before you believe them.** First, is it a gradient at all? It has to predict
# what a small step does. Second, would an *untrained* network draw the same? A map that does not
# depend on what was learned shows the spectrogram, not the network (Adebayo et al. call this a
# sanity check). Some likeness is to be expected, since in either network a frame hears most of what is
# near it; the same map would be a warning.

# %%
span, size = spans[0], saliency[0]
gradient = gradient_of_word(model, x, alignment.path, span)


def of_path(x):
    """Add up the log probabilities of the path's symbols in the frames of the first word."""
    log_p = log_softmax(run(model, x)["output"].astype(np.float64))
    frames = np.arange(span.start, span.stop)
    return log_p[frames, alignment.path[frames]].sum()


step = rng.standard_normal(x.shape).astype(np.float32)
step *= np.float32(0.02) * np.sign((gradient * step).sum()) / np.abs(step).max()
measured = of_path(x + step) - of_path(x - step)
print(f"a small step: predicted {2 * (gradient * step).sum():+.2e}, measured {measured:+.2e}")

r = np.corrcoef(size.ravel(), raw_saliency[0].ravel())[0, 1]
print(f"correlation with the map of the untrained network: {r:.2f}")
print("The two maps are nearly the same: this picture shows the sound, not what was learned."
      if r > 0.9 else "The two maps differ: this picture shows something that was learned.")  # fmt: skip

# %% [markdown]
# ### A second opinion: cover it
#
# A gradient tells about *small* changes. Another way to ask is to cover a part of the spectrogram
# and see how much the loss rises. We cover with 0, which is the mean of each frequency, since the
# input is normalised. A tile of 80 ms and 500 Hz is covered at a time, and all covered copies run
# through the network as one minibatch. Predict first: will the tiles that raise the loss most be those
# with the largest gradient? And will the same tiles matter to the untrained network?

# %%
TILE = 8, 10  # frames, frequencies
copies = ready.occlusions(x, *TILE)  # (tiles, T, F); you write it below


def loss_of(model, xs):
    """Compute the loss of the example's text for many spectrograms of one length."""
    logits, frames = model.forward(xs, np.full(len(xs), xs.shape[1]))
    given = np.tile(labels, (len(xs), 1))
    losses, _ = ctc_loss(logits, given, frames, np.full(len(xs), len(labels)))
    model.clear_cache()
    return losses


def rise_by_tile(model):
    """Say how much the loss rises when a tile is covered: (tiles over time, over frequency)."""
    rise = loss_of(model, copies) - loss_of(model, x[None])
    return rise.reshape(-1, -(-config.features // TILE[1]))


rise, raw_rise = rise_by_tile(model), rise_by_tile(untrained)
gradients = np.add.reduce([np.abs(g) for g in saliency])
tops = np.arange(0, len(x), TILE[0]), np.arange(0, config.features, TILE[1])
pooled = np.add.reduceat(np.add.reduceat(gradients, tops[0], axis=0), tops[1], axis=1)

# %%
figure, axes = plt.subplots(2, 1, figsize=(8, 4), layout="constrained", sharex=True)
for axis, tiles, title in (
    (axes[0], np.log10(np.maximum(rise, 1e-3) / 1e-3), "rise of the loss when covered (logarithm)"),
    (axes[1], pooled, "size of the gradient, of all words, added up over the tile"),
):
    shares = np.kron(tiles / max(tiles.max(), 1e-9), np.ones(TILE))[: len(x), : config.features]
    plot_map(shares, SECONDS, KHZ, axis, title, (0, 1))
    axis.label_outer()
show(
    figure,
    "Two maps of tiles over the example. Above, how much the loss rises when a tile is covered; below, "
    "the size of the gradient. The lightest tile is, above, at "
    + ", and below at ".join(
        f"{t * 0.08:.2f} s and {f * 500} Hz"
        for t, f in (np.unravel_index(tiles.argmax(), tiles.shape) for tiles in (rise, pooled))
    )
    + ".",
)


# %%
def rank_correlation(a, b):
    """Correlate the places of all tiles in the orders of two maps."""
    return np.corrcoef(*(np.argsort(np.argsort(tiles.ravel())) for tiles in (a, b)))[0, 1]


t, f = np.unravel_index(rise.argmax(), rise.shape)
print(f"{len(copies)} tiles; covering the worst one raises the loss by {rise.max():.2f}")
print(f"it lies at {t * 0.08:.2f} s, from {f * 500} Hz on")
agreed = rank_correlation(np.abs(rise), pooled)
print(f"rank correlation of the two maps: {agreed:.2f}")
print("The two ways agree on most tiles." if agreed > 0.8 else
      "The two ways agree in part." if agreed > 0.3 else "The two ways hardly agree.")  # fmt: skip
alike = rank_correlation(np.abs(rise), np.abs(raw_rise))
print(f"rank correlation with the untrained network's map of covered tiles: {alike:.2f}")
print("Most of the map is the sound's own." if alike > 0.7 else
      "A part of the map is the sound's own, the rest was learned." if alike > 0.3 else
      "Other tiles matter to the untrained network: this map was learned.")  # fmt: skip

# %% [markdown]
# The rank correlation is 1 for the same order of all tiles, and 0 for no likeness. The two need not
# agree: the gradient asks for the slope where we stand, covering for what lies at the end of a long
# step. A network that is sure of itself may have hardly any slope at a place that it cannot do without.
#
# ### Exercise 10.1: cover it tile by tile
#
# Write `occlusions(x, frames, bins)`: all copies of `x`, $(T, F)$, in which one tile of so many
# frames and frequencies is 0, as an array of shape $(\text{tiles}, T, F)$. Tiles stand side by side
# from the first frame and the first frequency on; where they do not divide $T$ or $F$ the last ones
# are smaller. The first tiles are those of the lowest frequency, then the next frequencies, and
# only then the next frames. For $x$ of shape $(5, 7)$ and tiles of 2 by 3 there are 9 copies.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `x` | $x$ | array of floats | $(T, F)$ | spectrogram |
# | `frames` | | int | | frames of a tile, at least 1 |
# | `bins` | | int | | frequencies of a tile, at least 1 |
# | result | | array of floats | (tiles, $T$, $F$) | one copy of `x` for each tile, 0 within it |
#
# Replace `raise NotImplementedError` by your code, run the cell, then run the check below it. What
# is correct is kept in a file of yours, `my_ds2np.py`, beside the folder of the chapters. No later
# cell needs your answer. [Solutions](solutions/10_what_it_learned.py) are apart.


# %%
def occlusions(x, frames, bins):
    """Cover x, (T, F), with 0 in one tile of (frames, bins) at a time; return (tiles, T, F)."""
    raise NotImplementedError


# %%
check("10.1", occlusions)

# %% [markdown]
# ## What it hears when a band is missing
#
# The same idea over the whole held-out set: we cut the frequencies into eight bands of 500 Hz, cover
# one band from beginning to end in all utterances, and count the mistakes. Then the reverse: only
# this band is left. Predict first: which band will be missed most? And is there one that suffices alone?

# %%
hertz = np.arange(config.features) * RATE / 2 / (config.features - 1)  # of each column
bands = np.minimum(hertz // 500, 7)  # 0 to 7


def transcribe(xs):
    """Write down many spectrograms, 40 at a time."""
    texts = []
    for first in range(0, len(xs), 40):
        logits, frames = model.forward(*pad(xs[first : first + 40], np.float32))
        texts += greedy_decode(logits, frames, alphabet)
    model.clear_cache()
    return texts


rates = {"one band covered": [], "only this band left": []}
for band in range(8):
    for name, kept in zip(rates, (bands != band, bands == band), strict=True):
        hyps = transcribe([x * kept.astype(np.float32) for x in xs])
        rates[name].append((score.wer(test_set.texts, hyps), score.cer(test_set.texts, hyps)))

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
for axis, (name, found) in zip(axes, rates.items(), strict=True):
    for i, (fill, label) in enumerate((("0.25", "words"), ("white", "characters"))):
        heights = [100 * pair[i] for pair in found]
        axis.bar(np.arange(8) + 0.4 * i - 0.2, heights, 0.4, color=fill, ec="black", label=label)
    for rate, style in ((result.wer, "-"), (result.cer, ":")):
        axis.axhline(100 * rate, color="0.5", ls=style, lw=1)
    axis.set_xticks(np.arange(8), [f"{b / 2:g}" for b in range(8)])
    axis.set(title=name, xlabel="lower edge of the band (kHz)", ylabel="error rate (%)")
    axis.label_outer()
axes[0].legend()
show(
    figure,
    "Error rates of words and characters for each of eight frequency bands. Left, with this band "
    "covered; right, with this band alone. Words that are wrong, from the lowest band to the highest: "
    + "; ".join(
        f"{name}: " + ", ".join(f"{100 * words:.0f}" for words, _ in found)
        for name, found in rates.items()
    )
    + " %. Lines are the rates with all bands.",
)

# %%
worst = int(np.argmax([pair[1] for pair in rates["one band covered"]]))
print(f"all bands: {result}; most missed: {500 * worst} to {500 * worst + 500} Hz")
alone = min(words for words, _ in rates["only this band left"])
print(f"The best band alone leaves {alone:.0%} of the words wrong: "
      + ("one band suffices." if alone < 0.2 else "no band suffices alone."))  # fmt: skip
if has_voice():
    assert 500 * worst < 2500

# %% [markdown]
# Vowels have their strongest resonances below some 2,500 Hz; telephones cut off everything above 3,400
# Hz, and people understand each other all the same. Mind what this measures: a network that has never
# met a missing band. One that is trained with bands covered at random (chapter 08) may do better
# without.
#
# Let us hear what that is, the band that is missed most cut out of our example:

# %%
low, high = 500 * worst, 500 * worst + 500
spectrum = np.fft.rfft(sound)
frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
inside = (frequencies >= low) & (frequencies < high)
cut = np.fft.irfft(np.where(inside, 0, spectrum), len(sound)).astype(np.float32)
play(cut, RATE, f"{text}, without {low} to {high} Hz")
print("covered in the spectrogram, it writes:", repr(transcribe([x * (bands != worst)])[0]))

softer = np.fft.irfft(np.where(inside, 0.1, 1) * spectrum, len(sound)).astype(np.float32)
changed_by = np.abs(features(softer) - x)
print(f"20 dB softer in the sound: {transcribe([features(softer)])[0]!r};")
print(
    f"its spectrogram changes by {changed_by.mean():.2f} on average, its deviation is {x.std():.2f}"
)

# %% [markdown]
# <details><summary><b>We covered the band in the spectrogram. Why not make it softer in the
# sound?</b> Think first, then look at the last two lines.</summary>
#
# Because the network would not notice. To make a band ten times softer divides its power by 100 in
# every frame; in the logarithm that subtracts a constant; and normalisation takes the mean of each
# frequency out. Only at the edges of the band, and where almost nothing was there to begin with,
# does something change. This is what normalisation is for: microphones and telephones do just this
# to a voice.
# </details>

# %% [markdown]
# ## Hidden states over time
#
# The first recurrent layer has $H$ units in each of two directions. The forward direction reads the
# frames from the first to the last, the backward direction from the last to the first, and their
# states are added. We take the layer apart with the package's own pieces: the product with $W$, the
# normalisation, and the recursion over a turned and an unturned copy.


# %%
def directions(model, name, x):
    """Compute the states (T, H) of both directions of a recurrent layer for one utterance."""
    layer, lengths, out = model.sublayers[name], np.array([len(x)]), x[None]
    for other, before_it in model.sublayers.items():
        if other == name:
            break
        out = before_it.forward(out, lengths)
        lengths = before_it.out_lengths(lengths)
    a, _ = linear_forward(out, layer.params["W"])
    a = layer.norm.forward(a, lengths).transpose(1, 0, 2)  # (T, 1, 3H)
    start = np.zeros((2, 1, layer.H), a.dtype)
    h, _ = gru_forward(np.stack([a, a[::-1]]), layer.params["U"], start)  # (2, T, 1, H)
    return h[0, :, 0], h[1, ::-1, 0]


forward, backward = directions(model, "gru1", x)
np.testing.assert_allclose(forward + backward, outputs["gru1"], atol=1e-4)
print("the two directions add up to what the layer hands on:", forward.shape)

# %%
shown = np.argsort(-forward.var(axis=0))[:40]  # the most lively units, in the order of their means
shown = shown[np.argsort(forward[:, shown].mean(axis=0))]
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
for axis, h, name in zip(axes, (forward, backward), ("forward", "backward"), strict=True):
    plot_states(h[:, shown], axis, name, "unit", config.frame_ms / 1000)
show(
    figure,
    "The states of forty units over time, in the forward and in the backward direction: streaks of "
    "light and dark that begin and end with the sounds, some short, some long.",
)

# %% [markdown]
# Pretty, and of little use: among so many streaks one finds whatever one looks for. So we measure.
#
# ### Does it remember, and does it foresee?
#
# Take one plain fact about a frame: how loud it is. Can we read from the state at frame $t$ how loud
# it was some time *before*, or will be *after*? A *linear probe* finds the best weighted sum of all
# units on one half of the utterances, by least squares. We look at its correlation with the truth on
# the **other half**, whose speakers say something else.
#
# Predict first: what will the forward direction know of the past and of the future? And does a network
# know the past that has learned nothing?

# %%
halves = range(0, len(xs), 2), range(1, len(xs), 2)
loudness = [x.mean(axis=1)[::2] for x in xs]  # at the rate of the recurrent layers


def pairs(hidden, half, direction, shift):
    """Collect states (frames, H), and the loudness so many frames later, of some utterances."""
    states, facts = [], []
    for i in half:
        h = hidden[i][direction]
        first, last = max(0, -shift), len(h) - max(0, shift)
        if last <= first:
            continue  # shorter than the shift
        states.append(h[first:last])
        facts.append(loudness[i][first + shift : last + shift])
    return np.concatenate(states), np.concatenate(facts)


shifts = np.arange(-16, 17, 4)  # frames of 20 ms
knowledge = {}
for name, network in (("trained", model), ("untrained", untrained)):
    hidden = [directions(network, "gru1", x) for x in xs]
    for direction, where in enumerate(("forward", "backward")):
        knowledge[where, name] = []
        for shift in shifts:
            states, facts = pairs(hidden, halves[0], direction, shift)
            others, truth = pairs(hidden, halves[1], direction, shift)
            read = ready.linear_probe(states, facts, others)  # you write it below
            knowledge[where, name].append(np.corrcoef(read, truth)[0, 1])

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
for (where, name), curve in knowledge.items():
    axis = axes[int(where == "backward")]
    style = "o-" if name == "trained" else "s--"
    axis.plot(shifts * config.frame_ms / 1000, curve, style, color="black", ms=4, label=name)
    axis.set(title=where, xlabel="past  ←  time from the frame (s)  →  future")
for axis in axes:
    axis.axvline(0, color="0.7", lw=1)
    axis.set_ylim(min(0, *map(min, knowledge.values())), 1)
axes[0].set_ylabel("correlation")
axes[0].legend()
sides = {
    key: (np.mean(np.array(curve)[shifts < 0]), np.mean(np.array(curve)[shifts > 0]))
    for key, curve in knowledge.items()
}
show(
    figure,
    "How well the loudness at another time can be read from the state. Means over the past and over "
    "the future: "
    + "; ".join(
        f"{where}, {name}: {past:.2f} and {future:.2f}"
        for (where, name), (past, future) in sides.items()
    )
    + ".",
)

# %%
for (where, name), (past, future) in sides.items():
    print(f"{where:9}{name:10} past {past:.2f}, future {future:.2f}")


def knows_its_side(name):
    past, future = sides["forward", name]
    return past > future and sides["backward", name][1] > sides["backward", name][0]


print("Trained: the forward direction knows the past, the backward direction the future."
      if knows_its_side("trained") else "Trained: neither direction has a side of its own.")  # fmt: skip
print("So it is in the untrained network: the sides belong to the recursion, and were not learned."
      if knows_its_side("untrained") else
      "In the untrained network it is not so: the sides were learned.")  # fmt: skip
own = {
    name: (sides["forward", name][0] + sides["backward", name][1]) / 2
    for name in ("trained", "untrained")
}
learned = own["trained"] - own["untrained"]
print(f"What training has added to what a direction knows of its own side: {learned:+.2f}: "
      + ("more of it can be read." if learned > 0.05 else
         "less of it can be read." if learned < -0.05 else "next to nothing."))  # fmt: skip
forward_curve, backward_curve = (knowledge[where, "trained"] for where in ("forward", "backward"))
ahead = np.array(backward_curve) - np.array(forward_curve)  # (shifts,), of the backward direction
lead = (ahead - ahead[::-1])[shifts > 0] / 2  # of the own side over the other one, by distance
distances = shifts[shifts > 0] * config.frame_ms / 1000
print("its own side less the other one, by distance: "
      + ", ".join(f"{d:.2f} s: {by:+.2f}" for d, by in zip(distances, lead, strict=True)))  # fmt: skip
seen = ", ".join(f"{d:.2f}" for d in distances[lead > 0.05])
print(f"A difference of more than 0.05 is seen at {seen or 'no distance'}{' s' if seen else ''}.")
if has_voice():
    assert knows_its_side("trained")

# %% [markdown]
# Neither curve falls to zero at once on its blind side: the convolution sees 50 ms ahead, and the
# loudness of speech can be guessed a little from what went before. A network for live speech has no
# backward direction. The paper's row convolution gives it back a few frames of the future.
#
# ### Exercise 10.2: a linear probe
#
# Write the function that was used above. `linear_probe(states, facts, new_states)` finds weights $w$,
# one for each unit, and a constant $b$ that make $\sum_m (h_m \cdot w + b - y_m)^2$ smallest, over the
# states $h_m$ and facts $y_m$ that are given. It returns $h \cdot w + b$ for each *new* state.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `states` | $h_m$ | array of floats | $(M, H)$ | states of $M$ frames, of $H$ units |
# | `facts` | $y_m$ | array of floats | $(M,)$ | what is true of these frames |
# | `new_states` | $h$ | array of floats | $(K, H)$ | states of other frames |
# | result | $h \cdot w + b$ | array of floats | $(K,)$ | what the probe says of those |
#
# There are more frames than units. For states `[[0], [1], [2]]` and facts `[1, 3, 5]` the new states
# `[[10]]` give `[21]`. NumPy may be used, `np.linalg.lstsq` as well.
# [Solutions](solutions/10_what_it_learned.py) are apart.


# %%
def linear_probe(states, facts, new_states):
    """Fit facts, (M,), by states, (M, H), and a constant; say what is true of new_states: (K,)."""
    raise NotImplementedError


# %%
check("10.2", linear_probe)

# %% [markdown]
# ### Is there a unit for each letter?
#
# For each unit of the second recurrent layer and each letter: how much does the unit go with the
# frames in which the alignment writes this letter? With 96 units and many letters something always
# fits by chance. So again we *choose* the best unit on one half and *measure* on the other. And we
# ask the layer as a whole, by a linear probe for the letter's frames. Both are done with the untrained
# network as well.
#
# Why not ask the output layer, which computes a probability of each letter from the same 96 units?
# Because it would judge itself: the frames of a letter come from an alignment of that very output, so
# it agrees with them nearly by construction. We print it in the last column to show how flattering
# such a circle is.
#
# Predict first: will the best of 96 units tell a letter as well as all of them together? And how well
# can the layer of a network do that has learned nothing?


# %%
def correlate(values, happens):
    """Correlate each column of (frames, units) with what happens (frames,), yes or no."""
    values, happens = values - values.mean(axis=0), happens - happens.mean()
    sizes = np.sqrt((values**2).sum(axis=0) * (happens**2).sum())
    return happens @ values / np.maximum(sizes, 1e-9)


def probe(h, k):
    """Find the weighted sum of all units for symbol k on one half; correlate it on the other."""
    read = ready.linear_probe(h[0], (written[0] == k).astype(float), h[1])
    return correlate(read[:, None], written[1] == k)[0]


# %%
good = [i for i in right if test_set.texts[i]] or list(range(len(xs)))
runs, raw = {i: run(model, xs[i]) for i in good}, {i: run(untrained, xs[i]) for i in good}
paths = {
    i: forced_align(log_softmax(runs[i]["output"]), alphabet.encode(test_set.texts[i])).path
    for i in good
}
halves = good[0::2], good[1::2]


def collect(runs, name):
    """Put the frames of each half together, of one layer."""
    return [np.concatenate([runs[i][name] for i in half]) for half in halves]


written = [np.concatenate([paths[i] for i in half]) for half in halves]
trained_h, raw_h, logits = collect(runs, "gru2"), collect(raw, "gru2"), collect(runs, "output")
rows = []
for k in range(len(symbols)):
    if min((half == k).sum() for half in written) < 20:
        continue  # too rare to say anything about
    row = [k]
    for h in (raw_h, trained_h):
        unit = np.abs(correlate(h[0], written[0] == k)).argmax()
        row += [unit, abs(correlate(h[1], written[1] == k)[unit]), probe(h, k)]
    probability = np.exp(log_softmax(logits[1]))[:, [k]]
    rows.append((*row, correlate(probability, written[1] == k)[0]))

print("                untrained                trained         the output")
print("symbol   best unit    r  all 96   best unit    r  all 96   of itself")
for k, raw_unit, raw_r, raw_all, unit, r, of_all, circle in rows:
    print(f"{symbols[k]!r:8}{raw_unit:10}{raw_r:5.2f}{raw_all:8.2f}"
          f"{unit:12}{r:5.2f}{of_all:8.2f}{circle:12.2f}")  # fmt: skip

# %%
table = np.array([(raw_r, raw_all, r, of_all) for _, _, raw_r, raw_all, _, r, of_all, _ in rows])
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
for curve, style, fill, name in zip(
    table.T,
    ("s", "s", "o", "o"),
    ("white", "0.6", "white", "black"),
    ("untrained, best unit", "untrained, all units", "trained, best unit", "trained, all units"),
    strict=True,
):
    axis.plot(curve, style, color="black", ms=6, label=name, mfc=fill)
names = [symbols[k].replace(" ", "␣") for k, *_ in rows]
axis.set_xticks(range(len(names)), names)
axis.set(ylabel="correlation, other half", ylim=(0, 1.02), xlabel="symbol")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
show(
    figure,
    "For each symbol four marks: the correlation of the best unit and of all units together, of the "
    "untrained network and of the trained one, with means of "
    + ", ".join(f"{mean:.2f}" for mean in table.mean(axis=0))
    + ", in this order.",
)

# %%
raw_unit, raw_all, one_unit, all_units = table.mean(axis=0)
print(f"mean, untrained: best unit {raw_unit:.2f}, all units {raw_all:.2f}")
print(f"mean, trained:   best unit {one_unit:.2f}, all units {all_units:.2f}")
print(f"mean of the circle, the output asked about itself: {np.mean([r[-1] for r in rows]):.2f}")
spread, learned = all_units > one_unit + 0.1, all_units > raw_all + 0.1
print(
    ("All units together tell a letter far better than the best of them" if spread
     else "All units together hardly do better than the best of them")
    + ("; and far better than the units of the untrained network." if learned
       else "; and hardly better than the units of the untrained network.")
)  # fmt: skip
if has_voice():
    assert raw_unit < one_unit < all_units > raw_all

# %% [markdown]
# A single unit is a poor witness for its letter, while all of them together are a better one. The
# knowledge is *distributed*: a letter is a direction in the space of 96 numbers, not one of its
# axes. And not all of it was learned: the layer of the untrained network is a random mixture of what
# was heard, and a linear probe finds in it what is there to be found. What training adds is the
# difference between "untrained, all units" and "trained, all units". Alain and Bengio (2016) follow
# such probes from layer to layer. "The neuron for x" makes a good story; before believing one, ask how
# it was chosen, on what it was measured, and what the best of as many random ones would do.
#
# Here is the best of ours all the same, over our example, together with the unit of the layer that
# *keeps* longest: the one most like itself 100 ms earlier, chosen on one half, measured on the
# other.

# %%
LAG = round(100 / config.frame_ms)


def keeping(half):
    """Correlate each unit with itself LAG frames before, over the utterances of a half."""
    now = np.concatenate([runs[i]["gru2"][LAG:] for i in half])
    before = np.concatenate([runs[i]["gru2"][:-LAG] for i in half])
    now, before = now - now.mean(axis=0), before - before.mean(axis=0)
    return (now * before).sum(axis=0) / np.sqrt((now**2).sum(axis=0) * (before**2).sum(axis=0))


k, _, _, _, letter_unit, letter_r, *_ = max(
    (row for row in rows if row[0] > 0), key=lambda row: row[5]
)
keeper, quickest = keeping(halves[0]).argmax(), keeping(halves[0]).argmin()
h = outputs["gru2"]
notes = (
    (letter_unit, f"unit {letter_unit}: goes with {symbols[k]!r}, r = {letter_r:.2f} in size"),
    (keeper, f"unit {keeper}: keeps, r = {keeping(halves[1])[keeper]:.2f} over 100 ms"),
    (quickest, f"unit {quickest}: forgets, r = {keeping(halves[1])[quickest]:.2f} over 100 ms"),
)

# %%
figure, axes = plt.subplots(3, 1, figsize=(8, 5.2), layout="constrained", sharex=True)
for axis, (unit, note) in zip(axes, notes, strict=True):
    plot_trace(h[:, unit], text, times, config.frame_ms, axis)
    axis.set_title(note, loc="left", fontsize=10, pad=16)
    axis.label_outer()
show(
    figure,
    "Three units over the example, with the letters where they are written. The first rises or "
    "falls at its letter, the second changes slowly, the third goes up and down quickly.",
)

# %%
folder.cleanup()  # the recordings are deleted

# %% [markdown]
# ## What the paper reports
#
# This chapter goes beyond the paper. What the paper's tables do say about what a network listens to,
# they say by leaving things out. Filters over time *and* frequency rather than over time alone make
# the greatest difference under noise: with one convolution, 19.36 % of the words are wrong on the
# noisy development set with 1D filters and 16.22 % with 2D filters, against 9.52 % and 8.94 % on the
# regular one (its table on convolutions). And noise is added to 40 % of the training utterances,
# chosen at random.
#
# A word of history: Zeiler and Fergus looked into networks for pictures in 2014 by the means of this
# chapter, by what excites a filter most and by covering a part of the input; Simonyan, Vedaldi and
# Zisserman drew gradients by the input in 2013.
#
# What can be seen at our size: that what training adds to filters is smooth, that the two directions
# know past and future, that knowledge is distributed. What cannot: what the filters of a network look
# like that has heard thousands of hours.
#
# ## Summary
#
# * A picture of what was learned needs a control: the untrained network, another half of the data.
# * Filters show what they want; the pieces that excite them most show what they get.
# * A picture of where a network looks is to be tested, too: does it predict what a small step does, and
#   would an untrained network draw the same?
# * The gradient by the input tells about small changes, covering about large ones.
# * Normalisation takes out what microphones do to a band.
# * A probe is fitted on one half and judged on the other. The forward direction knows the past, the
#   backward direction the future; that is the recursion's doing.
# * Letters are directions in the space of hidden units rather than single units.
#
# **In production** one would watch a recogniser with just these means: error rates by band, noise and
# speaker rather than one number, and probes for what its layers know. [Chapter
# 18](18_a_word_nobody_said.ipynb) follows the gradient further, to the samples, until the network hears
# a word that nobody has said.
#
# ## Further reading
#
# * K. Simonyan, A. Vedaldi, A. Zisserman: *Deep inside convolutional networks: visualising image
#   classification models and saliency maps*, 2013.
# * M. Zeiler, R. Fergus: *Visualizing and understanding convolutional networks*, 2014.
# * A. Karpathy, J. Johnson, L. Fei-Fei: *Visualizing and understanding recurrent networks*, 2015.
# * G. Alain, Y. Bengio: *Understanding intermediate layers using linear classifier probes*, 2016.
# * J. Adebayo and others: *Sanity checks for saliency maps*, 2018.
# * In the package: [viterbi.py](../ds2np/ctc/viterbi.py), [gru.py](../ds2np/layers/gru.py),
#   [conv.py](../ds2np/layers/conv.py).
