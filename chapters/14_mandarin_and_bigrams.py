# %% [markdown]
# # 14  Mandarin and bigrams
#
# A network of this book writes one symbol in each frame. Nobody has said that a symbol must be a letter: this chapter
# changes what it is, to pairs of letters and to thousands of characters, and asks what else has to change.
#
# ![The network from sound to text, with its last layer, CTC and the text framed.](images/network_14.svg)
#
# **You will be able to**
#
# * cut a text into bigrams and put it together again, and say how many ways there are to write it;
# * compute from a text and a recording how large the strides in time may be, and what fewer symbols gain;
# * choose the characters of a corpus, and say what the rare ones cost;
# * compute the CTC loss for thousands of symbols with work that hardly depends on how many there are, and check its
#   gradient;
# * explain why Mandarin is judged by its characters, why its tones must be kept, and what tells homophones apart.
#
# **You need** [chapter 05](05_ctc.ipynb); for two sections near the end, a glance at [chapter 01](01_sound.ipynb) and
# [chapter 09](09_decoding.ipynb). **Reading time** 70 minutes. You need no Mandarin: every character comes with its
# sound.

# %%
import dataclasses
import itertools
import re
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path
from pydoc_data.topics import topics
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
import soundfile

from ds2np import ctc
from ds2np.audio import log_spectrogram, vocoder
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import Utterance
from ds2np.decode import BeamDecoder
from ds2np.evaluate import evaluate, network_outputs
from ds2np.gradcheck import compare_gradients, numerical_gradient
from ds2np.layers.softmax import log_softmax
from ds2np.learn import check, play, show, toy
from ds2np.learn.sound import say
from ds2np.lm import NGram
from ds2np.model import DeepSpeech2, preset
from ds2np.plots import plot_lines, plot_pitch
from ds2np.recogniser import Recogniser
from ds2np.synthesis import sentences_zh
from ds2np.synthesis.corpus import draw_sentences
from ds2np.synthesis.languages import LANGUAGES
from ds2np.text import ENGLISH, Alphabet, Bigrams, cer, wer
from ds2np.text.counting import choose_symbols, count_characters
from ds2np.text.score import align_characters, count_mistakes

# %% [markdown]
# ## The idea in one picture
#
# Here is a second of speech, written in three ways. English speakers of the paper say about 14 letters a second
# (*unigrams*, spaces included), and Mandarin speakers 3 characters.
#
# ![A second of speech as 14 letters, as 9 bigrams, and as 3 Mandarin characters, above the frames that a stride of 4
# and a stride of 8 leave: 25 are enough for all, 12 are too few for the letters.](images/symbols_14_second.svg)
#
# The network reads 100 frames a second. Its convolutions take strides in time, so that all layers behind them have
# fewer frames to compute. How far can that go? Each frame says one symbol at most; so the fewer symbols a second has, the
# fewer frames are enough. That is one half of this chapter. The other half is the price: symbols that are longer are
# also *more*, and rarer.
#
# ## What is a symbol?
#
# For the network it is a number: a column of the last layer, and of the table of probabilities that CTC reads. Everything
# before that stays as it is. Predict first: the preset `tiny` has 0.8 million parameters with 29 symbols. How many has
# it with 6,000, as in the paper's Mandarin?

# %%
network = DeepSpeech2(preset("tiny"), seed=0)
H, V = network.params["output.W"].shape
below = network.flat_params.size - (H + 1) * V
print(f"all layers below the last one: {below:,} parameters; they do not know what a symbol is")
for name, V in (("letters", 29), ("bigrams of the demo", 153), ("Mandarin, the paper's", 6001)):
    last = (H + 1) * V  # weights and biases
    print(
        f"{name:22} V = {V:4}: {below + last:9,} parameters, last layer {last / (below + last):3.0%}"
    )

# %% [markdown]
# ## The round trip
#
# An alphabet has two functions: from a text to symbols, and back. With letters both are a look-up. The paper's bigrams
# are **cut in twos from the left**, word by word; the last letter of an odd word stands alone, and a space is a symbol
# of its own. There are too many pairs, so an alphabet has the frequent ones, and all single letters, so that nothing
# is left that cannot be written.


# %%
def cut_by_loops(text, known):
    """Cut a text into symbols: pairs that are known, and single letters."""
    symbols = []
    for word in re.findall(r" |[^ ]+", text):
        for start in range(0, len(word), 2):
            pair = word[start : start + 2]
            if len(pair) == 2 and pair not in known:
                symbols += pair[0], pair[1]
            else:
                symbols.append(pair)
    return symbols


def written(symbols):
    return " ".join(symbol.replace(" ", "_") for symbol in symbols)


known = ["th", "ca", "ts", "sa", "he"]
example = "the cats sat"
print(written(cut_by_loops(example, known)))
print(written(cut_by_loops("they sat there", known)), "  ('ey' and 're' are not known)")
assert "".join(cut_by_loops(example, known)) == example
package = Bigrams((*ENGLISH, *known))
assert package.cut(example) == cut_by_loops(example, known)
print("numbers:", package.encode(example), "and back:", package.decode(package.encode(example)))

# %% [markdown]
# The way back is joining, so *every* text of these letters comes back as it was, whatever pairs are known. A random test,
# with pairs that are drawn at random:

# %%
rng = np.random.default_rng(0)
pairs = [a + b for a in "abcd" for b in "abcd"]
for _ in range(1000):
    some = rng.permutation(pairs)[: rng.integers(0, 17)].tolist()
    text = " ".join("".join(rng.choice(list("abcd"), n)) for n in rng.integers(1, 8, 4))
    cut = cut_by_loops(text, some)
    assert "".join(cut) == text == Bigrams(("abcd ", *some)).decode([]) + "".join(cut)
    assert cut == Bigrams((*"abcd ", *some)).cut(text)
print("1000 texts came back as they were")

# %% [markdown]
# ### Exercise 14.1: cut in twos
#
# Write it yourself: pairs that are in `known`, else single letters; the space is a symbol of its own. The cuts are where
# they are: a pair that is not known becomes two letters, and the next pair begins behind them. `cut_bigrams("the cats sat",
# ["th", "he", "at"])` is `["th", "e", " ", "c", "a", "t", "s", " ", "s", "a", "t"]`.
#
# Replace `raise NotImplementedError` and run the cell below it. What is correct is kept in a file of yours,
# `my_ds2np.py`; `python -m ds2np learn` says how far you are. Solutions are
# [apart](solutions/14_mandarin_and_bigrams.py). With this function, the network of your graduation
# ([chapter 07](07_network.ipynb)) writes bigrams.
#
# | name in code | type | meaning |
# |---|---|---|
# | `text` | `str` | words with single spaces between them; may be empty |
# | `known` | list of `str` | the bigrams of the alphabet, two characters each |
# | result | list of `str` | the symbols |


# %%
def cut_bigrams(text, known):
    """Cut a text into symbols; return a list of str."""
    raise NotImplementedError


# %%
check("14.1", cut_bigrams)

# %% [markdown]
# ### One text, many spellings
#
# Back is easy, and that hides something: several sequences of symbols read as the same text. `ca ts` reads "cats", and
# so do `c a t s`, `ca t s`, `c at s` and `c a ts`. The cut in twos chooses one of them, the **canonical** one. How many are
# there of a word with $n$ letters, if all pairs are symbols? It ends in a single letter or in a pair, so there are
# as many as of $n - 1$ and of $n - 2$ letters together.


# %%
def spellings(word):
    """Return all ways to write a word in single letters and pairs."""
    if len(word) < 2:
        return [[word]] if word else [[]]
    single = [[*before, word[-1]] for before in spellings(word[:-1])]
    return single + [[*before, word[-2:]] for before in spellings(word[:-2])]


print([written(each) for each in spellings("cats")])
for n in (1, 2, 3, 4, 8, 12):
    print(f"{n:2} letters: {len(spellings('abcdefghijkl'[:n])):3} spellings")

# %% [markdown]
# What does CTC make of that? Its loss is $-\ln p(\text{symbols} \mid x)$, of the canonical spelling *alone*: that is
# what `encode` gives it. The probability of the *text* is the sum over all spellings, and the loss leaves the others out.
# Predict first: with random outputs of a network, which share of p("cats") belongs to `ca ts`? And after steps downhill,
# with the logits themselves as parameters, as in chapter 05?

# %%
all_pairs = Bigrams((*"acst", "ca", "ts", "at"))
ways = [np.array([all_pairs.symbols.index(s) + 1 for s in each]) for each in spellings("cats")]
canonical = all_pairs.encode("cats")
T = 10
free = rng.standard_normal((1, T, len(all_pairs)))


def share_of(logits):
    """Return p of the canonical spelling, and of all spellings together."""
    of_each = [np.exp(-ctc.ctc_loss_only(logits, way[None], [T], [len(way)])[0]) for way in ways]
    at = next(i for i, way in enumerate(ways) if np.array_equal(way, canonical))
    return of_each[at], sum(of_each)


for steps in (0, 5, 200):
    logits = free.copy()
    for _ in range(steps):
        logits -= 0.5 * ctc.ctc_loss(logits, canonical[None], [T], [len(canonical)])[1]
    of_canonical, of_text = share_of(logits)
    share = of_canonical / of_text
    print(
        f"after {steps:3} steps: p(ca ts) = {of_canonical:.2g}, p(cats) = {of_text:.2g}: {share:.0%}"
    )
kind = "has learned the canonical spelling" if share > 0.95 else "still spells in several ways"
print(f"After the last step, the table {kind}.")

# %% [markdown]
# So one spelling is a convention, and training makes the network follow it. In the beginning it does not, and the
# decoder must not take one text for several. The package's beam search reads each spelling that it finds as text,
# spells that canonically, and computes the exact score of this one ([beam.py](../ds2np/decode/beam.py); an alphabet says
# by `is_unique` whether that is needed). After 5 steps:

# %%
logits = free.copy()
for _ in range(5):
    logits -= 0.5 * ctc.ctc_loss(logits, canonical[None], [T], [len(canonical)])[1]
half = log_softmax(logits)
found = BeamDecoder(all_pairs, beam=100, n_best=4).decode(half, [T])[0]
for hypothesis in found:
    labels = all_pairs.encode(hypothesis.text)
    exact = -ctc.ctc_loss_only(half, labels[None], [T], [len(labels)])[0]
    np.testing.assert_allclose(hypothesis.acoustic, exact, rtol=1e-4)
    print(
        f"{hypothesis.text:8} ln p = {exact:7.3f}, of the spelling {written(all_pairs.cut(hypothesis.text))}"
    )
assert len({hypothesis.text for hypothesis in found}) == len(found)

# %% [markdown]
# The convention cuts both ways. Here is a table whose best path is `c a t s`, as a network might write that was trained on
# letters. Predict first: what does greedy decoding read, and what does the search?

# %%
path = [all_pairs.symbols.index(symbol) + 1 for symbol in "cats"]
letters = np.full((8, len(all_pairs)), -3.0)
letters[np.arange(8), list(itertools.chain(*((symbol, 0) for symbol in path)))] = 2.0
letters = log_softmax(letters)[None]
by_path = all_pairs.decode([k for k, _ in itertools.groupby(letters[0].argmax(axis=1))])
by_search = BeamDecoder(all_pairs, beam=100).decode(letters, [8])[0][0].text
print(f"greedy decoding reads {by_path!r}, the search reads {by_search!r}")
same = by_path == by_search
print(
    "Both find the text." if same else "What was spelled otherwise counts as improbable, and loses."
)

# %% [markdown]
# So `encode`, the loss and the search have to agree on one spelling, and they do. (One could add up all spellings in the
# loss instead: Gram-CTC, by Liu and others, does, and lets the network choose.)
#
# ## Fewer symbols, larger strides
#
# A path says one symbol a frame, and equal neighbours need a blank between them. With $T$ frames of sound, a product $s$ of
# all strides in time, and a text of $L$ symbols,
#
# $$\lceil T / s \rceil \;\ge\; L + \text{(adjacent repeats)}$$
#
# or the text does not fit, its loss is infinite, and the recording teaches nothing. Pairs help twice: $L$ shrinks, and
# so do the repeats. "hello" has one, `he ll o` has none.
#
# We let voices say sentences of the demo's grammar, and count. Predict first: the demo's stride is 2. With 4, and with
# 8, how many sentences no longer fit in letters? In bigrams?

# %%
rng = np.random.default_rng(0)
sentences = draw_sentences(rng, 60)
VOICES = ("en+f1", "en-us+m1", "en-gb-scotland+Annie", "en-029+m4")
seconds = np.array(
    [
        len(say(text, 22_050, VOICES[i % 4], int(rng.integers(130, 200)))) / 22_050
        for i, text in enumerate(sentences)
    ]
)
frames = np.array([preset("tiny").count_frames(each) for each in seconds])
alphabets = {
    "letters": Alphabet(),
    "bigrams": Bigrams(choose_symbols(sentences, "bigrams")[0]),
}


def count_needed(labels):
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


needed = {
    name: np.array([count_needed(alphabet.encode(text)) for text in sentences])
    for name, alphabet in alphabets.items()
}
strides = (1, 2, 3, 4, 6, 8, 10)
print("sentences that do not fit with a stride of")
print(f"{'':8}" + "".join(f"{s:6}" for s in strides))
for name, counts in needed.items():
    lost = [np.mean(-(-frames // s) < counts) for s in strides]
    print(f"{name:8}" + "".join(f"{share:6.0%}" for share in lost))
labels = alphabets["letters"].encode(sentences[0])
assert ctc.min_frames(labels) == count_needed(labels)

# %% [markdown]
# The synthetic voices are quick: they leave no pauses. People are slower, and then the same strides are safer. But a
# sentence that *just* fits leaves a single path, with no frame to choose, and hardly any blank; so one stays well below
# the limit.
#
# ### Exercise 14.2: the largest stride
#
# Find the largest stride $s$ with which a transcript still fits, if a stride leaves $\lceil T / s \rceil$ frames. At
# least one frame must be left, so $s$ is at most $T$. If not even a stride of 1 is enough, return 0.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `labels` | $l$ | integers, (L,) | the symbols of the transcript, without blanks |
# | `frames` | $T$ | `int` | frames of the recording, at least 1 |
# | result | $s$ | `int` | the largest stride |


# %%
def largest_stride(labels, frames):
    """Return the largest stride that leaves enough frames, or 0."""
    raise NotImplementedError


# %%
check("14.2", largest_stride)

# %% [markdown]
# ### Symbols a second, bits a symbol
#
# How much does a symbol tell? If it has the probability $p$, then $-\log_2 p$ bits; the mean of that over a corpus is
# the entropy of its symbols, $\sum_k p_k \log_2 (1 / p_k)$. Fewer symbols have to tell more each. Predict first: bits
# a second, that is both multiplied, of letters and of bigrams: which are more?


# %%
def entropy(symbols):
    """Compute the bits of a symbol from the counts of a list of them."""
    counts = np.array(list(Counter(symbols).values()))
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum())


print("our sentences          symbols a second   bits a symbol   bits a second")
rates = {}
for name, alphabet in alphabets.items():
    cut = [symbol for text in sentences for symbol in alphabet.cut(text)]
    rates[name] = len(cut) / seconds.sum()
    bits = entropy(cut)
    print(f"{name:22} {rates[name]:16.1f} {bits:15.2f} {rates[name] * bits:15.1f}")

# %% [markdown]
# Bigrams say the same text with fewer bits, since a pair knows which letters follow each other. That is no gain in
# what is said: the letters' entropy does not look at their neighbours, and counts the same thing twice. (With 60
# sentences, rare pairs are counted too few; larger corpora are below.) `python -m ds2np data MANIFEST` prints the three
# numbers of any corpus:

# %%
COUNTED = {  # symbols a second, bits a symbol: by `data`, and the paper's own
    "the demo, letters": (17.1, 4.10),
    "the demo, bigrams": (11.0, 5.54),
    "speechocean762, letters": (8.2, 4.10),
    "speechocean762, bigrams": (5.3, 5.87),
    "synthetic Mandarin, characters": (3.66, 7.91),
    "the paper: letters": (14.1, 4.1),
    "the paper: bigrams": (2.4, 9.6),
    "the paper: Mandarin characters": (3.2, 12.6),
}
for name, (a_second, bits) in COUNTED.items():
    print(
        f"{name:32} {a_second:5.1f} a second, {bits:5.2f} bits, {a_second * bits:5.1f} bits a second"
    )

# %% [markdown]
# (speechocean762 is read English by learners, half of them children: slow. The last three rows are from the authors'
# poster.) One of these rows does not fit the others. A cut in twos cannot have less than *half* as many symbols as there
# are letters. Predict first: how many has it in practice, with words of one letter, odd words and spaces?

# %%
english = " ".join(topics[name] for name in sorted(topics))  # Python's help texts
english = " ".join(re.findall(r"[a-z']+", english.lower()))
for name, text in (("our sentences", " ".join(sentences)), ("Python's help texts", english)):
    cut = [symbol for word in text.split() for symbol in re.findall("..?", word)]
    count, words = len(cut) + len(text.split()) - 1, len(text.split())
    print(
        f"{name:20} {count / len(text):.2f} bigrams for each letter, {words / len(text):.3f} words"
    )
letters_a_second, quoted = COUNTED["the paper: letters"][0], COUNTED["the paper: bigrams"][0]
cut_in_twos, in_words = letters_a_second * count / len(text), letters_a_second * words / len(text)
print(
    f"\n{letters_a_second} letters a second: at least {letters_a_second / 2:.2f} bigrams, in practice"
)
print(f"{cut_in_twos:.1f}; the poster has {quoted}. Words would be {in_words:.1f} a second.")
possible = quoted >= letters_a_second / 2
closer = "words" if abs(quoted - in_words) < abs(quoted - cut_in_twos) else "bigrams"
print(
    f"{quoted} a second {'can' if possible else 'cannot'} be a cut in twos; it is closer to {closer}."
)

# %% [markdown]
# So we quote the number with that remark, and do not build on it. The bits say the same: 58 bits a second in letters and
# 23 in bigrams would be a loss of more than half, where our corpora lose a tenth.
#
# ### What a stride costs, and what it gains
#
# That a text *fits* does not mean that it is learned well. Here are networks that were trained on the whole demo (1,500
# sentences, 12 epochs, unheard voices), by `tests/benchmarks/strides.py`. A stride of 2 x 1
# is that of the first and of the second convolution. Predict first: which of the two kinds of symbols gets worse sooner?
# And can one be better than the other at the *same* stride?

# %%
# WER (%), seed by seed, greedy and by beam search with a 3-gram of words; transcripts that do not fit; the time of an
# epoch beside the first row's.
# Rows with one seed were not repeated; a time of 0 is not measured.
MEASURED = {
    ("letters", "2 x 1"): {
        "greedy": (4.81, 5.0, 5.1),
        "3-gram": (0.29, 0.59, 0.29),
        "lost": 0,
        "time": 1.0,
    },
    ("letters", "3 x 1"): {"greedy": (5.4,), "3-gram": (0.69,), "lost": 0, "time": 0},
    ("letters", "4 x 1"): {"greedy": (18.25,), "3-gram": (3.04,), "lost": 42, "time": 0},
    ("letters", "2 x 2"): {
        "greedy": (17.66, 17.47, 16.09),
        "3-gram": (2.94, 3.63, 2.36),
        "lost": 42,
        "time": 0.74,
    },
    ("bigrams", "2 x 1"): {"greedy": (4.22,), "3-gram": (1.18,), "lost": 0, "time": 1.02},
    ("bigrams", "3 x 1"): {"greedy": (4.02,), "3-gram": (0.88,), "lost": 0, "time": 0},
    ("bigrams", "4 x 1"): {"greedy": (4.91,), "3-gram": (1.57,), "lost": 0, "time": 0},
    ("bigrams", "2 x 2"): {
        "greedy": (3.04, 3.83, 3.24),
        "3-gram": (0.49, 0.39, 0.49),
        "lost": 0,
        "time": 0.72,
    },
}

# %%
print("                 WER, greedy (%)   with a 3-gram (%)   do not fit   time of an epoch")
for (symbols, stride), row in MEASURED.items():
    listed = [", ".join(f"{error:.1f}" for error in row[way]) for way in ("greedy", "3-gram")]
    time = f"{row['time']:.2f}" if row["time"] else ""
    print(f"{symbols:8} {stride:7} {listed[0]:17} {listed[1]:20} {row['lost']:8}   {time}")
of_way = {
    way: {key: float(np.mean(row[way])) for key, row in MEASURED.items()}
    for way in ("greedy", "3-gram")
}
for way, errors in of_way.items():
    best = {
        kind: min((key for key in errors if key[0] == kind), key=errors.get)
        for kind in ("letters", "bigrams")
    }
    print(
        f"{way}: "
        + ", ".join(
            f"{kind} are best at {key[1]}, {errors[key]:.1f} %" for kind, key in best.items()
        )
    )
    worse = {kind: errors[kind, "4 x 1"] / errors[kind, "2 x 1"] for kind in best}
    print(f"    from 2 x 1 to 4 x 1 letters have {worse['letters']:.1f} times the errors, "
          f"bigrams {worse['bigrams']:.1f} times")  # fmt: skip
ahead = of_way["3-gram"]["letters", "2 x 1"] < of_way["3-gram"]["bigrams", "2 x 1"]
print(
    f"At 2 x 1, where both fit easily, {'letters' if ahead else 'bigrams'} are ahead with the 3-gram."
)

# %%
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
strides = [stride for kind, stride in MEASURED if kind == "letters"]
for kind, marker, fill in (("letters", "o-", "white"), ("bigrams", "s--", "black")):
    means = [of_way["greedy"][kind, stride] for stride in strides]
    axis.plot(range(len(strides)), means, marker, color="k", mfc=fill, label=kind)
    for i, stride in enumerate(strides):
        each = MEASURED[kind, stride]["greedy"]
        axis.plot([i] * len(each), each, "_", color="k", ms=12)
frames_left = [100 // np.prod([int(part) for part in stride.split(" x ")]) for stride in strides]
names = [f"{a}\n{b} frames a second" for a, b in zip(strides, frames_left, strict=True)]
axis.set_xticks(range(len(strides)), names)
axis.set(ylabel="WER, greedy (%)", ylim=(0, None))
axis.legend(frameon=False)
show(
    figure,
    "Word error rate of letters and bigrams at four pairs of strides, a short line for each seed. "
    + "; ".join(
        f"{kind} {stride}: {error:.1f}" for (kind, stride), error in of_way["greedy"].items()
    )
    + " per cent.",
)

# %% [markdown]
# Look at the third column, too: of 1,500 transcripts, those do not fit, and are left out of the training. So few cannot be
# what spoils the rest; perhaps it is that where nearly all frames have to be symbols, hardly a path is left to choose from.
# And at the second: what greedy decoding gains need not be left when a language model of *words* mends the
# letters. (The demo's 3-gram has read the very grammar that is spoken, which flatters both.)
#
# ## Six thousand outputs
#
# Mandarin is written in characters, one for each syllable, without spaces: 猫 (māo) is "cat". There are tens of thousands;
# the paper's network writes about 6,000, and the Roman alphabet. Which ones? Those that the transcripts have, most
# frequent first. We count them in sentences of the package's own Mandarin grammar, which has everyday words only.

# %%
rng = np.random.default_rng(0)
plain = list(dict.fromkeys(sentences_zh.draw_sentence(rng) for _ in range(3000)))
counts = count_characters(plain)
print(f"{len(plain)} sentences, {counts.total()} characters, {len(counts)} different ones")
print("the most frequent:", "  ".join(f"{c} {n}" for c, n in counts.most_common(8)))
print("the rarest:       ", "  ".join(f"{c} {n}" for c, n in counts.most_common()[-8:]))
for text in plain[:3]:
    print("   ", text)

# %% [markdown]
# Zipf (1949) found that in a text the word of rank $r$ is about $1/r$ as frequent as the first: with both axes
# logarithmic, a line that falls by one decade in a decade. Predict first: do the characters of a small grammar follow
# it? Beside them stand the words of Python's help texts, real language; and the same grammar as the demo draws it: of 16
# sentences it takes the one whose rarest character is the rarest so far, so that the network hears each of them.

# %%
favoured = count_characters(draw_sentences(rng, len(plain), language=LANGUAGES["zh"]))
counted = {
    "English words": Counter(english.split()),
    "Mandarin grammar": counts,
    "the demo's choice of it": favoured,
}
curves, slopes, rare = {}, {}, {}
for name, each in counted.items():
    shares = np.sort(list(each.values()))[::-1] / each.total()
    curves[name] = np.arange(1, len(shares) + 1), shares
    slopes[name] = np.polyfit(*np.log(np.array(curves[name])[:, 2:200]), 1)[0]
    rare[name] = shares[300:400].sum()
    print(f"{name:24} slope {slopes[name]:.2f} from rank 3 to 200; "
          f"ranks 301 to 400 have {rare[name]:.1%}")  # fmt: skip
near = [name for name, slope in slopes.items() if abs(slope + 1) < 0.25]
print("Within a quarter of Zipf's -1:", ", ".join(near) or "none")
helped = rare["the demo's choice of it"] > 1.2 * rare["Mandarin grammar"]
print(f"The demo's choice {'gives' if helped else 'gives no'} more room to the rare ones.")

# %%
figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
plot_lines(curves, axis, "", "rank", "share of all")
axis.set(xscale="log", ylim=(1e-5, 1))
show(
    figure,
    "Share of each word or character over its rank, both axes logarithmic. English words fall along a line over three "
    "decades; the characters of the Mandarin grammar are flatter at first, and end in a steep drop at some 400; in the demo's "
    "choice the last ones lie higher.",
)

# %% [markdown]
# From five examples of a character a network cannot learn much. `python -m ds2np data TRAIN.jsonl --alphabet --most 6000 --out
# FILE` keeps the most frequent ones, and says how much of the text it leaves out; a line that has another cannot be
# written, and is left out of the training (`data --fix`), never silently shortened. Predict first: which share of the
# *sentences* is lost, when the rarest characters that make up 1 % of the *text* are left out?

# %%
kept_shares = {}
for most in (len(counts), 350, 300, 250, 200, 100):
    kept, left_out = choose_symbols(plain, most=most)
    lost = np.mean([not set(kept).issuperset(text) for text in plain])
    kept_shares[most] = left_out / counts.total(), lost
    print(f"the {most:3} most frequent: {kept_shares[most][0]:6.1%} of the text left out, "
          f"{lost:6.1%} of the sentences lost")  # fmt: skip
of_text, of_sentences = next(shares for shares in kept_shares.values() if shares[0] > 0.01)
print(
    f"{of_text:.1%} of the text are {of_sentences / of_text:.1f} times as large a share of sentences."
)

# %% [markdown]
# ### Exercise 14.3: the characters of a corpus
#
# Choose the `most` most frequent characters of texts. Of characters that are equally frequent, the smaller one comes
# first (as Python compares them). Return the chosen ones *sorted*, as the alphabet numbers them, and how many
# occurrences of all others there are. `choose_characters(["他是我的", "我的书"], 2)` is `(("我", "的"), 3)`.
#
# | name in code | type | meaning |
# |---|---|---|
# | `texts` | list of `str` | transcripts; a space is a character, too |
# | `most` | `int` | how many characters at most |
# | first result | tuple of `str` | the characters, sorted |
# | second result | `int` | occurrences of characters that are left out |


# %%
def choose_characters(texts, most):
    """Return the characters, a tuple of str, and how many occurrences of others there are."""
    raise NotImplementedError


# %%
check("14.3", choose_characters)

# %% [markdown]
# ### The loss for thousands of symbols
#
# With $V = 6000$, a minibatch of 16 utterances of 5 s at 25 frames a second has 12 million logits. So what the loss does
# with *each* of them counts. The softmax must look at all of them,
#
# $$y_t(k) = e^{a_{tk}} \Big/ \sum_{j=1}^{V} e^{a_{tj}},$$
#
# and nothing else must. The recursion of chapter 05 reads $y_t$ at the symbols of *this utterance's* states alone, the
# blank and $K - 1$ different labels. The gradient,
#
# $$\frac{\partial\, \text{loss}}{\partial a_{tk}} = y_t(k) - \sum_{s:\, l'_s = k} \gamma_t(s),$$
#
# has a sum over the states with the symbol $k$; for a symbol that the transcript does not have, the sum is empty, and
# **the gradient is just its probability**. All that a network is told about the other 5,990 symbols, by this recording, is:
# less.
#
# So: write the softmax straight into the array of the gradient, some frames at a time, so that what is exponentiated is
# still in the cache when it is divided. From the logits take the columns of the utterance's own symbols. Run the recursion
# over them. Subtract what it says from these columns. Two arrays of (T, V) in all, the logits and their gradient.


# %%
def log_sums(log_y, states):
    """Compute ln alpha (T, S) from ln y of the utterance's own symbols (T, K), as in chapter 05."""
    skip = np.array([False, False, *(states[2:] != states[:-2])]) & (states != 0)
    log_alpha = np.full((len(log_y), len(states)), -np.inf)
    log_alpha[0, :2] = log_y[0, states[:2]]
    for t in range(1, len(log_y)):
        before = log_alpha[t - 1]
        ways = before.copy()
        ways[1:] = np.logaddexp(ways[1:], before[:-1])
        ways[2:] = np.where(skip[2:], np.logaddexp(ways[2:], before[:-2]), ways[2:])
        log_alpha[t] = ways + log_y[t, states]
    return log_alpha


def ctc_of_many(logits, labels, block=16):
    """Compute loss and gradient of one utterance, logits (T, V); the blank is 0."""
    own, places = np.unique([0, *labels], return_inverse=True)  # K different symbols
    states = np.zeros(2 * len(labels) + 1, int)  # each as a number below K; the blank is 0
    states[1::2] = places[1:]
    dlogits, log_y = np.empty_like(logits), np.empty((len(logits), len(own)))
    for first in range(0, len(logits), block):
        t = slice(first, first + block)
        peak = logits[t].max(axis=1, keepdims=True)
        np.exp(logits[t] - peak, out=dlogits[t])
        norm = dlogits[t].sum(axis=1, keepdims=True)
        dlogits[t] /= norm  # the softmax, where the gradient will be
        log_y[t] = logits[t][:, own] - peak - np.log(norm)
    log_alpha = log_sums(log_y, states)
    log_beta = log_sums(log_y[::-1], states[::-1])[::-1, ::-1] - log_y[:, states]
    log_p = np.logaddexp.reduce(log_alpha[-1, -2:])
    gamma = np.exp(log_alpha + log_beta - log_p)  # (T, S)
    dlogits[:, own] -= gamma @ np.eye(len(own))[states]  # (S, K): small, however large V is
    return -log_p, dlogits


rng = np.random.default_rng(0)
V = 60
lengths, transcripts = [9, 6], [np.array([7, 7, 41, 7]), np.array([3, 59])]
logits = rng.standard_normal((2, max(lengths), V))
upstream = rng.standard_normal(2)  # one number for each utterance


def weighted_loss(logits):
    each = zip(logits, lengths, transcripts, strict=True)
    return upstream @ [ctc_of_many(x[:T], labels)[0] for x, T, labels in each]


def weighted_gradient(logits, loss_of_one=ctc_of_many):
    dlogits = np.zeros_like(logits)
    for n, (T, labels) in enumerate(zip(lengths, transcripts, strict=True)):
        dlogits[n, :T] = upstream[n] * loss_of_one(logits[n, :T], labels)[1]
    return dlogits


numerical = numerical_gradient(lambda: weighted_loss(logits), logits)
print(compare_gradients("dlogits", weighted_gradient(logits), numerical))

# %% [markdown]
# All $2 \cdot 9 \cdot 60$ elements, in double precision, padding included. Now the mistake that this formula invites. Why make a
# table with `np.eye`, when NumPy can subtract from columns by their numbers?


# %%
def broken(logits, labels):
    """Make a mistake on purpose: subtract each state's share from the column of its symbol."""
    loss, _ = ctc_of_many(logits, labels)
    states = np.zeros(2 * len(labels) + 1, int)
    states[1::2] = labels
    given = logits[None], labels[None], [len(logits)], [len(labels)]
    dlogits = np.exp(log_softmax(logits))
    dlogits[:, states] -= ctc.state_posterior(*given)[0]  # of equal numbers, only the last counts
    return loss, dlogits


print(compare_gradients("broken", weighted_gradient(logits, broken), numerical))
wrong = np.abs(weighted_gradient(logits, broken) - numerical).max(axis=(0, 1)) > 1e-6
print(
    f"symbols with a wrong gradient: {np.flatnonzero(wrong).tolist()} of {V}: the blank, and what is repeated"
)

# %% [markdown]
# A check of some elements that were drawn at random would most likely have missed it. Now the same loss in a way that the
# formula suggests, too: a table (N, S, V) that is 1 where a state has the symbol. Predict first: the gradient of 8 utterances
# of 20 labels with $V = 6000$ has 8 x 100 x 6000 numbers. How large is that table, beside it? And the compact one, over
# each utterance's own symbols?


# %%
def measure_memory(run):
    """Return the peak of the memory that a function takes, in MB."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


N, T, L = 8, 100, 20
texts = rng.integers(1, 6000, (N, L))


def dense(logits):
    """Compute the gradients with tables over all symbols."""
    states = np.zeros((N, 2 * L + 1), int)
    states[:, 1::2] = texts
    gamma = ctc.state_posterior(logits, texts, np.full(N, T), np.full(N, L))
    table = (states[:, :, None] == np.arange(logits.shape[2])).astype(logits.dtype)  # (N, S, V)
    return np.exp(log_softmax(logits)) - gamma @ table


print("     V    logits    dense tables    compact ones    the package's    (MB, and ms)")
for V in (6000, 600):
    texts %= V - 1
    texts += 1
    many = rng.standard_normal((N, T, V), np.float32)
    given = texts, np.full(N, T), np.full(N, L)
    ways = {
        "dense": lambda many=many: dense(many),
        "compact": lambda x=many, y=texts: list(map(ctc_of_many, x, y)),
        "package": lambda many=many, given=given: ctc.ctc_loss(many, *given),
    }
    np.testing.assert_allclose(dense(many), ways["package"]()[1], atol=1e-5)
    cells = []
    for run in ways.values():
        cells.append(
            f"{measure_memory(run):6.1f} {1000 * min(repeat(run, number=1, repeat=2)):6.0f}"
        )
    print(f"{V:6} {many.nbytes / 1e6:9.1f} " + "   ".join(cells))

# %% [markdown]
# The package's `ctc_loss` does what ours does, for all utterances of a minibatch at once; [loss.py](../ds2np/ctc/loss.py)
# has the softmax in blocks, [lattice.py](../ds2np/ctc/lattice.py) the utterance's own symbols. Both agree, garbage in the
# padding or not:

# %%
padded = np.full((2, 9, 60), np.nan)
for n, T in enumerate(lengths):
    padded[n, :T] = logits[n, :T]
labels = np.array([[7, 7, 41, 7], [3, 59, -1, -1]])
loss, dlogits = ctc.ctc_loss(padded, labels, lengths, [4, 2])
for n, T in enumerate(lengths):
    ours = ctc_of_many(logits[n, :T], transcripts[n])
    np.testing.assert_allclose(loss[n], ours[0], rtol=1e-10)
    np.testing.assert_allclose(dlogits[n, :T], ours[1], atol=1e-12)
assert not dlogits[1, 6:].any()
print("losses:", loss.round(3), "; two utterances of unequal length as each alone")
others = [k for k in range(60) if k not in (0, 7, 41)]
probabilities = np.exp(log_softmax(logits[0]))
np.testing.assert_allclose(dlogits[0][:, others], probabilities[:, others], rtol=1e-10)
print(f"the gradient of the {len(others)} symbols that the first text lacks is their probability")

# %% [markdown]
# That has a practical side. Those symbols could as well be *one*, whose logit is $\ln \sum_k e^{a_{tk}}$ over all of them:
# loss and gradient would be the same. And a symbol that no transcript has at all is pushed down in every frame of the whole
# training, until its weights hardly ever let it be written: an alphabet with characters that the corpus lacks costs time
# and memory, and gains nothing.

# %% [markdown]
# ## Tones
#
# A Mandarin syllable has a tone, the way its pitch moves: *mā* stays high and level, *má* rises, *mǎ* dips and rises, *mà*
# falls. These are four different words, 妈 (mother), 麻 (hemp), 马 (horse) and 骂 (to scold), as different for a listener
# as "bad" and "bed". Here they are, by the Mandarin voice of espeak-ng.

# %%
RATE = 16_000
TONES = {"妈": "mā, level", "麻": "má, rising", "马": "mǎ, dipping", "骂": "mà, falling"}
MOVED = LANGUAGES["zh"].pitch_range  # espeak's own movement, 50, is smaller


def say_tone(character, pitch_range=MOVED):
    return say(character, RATE, "cmn+f3", 120, 50, pitch_range).astype(float)


spoken = {character: say_tone(character) for character in TONES}
pause = np.zeros(RATE // 4)
play(np.concatenate([part for x in spoken.values() for part in (x, pause)]), RATE, "mā, má, mǎ, mà")

# %% [markdown]
# The pitch is how often the vocal cords beat. A sound that repeats itself after a period looks like itself, shifted by
# that period: so we compare a piece of 40 ms with all later ones, and take the first shift with which they agree nearly
# best (Boersma 1993 has a much better way along this line). Predict first: by how much does the pitch of each tone move,
# in octaves? And does anything but the pitch tell the tones apart?


# %%
def find_pitch(x, low=80, high=450):
    """Return the pitch (T,) in hertz, every 10 ms, 0 where there is none."""
    size, pitch = round(0.04 * RATE), []
    shifts = np.arange(RATE // high, RATE // low + 1)
    for start in range(0, len(x) - size - shifts[-1], RATE // 100):
        here = x[start : start + size]
        rest = x[start + shifts[0] : start + size + shifts[-1]]
        later = np.lib.stride_tricks.sliding_window_view(rest, size)  # (shifts, size)
        alike = later @ here / np.sqrt((later**2).sum(axis=1) * (here @ here) + 1e-9)
        first = np.argmax(alike > 0.9 * alike.max())
        best = first + np.argmax(alike[first : first + 8])
        loud = np.abs(here).max() > 0.05 * np.abs(x).max()
        pitch.append(RATE / shifts[best] if loud and alike.max() > 0.6 else 0.0)
    return np.array(pitch)


pitches = {character: find_pitch(x) for character, x in spoken.items()}
lasts = {character: len(x) / RATE for character, x in spoken.items()}
for character, pitch in pitches.items():
    octaves = np.log2(pitch[pitch > 0])
    print(f"{character} {TONES[character]:12} {lasts[character]:.2f} s, from {2 ** octaves[0]:3.0f} to "
          f"{2 ** octaves[-1]:3.0f} Hz, moves by {np.ptp(octaves):.2f} octaves")  # fmt: skip
longer = max(lasts.values()) > 1.1 * min(lasts.values())
print(
    "The tones of this voice",
    "also differ" if longer else "do not differ",
    "in how long they last.",
)

# %% [markdown]
# Remember the last line: who tells these tones apart need not have heard the pitch.
#
# Does the *network's input* show it? Its spectrogram has windows of 20 ms. A voice of 200 Hz has overtones at 200, 400,
# 600 Hz ...; a Hann window of $w$ seconds blurs each over about $4 / w$ hertz, which are 200 with 20 ms, and 100 with 40
# ms. Predict first: with which of the two are the overtones of this voice separate lines? The pitch, as found above, is drawn
# at its fourth overtone, where it moves four times as far.

# %%
figure, axes = plt.subplots(2, 4, figsize=(10, 5), layout="constrained", sharey=True)
for window_ms, row in zip((20, 40), axes, strict=True):
    for axis, (character, x) in zip(row, spoken.items(), strict=True):
        spectrogram, pitch = (
            log_spectrogram(x, RATE, window_ms=window_ms, stride_ms=5),
            pitches[character],
        )
        times, heard = 0.01 * np.arange(len(pitch)) + 0.02, pitch > 0
        title = f"{TONES[character]}, {window_ms} ms"
        plot_pitch(spectrogram, window_ms, 5, times[heard], pitch[heard], axis, title, harmonic=4)
show(
    figure,
    "Spectrograms up to 1 kHz of the four tones, above with windows of 20 ms, below with 40 ms. With 40 ms the overtones are "
    "separate lines that stay level, rise, dip and rise, and fall; with 20 ms they are broader and run into each other. The "
    "pitch, drawn at the fourth overtone, moves in the same way.",
)

# %% [markdown]
# How deep are the valleys between the lines? We measure them halfway between the second and the third overtone of *mā*;
# and, beside this voice, of a low one.


# %%
def measure_valley(x, window_ms):
    """Return by how many decibels the power falls between the second and the third overtone."""
    pitch = np.median([p for p in find_pitch(x) if p])
    spectrogram = log_spectrogram(x, RATE, window_ms=window_ms, stride_ms=5)
    power = spectrogram[len(spectrogram) // 2 - 5 :][:10].mean(axis=0) * 10 / np.log(10)
    hertz = np.arange(len(power)) * 1000 / window_ms
    second, between, third = np.interp(pitch * np.array([2, 2.5, 3]), hertz, power)
    return pitch, (second + third) / 2 - between


for voice in ("f3", "m3"):
    x = say("妈", RATE, f"cmn+{voice}", 120, 40 if voice == "m3" else 50, MOVED).astype(float)
    depth = {window_ms: measure_valley(x, window_ms) for window_ms in (20, 40)}
    clearer = depth[40][1] > depth[20][1] + 3
    print(f"a voice of {depth[20][0]:3.0f} Hz: {depth[20][1]:3.0f} dB with 20 ms, {depth[40][1]:3.0f} dB with 40 ms;",
          f"the longer window shows it {'better' if clearer else 'no better'}")  # fmt: skip

# %% [markdown]
# What can be seen need not be what a network learns. To find out, networks have to be trained on tones that nothing else
# tells: three random syllables in random tones, so that no word helps, and tested with voices that they have not heard. And
# there must be controls, since the last line of our table was a warning: the same test with all syllables equally long,
# with a pitch that does not move, and with both. `tests/benchmarks/tones.py` does that. It counts the syllables that are
# right but for the tone, and of these the tones that are right; chance is 25 %, and with some 700 tones we believe more from 30 % on. Predict first: what remains when all are equally
# long? When the pitch is flat?

# %%
# Tones that are right (%), seed by seed, by the window of the network's spectrogram.
# FIGURES TO BE FILLED IN: more seeds.
HEARD = {
    "20 ms": {
        "as spoken": (54,),
        "equally long": (37,),
        "flat": (40,),
        "flat, equally long": (26,),
    },
    "40 ms": {
        "as spoken": (64,),
        "equally long": (47,),
        "flat": (40,),
        "flat, equally long": (27,),
    },
}

# %%
for window, ways in HEARD.items():
    print(f"window of {window}: ", end="")
    print("; ".join(f"{way} {', '.join(map(str, each))} %" for way, each in ways.items()))
    of_pitch, of_length = np.mean(ways["equally long"]) > 30, np.mean(ways["flat"]) > 30
    print(f"    Where all are equally long, {'more than' if of_pitch else 'no more than'} chance:",
          f"it {'hears' if of_pitch else 'does not hear'} the pitch.")  # fmt: skip
    print(f"    Where the pitch is flat, {'more than' if of_length else 'no more than'} chance:",
          f"it {'goes' if of_length else 'does not go'} by the length, too.")  # fmt: skip
    print(f"    Nearly all tones as spoken: {'yes' if np.mean(ways['as spoken']) > 90 else 'no'}.")
short, long = (np.mean(HEARD[window]["equally long"]) for window in ("20 ms", "40 ms"))
print("Of the pitch, the longer window hears", "more." if long > short + 3 else "no more.")

# %% [markdown]
# Without the controls we would have taken the first number for hearing. (The networks have learned from natural
# lengths, so equal ones mislead them: what is left is not all that could be learned. And none of it was measured on human
# speech, where tones change beside each other.) In sentences the characters around tell, too,
# which one is meant; so a low CER alone proves nothing about tones.
#
# ### What keeps a tone
#
# Chapter 08 shifts pitches to make more data from the same. A child and a man say *má* at quite different pitches,
# and it is the same tone: what counts is the movement *in octaves*, as $\log_2$ of a ratio. So a change by a constant
# **ratio** keeps it, one by a constant number of hertz does not. Predict first: we raise *má* by four semitones (the ratio
# $2^{4/12}$), and we add 100 Hz to its pitch. By how many octaves does it rise then?

# %%
semitones = 4
raised = vocoder.pitch_shift(spoken["麻"], semitones)
flat = say_tone("麻", pitch_range=0)  # the same voice without movement
before, after = pitches["麻"], find_pitch(raised)
both = (before > 0) & (after[: len(before)] > 0)
steps = 12 * np.log2(after[: len(before)][both] / before[both])
print(
    f"the vocoder raises by {steps.mean():.2f} semitones, frame by frame {steps.min():.2f} to {steps.max():.2f}"
)


def movement(pitch):
    octaves = np.log2(pitch[pitch > 0])
    return np.ptp(octaves)


moves = {
    "má": movement(before[both]),
    "4 semitones higher": movement(after[: len(before)][both]),
    "100 Hz more": movement(before[both] + 100),
    "said without movement": movement(find_pitch(flat)),
}
for name, octaves in moves.items():
    print(f"{name:24} moves by {octaves:.2f} octaves")
kept = [name for name, octaves in moves.items() if abs(octaves - moves["má"]) < 0.1]
print("The movement is kept by:", ", ".join(kept[1:]) or "none")
play(
    np.concatenate([spoken["麻"], pause, raised, pause, flat]), RATE, "má; 4 semitones higher; flat"
)

# %% [markdown]
# A flat *má* is *mā*, or nothing: a change that moves the contour, and leaves the transcript as it is, would teach the
# network that tones do not matter.
#
# ### Exercise 14.4: the same tone in another voice
#
# Move a pitch to another voice, whose mean is `centre`, so that the tone stays: all frames by the same ratio. The mean
# is that of the logarithms (the geometric mean), over the frames that have a pitch; the others stay 0.
# `move_voice(np.array([100.0, 0.0, 400.0]), 100.0)` is `[50, 0, 200]`, since the geometric mean of 100 and 400 is 200.
#
# | name in code | type and shape | meaning |
# |---|---|---|
# | `pitch` | float, (T,) | the pitch in each frame, 0 where there is none |
# | `centre` | `float` | the geometric mean of the result, where there is a pitch |
# | result | float, (T,) | the pitch in the other voice |


# %%
def move_voice(pitch, centre):
    """Move a pitch (T,) to another centre; return an array of shape (T,)."""
    raise NotImplementedError


# %%
check("14.4", move_voice)

# %% [markdown]
# ## CER, not WER
#
# The word error rate counts words, which are what stands between spaces. Mandarin has none, so a sentence is one word: it
# is right, or wrong. Predict first: eight characters, one of them wrong. What are WER and CER?

# %%
said, read_as = "妈妈今天去学校了", "妈妈今天去学校吗"
print(f"{said} / {read_as}: WER {wer([said], [read_as]):.0%}, CER {cer([said], [read_as]):.1%}")
for rate in (0.01, 0.05, 0.1, 0.2):
    wrong = np.mean([1 - (1 - rate) ** len(text) for text in plain])
    print(f"each character wrong with {rate:4.0%}: CER {rate:4.0%}, WER {wrong:4.0%}")

# %% [markdown]
# One could cut the sentences into words by a dictionary, and then argue about the cuts. CER needs no dictionary. The
# package takes it for every alphabet that has no space (`has_spaces`), to choose the best epoch, too.
#
# ## A network that writes Mandarin
#
# Now all of it on a small scale: the small network of chapter 00 with another alphabet, 64 short sentences, each by two
# voices. They are made so that the sound alone is not enough. 他 (he), 她 (she) and 它 (it) are all *tā*, with the same
# tone; 在 (at) and 再 (again) are both *zài*. Only the sentence tells which one is meant, as in "he is my
# brother", "she is my sister", "it is my brother's dog".

# %%
HE = ["爸爸", "哥哥", "弟弟", "爷爷"]  # father, elder and younger brother, grandfather
SHE = ["妈妈", "姐姐", "妹妹", "奶奶"]  # mother, elder and younger sister, grandmother
KIN, MINE = HE + SHE, ["我", "你", "我们", "你们"]  # my, your, our, your
grammar = [f"他是{mine}的{he}" for mine in MINE for he in HE]  # he is my brother
grammar += [f"她是{mine}的{she}" for mine in MINE for she in SHE]  # she is my sister
grammar += [
    f"它是{kin}家的{animal}" for kin in KIN for animal in "猫狗鸟羊"
]  # cat, dog, bird, sheep
for action in ("在这里", "不在这里", "在做饭", "在坐车", "在工作"):  # is here, is not, cooks, ...
    grammar += [f"{kin}{action}" for kin in KIN]
grammar += [
    f"请{kin}再{action}" for kin in KIN for action in ("说一遍", "等一等")
]  # please say it again
rng = np.random.default_rng(0)
grammar = [grammar[i] for i in rng.permutation(len(grammar))]
to_learn, to_test, to_read = grammar[:64], grammar[64:96], grammar[:64] + grammar[96:]
characters, _ = choose_symbols(to_learn)
print(f"{len(characters)} characters: {''.join(characters)}")
folder = tempfile.TemporaryDirectory()


def record(name, sentences, voices):
    """Let each voice say each sentence; return a list of `Utterance`."""
    utterances = []
    for i, (text, voice) in enumerate(itertools.product(sentences, voices)):
        rate = 50 * round(toy.RATE / rng.uniform(0.95, 1.05) / 50)  # played at toy.RATE afterwards
        speed, pitch = int(rng.integers(130, 200)), int(rng.integers(30, 70))
        samples = say(text, rate, f"cmn+{voice}", speed, pitch, MOVED)
        path = Path(folder.name) / f"{name}{i:03}.wav"
        soundfile.write(path, samples, toy.RATE)
        utterances.append(Utterance(path, len(samples) / toy.RATE, text, voice))
    return utterances


config = dataclasses.replace(toy.CONFIG, characters="".join(characters))
network = DeepSpeech2(config, seed=0)
learn_set = Dataset(record("learn", to_learn, ("f1", "m1")), config)
test_set = Dataset(record("test", to_test, ("f1",)), config)
reader = Recogniser(network)


# %%
def look(epoch, loss):
    """Print what the network writes of a sentence that it learns."""
    if epoch in (1, 3, 5, 8, 12, 16, 20):
        network.set_training(False)
        result = evaluate(reader, Dataset(learn_set.utterances[:20], config))
        print(
            f"{epoch:2}: loss {loss:5.2f}, CER {result.cer:4.0%}   {result.refs[0]}   {result.hyps[0]}"
        )


losses = toy.train(network, learn_set, 20, learning_rate=8e-3, anneal=1.1, each_epoch=look)
network.set_training(False)
learned = evaluate(reader, learn_set)
done = "It writes" if learned.cer < 0.05 else "It does not write"
print(f"{done} what it has learned: {learned}")

# %% [markdown]
# Now 32 sentences that it has *not* heard, by a voice that it has. Predict first: which
# characters will be wrong?

# %%
result = evaluate(reader, test_set)
print(f"{result}\n")
confused, missed, inserted = count_mistakes(align_characters(result.refs, result.hyps))
for (said, written_as), count in confused.most_common(5):
    print(f"{said} written as {written_as}: {count} times")
SOUNDS = [set("他她它"), set("在再"), set("做坐")]
alike = sum(n for pair, n in confused.items() if any(group.issuperset(pair) for group in SOUNDS))
print(f"{alike} of {confused.total()} confusions are of characters that sound the same;", end=" ")
print(f"{missed.total()} are missing, {inserted.total()} too many.")
most = "Most" if alike > confused.total() / 2 else "Not most"
print(f"{most} confusions are no fault of the ear.")

# %% [markdown]
# CTC takes its frames for independent, given the sound; and the sound of 他 says nothing. The recurrent layers could look
# at the rest of the sentence, and with more data they may. But the knowledge that is missing stands in *text*, of which there
# is plenty: an n-gram model over **characters**, since there are no words. It reads all sentences of the grammar but the 32.
# The search asks it after each symbol, and $\beta$ is a reward for each character. Predict first: will the
# frequency of each character (order 1) do? Two of them at once? And in 它是妹妹家的狗 (it is my sister's dog) 家 tells that it is
# "it": which order sees both?

# %%
tables = [(batch.indices, *rest) for batch, *rest in network_outputs(reader, test_set)]
PRONOUNS = set("他她它")


def decode_with(order, alpha=0.8, beta=1.5):
    """Decode the test sentences with a character model of an order; return the texts."""
    lm = NGram.train(to_read, order=order, units="characters", log=None)
    decoder = BeamDecoder(config.alphabet(), lm, beam=50, alpha=alpha, beta=beta)
    texts = {}
    for indices, log_probs, lengths in tables:
        found = decoder.decode(log_probs, lengths)
        texts.update((int(i), each[0].text) for i, each in zip(indices, found, strict=True))
    return [texts[i] for i in range(len(to_test))]


def wrong_pronouns(texts):
    pairs = [(a, b) for a, b in zip(result.refs, texts, strict=True) if a[0] in PRONOUNS]
    return sum(b[:1] != a[0] for a, b in pairs), len(pairs)


by_order = {"without": result.hyps} | {n: decode_with(n) for n in (1, 2, 3, 4, 5, 6)}
print("order     CER    wrong pronouns")
for order, texts in by_order.items():
    print(
        f"{order!s:8} {cer(result.refs, texts):5.1%}    {wrong_pronouns(texts)[0]} of {wrong_pronouns(texts)[1]}"
    )
mended = wrong_pronouns(by_order[5])[0] < wrong_pronouns(by_order["without"])[0]
print("Context", "mends" if mended else "does not mend", "pronouns that the sound leaves open.")
alone = wrong_pronouns(by_order[1])[0] <= wrong_pronouns(by_order[5])[0]
print("Frequencies alone (order 1)", "do as well." if alone else "do less than that.")

# %%
print("said            the network     with a 5-gram")
shown = [i for i, text in enumerate(result.hyps) if text != result.refs[i]][:8]
for i in shown:
    cells = (result.refs[i], result.hyps[i], by_order[5][i])
    print("".join(text + "  " * (8 - len(text)) for text in cells))
folder.cleanup()

# %% [markdown]
# And what stays wrong? 他是我的爸爸 and 她是我的妈妈 differ in the first character and in the last ones, so a model has to see both.
# Has it read that beginning, of six characters, in any sentence? The control are the sentences whose pronoun is right now.

# %%
assert "他是你的爸爸" in to_read
pronouns = [
    (a, b[:1] == a[0]) for a, b in zip(result.refs, by_order[5], strict=True) if a[0] in PRONOUNS
]
for name, right in (("wrong", False), ("right", True)):
    chosen = [text for text, is_right in pronouns if is_right == right]
    new = [text for text in chosen if not any(line.startswith(text[:6]) for line in to_read)]
    print(
        f"{len(chosen)} pronouns are {name}; {len(new)} of these sentences begin as none that it has read"
    )

# %% [markdown]
# An n-gram knows strings. It has read 他是你的爸爸 (he is your father), but it cannot draw from that that fathers are "he",
# whosever they are. More text helps it, and so do models that learn what words have in common.
#
# ## What the paper reports
#
# The paper's Mandarin system is the English one with another last layer: about 6,000 characters and the Roman alphabet,
# trained on 9,400 hours, and decoded with a character 5-gram and a beam of 200. From a network of 5 layers with 1 recurrent
# to one of 9 layers with 7 recurrent, its CER falls from 9.80 to 7.55 % without, and from 7.13 to 5.81 % with a language
# model; the English WER of the same two from 27.79 to 14.93 %, and from 14.39 to 9.52 %. For English it also trained
# bigrams, so that strides could be larger; their rate, as quoted on the poster, is the one that we could not follow.
#
# What cannot be seen at our size: with a grammar of some hundred words an n-gram knows nearly everything there is to know,
# and a voice of espeak-ng says each character in one way. What six thousand characters need in hours of speech, it
# cannot show.
#
# A word of history: Chao wrote the tones as letters, lines that stand, rise, dip and fall, in 1930; espeak-ng's 55, 35, 214
# and 51 are his scale of five pitches.
#
# **Production systems** today seldom write single letters or fixed pairs of them. They learn some hundreds or thousands of
# *subword* units from text, by merging what often stands together (Sennrich and others 2016; Kudo and Richardson 2018); with
# them, few frames a second are enough. For Mandarin, characters are still usual.
#
# ## Summary
#
# * A symbol is a column of the last layer; everything below stays the same.
# * Cut in twos, every text comes back, but it has many spellings; encoder, loss and decoder agree on one.
# * $\lceil T / s \rceil \ge L + \text{repeats}$: fewer symbols allow larger strides. Pairs are at least half as many as
#   letters; 2.4 a second is too few.
# * Rare characters cost sentences, not characters: what cannot be written is left out as a whole.
# * The loss looks at all symbols for the softmax, and else at the utterance's own; for all others the gradient is their
#   probability.
# * Tones are movements in octaves: a ratio keeps them. What a network hears of them has to be measured where nothing else
#   tells them.
# * Without spaces, count characters. Homophones need context, and text has it.
#
# ## Further reading
#
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * H. Liu, Z. Zhu, X. Li, S. Satheesh: *Gram-CTC: automatic unit selection and target decomposition for sequence
#   labelling*, ICML 2017.
# * R. Sennrich, B. Haddow, A. Birch: *Neural machine translation of rare words with subword units*, ACL 2016.
# * T. Kudo, J. Richardson: *SentencePiece: a simple and language independent subword tokenizer and detokenizer for neural
#   text processing*, EMNLP 2018.
# * H. Bu, J. Du, X. Na, B. Wu, H. Zheng: *AISHELL-1: an open-source Mandarin speech corpus and a speech recognition
#   baseline*, 2017; `data_scripts/aishell.py` reads it.
# * P. Boersma: *Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
#   sound*, 1993.
# * G. K. Zipf: *Human behavior and the principle of least effort*, 1949. Y. R. Chao: *A system of tone-letters*, 1930.
# * In the package: [bigrams.py](../ds2np/text/bigrams.py), [counting.py](../ds2np/text/counting.py),
#   [fit.py](../ds2np/ctc/fit.py), [loss.py](../ds2np/ctc/loss.py),
#   [sentences_zh.py](../ds2np/synthesis/sentences_zh.py), and `python -m ds2np demo --language zh`.
