# %% [markdown]
# # 00  A recogniser in ten minutes
#
# We walk once through everything with the finished package: we hear a voice, see what the network
# sees, build a small network, train it on the spot, watch it learn to write, and count its
# mistakes.
#
# ![The network: waveform, log spectrogram, convolutions over time and frequency, recurrent layers,
# a linear layer, CTC, text.](images/network.svg)
#
# **You will be able to**
#
# * name the steps from a sound wave to text, and say which chapter explains each;
# * train a recogniser with a loop of a few lines, and read the table that it prints;
# * turn the network's output, one symbol a frame, into text;
# * compute word and character error rates by hand;
# * let a trained network transcribe a recording of your own.
#
# **You need** Python and a little NumPy. Nothing about speech, and nothing about neural networks:
# all that is used here is explained later, each step in a chapter of its own. **Reading time** 20
# minutes; the cells themselves take a minute or two.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import soundfile

from ds2np.audio import log_spectrogram
from ds2np.audio.features import Features
from ds2np.ctc import ctc_loss, forced_align
from ds2np.ctc.loss import state_posterior
from ds2np.data.batches import prefetch
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import Utterance
from ds2np.decode.greedy import greedy_decode, read_path
from ds2np.evaluate import evaluate
from ds2np.layers import log_softmax
from ds2np.learn import check, play, show
from ds2np.learn.sound import say
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.optim import SGD
from ds2np.plots import (
    plot_curves,
    plot_lattice,
    plot_probabilities,
    plot_spectrogram,
    plot_spoken,
)
from ds2np.recogniser import Recogniser
from ds2np.text import score

# %% [markdown]
# ## Hear a sentence
#
# Sound is a list of numbers: the pressure of the air at the microphone, here 8,000 times a second,
# as on the telephone. The voice is that of a small program, espeak-ng, which speaks whatever we
# write. No recordings have to be fetched, and nobody has to be asked.

# %%
RATE = 8000  # samples a second
sound = say("this is all that the network hears", RATE)
print(f"{len(sound)} numbers, {len(sound) / RATE:.1f} seconds; five of them: {sound[4000:4005]}")
play(sound, RATE, "this is all that the network hears")

# %% [markdown]
# ## See it
#
# From the wave itself it is hard to read anything. So we cut it into short windows of 20 ms, one
# every 10 ms, and ask of each how loud it is at each frequency. The logarithm of that is the **log
# spectrogram**, a table of shape $(T, F)$: $T$ windows, which we call *frames*, and $F$
# frequencies.

# %%
spectrogram = log_spectrogram(sound, RATE, window_ms=20, stride_ms=10)
T, F = spectrogram.shape
print(f"{T} frames, {F} frequencies from 0 to {RATE // 2} Hz")

figure, axes = plt.subplots(2, 1, figsize=(7.5, 3.8), layout="constrained")
axes[0].plot(np.arange(len(sound)) / RATE, sound, color="black", lw=0.4)
axes[0].set(xlabel="time (s)", ylabel="pressure (of full scale)", xlim=(0, len(sound) / RATE))
plot_spectrogram(spectrogram, 10, RATE, axes[1])
show(
    figure,
    "Above, the waveform of the sentence: bursts and pauses. Below, its log spectrogram: bright "
    "bands that bend with each vowel, and narrow dark gaps between some of the sounds.",
)

# %% [markdown]
# Time runs from left to right, frequency from below to above, and bright is loud. The thin stripes
# are the overtones of the voice. The broad bright bands that bend are the resonances of the mouth:
# they tell one vowel from another. The dark gaps are short silences, such as the one in a "t",
# before the tongue lets go. [Chapter 01](01_sound.ipynb) builds this picture step by step.
#
# ## The network
#
# A `DeepSpeech2Config` says what a network looks like. Ours has one convolution, which looks for
# small patterns over time and frequency, as one would in a picture; two recurrent layers, which run
# over the frames forwards and backwards and remember what they have seen; and a linear layer with
# one output for each symbol that may be written.

# %%
config = DeepSpeech2Config(
    sample_rate=RATE,
    conv=(ConvConfig(channels=8, kernel=(11, 21), stride=(2, 4)),),  # over time, frequency
    recurrent="gru",
    layers=2,
    hidden=96,
)
model = DeepSpeech2(config, seed=0)
recogniser = Recogniser(model)
model.summary()

# %% [markdown]
# Read the table from above, for one second of sound. `output` is the shape of what each layer hands
# on, frames first: the convolution moves two frames at a time, so every frame after it stands for
# 20 ms. `parameters` counts the numbers that training may change. `sees` is how much sound one
# frame knows of: a short stretch after the convolution, everything after the first recurrent layer.
# The last layer has as many outputs as there are symbols, $V$: the letters, the space, the
# apostrophe, and one more, the **blank**, which stands for "no character now" and is written –
# here.
#
# The networks of the paper have the same parts, more and wider ones: up to 100 million parameters
# in its table of model sizes.

# %%
alphabet, features = config.alphabet(), Features(config)
symbols = "–" + config.characters  # the blank is symbol 0
print(f"V = {len(alphabet)} symbols: {symbols}")


def log_probabilities(samples):
    """Run the network on one sound; return ln p of each symbol in each frame, (T, V)."""
    x = features(samples)[None]  # (1, T, F): a minibatch of one
    model.set_training(False)
    logits, _ = model.forward(x, np.array([x.shape[1]]))
    return log_softmax(logits)[0]


log_p = log_probabilities(sound)  # (T, V)
print(f"{T} frames go in, {len(log_p)} come out, each with {log_p.shape[1]} probabilities;")
print(f"those of the first frame add up to {np.exp(log_p[0]).sum():.3f}")
print("it writes:", repr(greedy_decode(log_p[None], [len(log_p)], alphabet)[0]))

# %% [markdown]
# Nonsense, of course: its parameters are random numbers still.
#
# ## Something to learn from
#
# Whoever wants to learn needs examples: recordings, and what is said in them. We let many voices
# say one, two or three digits: four accents of English, sixteen speakers in each, every one of them
# sometimes slower, sometimes faster, higher or lower, with a larger or a smaller head (the
# recording is played a little too slowly or too fast).
#
# To see whether something is *learned* and not only memorised, we hold some recordings out: **other
# speakers**, and **other sequences** of digits, none of which is among those to learn from.

# %%
rng = np.random.default_rng(0)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = ("en", "en-us", "en-gb-scotland", "en-029")
WOMEN, MEN = ("f1", "f3", "Alicia", "Andrea", "Annie"), ("m1", "m2", "m4", "m5", "m8")
SPEAKERS = (*WOMEN, *MEN, "Denis", "Gene", "Marco", "boris", "pablo", "victor")
OTHERS = ("f2", "linda", "m3", "m6", "Michael")
folder = tempfile.TemporaryDirectory()


def draw_text():
    return " ".join(rng.choice(DIGITS, size=rng.integers(1, 4)))


def record(name, texts, speakers, smallest, largest):
    """Let the speakers say the texts in turn; write a file of each, return what we know of it."""
    voices = [f"{accent}+{speaker}" for accent in ACCENTS for speaker in speakers]
    utterances = []
    for i, text in enumerate(texts):
        voice = voices[i % len(voices)]
        rate = 50 * round(RATE / rng.uniform(smallest, largest) / 50)  # played at RATE afterwards
        speed, pitch = int(rng.integers(130, 200)), int(rng.integers(30, 70))
        samples = say(text, rate, voice, speed, pitch)
        path = Path(folder.name) / f"{name}_{i:03}.wav"
        soundfile.write(path, samples, RATE)
        utterances.append(Utterance(path, len(samples) / RATE, text, voice))
    return utterances


texts = [draw_text() for _ in range(600)]
to_learn = record("learn", texts, SPEAKERS, 0.87, 1.15)
new_texts = [text for text in (draw_text() for _ in range(240)) if text not in texts]
held_out = record("held_out", new_texts, OTHERS, 1.0, 1.0)

learn_set, held_out_set = Dataset(to_learn, model.config), Dataset(held_out, model.config)
minutes = sum(utterance.duration for utterance in to_learn) / 60
print(f"{len(learn_set)} recordings to learn from, {minutes:.0f} minutes; {len(held_out)} held out")

# %% [markdown]
# One of those that are held out, the one with most letters, shall be our example. We shall come
# back to it after each round.

# %%
example = int(np.argmax([len(utterance.text) for utterance in held_out]))
said = held_out[example].text
example_sound, _ = soundfile.read(held_out[example].audio_filepath, dtype="float32")
play(example_sound, RATE, f"held out: {said}")

# %% [markdown]
# ## Train it
#
# One step of training takes a *minibatch*, 16 recordings here. **Forward**: the network computes
# its probabilities. The **loss** of a recording says how improbable the network finds the right
# text, $-\ln p(\text{text} \mid \text{sound})$; it is 0 if it is sure of it. **Backward**: for every
# single parameter, by how much the loss would change if the parameter changed a little, its
# *gradient*. Then all parameters move a small step downhill.
#
# Nobody tells the network *when* in the recording a letter is said. That it learns nevertheless is
# the work of the loss, CTC, to which [chapter 05](05_ctc.ipynb) is devoted.


# %%
def learn(batch):
    """Take one step; return the sum of the losses."""
    model.zero_grads()
    logits, frames = model.forward(batch.x, batch.lengths)  # (N, T, V)
    loss, dlogits = ctc_loss(logits, batch.labels, frames, batch.label_lengths)  # (N,), (N, T, V)
    model.backward(dlogits / len(loss))  # the gradient of the mean loss
    optimiser.step()
    return float(loss.sum())


optimiser = SGD(model.params, model.grads, learning_rate=6e-3, momentum=0.95, max_norm=100)

# %% [markdown]
# One pass over all recordings is an *epoch*. After each we evaluate the recordings that are held
# out. The first epoch goes from short recordings to long ones, which the paper calls SortaGrad; and
# after each epoch the size of the steps is divided by 1.2, as in the paper.
#
# The columns: `loss` of what is learned from, averaged while the network changes, and of what is
# held out, measured after the epoch, which is why the second may be the smaller one at first;
# `blank` is the share of frames in which the blank is the most probable symbol; WER and CER are the
# shares of words and characters that are wrong, for which see below; then what the network writes
# for our example.
#
# Predict first: what will it learn before anything else, where the words begin and end, single letters, or
# whole words?

# %%
EPOCHS = 8
history, outputs = [], {}
print(f"{'':42}it was said: {said}")
print(f"{'epoch':5}{'loss':>8}{'held out':>10}{'blank':>7}{'WER':>6}{'CER':>6}  it writes")
for epoch in range(1, EPOCHS + 1):
    optimiser.learning_rate = 6e-3 / 1.2 ** (epoch - 1)
    model.set_training(True)
    loss = sum(learn(batch) for batch in prefetch(learn_set, learn_set.plan(epoch)))
    result = evaluate(recogniser, held_out_set)
    outputs[epoch] = np.exp(log_probabilities(example_sound))
    row = {"epoch": epoch, "train_loss": loss / len(learn_set), "dev_loss": result.loss}
    history.append(row | {"wer": result.wer, "cer": result.cer})
    print(
        f"{epoch:5}{row['train_loss']:8.2f}{result.loss:10.2f}{result.blank_share:7.0%}"
        f"{result.wer:6.0%}{result.cer:6.0%}  {result.hyps[example]}",
        flush=True,
    )

# %%
half = {
    what: next((row["epoch"] for row in history if row[what] < 0.5), None)
    for what in ("cer", "wer")
}
for what, name in (("cer", "characters"), ("wer", "words")):
    when = f"after epoch {half[what]}" if half[what] else "not in these epochs"
    print(f"more than half of the {name} are right: {when}")
if half["cer"] and half["wer"]:
    order = "before" if half["cer"] < half["wer"] else "no sooner than"
    print(f"It writes most letters right {order} most words.")

# %% [markdown]
# That was all. Everything that has moved here, forwards and backwards, is NumPy code written by
# hand, and the chapters build it, part by part.
#
# Look at the last column of the table. Nobody has told the network which letters go with which sound, nor
# that there are such things as words, and yet it comes to spell them. (Where there is no espeak-ng, a
# hum has taken the place of the voices, as a line near the top says, and there is nothing to be
# learned from it.)

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
plot_curves(history, axes)
show(
    figure,
    "Left, the loss over the epochs, of training and of the held out recordings: both fall "
    "steeply, then slowly. Right, the word and the character error rate of the held out "
    "recordings, which fall as well; that of words lies above that of characters.",
)

# %% [markdown]
# Be honest about what this is: a network that knows ten words, spoken by machines that are all
# relatives of each other, without any noise. That is why it can be trained so quickly. How narrow it
# is shows the package's demo, which is larger: of what voices of espeak-ng say that it has never heard,
# it writes 97 words of 100 correctly; of the same sentences by a voice of another program, one or two
# of ten. A network learns what its data varies, and these voices vary little. When a second program
# speaks as well, it writes two of three words of a third one's voice correctly
# (`python -m ds2np demo --voices all`). For real
# speech the walk is the same, and everything along it is larger: more speech, more voices, noise,
# wider and deeper layers, more time.
#
# ## What it says, frame by frame
#
# Here are the probabilities of all symbols over time for our example, after the first epoch and at
# the end. The grey area is the blank; a letter stands above each stretch of frames in which it is
# the most probable symbol.

# %%
shown = (1, EPOCHS)
figure, axes = plt.subplots(len(shown), 1, figsize=(8, 3.8), layout="constrained")
for axis, epoch in zip(axes, shown, strict=True):
    plot_probabilities(outputs[epoch], config.frame_ms, config.characters, axis)
    axis.set_title(f"after epoch {epoch}", loc="left")
show(
    figure,
    f"Two pictures of the probabilities of symbols over time while somebody says {said}: peaks of "
    "single letters and spaces, and the blank between some of them. In each picture the letters that "
    "are named at the peaks are what the network would write after that epoch.",
)

# %% [markdown]
# At the end each letter has its moment, some of them for several frames, and where there is nothing
# to write the blank is highest. How do we get from there to a text? We take the most probable symbol
# of each frame, which gives a *path*. Then we merge what is repeated, and last drop the blanks.
#
# ![A path of twelve symbols for the word three; the same with repeats merged, and with blanks
# dropped. A blank between the two letters e has kept them apart.](images/path_00_collapse.svg)
#
# The order of the two steps matters: the blank in "e–e" has to be there when repeats are merged, or
# nobody could ever write "three".

# %%
path = outputs[EPOCHS].argmax(axis=1)  # (T,), one symbol a frame
print("path:  ", "".join(symbols[k] for k in path).replace(" ", "␣"))
print("reads: ", read_path(path, alphabet))

# %% [markdown]
# If you find "thre" in a column above, or here: the network has heard the vowel and says e in all
# of its frames, with no blank in between. That blank stands for nothing that can be heard; it has to
# be learned from spelling alone.
#
# ### Exercise 00.1: from a path to the symbols of its text
#
# Write these two steps. The path is an array of $T$ numbers, 0 is the blank; return the numbers
# that are left, in order, as a list or an array. `[1, 1, 0, 2, 2]` gives `[1, 2]`; `[3, 0, 3]`
# gives `[3, 3]`, but `[3, 3]` gives `[3]`.
#
# Replace `raise NotImplementedError` by your code, run the cell, then run the check below it. What
# is correct is kept in a file of yours, `my_ds2np.py`, beside the folder of the chapters, and
# `python -m ds2np learn` says how far you are. No later cell needs your answer.
# [Solutions](solutions/00_ten_minutes.py) are apart.
#
# | name in code | type and shape | meaning |
# |---|---|---|
# | `path` | integers, (T,) | the most probable symbol of each frame; 0 is the blank |
# | result | integers, (L,) | the symbols of the text |


# %%
def collapse(path):
    """Merge repeats, drop blanks; path has the shape (T,), the answer (L,)."""
    raise NotImplementedError


# %%
check("00.1", collapse)

# %% [markdown]
# ## When each letter is said
#
# If we know what was said, we can ask the trained network when. `forced_align` finds the most
# probable of all paths that read as the text. `state_posterior` does not decide for one of them: it
# says for each letter, and for each blank around it, how probable it is that it is said in this
# frame.

# %%
labels = alphabet.encode(said)  # (L,), the numbers of the characters
log_p = log_probabilities(example_sound)
alignment = forced_align(log_p, labels)
assert read_path(alignment.path, alphabet) == said
posterior = state_posterior(log_p[None], labels[None], [len(log_p)], [len(labels)])[0]

states = [""] * (2 * len(labels) + 1)  # the blanks stay without a name
states[1::2] = said.replace(" ", "␣")

# %%
figure, axes = plt.subplots(2, 1, figsize=(8, 6), layout="constrained")
x = features(example_sound)  # (T, F)
times = alignment.times(config.frame_ms)
plot_spoken(x, said, times, config.stride_ms, RATE, axes[0])
plot_lattice(posterior, states, axes[1])
axes[1].tick_params(axis="y", labelsize=8, length=0)
show(
    figure,
    f"Above, the spectrogram of {said} with a line at the start of each letter, which stands above "
    "it. Below, how probable each letter is in each frame, given the text: a staircase that goes "
    "down from the upper left to the lower right.",
)

# %% [markdown]
# The letters of a word come in the order in which they are spelled, near where the word is heard.
# Do not take their times for exact: CTC asks for the right order only, and a letter may come
# earlier or later than its sound. How both functions work is told in [chapter 05](05_ctc.ipynb);
# the paper uses such alignments to cut long recordings into utterances.
#
# ## How wrong is it?
#
# Two sentences, what was said and what a recogniser wrote:
#
# | said | written | words wrong |
# |---|---|---|
# | the cat sat on the mat | the cat sat on mat | "the" is missing: 1 deletion |
# | two three four | to three or four | "two" is now "to": 1 substitution; "or" is new: 1 insertion |
#
# The **word error rate** (WER) is the number of these edits, of all sentences, divided by the
# number of words that were said, of all sentences. The **character error rate** (CER) is the same
# for characters, and a space is one of them: in the first sentence "the " is missing, 4 deletions;
# in the second one w is missing, and "or " is new: 1 deletion, 3 insertions.

# %%
refs = ["the cat sat on the mat", "two three four"]
hyps = ["the cat sat on mat", "to three or four"]

substitutions, deletions, insertions = 1, 1, 1
words = 6 + 3
wer_by_hand = (substitutions + deletions + insertions) / words
cer_by_hand = (4 + 1 + 3) / (len(refs[0]) + len(refs[1]))
print(f"by hand:      WER {wer_by_hand:.1%}, CER {cer_by_hand:.1%}")
print(f"the package:  WER {score.wer(refs, hyps):.1%}, CER {score.cer(refs, hyps):.1%}")
np.testing.assert_allclose(score.wer(refs, hyps), wer_by_hand)
np.testing.assert_allclose(score.cer(refs, hyps), cer_by_hand)

each = [score.wer([ref], [hyp]) for ref, hyp in zip(refs, hyps, strict=True)]
print(f"the mean of the two rates would be {np.mean(each):.1%}, which is something else")

# %% [markdown]
# To find the *fewest* edits is a task of its own when sentences are long. Let $d_{i,j}$ be the
# fewest edits that turn the first $i$ characters of what was said, $r$, into the first $j$ of what
# was written, $h$. The last edit deletes a character, inserts one, or pairs the two last ones:
#
# $$d_{i,j} = \min\bigl(d_{i-1,j} + 1,\;\; d_{i,j-1} + 1,\;\; d_{i-1,j-1} + [r_i \ne h_j]\bigr),
# \qquad d_{i,0} = i, \quad d_{0,j} = j,$$
#
# where $[r_i \ne h_j]$ is 1 if the two characters differ and 0 if they do not. For "two" and "to":

# %%
ref, hyp = "two", "to"
d = np.zeros((len(ref) + 1, len(hyp) + 1), int)
d[:, 0], d[0, :] = np.arange(len(ref) + 1), np.arange(len(hyp) + 1)
for i in range(1, len(ref) + 1):
    for j in range(1, len(hyp) + 1):
        pair = d[i - 1, j - 1] + (ref[i - 1] != hyp[j - 1])
        d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, pair)
print(d)
print(f"fewest edits: {d[-1, -1]}")
assert d[-1, -1] == round(score.cer([ref], [hyp]) * len(ref))

# %% [markdown]
# Small problems are solved first, and each larger one is put together from them: *dynamic
# programming*. The same idea turns CTC's sum over all paths from hopeless into quick.
#
# ### Exercise 00.2: the character error rate
#
# Write `cer(refs, hyps)` for two lists of texts: all edits divided by all characters of `refs`. For
# `["nine"]` and `["nene"]` it is 0.25, and for `["no"]` and `["no no no"]` it is 3. `hyps` may hold
# empty texts, `refs` does not. A space is a character like any other. [Solutions](solutions/00_ten_minutes.py) are apart.
#
# | name in code | type | meaning |
# |---|---|---|
# | `refs` | list of `str` | what was said |
# | `hyps` | list of `str`, as many | what was written |
# | result | `float` | all edits, divided by all characters of `refs` |


# %%
def cer(refs, hyps):
    """Compute the character error rate of lists of str; the answer is a float."""
    raise NotImplementedError


# %%
check("00.2", cer)

# %% [markdown]
# ## Hear where it errs
#
# Now the same for the recordings that are held out: two of those with the fewest errors, two of
# those with the most. Differences are marked: [said -> written], [- missing], [+ new].

# %%
result = evaluate(recogniser, held_out_set)
edits = result.word_edits
print(f"of {edits.length} words: {edits.substitutions} substitutions, ", end="")
print(f"{edits.deletions} deletions, {edits.insertions} insertions")
print(f"WER {edits.rate:.1%}, CER {result.cer:.1%}")
errors = [score.count_edits([alignment]).total for alignment in result.word_alignments]
order = np.argsort(errors, kind="stable")
for i in (*order[:2], *order[-2:]):
    print(f"\n{held_out[i].speaker}: {score.mark_differences(result.word_alignments[i])}")
    heard, _ = soundfile.read(held_out[i].audio_filepath, dtype="float32")
    play(heard, RATE, f"said: {result.refs[i]}; written: {result.hyps[i]}")

# %% [markdown]
# And words that it has never been taught? Predict first: will it spell them by their sound, will it write
# digits, or nothing?

# %%
never_taught = ("nineteen", "tree", "heaven", "good morning", "wonder", "fix")
written = []
for text in never_taught:
    log_p = log_probabilities(say(text, RATE, "en+f2"))
    written += greedy_decode(log_p[None], [len(log_p)], alphabet)
    print(f"{text:14} {written[-1]}")
right = sum(a == b for a, b in zip(never_taught, written, strict=True))
digits = sum(word in DIGITS for text in written for word in text.split())
words = sum(len(text.split()) for text in written)
print(
    f"{right} of {len(written)} are right; {digits} of the {words} words that it wrote are digits."
)

# %% [markdown]
# It makes do with the letters and sounds that it knows. What it has learned is how ten words sound, and not
# how English is spelled.

# %% [markdown]
# ## Your own recording
#
# Put the path of a recording between the quotation marks: WAV, FLAC, OGG or MP3, at any sampling
# rate. If there is none, the cell writes one, by a speaker who is in neither list, at 16,000
# samples a second, and transcribes that. Speak one to three digits, clearly, and do not expect
# much: this network has never heard a human being.

# %%
MY_FILE = ""

with tempfile.TemporaryDirectory() as other_folder:
    path = Path(MY_FILE or Path(other_folder) / "seven_two_nine.wav")
    if not MY_FILE:
        soundfile.write(path, say("seven two nine", 16_000, "en+grandma"), 16_000)
    print(path.name)
    print("word      from      to   confidence")
    for word in recogniser.transcribe(path).words:
        print(f"{word.text:8}{word.start:4.2f} s  {word.end:4.2f} s  {word.confidence:9.0%}")
    samples, rate = soundfile.read(path, dtype="float32")
play(samples if samples.ndim == 1 else samples.mean(axis=1), rate, path.name)

# %% [markdown]
# The confidence of a word is the mean probability of its letters, each where it is highest. It is not
# the probability that the word is right: a network can be sure of a mistake.
#
# Outside of a notebook two commands do all of this, with progress, checkpoints, a report and a
# network that is kept in a folder:
#
#     python -m ds2np train --train train.jsonl --dev dev.jsonl --preset tiny --out runs/mine
#     python -m ds2np transcribe runs/mine recording.wav
#
# `python -m ds2np demo` is the larger sister of this chapter: whole sentences, in minutes. The
# [README](../README.md) says how to train on real speech.

# %%
folder.cleanup()  # the recordings of this chapter are deleted; its network is in memory still

# %% [markdown]
# ## Which chapter explains what
#
# | step | in the package | chapter |
# |---|---|---|
# | sound to log spectrogram | [ds2np/audio](../ds2np/audio) | [01 Sound to spectrogram](01_sound.ipynb) |
# | `conv1` | [conv.py](../ds2np/layers/conv.py) | [02 Convolution](02_convolution.ipynb) |
# | `conv1_norm`, `output_norm` | [batchnorm.py](../ds2np/layers/batchnorm.py) | [03 Batch normalisation](03_batch_norm.ipynb) |
# | `gru1`, `gru2` | [gru.py](../ds2np/layers/gru.py) | [04 Recurrence](04_recurrence.ipynb) |
# | loss and alignment | [ds2np/ctc](../ds2np/ctc) | [05 CTC](05_ctc.ipynb) |
#
# They can be read in order or each by itself. In all of them you build the step by hand, on tiny
# numbers, check every gradient against finite differences, and then assert that the package
# computes the same.
#
# ## What the paper reports
#
# The recogniser of the paper has the same parts and the same loss. What differs is the size. It
# learned from 12,000 hours of English; with a hundredth of that, 120 hours, its error on the
# regular development set was 29.23 % WER, with all of it 8.46 % (the paper's table on data). On the
# clean test set of LibriSpeech the final system had 5.33 % of the words wrong, and the people who
# were asked to transcribe the same recordings 5.83 % (its table on human performance).
#
# Before, a recogniser was put together from an acoustic model, a dictionary of pronunciations and a language
# model, each built by itself by experts of a language. Deep Speech (Hannun and others, 2014) put one network
# in the place of most of it; Deep Speech 2 made the same recipe work for English and Mandarin.
#
# What can be seen at our size: a falling loss, letters that find their moments, spelling that is
# learned from examples. What cannot: how well the network copes with noise, accents and a
# vocabulary without limits; for that it takes real speech, and a lot of it.
#
# <details><summary><b>Why is the WER so much higher than the CER?</b> Think first, then look.
# </summary>
#
# One wrong letter makes a whole word wrong. "thre" for "three" is one edit in five characters, but
# one edit in one word. The reverse happens, too, if few words are wrong but each of them
# thoroughly.
# </details>
#
# <details><summary><b>Can the word error rate exceed 100 %?</b> Think first, then look.</summary>
#
# Yes: insertions count as well, and nothing limits them. Whoever writes "no no no" where "no" was
# said has two edits in one word, 200 %. And someone who writes nothing at all has only deletions:
# exactly 100 %.
# </details>
#
# ## Summary
#
# * Sound becomes a log spectrogram, $(T, F)$; the network turns it into probabilities of symbols in
#   each frame, $(T, V)$.
# * CTC needs no times, only texts. Training is forward, loss, backward, step, over and over again.
# * The best symbol of each frame, repeats merged and blanks dropped, is the text.
# * WER and CER count edits, over all texts together. Look at recordings that were held out.
#
# **In production** one would learn from thousands of hours, choose among many possible texts with a
# language model in place of taking the best symbol of each frame, and run the network while people
# are still speaking. The paper does all of this.
#
# **Further reading.** Amodei et al., *Deep Speech 2: End-to-End Speech Recognition in English and
# Mandarin*, 2016. Hannun et al., *Deep Speech: Scaling up end-to-end speech recognition*, 2014.
# Graves, Fernández, Gomez and Schmidhuber, *Connectionist Temporal Classification: Labelling
# Unsegmented Sequence Data with Recurrent Neural Networks*, 2006. Hannun, *Sequence Modeling with
# CTC*, Distill, 2017.
