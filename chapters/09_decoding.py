# %% [markdown]
# # 09  Decoding with language models
#
# In each frame the network gives a probability to every symbol, and greedy decoding keeps one of them.
# This chapter finds the text that all of these numbers together make most probable, and lets a second
# opinion take part: a language model, which has heard nothing but has read a lot.
#
# ![The network from sound to text, with the step from probabilities to text framed.](images/network_09.svg)
#
# **You will be able to**
#
# * show sentences for which the network knew better than greedy decoding;
# * write a prefix beam search, and check it against a search through all texts;
# * train a language model by counting, and say why its counts must be discounted;
# * join network and language model by two weights, and find the weights on held-out recordings;
# * say which mistakes a language model mends, and which it makes.
#
# **You need** chapter 05's first half: paths, and the map from a path to its text. **Reading time** 90
# minutes.

# %%
import itertools
import re
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy as np
import soundfile

from ds2np import ctc
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import Utterance
from ds2np.decode import BeamDecoder
from ds2np.decode.greedy import collapse, greedy_decode
from ds2np.evaluate import evaluate, network_outputs
from ds2np.evaluate.tuning import Candidates, choose_weights, count_errors
from ds2np.layers.softmax import log_softmax
from ds2np.learn import check, play, show, toy
from ds2np.learn.sound import say
from ds2np.lm import NGram
from ds2np.model import DeepSpeech2
from ds2np.plots import plot_error_surface
from ds2np.recogniser import Recogniser
from ds2np.synthesis.corpus import draw_sentences
from ds2np.text import score, wer

# %% [markdown]
# ## The idea in one picture
#
# A text is written by many paths, so its probability is a sum. While we go through the frames we keep a few
# texts that may become the answer, the **prefixes**, and with each of them the sum over all paths that read
# as it so far, in two parts: paths that end in a blank, and paths that end in the prefix's last symbol. Three
# things can happen to a prefix in the next frame:
#
# ![Three cases of a prefix in the next frame: a blank keeps it; its own last symbol keeps it, if the path
# ended in that symbol, or makes it longer, if a blank stood between; any other symbol makes it
# longer.](images/decode_09_cases.svg)
#
# The second case is the one to remember. The last symbol once more is the *same* letter, said for longer, if
# the path has not left it; after a blank it is a second one. That is why two sums are needed, and not one.

# %% [markdown]
# ## A network that hears, but cannot spell
#
# We train the small network of chapter 00 on 500 sentences of a small grammar, spoken by synthetic voices, and
# stop early. It is tested on other sentences by other voices.

# %%
RATE = toy.RATE
rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
to_learn = draw_sentences(rng, 500)
words_known = {word for sentence in to_learn for word in sentence.split()}
to_test = draw_sentences(rng, 160, to_learn, words_known)


def record(name, sentences, speakers, sizes):
    """Let the speakers say the sentences in turn; return a list of `Utterance`."""
    voices = [f"{accent}+{speaker}" for accent in toy.ACCENTS for speaker in speakers]
    utterances = []
    for i, sentence in enumerate(sentences):
        rate = 50 * round(RATE / rng.uniform(*sizes) / 50)  # played at RATE afterwards
        speed, pitch = int(rng.integers(130, 200)), int(rng.integers(30, 70))
        samples = say(sentence, rate, voices[i % len(voices)], speed, pitch)
        path = Path(folder.name) / f"{name}_{i:03}.wav"
        soundfile.write(path, samples, RATE)
        utterances.append(Utterance(path, len(samples) / RATE, sentence, voices[i % len(voices)]))
    return utterances


model = DeepSpeech2(toy.CONFIG, seed=0)
alphabet = toy.CONFIG.alphabet()
learn_set = Dataset(record("learn", to_learn, toy.SPEAKERS, (0.87, 1.15)), model.config)
test_set = Dataset(record("test", to_test, toy.OTHER_SPEAKERS, (1.0, 1.0)), model.config)
losses = toy.train(
    model, learn_set, 6, each_epoch=lambda epoch, loss: print(f"{epoch}: loss {loss:.1f}")
)

# %% [markdown]
# From here on only its outputs are needed: one table of log-probabilities $(T, V)$ for each sentence.

# %%
greedy = Recogniser(model)
result = evaluate(greedy, test_set)
print(f"greedy: {result}\n")
for said, written in list(zip(result.refs, result.hyps, strict=True))[:6]:
    print(f"{said:38} {written}")

# %% [markdown]
# It writes what it hears, letter by letter: doubled letters are lost, words run into each other. Is that all
# that the network knows? Predict first: for how many of the 160 sentences does the network give a larger
# probability to what was *said* than to what greedy decoding has written?
#
# The CTC loss is $-\ln p(\text{text} \mid x)$, the sum over all paths, so it can be asked about both.

# %%
tables = [None] * len(test_set)  # log-probabilities (T, V) of each sentence
for batch, log_probs, lengths in network_outputs(greedy, test_set):
    for i, table, length in zip(batch.indices, log_probs, lengths, strict=True):
        tables[i] = table[:length].astype(float)


def log_p(table, text):
    """Compute ln p(text | x), over all paths."""
    labels = alphabet.encode(text)
    loss, _ = ctc.ctc_loss(table[None], labels[None], [len(table)], [len(labels)])
    return -loss[0]


of_said = np.array([log_p(t, text) for t, text in zip(tables, result.refs, strict=True)])
of_written = np.array([log_p(t, text) for t, text in zip(tables, result.hyps, strict=True)])
wrong = np.array([a != b for a, b in zip(result.refs, result.hyps, strict=True)])
knew = wrong & (of_said > of_written)
print(f"{wrong.sum()} sentences are written wrongly; in {knew.sum()} of them the network")
print("finds what was said more probable than what greedy decoding wrote.")
example = int(np.argmax(np.where(wrong, of_said - of_written, -np.inf)))
print(f"\nsaid     {result.refs[example]:40} ln p = {of_said[example]:.2f}")
print(f"written  {result.hyps[example]:40} ln p = {of_written[example]:.2f}")
sound, _ = soundfile.read(test_set.utterances[example].audio_filepath)
play(sound, RATE, f"said: {result.refs[example]}")

# %% [markdown]
# Those are mistakes of the *search*: the answer was there and was not found. All others are mistakes of the
# *model*: no search can mend them, unless somebody else is asked.
#
# ## All texts of a small table
#
# With few frames and symbols we can go through all paths and add up those that read the same. This is the
# definition, and our oracle. Predict first: in the table below the blank is the best symbol of each frame. Is
# the empty text the most probable one?

# %%
symbols = "–ab"
small = np.array([[0.45, 0.35, 0.20], [0.40, 0.30, 0.30], [0.50, 0.40, 0.10], [0.42, 0.23, 0.35]])


def all_texts(y):
    """Add up the paths of each text: a dict from text to probability; y is (T, V)."""
    texts = defaultdict(float)
    for path in itertools.product(range(y.shape[1]), repeat=len(y)):
        texts[tuple(collapse(path))] += np.prod([y[t, k] for t, k in enumerate(path)])
    return dict(texts)


def write(text):
    return "".join(symbols[k] for k in text) or "(nothing)"


texts = all_texts(small)
best = sorted(texts, key=texts.get, reverse=True)
for text in best[:5]:
    print(f"{write(text):10} {texts[text]:.4f}")
by_greedy = tuple(collapse(small.argmax(axis=1)))
place = best.index(by_greedy) + 1
print(f"greedy decoding writes {write(by_greedy)}: number {place} of {len(texts)} texts")

# %% [markdown]
# ## Prefix search
#
# Let $p_b(t, y)$ be the probability of all paths of $t$ frames that read as the prefix $y$ and end in a blank,
# and $p_n(t, y)$ that of those that end in its last symbol. With $y^-$ for $y$ without its last symbol $k$, and
# $y_t(k)$ for the network's probabilities as in chapter 05, the three cases of the picture are
#
# $$\begin{aligned}
# p_b(t, y) &= y_t(\text{blank})\, \bigl(p_b(t-1, y) + p_n(t-1, y)\bigr) \\
# p_n(t, y) &= y_t(k)\, \bigl(p_n(t-1, y) + p_b(t-1, y^-) + [\,y^- \text{ does not end in } k\,]\,
# p_n(t-1, y^-)\bigr).
# \end{aligned}$$
#
# The bracket is chapter 05's rule about skipping a blank, seen from here: a path that still says $k$ cannot
# begin a second $k$. In code it is easier to go forward: each prefix gives to those that it can become.


# %%
def prefix_step_by_loops(beams, y_t):
    """Go on by one frame: beams is a dict from prefix to [p_b, p_n], y_t is (V,)."""
    after = defaultdict(lambda: [0.0, 0.0])
    for prefix, (p_b, p_n) in beams.items():
        after[prefix][0] += (p_b + p_n) * y_t[0]  # a blank keeps the prefix
        for k in range(1, len(y_t)):
            longer = (*prefix, k)
            if prefix and k == prefix[-1]:
                after[prefix][1] += p_n * y_t[k]  # the same letter, for longer
                after[longer][1] += p_b * y_t[k]  # a second one, after a blank
            else:
                after[longer][1] += (p_b + p_n) * y_t[k]
    return dict(after)


def search(y, beam):
    """Return the best prefixes and their probabilities, best first; y is (T, V)."""
    beams = {(): [1.0, 0.0]}  # before the first frame: nothing, as after a blank
    for y_t in y:
        beams = prefix_step_by_loops(beams, y_t)
        kept = sorted(beams, key=lambda prefix: -sum(beams[prefix]))[:beam]
        beams = {prefix: beams[prefix] for prefix in kept}
    return {prefix: sum(both) for prefix, both in beams.items() if sum(both) > 0}


found = search(small, beam=10**6)
assert found.keys() == texts.keys()
for text in texts:
    np.testing.assert_allclose(found[text], texts[text], rtol=1e-12)
print(f"without a limit, all {len(found)} texts have the probability of the enumeration")

# %% [markdown]
# The count of prefixes grows without bound, so only the best ones are kept, the **beam**. What falls out is
# lost, with all that it could have become. Predict first: with tables of ten frames and five symbols, how often
# does a beam of 1, of 3, of 10 find the most probable text?

# %%
tries, found_best = 100, Counter()
for seed in range(tries):
    logits = 1.5 * np.random.default_rng(seed).standard_normal((10, 5))
    y = np.exp(log_softmax(logits))
    truth = next(iter(search(y, beam=400)))  # the first: dicts keep their order
    found_best["greedy"] += tuple(collapse(y.argmax(axis=1))) == truth
    for beam in (1, 3, 10):
        found_best[f"beam {beam}"] += next(iter(search(y, beam))) == truth
for name, count in found_best.items():
    print(f"{name:8} finds the most probable text in {count} of {tries} tables")
grows = found_best["beam 10"] > found_best["beam 1"]
print(f"A wider beam {'finds more' if grows else 'finds no more'} of them.")

# %% [markdown]
# ### Exercise 09.1: a step of the prefix search
#
# Write the step for a set of prefixes, with any symbol as the blank. Leave out prefixes whose two probabilities
# are both 0. From `{(): (1, 0)}` and probabilities of 0.5 for the blank, 0.3 and 0.2, it goes to
# `{(): (0.5, 0), (1,): (0, 0.3), (2,): (0, 0.2)}`.
#
# Replace `raise NotImplementedError` and run the cell below it. What is correct is kept in a file of yours,
# `my_ds2np.py`; `python -m ds2np learn` says how far you are. Solutions are [apart](solutions/09_decoding.py).
# Your four functions of this chapter serve in the graduation of [chapter 07](07_network.ipynb), too: after training,
# it decodes a second time, with an n-gram model of the transcripts.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `beams` | $y$: $(p_b, p_n)$ | dict from tuple of int to tuple of two floats | the prefixes before the frame |
# | `y_t` | $y_t(k)$ | float, (V,) | the probability of each symbol in this frame |
# | `blank` | | `int` | the symbol that stands for no character |
# | result | | dict, as `beams` | the prefixes after the frame |


# %%
def prefix_step(beams, y_t, blank=0):
    """Go on by one frame; return a dict from prefix to (p_b, p_n)."""
    raise NotImplementedError


# %%
check("09.1", prefix_step)

# %% [markdown]
# The package's search does the same for all utterances of a batch at once, in arrays without a loop over
# prefixes ([beam.py](../ds2np/decode/beam.py)), and looks in each frame only at the symbols that together
# have a probability of 0.99, at most 40, as the paper does. On the real tables, without any language model:

# %%
lengths = np.array([len(table) for table in tables])
padded = np.full((len(tables), lengths.max(), len(alphabet)), np.nan)
for row, table in zip(padded, tables, strict=True):
    row[: len(table)] = table


def error_rate(decoder):
    """Decode all sentences; return the texts and their WER."""
    texts = [hypotheses[0].text for hypotheses in decoder.decode(padded, lengths)]
    return texts, wer(to_test, texts)


by_beam, beam_rate = error_rate(BeamDecoder(alphabet, beam=100))
gain = result.wer - beam_rate
print(f"WER: greedy {result.wer:.1%}, beam 100 {beam_rate:.1%}")
print("The better search alone mends", "little." if gain < 0.2 * result.wer else "a good part.")

# %% [markdown]
# ## A second opinion
#
# What greedy decoding writes is no English, and everyone who reads it sees what was meant: we know which words
# there are, and which follow each other. An **n-gram model** knows that by counting. It gives a probability to
# each word, given the $n - 1$ words before it:
#
# $$p_{LM}(w_1 \ldots w_m) = \prod_i p(w_i \mid w_{i-n+1} \ldots w_{i-1}), \qquad
# p(w \mid h) \approx \frac{c(h\, w)}{c(h)},$$
#
# where $c$ counts in a text, $h$ is the history, and each sentence stands between `<s>` and `</s>`. Our text is
# 3,000 sentences of the same grammar; none of them is a test sentence. (A real system takes what people
# have written: millions of sentences, more than anybody has recorded.)

# %%
to_read = draw_sentences(np.random.default_rng(1), 3000, to_test)


def count_ngrams(sentences, n):
    """Count the n-grams of sentences, with <s> before and </s> after each."""
    counts = Counter()
    for sentence in sentences:
        words = ["<s>", *sentence.split(), "</s>"]
        counts.update(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    return counts


counts = {n: count_ngrams(to_read, n) for n in (1, 2, 3)}
for pair, count in counts[2].most_common(3):
    print(f"{' '.join(pair):12} {count:4} times, p = {count / counts[1][pair[:1]]:.2f}")

# %% [markdown]
# ### The zero
#
# One n-gram that the text does not have, and the whole product is 0. Predict first: in how many of the 160 test
# sentences is there a pair, or a triple, that 3,000 sentences do not have?

# %%
unseen = {}
for n in (2, 3):
    missing = [count_ngrams([sentence], n).keys() - counts[n].keys() for sentence in to_test]
    unseen[n] = sum(map(bool, missing))
    print(f"n = {n}: {unseen[n]} of {len(to_test)} sentences would have the probability 0")
worse = "more" if unseen[3] > unseen[2] else "no more"
print(f"The longer history makes {worse} of them impossible, though this is a tiny language.")

# %% [markdown]
# So something has to be left for what was not seen, and it has to be taken from what was. How much? Ask a text.
# We take English that comes with Python, the help texts on its language, deal its sentences into two halves at
# random (each sentence once; such texts repeat some), and look at the pairs that the first half has $r$ times.
# Predict first: how often does the second half have a pair that stands once in the first? Once?

# %%
english = " ".join(topics[name] for name in sorted(topics))
sentences = {" ".join(re.findall(r"[a-z']+", s.lower())) for s in re.split(r"[.:;!?]\s", english)}
sentences = sorted(sentence for sentence in sentences if len(sentence.split()) > 2)
np.random.default_rng(0).shuffle(sentences)
first_half, second_half = sentences[::2], sentences[1::2]


def count_pairs(sentences):
    return Counter(pair for s in sentences for pair in itertools.pairwise(s.split()))


halves = count_pairs(first_half), count_pairs(second_half)
print(f"{len(sentences)} sentences, {sum(len(s.split()) for s in sentences)} words")
times = range(1, 9)
mean_elsewhere = []
print("  r   pairs   mean count in the other half   less by")
for r in times:
    pairs = [pair for pair, count in halves[0].items() if count == r]
    mean_elsewhere.append(np.mean([halves[1][pair] for pair in pairs]))
    print(f"{r:3} {len(pairs):7} {mean_elsewhere[-1]:20.2f} {r - mean_elsewhere[-1]:17.2f}")
taken_off = np.array(times) - mean_elsewhere
flat = np.ptp(taken_off[1:]) < 0.35 * (times[-1] - 2)
print(
    "From r = 2 on, the difference", "hardly grows" if flat else "grows", "while r grows fourfold;"
)
print(f"for r = 1 it is {'smaller' if taken_off[0] < taken_off[1:].min() else 'not smaller'}.")

# %%
figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
axis.plot(times, times, ":", color="0.5", label="as often")
axis.plot(times, mean_elsewhere, "o-", color="black", label="measured")
axis.set(xlabel="times in one half, r", ylabel="mean count in the other half")
axis.legend(frameon=False)
show(
    figure,
    "How often pairs of words that one half of a text has r times are found in its other half, on average: "
    "points on a line that runs below the diagonal and nearly parallel to it.",
)

# %% [markdown]
# What was seen $r$ times is worth about $r$ less a constant. This is **absolute discounting**: take $D$ off each
# count, and give what was taken to the shorter history, which has seen more,
#
# $$p(w \mid h) = \frac{\max(c(h\,w) - D, 0)}{c(h)} + \gamma(h)\, p(w \mid h^-), \qquad
# \gamma(h) = \frac{D \cdot \lvert\{w : c(h\,w) > 0\}\rvert}{c(h)},$$
#
# where $h^-$ is $h$ without its first word, and $\gamma(h)$ makes the sum over all words 1.
#
# ### What the shorter history should count
#
# Kneser and Ney (1995) asked what $p(w \mid h^-)$ is for: it is needed where $h\,w$ is rare. A word that stands
# often, but always after the same word, is of no use there. So in the lower orders they do not count how *often*
# a word stands, but after how many *different* words.

# %%
often, different = Counter(), Counter()
for (before, word), count in counts[2].items():
    if before != "<s>":
        often[word] += count
        different[word] += 1
stuck = max(different, key=lambda word: often[word] / different[word])
free = max(
    (w for w in different if w != "</s>"),
    key=lambda word: different[word] / often[word] * min(often[word], 30),
)
for word in (stuck, free):
    print(f"{word:10} stands {often[word]:4} times, after {different[word]:3} different words")
share = {
    w: (often[w] / sum(often.values()), different[w] / sum(different.values()))
    for w in (stuck, free)
}
falls = share[stuck][1] < share[stuck][0]
print(
    f"By counting different words, the share of “{stuck}” {'falls' if falls else 'does not fall'}:",
    end=" ",
)
print(f"{share[stuck][0]:.2%} to {share[stuck][1]:.2%}.")

# %% [markdown]
# Chen and Goodman (1998) looked at the table above as we did: what was seen once loses less than what was seen
# more often. Their *modified* Kneser-Ney has three discounts for each order, computed from how many n-grams stand
# once, twice, three and four times, $n_1$ to $n_4$:
#
# $$Y = \frac{n_1}{n_1 + 2 n_2}, \qquad D_1 = 1 - 2Y \frac{n_2}{n_1}, \qquad D_2 = 2 - 3Y \frac{n_3}{n_2}, \qquad
# D_{3+} = 3 - 4Y \frac{n_4}{n_3}.$$
#
# For the first half of our English they say:

# %%
n1, n2, n3, n4 = (sum(count == r for count in halves[0].values()) for r in (1, 2, 3, 4))
Y = n1 / (n1 + 2 * n2)
formula = [1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3]
for name, ours, measured in zip(
    ("1", "2", "3 and more"),
    formula,
    (taken_off[0], taken_off[1], taken_off[2:].mean()),
    strict=True,
):
    print(f"seen {name:10}  discount by the formula {ours:.2f}, measured {measured:.2f}")
near = max(abs(formula[0] - taken_off[0]), abs(formula[1] - taken_off[1])) < 0.25
print(
    "The formula, from the first half alone,",
    "comes near" if near else "misses",
    "what the second half says.",
)

# %% [markdown]
# ### Exercise 09.2: three discounts
#
# Compute $D_1$, $D_2$ and $D_{3+}$ from the counts of an order's n-grams. If there is no n-gram that stands once,
# twice or three times, the formula divides by 0, and a discount below 0 is of no use: return 0.5, 1 and 1.5 then,
# as the package does.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `counts` | $c$ | integers, (n-grams,) | how often each n-gram stands, 0 for those that do not count |
# | result | $D_1, D_2, D_{3+}$ | tuple of three floats | what is taken off counts of 1, of 2, of 3 and more |


# %%
def discounts(counts):
    """Compute the three discounts of modified Kneser-Ney from counts of shape (n-grams,)."""
    raise NotImplementedError


# %%
check("09.2", discounts)

# %% [markdown]
# ### Ours, in loops
#
# A bigram model, all of it, from counts to a probability. The unigrams give the same share of what was taken from
# them to each word, the unknown word included. It reads the first half of the English.


# %%
def kneser_ney_bigrams(sentences):
    """Return a function p(word, before) of an interpolated modified Kneser-Ney bigram model."""
    pairs = count_ngrams(sentences, 2)
    continued = Counter(word for _, word in pairs)  # different words before it
    vocabulary = {*continued, "<unk>"}

    def three(counts):
        n1, n2, n3, n4 = (sum(c == r for c in counts.values()) for r in (1, 2, 3, 4))
        Y = n1 / (n1 + 2 * n2)
        return 0.0, 1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3

    D_pairs, D_words = three(pairs), three(continued)
    total, after = sum(continued.values()), defaultdict(dict)
    for (before, word), count in pairs.items():
        after[before][word] = count
    taken = sum(D_words[min(count, 3)] for count in continued.values())

    def p_word(word):
        count = continued[word]
        return (count - D_words[min(count, 3)]) / total + taken / total / len(vocabulary)

    def p(word, before):
        row = after[before]
        count, whole = row.get(word, 0), sum(row.values())
        gamma = sum(D_pairs[min(c, 3)] for c in row.values()) / whole
        return (count - D_pairs[min(count, 3)]) / whole + gamma * p_word(word)

    return p, vocabulary


p, vocabulary = kneser_ney_bigrams(first_half)
for before in ("the", "python", "<s>"):
    print(
        f"after {before}: the probabilities add up to {sum(p(w, before) for w in vocabulary):.12f}"
    )
bigrams = NGram.train(first_half, order=2)
sentence = ["the", "name", "of", "the", "class"]
ours = [np.log10(p(w, b)) for b, w in itertools.pairwise(["<s>", *sentence, "</s>"])]
np.testing.assert_allclose(bigrams.score(sentence), ours, rtol=1e-5)
print("the package's model gives the same to:", " ".join(sentence))

# %% [markdown]
# ### How a model is stored: back-off
#
# A model of order $n$ lists the n-grams that it has seen, each with $\log_{10} p$, and for each history the weight
# $\gamma$. What is not listed is computed: *back off* to the shorter history, and pay $\gamma$ for it,
#
# $$p(w \mid h) = \begin{cases} \text{as listed} & \text{if } h\,w \text{ is listed,} \\
# \gamma(h)\, p(w \mid h^-) & \text{otherwise; } \gamma(h) = 1 \text{ if } h \text{ is not listed.} \end{cases}$$
#
# That is what the ARPA format holds, which all such programs read and write: text, one n-gram in a line. (Our
# grammar's text is so regular that some discounts would come out below 0; the package says so, and takes 0.5, 1
# and 1.5.)

# %%
trigrams = NGram.train(to_read, order=3, log=print)  # of the sentences that our network hears
with tempfile.TemporaryDirectory() as other:
    trigrams.save(Path(other) / "three.arpa")
    lines = (Path(other) / "three.arpa").read_text().splitlines()
for i in (
    *range(5),
    *[k for k, line in enumerate(lines) if line.endswith("-grams:") or "\tis " in line][:8],
):
    print(lines[i].replace("\t", "    "))

# %% [markdown]
# ### Exercise 09.3: back-off
#
# Compute $\log_{10} p(w \mid h)$ from such a list. `logp` has all words as n-grams of one word; a word that it does
# not have is `"<unk>"`, which it has.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `word` | $w$ | `str` | the word |
# | `history` | $h$ | tuple of `str` | the words before it, the last one at the end; may be empty |
# | `logp` | $\log_{10} p$ | dict from tuple of `str` to `float` | of each n-gram that is listed |
# | `backoff` | $\log_{10} \gamma$ | dict from tuple of `str` to `float` | of each history that is listed |
# | result | $\log_{10} p(w \mid h)$ | `float` | |


# %%
def backoff_logp(word, history, logp, backoff):
    """Compute the log10 probability of a word after a history, from the n-grams that are listed."""
    raise NotImplementedError


# %%
check("09.3", backoff_logp)

# %% [markdown]
# ### How good is it?
#
# The **perplexity** is $p^{-1/m}$, where $m$ counts the words and the ends of the test sentences: as if the model
# had to choose, each time, among so many equally probable words. Predict first: the grammar has some 120 words.
# Which perplexity will one, two and three words of history reach?

# %%
perplexity = {}
for order in (1, 2, 3):
    scores = NGram.train(to_read, order=order, log=None).score_all([s.split() for s in to_test])
    perplexity[order] = 10 ** -np.concatenate(scores).mean()
    print(f"order {order}: perplexity {perplexity[order]:.1f}")
falling = perplexity[3] < perplexity[2] < perplexity[1]
print(
    "A longer history tells more."
    if falling
    else "A longer history does not always tell more here."
)

# %% [markdown]
# ## Both together
#
# The paper's decoder looks for the text with the largest
#
# $$Q(y) = \ln p(y \mid x) + \alpha \ln p_{LM}(y) + \beta\, \text{words}(y).$$
#
# $\alpha$ says how much the language model counts. It makes each word cost something, so that few long words are
# cheaper than many short ones; $\beta$, a reward for each word, makes up for that. In the search, a word gets its
# score when it ends: at the space, or at the end of the text. Predict first: the search alone has mended little.
# What will the language model do?

# %%
alpha, beta = 0.7, 1.5
decoder = BeamDecoder(alphabet, lm=trigrams, alpha=alpha, beta=beta, beam=100, n_best=40)
lists = decoder.decode(padded, lengths)
with_lm = [hypotheses[0].text for hypotheses in lists]
lm_rate = wer(to_test, with_lm)
print(f"WER: greedy {result.wer:.1%}, beam {beam_rate:.1%}, beam and language model {lm_rate:.1%}")
kind = "most of" if lm_rate < result.wer / 2 else "a part of" if lm_rate < result.wer else "none of"
print(f"The language model mends {kind} the mistakes.\n")
for said, written, now in list(zip(to_test, result.hyps, with_lm, strict=True))[:6]:
    print(f"{said:32} {written:34} {now}")

# %% [markdown]
# One sentence more closely: the first one for which network and language model do not agree. What did the search
# find, best first, and what do the three terms say?

# %%
by_ear = [max(found, key=lambda h: h.acoustic).text for found in lists]
disagree = [i for i, found in enumerate(lists) if by_ear[i] != found[0].text]
closely = next((i for i in disagree if lists[i][0].text == to_test[i]), 0)
print("      Q   ln p(y|x)    LM terms   text")
for h in lists[closely][:6]:
    print(f"{h.score:7.2f} {h.acoustic:11.2f} {h.lm:11.2f}   {h.text}")
print(f"said: {to_test[closely]}; greedy: {result.hyps[closely]}")
print(
    f"In {len(disagree)} of {len(lists)} sentences the network alone would choose another of its candidates."
)

# %% [markdown]
# ## Two weights, and where to find them
#
# $\alpha$ and $\beta$ were guesses. They are found by trying: the WER for a grid of pairs, on recordings that are
# neither trained on nor tested on. A new search for each pair would take long; but with other weights the same
# candidates are only ranked anew. So one search, with long lists of candidates, does for the whole grid. We take
# every second sentence for that, and keep the others for the verdict. Predict first: how much does it cost to take
# an $\alpha$ that is too large?


# %%
def candidates_of(hypotheses, said):
    """Collect the three terms and the word errors of an utterance's candidates."""
    texts = [h.text for h in hypotheses]
    lm = [np.log(10) * scores.sum() for scores in trigrams.score_all([t.split() for t in texts])]
    return Candidates(
        acoustic=np.array([h.acoustic for h in hypotheses]),
        lm=np.array(lm),
        words=np.array([len(text.split()) for text in texts]),
        edits=np.array(
            [score.count_edits(score.align_words([said], [text])).total for text in texts]
        ),
    )


candidates = [candidates_of(h, said) for h, said in zip(lists, to_test, strict=True)]
tuned, kept = candidates[::2], candidates[1::2]
alphas, betas = np.linspace(0, 2.1, 8), np.linspace(-2, 5, 8)
errors = count_errors(tuned, alphas, betas)
best_pair = choose_weights(errors, alphas, betas)
words_tuned = sum(len(s.split()) for s in to_test[::2])
words_kept = sum(len(s.split()) for s in to_test[1::2])
print(f"best on the first half: alpha {best_pair[0]:.2f}, beta {best_pair[1]:.2f}")
pairs = {"the best pair": best_pair, "our guess": (alpha, beta), "the network alone": (0, 0)}
for name, (a, b) in pairs.items():
    print(
        f"WER of the other half, by {name}: {count_errors(kept, [a], [b])[0, 0] / words_kept:.1%}"
    )
print("(The network alone chooses among the candidates of the search with the language model.)")
largest = errors[-1].min() / words_tuned
print(
    f"With the largest alpha, {alphas[-1]:.1f}, the best beta reaches {largest:.1%} of the first half."
)

# %%
figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
plot_error_surface(errors / words_tuned, alphas, betas, best_pair, axis)
show(
    figure,
    "The word error rate for eight values of alpha, upwards, and eight of beta, to the right, the best pair framed: "
    "dark below, where the language model hardly counts, and light over a wide floor above.",
)

# %% [markdown]
# The floor is wide, which is good news: the weights need not be exact. How wide, in numbers?

# %%
near = (errors <= errors.min() + 0.01 * words_tuned).mean()
print(f"{near:.0%} of the {errors.size} pairs are within one point of the best.")
by_alpha, by_beta = np.ptp(errors.min(axis=1)), np.ptp(errors.min(axis=0))
print(f"{'alpha' if by_alpha > by_beta else 'beta'} matters more than the other here.")

# %% [markdown]
# (Far from the weights of the search the picture flatters: a search with *those* would have found worse texts,
# which are not among the candidates. That is why a second search has to check the pair that was chosen.)
# `python -m ds2np tune RUN DEV.jsonl --lm FILE` does the same for a trained run, and writes the best pair into it.
#
# ### Exercise 09.4: the search for two weights
#
# For each pair of weights take each utterance's candidate with the largest $Q$, add up their edits, and return the
# pair with the fewest; of several, the first in the order of `alphas`, then of `betas`. Where two candidates have
# the same $Q$, the first counts.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `acoustic`, `lm` | $\ln p(y \mid x)$, $\ln p_{LM}(y)$ | float, (N, K) | of K candidates of each utterance |
# | `words`, `edits` | | integers, (N, K) | words of each candidate, and its word errors |
# | `alphas`, `betas` | $\alpha$, $\beta$ | lists of float | the values to try |
# | result | | tuple of two floats | the best pair |


# %%
def best_weights(acoustic, lm, words, edits, alphas, betas):
    """Return the pair (alpha, beta) with the fewest word errors."""
    raise NotImplementedError


# %%
check("09.4", best_weights)

# %% [markdown]
# ## What a language model breaks
#
# It prefers what it has read. Whoever says something else is corrected, plausibly and wrongly, which is worse for
# a reader than nonsense. Two tests. First: which test sentences were right without it and are wrong now? Second:
# sentences with a word that it has never read. Predict first: what will it make of "zebra"?

# %%
right_before = [a == b for a, b in zip(to_test, result.hyps, strict=True)]
broken = [i for i, now in enumerate(with_lm) if right_before[i] and now != to_test[i]]
mended = sum(
    now == said and not before
    for now, said, before in zip(with_lm, to_test, right_before, strict=True)
)
print(f"mended {mended} sentences, broke {len(broken)}")
for i in broken[:3]:
    print(f"    said {to_test[i]}, now {with_lm[i]}")

strange = [
    "the zebra is hungry",
    "we don't like pepper",
    "put the lemon on the table",
    "a green tiger is in the park",
]
new = [word for s in strange for word in s.split() if word not in trigrams.numbers]
print("\nwords that the model has never read:", ", ".join(new))
sounds = [say(s, RATE, "en+f2") for s in strange]
logs = [
    greedy.log_probs(greedy.features(s)[None], np.array([len(greedy.features(s))])) for s in sounds
]
closed = []
for s, (log_probs, lengths_now) in zip(strange, logs, strict=True):
    plain = greedy_decode(log_probs, lengths_now, alphabet)[0]
    closed.append(decoder.decode(log_probs, lengths_now)[0][0].text)
    print(f"{s:30} greedy: {plain:30} with LM: {closed[-1]}")
kept_new = sum(word in text.split() for text, word in zip(closed, new, strict=True))
print(f"{kept_new} of {len(new)} new words are written as they were said.")

# %% [markdown]
# So names, new words and other topics are where such a system fails, and where one looks first. What helps: text
# of the same kind as what will be said, and *favoured phrases*, words that are made more probable for one
# recording, such as the names of those who speak (`--phrases FILE`).
#
# ## Batches
#
# An utterance is decoded the same in any company, scores included, and what stands in the padding is not looked
# at. (Ours is NaN.)

# %%
alone = decoder.decode(
    padded[example : example + 1, : lengths[example]], lengths[example : example + 1]
)[0]
assert [(h.text, h.score) for h in alone] == [(h.text, h.score) for h in lists[example]]
print("alone as in the batch:", alone[0].text)
folder.cleanup()

# %% [markdown]
# ## What the paper reports
#
# English is decoded with a 5-gram model with Kneser-Ney smoothing, pruned, and a beam of 500; Mandarin, whose
# symbols are characters, with a character 5-gram and a beam of 200. In deployment only the symbols that together
# have a probability of 0.99 are looked at, at most 40 of them. What the model is worth, the paper's table of
# architectures says: on English, a network of 5 layers with 1 recurrent goes from 27.79 to 14.39 % WER by it, one of
# 9 layers with 7 recurrent from 14.93 to 9.52 %. The better the network, the less is left to mend.
#
# N-grams are older than neural recognisers: in the 1970s, speech recognition at IBM was already the product of an
# acoustic model and of a trigram. What was new with CTC is that so little else is needed.
#
# What cannot be seen at our size is what real language does: here the language model has read the same grammar
# that is spoken, and it has every word.
#
# **Production systems** today often take a neural language model, or have one inside (the decoder of a
# sequence-to-sequence network is one), and use n-grams where it has to be quick, small, or changed for each user.
#
# ## Summary
#
# * A text's probability is a sum over paths. Two sums for each prefix, by how the path ends, let us go through the
#   frames once; a beam keeps the best prefixes.
# * A search mends mistakes of the search. What the network does not know, a language model may.
# * Counts are discounted, since what was seen $r$ times is worth a little less; what is taken goes to shorter
#   histories, which count different neighbours.
# * $\alpha$ and $\beta$ are found on held-out recordings; one search does for a whole grid.
# * A language model writes what it has read. Look at what it breaks.
#
# ## Further reading
#
# * R. Kneser, H. Ney: *Improved backing-off for m-gram language modeling*, ICASSP 1995.
# * S. Chen, J. Goodman: *An empirical study of smoothing techniques for language modeling*, 1998.
# * A. Hannun, A. Maas, D. Jurafsky, A. Ng: *First-pass large vocabulary continuous speech recognition using
#   bi-directional recurrent DNNs*, 2014: the prefix search with two scores.
# * K. Heafield, I. Pouzyrevsky, J. Clark, P. Koehn: *Scalable modified Kneser-Ney language model estimation*, ACL
#   2013.
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * In the package: [beam.py](../ds2np/decode/beam.py), [kneser_ney.py](../ds2np/lm/kneser_ney.py),
#   [ngram.py](../ds2np/lm/ngram.py), [tuning.py](../ds2np/evaluate/tuning.py).
