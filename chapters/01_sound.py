# %% [markdown]
# # 01  Sound to spectrogram
#
# A recording is a long row of numbers in which no word can be seen; a spectrogram is a picture in
# which it can, and it is what the network reads.
#
# ![The network from sound to text, with sound to spectrogram, its first part,
# framed.](images/network_01.svg)
#
# **You will be able to**
#
# * turn samples into the network's input, step by step: frames, window, Fourier transform, power,
#   logarithm, normalisation;
# * say what each step keeps and what it throws away, and hear it;
# * say which frequency a tone above half the sampling rate turns into, and how to prevent it;
# * explain why the fast Fourier transform is fast, and write it in ten lines;
# * carry a gradient from the network's input back to every sample, and prove it right;
# * say what the logarithm does for us, and what it does to us.
#
# **You need** NumPy, sine and cosine, and the chain rule. Complex numbers are explained where they
# first appear. Of the other chapters, none. **Reading time** 90 minutes.

# %%
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
from scipy.fft import dct
from scipy.optimize import minimize
from scipy.signal import chirp, resample_poly

from ds2np.audio import frames, log_spectrogram, mel, normalisation, stft
from ds2np.audio.level import FLOOR as PHI
from ds2np.audio.level import power_normalise_backward, power_normalise_forward
from ds2np.audio.spectrogram import (
    clip_spectrogram_forward,
    log_spectrogram_backward,
    log_spectrogram_forward,
)
from ds2np.audio.vocoder import istft
from ds2np.gradcheck import check_gradients
from ds2np.learn import check, play, show
from ds2np.learn.sound import say
from ds2np.plots import plot_map, plot_spectrogram, plot_waveform

# %% [markdown]
# ## The idea in one picture
#
# Sound is pressure that goes up and down. A microphone measures it many times a second, here 16,000
# times: these measurements are the **samples**. Whoever looks at them sees little, because two
# sounds that we hear as the same vowel may have quite different samples. What the ear notices is
# *how fast* the pressure swings: the **frequencies**, in hertz (Hz), swings a second. A vowel has
# its power at other frequencies than an s.
#
# Speech changes all the time, but hardly within 20 ms. So we take a piece of 20 ms, ask how much
# power it has at each frequency, and write the answers above each other as one column. Then we move
# on by 10 ms and do it again.
#
# ![Four steps from left to right. A piece of 20 ms is marked in a waveform. It is faded in and out
# by a window. Bars show the logarithm of its power at each frequency. The bars, as shades of grey,
# are one column of a spectrogram.](images/sound_01_column.svg)
#
# That is nearly all. The rest of the chapter builds it in six small steps, and then walks them
# backwards.

# %% [markdown]
# ## The steps, and their shapes
#
# | symbol | shape | what it is |
# |---|---|---|
# | $x_n$ | (count,) | samples, from -1 to 1 |
# | $w_n$ | (size,) | the window: weights that fade a frame in and out |
# | $a_{t,n}$ | (T, size) | sample $n$ of frame $t$, faded |
# | $X_{t,f}$ | (T, F), complex | the spectrum: how much of frequency $f$ is in frame $t$ |
# | $P_{t,f}$ | (T, F) | its power |
# | $Y_{t,f}$ | (T, F) | the logarithm of the power |
# | $Z_{t,f}$ | (T, F) | $Y$, normalised: the network's input |
#
# $T$ counts frames and $F$ frequencies, as in the whole book. A frame has `size` samples, and the
# next one begins `stride` samples later.
#
# $$a_{t,n} = w_n \, x_{t \cdot \mathrm{stride} + n}, \qquad
# X_{t,f} = \sum_{n=0}^{\mathrm{size}-1} a_{t,n} \, e^{-2 \pi i f n / \mathrm{size}}, \qquad
# P = |X|^2, \qquad Y = \ln(P + \mathrm{floor}).$$
#
# Every symbol in these formulas is explained when we build it. First we need a sound.

# %%
rate = 16_000  # samples a second, all through this chapter
speech = say("the cats sat", rate)
print(f"{len(speech)} samples, {len(speech) / rate:.2f} s, {speech.dtype}")
play(speech, rate, "the cats sat")

loud = int(np.abs(speech).argmax())  # we look closer at its loudest place

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 1.7), layout="constrained")
plot_waveform(speech, rate, axes[0], color="black").set_title("all of it")
near = max(loud - 320, 0)
plot_waveform(speech[near : near + 640], rate, axes[1], near / rate, color="black")
axes[1].set_title("40 ms around the loudest sample")
axes[1].locator_params(axis="x", nbins=4)
show(
    figure,
    "Left, the waveform of the whole utterance: bursts of sound with pauses between them. Right, "
    "40 milliseconds of it: a shape that comes again and again.",
)

# %% [markdown]
# From afar we see where it is loud. From near we see a shape that repeats: that is a voice, and how
# often it repeats in a second is its pitch. Which vowel it is hides in the shape.

# %% [markdown]
# ## Step 1: frames
#
# We cut the samples into pieces of `size`, one every `stride`. With a stride of half the size, each
# sample lies in two frames, so that nothing is lost where a frame is faded.
#
# ![Eleven samples cut into four frames of size 4 with stride 2. Sample 10 is in no frame. A row
# below counts the copies of each sample: 1, 1, 2, 2, 2, 2, 2, 2, 1, 1,
# 0.](images/sound_01_frames.svg)
#
# How many whole frames fit? The first one needs `size` samples, and each further one `stride` more:
# $T = \lfloor (\mathrm{count} - \mathrm{size}) / \mathrm{stride} \rfloor + 1$. What is left at the
# end and fills no frame is dropped: less than one stride.


# %%
def cut(x, size, stride):
    T = (len(x) - size) // stride + 1
    out = np.zeros((T, size), x.dtype)
    for t in range(T):
        out[t] = x[t * stride : t * stride + size]
    return out


print(cut(np.arange(11), 4, 2))

size, stride = frames.frame_sizes(rate, window_ms=20, stride_ms=10)
pieces = cut(speech, size, stride)
print(f"\n20 ms are {size} samples, 10 ms are {stride}; the utterance has {len(pieces)} frames")
np.testing.assert_array_equal(pieces, frames.frame_forward(speech, size, stride)[0])

# %% [markdown]
# The first four rows are the drawing. The last line is how this book works: what we build is
# asserted to be equal to what the package does. (The package cuts without copying: its frames are a
# *view* of the samples.)

# %% [markdown]
# ## Step 2: the window
#
# Cutting does harm. A piece that is cut out of a tone begins and ends with a jump that was not in
# the tone. We can hear jumps: they click. So we fade each frame in and out, by multiplying it with
# a hill, the **Hann window**:
#
# $$w_n = \frac{1}{2} - \frac{1}{2} \cos\left(\frac{2 \pi n}{\mathrm{size}}\right), \qquad
# n = 0, \dots, \mathrm{size} - 1.$$


# %%
def hann(size):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


print("size 8:", hann(8).round(3))
np.testing.assert_allclose(hann(size), frames.make_window("hann", size), atol=1e-15)
half = size // 2
np.testing.assert_allclose(hann(size)[:half] + hann(size)[half:], 1)

# %% [markdown]
# It starts at 0, reaches 1 in the middle, and its last weight is not 0: the 0 that would come next
# begins the next period. The last line asserts a gift: two Hann windows, half a window apart, add
# up to 1, so that no sample counts more than another (but for the first and the last few, which are
# in one frame only).
#
# Now listen. We take a pure tone and keep 20 ms of it every 40 ms: once cut hard, once faded. The
# tone is the same. Predict first: how much of the power will be 200 Hz or more away from the tone, a
# tenth, a hundredth, less? And will the window bring it down by a factor of 2, or of 1000?

# %%
tone_hertz, n = 1010, np.arange(6 * rate // 10)  # 0.6 s
tone = 0.5 * np.cos(2 * np.pi * tone_hertz * n / rate)
strayed = []
for name, fade in (("cut hard", np.ones(size)), ("faded by a Hann window", hann(size))):
    sound = np.zeros_like(tone)
    for start in range(0, len(tone) - size + 1, 2 * size):
        sound[start : start + size] = fade * tone[start : start + size]
    power = np.abs(np.fft.rfft(sound)) ** 2  # the Fourier transform, which we build in step 3
    away = np.abs(np.fft.rfftfreq(len(sound), 1 / rate) - tone_hertz) > 200
    strayed.append(power[away].sum() / power.sum())
    print(f"{name}: {strayed[-1]:.1e} of the power is 200 Hz or more away")
    play(sound, rate, f"a tone, 20 ms of every 40 ms, {name}")
less = strayed[0] / strayed[1]
print(f"The window leaves {less:.0f} times less." if less > 2 else "The window hardly matters.")

# %% [markdown]
# Both stutter, as they must. The first one also buzzes: its jumps hold a bit of all frequencies. In
# a spectrogram, this buzz would cover whatever is quiet.

# %% [markdown]
# ## Step 3: the Fourier transform
#
# ### As a product
#
# How much of a frequency is in a frame? Multiply the frame with a wave of that frequency, sample by
# sample, and add up. Where the frame swings along with the wave, the products are positive and the
# sum grows; where it does not, they cancel. A frame may swing along a little late, so we ask with
# two waves, a cosine and a sine. In a frame of 8 samples, wave $f$ swings $f$ times:

# %%
n, f = np.arange(8), np.arange(8)[:, None]
cosines, sines = np.cos(2 * np.pi * f * n / 8), np.sin(2 * np.pi * f * n / 8)  # (frequency, sample)
fine = np.linspace(0, 7, 141)  # the waves between the samples, for the eye

# %%
figure, axes = plt.subplots(1, 5, figsize=(7, 1.4), sharey=True, layout="constrained")
for k in range(5):
    axes[k].plot(fine, np.cos(2 * np.pi * k * fine / 8), "-", color="black", linewidth=0.8)
    axes[k].plot(fine, np.sin(2 * np.pi * k * fine / 8), "--", color="0.5", linewidth=0.8)
    axes[k].plot(n, cosines[k], "o", color="black", markersize=4, label="cosine")
    axes[k].plot(n, sines[k], "s", color="0.5", markersize=4, label="sine")
    axes[k].set(title=f"f = {k}", xlabel="sample", xticks=[0, 7])
figure.legend(*axes[0].get_legend_handles_labels(), fontsize="small", loc="outside right center")
show(
    figure,
    "The waves with which a frame of eight samples is compared: cosine and sine that swing 0, 1, "
    "2, 3 and 4 times. The sines of 0 and 4 are 0 at all samples.",
)

twice = np.cos(2 * np.pi * 2 * n / 8)  # a frame that swings twice
late = np.cos(2 * np.pi * 2 * n / 8 - 1)  # the same, a little later
for name, frame in (("twice", twice), ("late", late)):
    print(f"{name:5}  with cosines {(cosines @ frame).round(2) + 0.0}")
    print(f"{'':5}  with sines   {(sines @ frame).round(2) + 0.0}")

# %% [markdown]
# Only the waves with $f = 2$ answer, and those with $f = 6$, to which we come soon. What comes
# later in time moves from the cosine to the sine; neither alone tells how much there is, but the
# length of the pair, $\sqrt{c^2 + s^2}$, does.
#
# A pair of numbers that belong together is what a **complex number** is for. Let $c$ be the answer
# to the cosine and $s$ the one to the sine. We write the pair $(c, -s)$ as $X = c - i s$, with real
# part $c$ and imaginary part $-s$ (the minus sign is a convention that everyone keeps). One
# multiplies as usual, with $i^2 = -1$. The **magnitude** is $|X| = \sqrt{c^2 + s^2}$, and the
# **angle** is where the pair points to, seen as a point in the plane.
#
# The two waves become one complex wave: $e^{i \theta} = \cos \theta + i \sin \theta$, the point on
# the unit circle at the angle $\theta$. To multiply by it is to turn by $\theta$, so $e^{i \theta}
# e^{i \phi} = e^{i (\theta + \phi)}$, a full turn is $e^{2 \pi i} = 1$ and half a turn $e^{\pi i} =
# -1$. We need no more than that. The **discrete Fourier transform** of a frame $a$ is
#
# $$X_f = \sum_{n=0}^{\mathrm{size}-1} a_n \, e^{-2 \pi i f n / \mathrm{size}}
# \qquad \text{or} \qquad X = E\,a, \quad E_{f,n} = e^{-2 \pi i f n / \mathrm{size}}:$$
#
# a product of a matrix, one row for each frequency, with the frame.


# %%
def fourier_matrix(size):
    n = np.arange(size)
    return np.exp(-2j * np.pi * n[:, None] * n / size)  # (frequency, sample)


spectrum = fourier_matrix(8) @ late
print("real part     ", spectrum.real.round(2) + 0.0)
print("imaginary part", spectrum.imag.round(2) + 0.0)
print("magnitude     ", np.abs(spectrum).round(2))
np.testing.assert_allclose(spectrum.real, cosines @ late, atol=1e-12)
np.testing.assert_allclose(spectrum.imag, -sines @ late, atol=1e-12)

# %% [markdown]
# ### The mirror
#
# Why does frequency 6 answer as well? A wave that swings 6 times in 8 samples, seen at those
# samples only, is a wave that swings twice *backwards*: $e^{-2 \pi i (8 - f) n / 8} = e^{+2 \pi i f
# n / 8}$, because $e^{-2 \pi i n}$ is $n$ full turns. So for real samples
#
# $$X_{\mathrm{size} - f} = \overline{X_f}, \qquad \overline{c - i s} = c + i s$$
#
# (the bar, the **conjugate**, turns the sign of the imaginary part). The upper half is a mirror
# image and says nothing new. We keep $F = \lfloor \mathrm{size} / 2 \rfloor + 1$ frequencies, from
# 0 to half the sampling rate. Two of them are their own mirror images: frequency 0 and, if the size
# is even, the last one. *Remember them: the way back will ask.*


# %%
def real_fourier(a):
    """Transform frames: (T, size) to (T, F), complex."""
    size = a.shape[1]
    return a @ fourier_matrix(size)[: size // 2 + 1].T


rng = np.random.default_rng(0)
for odd_or_even in (8, 9):
    a = rng.standard_normal((3, odd_or_even))
    whole = a @ fourier_matrix(odd_or_even).T
    np.testing.assert_allclose(whole[:, 1:], whole[:, :0:-1].conj(), atol=1e-12)  # the mirror
    np.testing.assert_allclose(real_fourier(a), stft.rfft_forward(a)[0], atol=1e-12)
print(f"F = {size // 2 + 1} frequencies, {rate / size:g} Hz apart, up to {rate / 2:g} Hz")

# %% [markdown]
# ### Above half the rate: aliasing
#
# The mirror has a consequence that is heard. A wave of $f$ hertz, looked at `rate` times a second,
# gives the same samples as one of $f - k \cdot \mathrm{rate}$, for any whole number $k$: between two
# samples it makes $k$ turns more, and nobody looks. Of all these frequencies the one that is nearest
# to 0 is what we hear,
#
# $$f_{\mathrm{heard}} = \min_k |f - k \cdot \mathrm{rate}| \le \frac{\mathrm{rate}}{2}.$$
#
# It is called an **alias**, and half the rate the **Nyquist frequency**. Below it, each frequency is its
# own alias. What lies above must be taken out *before* the samples are taken; afterwards it cannot be
# told from what was there.
#
# Listen. A tone slides evenly from 500 to 7500 Hz. Of its 16,000 samples a second we keep every
# fourth, so that half the rate is 2000 Hz. Once we just take them, and once SciPy's `resample_poly`
# takes out first what is above 2000 Hz. Predict first: what will the tone do in each?

# %%
every = 4
low = rate // every  # samples a second that are left
slide = 0.5 * chirp(np.arange(3 * rate // 2) / rate, 500, 1.5, 7500)
taken, filtered = slide[::every], resample_poly(slide, 1, every)
play(slide, rate, "a tone from 500 to 7500 Hz")
play(taken, low, "every fourth sample")
play(filtered, low, "filtered first, then every fourth sample")

# %%
figure, axes = plt.subplots(1, 3, figsize=(8, 2.2), layout="constrained")
for axis, (title, sound, its_rate) in zip(
    axes,
    (
        ("the tone", slide, rate),
        ("every fourth sample", taken, low),
        ("filtered first", filtered, low),
    ),
    strict=True,
):
    Y_now = log_spectrogram(sound, its_rate)
    limits = (Y_now.max() - 12, Y_now.max())
    plot_spectrogram(Y_now, 10, its_rate, axis, title, limits=limits)
show(
    figure,
    "Three spectrograms of the sliding tone. At 16 kHz, one straight line that rises. Of every fourth "
    "sample, a zigzag between 0 and 2 kilohertz: the line is folded back at 2 kilohertz and at 0. "
    "Filtered first, the line rises to 2 kilohertz and ends there.",
)

# %% [markdown]
# Now measure, with tones that stand still: where is the peak of what is left, and how loud is it,
# beside the tone itself? Predict first: five tones rise from 700 to 6800 Hz. Do their aliases rise?


# %%
def peak_frequency(samples, its_rate):
    """The frequency in hertz with the most power."""
    power = np.abs(np.fft.rfft(samples * hann(len(samples)))) ** 2
    return np.fft.rfftfreq(len(samples), 1 / its_rate)[power.argmax()]


def decibels(samples, reference):
    return round(10 * np.log10((samples**2).mean() / (reference**2).mean()), 1) + 0.0


moments = np.arange(rate) / rate
right, weakened = [], []
print(f"tone (Hz)   |f - k {low}|   peak   level: taken   filtered")
for frequency in (700, 2300, 3000, 5100, 6800):
    still = 0.5 * np.cos(2 * np.pi * frequency * moments)
    folded = min(abs(frequency - turns * low) for turns in range(4))
    peak = peak_frequency(still[::every], low)
    quieter = decibels(resample_poly(still, 1, every)[100:-100], still)  # without the two ends
    print(
        f"{frequency:9} {folded:14} {peak:6.0f} {decibels(still[::every], still):9.1f} dB"
        f" {quieter:7.1f} dB"
    )
    right.append(abs(peak - folded) <= 1)
    if frequency > low / 2:
        weakened.append(quieter)
print("All peaks are where" if all(right) else "Not all peaks are where", "the formula says.")
audible = "hardly any is left" if max(weakened) < -40 else "some of it is left"
print(f"With the filter, what was above {low // 2} Hz is at {max(weakened):.0f} dB: {audible}.")

# %% [markdown]
# An alias is as loud as the tone that it comes from. Speech is no exception. Telephones have 8000
# samples a second and so end at 4000 Hz; where is the power of an s?

# %%
powers = np.exp(log_spectrogram(speech.astype(np.float64), rate))  # (T, 161), 50 Hz apart
above_4000 = powers[:, 81:].sum(axis=1) / powers.sum(axis=1)
heard = powers.sum(axis=1) > 1e-3 * powers.sum(axis=1).max()
median, most = np.median(above_4000[heard]), above_4000[heard].max()
print(f"share of a frame's power above 4000 Hz: {median:.0%} in the median, {most:.0%} at most")
lost = (
    "A telephone loses most of the sharpest frame." if most > 0.5 else "A telephone loses little."
)
print(lost)
play(speech[::2], 8000, "every second sample: what was above 4000 Hz has come back below it")
play(resample_poly(speech, 1, 2), 8000, "filtered first: it is gone")

# %% [markdown]
# This is why recognisers are given 16,000 samples a second, and why a change of rate must filter: a
# network that was trained on filtered sound reads aliases as sounds that nobody made. The
# package resamples all recordings to the rate of the network, with a filter of its own
# ([resampling.py](../ds2np/audio/resampling.py)).

# %% [markdown]
# ### How fine?
#
# In frames of 20 ms a wave that swings once has 50 Hz: that is the distance of the transform's
# frequencies. How far apart must two tones be to be seen as two? Predict first: are 50 Hz enough,
# with the bare transform, and with a Hann window? It depends on their phases, so we try forty.


# %%
def share_of_two_peaks(distance, weights, phases=40):
    """Return the share of the phases for which two tones, `distance` Hz apart, give two peaks."""
    n, found = np.arange(len(weights)), 0
    for phase in np.linspace(0, 2 * np.pi, phases, endpoint=False):
        tones = np.cos(2 * np.pi * 1000 * n / rate)
        tones += np.cos(2 * np.pi * (1000 + distance) * n / rate + phase)
        power = np.abs(np.fft.rfft(tones * weights, 16 * len(weights))) ** 2  # a finer grid
        peak = (power[1:-1] > power[:-2]) & (power[1:-1] > power[2:])
        found += (peak & (power[1:-1] > power.max() / 4)).sum() == 2
    return found / phases


shares = {}
for distance in (25, 50, 75, 100, 150):
    cut_hard, faded = (share_of_two_peaks(distance, w) for w in (np.ones(size), hann(size)))
    shares[distance] = cut_hard, faded
    print(
        f"{distance:4} Hz apart: two peaks in {cut_hard:.0%} of the phases, with Hann {faded:.0%}"
    )
always = [min((d for d in shares if shares[d][way] == 1), default=None) for way in (0, 1)]
print(f"in all phases: from {always[0]} Hz on, with the Hann window from {always[1]} Hz on")
alone = shares[50][0]
print("50 Hz are", "enough" if alone == 1 else "not enough", "for the bare transform.")

# %% [markdown]
# What the window takes from leakage it gives back in width: its peaks are twice as wide. A longer
# frame tells more tones apart, but mixes more moments into one. There is no way to have both; 20 ms is
# a compromise, and we look at others below.
#
# ### The fast one
#
# The product takes $\mathrm{size}^2$ multiplications for each frame. Cooley and Tukey's way takes
# far fewer. Put the samples with even and with odd numbers into a frame each, of half the size $h$:
#
# $$X_f = \sum_{m=0}^{h-1} a_{2m} \, e^{-2 \pi i f m / h}
# + e^{-2 \pi i f / \mathrm{size}} \sum_{m=0}^{h-1} a_{2m+1} \, e^{-2 \pi i f m / h}.$$
#
# Both sums are Fourier transforms of half the size. They repeat after $h$ frequencies, so each
# serves twice, for $f$ and for $f + h$, where the factor before the second one is half a turn
# further: it changes its sign. Two transforms of half the size cost half as much as the whole one.
# And they can be halved again.


# %%
def fast_fourier(a):
    """Transform one frame by halving; return the spectrum and the count of multiplications."""
    size = len(a)
    if size % 2:  # cannot be halved
        return fourier_matrix(size) @ a, size**2
    even, count_even = fast_fourier(a[0::2])
    odd, count_odd = fast_fourier(a[1::2])
    turned = np.exp(-2j * np.pi * np.arange(size // 2) / size) * odd
    return np.concatenate([even + turned, even - turned]), count_even + count_odd + size // 2


print("  size    product   halved")
for many in (8, 64, 320, 512, 4096):
    a = rng.standard_normal(many)
    fast, count = fast_fourier(a)
    np.testing.assert_allclose(fast, np.fft.fft(a), atol=1e-9)
    print(f"{many:6d} {many**2:10d} {count:8d}")

# %% [markdown]
# For our 320 samples, halving ends at 5, which is odd; libraries know how to split by 3 and 5 as
# well, and how to make use of samples being real. The package calls SciPy's `rfft`; how fast the
# product is against it, we measure at the end.
#
# ### What the window was for
#
# Now we can see what we heard. Two tones: one loud, at 1010 Hz, which is none of the waves that we
# compare with (they are 50 Hz apart), and one at 4000 Hz with a thousandth of its amplitude. We
# draw power in **decibels** (dB), ten times the decimal logarithm.

# %%
n = np.arange(size)
two_tones = np.cos(2 * np.pi * 1010 * n / rate) + 0.001 * np.cos(2 * np.pi * 4000 * n / rate)
hertz = np.arange(size // 2 + 1) * rate / size
level = {}

# %%
figure, axis = plt.subplots(figsize=(6, 2.3), layout="constrained")
for name, fade, style in (("cut hard", np.ones(size), "--"), ("Hann", hann(size), "-")):
    level[name] = 10 * np.log10(np.abs(real_fourier((two_tones * fade)[None])[0]) ** 2)
    axis.plot(hertz / 1000, level[name], style, color="black", label=name)
axis.set(xlabel="frequency / kHz", ylabel="power / dB", title="a loud tone and a quiet one")
axis.legend()
show(
    figure,
    "Power over frequency of two tones. Cut hard, the loud tone has a broad skirt that covers the "
    "quiet tone; with a Hann window the quiet tone stands out as a peak at 4 kilohertz.",
)
quiet = int(np.argmin(np.abs(hertz - 4000)))
for name, values in level.items():
    stands_out = values[quiet] - values[quiet + 6]
    print(f"{name}: the quiet tone stands {stands_out:.0f} dB above what is 300 Hz beside it")

# %% [markdown]
# The power of the cut runs all over the spectrum and the quiet tone drowns in it. The window takes
# that away. Its price is a wider peak: neighbouring frequencies are told apart less well.

# %% [markdown]
# ## Step 4: power, and the phase that we throw away
#
# The magnitude of $X$ says how much of a frequency there is. Its angle, the **phase**, says where
# in the frame the wave has its crest. We keep the square of the magnitude, the **power**
#
# $$P_{t,f} = |X_{t,f}|^2 = (\mathrm{Re}\,X_{t,f})^2 + (\mathrm{Im}\,X_{t,f})^2,$$
#
# and throw the phase away. What have we lost? The smallest example is a click, once early and once
# late in a frame that is not faded:


# %%
def power_of(X):
    return X.real**2 + X.imag**2


for place in (1, 6):
    click = np.zeros((1, 8))
    click[0, place] = 1
    X = real_fourier(click)
    print(f"click at sample {place}: power {power_of(X)[0].round(3)}", end="   ")
    print("phase", np.angle(X)[0].round(1) + 0.0)
    np.testing.assert_allclose(power_of(X), stft.power_forward(X)[0])

# %% [markdown]
# The same power, in all frequencies. *When* within its frame something happened is in the phases
# alone; after this step our clock ticks in frames. For which word was said, that is fine.
#
# Hear it. We take the transform of the speech and give it phases drawn at random, then turn it back
# into sound with the package's `istft`, which transforms each frame back and adds the frames where
# they overlap. With its own phases the sound comes back as it was, which we assert.

# %%
voice = speech.astype(np.float64)
X, _ = stft.stft_forward(voice, hann(size), stride)
np.testing.assert_allclose(X, real_fourier(cut(voice, size, stride) * hann(size)), atol=1e-10)

back = istft(X, hann(size), stride)
np.testing.assert_allclose(back[1:], voice[1 : len(back)], atol=1e-10)  # at sample 0, w is 0
angles = rng.uniform(0, 2 * np.pi, X.shape)
scrambled = istft(np.abs(X) * np.exp(1j * angles), hann(size), stride)
play(scrambled, rate, "own power, random phases")

# %% [markdown]
# Hoarse, like a whisper, and the same words: what a recogniser needs is in the power. The sound is
# damaged nevertheless, because frames overlap: their phases, drawn independently, contradict each
# other where two frames share samples. So the power of *overlapping* frames says more about the
# phases than it seems to. Later in this chapter we get the sound back from the power alone, by the
# gradient and by the method of Griffin and Lim.

# %% [markdown]
# ### Exercise 01.1: from samples to power
#
# Replace `raise NotImplementedError` and run the cell below it. What is correct is kept in a file
# of yours, `my_ds2np.py`, beside the folder of the chapters; `python -m ds2np learn` says how far
# you are. Solutions are [apart](solutions/01_sound.py).
#
# Put the steps together: cut the samples into frames, fade each with the window, transform, take
# the power.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `samples` | $x_n$ | array of floats | (count,) | the sound |
# | `window` | $w_n$ | array of floats | (size,) | its length is the frame's size, even or odd |
# | `stride` | | int | | samples from one frame to the next |
# | result | $P_{t,f}$ | array of floats | (T, F) | power, with $F = \lfloor \mathrm{size} / 2 \rfloor + 1$ |
#
# What fills no frame is dropped. You may use `np.fft.rfft`. Four samples of 1
# with a window of ones, `np.ones(4)`, are one frame with the power 16 at frequency 0 and nothing
# above: `[[16, 0, 0]]`.


# %%
def power_spectrum(samples, window, stride):
    """Power (T, F) of each windowed frame of samples (count,) at each frequency."""
    raise NotImplementedError


# %%
check("01.1", power_spectrum)

# %% [markdown]
# ## Step 5: the logarithm
#
# The power of speech spans many powers of ten, and drawn as it is, almost all of the picture is
# black. We take the logarithm. Silence has the power 0, whose logarithm is $-\infty$, so we add a
# small **floor** first:
#
# $$Y_{t,f} = \ln(P_{t,f} + \mathrm{floor}).$$
#
# One more convention. A longer window adds up more samples, so its power is larger for the same
# sound. We divide the window by $\sqrt{\sum_n w_n^2}$ beforehand; then white noise (samples drawn
# independently) has a mean power of its variance, whatever the window.

# %%
floor = stft.POWER_FLOOR
w = hann(size) / np.sqrt((hann(size) ** 2).sum())
noise = 3 * rng.standard_normal(400 * size)
noise_power = power_of(stft.rfft_forward(cut(noise, size, size) * w)[0])
print(f"variance of the noise {noise.var():.2f}, mean power {noise_power[:, 1:-1].mean():.2f}")

P = power_of(real_fourier(cut(voice, size, stride) * w))
Y = np.log(P + floor)
np.testing.assert_allclose(Y, stft.log_forward(P)[0])
np.testing.assert_allclose(Y, log_spectrogram(voice, rate), atol=1e-6)

# %%
figure, axes = plt.subplots(1, 2, figsize=(7, 2.2), layout="constrained")
plot_spectrogram(P, 10, rate, axes[0], "power", colorbar=True)
plot_spectrogram(Y, 10, rate, axes[1], "ln(power + floor)", colorbar=True)
show(
    figure,
    "Left, the power of the utterance at each time and frequency: nearly all black, a few light "
    "spots at low frequencies. Right, its logarithm: vowels as stripes, consonants as clouds, "
    "pauses dark.",
)
print(f"floor {floor:g}; power from {P.min():.1e} to {P.max():.1e}, median {np.median(P):.1e}")

# %% [markdown]
# Two pictures of the same numbers. On the right we read speech: level stripes are a voice, the
# multiples of its pitch; where they are lightest, mouth and throat resonate, and that makes the
# vowel. Clouds at high frequencies, without stripes, are the hiss of an s. Dark columns are pauses.
#
# A network that reads power would see a handful of large numbers, and nearly zero everywhere else.
#
# Hear what that means. We round the picture to 8 shades, once the power, once its logarithm, and
# turn each back into sound, with the phases it had. Both spend the same three bits on each number.
# Predict first: which share of all times and frequencies will be in the lowest of the 8 shades?


# %%
def round_to_levels(values, levels):
    step = (values.max() - values.min()) / (levels - 1)
    return values.min() + step * np.round((values - values.min()) / step)


strength = np.abs(X) ** 2
least = 1e-8 * strength.max()  # 80 dB below the loudest
rounded = {
    "8 levels of power": round_to_levels(strength, 8),
    "8 levels of log power": np.exp(round_to_levels(np.log(strength + least), 8)),
}
lowest = {}
for name, powers in rounded.items():
    lowest[name] = (powers <= powers.min() * 1.001).mean()
    print(f"{name}: {lowest[name]:.1%} of all times and frequencies are in the lowest level")
    sound = istft(np.sqrt(powers) * np.exp(1j * np.angle(X)), hann(size), stride)
    play(0.5 * sound / np.abs(sound).max(), rate, name)
of_power, of_log = lowest.values()
print(
    "The power is nearly all lowest level." if of_power > 0.9 > of_log else "No great difference."
)

# %% [markdown]
# With levels of power, only the loudest parts of the vowels are left. With levels of the logarithm,
# everything is there, if coarse: its steps are *ratios*, as they are for the ear.
#
# **An open question.** *What does the logarithm do for us, and what does it do to us?* Half of the
# answer stands above. Keep the question in mind until we have the gradients; then we answer it with
# numbers.
#
# ### Longer and shorter windows
#
# A fifth of a second around the loudest place, once more with windows of other lengths. The stride
# is 1 ms here, to see well; the picture ends at 4 kHz.

# %%
middle = max(loud, rate // 10)
excerpt = voice[middle - rate // 10 : middle + rate // 10]
figure, axes = plt.subplots(1, 3, figsize=(8, 2.1), layout="constrained")
for axis, window_ms in zip(axes, (3, 20, 80), strict=True):
    Y_now = log_spectrogram(excerpt, rate, window_ms=window_ms, stride_ms=1)
    title = f"{window_ms} ms, F = {Y_now.shape[1]}"
    plot_spectrogram(Y_now, 1, rate, axis, title, colorbar=True)
    axis.set_ylim(0, 4)
show(
    figure,
    "Three log spectrograms of the same excerpt. 3 milliseconds: upright stripes, one for each "
    "beat of the voice. 20 milliseconds: level stripes. 80 milliseconds: finer level stripes, and "
    "all changes in time are smeared.",
)

# %% [markdown]
# With 3 ms we see single beats of the vocal cords, upright, and no level stripes. With 80 ms we see
# fine level stripes, but sounds run into each other. The paper's 20 ms are between them: the
# stripes of a high voice are told apart, and sounds still begin and end where they do.

# %% [markdown]
# On the page of this chapter (`python chapters/build.py --html book`) you may look at your own voice:
# the spectrogram of the last seconds, while you speak. It asks first, and no sound leaves the browser.
#
# <!-- widget microphone -->

# %% [markdown]
# ## A side street: mel
#
# For the ear, 200 and 300 Hz are far apart, 5200 and 5300 Hz next to each other. The **mel** scale
# measures pitch so that equal steps sound equal. There are several formulas; ours, after Slaney's
# Auditory Toolbox, is straight up to 1000 Hz, where it reaches 15 mel, and logarithmic above: 27
# mel for each factor of 6.4.


# %%
def to_mel(hertz):
    ratios = 15 + 27 * np.log(np.maximum(hertz, 1000) / 1000) / np.log(6.4)
    return np.where(hertz < 1000, 15 * hertz / 1000, ratios)


def from_mel(mels):
    return np.where(mels < 15, 1000 * mels / 15, 1000 * 6.4 ** ((mels - 15) / 27))


np.testing.assert_allclose(to_mel(hertz), mel.hertz_to_mel(hertz))
np.testing.assert_allclose(from_mel(to_mel(hertz)), hertz, atol=1e-9)
np.testing.assert_allclose(from_mel(np.arange(40)), mel.mel_to_hertz(np.arange(40)))
for low, high in ((200, 300), (5200, 5300)):
    print(f"from {low} to {high} Hz: {to_mel(high) - to_mel(low):.2f} mel")

# %% [markdown]
# Hear it: two ladders of eight tones from 200 to 7000 Hz, one with equal steps in hertz, one with
# equal steps in mel. Predict first: where is the largest step of each, counted as the ear does in
# music, in octaves (factors of 2)?

# %%
ladders = {
    "equal steps in hertz": np.linspace(200, 7000, 8),
    "equal steps in mel": from_mel(np.linspace(to_mel(200), to_mel(7000), 8)),
}
blink = np.arange(rate // 5) / rate  # 0.2 s
uneven = {}
for name, rungs in ladders.items():
    tones = [0.3 * hann(len(blink)) * np.sin(2 * np.pi * rung * blink) for rung in rungs]
    play(np.concatenate(tones), rate, name)
    octaves = np.log2(rungs[1:] / rungs[:-1])
    uneven[name] = octaves.max() / octaves.min()
    print(f"{name}: {rungs.round().astype(int)} Hz, in octaves {octaves.round(2)}")
hertz_ladder, mel_ladder = uneven.values()
print(
    f"largest over smallest step in octaves: {hertz_ladder:.0f} in hertz, {mel_ladder:.0f} in mel"
)
evener = (
    "The mel ladder is the more even one" if mel_ladder < hertz_ladder else "Mel is no more even"
)
climbs = np.log2(ladders["equal steps in hertz"])
print(f"{evener}. The first step in hertz is {climbs[1] - climbs[0]:.1f} octaves", end=" ")
print(f"of {climbs[-1] - climbs[0]:.1f}.")

# %% [markdown]
# In the first ladder, the first step is a leap and the last ones are small. In the second they sound
# more alike; judge for yourself. Near 1000 Hz and below, the scale is straight and its steps in octaves are
# larger: mel follows judgements of pitch by listeners (Stevens, Volkmann and Newman, 1937), which are
# neither hertz nor octaves.

# %% [markdown]
# A **mel filter bank** adds up the power in bands. Edges $e_0 < e_1 < \dots < e_{M+1}$ are spread
# evenly in mel from 0 to half the sampling rate, and band $m$ is a triangle: it rises from 0 at
# $e_m$ to its peak at $e_{m+1}$ and falls back to 0 at $e_{m+2}$. Its peak has the height $2 /
# (e_{m+2} - e_m)$, edges in hertz, so that its area is 1. As a formula, for frequency $h$ in hertz:
#
# $$\mathrm{filter}_m(h) = \frac{2}{e_{m+2} - e_m} \max\left(0,
# \min\left(\frac{h - e_m}{e_{m+1} - e_m},
# \frac{e_{m+2} - h}{e_{m+2} - e_{m+1}}\right)\right).$$
#
# The bank is a matrix of shape (mels, F), and the bands' power is a product:
# $P\,\mathrm{filters}^T$, (T, F) times (F, mels).

# %%
filters = mel.mel_filters(rate, size, 20)  # yours in exercise 01.2
figure, axes = plt.subplots(1, 2, figsize=(7, 2.2), layout="constrained")
for m, band in enumerate(filters):
    axes[0].plot(hertz / 1000, band, "-" if m % 2 else "--", color="black", linewidth=0.9)
axes[0].set(xlabel="frequency / kHz", ylabel="weight per Hz", title="20 mel bands")
Y_mel = np.log(P @ filters.T + floor)  # (T, mels)
np.testing.assert_allclose(P @ filters.T, mel.mel_forward(P, filters)[0])
np.testing.assert_allclose(Y_mel, log_spectrogram(voice, rate, mels=20), atol=1e-6)
seconds = len(Y_mel) * stride / rate
plot_map(Y_mel, seconds, 20, axes[1], "the utterance in mel bands", colorbar=True)
axes[1].set(ylabel="mel band")
show(
    figure,
    "Left, twenty triangles over frequency: narrow and high at low frequencies, wide and low at "
    "high ones. Right, the utterance in twenty mel bands, coarser than the spectrogram above.",
)
print(f"{P.shape[1]} numbers a frame have become {Y_mel.shape[1]}")

# %% [markdown]
# Why a side street: the paper's input is the log spectrogram, linear in frequency. Its convolutions
# slide over frequency, and learn what to sum up. Mel bands are the usual input elsewhere, and with
# several times fewer numbers they are cheaper. The package has both: it is linear unless you ask for
# bands (`python -m ds2np train --mels 40`).
#
# One step further lies what recognisers read for decades, **MFCC**, mel-frequency cepstral
# coefficients (S. B. Davis and P. Mermelstein, 1980). The logarithms of the bands are compared with
# cosine waves *along frequency*, and the first 13 answers are kept. Neighbouring bands rise and fall
# together; the answers do so much less. The Gaussian mixtures of that time needed this, since they
# treated each number as if it were independent of the others. Predict first: how strong is the
# correlation of neighbours, on average, before and after?

# %%
cepstrum = dct(Y_mel, axis=1, norm="ortho")  # (T, mels), the cosine transform of each frame


def mean_correlation(Y):
    return np.abs(np.diag(np.corrcoef(Y.T), 1)).mean()  # of neighbours


of_bands, of_cosines = mean_correlation(Y_mel), mean_correlation(cepstrum)
print(f"correlation of neighbours: {of_bands:.2f} of bands, {of_cosines:.2f} of coefficients")
print(
    f"the first 13 have {cepstrum[:, :13].var(axis=0).sum() / cepstrum.var(axis=0).sum():.0%}",
    end=" ",
)
print("of the variance")
print("The cosines", "take most of it out." if of_cosines < of_bands / 2 else "do not help much.")

# %% [markdown]
# A neural network does not need it: its first step is a product with a matrix that it learns, so it can
# take such correlations out by itself. And a convolution over frequency wants neighbours to be
# neighbours, which cosine coefficients are not. What MFCC drops is then only lost.
#
# ### Exercise 01.2: the mel filter bank
#
# Write it, with the arguments of the package's: `mel_filters(16_000, 320, 20)` is the matrix of the
# figure, of shape (20, 161).
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `sample_rate` | rate | int | | in hertz |
# | `size` | size | int | | samples in a frame |
# | `mels` | $M$ | int | | number of bands |
# | result | $\mathrm{filter}_m(h)$ | array of floats | (mels, F) | weight of each frequency in each band |
#
# Frequency $f$ of the transform has $f \cdot \mathrm{rate} /
# \mathrm{size}$ hertz. For the scale you may import the package's, *inside* your function, so that
# it still has them in your file:
#
# ```python
# from ds2np.audio.mel import hertz_to_mel, mel_to_hertz
# ```


# %%
def mel_filters(sample_rate, size, mels):
    """Weights (mels, F) with which each frequency counts in each mel band."""
    raise NotImplementedError


# %%
check("01.2", mel_filters)

# %% [markdown]
# ## Step 6: normalisation
#
# How loud a recording is says nothing about its words, nor does the colour that a microphone gives
# to all of it. Play a sound $g$ times as loud, and its power grows by $g^2$ everywhere: in the
# logarithm, a constant $2 \ln g$ is added. A microphone that favours some frequencies adds a
# constant for each of them. Constants are easy to be rid of: take the mean out of each frequency,
# over time. Then we bring the whole utterance to variance 1, with one number for all frequencies:
#
# $$\mu_f = \frac{1}{T} \sum_t Y_{t,f}, \qquad C_{t,f} = Y_{t,f} - \mu_f, \qquad
# v = \frac{1}{T F} \sum_{t,f} C_{t,f}^2 + \varepsilon, \qquad Z_{t,f} = \frac{C_{t,f}}{\sqrt{v}}.$$
#
# The small $\varepsilon$ keeps a sound without any change from a division by 0. $Z$ is what the
# network reads, once we have mended one thing.


# %%
def normalise(Y):
    C = Y - Y.mean(axis=0)
    return C / np.sqrt((C * C).mean() + 1e-8)


Z = normalise(Y)
np.testing.assert_allclose(Z, normalisation.normalise(Y), atol=1e-12)
print(f"mean of each frequency 0 within {np.abs(Z.mean(axis=0)).max():.0e}, std {Z.std():.6f}")

softer = normalise(log_spectrogram(0.1 * voice, rate))
dull = np.convolve(voice, [0.6, 0.3, 0.1])[: len(voice)]  # a microphone that dampens high tones
dulled = normalise(log_spectrogram(dull, rate))
for name, other, before in (
    ("a tenth as loud", softer, log_spectrogram(0.1 * voice, rate)),
    ("a dull microphone", dulled, log_spectrogram(dull, rate)),
):
    print(
        f"{name:18} differs by {np.abs(before - Y).mean():.2f} on average before, "
        f"by {np.abs(other - Z).mean():.2f} after"
    )

# %% [markdown]
# What remains has two causes. The dull microphone carries over from one frame into the next. And
# the floor does not grow with the sound: in a soft recording it buries what is faint, and the mean
# cannot bring that back.
#
# So the paper's clips are *power-normalised* before the logarithm: power is relative to the mean
# power $\bar p$ of the clip, and so is the floor, a small number $\varphi$ times it. To that floor
# the package adds as much of the frame's own mean power $\bar P_t$, since samples in single
# precision are rounded by a share of themselves, and in a loud frame that is more than the faintest
# power is worth:
#
# $$Y_{t,f} = \ln \frac{P_{t,f} + \varphi\,(\bar P_t + \bar p)}{\bar p}.$$


# %%
def power_normalised(samples):
    pieces = cut(samples, size, stride)
    p = (pieces**2).mean()  # of the clip
    P = power_of(real_fourier(pieces * w))
    return np.log((P + PHI * (P.mean(axis=1, keepdims=True) + p)) / p)


# %% [markdown]
# Predict first: a recording that is a thousandth as loud, is it still the same input, with the floor of
# step 5, and with the relative one?

# %%
Y_clip = power_normalised(voice)
np.testing.assert_allclose(Y_clip, clip_spectrogram_forward(voice, size, stride)[0], atol=1e-10)
print("gain     absolute floor   relative floor   (average change of the network's input)")
for gain in (0.1, 0.01, 0.001):
    soft = gain * voice
    absolute = np.abs(normalise(log_spectrogram(soft, rate)) - Z).mean()
    relative = np.abs(normalise(power_normalised(soft)) - normalise(Y_clip)).mean()
    print(f"{gain:<8g} {absolute:14.2f} {relative:16.2f}")
    assert relative < 1e-9
verdict = "not the same input" if absolute > 0.1 else "nearly the same input"
print(f"At a thousandth, it is {verdict} with the absolute floor, and the same with the relative.")

# %% [markdown]
# The numbers of $Z$ have a variance of 1, so a change of 0.3 is no small one. The package's smallest
# network, trained on 2,700 spoken digits with an absolute floor, errs in 2.7 % of 300 others, in
# 8 % at a hundredth of the loudness and in 36 % at a thousandth. With the relative floor, it is
# 2.7 % at any.
#
# An utterance has to be complete before its power and its mean are known. For speech that is
# recognised while it is being spoken, the package takes the mean power of the frames *so far*, and
# the mean and variance of a whole corpus (`InputNorm`, `--normalisation corpus`).

# %% [markdown]
# ## Backward: from the input to the waveform
#
# A network is trained by gradients of its weights, and for that the spectrogram needs no backward
# pass: the samples are not to be changed. We walk back all the same. It shows what the network can
# be moved by, it lets us *compute sounds*, and it is the best place to learn to check a gradient,
# since every step is short. The rule of the book: $dA$ stands for $\partial\,\mathrm{loss} /
# \partial A$ and has the shape of $A$.
#
# Each backward pass is compared with $(f(x + \epsilon) - f(x - \epsilon)) / 2\epsilon$, number by
# number, in double precision. As loss we take the sum of the output times a fixed random array, so
# that this array is the gradient that comes from above. We need one helper:


# %%
def compare(loss, backward, arrays):
    """Print whether the gradients of all arrays agree with finite differences."""
    results = check_gradients(loss, backward, arrays)
    for result in results:
        print(result)
    return all(result.ok for result in results)


# %% [markdown]
# ### Normalisation
#
# $Z = C v^{-1/2}$, where $v$ depends on all of $C$. So $C$ moves the loss directly and through $v$:
#
# $$dv = \sum dZ \cdot C \cdot \left(-\tfrac{1}{2}\right) v^{-3/2}, \qquad
# dC = dZ \cdot v^{-1/2} + dv \cdot \frac{2\,C}{T F}
# = \frac{dZ - Z \cdot \mathrm{mean}(dZ \cdot Z)}{\sqrt{v}}.$$
#
# $C = Y - \mu$, and $\mu_f$ depends on all frames of frequency $f$, each by $1/T$. A change that is
# the same in all frames comes to nothing, so
#
# $$dY_{t,f} = dC_{t,f} - \frac{1}{T} \sum_{t'} dC_{t',f}.$$


# %%
def normalise_backward(dZ, Y):
    C = Y - Y.mean(axis=0)
    std = np.sqrt((C * C).mean() + 1e-8)
    Z = C / std
    dC = (dZ - Z * (dZ * Z).mean()) / std
    return dC - dC.mean(axis=0)


Y_small, dZ = rng.standard_normal((4, 5)), rng.standard_normal((4, 5))
assert compare(
    lambda: (normalise(Y_small) * dZ).sum(),
    lambda: {"Y": normalise_backward(dZ, Y_small)},
    {"Y": Y_small},
)
_, cache = normalisation.normalise_forward(Y_small)
theirs = normalisation.normalise_backward(dZ, cache)
np.testing.assert_allclose(normalise_backward(dZ, Y_small), theirs, atol=1e-12)
ones = np.ones_like(dZ)
print("with ones from above:", np.abs(normalise_backward(ones, Y_small)).max().round(12))

# %% [markdown]
# The last line says why the upstream gradient is random. With ones, the loss is the sum of $Z$,
# which is 0 whatever $Y$ is; its gradient is 0, and a backward pass that returned nothing but zeros
# would pass the check.
#
# ### The level
#
# What is under the logarithm, $R = (P + \varphi\,(\bar P + \bar p)) / \bar p$, depends on $P$
# directly and through the mean of its frame, and on $\bar p$ everywhere:
#
# $$dP_{t,f} = \frac{1}{\bar p} \Bigl(dR_{t,f} + \frac{\varphi}{F} \sum_{f'} dR_{t,f'}\Bigr),
# \qquad d\bar p = \frac{1}{\bar p} \sum_{t,f} dR_{t,f}\,(\varphi - R_{t,f}).$$
#
# And $\bar p$ is the mean of the squares of all samples $x$ in all frames, $n$ of them, so that each
# gets $2 x\, d\bar p / n$ on top of what comes through its spectrum.


# %%
def relative(P, p, phi):
    return (P + phi * (P.mean(axis=1, keepdims=True) + p)) / p


def relative_backward(dR, P, p, phi):
    R = relative(P, p, phi)
    dP = (dR + phi * dR.mean(axis=1, keepdims=True)) / p
    return {"P": dP, "p": (dR * (phi - R)).sum(keepdims=True)[0] / p}


P_small, p, dR = rng.uniform(0.2, 2, (3, 4)), np.array([0.7]), rng.standard_normal((3, 4))
assert compare(
    lambda: (relative(P_small, p, 0.3) * dR).sum(),
    lambda: relative_backward(dR, P_small, p, 0.3),
    {"P": P_small, "p": p},
)
R, cache = power_normalise_forward(P_small, np.full(3, 0.7), 0.3)
np.testing.assert_allclose(R, relative(P_small, p, 0.3))
dP, dlevel = power_normalise_backward(dR, cache)
np.testing.assert_allclose(dP, relative_backward(dR, P_small, p, 0.3)["P"])
np.testing.assert_allclose(dlevel.sum(), relative_backward(dR, P_small, p, 0.3)["p"])

# %% [markdown]
# ### Logarithm and power
#
# Both work on each number by itself. The derivative of $\ln(P + \mathrm{floor})$ is $1 / (P +
# \mathrm{floor})$:
#
# $$dP = \frac{dY}{P + \mathrm{floor}}.$$
#
# The power is $P = (\mathrm{Re}\,X)^2 + (\mathrm{Im}\,X)^2$, a function of two real numbers, with
# the derivatives $2\,\mathrm{Re}\,X$ and $2\,\mathrm{Im}\,X$. We write both parts of the gradient
# as one complex number, $dX = \partial\,\mathrm{loss}/\partial\,\mathrm{Re}\,X +
# i\,\partial\,\mathrm{loss} / \partial\,\mathrm{Im}\,X$, and get
#
# $$dX = 2\,dP \cdot X.$$
#
# It points along $X$: to change the power, make $X$ longer. Turning $X$, which changes its phase
# alone, does nothing; here we see in the gradient that the phase is gone. To check a complex
# gradient, we check its two parts.


# %%
def log_backward(dY, P, floor):
    return dY / (P + floor)


def power_backward(dP, X):
    return 2 * dP * X


P_small, dY = rng.uniform(0.2, 2, (3, 4)), rng.standard_normal((3, 4))
assert compare(
    lambda: (np.log(P_small + 0.01) * dY).sum(),
    lambda: {"P": log_backward(dY, P_small, 0.01)},
    {"P": P_small},
)
re, im, dP = rng.standard_normal((3, 3, 4))
dX = power_backward(dP, re + 1j * im)
assert compare(
    lambda: (power_of(re + 1j * im) * dP).sum(),
    lambda: {"Re X": dX.real, "Im X": dX.imag},
    {"Re X": re, "Im X": im},
)
theirs = stft.log_backward(dY, stft.log_forward(P_small, 0.01)[1])
np.testing.assert_allclose(log_backward(dY, P_small, 0.01), theirs)
theirs = stft.power_backward(dP, stft.power_forward(re + 1j * im)[1])
np.testing.assert_allclose(dX, theirs)

# %% [markdown]
# ### Exercise 01.3: overlap and add
#
# Before the Fourier transform, the easiest step: frames. Cutting *copies* samples. If a sample has
# been copied into two frames, a change of it changes both, so its gradient is the sum of those of
# its copies. Look at the drawing of step 1 again, from below: the frames are added up, each in its
# place. Samples in no frame get 0.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `dframes` | $d\,\mathrm{frame}_{t,n}$ | array of floats | (T, size) | gradient of the frames |
# | `count` | count | int | | number of samples |
# | `stride` | stride | int | | samples from one frame to the next |
# | result | $dx_n$ | array of floats | (count,) | gradient of the samples |
#
# For four frames of ones, `overlap_add(np.ones((4, 4)), 11, 2)`, it is the lowest
# row of the drawing.


# %%
def overlap_add(dframes, count, stride):
    """Gradient (count,) of the samples from the gradient (T, size) of their frames."""
    raise NotImplementedError


# %%
check("01.3", overlap_add)

# %% [markdown]
# Here is the same in a form in which nothing can go wrong, and nothing is fast. Cutting is linear:
# the frames, laid end to end, are a matrix $A$ of zeros and ones times the samples. The gradient of
# $A x$ is always $A^T$ times what comes from above.

# %%
A = cut(np.arange(11), 4, 2).ravel()[:, None] == np.arange(11)  # (T * size, count)

# %%
figure, axis = plt.subplots(figsize=(3.6, 2.8), layout="constrained")
axis.imshow(A, cmap="gray_r", aspect="auto")
axis.set(xlabel="sample", ylabel="place in the frames, laid end to end", xticks=range(11))
show(
    figure,
    "A matrix of 16 rows and 11 columns: one black cell in each row, four short diagonals, one for "
    "each frame, each two columns further right. The last column is empty.",
)
dframes = rng.standard_normal((4, 4))
theirs = frames.frame_backward(dframes, (11, 2))
np.testing.assert_allclose(A.T @ dframes.ravel(), theirs, atol=1e-12)
print("copies of each sample, the sums of the columns:", A.sum(axis=0))

# %% [markdown]
# The package adds the frames up, as you did, but a stride at a time: all first strides of all
# frames at once, then all second ones. Its loop runs over the strides of one frame, here two, and
# not over hundreds of frames.
#
# The window multiplies each copy by a constant, so its backward pass multiplies by the same
# constant: $d\,\mathrm{frame}_{t,n} = w_n \, da_{t,n}$.

# %%
theirs = frames.window_backward(
    dframes, frames.window_forward(cut(np.arange(11.0), 4, 2), hann(4))[1]
)
np.testing.assert_allclose(hann(4) * dframes, theirs)

# %% [markdown]
# ### The Fourier transform
#
# It is linear as well. Written out for the real and the imaginary part, with $\theta = 2 \pi f n /
# \mathrm{size}$: $\mathrm{Re}\,X_f = \sum_n a_n \cos \theta$ and $\mathrm{Im}\,X_f = -\sum_n a_n
# \sin \theta$. Both parts of each frequency send their gradient to each sample:
#
# $$da_n = \sum_{f=0}^{F-1} \left( \mathrm{Re}(dX_f) \cos \theta
# - \mathrm{Im}(dX_f) \sin \theta \right)
# = \sum_{f=0}^{F-1} \mathrm{Re}\left(dX_f \, e^{+2 \pi i f n / \mathrm{size}}\right).$$
#
# The sign in the exponent has turned: it is the conjugate of the matrix, transposed. As a product
# this is one line.


# %%
def real_fourier_backward(dX, size):
    """Gradient (T, size) of the frames from dX (T, F), complex."""
    E = fourier_matrix(size)[: size // 2 + 1]  # (F, size)
    return (dX @ E.conj()).real


for odd_or_even in (8, 9):
    a = rng.standard_normal((2, odd_or_even))
    X_small = real_fourier(a)
    dX = rng.standard_normal(X_small.shape) + 1j * rng.standard_normal(X_small.shape)
    assert compare(
        lambda a=a, dX=dX: (real_fourier(a).real * dX.real + real_fourier(a).imag * dX.imag).sum(),
        lambda a=a, dX=dX: {f"size {a.shape[1]}": real_fourier_backward(dX, a.shape[1])},
        {f"size {odd_or_even}": a},
    )
    theirs = stft.rfft_backward(dX, odd_or_even)
    np.testing.assert_allclose(real_fourier_backward(dX, odd_or_even), theirs, atol=1e-12)

# %% [markdown]
# Now the fast way. The inverse FFT sums with $e^{+2 \pi i f n / \mathrm{size}}$, too; can it do
# this for us? NumPy's and SciPy's `irfft` differs in two things. It divides by `size`. And it sums
# over *all* frequencies, the mirror images included, which it makes up itself. A frequency and its
# mirror image are conjugates of each other and have the same real part, so every frequency that has
# a mirror image counts twice, and the two that are their own do not:
#
# $$\mathrm{irfft}(X)_n = \frac{1}{\mathrm{size}} \sum_{f=0}^{F-1} m_f \,
# \mathrm{Re}\left(X_f \, e^{2 \pi i f n / \mathrm{size}}\right), \qquad m_f = \begin{cases}
# 1 & f = 0 \text{ or } f = \mathrm{size} / 2 \\ 2 & \text{else.} \end{cases}$$
#
# We ask `irfft` about one frequency at a time and compare it with the backward pass above:

# %%
for odd_or_even in (8, 9):
    print(f"size {odd_or_even}: what irfft, times the size, does too much:", end=" ")
    for f in range(odd_or_even // 2 + 1):
        single = np.zeros((1, odd_or_even // 2 + 1), complex)
        single[0, f] = 1
        too_much = odd_or_even * np.fft.irfft(single, odd_or_even)
        print(f"{(too_much[0, 0] / real_fourier_backward(single, odd_or_even)[0, 0]):.0f}", end=" ")
    print()

# %% [markdown]
# An even size has two frequencies without a mirror image, an odd size only one: there no wave
# swings exactly half as often as there are samples. So the fast backward pass divides $dX$ by $m_f$
# first:


# %%
def fast_backward(dX, size):
    m = np.full(size // 2 + 1, 2.0)
    m[0] = 1
    if size % 2 == 0:
        m[-1] = 1
    return size * np.fft.irfft(dX / m, size)


for odd_or_even in (2, 8, 9, 320):
    shape = (3, odd_or_even // 2 + 1)
    dX = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    by_product = real_fourier_backward(dX, odd_or_even)
    np.testing.assert_allclose(fast_backward(dX, odd_or_even), by_product, atol=1e-10)
print("the fast backward pass equals the product")

# %% [markdown]
# One small thing more: $\mathrm{Im}\,X_0$ is 0 forward, whatever the samples are, and so nothing
# may come back through it. NumPy's `irfft` ignores what stands there; not every FFT does, so the
# package sets it to 0.
#
# ### Mel
#
# The bands are $P\,\mathrm{filters}^T$; the gradient of the power is the gradient of the bands, (T,
# mels), times the filters, (mels, F).

# %%
dbands = rng.standard_normal(Y_mel.shape)
cache = mel.mel_forward(P, filters)[1]
np.testing.assert_allclose(dbands @ filters, mel.mel_backward(dbands, cache))

# %% [markdown]
# ### All the way down
#
# Now the chain, for a sound of 19 samples, frames of 8 with stride 4: $T = 3$, $F = 5$, and the
# last three samples are in no frame. Two of the steps are given as arguments, so that we can break
# them.


# %%
def up(x):
    """From samples to the network's input, all steps: (count,) to (T, F)."""
    return normalise(np.log(power_of(real_fourier(cut(x, 8, 4) * hann(8))) + 1e-3))


def down(x, dZ, fourier_back=fast_backward, frames_back=frames.frame_backward):
    """From dZ (T, F) to the gradient of the samples, all steps backwards."""
    X = real_fourier(cut(x, 8, 4) * hann(8))
    P = power_of(X)
    dY = normalise_backward(dZ, np.log(P + 1e-3))
    dX = power_backward(log_backward(dY, P, 1e-3), X)
    da = fourier_back(dX, 8)
    return frames_back(da * hann(8), (len(x), 4))


x, dZ = rng.standard_normal(19), rng.standard_normal((3, 5))
print("samples 16 to 18 are in no frame, their gradient is", down(x, dZ)[16:])
assert compare(
    lambda: (up(x) * dZ).sum(),
    lambda: {"samples": down(x, dZ)},
    {"samples": x},
)

# %% [markdown]
# Move a sample a little, and what the network reads moves as predicted. Now break it on purpose.
# These four mistakes are easily made; each leaves shapes and sizes plausible; the check finds all
# of them.


# %%
def no_mirror_factor(dX, size):
    return size * np.fft.irfft(dX, size)  # as if nothing were counted twice


def all_halved(dX, size):
    return size * np.fft.irfft(dX / 2, size)  # as if everything were


def conjugated(dX, size):
    return fast_backward(dX.conj(), size)


def written_over(da, cache):
    count, stride = cache
    dx = np.zeros(count)
    for t, frame in enumerate(da):
        dx[t * stride : t * stride + len(frame)] = frame  # = in place of +=
    return dx


mistakes = {
    "no factor for the mirror images": {"fourier_back": no_mirror_factor},
    "factor 2 for all frequencies": {"fourier_back": all_halved},
    "the sign of the exponent": {"fourier_back": conjugated},
    "frames written over, not added": {"frames_back": written_over},
}
for name, broken in mistakes.items():
    print(name)
    assert not compare(
        lambda: (up(x) * dZ).sum(),
        lambda broken=broken: {"samples": down(x, dZ, **broken)},
        {"samples": x},
    )

# %% [markdown]
# ### Exercise 01.4: logarithm and power in one
#
# Return $dX$ for $Y = \ln(|X|^2 + \mathrm{floor})$.
#
# | name in code | symbol | type | shape | meaning |
# |---|---|---|---|---|
# | `dout` | $dY$ | array of floats | (T, F) | gradient from above |
# | `spectrum` | $X$ | array of complex numbers | (T, F) | the spectrum |
# | `floor` | floor | float | | what is added to the power, above 0 |
# | result | $dX$ | array of complex numbers | (T, F) | its parts are the gradients of the two parts |
#
# Where $X$ is 0, so is the
# gradient, and the floor decides that it is not 0 divided by 0. For $X = 1 + i$, a `dout` of 1 and
# a floor of 2 it is $0.5 + 0.5 i$.


# %%
def log_power_backward(dout, spectrum, floor):
    """Gradient (T, F), dL/dRe + i dL/dIm, of log(|spectrum|^2 + floor), upstream dout (T, F)."""
    raise NotImplementedError


# %%
check("01.4", log_power_backward)

# %% [markdown]
# ## A sound that is nothing but a gradient
#
# We said that the phase is thrown away. Is the sound lost with it? Take the log spectrogram of the
# speech as a target, forget the speech, begin with *noise*, and change its samples until their
# spectrogram is like the target. The loss is half the squared difference, added up over frequencies
# and averaged over frames; the gradient of each sample comes from the chain above, with the
# package's functions. L-BFGS is a minimiser that asks for loss and gradient, and for nothing else.
# We try two floors: the package's, and a higher one. Predict first: which leaves less of the loss?


# %%
def spectrogram_loss(x, target, floor):
    """Return the loss and its gradient by the samples."""
    X, stft_cache = stft.stft_forward(x, w, stride)
    P, power_cache = stft.power_forward(X)
    Y, log_cache = stft.log_forward(P, floor)
    difference = Y - target
    dP = stft.log_backward(difference / len(Y), log_cache)
    dx = stft.stft_backward(stft.power_backward(dP, power_cache), stft_cache)
    return 0.5 * (difference**2).sum() / len(Y), dx


start = 0.01 * rng.standard_normal((len(P) - 1) * stride + size)
share = {}
for chosen in (1e-10, 1e-6):
    target = np.log(P + chosen)
    result = minimize(
        spectrogram_loss,
        start,
        args=(target, chosen),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 150},
    )
    share[chosen] = result.fun / spectrogram_loss(start, target, chosen)[0]
    print(f"floor {chosen:.0e}: {share[chosen]:.1%} of the loss of noise is left")
print(f"The {'higher' if share[1e-6] < share[1e-10] else 'lower'} floor leaves less.")
assert share[1e-6] < share[1e-10]
play(start, rate, "where we begin: noise")
play(result.x, rate, "noise that has followed the gradient, floor 1e-6")

# %% [markdown]
# The noise speaks. Nobody gave it a phase; but frames overlap, and each sample has to fit two of
# them. So the power of overlapping frames keeps nearly all of the sound (but not its sign: $-x$ has
# the same spectrogram). Only with the higher floor it goes so well; why, is part of the open
# question.

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.4, 2), layout="constrained")
shown = (("noise, after 150 steps", result.x), ("its target", voice))
for axis, (title, sound) in zip(axes, shown, strict=True):
    Y_now = np.log(stft.power_forward(stft.stft_forward(sound, w, stride)[0])[0] + 1e-6)
    plot_spectrogram(Y_now, 10, rate, axis, title, limits=(-14, 3), colorbar=True)
show(
    figure,
    "Two log spectrograms: what the gradient has made of noise, and the speech that was its "
    "target. They look alike.",
)

# %% [markdown]
# ### Griffin and Lim
#
# There is a way without any gradient, of 1984, and it is the usual one. Take the phases of the sound that
# you have, and the magnitudes $\sqrt{P}$ that you want; turn this spectrum into sound. Its frames
# contradict each other, and `istft` returns the sound that is nearest to all of them. Its phases are
# a little better; begin again. D. W. Griffin and J. S. Lim proved that the distance from the wanted
# magnitudes never grows. Predict first: after 100 rounds, is it 0?

# %%
guess, wanted, apart = start, np.sqrt(P), []
for _ in range(100):
    X_guess, _ = stft.stft_forward(guess, w, stride)
    apart.append(((np.abs(X_guess) - wanted) ** 2).sum() / (wanted**2).sum())
    guess = istft(wanted * np.exp(1j * np.angle(X_guess)), w, stride)
print("distance after 0, 1, 10, 99 rounds:", *(f"{apart[i]:.4f}" for i in (0, 1, 10, 99)))
grows = (np.diff(apart) > 1e-9).any()
print("It grew in some round," if grows else "It never grew,", end=" ")
print(
    "and it is 0 now." if apart[-1] < 1e-6 else "and it is not 0: phases that fit are hard to find."
)
play(guess, rate, "noise with the phases of Griffin and Lim")

# %% [markdown]
# It comes near quickly, then hardly moves: the distance has other low points than the true one. Both
# ways know nothing of speech. Today's synthesisers turn spectrograms into sound with networks that were
# trained on speech, and sound better for it.

# %% [markdown]
# ## The open question
#
# *What does the logarithm do for us, and what does it do to us?* Think about what you have seen,
# then look at three measurements, then open the answer.
#
# Let there be 0.3 s of silence before the speech, and add a noise that nobody hears: a
# ten-thousandth of full scale. Predict first: where does the network's input change more, in the
# silent frames or in the loud ones? Where is the gradient of a random loss large? And what has become
# of the sum of two sounds?

# %%
silence = int(0.3 * rate)
with_silence = np.concatenate([np.zeros(silence), voice])
hissing = with_silence + 1e-4 * rng.standard_normal(len(with_silence))
Y_before, Y_after = log_spectrogram(with_silence, rate), log_spectrogram(hissing, rate)
change = np.abs(normalise(Y_after) - normalise(Y_before)).mean(axis=1)  # (T,)
in_silence = np.arange(len(change)) * stride + size <= silence
loudness = Y_before.max(axis=1)
loudest = loudness > np.quantile(loudness, 0.8)
print(f"change of the input: {change[in_silence].mean():.2f} in silence", end=", ")
print(f"{change[loudest].mean():.2f} in the loudest fifth of the frames")
more = "silence" if change[in_silence].mean() > change[loudest].mean() else "the loud frames"
print(f"It changes more in {more}.")

Y_hissing, cache = log_spectrogram_forward(hissing, size, stride)
dx = np.abs(log_spectrogram_backward(rng.standard_normal(Y_hissing.shape), cache))
print(f"gradient of a sample: {dx[:silence].mean():.0e} in silence", end=", ")
print(f"{dx[silence:].mean():.0e} in speech, on average")
assert dx[:silence].mean() > dx[silence:].mean()

a, b = P[: len(P) // 2], P[-(len(P) // 2) :]  # as if the two halves were spoken at once
above = np.log(a + b + floor) - np.maximum(np.log(a + floor), np.log(b + floor))
print(f"ln(a + b) is above the larger of ln a and ln b by {above.mean():.2f} on average", end=", ")
print(f"by {above.max():.2f} at most; ln 2 is {np.log(2):.2f}")

# %%
figure, axes = plt.subplots(2, 1, figsize=(6, 2.5), sharex=True, layout="constrained")
plot_waveform(hissing, rate, axes[0], color="black").set_xlabel("")
steps = dx[: len(dx) // stride * stride].reshape(-1, stride).mean(axis=1)  # one for each 10 ms
axes[1].semilogy((np.arange(len(steps)) + 0.5) * stride / rate, steps, "o-", color="black", ms=2)
axes[1].set(xlabel="time (s)", ylabel="size of gradient")
show(
    figure,
    "Above, a waveform: silence, then speech. Below, the mean size of the gradient of its samples "
    "on a logarithmic axis: largest where the waveform is quiet, smallest where it is loud.",
)

# %% [markdown]
# <details><summary><b>Answer.</b> Think first, then look.</summary>
#
# *For us.* Powers that span many factors of ten become numbers of like size, so that the quiet
# consonants are there for the network, not only the vowels. Equal steps are equal ratios, as for
# the ear. What multiplies the sound, a loud voice, a microphone, a room that favours some
# frequencies, becomes something added, and taking out a mean removes it. A network that adds and
# multiplies can then do the rest.
#
# *To us.* The derivative is $1 / (P + \mathrm{floor})$, which is huge where there is almost
# nothing. A noise that nobody hears changes the input in silence more than in the loudest frames,
# and the gradient of the samples is largest where there is least sound. That is why the minimiser
# did not get so far with a floor of $10^{-10}$: it had to get the faintest powers right, as if they
# were speech. The floor says below which power no difference is worth noticing.
#
# And sums are no longer sums. Where a voice and a noise sound together, the logarithm shows little
# more than the louder one, at each time and frequency. To take out a constant that was *multiplied*
# has become easy; to take out what was *added* has become hard. So a network has to learn noise
# from examples: the paper adds noise to 40 % of its utterances.
#
# Other answers exist. A power with a small exponent, such as $P^{0.3}$, is like the logarithm for
# loud sounds and calm for quiet ones; a front end can also divide by a running mean and be trained
# with the network.
# </details>

# %% [markdown]
# ## The real one
#
# Our steps in a row, and the package's `log_spectrogram`, for the whole utterance; then the
# gradients of both.

# %%
Y_ours = np.log(power_of(real_fourier(cut(voice, size, stride) * w)) + floor)
Y_theirs, cache = log_spectrogram_forward(voice, size, stride)
np.testing.assert_allclose(np.exp(Y_ours), np.exp(Y_theirs), atol=1e-12)
np.testing.assert_allclose(np.exp(log_spectrogram(voice, rate)), np.exp(Y_theirs), atol=1e-12)

dY = rng.standard_normal(Y_theirs.shape)
X_now = real_fourier(cut(voice, size, stride) * w)
da = fast_backward(power_backward(log_backward(dY, power_of(X_now), floor), X_now), size)
dx_ours = frames.frame_backward(da * w, (len(voice), stride))
dx_theirs = log_spectrogram_backward(dY, cache)
np.testing.assert_allclose(dx_ours, dx_theirs, atol=1e-6 * np.abs(dx_theirs).max())


def by_product(samples):
    return np.log(power_of(real_fourier(cut(samples, size, stride) * w)) + floor)


ten_seconds = rng.standard_normal(10 * rate)
ours = repeat(lambda: by_product(ten_seconds), number=1, repeat=5)
theirs = repeat(lambda: log_spectrogram(ten_seconds, rate), number=1, repeat=5)
ratio = min(ours) / min(theirs)
print(f"by the product, ten seconds of sound take {ratio:.0f} times as long")
single = log_spectrogram(speech, rate)
loud_enough = Y_theirs > Y_theirs.max() - 15
print(
    f"in {single.dtype}, off by {np.abs(single - Y_theirs)[loud_enough].max():.0e} where it is loud"
)

# %% [markdown]
# The package works in the precision of what it is given; recordings are read as float32.

# %% [markdown]
# ## Padding
#
# The network reads minibatches, and utterances have unequal lengths. Where do we pad? There are two
# traps. Pad the *samples* with zeros, and the last frames of the shorter utterance show a silence
# that was not recorded; and the mean over *all* frames of a padded batch counts what is not there.
# So each utterance is turned into its own spectrogram and normalised by itself, and padded last. If
# a padded batch is all that we have, the means must skip the padding: that is a **mask**, and we
# will meet it in the chapters to come.


# %%
def normalise_padded(Y, lengths):
    """Normalise a batch (N, T, F), each utterance by its real frames; 0 on padding."""
    _, T, F = Y.shape
    mask = (np.arange(T) < lengths[:, None])[:, :, None]  # (N, T, 1), True for real frames
    Y = np.where(mask, Y, 0)  # not Y * mask: NaN times 0 is NaN
    mean = Y.sum(axis=1, keepdims=True) / lengths[:, None, None]  # (N, 1, F)
    C = np.where(mask, Y - mean, 0)
    variance = (C * C).sum(axis=(1, 2)) / (lengths * F)  # (N,)
    return C / np.sqrt(variance + 1e-8)[:, None, None]


alone = [log_spectrogram(voice, rate), log_spectrogram(voice[: len(voice) // 2], rate)]
lengths = np.array([len(Y) for Y in alone])
batch = np.full((2, lengths.max(), size // 2 + 1), np.nan)  # padding: garbage
batch[0, : lengths[0]], batch[1, : lengths[1]] = alone
normalised = normalise_padded(batch, lengths)
for i, Y_alone in enumerate(alone):
    np.testing.assert_allclose(
        normalised[i, : lengths[i]], normalisation.normalise(Y_alone), atol=1e-10
    )
    assert not normalised[i, lengths[i] :].any()

zeros = np.where(np.isnan(batch), 0, batch)
careless = normalisation.normalise(zeros[1])[: lengths[1]]
print(f"frames: {lengths}; with the mask, garbage changes nothing")
print(
    f"without it, the input is off by {np.abs(careless - normalised[1, : lengths[1]]).mean():.2f}"
)

# %% [markdown]
# ## What the paper reports
#
# The paper's input is the log power spectrogram of windows of 20 ms, linear in frequency and
# power-normalised. It keeps frequency as an axis of its own, and its convolutions make use of that:
# in its table of convolutions, one layer that slides over time *and* frequency has a word error
# rate of 8.94 % on regular and 16.22 % on noisy speech, one that slides over time alone 9.52 % and
# 19.36 %. Noise is where the axis pays. Chapter 02 builds both.
#
# Before computers, a machine drew such pictures on paper: the sound spectrograph, which R. Koenig,
# H. K. Dunn and L. Y. Lacy described in 1946.
#
# What we can see at our size: every number of the input, and every gradient. What we cannot:
# whether linear or mel is better for words. That takes a training of each on many hours of speech,
# and a difference that is larger than that between two seeds.
#
# ## Summary
#
# * Frames of 20 ms, one every 10 ms: in so short a while speech hardly changes.
# * The window fades each frame, because the edges of a hard cut sound at all frequencies.
# * The Fourier transform is a product with a matrix of waves; halving makes it fast; for real
#   samples the upper half is a mirror image.
# * What is above half the rate comes back below it, as loud as it was: filter before you resample.
# * Power throws the phase away; overlapping frames keep nearly all of the sound.
# * The logarithm turns ratios into differences, and magnifies what is almost nothing.
# * Normalisation takes out loudness and microphone, each utterance by itself; loudness before the
#   logarithm, so that the floor is relative, too.
# * Backward: copies are added; the Fourier transform turns its sign and minds which frequencies
#   have a mirror image; the logarithm divides by the power.
#
# **A production system** today mostly reads log mel bands; Whisper (A. Radford and others, 2022) has 80
# of them. It would compute frames as they arrive from the microphone, with running statistics in place
# of the utterance's own; would cap or learn the compression in place of a fixed logarithm; would add a
# little noise (dither) so that digital silence never happens; and would compute spectrograms on the
# side while the GPU trains, as the package's loader does.
#
# ## Further reading
#
# * J. W. Cooley, J. W. Tukey: *An algorithm for the machine calculation of complex Fourier series*,
#   1965.
# * S. B. Davis, P. Mermelstein: *Comparison of parametric representations for monosyllabic word
#   recognition in continuously spoken sentences*, 1980, on MFCC.
# * R. Koenig, H. K. Dunn, L. Y. Lacy: *The sound spectrograph*, 1946.
# * C. E. Shannon: *Communication in the presence of noise*, 1949, on sampling.
# * F. J. Harris: *On the use of windows for harmonic analysis with the discrete Fourier transform*,
#   1978.
# * D. W. Griffin, J. S. Lim: *Signal estimation from modified short-time Fourier transform*, 1984.
# * S. S. Stevens, J. Volkmann, E. B. Newman: *A scale for the measurement of the psychological
#   magnitude pitch*, 1937.
# * A. Radford and others: *Robust speech recognition via large-scale weak supervision*, 2022.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*,
#   2015.
# * In the package: [frames.py](../ds2np/audio/frames.py), [stft.py](../ds2np/audio/stft.py),
#   [mel.py](../ds2np/audio/mel.py), [normalisation.py](../ds2np/audio/normalisation.py),
#   [spectrogram.py](../ds2np/audio/spectrogram.py).
