# %% [markdown]
# # 16  Streaming and serving
#
# A recogniser that writes while somebody still speaks, and many people at once: what has to wait for what, what must be
# remembered from one piece of sound to the next, and how a queue decides what a hundred people wait.
#
# ![The network from sound to text, all of it framed.](images/network_16.svg)
#
# **You will be able to**
#
# * say where the milliseconds go between a sound and its letter, and which of them a faster machine would save;
# * cut a recording anywhere, and get from the pieces, to the last digit that counts, what the whole gives;
# * write the queue of the paper's Batch Dispatch, and say when it is better than waiting for a full batch;
# * predict at how many streams a server collapses, from two numbers that you measure;
# * say what weights of 16 bits lose, and where it would hurt.
#
# **You need** [chapter 04](04_recurrence.ipynb), its last sections above all; for one section the roofline of
# [chapter 11](11_fast.ipynb). **Reading time** 75 minutes.

# %%
import dataclasses
import itertools
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import lfilter

from ds2np.audio import Features
from ds2np.audio.normalisation import Moments
from ds2np.backend import one_blas_thread
from ds2np.bench.load import PIECE, Load
from ds2np.ctc import ctc_loss, forced_align
from ds2np.data.dataset import Dataset
from ds2np.evaluate import evaluate
from ds2np.layers import GRU, Conv1D, InputNorm, RowConv
from ds2np.layers.input_norm import PRIOR_FRAMES
from ds2np.layers.softmax import log_softmax
from ds2np.learn import check, play, show, toy
from ds2np.learn.sound import say
from ds2np.model import DeepSpeech2, DeepSpeech2Config, preset
from ds2np.model.checkpoint import load_checkpoint, save_checkpoint
from ds2np.optim import SGD
from ds2np.plots import plot_batches, plot_budget, plot_changes, plot_lines, plot_load
from ds2np.recogniser import Recogniser
from ds2np.serve.dispatcher import Dispatcher
from ds2np.serve.waiting import Waiting
from ds2np.streaming import Pauses, run_pieces
from ds2np.streaming.session import PIECE_MS
from ds2np.text import cer

# %% [markdown]
# ## The idea in one picture
#
# ![Three pieces of sound go down through convolution, recurrence and row convolution, and add to the text. Between two
# pieces each layer hands something over.](images/stream_16_pieces.svg)
#
# Sound comes piece by piece. Each piece goes down through the layers as a short recording would. But a layer that looks
# at several frames must not begin anew: it hands something over to the next piece, a few frames, or its state. That is all
# that streaming adds to the network, and it does not change a single weight. What it *needs* is a network that does not
# wait for the end: no direction runs backward, and only a few frames are looked at ahead of time.
#
# A server has many such streams. That is the second half of this chapter: one stream hardly uses the machine, a hundred
# use it well, and somebody has to decide who goes when.
#
# Nothing in this chapter has a backward pass: nobody learns while they listen.
#
# ## Where the milliseconds go
#
# A sound begins. When can its letter be written? An output frame of the network can be computed once all sound has arrived
# that it looks at. Counted from the beginning of the frame:
#
# * the spectrogram's **window** must be full;
# * a **convolution** with a kernel of $k$ frames looks $(k - 1)/2$ frames ahead. The frames of the second are those that
#   the first one's stride has left, twice as long;
# * the **row convolution** looks $\tau$ output frames ahead;
# * sound comes in **pieces**, and a frame waits until the piece is full that it needs last: the last frame of a piece does
#   not wait, the first one the longest;
# * then the network has to **compute**.
#
# Predict first: the package's preset for streams, `tiny-stream`, has a window of 20 ms every 10 ms, two convolutions with
# kernels of 11 frames, the first with a stride of 2, and $\tau = 10$. Pieces have 100 ms. Which of the five causes is the
# largest, and how long is the sum?

# %%
config = preset("tiny-stream")
rate = config.sample_rate
FOREVER = Pauses(pause=1e6, silence=1e6, limit=1e6, louder=0)  # a stream is one utterance
network = DeepSpeech2(config, seed=0)  # not trained: this is about time, not about letters
network.set_training(False)
recogniser = Recogniser(network)
TEXT = "those cats sat on the mat and then they slept until the evening"
sound = say(TEXT, rate, "en+f3")


def stream_by_hand(samples, step):
    """Push a sound bit by bit; return each output frame's wait and each piece's time, in ms."""
    session, waits, took = recogniser.start_session(pauses=FOREVER), [], []
    for begin in range(0, len(samples), step):
        session.push(samples[begin : begin + step])
        heard = 1000 * min(begin + step, len(samples)) / rate
        while piece := session.take():
            began = time.perf_counter()
            ((log_probs, state),) = run_pieces(network, recogniser.features, [piece])
            took.append(1000 * (time.perf_counter() - began))
            waits += [heard - (len(waits) + i) * config.frame_ms for i in range(len(log_probs))]
            session.give(piece, log_probs, state)
    return np.array(waits), took


with one_blas_thread():
    waits, took = stream_by_hand(sound, rate // 200)  # 5 ms at a time
least = sum(config.lookahead_ms.values())
print("looks ahead:", ", ".join(f"{cause} {ms:g} ms" for cause, ms in config.lookahead_ms.items()))
print(f"sum: {least:g} ms. Measured, frame by frame: {waits.min():g} to {waits.max():g} ms")
rest = PIECE_MS - config.frame_ms
as_said = least <= waits.min() and waits.max() <= least + rest + 5
print(f"{'Within' if as_said else 'Not within'} {least:g} to {least + rest:g} ms, "
      "plus the 5 ms in which we push.")  # fmt: skip
computing = statistics.median(took)
print(f"Computing a piece takes this machine {computing:.1f} ms.")

# %%
figure, axis = plt.subplots(figsize=(8, 2.7), layout="constrained")
plot_budget(
    config.lookahead_ms | {"rest of the piece": (0.0, rest), "computation": computing}, axis
)
show(
    figure,
    "Stairs from the beginning of a frame's sound to its letter: "
    + ", ".join(f"{cause} {ms:g} ms" for cause, ms in config.lookahead_ms.items())
    + f", the rest of the piece 0 to {rest:g} ms, computation about {computing:.0f} ms.",
)

# %% [markdown]
# Most of it is *listening*, not computing. A machine of infinite speed would save the last step of the stairs. Shorter
# pieces save some of the step above it, and make the last one dearer, as we shall see. The rest is in the architecture, and is
# paid for something: what it buys comes below.
#
# (Two things are missing. A text is read by people, who wait for the end of a *word*. And nobody tells the network in which
# frame of its sound to write a letter; that comes below, too.)
#
# ## Why two directions cannot stream
#
# Say the same sentence twice, and change the last second. Which output frames change? Three networks, none of them trained,
# since this is a matter of structure: one in both directions, one that runs forward only, and one that runs
# forward with a row convolution above. Predict first: for each network, which is the first frame that changes?

# %%
kinds = {
    "both directions": dataclasses.replace(config, bidirectional=True, lookahead=0),
    "row convolution": config,
    "forward only": dataclasses.replace(config, lookahead=0),
}
changed_at = len(sound) - rate
other_end = sound.copy()
other_end[changed_at:] = say("nobody has seen any of them", rate, "en+m3")[:rate]
changes = {}
for name, of_one in kinds.items():
    exact = DeepSpeech2(of_one, seed=0, dtype=np.float64)
    exact.set_training(False)
    outputs = []
    for samples in (sound, other_end):
        x = Features(of_one)(samples.astype(np.float64))
        outputs.append(exact.infer(x[None], np.array([len(x)]))[0][0])
    change = abs(outputs[0] - outputs[1]).max(axis=1)
    changes[name] = np.where(change > 1e-11, change, 0)  # smaller ones are rounding
ms = 1000 * changed_at / rate
print(f"The sound changes at {ms:.0f} ms.")
for name, change in changes.items():
    first = np.flatnonzero(change)[0] * config.frame_ms
    ahead = sum(kinds[name].lookahead_ms.values())
    fits = ms - ahead <= first < ms - ahead + config.frame_ms or (np.isinf(ahead) and first == 0)
    print(f"{name:16} looks {ahead:3.0f} ms ahead; first change in the frame at {first:4.0f} ms: "
          f"{'as its structure says' if fits else 'NOT as its structure says'}")  # fmt: skip

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
plot_changes(changes, config.frame_ms, ms, axes)
show(
    figure,
    "Change of the outputs over time, logarithmic, for three networks; a dashed line marks where the sound was "
    "changed. In both directions all frames change, the earlier the less. The other two have not changed at all until "
    "shortly before the line, the one with row convolution a fifth of a second earlier.",
)

# %% [markdown]
# In both directions, *every* frame changes, if only a little. So no frame can be final before the last sample has come, and
# cutting the recording gives other outputs than the whole. (Long recordings are cut all the same, with some seconds of
# overlap on either side; that is an approximation, and the picture shows why it is a good one.)
#
# The other two know exactly from which frame on nothing can change any more. That is what may be written.
#
# ## Pieces that give what the whole gives
#
# A layer for streams is a function of two things: the piece, and what was kept of all pieces before it, its **state**. It
# returns two things: the frames that can be computed now, and the state after. The convolution first, in loops.
# What does it keep? A window reaches over the border between two pieces; so it keeps the frames at which the
# next window begins, and those after them.


# %%
def conv_piece(x, kept, W, stride, last):
    """Convolve a piece x (T, D) that comes after the frames kept (K, D), with W (k, D, O)."""
    k, D, O = W.shape  # noqa: E741
    if kept is None:  # the utterance begins: the padding is the first state
        kept = np.zeros((k // 2, D))
    end = np.zeros((k // 2 if last else 0, D))
    frames = np.concatenate([kept, x, end])
    out, start = [], 0
    while start + k <= len(frames):  # the window is complete
        out.append(sum(frames[start + i] @ W[i] for i in range(k)))
        start += stride
    return np.array(out).reshape(-1, O), frames[start:]


def in_pieces(step, x, cuts):
    """Run step(piece, state, last) over x (T, D), cut at some places; return all outputs."""
    edges, state, outputs = [0, *cuts, len(x)], None, []
    for i, (begin, end) in enumerate(itertools.pairwise(edges)):
        out, state = step(x[begin:end], state, i == len(edges) - 2)
        outputs.append(out)
    return np.concatenate(outputs)


rng = np.random.default_rng(0)
T, D, H = 40, 3, 4
x = rng.standard_normal((T, D))
conv = Conv1D(D, H, 5, 2, rng, dtype=np.float64)
W = conv.params["W"]
whole = conv.forward(x[None], np.array([T]))[0]
for cuts in ([], [20], [1, 2, 3, 4], [7, 7, 30, 40], range(1, T)):
    parts = in_pieces(lambda *piece: conv_piece(*piece[:2], W, 2, piece[2]), x, cuts)
    np.testing.assert_allclose(parts, whole, atol=1e-12)
print(
    f"{len(whole)} frames of {T}, wherever the cuts are; also with empty pieces, or one frame each"
)

# %% [markdown]
# Look at the first lines: the zeros before an utterance *are* its first state. And at the last frame of a piece: if the window is
# not full, nothing is put out. The frames come later, never different.
#
# Now forget the state on purpose: zeros at each border, as if an utterance began there.

# %%


def forgets(piece, kept, last):
    return conv_piece(piece, None if kept is None else np.zeros_like(kept), W, 2, last)


for cuts in ([], [20], [13, 26]):
    wrong = abs(in_pieces(forgets, x, cuts) - whole).max(axis=1)
    print(f"cuts at {cuts!s:9} wrong output frames: {np.flatnonzero(wrong > 1e-9).tolist()}")

# %% [markdown]
# Wrong at the borders, and nowhere else: frame $t$ looks at inputs $2t - 2$ to $2t + 2$. A test with a single piece would
# have found nothing.
#
# ### Exercise 16.1: a recurrent layer over a piece
#
# The recurrence of chapter 04 has the simplest state of all: that after the last frame. Write it for several streams at
# once,
#
# $$h_t = f(x_t W + h_{t-1} U + b), \qquad f(a) = \min(\max(a, 0), 20),$$
#
# with `h` before the first frame of the piece. Return the states of all frames, and the one after the piece. A piece may have no
# frame at all ($T = 0$): then the state is what it was.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `x` | $x_t$ | float, (N, T, D) | the piece |
# | `h` | $h_0$ | float, (N, H) | the state before it |
# | `W`, `U`, `b` | $W$, $U$, $b$ | float, (D, H), (H, H), (H,) | weights |
# | first result | $h_t$ | float, (N, T, H) | the states of the piece |
# | second result | $h_T$ | float, (N, H) | the state after it |
#
# Replace `raise NotImplementedError` and run the cell below it. What is correct is kept in a file of yours,
# `my_ds2np.py`; `python -m ds2np learn` says how far you are. Solutions are
# [apart](solutions/16_streaming_and_serving.py).


# %%
def rnn_piece(x, h, W, U, b):
    """Return the states (N, T, H) of a piece and the state (N, H) after it."""
    raise NotImplementedError


# %%
check("16.1", rnn_piece)

# %% [markdown]
# ### Exercise 16.2: row convolution over a piece
#
# $$r_t = \sum_{j=0}^{\tau} W_j \, x_{t+j}$$
#
# element by element. It looks ahead only, so nothing is kept of the past; but the last $\tau$ frames cannot be computed yet.
# They are kept, and go before the next piece. With the last piece of an utterance, $\tau$ frames of zeros follow, everything
# comes out, and no frame is kept: (N, 0, H). While fewer than $\tau + 1$ frames are there, nothing comes out, and all
# are kept. $\tau$ may be 0.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `x` | | float, (N, T, H) | the piece |
# | `kept` | | float, (N, K, H) | the frames before it that wait; at the beginning K = 0 |
# | `W` | $W$ | float, (tau + 1, H) | weights; row $j$ for the frame $j$ steps ahead |
# | `last` | | bool | whether the utterance ends with the piece |
# | first result | $r_t$ | float, (N, M, H) | the frames that can be computed |
# | second result | | float, (N, K', H) | the frames that wait now |


# %%
def row_conv_piece(x, kept, W, last):
    """Return the frames that can be computed now, and those that have to be kept."""
    raise NotImplementedError


# %%
check("16.2", row_conv_piece)

# %% [markdown]
# ### The package's layers
#
# Each layer of the package has `forward_chunk(x, state, last)`, which returns output and state;
# [streaming.py](../ds2np/layers/streaming.py) has the window that convolution and row convolution share. A stack of layers has
# the dictionary of their states. Random cuts, for single layers in float64 and for the whole network in float32:

# %%
rng = np.random.default_rng(1)
gru, row = GRU(D, H, rng, dtype=np.float64), RowConv(D, 3, rng, dtype=np.float64)
for name, layer in {"convolution": conv, "GRU": gru, "row convolution": row}.items():
    layer.set_training(False)
    whole, worst = layer.forward(x[None], np.array([T]))[0], 0.0
    for _ in range(20):
        cuts = np.sort(rng.integers(0, T + 1, 6))
        parts = in_pieces(
            lambda piece, state, last, layer=layer: (
                (each := layer.forward_chunk(piece[None], state, last))[0][0],
                each[1],
            ),
            x,
            cuts,
        )
        assert parts.shape == whole.shape
        worst = max(worst, abs(parts - whole).max())
    print(f"{name:16} largest difference {worst:.0e}")

spoken = recogniser.features(sound)
outputs = network.infer(spoken[None], np.array([len(spoken)]))[0][0]


def run_network(piece, state, last):
    logits, state = network.forward_chunk(piece[None], state, last)
    return logits[0], state


worst = 0.0
for _ in range(5):
    cuts = np.sort(rng.integers(0, len(spoken) + 1, 12))
    worst = max(worst, abs(in_pieces(run_network, spoken, cuts) - outputs).max())
print(f"the network, {len(spoken)} frames, logits up to {abs(outputs).max():.1f}: {worst:.0e}")
print("Pieces give what the whole gives." if worst < 1e-5 * abs(outputs).max() else "They differ.")

# %% [markdown]
# What does a stream cost in memory? Predict first: which layer keeps the most numbers, and does it become more with the length
# of the stream?

# %%
states = None
for end in (100, 300):
    _, states = network.forward_chunk(spoken[None, end - 100 : end], states)


def arrays_of(state):
    """List the arrays of a state, which is None, an array, or a tuple of states."""
    if state is None:
        return []
    return [a for part in state for a in arrays_of(part)] if isinstance(state, tuple) else [state]


kept = {name: sum(each.nbytes for each in arrays_of(state)) for name, state in states.items()}
for name, size in kept.items():
    if size:
        shapes = ", ".join(str(each.shape[1:]) for each in arrays_of(states[name]))
        print(f"{name:12} {size / 1024:6.1f} KiB: {shapes}")
weights = network.flat_params.nbytes
print(
    f"{sum(kept.values()) / 1024:.0f} KiB a stream; the weights, {weights / 2**20:.1f} MiB, are shared by all"
)

# %% [markdown]
# The sizes are fixed, so a stream may last for hours. And they are small beside the weights: what limits the number of streams is
# not memory.
#
# Which state matters how much? Forget one at a time, once, in the middle, and look how far the outputs go wrong. Predict
# first: of which layer does the mistake end, and of which does it go on?


# %%
def blank_out(state):
    """Return zeros in the place of all arrays of a state."""
    if isinstance(state, tuple):
        return tuple(map(blank_out, state))
    return np.zeros_like(state)


middle = len(spoken) // 2
first, between = network.forward_chunk(spoken[None, :middle], None)
mistakes = {}
for name in ("row_conv", "conv2", "gru3", "input_norm"):
    forgot = between | {name: blank_out(between[name])}
    second, _ = network.forward_chunk(spoken[None, middle:], forgot, last=True)
    mistakes[name] = abs(np.concatenate([first[0], second[0]]) - outputs).max(axis=1)
for name, mistake in mistakes.items():
    wrong = np.flatnonzero(mistake > 1e-3 * mistake.max())
    of_end = mistake[-25:].mean() / mistake.max()
    print(f"{name:10} wrong in frames {wrong.min() - len(first[0]):3} to {wrong.max() - len(first[0]):3} "
          f"of the second half, at its end by {of_end:6.2%} of the most")  # fmt: skip
finite = [name for name, m in mistakes.items() if m[-25:].mean() < 0.01 * m.max()]
print("What was forgotten no longer matters at the end in:", ", ".join(finite) or "none")

# %%
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
seconds = (np.arange(len(outputs)) - len(first[0])) * config.frame_ms / 1000
plot_lines(
    {name: (seconds, np.maximum(m, 1e-6)) for name, m in mistakes.items()},
    axis,
    "",
    "time since the first frame of the second half (s)",
    "error of the logits",
)
axis.set(xlim=(-0.2, None), ylim=(1e-6, None))
show(
    figure,
    "Error of the outputs over time after one layer's state was forgotten in the middle. The row convolution's is "
    "a block of ten frames; that of convolution and recurrence is largest near the border and fades to nothing within one or "
    "two seconds; that of the normalisation of the input is still large at the end.",
)

# %% [markdown]
# A block that ends for the row convolution; a fading tail for everything from a recurrence down, since what went wrong goes on
# in its state; and an error that hardly fades for the normalisation of the input, which remembers all frames alike. So "it
# looks right again after a second" is no test: equality with the whole is.
#
# ## Features without the utterance
#
# Chapter 01 normalises each recording by its own mean: a microphone or a voice shifts the log spectrogram by a constant, and
# the mean takes it away. A stream has no mean yet. The package can normalise by the statistics of the *corpus*, or by
# **running** ones: those of the corpus, counted as $n_0$ frames, together with all frames so far,
#
# $$m_t = \frac{1}{n_0 + t} \sum_{i \le t} y_i, \qquad n_0 = 100,$$
#
# where $y$ is already normalised by the corpus, whose mean is thus 0. The paper, too, normalises adaptively in
# deployment.
#
# The same sentence, by the same voice, through two microphones: one as in the corpus, one that favours high tones. Good
# features are the same for both. Predict first: how much of the difference is left with each kind of normalisation, at the
# beginning, after one second, after five?

# %%
voices = ("en+f2", "en+m2", "en-us+f4", "en-gb-scotland+m4")
running_features = Features(config)
texts = (TEXT, "a dog is not a cat", "say it again in the morning", "seven blue birds")
corpus = [
    running_features.spectrogram(say(text, rate, voice)) for text in texts for voice in voices
]
moments = sum(map(Moments.of, corpus), Moments())
long = np.concatenate([say(text, rate, "en+f3") for text in texts * 2])
tilted = lfilter([1.0, -0.9], [1.0], long).astype(np.float32)


def normalised(samples, kind):
    """Return the features (T, F) of a recording, normalised in one of three ways."""
    of_kind = Features(dataclasses.replace(config, normalisation=kind))
    x = of_kind(samples)
    if kind == "utterance":
        return x
    layer = InputNorm(x.shape[1], running=kind == "running")
    layer.buffers["mean"][...], layer.buffers["std"][...] = moments.mean, moments.std
    return layer.forward(x[None], np.array([len(x)]))[0]


left_over = {}
for kind in ("utterance", "corpus", "running"):
    difference = normalised(long, kind) - normalised(tilted, kind)
    left_over[kind] = np.sqrt((difference**2).mean(axis=1))
smooth = {kind: np.convolve(each, np.full(50, 1 / 50), "valid") for kind, each in left_over.items()}
print("root mean square difference between the two microphones, in standard deviations")
print(f"{'':10}" + "".join(f"{'after ' + str(s) + ' s':>12}" for s in (0, 1, 5)))
for kind, each in smooth.items():
    print(f"{kind:10}" + "".join(f"{each[100 * s]:12.2f}" for s in (0, 1, 5)))
part = smooth["running"][100] / smooth["running"][0]
expected = PRIOR_FRAMES / (PRIOR_FRAMES + 100)
print(f"After a second {part:.0%} of the running kind's difference is left; "
      f"n0 / (n0 + 100) is {expected:.0%}.")  # fmt: skip
fell = smooth["running"][500] < 0.6 * smooth["corpus"][500]
print(
    "After five seconds the running statistics",
    "know" if fell else "do not know",
    "the microphone.",
)

# %%
figure, axis = plt.subplots(figsize=(7.5, 2.8), layout="constrained")
plot_lines(
    {kind: ((np.arange(len(each)) + 25) / 100, each) for kind, each in smooth.items()},
    axis,
    "",
    "time (s)",
    "difference (standard deviations)",
    log=False,
)
axis.set(ylim=(0, None))
show(
    figure,
    "Difference between the features of two microphones over time. By utterance it is small throughout; by corpus it "
    "stays large; by running statistics it begins as large as by corpus, and falls within some seconds.",
)

# %% [markdown]
# So the first second pays. A network that is *trained* with running statistics has heard such beginnings, which is why the
# package trains with what it will stream with. Loudness is treated likewise: power is normalised by that of the sound
# so far.
#
# ### Text that grows
#
# All that is in place now, so let us hear it write: the digits of chapter 00, with a network for streams, which learns two
# voices for a moment. The statistics of the corpus go into its first layer. A stream from Python has two methods, `push` and
# `finish`; `text` is what has been recognised so far. Predict first: the look-ahead is 170 ms. How
# long after its sound does a letter of "seven" come, and of "nine"?

# %%
folder = tempfile.TemporaryDirectory()
rng = np.random.default_rng(0)
files = toy.speak_digits(folder.name, 200, rng, ("f3", "m1"))
learn_files, test_files = files[:160], files[160:]
digits_config = dataclasses.replace(
    toy.CONFIG, layers=1, bidirectional=False, lookahead=5, normalisation="running"
)
digits = DeepSpeech2(digits_config, seed=0)
digits_reader = Recogniser(digits)
heard = [digits_reader.features.read(file.audio_filepath) for file in learn_files[:80]]
of_corpus = sum(map(Moments.of, heard), Moments())
digits.buffers["input_norm.mean"][...] = of_corpus.mean
digits.buffers["input_norm.std"][...] = of_corpus.std
losses = toy.train(digits, Dataset(learn_files, digits_config), 14, 1e-2, 1.12)
print(
    f"loss {losses[0]:.1f} to {losses[-1]:.1f};",
    evaluate(digits_reader, Dataset(test_files, digits_config)),
)

# %%
saying = say("seven two nine", toy.RATE, "en+f3", 160)
quiet = np.zeros(toy.RATE // 2, np.float32)
stream, written = digits_reader.stream(toy.RATE, FOREVER), []
for begin in range(0, len(saying) + len(quiet), toy.RATE // 10):
    stream.push(np.concatenate([saying, quiet])[begin : begin + toy.RATE // 10])
    if not written or stream.text != written[-1][1]:
        written.append((begin / toy.RATE + 0.1, stream.text))
for when, text in written:
    print(f"after {when:.1f} s: {text}")
last = "".join(transcript.text for transcript in stream.finish())
whole = digits_reader.transcribe(np.concatenate([saying, quiet])).text
print(f"the sound lasts {len(saying) / toy.RATE:.2f} s, with a little silence at its end")
print("the whole recording reads the same" if last == whole else f"the whole recording: {whole}")
play(saying, toy.RATE, "seven two nine")

# %% [markdown]
# ## What does looking ahead buy?
#
# The stairs above had one step of free choice, the row convolution's. Here is the demo's network, with about as many parameters in
# each row, trained by the same recipe: in both directions, forward with a row convolution, and forward only (by
# `tests/benchmarks/directions.py`). Predict first: in which order, and what does the 3-gram change?

# %%
# WER (%) of seeds 0, 1, 2, unheard voices: greedy, and by beam search with a 3-gram of words.
# By `python tests/benchmarks/directions.py FOLDER`.
MEASURED = {
    "both directions": {"greedy": (3.04, 3.83, 3.24), "3-gram": (0.59, 0.39, 0.59)},
    "row convolution": {"greedy": (4.42, 4.12, 4.32), "3-gram": (1.18, 0.98, 1.67)},
    "forward only": {"greedy": (7.85, 8.15, 7.95), "3-gram": (0.59, 1.28, 0.79)},
}

# %%
strides = (2, 2)  # the demo's
of_demo = {
    "both directions": kinds["both directions"],
    "row convolution": dataclasses.replace(config, lookahead=5).with_time_strides(strides),
    "forward only": kinds["forward only"].with_time_strides(strides),
}
means = {}
print(f"{'':16} looks ahead   WER, greedy (%)   with a 3-gram (%)")
for name, row in MEASURED.items():
    ahead = sum(of_demo[name].lookahead_ms.values())
    ahead = "to the end" if np.isinf(ahead) else f"{ahead:.0f} ms"
    greedy, with_lm = (", ".join(f"{rate:.1f}" for rate in rates) for rates in row.values())
    print(f"{name:16} {ahead:>11}   {greedy:15}   {with_lm}")
    means[name] = {way: float(np.mean(rates)) for way, rates in row.items()}
for way in ("greedy", "3-gram"):
    order = sorted(means, key=lambda name: means[name][way])
    print(f"{way}: best to worst: " + ", ".join(f"{n} {means[n][way]:.1f}" for n in order))
    for better, worse in itertools.pairwise(order):
        apart = max(MEASURED[better][way]) < min(MEASURED[worse][way])
        print(f"    {better} is below {worse} {'with every seed' if apart else 'on average only'}")

# %% [markdown]
# ### A network that waits by itself
#
# A network that must not look ahead has a way out. CTC asks for the letters in their order, not for their time. So it may
# simply *write later*. A riddle: four letters, each a sound of 100 ms, in noise. But the first 60 ms are the same for
# all four, so that nobody can know a letter earlier. Frames have 10 ms, and the networks are a single recurrent layer each, in
# both directions, forward with a row convolution of 8 frames, and forward only. Predict first: does each learn it? In which frame of
# its sound does each write a letter, and whose text is there first?

# %%
FRAME, COMMON, LONG = 10, 6, 10  # milliseconds; frames
one_layer = DeepSpeech2Config(
    mels=8, conv=(), layers=1, hidden=16, characters="abcd", bidirectional=False
)
RIDDLERS = {
    "both directions": dataclasses.replace(one_layer, bidirectional=True),
    "row convolution": dataclasses.replace(one_layer, lookahead=8),
    "forward only": one_layer,
}
patterns = np.random.default_rng(0).standard_normal((5, 8))  # of the beginning, and of each letter


def draw_riddles(rng, N, T=72, L=4):
    """Return x (N, T, 8), labels (N, L), and the first frame of each, (N, L)."""
    x, labels = 0.3 * rng.standard_normal((N, T, 8)), rng.integers(1, 5, (N, L))
    pauses = np.sort(rng.integers(0, T - L * (LONG + 3), (N, L)), axis=1)
    begins = pauses + np.arange(L) * (LONG + 3)
    for n, l in np.ndindex(N, L):  # noqa: E741
        begin = begins[n, l]
        x[n, begin : begin + COMMON] += patterns[0]
        x[n, begin + COMMON : begin + LONG] += patterns[labels[n, l]]
    return x.astype(np.float32), labels, begins


def learn_riddle(config, seed, steps=80, N=16):
    """Train a network; return its share of wrong letters, and when it writes a letter, in ms."""
    riddler, rng = DeepSpeech2(config, seed=seed), np.random.default_rng(seed)
    optimiser = SGD(riddler.params, riddler.grads, 0.03, momentum=0.9, max_norm=50)
    for _ in range(steps):
        x, labels, _ = draw_riddles(rng, N)
        riddler.zero_grads()
        logits, frames = riddler.forward(x, np.full(N, x.shape[1]))
        _, dlogits = ctc_loss(logits, labels, frames, np.full(N, labels.shape[1]))
        riddler.backward(dlogits / N)
        optimiser.step()
    riddler.set_training(False)
    x, labels, begins = draw_riddles(np.random.default_rng(99), 50)
    outputs = log_softmax(riddler.forward(x, np.full(50, x.shape[1]))[0])
    alphabet = config.alphabet()
    texts = [alphabet.decode([k for k, _ in itertools.groupby(row.argmax(axis=1).tolist()) if k])
             for row in outputs]  # fmt: skip
    wrong = cer([alphabet.decode(row) for row in labels], texts)
    starts = [forced_align(row, of_row).starts for row, of_row in zip(outputs, labels, strict=True)]
    return wrong, FRAME * float(np.mean(starts - begins))


with one_blas_thread():
    riddled = {
        name: [learn_riddle(of_one, seed) for seed in range(3)] for name, of_one in RIDDLERS.items()
    }

# %%
print(f"{'':16} wrong letters    written in the frame at (ms)   text is there after (ms)")
there = {}
for name, of_seeds in riddled.items():
    wrong, at = np.array(of_seeds).T
    needs = FRAME * (1 + RIDDLERS[name].lookahead)
    there[name] = np.inf if RIDDLERS[name].bidirectional else at.mean() + needs
    listed = "the end" if np.isinf(there[name]) else f"{there[name]:.0f}"
    print(f"{name:16} {', '.join(f'{e:.0%}' for e in wrong):16} "
          f"{', '.join(f'{each:.0f}' for each in at):>24} {listed:>25}")  # fmt: skip
at = {name: np.mean([each for _, each in of_seeds]) for name, of_seeds in riddled.items()}
late = at["forward only"] > at["row convolution"]
print("Without look-ahead it writes", "later." if late else "no later.", end=" ")
print(
    "Its text is there", "first." if there["forward only"] == min(there.values()) else "no sooner."
)

# %% [markdown]
# So a network without look-ahead waits by itself, and where the riddle is as short as here it loses nothing by it. A row convolution
# waits for $\tau$ frames always, even where the letter has long been clear. What it has for that are whole *states* of the
# future, which need not be remembered until the letter is written. Which of both is worth more in speech is a matter for the
# table above.
#
# ## One stream against many
#
# Now the machine. In each step a recurrent layer multiplies its state by $U$, (H, 3H) for a GRU. With $n$ streams, the
# states are (n, H), and chapter 11 has told what such a product can reach: flop for each byte that has to be fetched.
#
# $$I(n) = \frac{2\, n\, H \cdot 3H}{4\,(3 H^2 + n H + 3 n H)}$$
#
# Predict first: by how much more flop a byte with 10 streams than with one? With 100?

# %%
H = config.hidden


def intensity(n, bytes_per_weight=4):
    """Count flop a byte of h U for n streams, state and result in float32."""
    return 2 * n * H * 3 * H / (bytes_per_weight * 3 * H * H + 4 * (n * H + 3 * n * H))


for n in (1, 10, 100):
    print(
        f"{n:3} streams: {intensity(n):5.1f} flop a byte; with weights of 16 bits {intensity(n, 2):5.1f}"
    )
print(f"The weights of a GRU layer: {network.params['gru2.U'].nbytes / 1024:.0f} KiB for U alone")

# %% [markdown]
# One stream alone fetches each weight for a single multiplication. So ten streams should cost hardly more than one, until the
# arithmetic becomes the limit. That is the theory of $U$; a whole piece has more to it: calls of Python, features, convolutions,
# a softmax, and states that have to be put together and cut apart again. We measure a piece of 100 ms, for $n$ streams in one batch. Predict
# first: the time *per stream* at 100, as a share of that of one alone?


# %%
def later_piece(samples):
    """Return a piece from the middle of a stream, with the state before it."""
    session = recogniser.start_session(pauses=FOREVER)
    session.push(samples)
    for _ in range(5):
        piece = session.take()
        ((log_probs, state),) = run_pieces(network, recogniser.features, [piece])
        session.give(piece, log_probs, state)
    return session.take()


piece = later_piece(sound)
counts, times = (1, 2, 5, 10, 20, 50, 100), {}
with one_blas_thread():
    for _ in range(7):  # in turn, so that other load meets all alike
        for n in counts:
            began = time.perf_counter()
            run_pieces(network, recogniser.features, [piece] * n)
            times.setdefault(n, []).append(1000 * (time.perf_counter() - began))
cost = {n: statistics.median(each) for n, each in times.items()}
weight = 1 / np.array([*cost.values()])  # all points count alike, relative to their size
per_stream, per_batch = np.polyfit([*cost], [*cost.values()], 1, w=weight)
for n, ms in cost.items():
    print(
        f"{n:3} streams: {ms:6.1f} ms, {ms / n:5.2f} ms each, as a line {per_batch + n * per_stream:6.1f} ms"
    )
print(f"A batch costs about {per_batch:.1f} ms, and each stream in it {per_stream:.2f} ms.")
share = cost[100] / 100 / cost[1]
print(f"At 100, a stream costs {share:.0%} of what it costs alone.")

# %% [markdown]
# Two numbers describe the machine: $a$ for a batch and $b$ for each stream in it,
#
# $$c(n) = a + b\,n.$$
#
# They are all that a queue has to know. But first: is it right to put streams together that have begun at different times?
# Their states have the same shapes, so they fit (`join_states` and `split_state` in
# [streaming.py](../ds2np/layers/streaming.py)); only the first and the last piece of an utterance have others, and go
# apart. It is this chapter's form of padding: what stands beside a stream changes nothing.

# %%
several = [say(text, rate, voice) for text, voice in zip(texts, voices, strict=True)]
sessions = [recogniser.start_session(pauses=FOREVER) for _ in several]
logs, most = [[] for _ in several], 0
for turn in range(80):
    for i, (session, samples) in enumerate(zip(sessions, several, strict=True)):
        begin = 1600 * (turn - 2 * i)  # stream i begins 0.2 i seconds later
        if begin >= 0:
            session.push(samples[begin : begin + 1600])
        if len(samples) <= begin + 1600 and begin >= 0:
            session.finish()
    while taken := [(i, piece) for i, s in enumerate(sessions) if (piece := s.take())]:
        most = max(most, len({piece.kind for _, piece in taken}))
        results = run_pieces(network, recogniser.features, [piece for _, piece in taken])
        for (i, piece), (log_probs, state) in zip(taken, results, strict=True):
            logs[i].append(log_probs)
            sessions[i].give(piece, log_probs, state)
worst = 0.0
for samples, parts in zip(several, logs, strict=True):
    x = recogniser.features(samples)
    whole, _ = recogniser.log_probs(x[None], np.array([len(x)]))
    worst = max(worst, abs(np.concatenate(parts) - whole[0]).max())
print(
    f"{len(several)} streams of other lengths and beginnings, up to {most} kinds of pieces at a time:"
)
print(f"largest difference from each alone, and whole: {worst:.0e}")
assert worst < 1e-4

# %% [markdown]
# ## The queue
#
# Pieces arrive, from many streams, each at its own time. One machine. Three ways to serve them:
#
# * **one at a time**, in the order in which they come;
# * **full batches**: wait until ten are there, then run them together, as one does in training;
# * **eager batches**: whenever the machine is free, take all that wait, be it one or fifty.
#
# The third one is the paper's **Batch Dispatch**. It has no parameter to choose. With few streams the machine is mostly free, so a
# piece goes alone and at once. With many, pieces gather while a batch runs, and the next one is larger: the batch grows by itself
# with the load.
#
# ### Exercise 16.3: the eager queue
#
# Write it with a clock of its own: no thread, no waiting. One machine; as soon as it is free, all pieces that have
# arrived by then go in one batch, at most as many as there are `costs`, those that came first. A piece that arrives at the very
# moment at which the machine becomes free is there. If nothing waits, the machine idles until the next arrival. All pieces of a
# batch are finished when it ends.
#
# With `arrivals` of 0, 1, 2 and `costs` of 4, 5, 6, the first piece goes alone and ends at 4; the other two go together, and end
# at 9. So the results are `[4, 9, 9]` and `[1, 2]`.
#
# | name in code | type and shape | meaning |
# |---|---|---|
# | `arrivals` | float, (n,) | when each piece arrives, in order, at least 0; n may be 0 |
# | `costs` | float, (most,) | `costs[k - 1]` is the time of a batch of k pieces |
# | first result | float, (n,) | when each piece is finished |
# | second result | list of int | the sizes of all batches, in order |


# %%
def eager_queue(arrivals, costs):
    """Return when each piece is finished, (n,), and a list of the batches' sizes."""
    raise NotImplementedError


# %%
check("16.3", eager_queue)

# %% [markdown]
# ### Exercise 16.4: a percentile
#
# A mean hides those who wait. A server is judged by a high percentile: "98 % of the answers came within 80 ms".
#
# There are several definitions; ours is the *nearest rank*. The percentile $p$ of $n$ latencies is the smallest one of them
# such that at least $p$ % of all $n$ are no larger than it. It is always one of the latencies, nothing between two; for
# $p = 0$ it is the smallest one. Pieces that were never answered have an infinite latency, and count like all others.
#
# | name in code | symbol | type and shape | meaning |
# |---|---|---|---|
# | `latencies` | | float, (n,) | at least one, in any order |
# | `percent` | $p$ | `int` | from 0 to 100 |
# | result | | `float` | one of the latencies |


# %%
def percentile(latencies, percent):
    """Return the smallest latency that at least percent % of all do not exceed."""
    raise NotImplementedError


# %%
check("16.4", percentile)

# %% [markdown]
# ### Three ways, by the same clock
#
# The package's queue, [waiting.py](../ds2np/serve/waiting.py), knows no time and no threads: pieces are added, and the next batch is
# taken. So a simulation can use the very same one. The machine of the simulation is made up, so that the result is the same
# everywhere: a batch costs 4 ms, and each stream in it 0.5 ms. Pieces come up
# to 20 ms late, as over the internet.


# %%
class FullBatches(Waiting):
    """A queue that waits until a batch is full."""

    def __len__(self):
        waits = super().__len__()
        return waits if waits >= self.most else 0

    def next(self):
        return super().next() if len(self) else ([], [])


def arrivals_of(streams, seconds=10.0):
    """Return when pieces arrive, in seconds: one every 100 ms of each stream, 0 to 20 ms late."""
    rng, rounds = np.random.default_rng(streams), round(seconds / PIECE)
    begins = rng.uniform(0, PIECE, streams)
    late = rng.uniform(0, 0.02, (rounds, streams))
    return np.sort((begins + PIECE * np.arange(rounds)[:, None] + late).ravel())


def simulate(waiting, arrivals, cost):
    """Serve pieces; return their latencies and the batches, (begin, end, size), in seconds."""
    coming, now, latencies, batches = deque(arrivals), 0.0, [], []
    while coming or len(waiting):
        if not len(waiting):
            now = max(now, coming[0])
        while coming and coming[0] <= now:
            waiting.add_piece(coming.popleft())
        batch, _ = waiting.next()
        if batch:
            batches.append((now, now + cost(len(batch)), len(batch)))
            now = batches[-1][1]
            latencies += [now - came for came in batch]
    return np.array(latencies), batches


def made_up(size):
    return 0.004 + 0.0005 * size


ways = {
    "one at a time": lambda: Waiting(1),
    "full batches of 10": lambda: FullBatches(10),
    "eager": lambda: Waiting(128),
}

# %%
figure, axes = plt.subplots(3, 1, figsize=(8.5, 3.6), sharex=True, layout="constrained")
arrivals, drawn = arrivals_of(30), {}
for name, queue in ways.items():
    _, batches = simulate(queue(), arrivals[arrivals < 1.1], made_up)
    drawn[name] = [
        (1000 * begin - 500, 1000 * end - 500, size) for begin, end, size in batches
        if end > 0.5 and begin < 0.65
    ]  # fmt: skip
shown = 1000 * arrivals[(arrivals > 0.5) & (arrivals < 0.65)] - 500
plot_batches(drawn, shown, axes)
axes[0].set_xlim(0, 150)
show(
    figure,
    "Thirty streams, 150 ms, in three rows. Strokes above mark when pieces arrive; bars show the batches with their sizes. One at "
    "a time: bars of 1 without a gap. Full batches: a few bars of 10 with gaps between them. Eager: bars of one to a few pieces, with gaps.",
)

# %% [markdown]
# Predict first: for 1, 10, 30 and 100 streams, which of the three has the lowest median latency, and which the highest
# 98th percentile? Which of them breaks down, and when?

# %%
COUNTS = (1, 2, 5, 10, 15, 20, 25, 30, 50, 75, 100, 150, 180)


def load_of(latencies, batches, batch, streams):
    sizes = np.array([size for *_, size in batches])
    together = float(sizes[sizes > 1].sum() / sizes.sum())
    p50, p98 = (float(np.quantile(latencies, q, method="inverted_cdf")) for q in (0.5, 0.98))
    return Load(batch, streams, p50, p98, together, 1.0)


simulated = {
    name: [load_of(*simulate(queue(), arrivals_of(n), made_up), 10, n) for n in COUNTS]
    for name, queue in ways.items()
}
print("median and 98th percentile (ms)")
print(
    f"{'streams':>7}"
    + "".join(f"{name:>22}" for name in simulated)
    + "   in batches of two or more"
)
for i, n in enumerate(COUNTS):
    cells = [f"{1000 * of[i].median:12.1f} {1000 * of[i].p98:9.1f}" for of in simulated.values()]
    print(f"{n:7}" + "".join(cells) + f"{simulated['eager'][i].together:15.0%}")
lowest = [min(of[i].p98 for of in simulated.values()) for i in range(len(COUNTS))]
good = [load.p98 < 1.02 * p98 for load, p98 in zip(simulated["eager"], lowest, strict=True)]
print(f"Eager has the lowest 98th percentile, within 2 %, at {sum(good)} of {len(COUNTS)} loads.")
alone_max = PIECE / made_up(1)
tens = 10 * PIECE / made_up(10)
print(
    f"One at a time can serve {alone_max:.0f} streams: {1000 * PIECE:.0f} ms / {1000 * made_up(1):.1f} ms;",
    end=" ",
)
print(f"tens {tens:.0f}: 10 x {1000 * PIECE:.0f} ms / {1000 * made_up(10):.1f} ms.")
at_10 = simulated["eager"][COUNTS.index(10)].together
print(
    f"With 10 streams {at_10:.0%} of the work is in batches of two or more; the paper: more than half."
)

# %%
figure, axis = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
curves = {}
for name, of_one in simulated.items():
    curves[f"{name}, median"] = list(COUNTS), [1000 * load.median for load in of_one]
    curves[f"{name}, 98 %"] = list(COUNTS), [1000 * load.p98 for load in of_one]
looks = zip(("o:", "s:", "^--", "v--", "o-", "s-"), ("white", "black") * 3, strict=True)
for (name, curve), (look, fill) in zip(curves.items(), looks, strict=True):
    axis.plot(*curve, look, color="black", mfc=fill, ms=4, lw=1, label=name)
axis.set(xlabel="streams", ylabel="latency in 10 s (ms)", yscale="log", ylim=(3, 2e4))
axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
show(
    figure,
    "Simulated latencies over the number of streams, logarithmic. Full batches begin at a second and fall with the load. One at a "
    "time begins at 5 ms and jumps to seconds above 22 streams. Eager begins at 5 ms as well and rises slowly up to 180 streams.",
)

# %% [markdown]
# Full batches punish *few* users: with one stream, ten pieces take a second to gather. One at a time punishes many. Eager is
# as good as either where it is good, and lasts longer. (A batch that costs nearly the same whatever its size would let the waiting pay; but who
# waits for a full batch has to know the load in advance.)
#
# What share of the work is in batches depends on how fast the machine is, too: a fast one is free again before the next piece
# comes, and has nothing to gather. So a low share at 10 streams is no fault. Between eager and full lies a third way: the
# package's server begins a batch of pieces at most every 20 ms, unless all open streams wait already (`serve --gather`; 0 is
# the paper's eager way). That costs up to 20 ms, and leaves half of the processor to others when there are some streams.
#
# ### The real one
#
# [dispatcher.py](../ds2np/serve/dispatcher.py) puts a thread around this queue: it owns the network, and answers with futures.
# `python -m ds2np serve` adds WebSockets and HTTP, in a process of their own ([remote.py](../ds2np/serve/remote.py)): Python
# runs one thread at a time, and with both in one process, each message would wait for the network to let go. Here it runs
# in the notebook: streams as in life, each sending 100 ms of sound every 100 ms, for a second and a half. The latency is the
# time from the last sample of a piece to its answer. Predict first, from your machine's $a$ and $b$: how many streams can
# it serve one at a time, and eagerly?

# %%
noise = np.random.default_rng(0).uniform(-0.1, 0.1, (50, round(PIECE * rate))).astype(np.float32)


def put_under_load(most, streams, seconds=1.5):
    """Serve some streams in real time, at most so many in a batch; return the `Load`."""
    sizes, latencies, begins = [], [], np.random.default_rng(streams).uniform(0, PIECE, streams)
    dispatcher = Dispatcher(
        recogniser, Waiting(most), told=lambda kind, size, took: sizes.append((0, took, size))
    )
    dispatcher.start()
    opened = [dispatcher.ask("open", None, False, FOREVER) for _ in range(streams)]
    numbers = [each.result() for each in opened]
    rounds = range(1, round(seconds / PIECE) + 1)
    due = sorted((begins[i] + PIECE * k, k, i) for i in range(streams) for k in rounds)
    start = time.perf_counter()
    for when, k, i in due:
        time.sleep(max(0.0, start + when - time.perf_counter()))

        def done(_, when=when):
            latencies.append(time.perf_counter() - start - when)

        answer = dispatcher.ask("hear", numbers[i], noise[(i + k) % len(noise)])
        if k > 1:  # the first 100 ms have no whole piece yet
            answer.add_done_callback(done)
    dispatcher.stop()  # when all is done
    return load_of(latencies, sizes, most, streams)


real = []
for most in (1, 128):
    for streams in (1, 4, 10, 20, 40):
        real.append(put_under_load(most, streams))
        name = "one at a time" if most == 1 else "eager"
        print(f"{name:14} {streams:3} streams: median {1000 * real[-1].median:6.1f} ms, "
              f"98 % {1000 * real[-1].p98:6.1f} ms, {real[-1].together:4.0%} in batches")  # fmt: skip
        if real[-1].p98 > 0.5:
            break
limit = {1: 1000 * PIECE / cost[1], 128: max((1000 * PIECE - per_batch) / per_stream, 0)}
for most, name in ((1, "one at a time"), (128, "eagerly")):
    held = [load.streams for load in real if load.batch == most and load.p98 < PIECE]
    print(f"{name}: 98 % within 100 ms up to {max(held, default=0)} streams, of those tried; "
          f"a and b predict at most {limit[most]:.0f}")  # fmt: skip

# %% [markdown]
# The prediction is a bound: it counts the network alone. The thread also decodes and answers, and here those who send
# share the interpreter with it.
#
# ## The load, and the collapse
#
# Why does it not get slowly worse, but break? Let a piece cost $s$ and let $n$ streams send one every $P$ seconds. The
# **utilisation** is $\rho = n s / P$, the share of the time in which the machine works. If arrivals are random and the cost is
# always the same, the mean wait before being served is that of Pollaczek and Khinchine,
#
# $$\text{wait} = \frac{\rho\, s}{2\,(1 - \rho)}.$$
#
# At $\rho = 0.5$ that is half a service time; at 0.9, 4.5 of them; at 0.99, 50. Beyond 1 there is no mean: in each second
# $\rho$ seconds of work arrive, so that after $t$ seconds the wait is about $(\rho - 1)\,t$, and grows for as long as people speak. In
# batches, all $n$ streams have to be through in one period: $a + b\,n < P$, instead of $n\,(a + b) < P$.
#
# We check it with 200,000 random arrivals, served one at a time. When does the piece $i$ end? When it has arrived and the one
# before it has ended, plus $s$ (Lindley's recursion); without a loop, it is a running maximum.

# %%
s, rng = 1.0, np.random.default_rng(0)
print(
    "utilisation   wait, simulated   Pollaczek and Khinchine   after 10,000 pieces, after 200,000"
)
for rho in (0.25, 0.5, 0.8, 0.9, 1.1):
    arrivals = np.cumsum(rng.exponential(s / rho, 200_000))
    started = np.maximum.accumulate(arrivals - s * np.arange(len(arrivals))) + s * np.arange(
        len(arrivals)
    )
    wait = started - arrivals
    formula = f"{rho * s / (2 * (1 - rho)):.2f}" if rho < 1 else "none"
    print(f"{rho:11.2f} {wait.mean():17.2f} {formula:>25} {wait[9_000:10_000].mean():22.1f} "
          f"{wait[-1000:].mean():14.1f}")  # fmt: skip

# %% [markdown]
# Streams are not quite random: each comes once in a period, so there are no great crowds, and the curve stays low up to the very edge. That
# makes the collapse more sudden, not less.
#
# The same of a whole server, with sockets and another process that plays the clients. `python -m ds2np bench --serve RUN --json
# FILE` puts it under load as the paper's figure shows it: the median and the 98th percentile over the number of streams. Predict first: where
# do the two solid lines begin to rise, and the two dotted ones?

# %%
# By `python -m ds2np bench --serve RUN --speech MANIFEST`, for the run of `demo --stream` and its test
# sentences; two cores.
MEASURED_LOAD = [
    {"batch": 1, "streams": 1, "median": 0.011, "p98": 0.018, "together": 0.00, "answered": 1.0},
    {"batch": 1, "streams": 10, "median": 0.022, "p98": 0.060, "together": 0.00, "answered": 1.0},
    {"batch": 1, "streams": 12, "median": 0.031, "p98": 0.230, "together": 0.00, "answered": 1.0},
    {"batch": 1, "streams": 14, "median": 0.714, "p98": 1.061, "together": 0.00, "answered": 1.0},
    {"batch": 128, "streams": 1, "median": 0.012, "p98": 0.020, "together": 0.00, "answered": 1.0},
    {"batch": 128, "streams": 10, "median": 0.026, "p98": 0.054, "together": 0.92, "answered": 1.0},
    {"batch": 128, "streams": 12, "median": 0.028, "p98": 0.054, "together": 0.95, "answered": 1.0},
    {"batch": 128, "streams": 14, "median": 0.028, "p98": 0.055, "together": 0.96, "answered": 1.0},
    {"batch": 128, "streams": 20, "median": 0.030, "p98": 0.059, "together": 0.99, "answered": 1.0},
    {"batch": 128, "streams": 30, "median": 0.034, "p98": 0.076, "together": 1.00, "answered": 1.0},
    {"batch": 128, "streams": 45, "median": 0.042, "p98": 0.088, "together": 1.00, "answered": 1.0},
    {"batch": 128, "streams": 60, "median": 0.076, "p98": 0.171, "together": 1.00, "answered": 1.0},
    {"batch": 128, "streams": 75, "median": 0.702, "p98": 1.103, "together": 1.00, "answered": 1.0},
]

# %%
loads = MEASURED_LOAD
for batch in sorted({load["batch"] for load in loads}):
    rows = [load for load in loads if load["batch"] == batch]
    held = [load["streams"] for load in rows if load["p98"] < PIECE and load["answered"] == 1]
    name = "one at a time" if batch == 1 else "in batches"
    print(f"{name}: 98 % within {1000 * PIECE:.0f} ms up to {max(held, default=0)} streams")
together = [load for load in loads if load["batch"] > 1 and load["streams"] == 10]
for load in together:
    half = "more" if load["together"] > 0.5 else "less"
    print(
        f"With 10 streams {load['together']:.0%} of the work is in batches of two or more: {half} than half."
    )
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
plot_load(loads, axes)
show(
    figure,
    "Left, median and 98th percentile of the latency over the number of streams, logarithmic: one at a time they rise "
    "steeply at a smaller number of streams than in batches. Right, the share of the work in batches of two or more, which grows "
    "with the number of streams.",
)

# %% [markdown]
# ## Half precision
#
# For one stream the time goes into fetching weights. So the paper's deployment keeps them in 16 bits, with kernels of its own for
# small batches: half the bytes. What is lost? A float16 has 10 bits behind the leading one, and exponents from -14 to 15.
# Predict first: what is its distance to the next number near 0.05, as the weights are? What does 70,000 become, and
# 1 / 100,000,000?

# %%
for value in (0.05, 1.0, 20.0, 2048.0, 60000.0):
    gap = float(np.spacing(np.float16(value)))
    gap_single = float(np.spacing(np.float32(value)))
    print(
        f"near {value:8g}: the next float16 is {gap:.2g} away, {gap / value:.2%}; float32 {gap_single:.1g}"
    )
with np.errstate(over="ignore"):
    print("70000 becomes", np.float16(70000), "- 1e-8 becomes", np.float16(1e-8), "- 2049 becomes",
          np.float16(2049))  # fmt: skip

# %% [markdown]
# Relative errors of up to $2^{-11}$, 0.05 %, are nothing beside what training leaves to chance. Dangerous are two other
# things: numbers beyond 65,504, and *sums*: at 2,048 the gap is 2, so adding 1 changes nothing any more. That is why only the
# *weights* are stored in 16 bits, and the products are added in 32. A sum of 4,000 products, in three ways:

# %%
rng = np.random.default_rng(0)
h, w = rng.uniform(0, 20, 4000), rng.uniform(0, 0.1, 4000)
exact = float(h @ w)
single = float(h.astype(np.float32) @ w.astype(np.float16).astype(np.float32))
total = np.float16(0)
for product in h.astype(np.float16) * w.astype(np.float16):
    total = np.float16(total + product)
print(f"exact {exact:.3f}")
print(f"weights of 16 bits, sum in 32: {single:.3f}, wrong by {abs(single / exact - 1):.3%}")
print(f"all in 16 bits:                {float(total):.3f}, wrong by {abs(total / exact - 1):.3%}")

# %% [markdown]
# The package's `python -m ds2np export RUN OUT --half` writes matrices in float16, and the rest, statistics and biases, in float32;
# a weight that does not fit is an error, not an infinity. We do it to the network that has learned the digits. Predict first: how much smaller
# is the file, and how many of its letters change?

# %%
model, sizes = digits, {}
for name, half in (("32 bits", False), ("16 bits", True)):
    path = Path(folder.name) / f"{name}.npz"
    save_checkpoint(path, model, {}, half=half)
    sizes[name] = path.stat().st_size
rounded, _, _ = load_checkpoint(path)
print(f"size: {sizes['16 bits'] / sizes['32 bits']:.0%} of that in 32 bits")
readers = [Recogniser(model), Recogniser(rounded)]
largest, margin, texts_of = 0.0, [], ([], [])
for file in test_files:
    x = readers[0].features.read(file.audio_filepath)
    both = [reader.log_probs(x[None], np.array([len(x)]))[0] for reader in readers]
    largest = max(largest, abs(np.exp(both[0]) - np.exp(both[1])).max())
    top = np.sort(both[0][0], axis=1)[:, -2:]
    margin.append(top[:, 1] - top[:, 0])
    for texts_of_one, reader, log_probs in zip(texts_of, readers, both, strict=True):
        texts_of_one.append(reader.decode(log_probs, np.array([log_probs.shape[1]]))[0].text)
differ = sum(a != b for a, b in zip(*texts_of, strict=True))
print(f"largest change of a probability: {largest:.4f}")
print(f"texts that differ: {differ} of {len(test_files)}")
close = np.mean(np.concatenate(margin) < 0.01)
print(f"frames whose two best symbols are closer than 0.01 in ln p: {close:.2%}")
folder.cleanup()
worth = sizes["16 bits"] < 0.55 * sizes["32 bits"] and differ <= len(test_files) / 20
print("Half the size for hardly a letter." if worth else "Not for nothing.")

# %% [markdown]
# On a CPU, NumPy has no fast float16, so the package computes in float32 there, and gains the size alone. On a GPU
# `transcribe --precision half` reads the 16 bits themselves, by a kernel for products of up to eight rows
# ([small_product.py](../ds2np/kernels/small_product.py)), as the paper does.
#
# ## Try it
#
#     python -m ds2np demo --stream                   # trains a network that can stream
#     python -m ds2np serve demo-stream/run           # then open http://127.0.0.1:8080
#     python -m ds2np bench --serve demo-stream/run   # the curve of your machine
#
# The page has a microphone: it sends pieces of sound, and writes what has been recognised so far while you
# speak. (The demo's network has heard synthetic voices only, saying sentences of a small grammar: be lenient.)
#
# ## What the paper reports
#
# The deployed system runs forward only, with a row convolution above its recurrent layers, and normalises its features
# adaptively. Batch Dispatch gathers what waits as soon as the GPU is free; with 10 concurrent streams more than half of the work is
# done in batches of two or more. Weights are in half precision, with kernels for small batches. Its figure shows the latency of the
# median and of the 98th percentile over the number of streams, as ours does.
#
# What cannot be seen at our size: a network of tens of millions of parameters does not fit into a cache, so that for it the cost of a batch,
# $a$, is fetching weights, where ours is mostly calls of Python. The shape of the curves is the same, and so is the reason.
#
# A word of history: queues were first calculated for telephone exchanges, by A. K. Erlang in Copenhagen in 1909.
#
# **Production systems** today stream with the same two ideas. Their networks look at a bounded future: a transducer with
# recurrent layers that run forward (He and others 2019, on telephones, with weights of 8 bits), or attention over chunks with a
# fixed number of frames ahead (Shi and others 2021). And they batch eagerly: servers of large language models let requests join and
# leave the batch between two steps (Yu and others 2022), for the very reason of this chapter: a weight that has been
# fetched should serve all who wait.
#
# ## Summary
#
# * Most of a stream's latency is sound that has to arrive: window, convolutions, row convolution, the rest of the piece. A faster
#   machine saves the last step only.
# * A layer for streams takes a state and returns one. The padding is the first state. Pieces give what the whole gives, or there is a
#   mistake.
# * Two directions depend on the last sample everywhere. A row convolution depends on $\tau$ frames; without it, the network
#   may wait by itself.
# * $c(n) = a + b\,n$: one at a time a machine holds $P / (a + b)$ streams, in batches $(P - a) / b$.
# * Take all that waits whenever the machine is free. Judge by a high percentile. Beyond $\rho = 1$ the latency grows for as
#   long as people speak.
# * 16 bits are enough for weights, not for sums.
#
# ## Further reading
#
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * A. K. Erlang: *The theory of probabilities and telephone conversations*, 1909. D. V. Lindley: *The theory of queues with a
#   single server*, 1952.
# * Y. He and others: *Streaming end-to-end speech recognition for mobile devices*, ICASSP 2019.
# * Y. Shi and others: *Emformer: efficient memory transformer based acoustic model for low latency streaming speech
#   recognition*, ICASSP 2021.
# * G.-I. Yu and others: *Orca: a distributed serving system for transformer-based generative models*, OSDI 2022.
# * In the package: [session.py](../ds2np/streaming/session.py), [network.py](../ds2np/streaming/network.py),
#   [streaming.py](../ds2np/layers/streaming.py), [waiting.py](../ds2np/serve/waiting.py),
#   [dispatcher.py](../ds2np/serve/dispatcher.py), [load.py](../ds2np/bench/load.py).
