# %% [markdown]
# # 18  A word nobody said
#
# Someone says "one". We change the sound a little, so little that it is hard to hear, and the network
# writes "seven". All that it takes is the gradient that the book has built, followed to its very end:
# back to the samples of the waveform.
#
# ![The network from sound to text; framed is all from the samples to the
# loss.](images/network_18.svg)
#
# **You will be able to**
#
# * carry a gradient from a text back to the samples of a sound, and check it;
# * change a sound, softly, until a network writes another text;
# * say why a soft change suffices if it is aimed, and show it by a control;
# * test what survives noise, MP3, a shift, another network;
# * say what such a sound does and does not prove.
#
# **You need** the idea of a gradient, and an idea of the network; [chapter 00](00_ten_minutes.ipynb)
# is enough. The backward passes come from [01](01_sound.ipynb) (spectrogram) and
# [02](02_convolution.ipynb) to [05](05_ctc.ipynb) (the network, CTC);
# [chapter 10](10_what_it_learned.ipynb) looks into the same network from other sides.
# **Reading time** 50 minutes; the cells take one or two.
#
# ## The idea in one picture
#
# Training holds the *sound* fixed and moves the *weights*, downhill in the loss of what was said. Here
# we hold the weights fixed and move the sound, downhill in the loss of what we *want* to be heard.
# Nothing else changes; it is the same gradient.
#
# ![The way from waveform to CTC and the way of the gradient back: through the network,
# normalisation, logarithm and power, and the short-time Fourier transform to the
# samples.](images/gradient_18_way_back.svg)

# %%
import io
import subprocess
import sys
import tempfile
from pathlib import Path
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
import soundfile

from ds2np.audio import load_audio, normalisation
from ds2np.audio.effects import add_noise
from ds2np.audio.features import Features
from ds2np.audio.frames import frame_sizes
from ds2np.audio.spectrogram import (
    clip_spectrogram_backward,
    clip_spectrogram_forward,
    log_spectrogram_forward,
)
from ds2np.ctc import ctc_loss
from ds2np.data.batches import pad
from ds2np.data.dataset import Dataset
from ds2np.decode.greedy import greedy_decode
from ds2np.evaluate import evaluate
from ds2np.gradcheck import compare_gradients, numerical_gradient, perturb
from ds2np.layers import log_softmax
from ds2np.learn import check, play, show, toy
from ds2np.learn.exercises import chapter18 as ready
from ds2np.learn.sound import has_voice, say
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.model.checkpoint import save_checkpoint
from ds2np.plots import plot_map, plot_probabilities
from ds2np.recogniser import Recogniser

# %% [markdown]
# ## A network, and somebody who says "one"
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
# From here on the weights of this network stay as they are. Somebody whom it does not know says
# "one". We want it to write "seven". (Change the two words and run the cells again: any text that the
# sound is long enough for will do.)

# %%
SAID, WANTED = "one", "seven"
alphabet, features = config.alphabet(), Features(config)


def heard_by(network, samples):
    """Let a network write down what it hears."""
    x = features(samples)
    logits, frames = network.forward(x[None], np.array([len(x)]))
    return greedy_decode(logits, frames, alphabet)[0]


for voice in (f"{accent}+{name}" for name in toy.OTHER_SPEAKERS for accent in toy.ACCENTS):
    spoken = say(SAID, RATE, voice)
    if heard_by(model, spoken) == SAID:
        break  # the first voice that is understood
print(f"voice {voice}, {len(spoken)} samples, {len(spoken) / RATE:.2f} s")
print("the network writes:", heard_by(model, spoken))
play(spoken, RATE, f"said: {SAID}")

# %% [markdown]
# ## From the text back to the waveform
#
# The gradient by the spectrogram, which chapter 10 draws, is not enough: not every table of numbers is
# the spectrogram of a sound. We have to go on, through normalisation, logarithm, power and Fourier
# transform, down to the samples.
#
# Let $s$ be the samples, $P$ the log power of shape $(T, F)$, $x$ the normalised spectrogram, $a$
# the logits. Then
#
# $$\frac{\partial\, \text{loss}}{\partial s} =
# \frac{\partial P}{\partial s}^{\!\top} \; \frac{\partial x}{\partial P}^{\!\top} \;
# \frac{\partial a}{\partial x}^{\!\top} \; \frac{\partial\, \text{loss}}{\partial a},$$
#
# read from right to left: CTC gives the last factor, each backward function multiplies by its own.
# All of them exist in the package, and were derived one by one: STFT, power, level, logarithm and
# normalisation in chapter 01, the network in 02 to 04, CTC in 05. The one that is forgotten most
# easily is the normalisation, so we derive it once more.
#
# For each frequency $f$ its mean over the $T$ frames is taken out, and all is divided by the one
# standard deviation $\sigma$ of the whole utterance: $c_{tf} = P_{tf} - \mu_f$ and $x_{tf} = c_{tf} /
# \sigma$ with $\sigma^2 = \frac{1}{TF} \sum c_{tf}^2$ (plus a tiny constant). An element of $c$ acts in
# two ways: directly, and through $\sigma$, which divides everything. With $\partial \sigma / \partial
# c_{tf} = c_{tf} / (TF\, \sigma) = x_{tf} / (TF)$,
#
# $$dc_{tf} = \frac{dx_{tf}}{\sigma} - \Bigl(\sum_{t'f'} dx_{t'f'} \frac{c_{t'f'}}{\sigma^2}\Bigr)
# \frac{x_{tf}}{TF} = \frac{1}{\sigma}\Bigl(dx_{tf} - x_{tf} \cdot \frac{1}{TF}\sum_{t'f'}
# dx_{t'f'}\, x_{t'f'}\Bigr),$$
#
# and since the mean was taken out of each frequency, its gradient is taken out as well: $dP_{tf} =
# dc_{tf} - \frac{1}{T} \sum_{t'} dc_{t'f}$.
#
# ### Exercise 18.1: back through the normalisation
#
# Write `normalise_backward(dout, cache)` from these two formulas.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `dout` | $dx$ | array of floats | $(T, F)$ | gradient by the normalised spectrogram |
# | `cache[0]` | $x$ | array of floats | $(T, F)$ | the normalised spectrogram itself |
# | `cache[1]` | $1 / \sigma$ | float | | one over the standard deviation |
# | result | $dP$ | array of floats | $(T, F)$ | gradient by the log power |
#
# With a single frame everything is its own mean, and the gradient is 0. For $dx$ = `[[1], [0]]`, $x$ =
# `[[1], [-1]]` and $1 / \sigma$ = 2 it is 0, too: one frequency with two frames is always normalised
# to 1 and -1, or the reverse, whatever $P$ is.
#
# Replace `raise NotImplementedError` by your code, run the cell, then run the check below it. What
# is correct is kept in a file of yours, `my_ds2np.py`, beside the folder of the chapters. No later
# cell needs your answer. [Solutions](solutions/18_a_word_nobody_said.py) are apart.


# %%
def normalise_backward(dout, cache):
    """Compute the gradient by P, (T, F), from that by x, (T, F), and the forward pass's cache."""
    raise NotImplementedError


# %%
check("18.1", normalise_backward)

# %% [markdown]
# ### There and back
#
# Here is the whole way, there and back, in a dozen lines.


# %%
def loss_and_gradient(model, samples, text):
    """Compute CTC's loss of a text, its gradient by the samples, and what the network writes."""
    config, alphabet = model.config, model.config.alphabet()
    sizes = frame_sizes(config.sample_rate, config.window_ms, config.stride_ms)
    P, spectrogram_cache = clip_spectrogram_forward(samples, *sizes)  # (T, F)
    x, normalise_cache = normalisation.normalise_forward(P)
    logits, frames = model.forward(x[None], np.array([len(x)]))  # (1, T', V)
    labels = np.array(alphabet.encode(text))
    loss, dlogits = ctc_loss(logits, labels[None], frames, np.array([len(labels)]))
    dx = model.backward(dlogits)[0]  # (T, F)
    dP = normalisation.normalise_backward(dx, normalise_cache)
    dsamples = clip_spectrogram_backward(dP, spectrogram_cache)  # (samples,)
    return loss[0], dsamples, greedy_decode(logits, frames, alphabet)[0]


for word in (SAID, WANTED):
    loss, dspoken, heard = loss_and_gradient(model, spoken, word)
    size = np.linalg.norm(dspoken)
    print(
        f"it hears {heard!r}; the loss of {word!r} is {loss:.3f}, its gradient has the norm {size:.1f}"
    )
print("samples", spoken.shape, "gradient", dspoken.shape, dspoken.dtype)

# %% [markdown]
# ### Is it right?
#
# A chain of backward functions is right if each of them is; but one forgotten link is found only at
# the ends. So we check the whole way against finite differences: a tiny network in double precision,
# 150 samples of noise as its sound, all of them compared.

# %%
tiny = DeepSpeech2(
    DeepSpeech2Config(
        sample_rate=1000,
        conv=(ConvConfig(channels=2, kernel=(3, 5), stride=(2, 2)),),
        recurrent="gru",
        layers=1,
        hidden=5,
    ),
    dtype=np.float64,
)
tiny.set_training(False)
perturb(tiny.params, np.random.default_rng(1))
noise = 0.5 * np.random.default_rng(2).standard_normal(150)
numerical = numerical_gradient(lambda: loss_and_gradient(tiny, noise, "no")[0], noise)
comparison = compare_gradients("samples", loss_and_gradient(tiny, noise, "no")[1], numerical)
print(comparison)
assert comparison.ok

# %% [markdown]
# Now we break it in the way that is most tempting: mean and deviation are taken for constants. Will the
# check notice? And would a walk downhill, which needs no more than the direction?


# %%
def with_constants(samples, text):
    """Make a mistake on purpose: mean and deviation do not depend on the sound."""
    P, spectrogram_cache = clip_spectrogram_forward(samples, 20, 10)
    x, (_, inverse_std) = normalisation.normalise_forward(P)
    logits, frames = tiny.forward(x[None], np.array([len(x)]))
    labels = np.array(tiny.config.alphabet().encode(text))
    _, dlogits = ctc_loss(logits, labels[None], frames, np.array([len(labels)]))
    return clip_spectrogram_backward(tiny.backward(dlogits)[0] * inverse_std, spectrogram_cache)


broken = with_constants(noise, "no")
comparison = compare_gradients("broken", broken, numerical)
print(comparison)
assert not comparison.ok
cosine = broken @ numerical / (np.linalg.norm(broken) * np.linalg.norm(numerical))
angle = np.degrees(np.arccos(min(cosine, 1)))
off = np.abs(broken - numerical).max() / np.abs(numerical).max()
print(
    f"the broken gradient: {angle:.1f} degrees off, numbers wrong by up to {off:.0%} of the largest"
)
print("It points nearly the right way: a walk downhill would hardly notice." if angle < 10 else
      "It points another way: a walk downhill would suffer.")  # fmt: skip

# %% [markdown]
# This kind of mistake is hard to find without a check: where the direction is nearly right, everything
# seems to work. The check compares the numbers, and so it finds what the walk forgives.
#
# What does the gradient cost? One backward pass gives the slope by all samples at once; finite
# differences need two forward passes for each sample.

# %%
there = min(repeat(lambda: heard_by(model, spoken), number=1))
and_back = min(repeat(lambda: loss_and_gradient(model, spoken, WANTED), number=1))
differences = 2 * len(spoken)
print(f"there and back takes {and_back / there:.1f} times as long as there alone;")
print(f"finite differences for {len(spoken)} samples take {differences} times as long")
print("The gradient by all samples costs a few forward passes." if and_back < 10 * there else
      "The gradient by all samples costs many forward passes.")  # fmt: skip

# %% [markdown]
# **Padding.** In a minibatch of two unequal sounds, what stands in the padding has no influence, and
# gets no gradient.

# %%
xs = [test_set.features(i) for i in range(2)]  # each of shape (T, F), normalised
pair = sorted(xs, key=len)[::-1]
batch, lengths = pad(pair, np.float32)
upstream = rng.standard_normal((2, model.out_lengths(lengths).max(), len(alphabet))).astype(
    np.float32
)
gradients = []
for garbage in (0.0, 1e6):
    batch[1, lengths[1] :] = garbage
    model.forward(batch, lengths)
    gradients.append(model.backward(upstream))
np.testing.assert_array_equal(gradients[0], gradients[1])
assert not gradients[1][1, lengths[1] :].any()
model.forward(pair[1][None], lengths[1:])
alone = model.backward(upstream[1:, : model.out_lengths(lengths[1:])[0]])[0]
scale = np.abs(alone).max()
np.testing.assert_allclose(gradients[1][1, : lengths[1]] / scale, alone / scale, atol=1e-4)
print("garbage in the padding changes nothing; together or alone, the gradient is the same")

# %% [markdown]
# ## A small change
#
# Any sound can be turned into "seven" by replacing it with a "seven". The point is a **small** change.
# We measure it as engineers do, in decibels: ten times the logarithm to base 10 of its energy over
# that of the speech. At -20 dB the change has a hundredth of the energy, at -40 dB a ten thousandth.
#
# The walk has four rules.
#
# 1. **Direction.** Against the gradient, with momentum (chapter 06). Only its direction counts; the
#    length of a step is a tenth of what the change may have in all, and a hundredth in the end.
# 2. **Budget.** One could add a penalty for loud changes to the loss. We give a budget instead, which
#    has a unit: a change that is louder than it is made softer, down to the budget.
# 3. **Greed.** As soon as the network writes the wanted text, and is sure of it (loss below 0.3), we
#    keep the sound, lower the budget by 1 dB below what was needed, and go on.
# 4. **Files.** A WAV file holds whole numbers of 16 bits, and rounding is a change, too. So what
#    the network hears in each step is the *rounded* sound. The gradient takes no notice: a
#    staircase has slope 0, so we pretend that rounding has slope 1, which is true on average.
#
# ### Exercise 18.2: keep a change within its budget
#
# Rule 2 needs a function. Write `within_budget(change, samples, decibels)`: if the change has more
# energy than the sound plus `decibels` (which is negative as a rule), make it softer, down to exactly
# that; a softer one stays as it is. *Then* see to it that `samples + change` lies between -1 and 1, the
# limits of a file. Return the change.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `change` | $\delta$ | array of floats | (samples,) | what is added to the sound |
# | `samples` | $s$ | array of floats | (samples,) | the sound, between -1 and 1 |
# | `decibels` | | float | | highest energy of the change, against that of the sound |
# | result | | array of floats | (samples,) | the change, kept within both limits |
#
# For samples `[1, 0]` and change `[0, 1]` the budget of -20 dB leaves `[0, 0.1]`.
# [Solutions](solutions/18_a_word_nobody_said.py) are apart.


# %%
def within_budget(change, samples, decibels):
    """Return the change, (samples,), within a loudness and, added to samples, within -1 to 1."""
    raise NotImplementedError


# %%
check("18.2", within_budget)

# %% [markdown]
# ### The walk
#
# Predict first: how soft can the change be that turns "one" into "seven"? At -10 dB one hears a second
# sound, at -40 dB perhaps a rustle.

# %%
SURE = 0.3  # nats


def relative_db(change, samples):
    """Say how much energy a change has, against that of the sound."""
    return 10 * np.log10(np.sum(change**2, dtype=np.float64) / np.sum(samples**2, dtype=np.float64))


def to_16_bits(samples):
    """Round to what a WAV file of 16 bits can hold; return whole numbers."""
    return np.clip(np.round(samples * 2**15), -(2**15), 2**15 - 1).astype(np.int16)


def attack(model, samples, wanted, steps, budget=-20.0):
    """Change a sound until the network writes another text; return the softest, and the walk."""
    original = to_16_bits(samples).astype(np.float32) / 2**15
    change, velocity = np.zeros_like(original), np.zeros_like(original)
    best, walk = None, []
    for step in range(1, steps + 1):
        candidate = to_16_bits(original + change).astype(np.float32) / 2**15
        loss, gradient, heard = loss_and_gradient(model, candidate, wanted)
        walk.append((loss, budget, heard))
        if heard == wanted and loss < SURE:
            best = candidate
            budget = min(budget, relative_db(best - original, original)) - 1
        elif best is None and step % 50 == 0:
            budget += 3  # it was too strict
        velocity = 0.8 * velocity + gradient / max(np.linalg.norm(gradient), 1e-12)
        length = 0.1 ** (1 + step / steps) * 10 ** (budget / 20) * np.linalg.norm(original)
        change = change - length * velocity / max(np.linalg.norm(velocity), 1e-12)
        change = ready.within_budget(change, original, budget).astype(np.float32)
    return (candidate if best is None else best), original, walk


# %%
changed, original, walk = attack(model, spoken, WANTED, steps=150)
change = changed - original
print("what it wrote on the way:")
seen = set()
for step, (loss, _, heard) in enumerate(walk):
    if heard not in seen and WANTED not in seen:
        print(f"  step {step:3}: loss {loss:6.2f}  {heard}")
    seen.add(heard)
decibels = relative_db(change, original)
print(f"the softest change that does it: {decibels:.1f} dB against the speech")
print(f"largest sample: of the speech {np.abs(original).max():.3f}, of the change ", end="")
print(f"{np.abs(change).max():.4f} = {np.abs(change).max() * 2**15:.0f} steps of 16 bits")
if WANTED not in seen:
    print(f"In {len(walk)} steps no change was found that makes it write {WANTED!r}.")
else:
    print(f"The change has {10 ** (decibels / 10):.5f} of the energy of the speech: "
          + ("hard to hear." if decibels < -35 else "it can be heard, but the words are not covered."
             if decibels < -10 else "no small change."))  # fmt: skip

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
axes[0].semilogy([max(loss, 1e-3) for loss, *_ in walk], color="black", lw=1)
axes[0].axhline(SURE, color="0.5", ls="--", lw=1)
axes[0].set(xlabel="step", ylabel=f"loss of “{WANTED}” (nats)")
axes[1].plot([budget for _, budget, _ in walk], color="black")
axes[1].set(xlabel="step", ylabel="budget (dB against the speech)")
show(
    figure,
    "Left, the loss of the wanted word over the steps, on a logarithmic axis: it falls steeply, and "
    "jumps up where the budget is lowered. The dashed line is where the network counts as sure. "
    "Right, the budget: it goes down in stairs.",
)

# %% [markdown]
# ### The proof: a file, and the command
#
# A gradient that only works inside the program that made it would prove little. So we save the
# network as a run, write the sound into a WAV file, and ask the command that everybody uses, in a
# process of its own, which knows nothing of what we have done.

# %%
(Path(folder.name) / "run").mkdir()
save_checkpoint(Path(folder.name) / "run" / "best.npz", model, {"epoch": 8})


def write(name, samples):
    soundfile.write(Path(folder.name) / name, to_16_bits(samples), RATE, subtype="PCM_16")


def transcribe_by_command(name):
    command = [sys.executable, "-m", "ds2np", "transcribe", "run", name]
    done = subprocess.run(command, cwd=folder.name, capture_output=True, text=True, check=True)
    return done.stdout.strip()


write("said.wav", original)
write("changed.wav", changed)
np.testing.assert_array_equal(load_audio(Path(folder.name) / "changed.wav")[0], changed)
heard = {name: transcribe_by_command(name) for name in ("said.wav", "changed.wav")}
for name, words_heard in heard.items():
    print(f"$ python -m ds2np transcribe run {name}\n{words_heard}")
if has_voice():
    assert heard == {"said.wav": SAID, "changed.wav": WANTED}

# %% [markdown]
# Now listen. First what was said; then what the network takes for another word; then the change
# alone, **made louder** until its peak is that of the speech. It is not the wanted word, nor any
# other: at best a rustle or a whistle. (The players hold MP3, which alters every sound a little. What
# was transcribed is the WAV file.)

# %%
gain = np.abs(original).max() / max(np.abs(change).max(), 1e-9)
play(original, RATE, f"said: {SAID}; heard: {heard['said.wav']}")
play(changed, RATE, f"changed by {decibels:.0f} dB; heard: {heard['changed.wav']}")
play(change * gain, RATE, f"the change alone, {20 * np.log10(gain):.0f} dB louder than it is")

# %% [markdown]
# And the picture? Predict first: where do the two spectrograms differ, where the speech is loud or
# where it is soft?


# %%
def log_power(samples):
    return log_spectrogram_forward(samples, *frame_sizes(RATE, config.window_ms, config.stride_ms))[
        0
    ]


def probabilities(samples):
    x = features(samples)
    logits, _ = model.forward(x[None], np.array([len(x)]))
    return np.exp(log_softmax(logits[0]))


P_original, P_changed, P_change = (log_power(samples) for samples in (original, changed, change))
difference = P_changed - P_original
soft, loud = (
    np.abs(difference)[part].mean()
    for part in (P_original < np.median(P_original), P_original >= np.median(P_original))
)

# %%
length = len(P_original) * config.stride_ms / 1000
limits = np.quantile(P_original, (0.02, 1.0))
figure, axes = plt.subplots(2, 3, figsize=(9, 4.2), layout="constrained")
for axis, P, title in (
    (axes[0, 0], P_original, "said"),
    (axes[0, 1], P_changed, "changed"),
    (axes[0, 2], P_change, "the change alone, same scale"),
):
    plot_map(P, length, RATE / 2000, axis, title, limits)
plot_probabilities(probabilities(original), config.frame_ms, config.characters, axes[1, 0])
plot_probabilities(probabilities(changed), config.frame_ms, config.characters, axes[1, 1])
for axis in axes[1, :2]:
    axis.get_legend().remove()
largest = np.quantile(np.abs(difference), 0.99)
plot_map(difference, length, RATE / 2000, axes[1, 2], "changed − said", (-largest, largest), "gray")
for axis in axes[:, 1:].flat:
    axis.set_ylabel("")
show(
    figure,
    "Above, the spectrograms of the sound as it was said, of the changed one, which has the same "
    f"bright bands, and of the change alone. Below, what the network writes: {SAID} on the left, "
    f"{WANTED} in the middle; on the right the difference of the two spectrograms, larger where the "
    f"sound is {'soft' if soft > loud else 'loud'}.",
)

# %%
print(f"mean change of the log power: {soft:.2f} in the softer half of the places, {loud:.2f} in the "
      "louder")  # fmt: skip
print("Most of the change that the network sees is where the sound is soft." if soft > loud else
      "Most of the change that the network sees is where the sound is loud.")  # fmt: skip
if has_voice():
    assert soft > loud

# %% [markdown]
# In the soft places the logarithm is steep: its slope is one over the power (plus a small floor), so a
# little sound in a pause moves the input of the network as much as a loud one within a vowel.
#
# ### Is it the loudness, or the direction?
#
# Perhaps any rustle would do? The control is random noise, exactly as loud as our change, a hundred
# times. Predict first: how often will the network still write what was said?


# %%
def noise_like(change):
    noise = rng.standard_normal(len(change)).astype(np.float32)
    return noise * np.float32(np.linalg.norm(change) / np.linalg.norm(noise))


hyps = [heard_by(model, original + noise_like(change)) for _ in range(100)]
still = hyps.count(SAID)
print(f"noise as loud as the change: {still} of {len(hyps)} times it still writes {SAID!r}, "
      f"{hyps.count(WANTED)} times {WANTED!r}")  # fmt: skip
print("Loudness alone does not do it: the direction does." if still > 90 else
      "Loudness alone does some of it: this network is easily disturbed." if still > 50 else
      "Loudness alone disturbs this network.")  # fmt: skip
if has_voice():
    assert still > 50

# %% [markdown]
# Now the line from the sound to the changed one, and beyond, beside a line of the same length in a
# random direction. And the slopes at the beginning of such lines: how much steeper is the loss along
# the gradient than along noise of the same loudness? Predict first: twice, ten times, more?

# %%
along = np.linspace(-0.5, 1.5, 41, dtype=np.float32)


def losses_along(direction, word):
    """Compute the loss of a word where shares of a direction are added to the sound."""
    batch = np.stack([features(original + a * direction) for a in along])
    logits, frames = model.forward(batch, np.full(len(batch), batch.shape[1]))
    labels = np.tile(alphabet.encode(word), (len(batch), 1))
    return ctc_loss(logits, labels, frames, np.full(len(batch), labels.shape[1]))[0]


lines = {"along the change": change, "along random noise": noise_like(change)}
losses = {
    name: [losses_along(direction, word) for word in (SAID, WANTED)]
    for name, direction in lines.items()
}
model.clear_cache()
_, gradient, _ = loss_and_gradient(model, original, WANTED)
steepest = np.linalg.norm(gradient) * np.linalg.norm(change)
random = np.std([gradient @ noise_like(change) for _ in range(200)])

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", sharey=True)
for axis, (title, pair) in zip(axes, losses.items(), strict=True):
    for curve, word, style in zip(pair, (SAID, WANTED), ("-", "--"), strict=True):
        axis.plot(along, curve, style, color="black", label=f"loss of “{word}”")
    axis.set(title=title, xlabel="share of the change")
axes[0].set_ylabel("loss (nats)")
axes[0].legend()
crosses = ["cross" if (a - b).min() < 0 < (a - b).max() else "do not cross"
           for a, b in losses.values()]  # fmt: skip
show(
    figure,
    "Losses of the two words over the share of the change that is added. Left, along the change: "
    f"they {crosses[0]}. Right, along random noise of the same loudness: they {crosses[1]}.",
)

# %%
print(f"slope along the gradient: {steepest / random:.0f} times that of random noise as loud;")
print(f"the square root of the number of samples is {len(original) ** 0.5:.0f}")
print("The two are alike: noise loses its slope by cancelling."
      if 0.7 < steepest / random / len(original) ** 0.5 < 1.4 else
      "The two differ: more than cancelling is at work.")  # fmt: skip

# %% [markdown]
# ![A map of sounds with a border between those heard as one and as seven: an arrow along the
# gradient crosses it, arrows of the same length in other directions do
# not.](images/gradient_18_border.svg)
#
# That is the heart of it. A sound is a point in a space of thousands of dimensions. Random noise goes
# a little into each of them, now up, now down, and in the slope it cancels: in $n$ dimensions it keeps
# about $1 / \sqrt n$ of the slope that the gradient has. The gradient lets *every* sample push in the
# same direction, each by next to nothing. To people, who do not follow this network's gradient, it is
# a soft rustle like any other.
#
# ### How far are the other words?
#
# Predict first: which digit is nearest to the spoken "one", which is farthest? Do words that sound
# alike lie close together?

# %%
others = [word for word in toy.DIGITS if word != SAID]
fooling, loudnesses = {}, []
for word in others:
    sample, _, path = attack(model, spoken, word, steps=50)
    reached = heard_by(model, sample) == word
    fooling[word] = sample if reached else None
    loudnesses.append(relative_db(sample - original, original) if reached else 0.0)
order = np.argsort(loudnesses)

# %%
figure, axis = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
axis.barh(range(len(others)), [loudnesses[i] for i in order], color="0.4")
axis.set_yticks(range(len(others)), [others[i] for i in order])
axis.set(xlabel="loudness of the change (dB against the speech)", xlim=(None, 0))
show(
    figure,
    f"For each of the nine other digits, how loud a change of {SAID} had to be within 50 steps until "
    "the network wrote that digit; bars are sorted, from the softest change to the loudest.",
)

# %%
missing = [word for word, sample in fooling.items() if sample is None]
print(f"nearest: {others[order[0]]} ({min(loudnesses):.0f} dB); not reached in 50 steps: "
      f"{', '.join(missing) or 'none'}")  # fmt: skip
print("Every other digit is within reach." if not missing else
      f"{len(others) - len(missing)} of {len(others)} other digits are within reach.")  # fmt: skip

# %% [markdown]
# ### A word from nothing
#
# Need there be a voice at all? We start from noise, with a wide budget. Will it become a "seven" for the
# network, and will you hear one?

# %%
hiss = 0.05 * rng.standard_normal(len(spoken)).astype(np.float32)
from_hiss, hiss, _ = attack(model, hiss, WANTED, steps=50, budget=0.0)
print(f"of the noise it writes {heard_by(model, hiss)!r}, of the changed noise "
      f"{heard_by(model, from_hiss)!r};")  # fmt: skip
print(f"the change is {-relative_db(from_hiss - hiss, hiss):.0f} dB softer than the noise")
print("It hears a word where nobody speaks." if heard_by(model, from_hiss) == WANTED else
      "In 50 steps, noise has not become the word.")  # fmt: skip
play(hiss, RATE, "noise")
play(from_hiss, RATE, "the changed noise")

# %% [markdown]
# The network separates ten words; it has never been asked whether anybody is speaking. A recogniser
# that must be able to say "that was no speech" has to learn it, from examples of what is no speech.

# %% [markdown]
# ## What is left of it?
#
# Now be sceptical. The change was fitted to one network and one file, sample by sample. Does it
# survive what happens to a sound between a loudspeaker and a computer? Predict first, for each of these:
# half the amplitude; the first sample cut off; noise that is 40 dB softer; MP3.


# %%
def by_mp3(samples):
    """Write MP3 and read it again."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="MP3")
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def with_noise(snr_db):
    noise = rng.standard_normal(len(original)).astype(np.float32)
    return lambda samples: add_noise(samples, noise, snr_db)


treatments = {
    "as it is": lambda samples: samples,
    "half the amplitude": lambda samples: samples / 2,
    "first sample cut off": lambda samples: samples[1:],
    "first 5 ms cut off": lambda samples: samples[RATE // 200 :],
    "noise, 40 dB softer": with_noise(40),
    "noise, 20 dB softer": with_noise(20),
    "MP3 and back": by_mp3,
}
print(f"{'':24}{'said':12}changed")
survived = {}
for name, treat in treatments.items():
    treated = [to_16_bits(treat(samples)) / np.float32(2**15) for samples in (original, changed)]
    heard = [heard_by(model, samples) for samples in treated]
    survived[name] = heard[1] == WANTED
    print(f"{name:24}{heard[0]:12}{heard[1]}")
print(f"{WANTED!r} is still heard in {sum(survived.values())} of {len(survived)} cases.")
lost = [name for name, kept in survived.items() if not kept]
print("What undoes it: " + ("; ".join(lost) or "nothing of this list") + ".")

# %% [markdown]
# We asked for the softest change that just suffices, and so it stands at the very edge: whatever
# moves it a little may make it fall. Playing it more softly is another matter, since normalisation
# takes loudness out; only rounding remains of it. An attack that is to survive noise, echoes or a codec
# has to be *trained* to: each step takes the mean gradient over many random treatments (Athalye et al.,
# 2017, call this the expectation over transformations).
#
# And another network? We train a second one, from other initial weights, on the same recordings,
# for a few epochs only, and let it hear all the sounds that fool the first. Predict first: how many of
# them will fool it as well?

# %%
second = DeepSpeech2(config, seed=1)
toy.train(second, Dataset(to_learn, second.config), 5)
second_result = evaluate(Recogniser(second), test_set)
print(f"the second network, {len(test_set)} utterances: {second_result}")

made = {word: sample for word, sample in fooling.items() if sample is not None}
by_second = {word: heard_by(second, sample) for word, sample in made.items()}
print(f"\n{'made for':10}{'first hears':14}second hears")
print(f"{'-':10}{heard_by(model, original):14}{heard_by(second, original)}")
for word, sample in made.items():
    print(f"{word:10}{heard_by(model, sample):14}{by_second[word]}")
carried = sum(heard == word for word, heard in by_second.items())
unmoved = sum(heard == heard_by(second, original) for heard in by_second.values())
print(f"Of {len(made)} sounds {carried} make the second network write the same word as the first; "
      f"{unmoved} leave it at what it writes of the unchanged sound.")  # fmt: skip

# %% [markdown]
# Where the last column shows the word of the first, the change has carried over from one network to the
# other. Where it shows nonsense, it disturbs without persuading. Changes of *pictures* often carry over
# (Szegedy et al., 2013); to write a whole word, letter by letter in the right order, is much to ask of
# a network that one has not seen.

# %%
folder.cleanup()  # recordings, run and WAV files are deleted

# %% [markdown]
# ## What does it mean?
#
# Sounds and pictures like this are called **adversarial examples**. Szegedy et al. found them in 2013
# in networks that recognise pictures. Carlini and Wagner made them in 2018 for a published recogniser
# of the Deep Speech family, by gradients of CTC, as we did: from any recording one that is very like
# it, and is written as any phrase they chose. Let us be precise about what *we* have shown.
#
# * **It is no mistake of this program.** Gradients exist in all networks that are trained by
#   gradients. Where training follows them to the weights, anyone who has the weights can follow them
#   to the input.
# * **Ours is an easy victim.** It knows ten words; it has heard some minutes of speech, by closely
#   related voices, without any noise. Between the words lies much room that no example has ever
#   filled, and nothing in training has said where the borders should run there. And its sounds have
#   pauses of almost perfect silence, where the logarithm makes it listen sharply.
# * **We had everything**: the weights, the exact file, the right to feed it directly. Carlini and
#   Wagner's sounds, too, were fed in as files. Played through the air it is harder: Qin et al. (2019)
#   simulate rooms while they search, and so do Yakura and Sakuma (2018), who then play their sounds
#   over loudspeakers to the same kind of recogniser.
# * **It says something about what was learned.** The network has learned what suffices to tell its
#   training sounds apart. That is not what we mean by a word. It is mostly
#   right on new speakers, and it does not mind a random rustle; and still there is, close to a sound,
#   one that it takes for something else. Accuracy on held-out data does not measure this.
# * **Do not build locks on it.** What a recogniser hears is no proof of what was said. Where
#   something hangs on it, a person or a second, different check has to stand beside it.
#
# Better recognisers are not immune. What helps, in part: training on such examples as well (Goodfellow et
# al., 2014), perhaps noise and rooms in training (chapter 08), which this chapter has not tried. What
# does *not* help is to make the gradient hard to compute: of nine defences from one conference, Athalye,
# Carlini and Wagner (2018) found that seven rest on that, and got round six of them altogether and one
# in part.
#
# <details><summary><b>Why do we not clip each sample's change to a small bound, as is often done with
# pictures?</b> Think first, then look.</summary>
#
# One can: the sign of the gradient times a bound is the best single step if every sample may move by
# so much (Goodfellow et al., 2014). It bounds the loudest sample of the change, not its energy, and
# so has no simple loudness. Try it: in `attack`, replace the direction by its sign, and the budget by
# `np.clip`.
# </details>
#
# <details><summary><b>How would you hide the change better from people?</b> Think first, then look.
# </summary>
#
# By hiding it under what is loud. We do not hear a soft tone beside a loud one of nearly the same
# frequency (masking, which MP3 is built upon). So the budget should not be one number for the whole
# sound but one for each time and frequency, higher where the speech is loud. Qin et al. did this. Our
# walk knows nothing of ears: it spends its energy wherever the loss falls most.
# </details>
#
# ## What the paper reports
#
# This chapter goes beyond the paper, which says nothing of such sounds. A word of history: the search
# for inputs that fool a classifier is older than deep networks; Dalvi et al. (2004) studied it for
# filters of unwanted mail.
#
# What can be seen at our size: that the gradient reaches the samples, that direction counts and not
# loudness, and what a small treatment does to a change at the edge. What cannot: how far from a sound
# lies another one that fools a network which has heard thousands of hours.
#
# **In production** one would run such attacks against one's own recogniser, with the weights, to learn
# how close the borders are before others do; would count how they fare through real codecs and rooms;
# and would never let the text alone open a door.
#
# ## Summary
#
# * The gradient goes all the way: CTC, network, normalisation, logarithm, power, Fourier transform,
#   samples. Its check is made at the ends.
# * Followed downhill with the weights held fixed, it makes the network hear what we like.
# * The change is soft because it is aimed: in $n$ dimensions noise as loud keeps about $1 / \sqrt n$ of
#   the slope. The control is noise, as loud, many times.
# * What just suffices is at the edge, and a little treatment may undo it.
# * Accuracy on held-out data does not measure how near such sounds are.
#
# ## Further reading
#
# * N. Dalvi, P. Domingos, Mausam, S. Sanghai, D. Verma: *Adversarial classification*, 2004.
# * C. Szegedy and others: *Intriguing properties of neural networks*, 2013.
# * I. Goodfellow, J. Shlens, C. Szegedy: *Explaining and harnessing adversarial examples*, 2014.
# * A. Athalye, L. Engstrom, A. Ilyas, K. Kwok: *Synthesizing robust adversarial examples*, 2017.
# * N. Carlini, D. Wagner: *Audio adversarial examples: targeted attacks on speech-to-text*, 2018.
# * A. Athalye, N. Carlini, D. Wagner: *Obfuscated gradients give a false sense of security:
#   circumventing defenses to adversarial examples*, 2018.
# * H. Yakura, J. Sakuma: *Robust audio adversarial example for a physical attack*, 2018.
# * Y. Qin, N. Carlini, I. Goodfellow, G. Cottrell, C. Raffel: *Imperceptible, robust, and targeted
#   adversarial examples for automatic speech recognition*, 2019.
# * In the package: [spectrogram.py](../ds2np/audio/spectrogram.py),
#   [normalisation.py](../ds2np/audio/normalisation.py), [loss.py](../ds2np/ctc/loss.py).
