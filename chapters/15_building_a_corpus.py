# %% [markdown]
# # 15  Building a corpus
#
# A recogniser makes its own data: an hour of sound and a page of text become utterances to train on, and what does not
# belong together is found.
#
# ![The network from sound to text, all of it framed.](images/network_15.svg)
#
# **You will be able to**
#
# * find each word of a long text in a long recording, and say why the best path, and not the sum, does it;
# * count the memory that this takes for an hour, and give three reasons why a thousandth of it is enough;
# * let the path leave the text, so that a missing sentence costs itself and not its neighbours;
# * cut a recording in its pauses such that the least is lost;
# * write a classifier by hand that finds wrong utterances, and choose its threshold by what an error costs.
#
# **You need** [chapter 05](05_ctc.ipynb), the lattice and its recursion. **Reading time** 70 minutes.

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np

from ds2np.align.alignment import find_frames
from ds2np.align.boundaries import move_to_pauses
from ds2np.align.classifier import (
    Classifier,
    choose_threshold,
    logistic_backward,
    logistic_forward,
    precision_recall,
)
from ds2np.align.evidence import NAMES
from ds2np.align.judge import collect_evidence, find_space, hear_sounds
from ds2np.align.levels import LevelMeter, find_quiet
from ds2np.align.search import Loose, best_path
from ds2np.align.spoiling import KINDS, Utterance
from ds2np.ctc import forced_align
from ds2np.data.dataset import Dataset
from ds2np.gradcheck import numerical_gradient
from ds2np.learn import check, play, show, toy
from ds2np.learn.sound import say
from ds2np.model import DeepSpeech2
from ds2np.plots import plot_lines
from ds2np.recogniser import Recogniser

# %% [markdown]
# ## The idea
#
# Most of the paper's 12,000 hours of English were not bought as utterances with transcripts. They were long recordings with
# loose texts: somebody reads a book, gives a lecture, plays a part. Three steps made a corpus of them:
#
# 1. a network that was trained before **aligns** text and sound: the best path of CTC says where each word is;
# 2. the recording is **cut** where the path stays on blanks for long, between words;
# 3. a **classifier** throws away what does not fit.
#
# Then a new network is trained, and it aligns better. We do all three, with a voice that counts.
#
# ## A network, a recording and its text
#
# The network is that of [chapter 16](16_streaming_and_serving.ipynb): it knows ten words, and learns them in some seconds.
# It hears each utterance with a quiet moment around it, as there will be pauses. The voice that reads is one that it has not
# heard before.

# %%
rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
learned = toy.speak_digits(folder.name, 200, rng, ("f3", "m1"))


def add_pauses(samples, rng):
    """Put some quiet before and after an utterance."""
    before, after = rng.uniform(0, 0.4, 2)
    samples = np.pad(samples, (round(before * toy.RATE), round(after * toy.RATE)))
    return samples + 1e-4 * rng.standard_normal(len(samples)).astype(np.float32)


model = DeepSpeech2(toy.CONFIG, seed=0)
toy.train(model, Dataset(learned, toy.CONFIG, change=add_pauses), 20, 1e-2, 1.12)
recogniser = Recogniser(model)
alphabet = toy.CONFIG.alphabet()
frame_seconds = toy.CONFIG.frame_ms / 1000
space = find_space(alphabet)


def read_aloud(sentences, voice="en+f2"):
    """Read sentences with pauses; return the samples and the boundaries (n, 2) in seconds."""
    sounds, bounds, place = [], [], 0.0
    for sentence in sentences:
        pause = np.zeros(round(rng.uniform(0.4, 0.9) * toy.RATE), np.float32)
        sound = say(sentence, toy.RATE, voice, 160)
        place += len(pause) / toy.RATE
        bounds.append((place, place + len(sound) / toy.RATE))
        place = bounds[-1][1]
        sounds += [pause, sound]
    samples = np.concatenate([*sounds, np.zeros(toy.RATE // 2, np.float32)])
    return samples + 1e-4 * rng.standard_normal(len(samples)).astype(np.float32), np.array(bounds)


def hear(samples):
    """Return the log-probabilities (T, V) of a recording."""
    x = recogniser.features(samples)
    return recogniser.log_probs(x[None], np.array([len(x)]))[0][0].astype(float)


sentences = [" ".join(rng.choice(toy.DIGITS, int(rng.integers(2, 5)))) for _ in range(48)]
recording, bounds = read_aloud(sentences)
log_probs = hear(recording)
words = " ".join(sentences).split()
labels = alphabet.encode(" ".join(sentences))
print(
    f"{len(recording) / toy.RATE:.0f} s, {len(words)} words, {len(log_probs)} frames of {len(alphabet)} symbols"
)
print("the text begins:", " / ".join(sentences[:4]))
play(recording[: 12 * toy.RATE], toy.RATE, "the first twelve seconds")

# %% [markdown]
# ## The best path
#
# Chapter 05 sums over all paths of a text through the lattice of blanks and labels. Here we want *one*, the best: every sum
# becomes a maximum,
#
# $$v_t(s) = y_t(s) + \max\big(v_{t-1}(s),\; v_{t-1}(s-1),\; v_{t-1}(s-2)\big),$$
#
# with $y_t(s)$ the log-probability of state $s$'s symbol in frame $t$, and the third term only where a label follows a
# different one. That is **Viterbi's** algorithm. The maximum says how good the best path is; to know *which* it is, each
# state notes where it came from, its **back-pointer**: 0, 1 or 2 states before. From the last state, they lead back.


# %%
def viterbi(log_probs, labels):
    """Return the states (T,) of the best path, its score, and the back-pointers (T, S)."""
    T, S = len(log_probs), 2 * len(labels) + 1
    symbols = np.zeros(S, int)
    symbols[1::2] = labels
    skip = np.full(S, -np.inf)
    skip[3::2][labels[1:] != labels[:-1]] = 0.0
    v, way = np.full(S, -np.inf), np.zeros((T, S), np.uint8)
    v[0] = 0.0  # before the first frame
    for t in range(T):
        one, two = (np.concatenate([np.full(k, -np.inf), v[:-k]]) for k in (1, 2))
        ways = np.stack([v, one, two + skip])
        way[t] = ways.argmax(axis=0)
        v = ways.max(axis=0) + log_probs[t, symbols]
    states = np.empty(T, int)
    state = S - 1 if v[-1] >= v[-2] else S - 2
    score = v[state]
    for t in reversed(range(T)):
        states[t] = state
        state -= int(way[t, state])
    return states, score, way


states, score, way = viterbi(log_probs, labels)
expected = forced_align(log_probs, labels)
print(
    f"score {score:.3f}, the package's {expected.score:.3f}: {'equal' if np.isclose(score, expected.score) else 'DIFFERENT'}"
)

# %% [markdown]
# The path climbs through the text like a staircase: steep where somebody speaks, flat where they pause. The steps are the
# pauses in which we shall cut.

# %%
figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
seconds = np.arange(len(states)) * frame_seconds
plot_lines(
    {"best path": (seconds, states / 2)}, axis, "", "seconds", "label of the text", log=False
)
for start, end in bounds:
    axis.axvspan(start, end, color="#0b5394", alpha=0.12, linewidth=0)
axis.set(xlim=(0, bounds[7, 1]), ylim=(-5, len(" ".join(sentences[:8])) + 5))
show(
    figure,
    "The best path rises through the text from the first label to the last; it is flat between the sentences, which are shaded.",
)

# %% [markdown]
# A word begins in the first frame of its first label, and ends with its last. That is what the network says; beside a pause
# the *sound* says it more exactly, and the package moves such boundaries to where the sound begins and ends.

# %%
sizes = np.array([len(alphabet.encode(word)) for word in words])
begins = np.cumsum(sizes + 1) - sizes - 1
frames = find_frames(states, log_probs, labels, begins, begins + sizes)
quiet = find_quiet(LevelMeter(toy.RATE).push(recording))
by_network = frames.starts * frame_seconds, frames.ends * frame_seconds
by_sound = move_to_pauses(*by_network, [], quiet)[:2]
counts = [len(sentence.split()) for sentence in sentences]
firsts, lasts = np.cumsum(counts) - counts, np.cumsum(counts) - 1
for name, (starts, ends) in {"network": by_network, "sound": by_sound}.items():
    errors = np.abs(np.stack([starts[firsts], ends[lasts]], axis=1) - bounds)
    print(f"boundaries of sentences by the {name:8}: median error {1000 * np.median(errors):3.0f} ms, "
          f"largest {1000 * errors.max():4.0f} ms")  # fmt: skip
k = firsts[2]
for j in range(k, k + counts[2]):
    cut_out = recording[round(by_sound[0][j] * toy.RATE) : round(by_sound[1][j] * toy.RATE)]
    play(cut_out, toy.RATE, f"cut out: {words[j]}")

# %% [markdown]
# ## An hour
#
# Predict first: an hour has 180,000 frames of 20 ms and perhaps 50,000 letters, so 100,001 states. How large is the table of
# back-pointers, if each is a byte? And how long does it take to fill, at a thousand million states a second?

# %%
T, S = 180_000, 100_001
print(
    f"{T * S:.2g} entries: {T * S / 2**30:.0f} GiB in bytes, {T * S * 8 / 2**30:.0f} GiB if they were scores in float64;"
)
print(f"{T * S / 1e9:.0f} s to fill, if nothing else were to be done.")

# %% [markdown]
# Three reasons why a thousandth is enough:
#
# **Scores need one row.** Frame $t$ needs frame $t-1$ only. What has to be kept are the back-pointers.
#
# **A back-pointer has two bits.** Four states share a byte: a quarter. The package packs each of the two bits by itself,
# eight states a byte, with `np.packbits`.
#
# **A band follows the path.** After ten minutes the path cannot be at the beginning of the text, nor at its end. Of each
# block of frames, only states between the first and the last are computed that are not much worse than the best one. The
# band is narrow where the sound is clear, and wide where several places of the text would do.
#
# And the oldest back-pointers are not needed for long: trace *all* states of the band back, and after some seconds all
# their paths are the same one. What lies before that is final and can be written down.


# %%
def count_band(log_probs, labels, beam):
    """Return the number of states within a beam of the best one, for each frame."""
    counts, S = [], 2 * len(labels) + 1
    symbols = np.zeros(S, int)
    symbols[1::2] = labels
    v = np.full(S, -np.inf)
    v[0] = 0.0
    for row in log_probs:
        one, two = (np.concatenate([np.full(k, -np.inf), v[:-k]]) for k in (1, 2))
        v = np.maximum(np.maximum(v, one), two) + row[symbols]  # repeats aside
        counts.append((v > v.max() - beam).sum())
    return np.array(counts)


figure, axis = plt.subplots(figsize=(8, 2.8), layout="constrained")
lines = {
    f"beam {beam} nats": (seconds, count_band(log_probs, labels, beam)) for beam in (30, 100, 300)
}
plot_lines(lines, axis, "", "seconds", "states")
axis.axhline(2 * len(labels) + 1, color="#999999", linewidth=1)
show(
    figure,
    "The number of states within a beam of the best one over time: the narrower the beam, the fewer; the grey line above are all states.",
)

path = best_path(log_probs, labels)
print(f"the package, with a band: score {path.score:.3f}, certain to be the best: {path.exact}")
print("same path:", bool((path.states == states).all()) or "another one as good")

# %% [markdown]
# How can a search that looks at a band be *certain*? It remembers the best score that it ever dropped. Whatever was dropped
# can at most gain the best symbol of every later frame. If even that is worse than the path that was found, nothing was
# lost; if not, the search starts again with a wider band. For a text of minutes that works. Over hours the sum of small
# costs is larger than any band, and `Path.exact` says honestly that the certificate is missing.
#
# ### Exercise 15.1: back-pointers in bits
#
# The back-pointers of all frames are packed: bit $7 - s \bmod 8$ of byte $\lfloor s / 8 \rfloor$ of `ones[t]` says that state
# $s$ came from $s - 1$, the same bit of `twos[t]` that it came from $s - 2$; if neither is set, it came from $s$. Return the
# states of all frames, given that of the last one. With `ones = [[0b01000000], [0b00100000]]`, no bit in `twos`, and
# state 2 at the end, the path is `[1, 2]`. Solutions of all exercises stand
# [apart](solutions/15_building_a_corpus.py).


# %%
def trace_back(ones, twos, state):
    """Return the states (T,) of the path that ends in a state."""
    raise NotImplementedError


# %%
check("15.1", trace_back)

# %% [markdown]
# ## Texts that are not what is said
#
# Readers skip lines, and say things that nobody wrote. Predict first: we take one sentence out of the text, and put another
# one in that nobody reads. Which words will be off: those two sentences, their neighbours, or everything after them?

# %%
removed, inserted = 8, 16
loose_sentences = sentences[:removed] + sentences[removed + 1 : inserted]
loose_sentences += ["five five nine two five nine", *sentences[inserted:]]
kept = [i for i in range(len(sentences)) if i != removed]
kept_places = [i for i in range(len(loose_sentences)) if i != inserted - 1]


def align(sentences, loose):
    """Align sentences with the recording; return the path, frames, first and last words."""
    words = " ".join(sentences).split()
    labels = alphabet.encode(" ".join(sentences))
    sizes = np.array([len(alphabet.encode(word)) for word in words])
    begins = np.cumsum(sizes + 1) - sizes - 1
    path = best_path(log_probs, labels, np.append(begins, len(labels)), loose)
    counts = np.array([len(sentence.split()) for sentence in sentences])
    found = find_frames(path.states, log_probs, labels, begins, begins + sizes)
    return path, found, np.cumsum(counts) - counts, np.cumsum(counts) - 1


def find_lost(found, firsts, lasts):
    """List the sentences whose middle lies outside of their own sound."""
    starts, ends = found.starts[firsts[kept_places]], found.ends[lasts[kept_places]]
    middles = (starts + ends) / 2 * frame_seconds
    inside = (bounds[kept, 0] <= middles) & (middles <= bounds[kept, 1])
    return [kept[i] for i in np.flatnonzero(~inside | (starts < 0) | (ends < 0))]


tight = align(loose_sentences, None)
print("text forced onto the sound: in the wrong place are sentences", find_lost(*tight[1:]))

# %% [markdown]
# A path that is wrong finds back as soon as it pays, so not everything after a fault is lost. But nothing says where it was
# wrong. The sound of the missing sentence has become a long blank, or worse, a part of the next words; the sentence that
# nobody read was squeezed into a pause. (Sentences far from both faults that are in the wrong place are those that the
# network hardly understood.)
#
# So we give the path a way out. Before each word there is a **gate**. At a gate it may leave the text, for a price; outside,
# each frame counts as its best symbol, less a price; and it may come back at the same gate, or at a later one, for another
# price: then the text between them was not read.
#
# What is left out, or put in, is mostly a whole sentence. So the package asks a higher price within sentences than between
# them. Otherwise, where a passage without text begins with "he", and so does the next sentence of the text, its "he" may be
# found in either.
#
# Gates have a cost of their own: every later word is only two prices away, and the band would be as wide as the text. So the
# package looks a hundred labels ahead, until the path loses too much for some seconds; then it goes back, and looks farther.

# %%
free = align(loose_sentences, Loose(leave=20.0, frame=1.0, jump=20.0, label=0.01))
path, found, firsts, lasts = free
outside = found.outside
print("with gates: in the wrong place are sentences", find_lost(found, firsts, lasts))
k = inserted - 1
unread = found.starts[firsts[k] : lasts[k] + 1] < 0
print(
    f"of the sentence that nobody reads, {unread.sum()} of {len(unread)} words are marked as not read"
)
start, end = (round(t / frame_seconds) for t in bounds[removed])
print(
    f"of the sound whose sentence is missing, {outside[start:end].mean():.0%} is marked as foreign"
)

# %%
figure, axis = plt.subplots(figsize=(8, 3.2), layout="constrained")
places = np.where(path.states >= 0, path.states / 2, np.nan)
lines = {"forced": (seconds, tight[0].states / 2), "with gates": (seconds, places)}
plot_lines(lines, axis, "", "seconds", "label of the text", log=False)
axis.axvspan(*bounds[removed], color="#b3261e", alpha=0.15, linewidth=0)
axis.set_xlim(bounds[removed - 2][0], bounds[inserted + 2][1])
low, high = (
    np.nanmin(places[(seconds > t - 0.5) & (seconds < t + 0.5)])
    for t in (bounds[removed - 2][0], bounds[inserted + 2][1])
)
axis.set_ylim(low, high)
show(
    figure,
    "Two paths through the text between the two faults. Where the sentence is missing, shaded, the path with gates has a hole; where one was put in, it jumps over its labels at once, while the forced path climbs through them in a pause.",
)

# %% [markdown]
# What do the prices mean? Leaving must cost more than a word that the network hardly understood, and less than a sentence
# that is really not there. How much that is depends on the network: where a right letter costs 0.1 nats, a sentence that is
# missing stands out; where it costs 2, it does not. `python -m ds2np align` searches twice: first with a high price, and,
# if the letters turn out cheap, with a lower one.
#
# ## Cutting
#
# Utterances should begin and end in pauses, and be as long as training likes them. Often not all of a recording can be kept:
# a piece between two pauses may be too long, another one too short. Which pauses lose the least?
#
# Number the allowed cuts, at times $p_0 < p_1 < \dots$ A piece from $i$ to $j$ costs nothing if its length is allowed, and
# its seconds if it is not. The cheapest way from the first cut to the last is a shortest path:
#
# $$c_j = \min_{i<j} \big(c_i + \mathrm{lost}(i, j)\big), \qquad c_0 = 0.$$

# %%
pauses = (by_sound[1][:-1], by_sound[0][1:])
long_enough = pauses[1] - pauses[0] >= 0.2
points = np.concatenate(
    [[0.0], ((pauses[0] + pauses[1]) / 2)[long_enough], [len(recording) / toy.RATE]]
)
print(
    f"{len(points) - 2} pauses of 0.2 s or more between words; between sentences there are {len(sentences) - 1}"
)

# %% [markdown]
# ### Exercise 15.2: the least lost
#
# Given the times of the allowed cuts, the first and the last included, and the shortest and longest length of a piece, both
# allowed, return how many seconds are lost at least. With `points = [0, 3, 3.5, 6]`, from 1 to 4 seconds, the answer is 0:
# a piece from 0 to 3.5 and one from 3.5 to 6.


# %%
def least_lost(points, least, most):
    """Return the fewest seconds that are lost between the first point and the last one."""
    raise NotImplementedError


# %%
check("15.2", least_lost)

# %% [markdown]
# ## Which utterances are wrong?
#
# Some errors are not marked: a word that was read differently, a passage whose sound and text are both there but not the
# same. What would tell you? That the path costs much; that the best symbols say something else; that letters are heard where
# the text has a pause. The package computes eleven such numbers for an utterance.
#
# From where do examples of wrong alignments come? We make them: good utterances, spoiled on purpose.

# %%
utterances = []
for i in range(len(sentences)):
    begin, stop = (
        max(round(t / frame_seconds), 0) for t in (bounds[i, 0] - 0.15, bounds[i, 1] + 0.15)
    )
    of_words = slice(np.cumsum([0, *counts])[i], np.cumsum([0, *counts])[i + 1])
    utterances.append(Utterance(
        log_probs[begin:stop], tuple(alphabet.encode(word) for word in words[of_words]),
        np.maximum(frames.starts[of_words] - begin, 0), np.maximum(frames.ends[of_words] - begin, 1),
    ))  # fmt: skip
sounds = hear_sounds(recogniser, rng)
half = len(utterances) // 2
learn_from, test_on = (
    collect_evidence(part, sounds, alphabet, frame_seconds, np.random.default_rng(1))
    for part in (utterances[:half], utterances[half:])
)
for kind, function in KINDS.items():
    print(f"{kind:8}  {function.__doc__}")
figure, axes = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
everything = np.concatenate(list(learn_from.spoiled.values()))
for axis, i in zip(axes, (1, 7), strict=True):
    edges = np.linspace(0, np.percentile(everything[:, i], 95) + 1e-9, 20)
    for name, rows, hatch in (("right", learn_from.found, ""), ("spoiled", everything, "///")):
        weights = np.full(len(rows), 1 / len(rows))
        axis.hist(
            rows[:, i].clip(max=edges[-1]),
            edges,
            weights=weights,
            alpha=0.6,
            label=name,
            hatch=hatch,
        )
    axis.set(xlabel=NAMES[i], ylabel="share")
axes[0].legend()
show(
    figure,
    "Histograms of two of the features: right utterances are near zero in both, spoiled ones spread to the right.",
)

# %% [markdown]
# **Logistic regression** weighs them: $z = w \cdot x + b$, and $p = 1 / (1 + e^{-z})$ is the probability that the utterance is
# wrong. The loss is the cross entropy, $-\log p$ of a wrong one and $-\log(1 - p)$ of a right one, which together are
#
# $$\ell = \log(1 + e^z) - y z,$$
#
# and, so that the weights stay finite where a plane separates the classes, a penalty $\frac{\lambda}{2} |w|^2$. Backward is
# short: $d\ell / dz = p - y$, the error of the probability. It is the network's last layer, without a network.

# %%
x = np.concatenate([learn_from.found, everything])
x = (x - x.mean(axis=0)) / x.std(axis=0)
y = np.repeat([0.0, 1.0], [len(learn_from.found), len(everything)])
weights = np.full(len(y), 1 / len(y))
w, b = 0.3 * rng.standard_normal(x.shape[1]), np.array([0.1])


def loss():
    return logistic_forward(x, y, w, b[0], weights, 0.1)[0]


dw, db = logistic_backward(logistic_forward(x, y, w, b[0], weights, 0.1)[1])
largest = np.abs(dw - numerical_gradient(loss, w)).max()
print(f"gradient against finite differences: largest difference {largest:.1e}")
broken = dw - 0.1 * w  # without the penalty
print(
    f"without the penalty's part: {np.abs(broken - numerical_gradient(loss, w)).max():.1e}, so the check would fail"
)

# %% [markdown]
# ### Exercise 15.3: the gradient
#
# Write it: of the *mean* cross entropy of N examples `x` (N, D) with labels `y`, plus `l2` / 2 times the squared length of
# `w`. Scores may be in the hundreds; `np.exp(-np.logaddexp(0, -z))` is the sigmoid that does not overflow.


# %%
def logistic_gradient(x, y, w, b, l2):
    """Return the gradients of the mean cross entropy with a penalty: dw (D,) and db."""
    raise NotImplementedError


# %%
check("15.3", logistic_gradient)

# %% [markdown]
# The loss is convex, so there is one best pair of $w$ and $b$, and Newton's method finds it in a few steps. Predict first: the
# classifier learns from the first half of the recording, without ever seeing one kind of fault. How many of that kind will
# it find in the second half?

# %%
for kind in KINDS:
    others = np.concatenate([rows for name, rows in learn_from.spoiled.items() if name != kind])
    classifier = Classifier.train(learn_from.found, others)
    tested = test_on.found, test_on.spoiled[kind]
    p = np.concatenate([classifier.probability(rows) for rows in tested])
    wrong = np.repeat([False, True], [len(rows) for rows in tested])
    print(
        f"{kind:8}  found {np.mean(p[wrong] > 0.5):4.0%}, of right ones taken for wrong {np.mean(p[~wrong] > 0.5):4.0%}"
    )

# %% [markdown]
# **Precision**: of those that are thrown away, how many were wrong. **Recall**: of the wrong ones, how many are thrown away. Each
# threshold of the probability gives a pair. Which one is best is not a question of the classifier but of the cost: a wrong
# utterance that is kept teaches the network nonsense; a right one that is lost is some seconds fewer of many hours.

# %%
wrong = np.repeat([False, True], [len(test_on.found), sum(map(len, test_on.spoiled.values()))])
tested = np.concatenate([test_on.found, *test_on.spoiled.values()])
figure, axis = plt.subplots(figsize=(5.5, 3), layout="constrained")
curves = {}
for name, chosen in (
    ("the speed of speech alone", [5]),
    ("the edits alone", [7]),
    ("all eleven", range(len(NAMES))),
):
    classifier = Classifier.train(learn_from.found[:, chosen], everything[:, chosen])
    p = classifier.probability(tested[:, chosen])
    _, precision, recall = precision_recall(p, wrong, share=0.1)
    curves[name] = recall, precision
    print(
        f"{name}: precision at a recall of 0.9, if 10 % are wrong: {precision[recall >= 0.9].max():.2f}"
    )
    for cost in (0.2, 5, 25):
        threshold = choose_threshold(p, wrong, 0.1, cost)
        lost, left = np.mean(p[~wrong] > threshold), np.mean(p[wrong] <= threshold)
        print(
            f"    an error costs {cost:4} good ones: {lost:4.0%} of the right ones are lost, {left:4.0%} of the wrong ones kept"
        )
plot_lines(curves, axis, "", "recall", "precision, 10 % wrong", log=False)
axis.set_ylim(0, 1.05)
show(
    figure,
    "Precision over recall on the second half, with the speed alone, with the edits alone, and with all eleven features.",
)

# %% [markdown]
# ### Exercise 15.4: a threshold by cost
#
# Utterances whose probability is *above* the threshold are left out. Each wrong one that is kept costs `cost`, each right one
# that is left out costs 1. Return the smallest threshold with the least total cost, among 0 and the probabilities themselves.


# %%
def best_threshold(probability, wrong, cost):
    """Return the smallest threshold, 0 or one of the probabilities, of the least cost."""
    raise NotImplementedError


# %%
check("15.4", best_threshold)

# %% [markdown]
# ## Does it help?
#
# The proof of a corpus is the network that it trains. `tests/benchmarks/corpus_building.py` joins 1,500 sentences of the
# demo to an hour of recording, takes one sentence of ten out of the text, puts as many in that nobody reads, and five minutes
# of noise. A network of preset `small`, trained on other sentences, aligns it. Then the demo's network is trained on three
# cuts of the same hour. The figures are word error rates in percent on 800 sentences by voices that none of them has heard.
# For `filtered` and `true` they are medians of five trainings, which differ by a point or two: two trainings could have shown
# us the opposite.

# %%
MEASURED = {"raw": 22.9, "filtered": 5.2, "true": 5.5, "round 2": 4.6}
MEANING = {
    "raw": "the text forced onto the sound, nothing left out",
    "filtered": "with gates and classifier, as `align` does it",
    "true": "cut at the known boundaries",
    "round 2": "aligned by the network of `filtered`, and trained again",
}
for name, rate in MEASURED.items():
    print(f"{name:9} {'not measured' if rate is None else f'{rate:5.1f} %':>12}  {MEANING[name]}")

# %% [markdown]
# ## What the paper reports
#
# The paper describes the three steps for its English data, 12,000 hours in the end, and says that the filter is a classifier
# on raw CTC cost, cost by length, and the like. What we can see at this size: that the path finds its way back after
# faults, that a pause bounds a word better than a network does, that a classifier needs no labels but its own spoiled ones.
# What we cannot see: accents, music under speech, texts that somebody shortened. For a weak network, gates are less use:
# where right letters cost as much as wrong ones, no price tells them apart.
#
# What systems do today is much the same, with better networks: long recordings are aligned by CTC, segments are filtered by
# their score, and the corpus of one network trains the next.
#
# ## Summary
#
# * Viterbi is CTC's recursion with max; back-pointers of two bits, in a band, make an hour cheap.
# * Gates with prices mark what was not read, and sound that has no text.
# * Cuts are a shortest path over pauses.
# * A classifier of eleven numbers learns from utterances that we spoil ourselves; its threshold is a matter of cost.
#
# With a network of yours: `python -m ds2np align RUN RECORDING TEXT --out FOLDER`, and open the page in FOLDER.
#
# **Further reading**: Amodei et al., "Deep Speech 2", 2015, the section on data; Viterbi, "Error bounds for convolutional codes
# and an asymptotically optimum decoding algorithm", 1967; Kürzinger et al., "CTC-Segmentation of Large Corpora for German
# End-to-end Speech Recognition", 2020.

# %%
folder.cleanup()
