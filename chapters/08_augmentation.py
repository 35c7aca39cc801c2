# %% [markdown]
# # 08  More data from the same data
#
# One recording, changed in ways that leave its words as they are, is as good as many: we build the
# changes by hand, hear them, and measure what a network gains by them.
#
# ![The network from sound to text, with the sound, before its spectrogram,
# framed.](images/network_08.svg)
#
# **You will be able to**
#
# * add a noise at a ratio in decibels, and say why the formula has a root in it;
# * play a sound faster by reading it at places between its samples, and say what else changes;
# * build a phase vocoder, which changes the speed of speech without its pitch, and say why phases
#   have to be turned;
# * put a voice into a room, by convolution, and make the convolution fast;
# * separate a voice's vocal tract from its pitch, and change one of them;
# * cover parts of a spectrogram, as SpecAugment does;
# * change recordings anew in each epoch and get the same changes whenever the training is repeated;
# * test fairly whether all this helps.
#
# **You need** [chapter 01](01_sound.ipynb): frames, the Hann window, the Fourier transform and its
# phase. For the experiment, a glance at [chapter 00](00_ten_minutes.ipynb). **Reading time** 85
# minutes.

# %%
import dataclasses
import math
import tempfile
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
import soundfile
from scipy.signal import fftconvolve

from ds2np.audio import Augmentation, augment, load_audio, log_spectrogram, normalise, vocoder
from ds2np.audio.effects import add_noise as package_add_noise
from ds2np.audio.effects import (
    change_gain,
    change_speed,
    cut_noise,
    fit_full_scale,
    make_noise,
    make_room,
)
from ds2np.audio.effects import reverberate as package_reverberate
from ds2np.audio.frames import make_window
from ds2np.audio.stft import stft_forward
from ds2np.audio.voice import change_voice, find_envelope
from ds2np.ctc import ctc_loss
from ds2np.data.batches import make_batch, prefetch
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import Utterance
from ds2np.evaluate import evaluate
from ds2np.learn import check, play, show, toy
from ds2np.learn.sound import say
from ds2np.model import ConvConfig, DeepSpeech2
from ds2np.optim import SGD
from ds2np.plots import plot_map, plot_rates, plot_spectrograms
from ds2np.recogniser import Recogniser

# %% [markdown]
# ## The idea in one picture
#
# A network that hears the same recordings again and again learns them by heart: this breath, that
# hum of the refrigerator. What we want it to learn is what all ways of saying a word have in
# common. So we say it in many ways. We cannot ask the speaker back; but we can compute how it would
# have sounded quicker, in a bathroom, beside a fan, farther from the microphone.
#
# ![A recording passes through speed, stretch, pitch, room, noise and gain, each with how often it
# is applied, and comes out as another sound in each epoch. Its transcript stays as it
# is.](images/augment_08_chain.svg)
#
# The text at the bottom is the whole trick: **the transcript stays as it is**. Each change is a
# statement about language, "this does not matter". Where the statement is true, we have new data for
# nothing. Where it is false, we teach the network something wrong; at the end we ask where that is.
#
# All changes are made to *samples*, before the spectrogram, and nothing has to be trained in them.
# So, for once, there is no backward pass in this chapter.

# %%
RATE = 16_000  # samples a second, up to the experiment
speech = say("six cats", RATE).astype(np.float64)
print(f"{len(speech)} samples, {len(speech) / RATE:.2f} s")
play(speech, RATE, "as it was spoken")

# %% [markdown]
# ## Louder and softer: the decibel
#
# The simplest change: multiply all samples by a number $g$, the *gain*. Our ears judge loudness by
# ratios, so we measure on a scale on which equal ratios are equal steps. Let $E = \sum_n x_n^2$ be
# the **energy** of a sound. Two sounds with the energies $E_1$ and $E_2$ are
#
# $$10 \log_{10} \frac{E_1}{E_2} \quad \text{decibels (dB)}$$
#
# apart. (A bel is a factor of ten; a decibel is a tenth of that step.) A gain of $g$ multiplies the
# energy by $g^2$, and $10 \log_{10} g^2 = 20 \log_{10} g$. Solved for the gain: $g =
# 10^{\text{dB}/20}$. The 20 is no other kind of decibel; it is the same 10, and a square.


# %%
def energy(x):
    return np.sum(x**2)


def decibels(ratio_of_energies):
    return 10 * np.log10(ratio_of_energies)


for gain_db in (-20, 3, 20):
    g = 10 ** (gain_db / 20)
    louder = g * speech
    np.testing.assert_allclose(louder, change_gain(speech, gain_db))
    measured = decibels(energy(louder) / energy(speech))
    print(f"{gain_db:4} dB: amplitude times {g:6.3f}, energy times {g * g:7.3f}; {measured:.2f} dB")

# %% [markdown]
# Remember two: 3 dB is about twice the energy, 20 dB is ten times the amplitude.
#
# A file holds samples from -1 to 1, its *full scale*. Beyond it, samples would be cut off, which
# sounds like a bad radio. So what has become too loud is turned down *as a whole*, and what is not
# too loud is left alone.

# %%
too_loud = change_gain(speech, 20)
fitted = too_loud / max(np.abs(too_loud).max(), 1)
np.testing.assert_array_equal(fitted, fit_full_scale(too_loud))
np.testing.assert_array_equal(speech, fit_full_scale(speech))
print(f"largest sample: {np.abs(too_loud).max():.2f}, fitted {np.abs(fitted).max():.2f}")

# %% [markdown]
# ## Noise at a ratio
#
# How much noise is much? It depends on how loud the voice is. The **signal-to-noise ratio** (SNR)
# is the energy of the sound over that of the noise, in decibels: at 20 dB the voice has a hundred
# times the energy of the noise, at 0 dB both are equal, below that the noise is the louder one.
#
# Given a sound $x$, a noise $v$ of any loudness and the ratio that we want, which gain $g$ must the
# noise get? Write down what we want, and solve it:
#
# $$10 \log_{10} \frac{E_x}{g^2 E_v} = \text{SNR}
# \quad\Longrightarrow\quad
# g = \sqrt{\frac{E_x}{E_v} \, 10^{-\text{SNR}/10}}.$$
#
# The root is there because $g$ is an amplitude and the ratio is one of energies. As noise we take
# white noise first: samples drawn independently.

# %%
rng = np.random.default_rng(0)
white = rng.standard_normal(len(speech))
noisy = {}
for snr_db in (20, 10, 0):
    g = np.sqrt(energy(speech) / energy(white) * 10 ** (-snr_db / 10))
    noisy[f"{snr_db} dB"] = speech + g * white
    np.testing.assert_allclose(noisy[f"{snr_db} dB"], package_add_noise(speech, white, snr_db))
    print(f"wanted {snr_db} dB, measured {decibels(energy(speech) / energy(g * white)):.6f} dB")
for name in ("20 dB", "0 dB"):
    play(fit_full_scale(noisy[name]), RATE, f"white noise at {name}")

# %%
figure, axes = plt.subplots(1, 4, figsize=(7.2, 1.6), sharey=True, layout="constrained")
plot_spectrograms({"clean": speech, **noisy}, RATE, axes)
show(
    figure,
    "Spectrograms of the utterance, clean and with white noise at 20, 10 and 0 decibels. The noise "
    "fills the dark places first; at 0 decibels only the strongest stripes of the vowels stand out.",
)

# %% [markdown]
# In the logarithm the dark places go first: pauses, and the faint high frequencies of consonants.
# Whether *you* understand the words at 0 dB, you have heard; whether a network does, we shall see.
#
# ### Colours of noise
#
# A fan, a street, the wind do not sound like white noise: most noises have more power at low
# frequencies. Their power falls roughly as $f^{-a}$, with $a = 0$ for white noise and $a = 2$ for a
# rumble that is called brown; between them, at $a = 1$, lies pink. To make one, we draw its
# *spectrum* at random and transform it back. The power falls as $f^{-a}$, so the amplitude falls as
# $f^{-a/2}$: once more, a root. Predict first: by how many decibels has the power of pink and of brown
# noise fallen four octaves higher? (An octave is a factor of 2 in frequency.)


# %%
def colour(spectrum, a, count):
    """Turn random numbers (F,), complex, into a noise (count,) whose power falls as f ** -a."""
    f = np.arange(len(spectrum), dtype=float)
    f[0] = np.inf  # frequency 0, a constant offset, gets nothing
    return np.fft.irfft(spectrum * f ** (-a / 2), count)


count = 2**13
F = count // 2 + 1
pairs = rng.standard_normal((F, 2))  # real and imaginary part
for name, a in (("white", 0), ("pink", 1), ("brown", 2)):
    noise = colour(pairs[:, 0] + 1j * pairs[:, 1], a, count)
    power = np.abs(np.fft.rfft(noise)) ** 2
    low, high = (power[f : 2 * f].mean() for f in (F // 64, F // 4))  # an octave each
    measured, expected = decibels(high / low), decibels(16.0**-a)
    near = "as expected" if abs(measured - expected) < 1 else "not as expected"
    print(f"{name:5}: {measured:6.1f} dB; the formula says {expected:.1f} dB: {near}")
    play(0.2 * noise / np.abs(noise).max(), RATE, name)

# The package draws a as well, and computes in single precision.
draws, theirs = np.random.default_rng(7), make_noise(count, np.random.default_rng(7))
pairs = draws.standard_normal((F, 2), np.float32)
ours = colour(pairs[:, 0] + 1j * pairs[:, 1], draws.uniform(0, 2), count)
np.testing.assert_allclose(theirs, ours, atol=1e-5 * np.abs(ours).max())

# %% [markdown]
# Four octaves are a factor of 16, and $10 \log_{10} 16^{-1}$ is -12 dB; for brown it is twice that. The
# package's `make_noise` draws $a$ between 0 and 2. With recordings of real noise,
# `python -m ds2np train --augment --noise FOLDER` takes pieces of those instead.
#
# ### Exercise 08.1: noise at a ratio
#
# Replace `raise NotImplementedError` and run the cell below it. What is correct is kept in a file
# of yours, `my_ds2np.py`, beside the folder of the chapters; `python -m ds2np learn` says how far
# you are. Solutions are [apart](solutions/08_augmentation.py).
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `samples` | $x$ | array of floats | (count,) | the sound |
# | `noise` | $v$ | array of floats | (count,) | a noise, of any loudness |
# | `snr_db` | SNR | float | | energy of the sound over that of the added noise, in dB |
# | result | $x + g v$ | array of floats | (count,) | a new array; the arguments stay as they are |
#
# What if the sound is silent, or the noise is? No gain gives the ratio then: return the samples as they
# are. In a long training such recordings come sooner or later.
# `add_noise([1, -1, 1, -1], [2, 2, -2, 2], 0)`, as arrays, is `[2, 0, 0, 0]`.


# %%
def add_noise(samples, noise, snr_db):
    """Add noise (count,) to samples (count,) so that their energies are snr_db apart."""
    raise NotImplementedError


# %%
check("08.1", add_noise)

# %% [markdown]
# ## Speed, by reading between the samples
#
# Play a record too fast and the voice is both quicker and higher. With samples it is the same: to
# play a sound at the speed $s$, we read it at the places $0, s, 2s, \dots$ and play what we read at
# the usual rate. The places lie *between* samples; what is there?
#
# The first idea is a straight line from one sample to the next. Predict first: tones of 1000 and 7500
# Hz, played 1.25 times as fast. Which tones will come out?


# %%
def read_on_lines(x, speed):
    places = np.arange(math.ceil(len(x) / speed)) * speed
    return np.interp(places, np.arange(len(x)), x)


def strongest(x):
    """Frequency with most power, in hertz, and that power."""
    power = np.abs(np.fft.rfft(x * np.hanning(len(x))) / len(x)) ** 2
    return power.argmax() * RATE / len(x), power.max()


def tone(hertz, seconds=0.5):
    return 0.5 * np.cos(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)


for hertz in (1000, 7500):
    found, power = strongest(read_on_lines(tone(hertz), 1.25))
    level = decibels(power / strongest(tone(hertz))[1])
    print(f"a tone of {hertz} Hz at speed 1.25: {found:.0f} Hz, at {level:.1f} dB")

# %% [markdown]
# The low tone is 1.25 times as high, where it belongs. The high one belongs at 9375 Hz, but half
# the sampling rate is 8000 Hz; what lies beyond folds back, as [chapter 01](01_sound.ipynb) saw it
# with the mirror, to $16000 - 9375 = 6625$ Hz. A tone has appeared that was in no recording.
#
# The right answer has two parts. First, a sound with no frequency above half its sampling rate *is*
# known between its samples: it is a sum of bumps, one for each sample and as large as that sample,
#
# $$x(t) = \sum_m x_m \, \mathrm{sinc}(t - m), \qquad \mathrm{sinc}(t) = \frac{\sin \pi t}{\pi t},$$
#
# where $t$ counts samples. The bump is 1 at its own sample and 0 at all others. Second, a *wider*
# bump, $\mathrm{sinc}(t / s)$, leaves out the upper frequencies, since a sum of wide bumps cannot swing
# quickly: just those are missing that would fold back at speed $s$. A sinc never ends, so we fade it
# out after sixty of its zeros, with a window. An edge that ends is never quite steep, so the bump is
# made a twentieth wider still: it begins to fall at 0.9 of the highest frequency and has fallen by
# 100 dB there.

# %%
t = np.linspace(-6, 6, 601)
figure, axes = plt.subplots(1, 2, figsize=(7.5, 2.2), layout="constrained")
axes[0].plot(t, np.sinc(t), "-", color="black", label="speed 1")
axes[0].plot(t, np.sinc(t / 1.5) / 1.5, "--", color="black", label="speed 1.5")
axes[0].plot(np.arange(-6, 7), np.sinc(np.arange(-6, 7)), "o", color="black", markersize=4)
axes[0].set(xlabel="t / samples", ylabel="bump", title="one sample between the samples")
axes[0].legend(fontsize="small", loc="upper right")
few = np.array([0, 0, 1, 3, 2, -1, -2, 0.5, 0, 0])
t = np.linspace(0, 9, 451)
for m, value in enumerate(few):
    axes[1].plot(t, value * np.sinc(t - m), ":", color="0.5", linewidth=0.9)
axes[1].plot(t, np.sinc(t[:, None] - np.arange(10)) @ few, "-", color="black", label="their sum")
axes[1].plot(few, "o", color="black", markersize=4)
axes[1].set(xlabel="t / samples", ylabel="sound", title="a bump for each sample")
axes[1].legend(fontsize="small")
show(
    figure,
    "Left, a bump that is 1 at its own sample and 0 at all others, and a wider, lower one. Right, "
    "ten samples, a dotted bump for each, and their sum, a smooth curve through all samples.",
)

# %% [markdown]
# Speeds are fractions, $s = p / q$: then the places fall on a grid of $q$ steps a sample, and one
# table with the bump at all grid points is enough.


# %%
def read_on_bumps(x, speed):
    fraction = Fraction(speed).limit_denominator(500)
    p, q = fraction.numerator, fraction.denominator
    wide = max(p, q)  # width of the bump in steps: q at speed 1 and below, else p
    if p == q:
        return x.copy()  # nothing is between samples, and nothing folds back
    reach = 64 * wide
    bump = np.sinc(0.95 * np.arange(-reach, reach + 1) / wide) * np.kaiser(2 * reach + 1, 10.06)
    bump *= q / bump.sum()  # the area under it is 1 sample
    out = np.zeros(math.ceil(len(x) * q / p))
    for n in range(len(out)):
        place = n * p  # in steps
        first, last = max(0, -((reach - place) // q)), min(len(x) - 1, (place + reach) // q)
        m = np.arange(first, last + 1)  # the samples whose bumps reach this place
        out[n] = x[m] @ bump[place - m * q + reach]
    return out


for hertz in (1000, 7500):
    found, power = strongest(read_on_bumps(tone(hertz), 1.25))
    level = decibels(power / strongest(tone(hertz))[1])
    print(f"a tone of {hertz} Hz at speed 1.25: {found:.0f} Hz, at {level:.1f} dB")
for speed in (0.9, 1.0, 1.1, 1.25):
    np.testing.assert_allclose(
        read_on_bumps(speech, speed), change_speed(speech, speed), atol=1e-12
    )
print("equal to the package's at four speeds")
print(
    "The tone that has no place is gone." if level < -60 else "The tone that has no place is there."
)

# %% [markdown]
# What is left of the high tone is the price of a bump that ends.

# %%
speeds = {f"speed {speed}": change_speed(speech, speed) for speed in (0.8, 1.0, 1.25)}
for name in ("speed 0.8", "speed 1.25"):
    play(speeds[name], RATE, name)
print(f"speed 1.1 raises the pitch by {12 * np.log2(1.1):.2f} semitones, twelve to the octave")

# %%
figure, axes = plt.subplots(1, 3, figsize=(6.2, 1.7), sharey=True, layout="constrained")
plot_spectrograms(speeds, RATE, axes)
show(
    figure,
    "Three spectrograms on one time axis. At speed 0.8 everything is longer and lower, at 1.25 "
    "shorter and higher: the picture is stretched in one direction and squeezed in the other.",
)

# %% [markdown]
# Two things move upwards together: the **pitch**, how often the vocal cords beat, which is the distance of the level
# stripes; and the **formants**, the resonances of mouth and throat, which make the vowel. Smaller
# mouths have higher formants. So what we get at 1.25 is a smaller speaker, who is in a hurry. For
# training that is welcome; Ko and others (2015) train on the speeds 0.9, 1.0 and 1.1.

# %% [markdown]
# ## Speed without pitch: the phase vocoder
#
# A speaker in a hurry does not grow smaller. Can we have the one without the other? Take the sound's
# frames, and play them *closer together*. Each frame keeps its frequencies, so the pitch should
# stay; there is less time from one to the next, so everything is quicker.
#
# ![Above, three frames are taken from a tone. Below left, they are moved closer, and crests meet
# troughs: the sum has holes. Below right, each is turned until it fits the one before: the sum is
# the same tone, shorter.](images/augment_08_vocoder.svg)
#
# The lower left is what goes wrong, and the lower right the remedy. We build it in three steps; a fourth,
# which makes it good for speech, is optional reading.
#
# ### Step 1: from frames back to sound
#
# First we need the way back from frames that overlap to samples. Let the frames $a_{t,n}$, of shape
# (T, size), be faded by a window $w_n$, one every `stride` samples. If they come from a sound $y$,
# then $a_{t,n} = w_n \, y_{t \cdot \mathrm{stride} + n}$. After we have changed them, no sound may
# fit them all. So we ask for the one that comes *nearest*: it makes
#
# $$\sum_t \sum_n \bigl(a_{t,n} - w_n \, y_{t \cdot \mathrm{stride} + n}\bigr)^2$$
#
# smallest. Each sample $y_i$ stands in a few terms only, one for each frame that covers it; there
# $n = i - t \cdot \mathrm{stride}$. Set the derivative by $y_i$ to 0, and
#
# $$y_i = \frac{\sum_t w_n \, a_{t,n}}{\sum_t w_n^2}.$$
#
# In words: fade each frame once more, add all frames at their places (*overlap and add*), and
# divide by the squares of the windows, added in the same way.


# %%
def overlap_add(frames, window, stride):
    """Frames (T, size), faded once, to the nearest sound ((T - 1) * stride + size,)."""
    T, size = frames.shape
    total, weight = np.zeros((2, (T - 1) * stride + size))
    for t in range(T):
        place = slice(t * stride, t * stride + size)
        total[place] += window * frames[t]
        weight[place] += window**2
    return total / np.where(weight > 0, weight, 1), weight  # 0 where no window reaches


def istft_by_hand(spectrum, window, stride):
    return overlap_add(np.fft.irfft(spectrum, len(window)), window, stride)[0]


size = 512  # 32 ms
stride = size // 4
hann = make_window("hann", size)  # chapter 01 builds it


def spectra_at(x, places):
    """Spectra (K, F) of the frames that begin at these places."""
    return np.array([np.fft.rfft(hann * x[place : place + size]) for place in places])


places = np.arange(0, len(speech) - size, stride)
X = spectra_at(speech, places)
back = istft_by_hand(X, hann, stride)
np.testing.assert_allclose(back[1:], speech[1 : len(back)], atol=1e-12)  # at sample 0, w is 0
np.testing.assert_allclose(back, vocoder.istft(X, hann, stride), atol=1e-12)
_, weight = overlap_add(np.zeros((8, size)), hann, stride)
print(f"squared windows add up to {weight[size:-size].min():.6f} to {weight[size:-size].max():.6f}")

# %%
figure, axis = plt.subplots(figsize=(7, 2.2), layout="constrained")
for t in range(8):
    axis.plot(t * stride + np.arange(size), hann**2, "--", color="0.5", linewidth=0.9)
axis.plot(weight, "-", color="black", label="their sum")
axis.set(xlabel="sample", ylabel="squared window", title="eight frames, a quarter window apart")
axis.legend(loc="upper right", fontsize="small")
show(
    figure,
    "Eight overlapping hills, the squared windows, and their sum: it rises at the left, is level "
    "at 1.5 in the middle, and falls at the right.",
)

# %% [markdown]
# In the middle the sum is level: with a stride of a quarter window, each sample counts alike. At
# both ends fewer frames overlap, and the division makes up for it.
#
# ### Step 2: moved closer, and why that is not enough
#
# To become faster by the factor $r$, new frame $k$ is taken from the old sound at sample $k \cdot
# \mathrm{stride} \cdot r$ and put at $k \cdot \mathrm{stride}$. We try it on pure tones. Predict first:
# each frame holds its tone unchanged; will the sum keep its power?


# %%
def taken(x, r):
    """Say where the new frames are taken, and pad x so that there is something everywhere."""
    K = math.ceil(round(len(x) / r) / stride) + 1
    places = np.rint(np.arange(K) * stride * r).astype(int)
    padded = np.concatenate([np.zeros(size // 2), x, np.zeros(2 * size + int(stride * r))])
    return places, padded  # frame k now has old sample places[k] in its middle


def only_moved(x, r):
    places, padded = taken(x, r)
    moved = istft_by_hand(spectra_at(padded, places), hann, stride)
    return moved[size // 2 :][: round(len(x) / r)]


r, kept = 1.25, {}
for hertz in (220, 270, 500):
    moved = only_moved(tone(hertz), r)
    inner = slice(1000, -1000)
    lost = decibels(np.mean(moved[inner] ** 2) / np.mean(tone(hertz)[inner] ** 2))
    turns = hertz * stride * (r - 1) / RATE
    kept[hertz] = lost > -3
    print(f"{hertz} Hz: {lost:6.1f} dB; too far by {turns:.2f} turns from frame to frame")
print("All tones keep their power." if all(kept.values()) else
      f"Of {len(kept)} tones, {len(kept) - sum(kept.values())} lose more than half of their power.")  # fmt: skip

# %% [markdown]
# The last column says why. From one frame that we
# take to the next lie $\mathrm{stride} \cdot r$ samples, in which a tone of $\nu$ hertz turns $\nu
# \cdot \mathrm{stride} \cdot r / \mathrm{RATE}$ times. In the new sound only `stride` samples lie
# between them, so the frame is too far by $\nu \cdot \mathrm{stride} \cdot (r - 1) / \mathrm{RATE}$
# turns. A whole turn does not show: crest meets crest. Half a turn is the worst: crest meets trough.
#
# ### Step 3: turned until they fit
#
# How far *should* the phase turn from one new frame to the next? As far as it turns in the old sound
# within one stride. That we can measure: take a second frame, one stride later. If the tone has the
# spectrum $X$ at one place, then at $m$ samples later it has $X e^{2 \pi i \nu m / \mathrm{RATE}}$
# (a delay turns phases, chapter 01). So with $X'$ a stride after $X$,
#
# $$\theta = \mathrm{angle}\Bigl(\frac{X'}{X}\Bigr) =
# 2 \pi \nu \, \frac{\mathrm{stride}}{\mathrm{RATE}} \quad \text{up to whole turns},$$
#
# and the new phases $\psi$ add them up:
#
# $$\psi_0 = \mathrm{angle}(X_0), \qquad \psi_k = \psi_{k-1} + \theta_{k-1}, \qquad
# Y_k = |X_k| \, e^{i \psi_k}.$$
#
# The size comes from the new place, and the phase from going on. Whole turns, which no angle shows,
# do no harm: $e^{i (\theta + 2 \pi)} = e^{i \theta}$. (That is so because both strides, that at
# which we measure and that at which we put, are the same. Books that measure from one frame taken to
# the next have to multiply the angle by $1 / r$ and must find out how many turns were missed.)
#
# One frequency of one tone, step by step:

# %%
wave = tone(270)
places, padded = taken(wave, r)
X, later = spectra_at(padded, places), spectra_at(padded, places + stride)  # (K, F) each
f = int(np.abs(X[len(X) // 2]).argmax())  # where the tone is
phase, phases = np.angle(X[0, f]), []
for k in range(len(X)):
    phases.append(phase)
    phase += np.angle(later[k, f] / X[k, f])
phases = np.array(phases)
np.testing.assert_allclose(
    np.exp(1j * phases), vocoder.accumulate_turns(X, later)[:, f], atol=1e-12
)


def turns_seen(angles):
    return (angles / (2 * np.pi) % 1).round(3)


print(f"a tone of 270 Hz turns {270 * stride / RATE:.3f} times in a stride")
print("measured, whole turns do not show:", turns_seen(np.angle(later[5:9, f] / X[5:9, f])))
print("the phases of frames only moved:  ", turns_seen(np.diff(np.angle(X[5:10, f]))))

# %% [markdown]
# What we measure is what the tone does, but for whole turns. The phases that step 2 has kept turn
# otherwise from one new frame to the next, and that is all that was wrong with them.
#
# ### Exercise 08.2: phases that go on
#
# Do it for all frequencies: return complex numbers of size 1 that have the phases $\psi$.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `x` | $X_k$ | array of complex numbers | (K, F) | spectra of the frames that are taken |
# | `later` | $X'_k$ | array of complex numbers | (K, F) | spectra one stride later, in the old sound |
# | result | $e^{i \psi_k}$ | array of complex numbers | (K, F) | the new phases |
#
# Where there is silence there is no angle to measure; take 0 for it, as
# `np.angle(0)` does, so that silence does not turn. For one frequency, with `x` `[[1], [1], [1]]` and
# `later` `[[1j], [1j], [1j]]`, a quarter turn each, it is `[[1], [1j], [-1]]`. The cells below use
# the package's.


# %%
def accumulate_turns(x, later):
    """Numbers of size 1, (K, F), whose phases turn on from frame to frame."""
    raise NotImplementedError


# %%
check("08.2", accumulate_turns)

# %% [markdown]
# Now all tones from 100 to 1000 Hz, once only moved, once moved and turned:


# %%
def moved_and_turned(x, r):
    places, padded = taken(x, r)
    X, later = spectra_at(padded, places), spectra_at(padded, places + stride)
    Y = np.abs(X) * vocoder.accumulate_turns(X, later)
    return istft_by_hand(Y, hann, stride)[size // 2 :][: round(len(x) / r)]


hertz = np.arange(100, 1001, 25)
levels = {
    name: decibels([np.mean(change(tone(h), r)[inner] ** 2) / np.mean(tone(h) ** 2) for h in hertz])
    for name, change in (("moved", only_moved), ("and turned", moved_and_turned))
}

# %%
figure, axis = plt.subplots(figsize=(7, 2.5), layout="constrained")
for (name, level), style in zip(levels.items(), ("--", "-"), strict=True):
    axis.plot(hertz, level, style, color="black", label=name)
axis.set(xlabel="frequency of the tone / Hz", ylabel="what is left / dB", title=f"faster by {r}")
axis.legend(fontsize="small")
show(
    figure,
    "What is left of a tone over its frequency. Frames that are only moved lose most of some "
    "tones, at regular distances, and keep others. With turned phases the line is level at 0.",
)

# %% [markdown]
# Frames that are only moved are a *comb*: they weaken the same frequencies for all speakers, which no
# mouth would do.
#
# ### Step 4 (optional reading): neighbours hold together
#
# You can skip this step and go on at "Pitch without speed": what it adds is quality. Speech is no pure
# tone. We listen to both, and to the power that is left of it.

# %%
rough, turned = only_moved(speech, r), moved_and_turned(speech, r)
for name, sound in (("frames only moved", rough), ("moved and turned", turned)):
    level = decibels(np.mean(sound**2) / np.mean(speech**2))
    print(f"{name}: {level:.1f} dB, of what it was")
    play(sound, RATE, f"{name}, faster by {r}")

# %% [markdown]
# The second has no comb, but it sounds as if from the bottom of a well, and it has lost power as
# well. The reason is the window: it spreads each tone over three neighbouring frequencies or more,
# which belong together: added with their own phases they are the tone. We add up turns in each of the
# three *separately*. Each has measured its turns with some error, as tones of speech move, and the
# errors add up. After a while the three are out of step, and work against each other.
#
# The remedy is to **lock** them: neighbours are moved by the same angle. How far has frequency $f$
# been moved? By the angle of $u_f = Y_f \overline{X_f}$, since multiplying with the conjugate
# subtracts angles. The size of $u_f$ is $|X_f|^2$, the power there. So in the sum over a frequency
# and its neighbours the loudest of the three decides, and that one has measured best:
#
# $$m_f = u_{f-1} + u_f + u_{f+1}, \qquad Y^{\text{locked}}_f = X_f \, \frac{m_f}{|m_f|}.$$


# %%
def lock_by_hand(Y, X):
    u = Y * X.conj()
    locked = np.zeros_like(X)
    for f in range(X.shape[1]):
        m = u[:, max(f - 1, 0) : f + 2].sum(axis=1)  # at both ends, there is one neighbour
        locked[:, f] = X[:, f] * np.exp(1j * np.angle(m))
    return locked


def time_stretch_by_hand(x, r):
    places, padded = taken(x, r)
    X, later = spectra_at(padded, places), spectra_at(padded, places + stride)
    Y = np.abs(X) * vocoder.accumulate_turns(X, later)
    stretched = istft_by_hand(lock_by_hand(Y, X), hann, stride)
    return stretched[size // 2 :][: round(len(x) / r)]


spread = np.abs(np.fft.rfft(hann * np.cos(2 * np.pi * 20 * np.arange(size) / size)))
print("a tone that swings 20 times in a frame, at frequencies 18 to 22:", spread[18:23].round(6))

X, Y = rng.standard_normal((2, 6, 9)) + 1j * rng.standard_normal((2, 6, 9))
Y *= np.abs(X) / np.abs(Y)
np.testing.assert_allclose(lock_by_hand(Y, X), vocoder.lock_phases(Y, X), atol=1e-12)
for factor in (0.8, 1.0, 1.1, r):
    ours, theirs = time_stretch_by_hand(speech, factor), vocoder.time_stretch(speech, factor)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    level = decibels(np.mean(ours**2) / np.mean(speech**2))
    print(f"faster by {factor}: {len(ours) / RATE:.2f} s, {level:5.2f} dB; equal to the package's")
np.testing.assert_allclose(vocoder.time_stretch(speech, 1.0), speech, atol=1e-9)
play(vocoder.time_stretch(speech, r), RATE, f"locked, faster by {r}")
play(vocoder.time_stretch(speech, 0.7), RATE, "locked, faster by 0.7, that is, slower")

# %% [markdown]
# Most of the power is back, and the well has nearly gone. A factor of 1 gives the sound back as it was.
# What is left to hear at large factors: the sudden beginning of a t is smeared, because *when* something
# happens within a frame of 32 ms is told by its phases alone, and we have moved those.
#
# ### Pitch without speed
#
# Now we have two tools. Speed by resampling changes length and pitch; the vocoder changes the length
# alone. One after the other, they change the pitch alone. To raise it by the ratio $p$: make the
# sound $p$ times as long, then play it $p$ times as fast. Pitch is counted in **semitones**, steps
# of a factor $2^{1/12}$, twelve of which are an octave, the factor 2.


# %%
def pitch_shift_by_hand(x, semitones):
    ratio = Fraction(2 ** (semitones / 12)).limit_denominator(500)
    shifted = read_on_bumps(time_stretch_by_hand(x, float(1 / ratio)), float(ratio))
    return np.pad(shifted[: len(x)], (0, max(0, len(x) - len(shifted))))


semitones = 12 * np.log2(r)
for up in (semitones, -2):
    np.testing.assert_allclose(
        pitch_shift_by_hand(speech, up), vocoder.pitch_shift(speech, up), atol=1e-9
    )
steady = tone(1000)
ways = {
    "as it was": lambda x: x,
    f"speed {r}": lambda x: change_speed(x, r),
    f"stretch {r}": lambda x: vocoder.time_stretch(x, r),
    f"pitch +{semitones:.1f}": lambda x: vocoder.pitch_shift(x, semitones),
}
for name, way in ways.items():
    seconds, found = len(way(steady)) / RATE, strongest(way(steady))[0]
    print(f"{name:12} a tone of 1000 Hz, 0.5 s, is now one of {found:6.1f} Hz, {seconds:.2f} s")
changed = {name: way(speech) for name, way in ways.items()}
play(changed[f"pitch +{semitones:.1f}"], RATE, f"{semitones:.1f} semitones higher")

# %%
figure, axes = plt.subplots(1, 4, figsize=(7.2, 1.6), sharey=True, layout="constrained")
plot_spectrograms(changed, RATE, axes)
show(
    figure,
    "Four spectrograms on one time axis: as it was; speed, shorter and higher; stretch, shorter at "
    "the same height; pitch, as long as before and higher.",
)

# %% [markdown]
# Our pitch shift moves the formants along, so it is a smaller speaker again, who takes time. Pitch and
# mouth belong to two different things, though, and can be told apart.
#
# ## Another mouth: the envelope of a spectrum
#
# Vocal folds make the sound: many harmonics of one pitch. The vocal tract shapes it: it lets some of
# them through better than others, and these bumps are the formants. So a spectrum is a product,
# source times tract, and its logarithm is a **sum**:
#
# $$\log |X(f)| = \underbrace{S(f)}_{\text{ripples, one each } f_0} + \underbrace{E(f)}_{\text{smooth envelope}}$$
#
# One ripples quickly over frequency, the other is smooth. And what tells quick from slow? A Fourier
# transform, this time of the log spectrum. The result is the **cepstrum** (Bogert, Healy and Tukey,
# 1963, who also turned "frequency" into *quefrency* for its axis, which is a time again). Ripples that
# repeat each $f_0$ hertz stand at $1 / f_0$ seconds; the envelope is what lies well before. Predict
# first: at which quefrency will the peak of this voice be? An adult's pitch is between 80 and 250 Hz.

# %%
SIZE = 512  # samples of a frame: 32 ms, several periods
at = np.argmax(np.convolve(speech**2, np.ones(SIZE), "valid"))  # where it is loudest
n = np.arange(SIZE)
quefrency = np.minimum(n, SIZE - n) / RATE * 1000  # ms; the cepstrum is even
in_reach = (quefrency > 3) & (n < SIZE / 2)


def take_cepstrum(x):
    frame = x[at : at + SIZE] * make_window("hann", SIZE)
    log_spectrum = np.log(np.abs(np.fft.rfft(frame)))
    return log_spectrum, np.fft.irfft(log_spectrum)


def find_period(cepstrum):
    return quefrency[in_reach][np.argmax(cepstrum[in_reach])]


log_spectrum, cepstrum = take_cepstrum(speech)
period = find_period(cepstrum)
envelope = np.fft.rfft(np.where(quefrency < 3, cepstrum, 0)).real
print(f"peak at {period:.1f} ms: a pitch of {1000 / period:.0f} Hz")

# %% [markdown]
# Keep what lies below 3 ms, transform back, and the ripples are gone. To give the same voice another
# mouth, we move only the envelope, $E'(f) = E(f / \text{size})$, and multiply the spectrum by
# $e^{E' - E}$. In a vocal tract that is shorter by a fifth, all resonances lie higher by a quarter;
# the harmonics stay where they are. The package does this frame by frame, and can do more with an
# envelope: make its bumps flatter or sharper, tilt it, and fill it with noise, which is breath (`train
# --vary-voice`).

# %%
frequencies = np.linspace(0, RATE / 2, len(envelope))
moved = np.interp(frequencies / 1.25, frequencies, envelope)
mouths = {
    "as it was": {},
    "shorter, 1.25": {"size": 1.25},
    "longer, 0.8": {"size": 0.8},
    "breath": {"breath": 0.7},
}
voices = {
    name: change_voice(speech, RATE, np.random.default_rng(0), **change)
    for name, change in mouths.items()
}
for name in ("shorter, 1.25", "breath"):
    play(voices[name], RATE, name)

# %%
figure, (axis, *axes) = plt.subplots(1, 3, figsize=(6.2, 1.7), layout="constrained")
for curve, style, label in (
    (log_spectrum, "-", "spectrum"),
    (envelope, "-", "envelope"),
    (moved, "--", "moved by 1.25"),
):
    width, shade = (0.7, "0.6") if label == "spectrum" else (1.5, "black")
    axis.plot(frequencies / 1000, curve, style, color=shade, lw=width, label=label)
axis.set(xlabel="frequency / kHz", xlim=(0, 5), ylabel="log magnitude", ylim=(-19, 4))
axis.legend(fontsize="x-small", frameon=False, loc="lower right")
plot_spectrograms(dict(list(voices.items())[:2]), RATE, axes)
show(
    figure,
    "Left: the log spectrum of a frame, with many fine ripples; its envelope runs through them with "
    "a few bumps, and the moved one has the same bumps further right. Beside it two "
    "spectrograms, in which the fine lines lie alike, and the broad bands higher in the second.",
)

# %% [markdown]
# Did it do what it says? We look for the size that maps the envelope from before best to the one
# after, over all frames, and for the pitch of the loudest frame.


# %%
def mean_envelope(x):
    frames, _ = stft_forward(np.pad(x, SIZE), make_window("hann", SIZE), SIZE // 4)
    loudness = np.square(np.abs(frames)).sum(axis=1, keepdims=True)
    return (loudness * find_envelope(frames, RATE, 3)).sum(axis=0) / loudness.sum()


before, sizes_tried = mean_envelope(speech), np.arange(0.7, 1.4, 0.01)
below = frequencies < 5000
for name in list(voices)[:3]:
    after = mean_envelope(voices[name])
    alike = [
        np.corrcoef(np.interp(frequencies / each, frequencies, before)[below], after[below])[0, 1]
        for each in sizes_tried
    ]
    best = sizes_tried[np.argmax(alike)]
    _, cepstrum = take_cepstrum(voices[name])
    hertz = 1000 / find_period(cepstrum)
    print(f"{name:14} envelope moved by {best:.2f}, pitch {hertz:.0f} Hz")

# %% [markdown]
# ## Rooms
#
# Clap once in a stairwell: first the clap itself, then its echoes, thousands of them, ever weaker.
# What the microphone hears of one clap is the room's **impulse response** $h$, an array like any
# sound. A sound is a row of claps, one for each sample, as large as that sample. Each sets off the
# whole response, and what we hear is their sum:
#
# $$y_n = \sum_k h_k \, x_{n-k}.$$
#
# That is a **convolution**, the same operation as in [chapter 02](02_convolution.ipynb), with a
# kernel that is a room.


# %%
def convolve(x, h):
    y = np.zeros(len(x) + len(h) - 1)  # the last clap's last echo
    for n, value in enumerate(x):
        y[n : n + len(h)] += value * h
    return y


claps, response = np.zeros(12), 0.7 ** np.arange(6)
claps[[1, 3, 8]] = 1, 0.6, -0.8
np.testing.assert_allclose(convolve(claps, response), np.convolve(claps, response))

# %%
figure, axis = plt.subplots(figsize=(7, 2.2), layout="constrained")
for (n, style), marker in zip(((1, ":"), (3, "--"), (8, "-.")), "os^", strict=True):
    axis.plot(np.arange(n, n + 6), claps[n] * response, style, color="0.5", marker=marker, ms=4)
axis.plot(convolve(claps, response), "-", color="black", label="their sum")
axis.set(xlabel="sample", ylabel="sound", title="three claps, each with its echoes")
axis.legend()
show(
    figure,
    "Three claps of different size and sign set off one decaying response each; a solid line is "
    "the sum of the three.",
)

# %% [markdown]
# ### A room made up
#
# Recorded responses are the best. Without any, we make one up. The straight sound comes first, as
# the number 1. The echoes are so many that they are noise, and the walls swallow the same share of them each
# second, so they fade exponentially. The time in which they fade by 60 dB is called the
# **reverberation time**; 60 dB are a factor of 1000 in amplitude. Last, how far is the speaker from
# the microphone? If he is near, the straight sound has much more energy than all echoes together; we
# set this ratio, in decibels.


# %%
def make_room_by_hand(rate, seconds, direct_db, rng):
    count = round(rate * seconds)
    fade = 10 ** (-3 * np.arange(count) / (count - 1))  # from 1 to a thousandth
    echoes = fade * rng.standard_normal(count, np.float32)
    echoes *= np.sqrt(10 ** (-direct_db / 10) / energy(echoes))
    return np.concatenate([[1.0], echoes])


rooms = {}
for name, seconds, direct_db in (("a small room", 0.2, 8), ("a hall, from afar", 1.0, -3)):
    rooms[name] = make_room_by_hand(RATE, seconds, direct_db, np.random.default_rng(3))
    theirs = make_room(RATE, seconds, direct_db, np.random.default_rng(3))
    np.testing.assert_allclose(rooms[name], theirs, atol=1e-6)
    ratio = decibels(1 / energy(rooms[name][1:]))
    print(f"{name}: {len(rooms[name])} samples; straight sound over echoes: {ratio:.2f} dB")

# %% [markdown]
# ### Made fast
#
# Our loop multiplies every sample with every sample of the response. The Fourier transform does it
# with far less. Why? A delay by $k$ samples multiplies frequency $f$ by $e^{-2 \pi i f k /
# \mathrm{size}}$. The convolution is a sum of delayed copies of $x$, so its transform is
#
# $$Y_f = \sum_k h_k \, e^{-2 \pi i f k / \mathrm{size}} \, X_f = H_f \, X_f.$$
#
# *A convolution in time is a product in frequency*: transform both, multiply, transform back. There
# is one trap. For the Fourier transform a signal goes round in a circle, and what is delayed beyond
# the end comes in at the front. So `size` must have room for the last echo.


# %%
def convolve_fast(x, h, size):
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size), size)


late_clap, echo = np.array([0.0, 0, 0, 1]), np.array([1.0, 0.5, 0.25])
print("room for the echoes:", convolve_fast(late_clap, echo, 6).round(6) + 0.0)
print("no room for them:   ", convolve_fast(late_clap, echo, 4).round(6) + 0.0)

hall = rooms["a hall, from afar"]
whole = len(speech) + len(hall) - 1
began = time.perf_counter()
slow = convolve(speech, hall)
between = time.perf_counter()
fast = convolve_fast(speech, hall, whole)
ended = time.perf_counter()
np.testing.assert_allclose(fast, slow, atol=1e-9)
np.testing.assert_allclose(fast, fftconvolve(speech, hall), atol=1e-9)
print(f"the loop takes {(between - began) / (ended - between):.0f} times as long")

# %% [markdown]
# The package calls SciPy's `fftconvolve`, which does what we did. For training, three things remain.
# The straight sound may not be the first sample of a recorded response; the words must stay *in
# their time*, and the sound as long as it was, so the front is cut and so is what echoes after the
# end. And a room should change the sound, not its loudness.

# %%
dry = speech
wet = {"dry": dry}
for name, response in rooms.items():
    wet[name] = package_reverberate(dry, response)
    heard = convolve_fast(dry, response, len(dry) + len(response) - 1)[: len(dry)]
    np.testing.assert_allclose(wet[name], heard * np.sqrt(energy(dry) / energy(heard)), atol=1e-9)
    play(fit_full_scale(wet[name]), RATE, name)

# %%
figure, axes = plt.subplots(1, 3, figsize=(6.2, 1.7), sharey=True, layout="constrained")
plot_spectrograms(wet, RATE, axes)
show(
    figure,
    "Spectrograms, dry, in a small room, and in a hall: each sound is smeared to the right, in the "
    "hall so far that pauses are filled.",
)

# %% [markdown]
# ### Exercise 08.3: reverberate
#
# Write it for any response: convolve; find the straight sound, the sample of the response that is
# *largest in size*, whatever its sign, and cut so that it causes no delay; as many samples come out
# as went in; scale to the energy that went in. If nothing is heard, return the samples as they are.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `samples` | $x$ | array of floats | (count,) | the sound |
# | `response` | $h$ | array of floats | (length,) | impulse response of a room |
# | result | $y$ | array of floats | (count,) | what is heard in the room |
#
# The response `[0, 1]` is a delay by one sample and nothing else: every sound comes out as it went in.


# %%
def reverberate(samples, response):
    """What is heard of samples (count,) in a room with this response: (count,)."""
    raise NotImplementedError


# %%
check("08.3", reverberate)

# %% [markdown]
# ## What the network sees of it
#
# Between samples and network stand the logarithm and the normalisation of chapter 01. How much does
# a change change there? We compare the normalised spectrograms of changes that leave the length. Predict
# first: which of six changes does the network see least, and which most?

# %%
Z = normalise(log_spectrogram(speech, RATE))
seen = {
    "6 dB softer": change_gain(speech, -6),
    "2 semitones higher": vocoder.pitch_shift(speech, 2),
    "a small room": wet["a small room"],
    "a hall, from afar": wet["a hall, from afar"],
    "white noise at 20 dB": noisy["20 dB"],
    "white noise at 0 dB": noisy["0 dB"],
}
by_name = {
    name: np.abs(normalise(log_spectrogram(sound, RATE)) - Z).mean() for name, sound in seen.items()
}
for name, difference in by_name.items():
    print(f"{name:22} changes the input by {difference:.3f} on average (its deviation is 1)")
print(f"Seen least: {min(by_name, key=by_name.get)}; most: {max(by_name, key=by_name.get)}.")

# %% [markdown]
# A constant factor is a constant in the logarithm, and the mean is taken out. So for *this* network,
# gain gains little. It is kept for networks that are normalised otherwise, such as with the statistics
# of a whole corpus.

# %% [markdown]
# ## Drawn anew, and yet the same
#
# `augment` chains the changes. The order is that of the world: first the speaker, then the room
# around it, then the noise, which comes from elsewhere, last the microphone. Predict first: noise is
# added at 10 dB, and *then* both go into a room. Will the ratio still be 10 dB?

# %%
noise = make_noise(len(speech), np.random.default_rng(5)).astype(np.float64)
added = package_add_noise(speech, noise, 10) - speech  # at 10 dB
voice_in_hall, noise_in_hall = (fftconvolve(x, hall)[: len(x)] for x in (speech, added))
first = decibels(energy(voice_in_hall) / energy(noise_in_hall))
print(f"noise, then room: {first:.2f} dB")
in_hall = package_reverberate(speech, hall)
added = package_add_noise(in_hall, noise, 10) - in_hall
print(f"room, then noise: {decibels(energy(in_hall) / energy(added)):.2f} dB")
print("The order matters: noise that is added first does not keep its ratio." if abs(first - 10) > 0.1
      else "Here the order does not matter.")  # fmt: skip

# %% [markdown]
# Which changes an utterance gets, and how strong they are, is drawn anew in each epoch. And yet a
# training that is repeated with the same seed must get exactly the same changes, or no mistake could
# be found twice. A single generator that all utterances share will not do: what it draws depends on
# who asks first, and with several threads preparing minibatches that is left to chance. So each
# utterance has, in each epoch, a generator *of its own*, seeded with (seed, epoch, its number).


# %%
settings = Augmentation()  # as `python -m ds2np train --augment` has them


def versions(order, own):
    """Change three copies of the utterance; with a generator for each, or one for all."""
    shared = np.random.default_rng((0, 1))
    levels = {}
    for i in order:
        rng_i = np.random.default_rng((0, 1, i)) if own else shared
        levels[i] = decibels(energy(augment(speech, RATE, rng_i, settings)) / energy(speech))
    return [round(float(levels[i]), 2) for i in range(3)]


print("how loud copies 0, 1 and 2 have become, in dB")
print("one generator for all, in order:     ", versions((0, 1, 2), own=False))
print("one generator for all, 2 comes first:", versions((2, 0, 1), own=False))
print("one for each, in order:              ", versions((0, 1, 2), own=True))
print("one for each, 2 comes first:         ", versions((2, 0, 1), own=True))
assert versions((0, 1, 2), own=True) == versions((2, 0, 1), own=True)

# %%
epochs = {
    f"epoch {epoch}": augment(speech, RATE, np.random.default_rng((0, epoch, 0)), settings)
    for epoch in (1, 2, 3, 4)
}
play(epochs["epoch 1"], RATE, "epoch 1")

# %%
figure, axes = plt.subplots(1, 4, figsize=(7.2, 1.6), sharey=True, layout="constrained")
plot_spectrograms(epochs, RATE, axes)
show(
    figure,
    "Four spectrograms of the same utterance as four epochs have it: of different length, height, "
    "loudness, and with or without noise and echoes.",
)

# %% [markdown]
# ## Change the picture, not the sound: SpecAugment
#
# Park and others (2019) leave the sound alone and change what the network gets: they *cover* stripes of
# the spectrogram, some bands of frequencies and some stretches of time, with 0. (Ours is normalised, so
# 0 is the mean of each frequency.) No voice sounds like this. The idea is another one: a network that
# cannot rely on any single band or moment has to use all of them. A third change of theirs, which warps
# time a little, we leave out.


# %%
def cover(x, rng, widest=4, longest=12, times=2):
    """Cover `times` bands of frequencies and stretches of frames of a spectrogram (T, F) with 0."""
    T, F = x.shape
    x = x.copy()
    for _ in range(times):
        width, length = rng.integers(widest + 1), rng.integers(min(longest, T // 5) + 1)
        first, begin = rng.integers(F - width + 1), rng.integers(T - length + 1)
        x[:, first : first + width] = 0
        x[begin : begin + length] = 0
    return x


covered = {
    "as it was": Z,
    **{f"epoch {e}": cover(Z, np.random.default_rng(e), 24) for e in (1, 2)},
}

# %%
figure, axes = plt.subplots(1, 3, figsize=(6.2, 1.6), sharey=True, layout="constrained")
for axis, (name, picture) in zip(axes, covered.items(), strict=True):
    plot_map(picture, len(speech) / RATE, RATE / 2000, axis, name)
    axis.label_outer()
show(
    figure,
    "The normalised spectrogram of the utterance, and two versions with level and upright stripes "
    "of one shade: bands and stretches that are covered, at other places and of other widths each time.",
)

# %%
covering = min(repeat(lambda: cover(Z, rng), number=1, repeat=20))
changing = np.mean([
    min(repeat(lambda i=i: augment(speech, RATE, np.random.default_rng(i), settings), number=1))
    for i in range(10)
])  # fmt: skip
print(f"changing the sound takes {changing / covering:.0f} times as long as covering")

# %% [markdown]
# It costs next to nothing, since the spectrogram need not be computed anew. Whether stripes help against
# *noise*, the experiment will show. Is it a statement about language, too? Yes: that a word can be told
# from what is left. Covered too widely, a short word is gone, and its letters are still in the
# transcript.
#
# **Dropout** (Srivastava and others, 2014) has the same idea for the inside of a network: in each
# minibatch, other units are set to 0, so that none can rely on a certain other one (`train --dropout`).
#
# ## Does it help?
#
# Now the experiment. The task is that of chapter 00: spoken digits, 400 recordings, seen in 6 epochs.
# There are four ways to train:
#
# * **plain**: the recordings as they are;
# * **augmented**: changed with the settings of `settings` above, the package's defaults;
# * **voices only**: changed by speed, stretch, pitch and gain, but with neither room nor noise. Is it the
#   *noise* that helps against noise, or would any change do?
# * **covered**: by `cover`, with stripes of the spectrogram.
#
# Nothing was tuned for what follows. One network proves little: with other initial weights every number
# would move. So we train **three** networks in each way, with three seeds, and the same three in all
# ways. To have time for twelve, we take a smaller network than that of chapter 00, with one recurrent
# layer. The three networks of a way get the same minibatches, so the changes are computed only once.
#
# We test on speakers who are held out, 120 recordings of them, as they are and spoiled. What spoils
# them is drawn *once* and written to files, so that all networks hear the same:
#
# * **noise** of `make_noise` at 10 dB, new draws, but of the family that the augmented networks have
#   heard in training;
# * **a room** of `make_room`, new as well, with a reverberation of 0.4 s and 3 dB for the straight
#   sound;
# * **room and noise**, in this order;
# * **babble** at 10 dB: five of the recordings to learn from, all at once. No network here has
#   heard such a thing in training, and it is made of the very words that are to be recognised.

# %%
folder = tempfile.TemporaryDirectory()
rng = np.random.default_rng(0)
sizes = (0.87, 1.15)  # speakers to learn from are smaller or larger: their voices, played quicker
to_learn = toy.speak_digits(folder.name, 400, rng, sizes=sizes)
held_out = toy.speak_digits(folder.name, 120, rng, toy.OTHER_SPEAKERS, sizes=(1, 1))


def spoil(name, utterances, change):
    """Change recordings once and for all; each has a generator of its own."""
    spoiled = []
    for i, utterance in enumerate(utterances):
        samples, _ = load_audio(utterance.audio_filepath)
        samples = fit_full_scale(change(samples, np.random.default_rng((1, i))))
        path = Path(folder.name) / f"{name}_{i:03}.wav"
        soundfile.write(path, samples, toy.RATE)
        duration = len(samples) / toy.RATE
        spoiled.append(Utterance(path, duration, utterance.text, utterance.speaker))
    return spoiled


def in_noise(samples, rng):
    return package_add_noise(samples, make_noise(len(samples), rng), 10)


def in_room(samples, rng):
    return package_reverberate(samples, make_room(toy.RATE, 0.4, 3, rng))


def in_babble(samples, rng):
    others = [load_audio(u.audio_filepath)[0] for u in rng.choice(to_learn, size=5)]
    return package_add_noise(samples, sum(cut_noise(x, len(samples), rng) for x in others), 10)


tests = {
    "clean": held_out,
    "noise": spoil("noise", held_out, in_noise),
    "room": spoil("room", held_out, in_room),
    "room and noise": spoil("both", held_out, lambda x, g: in_noise(in_room(x, g), g)),
    "babble": spoil("babble", held_out, in_babble),
}
for name, utterances in tests.items():
    play(load_audio(utterances[2].audio_filepath)[0], toy.RATE, f"{name}: {utterances[2].text}")

# %% [markdown]
# A `Dataset` takes a function that changes samples, given a generator; that is how `python -m ds2np
# train --augment` does it. The changes come before the spectrogram, each utterance by itself, so the
# padding of a minibatch is never reverberated or noisy: it is padded last. We make sure of that, and
# of what we said about seeds, with a minibatch of two recordings of unequal length.


# %%
def change(samples, rng):
    return augment(samples, toy.RATE, rng, settings)


SMALL = dataclasses.replace(
    toy.CONFIG, mels=24, conv=(ConvConfig(8, (11, 7), (3, 2)),), layers=1, hidden=64
)
model = DeepSpeech2(SMALL)
learn_set = Dataset(to_learn, model.config, change)
shortest, longest = np.argsort(learn_set.frames)[[0, -1]]
one = make_batch(learn_set, np.array([shortest, longest]), (0, 1))
other = make_batch(learn_set, np.array([longest, shortest]), (0, 1))
for x, length in zip(one.x, one.lengths, strict=True):
    assert not x[length:].any()
np.testing.assert_array_equal(one.x, other.x[::-1])
print(f"frames {one.lengths} of {one.x.shape[1]}: 0 behind them, and the same in any order")

# %% [markdown]
# And now the twelve are trained. In each line, the mean loss of each epoch over the three networks.

# %%
EPOCHS, SEEDS = 6, (0, 1, 2)
networks, last_loss = {}, {}


def learn(name, change=None, hide=None):
    """Train a network for each seed, on the same minibatches; print the mean loss of each epoch."""
    networks[name] = [DeepSpeech2(SMALL, seed=seed) for seed in SEEDS]
    optimisers = [SGD(n.params, n.grads, 0.01, 0.95, max_norm=100) for n in networks[name]]
    data, losses = Dataset(to_learn, model.config, change), np.zeros(EPOCHS)
    for epoch in range(EPOCHS):
        for network in networks[name]:
            network.set_training(True)
        for batch in prefetch(data, data.plan(epoch + 1), (0, epoch + 1)):
            x = batch.x.copy()
            for row, length, i in zip(x, batch.lengths, batch.indices, strict=True):
                if hide:
                    row[:length] = hide(row[:length], np.random.default_rng((1, epoch, i)))
            for network, optimiser in zip(networks[name], optimisers, strict=True):
                network.zero_grads()
                logits, frames = network.forward(x, batch.lengths)
                loss, dlogits = ctc_loss(logits, batch.labels, frames, batch.label_lengths)
                network.backward(dlogits / len(loss))
                optimiser.step()
                losses[epoch] += loss.sum() / len(data) / len(SEEDS)
        for optimiser in optimisers:
            optimiser.learning_rate /= 1.2
    last_loss[name] = losses[-1]
    print(f"{name:11}", " ".join(f"{loss:6.2f}" for loss in losses))


learn("plain")

# %%
learn("augmented", change)

# %%
voices = dataclasses.replace(settings, reverb_share=0, noise_share=0)
learn("voices only", lambda samples, rng: augment(samples, toy.RATE, rng, voices))

# %%
learn("covered", hide=cover)
easiest = min(last_loss, key=last_loss.get)
print(f"The smallest loss in training: {easiest}.")

# %% [markdown]
# A network that never hears the same sound twice has less to learn by heart, and what is changed is
# harder. Whoever looked at the training loss alone would choose the way with the smallest one.
#
# Predict first: which of the four is best on clean recordings, which in noise? Will other voices help
# against noise?

# %%
results = {name: {test: [] for test in tests} for name in networks}
for test, utterances in tests.items():
    data = Dataset(utterances, model.config)
    for name, of_three in networks.items():
        results[name][test] = [evaluate(Recogniser(network), data) for network in of_three]
every = {
    name: {test: np.array([one.wer for one in of_three]) for test, of_three in of_one.items()}
    for name, of_one in results.items()
}
print("word error rate in %: mean (smallest to largest of three seeds)")
print(" " * 14 + "".join(f"{name:>19}" for name in every))
for test in tests:
    cells = (
        f"{100 * r.mean():5.1f} ({100 * r.min():.1f} to {100 * r.max():.1f})"
        for r in (of_one[test] for of_one in every.values())
    )
    print(f"{test:14}" + "".join(f"{cell:>19}" for cell in cells))


# %%
figure, axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
rates = {name: {test: r.mean() for test, r in of_one.items()} for name, of_one in every.items()}
plot_rates(rates, axis)
show(
    figure,
    "Mean word error rates of the four ways to train on the five tests, one row for each test: "
    + "; ".join(
        f"{test}: " + ", ".join(f"{name} {of_one[test]:.0%}" for name, of_one in rates.items())
        for test in tests
    )
    + ".",
)

# %% [markdown]
# How sure may we be? Two things were drawn by chance, the seeds and the recordings. For the seeds, we ask
# whether a way is better with all three. For the recordings, we draw 120 of them again and again, with
# replacement, and look how much the difference of two error rates, each the mean of three networks,
# varies: a *bootstrap*. An interval that does not reach 0 is a difference that the choice of recordings
# does not explain.


# %%
def mistakes(of_three):
    """Words wrong in each utterance, the mean of the networks, (N,)."""
    return np.mean(
        [[sum(a != b for a, b in pairs) for pairs in one.word_alignments] for one in of_three],
        axis=0,
    )


def by_seed(name, test):
    """Say how a way compares with the plain one, seed by seed."""
    fewer = every["plain"][test] - every[name][test]
    if (fewer > 0).all():
        return "better with all seeds"
    return "worse with all seeds" if (fewer < 0).all() else "undecided by seeds"


words = np.array([len(utterance.text.split()) for utterance in held_out])
drawn = np.random.default_rng(0).integers(len(words), size=(2000, len(words)))
print("word error rate of the plain networks less that of others, in percentage points;")
print("in brackets, where 95 of 100 draws of the recordings lie; a gain is above 0")
gains = {}
for name in list(every)[1:]:
    print(f"{name}:")
    for test in tests:
        fewer = mistakes(results["plain"][test]) - mistakes(results[name][test])
        differences = 100 * fewer[drawn].sum(axis=1) / words[drawn].sum(axis=1)
        low, high = np.percentile(differences, [2.5, 97.5])
        gain = 100 * fewer.sum() / words.sum()
        seeds = by_seed(name, test)
        sure = seeds.startswith("better" if low > 0 else "worse") and (low > 0 or high < 0)
        gains[name, test] = gain if sure else 0.0
        verdict = ("a gain" if gain > 0 else "a loss") if sure else "undecided"
        print(f"    {test:15} {gain:5.1f} ({low:5.1f} to {high:5.1f}), {seeds}: {verdict}")

# %%
helped = [test for test in tests if gains["augmented", test] > 0]
print(f"Augmentation helps in {len(helped)} of {len(tests)} tests: {', '.join(helped) or 'none'}.")
left = {test: rates["augmented"][test] / rates["plain"][test] for test in ("noise", "babble")}
print(f"What is left of the mistakes: in noise {left['noise']:.0%}, in babble {left['babble']:.0%}."
      + (" What was never heard in training is helped less." if left["babble"] > left["noise"]
         else ""))  # fmt: skip

# %% [markdown]
# For other seeds, three are few; but where all three agree by far more than they differ among themselves,
# a fourth would hardly turn the result round. Babble is the reminder: nothing of its kind was in the
# training. And look for a price in the row of clean recordings: changed recordings are the harder task,
# for a network of the same size and the same number of epochs. The stripes of `cover` come from trainings
# that were far longer than ours; six epochs of a small network are no test of what they do there.
#
# What it writes says more than a rate. The first recordings in noise, beside what was said:

# %%
print(f"{'said':22}{'plain':26}augmented")
for i in range(6):
    plain, augmented = (results[name]["noise"][0].hyps[i] for name in ("plain", "augmented"))
    print(f"{held_out[i].text:22}{plain:26}{augmented}")

# %% [markdown]
# ### What other voices are good for
#
# **Voices only** is the control that says what the noise in the training is good for. It has had as many
# changes of the voice as the augmented way has, but nothing behind the voices. What it was made for are
# *new voices*, and all our tests have those: five speakers who were held out. Predict first: will it help
# with each of the five, where nothing else is changed? And in noise?

# %%
who = np.array([utterance.speaker.partition("+")[2] or "hum" for utterance in held_out])
of_voice = {}
print("word error rate in % on clean recordings of each held-out voice, mean of three seeds")
print(f"{'voice':9}{'words':>6}" + "".join(f"{name:>13}" for name in every))
for voice in sorted(set(who)):
    chosen = who == voice
    of_voice[voice] = {
        name: 100 * mistakes(results[name]["clean"])[chosen].sum() / words[chosen].sum()
        for name in every
    }
    row = "".join(f"{rate:13.1f}" for rate in of_voice[voice].values())
    print(f"{voice:9}{words[chosen].sum():6}{row}")

# %%
better = sum(of_one["voices only"] < of_one["plain"] for of_one in of_voice.values())
print(f"Voices only make fewer mistakes than plain with {better} of {len(of_voice)} voices.")
for test in tests:
    print(f"  {test:15}", "no difference that seeds and recordings allow to claim"
          if gains["voices only", test] == 0 else
          f"{gains['voices only', test]:+.1f} percentage points")  # fmt: skip
if gains["augmented", "noise"] > 0:
    share = gains["voices only", "noise"] / gains["augmented", "noise"]
    print("Of the augmented way's gain in noise, voices alone bring "
          + (f"{share:.0%}." if share > 0 else "nothing that we could claim."))  # fmt: skip

# %% [markdown]
# What can be said: how these five voices fare, with these three seeds, in these five tests. Where the
# list claims no difference, there may still be one that is smaller than chance. Among five voices, a coin
# would favour the same side in all five once in 16 times, so even "five of five" would prove little by
# itself.
#
# What cannot be said: how real voices fare. All of these come from one synthesiser, with the same four
# accents, and differ above all in pitch and formants. That is just what the changes vary, so the test
# should favour them. And the plain networks are no pure control here: their recordings are played at
# 0.87 to 1.15 times their speed already, once and for all. People differ in accent, in rhythm and in how
# they form their sounds; no change of this chapter imitates that.
#
# *Try it:* 12 epochs; a share of 0.2 or 0.8 for the noise; a babble of your own in training. Decide on
# the recordings of one set of speakers, and report those of another: whoever tunes on the test has no
# test any more.

# %% [markdown]
# ## From a machine's voice to yours
#
# So we ask a newcomer. The network of chapter 00 has heard one synthesiser, espeak-ng, in many voices. Now
# *joe* reads the same kind of sentences to it: a neural voice, of the synthesiser piper, which has learned
# from a person's recordings. Three ways to help the network:
#
# * **another synthesiser**: half of the sentences spoken once more by three voices of flite, with all
#   changes of this chapter;
# * **sentences of one's own**: 20 to 120 of joe's are learned, mixed with what was known before
#   (`python -m ds2np adapt`, two to three minutes);
# * both. And as the control, *nothing before*: a new network that hears only joe's sentences.
#
# The trainings take hours, so they are not repeated here: the numbers come from
# `tests/benchmarks/other_voices.py`. Predict first: 84 of 100 words of joe are wrong at the beginning.
# How many are left with another synthesiser and no word of joe? With 40 sentences of his, which are
# a minute of speech, and no other synthesiser? And which of the two costs the old voices more?

# %%
# Word error rate in %, greedy and with a 3-gram of words, by joe's sentences that were learned. With
# 0, 40 or 120 sentences the mean of three trainings; else, and with nothing before, one training.
OF_JOE = {
    "nothing before": {
        10: (92.4, 83.6),
        20: (86.8, 75.7),
        40: (81.1, 71.3),
        80: (77.6, 59.0),
        120: (58.0, 34.1),
    },
    "one synthesiser": {
        0: (83.7, 66.8),
        20: (50.2, 31.2),
        40: (41.6, 21.1),
        80: (32.5, 15.5),
        120: (24.4, 10.8),
    },
    "two synthesisers": {
        0: (35.4, 15.4),
        20: (24.3, 11.7),
        40: (23.0, 12.0),
        80: (15.8, 5.4),
        120: (14.3, 6.3),
    },
}
# Greedy, of voices of espeak-ng that no network has heard.
OF_ESPEAK = {
    "one synthesiser": {0: 3.0, 20: 13.8, 40: 9.1, 80: 8.4, 120: 6.2},
    "two synthesisers": {0: 4.0, 20: 6.4, 40: 7.7, 80: 5.9, 120: 5.5},
}

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.6, 2.4), sharey=True, layout="constrained")
styles = {"nothing before": "^:", "one synthesiser": "o--", "two synthesisers": "s-"}
for axis, way, title in zip(axes, (0, 1), ("greedy", "with a 3-gram of words"), strict=True):
    for name, rates_of in OF_JOE.items():
        counts = list(rates_of)
        wer = [rates_of[count][way] for count in counts]
        axis.plot(counts, wer, styles[name], color="black", markersize=4, label=name)
    axis.set(xlabel="sentences of joe that were learned", title=title, ylim=(0, 110))
axes[0].set(ylabel="word error rate / %")
axes[1].legend(fontsize="small", frameon=False)
show(
    figure,
    "Word error rate of joe's test sentences over the number of his sentences that were learned. "
    + "; ".join(
        f"{name}, greedy: " + ", ".join(f"{count}: {wer[0]:.0f}" for count, wer in of.items())
        for name, of in OF_JOE.items()
    )
    + " percent.",
)

# %%
one, two = OF_JOE["one synthesiser"], OF_JOE["two synthesisers"]
better = "another synthesiser" if two[0][0] < one[40][0] else "forty sentences of his"
print(f"joe before: {one[0][0]:.0f} %. No word of him but another synthesiser: {two[0][0]:.0f} %; "
      f"forty sentences of his: {one[40][0]:.0f} %. More is gained by {better}.")  # fmt: skip
print(f"Both: {two[40][0]:.0f} %, with a language model {two[40][1]:.0f} %; "
      f"with 120 sentences {two[120][0]:.0f} and {two[120][1]:.0f} %.")  # fmt: skip
for name, of in OF_ESPEAK.items():
    print(f"{name}, the old voices: " + ", ".join(f"{n}: {wer:.1f} %" for n, wer in of.items()))
alone = OF_JOE["nothing before"]
of_alone, of_one = (rates_of[max(rates_of)][0] for rates_of in (alone, one))
print(f"All his sentences and nothing before: {of_alone:.0f} %; "
      f"with one synthesiser before: {of_one:.0f} %. What was learned from a machine "
      + ("helps with another voice." if of_one < of_alone else "is of no use."))  # fmt: skip

# %% [markdown]
# The rule behind all of it: **a network learns what its data varies**, and takes for granted what its
# data holds fixed. With one synthesiser, pitch and accent varied; the way in which it makes an /s/ or a
# vowel did not, and so the network could rely on that. A second synthesiser makes them otherwise. Or was
# it the changes of this chapter that came with it? The control: with all of them, and one synthesiser, 74 %
# of joe's words are wrong (`tests/benchmarks/voice_changes.py`). They vary the mouth, and not how it speaks.
#
# *Try it with your voice*, on the page of chapter 16: `python -m ds2np serve demo/run --teach mine`
# shows a sentence at a time, records, says at once if something is wrong with the sound, and trains.

# %% [markdown]
# ### And how many hours?
#
# People are another matter. speechocean762 is English read by people whose first language is Mandarin,
# half of them children. A network with 2.6 million parameters learns an eighth, a quarter, half or all of
# 1.4 hours of them, with the augmentation of this chapter, and is judged on other people. Then a
# 3-gram of words helps, of text that nobody had to read aloud. Predict first: what does it bring to have
# twice as much speech? And which of the two brings more, eight times the speech, or the text?

# %%
# Hours of speech: word error rate in % greedy and with the 3-gram, letter error rate greedy; one
# training each (tests/benchmarks/little_speech.py).
BY_HOURS = {
    0.17: (97.8, 92.3, 76.0),
    0.34: (95.5, 76.1, 53.7),
    0.68: (92.3, 76.3, 49.7),
    1.36: (88.4, 70.2, 45.6),
}
hours = np.array(list(BY_HOURS))
greedy, with_lm, letters = np.array(list(BY_HOURS.values())).T

# %%
figure, axis = plt.subplots(figsize=(3.6, 2.1), layout="constrained")
axis.semilogx(hours, greedy, "o--", base=2, color="black", markersize=4, label="words, greedy")
axis.semilogx(hours, with_lm, "s-", base=2, color="black", markersize=4, label="words, 3-gram")
axis.semilogx(hours, letters, "^:", base=2, color="0.4", markersize=4, label="letters, greedy")
axis.set(xlabel="hours of speech", ylabel="error rate / %", ylim=(0, 105))
axis.set_xticks(hours, [f"{each:g}" for each in hours], minor=False)
axis.legend(fontsize="x-small", frameon=False)
show(
    figure,
    "Error rates over the hours of speech that were learned. "
    + "; ".join(
        f"{name}: " + ", ".join(f"{rate:.0f}" for rate in rates)
        for name, rates in (("words", greedy), ("with a 3-gram", with_lm), ("letters", letters))
    )
    + f" percent at {', '.join(map(str, hours))} hours.",
)

# %%
for name, rates in (("words", greedy), ("words with the 3-gram", with_lm), ("letters", letters)):
    print(f"{name}: " + ", ".join(f"{a:.1f} to {b:.1f}" for a, b in pairwise(rates)))
print(f"Eight times the speech: {greedy[0]:.0f} to {greedy[-1]:.0f} % of the words wrong. "
      f"The text, with all the speech: {greedy[-1]:.0f} to {with_lm[-1]:.0f} %.")  # fmt: skip

# %% [markdown]
# The text is worth more here than eight times the speech. The network hears many letters rightly and
# cannot spell, for in an hour it meets few words; text has most of them. And the parts are by nearly the
# same hundred people, so that more hours bring more words, but no other voices. Both pictures say: look
# for what your data lacks before you collect more of what it has. What else was tried with this speech,
# and what it brought, stands in `tests/benchmarks/README.md`, "What helps on little speech".
#
# ## An open question: which changes leave the words as they are?
#
# All rests on that. Take speed. Here is what two of the networks, of the first seed, make of held-out
# digits that are played more slowly or more quickly. The plain one has heard voices at 0.87 to 1.15
# times their speed; the augmented one has heard those at 0.9 to 1.1 times theirs. And CTC has a limit of its own: a text of $L$ labels needs $L$ frames, and
# one more for each pair of equal neighbours ([chapter 05](05_ctc.ipynb)). Beyond some speed there is no
# path left. Predict first: at which speed are the two best, and which of them rises faster on both sides?

# %%
fits = Dataset(held_out, model.config)
needed = np.array([len(labels) + (np.diff(labels) == 0).sum() for labels in fits.labels])
for speed in (1, 2, 3, 4):
    left = model.out_lengths((fits.frames / speed).astype(int))
    print(f"speed {speed}: {np.mean(needed > left):4.0%} of the transcripts no longer fit")

speeds = (0.5, 0.65, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
fitting = needed <= model.out_lengths((fits.frames / max(speeds)).astype(int) - 2)
chosen = [u for u, fit in zip(held_out, fitting, strict=True) if fit][:60]  # fit at all speeds
curves = {name: [] for name in ("plain", "augmented")}
for speed in speeds:
    utterances = spoil("speed", chosen, lambda x, g, speed=speed: change_speed(x, speed))
    for name, rates in curves.items():
        rates.append(
            100 * evaluate(Recogniser(networks[name][0]), Dataset(utterances, model.config)).wer
        )

# %%
figure, axis = plt.subplots(figsize=(7, 2.5), layout="constrained")
for (name, rates), style in zip(curves.items(), ("o--", "s-"), strict=True):
    axis.plot(speeds, rates, style, color="black", markersize=4, label=name)
heard = np.array(sizes)
axis.axvspan(*heard * (0.9, 1.1), color="0.93", zorder=0, label="heard by the augmented one")
axis.axvspan(*heard, color="0.8", zorder=0, label="heard by both")
axis.set(xlabel="speed", ylabel="word error rate / %", ylim=(0, None))
axis.legend(fontsize="small")
show(
    figure,
    f"Word error rate of {len(chosen)} held-out recordings over the speed at which they are played. "
    "Plain: "
    + ", ".join(f"{rate:.0f}" for rate in curves["plain"])
    + "; augmented: "
    + ", ".join(f"{rate:.0f}" for rate in curves["augmented"])
    + f" percent at the speeds {', '.join(map(str, speeds))}.",
)

# %%
for name, rates in curves.items():
    best = speeds[int(np.argmin(rates))]
    print(f"{name:10} best at speed {best:g} ({min(rates):.0f} %); at {speeds[0]} {rates[0]:.0f} %, "
          f"at {speeds[-1]} {rates[-1]:.0f} %")  # fmt: skip
fewer = [b < a for a, b in zip(*curves.values(), strict=True)]
print(f"The augmented one makes fewer mistakes at {sum(fewer)} of {len(fewer)} speeds.")
play(
    change_speed(load_audio(held_out[1].audio_filepath)[0], 0.5), toy.RATE, "a digit at half speed"
)

# %% [markdown]
# At half speed *you* still understand the digit, perhaps as that of a giant. So the transcript is
# true, and one could train on it; only it sounds like nobody.
#
# Before you read on: which of these leave the words as they are? In English, in Mandarin? Gain;
# noise at 20 dB, at -20 dB; a pitch that is shifted by two semitones; a pitch that is made constant;
# speed 1.1; speed 3; the sound backwards; a tenth of a second cut off at the end.
#
# <details><summary>Answer</summary>
#
# The honest test is a person: would somebody who hears the changed sound alone write the same transcript?
#
# * Gain, and noise at 20 dB: yes. Noise at -20 dB: no. The words are still "in it", but nobody can
#   hear them, and a network that is punished for not writing them learns to guess. The package's
#   ratios are 5 to 25 dB.
# * Pitch by two semitones: yes, in both languages. In Mandarin the *movement* of the pitch within a
#   syllable tells words apart: high and level, rising, dipping, falling. A shift by a ratio moves it
#   up or down as a whole, as with another speaker, and the movement stays.
# * A constant pitch: yes in English, where pitch carries emphasis and questions, but not the letters
#   of a word. No in Mandarin: four words have become one. A change that bends the pitch over time is
#   worse still, as it makes one word into *another*, with the old transcript.
# * Speed 1.1: yes. Speed 3: hardly. People begin to fail, and so does CTC, by arithmetic, as above;
#   the package takes an utterance that no longer fits as it was. There is a quieter danger: where a
#   language tells words apart by the length of a vowel, the length *compared to the others* counts, and
#   a change of speed within the utterance could turn one into the other.
# * Backwards: no. It has the same spectrum of power as a whole, and no word in it.
# * A piece cut off: only if it is silent, and nobody can promise that. It is why our `reverberate`
#   keeps the words in their time, and the length.
#
# A change is a statement about a language and a task. For another task it may be false: who wants to
# know *who* speaks, or whether somebody asks or states, must not touch the pitch.
# </details>

# %% [markdown]
# ## What the paper reports
#
# The paper (Amodei and others, 2015) adds noise to 40 % of its utterances, chosen at random, at a random
# signal-to-noise ratio. None of its figures that this book quotes compares a training with that and one
# without, so what it gained we cannot say. What can be read is how much harder noise is: in its table
# on data, the model that was trained on 120 hours has a word error rate of 29.23 % on regular and 50.97 % on noisy
# speech; with 12,000 hours it is 8.46 % and 13.59 %. Data of the right kind is the remedy against
# noise, and augmentation is the part of it that costs nothing. Its final system has, on the CHiME
# recordings, 3.34 % where they are clean and 21.79 % in real noise; people have 3.46 % and 11.84 %.
#
# At our size we can see what noise in training does against noise, and against which. We
# cannot see how much of it is left when there are thousands of hours that are noisy by themselves.
#
# A word of history: Flanagan and Golden published the phase vocoder in 1966.
#
# ## Summary
#
# * A decibel is ten times the logarithm of a ratio of energies; amplitudes are their roots.
# * To add noise at a ratio, solve for its gain; mind what is silent.
# * Speed is reading between the samples, by bumps wide enough that nothing folds back; pitch,
#   formants and length move together.
# * The phase vocoder moves frames closer and turns each phase on by what it turns in a stride;
#   neighbours are locked, or they drift apart. With resampling it shifts the pitch.
# * A log spectrum is a sum of quick ripples, the source, and a smooth envelope, the vocal tract. The
#   cepstrum separates them, so the mouth can be changed and the pitch kept.
# * A room is a convolution; in frequency it is a product, with room for the last echo.
# * Each utterance draws from a generator seeded with (seed, epoch, number): anew each epoch, the same
#   each time.
# * SpecAugment covers stripes of the spectrogram, at next to no cost.
# * A network learns what its data varies: a second synthesiser helps with the voice of a third one.
# * Train several seeds, and have a control that leaves out just one thing. Judge on recordings that
#   neither training nor tuning has seen, voice by voice, and say what they are not.
#
# **A production system** would use thousands of recorded noises and measured rooms; would add
# SpecAugment to them; would pass sounds through the codecs of telephones; and would run all this on
# other cores than the training.
#
# ## Further reading
#
# * J. L. Flanagan, R. M. Golden: *Phase vocoder*, 1966.
# * D. W. Griffin, J. S. Lim: *Signal estimation from modified short-time Fourier transform*, 1984.
# * J. Laroche, M. Dolson: *Improved phase vocoder time-scale modification of audio*, 1999.
# * T. Ko, V. Peddinti, D. Povey, S. Khudanpur: *Audio augmentation for speech recognition*, 2015.
# * N. Srivastava and others: *Dropout: a simple way to prevent neural networks from overfitting*, 2014.
# * D. S. Park and others: *SpecAugment: a simple data augmentation method for automatic speech
#   recognition*, 2019.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * In the package: [effects.py](../ds2np/audio/effects.py), [augment.py](../ds2np/audio/augment.py),
#   [vocoder.py](../ds2np/audio/vocoder.py), [dataset.py](../ds2np/data/dataset.py).
