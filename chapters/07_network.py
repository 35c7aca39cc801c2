# %% [markdown]
# # 07  The whole network
#
# The parts are built and each is checked. Now we put them together as a configuration says, check
# the whole, let it learn four utterances by heart, train it on recordings, and learn to read its
# report.
#
# ![The network from sound to text, all of it framed.](images/network_07.svg)
#
# **You will be able to**
#
# * assemble the network from a configuration, and say the shape and the lengths after each layer;
# * count its parameters with pencil and paper;
# * check the gradient of everything at once, and read from the check *which* layer is wrong;
# * test a set-up in seconds, before you train for hours;
# * read the curves of a run, and tell a learning rate that is too large from one that is not.
#
# **You need** chapters 02 to 05: convolution, batch normalisation, recurrence, CTC; we use them as
# finished parts. Of chapter 06, the idea of a step against the gradient. **Reading time** 60 minutes.

# %%
import contextlib
import dataclasses
import io
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import soundfile

from ds2np.ctc import ctc_loss
from ds2np.data.batches import make_batch
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import Utterance
from ds2np.decode.greedy import greedy_decode as real_greedy_decode
from ds2np.gradcheck import check_model
from ds2np.layers import Bidirectional, ClippedReLU, Conv1D, Linear, SeqBatchNorm, SimpleRNN
from ds2np.learn import check, play, show, toy
from ds2np.learn.sound import has_voice
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config, preset
from ds2np.model.run_folder import RunFolder
from ds2np.optim import SGD
from ds2np.plots import plot_curves, plot_health
from ds2np.train.config import TrainingConfig
from ds2np.train.history import read_history
from ds2np.train.run import train

# %% [markdown]
# If you have real speech at hand, put the path of a folder that is laid out like a subset of
# LibriSpeech (`SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt`, recordings beside it) between the
# quotation marks. The section on training then takes some of it; without, it takes digits spoken by
# synthetic voices. Everything before that section is the same.

# %%
CORPUS = ""

# %% [markdown]
# ## The idea in one picture
#
# ![A row of layers from the spectrogram to the loss. Solid arrows carry arrays from left to right,
# their shapes above; the convolution halves the frames. Dashed arrows carry gradients of the same
# shapes back, and each layer leaves the gradients of its
# parameters.](images/stack_07_shapes.svg)
#
# Each layer takes an array and hands on another. On the way forward it keeps what it will need; on
# the way back it takes the gradient by its output, adds the gradient by its own parameters to what is
# there, and hands on the gradient by its input. No layer knows its neighbours. All that the network
# adds is the order.

# %% [markdown]
# ## A configuration
#
# A configuration is a handful of plain values, from which everything else follows. Ours is the
# paper's simplest kind: one convolution over time, recurrent layers of the simple kind in two
# directions, a linear layer. The input has 24 mel bands, so $F = 24$.

# %%
config = DeepSpeech2Config(
    sample_rate=toy.RATE,
    mels=24,
    conv=(ConvConfig(channels=128, kernel=(11,), stride=(2,)),),
    recurrent="rnn",
    layers=2,
    hidden=128,
)
V = len(config.alphabet())  # and the blank
print(f"F = {config.features}, V = {V}")

# %% [markdown]
# ### Build it
#
# We make a list of names and layers. Each has to know the width of what comes in, which is the
# width of what went out before. Four things are worth a look. The convolution has no bias, since
# the normalisation behind it shifts. The recurrent layers contain their own normalisation, of
# $W x_t$ alone. What leaves them is a sum of two directions that nothing has normalised, so one
# more normalisation stands before the output. And the output's bias favours the blank from the
# start, nine to one, which spares the network most of the plateau of chapter 05.


# %%
def build(config, rng, dtype):
    layers, width = {}, config.features
    for i, conv in enumerate(config.conv, start=1):
        (kernel,), (stride,) = conv.kernel, conv.stride
        layers[f"conv{i}"] = Conv1D(width, conv.channels, kernel, stride, rng, dtype=dtype)
        layers[f"conv{i}_norm"] = SeqBatchNorm(conv.channels, dtype=dtype)
        layers[f"conv{i}_relu"] = ClippedReLU()
        width = conv.channels
    for i in range(1, config.layers + 1):
        layers[f"rnn{i}"] = Bidirectional(SimpleRNN, width, config.hidden, rng, dtype=dtype)
        width = config.hidden  # the two directions are added
    layers["output_norm"] = SeqBatchNorm(width, dtype=dtype)
    layers["output"] = Linear(width, len(config.alphabet()), rng, dtype=dtype)
    layers["output"].params["b"][0] = np.log(9 * len(config.characters))  # the blank's
    return layers


ours = build(config, np.random.default_rng(0), np.float32)
model = DeepSpeech2(config, seed=0)
assert list(ours) == list(model.sublayers)
for name, layer in ours.items():
    for param, value in layer.params.items():
        np.testing.assert_array_equal(value, model.params[f"{name}.{param}"])
print("the package builds the same: the same layers, the same initial weights")

# %% [markdown]
# The same generator, asked in the same order, gives the same weights; that is why a seed and a
# configuration are enough to say what a network began with.
#
# ### Forward
#
# Two utterances of unequal length. `lengths` goes along: a convolution of stride 2 halves it. The
# padding is filled with garbage on purpose.

# %%
rng = np.random.default_rng(1)
lengths = np.array([50, 33])
x = rng.standard_normal((2, 50, config.features)).astype(np.float32)  # (N, T, F)
x[1, 33:] = 1e3  # no frame of the second utterance


def forward(layers, x, lengths):
    for name, layer in layers.items():
        x, lengths = layer.forward(x, lengths), layer.out_lengths(lengths)
        print(f"{name:12} {x.shape!s:14} {lengths}")
    return x, lengths


print(f"{'input':12} {x.shape!s:14} {lengths}")
logits, frames = forward(ours, x, lengths)
expected, expected_frames = model.forward(x, lengths)
np.testing.assert_array_equal(logits, expected)
np.testing.assert_array_equal(frames, expected_frames)
assert not logits[1, frames[1] :].any()  # exactly 0 where nobody speaks

# %% [markdown]
# The network's first axis is utterances, the second frames, all the way. Whatever stands in the
# padding, the output there is 0. Does the garbage change anything elsewhere? And, in evaluation,
# does it matter who else is in the minibatch?

# %%
tidy = x.copy()
tidy[1, 33:] = 0
np.testing.assert_array_equal(model.forward(tidy, lengths)[0], expected)
model.set_training(False)
together = model.forward(x, lengths)[0]
alone = model.forward(x[1:, :33], lengths[1:])[0]
np.testing.assert_allclose(together[1, : frames[1]], alone[0], atol=1e-4)
model.set_training(True)
print("neither the padding nor the neighbour has any influence")

# %% [markdown]
# ### Exercise 07.1: lengths through a stack
#
# Write what becomes of `lengths` in a stack of convolutions. Each of them is a tuple `(kernel,
# stride, padding)`, in frames; with `padding` zeros at either end, an utterance of $n$ frames leaves
# $\lfloor (n + 2 \cdot \text{padding} - \text{kernel}) / \text{stride} \rfloor + 1$ of them, but
# never fewer than 0. `out_lengths([50, 33], ((11, 2, 5), (11, 1, 5)))` gives `[25, 17]`; without any
# convolution the lengths stay as they are.
#
# | name in code | type and shape | meaning |
# |---|---|---|
# | `lengths` | integers, (N,) | real frames of each utterance |
# | `convolutions` | tuple of `(kernel, stride, padding)` | each in frames, in forward order |
# | result | integers, (N,) | the frames that are left behind all of them |
#
# What is correct is kept in your own file, `my_ds2np.py`, for the end of this chapter.
# [Solutions](solutions/07_network.py) are apart.


# %%
def out_lengths(lengths, convolutions):
    """Return the lengths, (N,), behind all of the convolutions, a tuple of tuples of three int."""
    raise NotImplementedError


# %%
check("07.1", out_lengths)

# %% [markdown]
# ## Where the parameters are
#
# With $C$ filters of $K$ frames over $F$ features, $H$ hidden units and $V$ symbols:
#
# | layer | parameters | how many |
# |---|---|---|
# | convolution | $W$ | $K F C$ |
# | its normalisation | $\gamma, \beta$ | $2 C$ |
# | recurrent layer of input width $D$ | $W$, shared by both directions | $D H$ |
# | | $U$, one for each direction | $2 H^2$ |
# | | $\gamma, \beta$ | $2 H$ |
# | output normalisation | $\gamma, \beta$ | $2 H$ |
# | output | $W, b$ | $H V + V$ |


# %%
def count(config):
    """Count parameters of networks of this kind: 1D convolution, simple recurrence, shared W."""
    total, width = 0, config.features
    for conv in config.conv:
        total += conv.kernel[0] * width * conv.channels + 2 * conv.channels
        width = conv.channels
    for _ in range(config.layers):
        total += width * config.hidden + 2 * config.hidden**2 + 2 * config.hidden
        width = config.hidden
    for _ in range(config.dense):  # fully connected layers, each with its normalisation
        total += width * config.hidden + 2 * config.hidden
        width = config.hidden
    total += 0 if config.dense else 2 * width
    return total + width * V + V


assert count(config) == model.count_parameters() == sum(p.size for p in model.params.values())
print(f"{count(config):,} parameters")
model.summary()

# %% [markdown]
# The table is for one second of sound. Look at the last column: after the convolution a frame knows
# of a tenth of a second; after the first recurrent layer it knows of everything.
#
# The paper's table of depth compares networks of like size, the deeper the narrower. As presets of
# the package they are of our kind, so our pencil counts them, without making them. Predict first: where are
# most of their parameters, in $U$ or elsewhere?

# %%
shares = {}
for name in ("paper-5-1", "paper-5-3", "paper-7-5", "paper-9-7"):
    big = preset(name)
    shares[name] = big.layers * 2 * big.hidden**2 / count(big)
    print(f"{name}: {big.hidden:5} wide, {count(big) / 1e6:5.1f} million, {shares[name]:4.0%} in U")
most = [name for name, share in shares.items() if share > 0.5]
print(f"More than half of the parameters are in U: {', '.join(most) or 'in none of them'}.")

# %% [markdown]
# <details><summary><b>What does it save that both directions share W, and what does it assume?</b>
# Think first, then look.</summary>
#
# It saves one matrix of $D \times H$ in each layer, a quarter of its weights where $D = H$ (three
# matrices in place of four). The assumption: what is worth noticing in a frame does not depend on
# the direction from which one comes. What to *remember* of it does, and each direction has a $U$ of
# its own. Whether the assumption costs accuracy cannot be seen from the count; one would have to
# train both.
# </details>
#
# ## Backward
#
# The layers once more, the last one first. Nothing else is needed: the chain rule is the order.


# %%
def backward(layers, dout):
    for layer in reversed(layers.values()):
        dout = layer.backward(dout)
    return dout


labels, label_lengths = np.array([[3, 5, 5, 7], [9, 4, 0, 0]]), np.array([4, 2])
loss, dlogits = ctc_loss(logits, labels, frames, label_lengths)
for layer in ours.values():
    layer.zero_grads()
dx = backward(ours, dlogits)

model.zero_grads()
model.forward(x, lengths)
np.testing.assert_array_equal(model.backward(dlogits), dx)
for name, layer in ours.items():
    for param, grad in layer.grads.items():
        np.testing.assert_array_equal(grad, model.grads[f"{name}.{param}"])
print(f"dx {dx.shape}; on the padding {np.abs(dx[1, 33:]).max():.0f}")

# %% [markdown]
# The gradient does not stop at the parameters of the first layer: `dx` says how the loss would
# change with every number of the spectrogram. Training throws it away. Chapter 10 uses it, to ask the
# network what it listens to.
#
# How large is what arrives at each layer? Too small at the bottom, and the lower layers learn
# nothing; too large, and a step tears them apart. Predict first: on its way down from the output, does the
# gradient of a weight become larger or smaller?

# %%
norms = {name: np.linalg.norm(grad) for name, grad in model.grads.items()}
weights = [name for name in norms if name.endswith((".W", ".U"))]
figure, axis = plt.subplots(figsize=(7, 2.6), layout="constrained")
sizes = [norms[name] / np.sqrt(model.params[name].size) for name in weights]
axis.bar(weights, sizes, color="0.6", edgecolor="black")
axis.set(ylabel="gradient of a weight, rms", xlabel="from the input to the output", ylim=(0, None))
show(
    figure,
    "Bars of the root mean square gradient of a single weight, in the order of the layers: "
    + ", ".join(f"{name} {size:.2f}" for name, size in zip(weights, sizes, strict=True)),
)

# %%
ratio = sizes[0] / sizes[-1]
trend = "larger" if ratio > 1.25 else "smaller" if ratio < 0.8 else "neither larger nor smaller"
print(
    f"From the output's weights to those of the first layer it becomes {trend} ({ratio:.2f} times)."
)

# %% [markdown]
# ### Exercise 07.2: the backward pass of a stack
#
# `layers` is a dict, in forward order, from each layer's name to a function: given the gradient by
# the layer's output, it returns the gradient by its input, and a dict of the gradients by its
# parameters. Return the gradient by the input of the whole stack, and one dict of all gradients under
# full names: for `{"output": f}` with `f(dout)` equal to `(dx, {"W": dW})`, return
# `(dx, {"output.W": dW})`. [Solutions](solutions/07_network.py) are apart.
#
# | name in code | type and shape | meaning |
# |---|---|---|
# | `dout` | array of the output's shape | the gradient by the output of the last layer |
# | `layers` | `dict` from name to function | each takes a `dout` and returns `(dx, grads)` |
# | first result | array of the input's shape | the gradient by the input of the first layer |
# | second result | `dict` | all gradients of parameters, such as `"output.W"` |


# %%
def stack_backward(dout, layers):
    """Return dx and a dict of gradients such as "output.W"; dout has the output's shape."""
    raise NotImplementedError


# %%
check("07.2", stack_backward)

# %% [markdown]
# ## Check everything at once
#
# Every layer has passed its own check. That the *whole* is right does not follow: layers could be
# put together in the wrong order, lengths could be off by one, the loss could hand down the gradient
# of something else. So we check again from end to end: for each parameter, and each number of the
# spectrogram, move it by $\pm 10^{-5}$, run everything, and compare the change of the CTC loss with
# what the backward pass says.
#
# This takes two forward passes for each number, so the network is tiny, and in float64. One
# utterance is shorter, its labels have equal neighbours.

# %%
tiny_config = DeepSpeech2Config(
    sample_rate=1000,
    mels=4,
    characters=" ab",
    conv=(ConvConfig(channels=3, kernel=(3,), stride=(2,)),),
    recurrent="rnn",
    layers=2,
    hidden=3,
)


def check_tiny(spoil=None):
    """Check a tiny network, with one layer spoilt on purpose if asked for."""
    rng = np.random.default_rng(3)
    tiny = DeepSpeech2(tiny_config, seed=3, dtype=np.float64)
    if spoil:
        spoil(tiny.sublayers)
    x = rng.standard_normal((2, 12, 4))
    labels, label_lengths = np.array([[2, 3, 3], [1, 2, 0]]), np.array([3, 2])
    return check_model(tiny, x, np.array([12, 9]), labels, label_lengths)


results = check_tiny()
for result in results:
    print(result)
    assert result.ok

# %% [markdown]
# All of it, down to the spectrogram `x`, agrees. The errors are scaled by the largest gradient of
# each array. Now we spoil one layer in the middle: the second recurrent layer is made to hand down
# a gradient that is a tenth too small. Its own parameters are not touched by that. Predict first: which
# lines of the list will be wrong now?


# %%
def spoil_rnn2(layers):
    right = layers["rnn2"].backward
    layers["rnn2"].backward = lambda dout: 0.9 * right(dout)


spoilt = check_tiny(spoil_rnn2)
for result in spoilt:
    print(result)
wrong = {result.name for result in spoilt if not result.ok}
below = {"x", *(r.name for r in spoilt if r.name.startswith(("conv1", "rnn1")))}
assert wrong == below

# %% [markdown]
# Read such a list from the output downwards. Above the fault all is right. What is wrong begins just
# *below* it: the highest wrong parameter is in `rnn1`, so it is the layer above, `rnn2`, that hands
# down something wrong. With the parameters of one layer wrong and nothing else, that layer computes
# their gradient wrongly but its `dx` rightly.
#
# Would the network have learned with that fault? Probably, and somewhat worse, and nobody would ever
# have known. A wrong gradient does not raise an error.

# %% [markdown]
# ## Four utterances by heart
#
# The next test costs seconds and finds what a gradient check cannot: labels that belong to other
# recordings, a spectrogram of silence, a learning rate that does nothing. A network of so many
# parameters must be able to learn four utterances by heart, until the loss is almost 0. If it
# cannot, no amount of data will help. Predict first: after how many steps will it write all four?

# %%
rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
(Path(folder.name) / "digits").mkdir()
digits = toy.speak_digits(Path(folder.name) / "digits", 400, rng)
held_out_digits = toy.speak_digits(
    Path(folder.name) / "digits", 60, rng, toy.OTHER_SPEAKERS, sizes=(1.0, 1.0)
)
model = DeepSpeech2(config, seed=0)
alphabet = config.alphabet()
four = make_batch(Dataset(digits[:4], model.config), np.arange(4))
sound, rate = soundfile.read(digits[0].audio_filepath)
play(sound, rate, digits[0].text)

# %%
optimiser = SGD(model.params, model.grads, learning_rate=4e-3, momentum=0.9, max_norm=100)
curve, all_right = [], None
for step in range(81):
    model.zero_grads()
    logits, frames = model.forward(four.x, four.lengths)
    loss, dlogits = ctc_loss(logits, four.labels, frames, four.label_lengths)
    model.backward(dlogits / 4)
    optimiser.step()
    curve.append(loss.mean())
    written = real_greedy_decode(logits, frames, alphabet)
    if written == [utterance.text for utterance in digits[:4]] and all_right is None:
        all_right = step
    if step % 20 == 0:
        print(f"step {step:2}  loss {curve[-1]:6.2f}  {written}")
print("         it was said:", [utterance.text for utterance in digits[:4]])
when = (
    "never in these steps" if all_right is None else f"for the first time after {all_right} steps"
)
print(f"all four are written without a mistake {when}")
assert curve[-1] < 0.5 or not has_voice()  # where a hum takes the voices' place, all is uncertain

# %%
figure, axis = plt.subplots(figsize=(6, 2.6), layout="constrained")
axis.semilogy(curve, color="black")
axis.set(xlabel="step", ylabel="loss (nats an utterance)")
axis.grid(alpha=0.3)
show(
    figure,
    f"The loss on four utterances over {len(curve)} steps, on a logarithmic axis. It falls from "
    f"{curve[0]:.0f} to {curve[-1]:.2f}.",
)

# %% [markdown]
# The package has this as a command for data of your own, with a verdict at the end:
#
#     python -m ds2np train --train train.jsonl --out runs/test --overfit 4
#
# One fault shows here at once. Suppose the convolutions took too large strides: then an utterance
# has fewer frames than its transcript needs, one for each label and one more between equal
# neighbours, and no path can read as the transcript. The probability is 0, the loss infinite.

# %%
hasty = dataclasses.replace(config, conv=(ConvConfig(channels=16, kernel=(11,), stride=(16,)),))
hasty_model = DeepSpeech2(hasty, seed=0)
logits, frames = hasty_model.forward(four.x, four.lengths)
loss, dlogits = ctc_loss(logits, four.labels, frames, four.label_lengths)
for n in range(4):
    print(f"{frames[n]:3} frames, {four.label_lengths[n]:2} labels: loss {loss[n]:.1f}")
lost = frames < four.label_lengths
assert np.isinf(loss[lost]).all()
assert not dlogits[lost].any()

# %% [markdown]
# An infinite loss has the gradient 0 here, so that the other utterances are not lost with it.
# `Dataset` refuses such an utterance by name before anything is computed.
#
# ### Exercise 07.3: from scores to texts
#
# Write the last step of the network. In each *real* frame of an utterance take the symbol with the
# highest score; merge repeats, then drop the blanks, which are symbol 0; symbol $k$ is
# `characters[k - 1]`. Let words be separated by one space each, with none at either end
# (`" ".join(text.split())`). The best symbols `[2, 2, 0, 3, 1, 1]` with `characters = " ab"` give
# `"ab"`: the space at the end goes. [Solutions](solutions/07_network.py) are apart.
#
# | name in code | type and shape | meaning |
# |---|---|---|
# | `log_probs` | float, (N, T, V) | scores of each symbol; garbage behind the end of an utterance |
# | `lengths` | integers, (N,) | real frames of each utterance |
# | `characters` | `str` of V - 1 | the symbols 1, 2, ... |
# | result | list of N `str` | the texts |


# %%
def greedy_decode(log_probs, lengths, characters):
    """Return a list of N str; log_probs is (N, T, V), lengths (N,), characters a str of V - 1."""
    raise NotImplementedError


# %%
check("07.3", greedy_decode)

# %% [markdown]
# ## Train it
#
# Now the package's own trainer, as `python -m ds2np train` runs it. A `TrainingConfig` says all that
# decides what comes out. It writes a *run*: a folder with the configuration, checkpoints, a history
# of one row an epoch, and a report.


# %%
def read_corpus(root, most=400, longest=10.0):
    """Read what is laid out like LibriSpeech; hold out the last tenth, by speaker."""
    utterances = []
    for transcripts in sorted(Path(root).rglob("*.trans.txt")):
        for line in transcripts.read_text(encoding="utf-8").splitlines():
            name, _, text = line.partition(" ")
            path = transcripts.with_name(f"{name}.flac")
            seconds = soundfile.info(path).duration if path.exists() else longest
            if seconds < longest:
                utterances.append(Utterance(path, seconds, text, name.partition("-")[0]))
    assert len(utterances) > 1, f"{root} holds no SPEAKER/CHAPTER/*.trans.txt with short recordings"
    last = utterances[-max(1, len(utterances) // 10)].speaker  # and all who come after
    known = [u for u in utterances if u.speaker < last]
    if not known:  # a single speaker: hold out what is said last
        cut = len(utterances) * 9 // 10
        return utterances[:cut][:most], utterances[cut:][: most // 5]
    return known[:most], [u for u in utterances if u.speaker >= last][: most // 5]


network, epochs = config, 7
to_learn, held_out = digits, held_out_digits
if CORPUS:
    network, epochs = dataclasses.replace(config, sample_rate=16_000, mels=40, layers=3), 15
    to_learn, held_out = read_corpus(CORPUS)
minutes = sum(utterance.duration for utterance in to_learn) / 60
print(f"{len(to_learn)} recordings to learn from, {minutes:.0f} minutes; {len(held_out)} held out")
good = TrainingConfig(epochs=epochs, batch_size=16, learning_rate=6e-3, anneal=1.2, momentum=0.95)


def run(name, training):
    """Train, and return the history; what the trainer prints is kept for later."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        train(network, training, to_learn, held_out, Path(folder.name) / name)
    return read_history(Path(folder.name) / name / "history.csv"), printed.getvalue()


history, printed = run("good", good)
columns = ("epoch", "train_loss", "dev_loss", "wer", "cer", "blank_share", "gradient_norm")
print("".join(f"{column:>14}" for column in columns))
for row in history:
    print("".join(f"{row[column]:14.3g}" for column in columns))
print("in the folder:", sorted(path.name for path in (Path(folder.name) / "good").iterdir()))

# %% [markdown]
# While it runs it shows, for each epoch, two of the held out utterances, other ones each time. Here
# are those of the first epoch and of the last:

# %%
shown = [line.strip() for line in printed.splitlines() if "reference" in line or "hypoth" in line]
for line in (*shown[:4], "...", *shown[-4:]):
    print(line)

# %% [markdown]
# ### Read the report
#
# `report.html` opens in any browser; `best.npz` is the network with the lowest WER. Here are the
# report's pictures, from the same functions. First the curves:

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
plot_curves(history, axes)
show(
    figure,
    f"Left, the loss of training and of the held out recordings over {len(history)} epochs; right, "
    f"word and character error rate of the held out ones. The WER goes from "
    f"{100 * history[0]['wer']:.0f} to {100 * history[-1]['wer']:.0f} per cent.",
)

# %% [markdown]
# **Loss** is in nats an utterance: $e^{-\text{loss}}$ is the probability that the network gives to
# the right text. Training and held out belong together: while both fall, it learns; where the first
# falls on and the second rises, it learns by heart. (The training loss is an average *during* the
# epoch, with a network that still moves; the other one is measured at its end. Early on the second
# may be the lower one.) **Error rates** lag behind the loss: the loss falls while not a single word is
# right yet, since letters become probable before they become the best.
#
# Then what tells whether training is in good health:

# %%
figure, axes = plt.subplots(1, 3, figsize=(11.5, 3), layout="constrained")
plot_health(history, axes)
show(
    figure,
    "Three pictures over the epochs: the median gradient norm; the share of held out frames whose "
    f"best symbol is the blank, at the end {100 * history[-1]['blank_share']:.0f} per cent; and bars "
    "of the time of each epoch, divided into its parts.",
)

# %% [markdown]
# **Gradient norm**: the length of the gradient before clipping, the median of an epoch. It may rise
# at first, while the network finds out what letters are, and shrinks as less is left to learn. Near
# `max_norm`, most steps are clipped, and it is the clipping that sets the size of the steps.
# **Blanks**: a network that is trained with CTC may begin by writing blanks only (chapter 05 says
# why). A share that stays at 100 % means that it has not got out of there. **Time**: forward and
# backward should have most of it. If it is waiting for data, a faster network would gain nothing.

# %%
last = history[-1]
parts = {name[8:]: value for name, value in last.items() if name.startswith("seconds_")}
whole = sum(parts.values())
for part, seconds in sorted(parts.items(), key=lambda item: -item[1]):
    print(f"{part:14} {seconds / whole:6.1%}")

# %% [markdown]
# ### A rate that is too large
#
# The same network, the same data, the same seed; the learning rate ten times as large. Predict first: will
# numbers become infinite, will the loss fall faster, or what else will happen?

# %%
hot_history, hot_printed = run("hot", dataclasses.replace(good, learning_rate=6e-2, epochs=4))
figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
for rows, style, label in ((history, "o-", "6e-3"), (hot_history, "s--", "6e-2")):
    numbers = [row["epoch"] for row in rows]
    axes[0].plot(numbers, [row["train_loss"] for row in rows], style, label=label, color="black")
    axes[1].plot(numbers, [row["gradient_norm"] for row in rows], style, color="black")
    axes[2].plot(numbers, [100 * row["blank_share"] for row in rows], style, color="black")
axes[0].axhline(curve[0], color="0.5", ls=":", label="before training")
axes[0].set(ylabel="training loss (nats)", yscale="log")
axes[0].legend(title="learning rate", fontsize=8)
axes[1].axhline(good.max_norm, color="0.5", ls=":", label="max_norm")
axes[1].legend(fontsize=8)
axes[1].set(ylabel="gradient norm, median", yscale="log")
axes[2].set(ylabel="frames that are blank (%)", ylim=(0, 103))
for axis in axes:
    axis.set(xlabel="epoch")
show(
    figure,
    "Training loss, gradient norm and blank share of both runs. At the rate 6e-2 the training loss "
    f"is {hot_history[-1]['train_loss']:.0f} after {len(hot_history)} epochs, at 6e-3 it was "
    f"{history[len(hot_history) - 1]['train_loss']:.1f}; the share of blanks is "
    f"{100 * hot_history[-1]['blank_share']:.0f} per cent.",
)
print(
    f"WER after {len(hot_history)} epochs: {hot_history[-1]['wer']:.0%} at the large rate, ", end=""
)
print(f"{history[len(hot_history) - 1]['wer']:.0%} at the good one")
finite = all(np.isfinite(row["train_loss"]) for row in hot_history)
worse = hot_history[-1]["train_loss"] > history[len(hot_history) - 1]["train_loss"]
print(f"{'No number' if finite else 'The loss'} became infinite; ", end="")
print(f"the large rate's loss is the {'larger' if worse else 'smaller'} one.")
if has_voice() and not CORPUS:
    assert hot_history[-1]["train_loss"] > curve[0]
    assert min(row["gradient_norm"] for row in hot_history) > good.max_norm

# %% [markdown]
# Nothing broke, no number became infinite: the clipping and the clipped rectifiers see to that. It is
# the curves that say it. The loss is worse than that of a network that has learned nothing at all
# (the dotted line at the left is the loss of our four utterances before the first step). The norm of
# the gradient lies above `max_norm`, so that every other step at least is clipped, and does not shrink.
# And the WER gives no hint of any kind: 100 % is what a network has that will write its first word in
# an hour, and one that never will. Look at it last.
#
# <details><summary><b>And what would a rate look like that is ten times too small?</b> Think first,
# then look.</summary>
#
# A smooth loss that falls from epoch to epoch, only slowly; a gradient norm that does not shrink; no
# harm done but the time. Since each epoch divides the rate once more, it may never get there. Of two
# rates that both look healthy take the larger one. Try it: `run("cold", dataclasses.replace(good,
# learning_rate=6e-4))`.
# </details>

# %%
assert RunFolder(Path(folder.name) / "good").report.exists()
folder.cleanup()  # recordings and runs of this chapter are deleted

# %% [markdown]
# ## What the paper reports
#
# The paper's models have 1 to 3 convolution layers, 1 to 7 recurrent layers, a fully connected layer,
# and batch normalisation. Of the four networks that we counted, the one of 5 layers with 1 recurrent
# reaches 14.40 % WER on the development set, the one of 9 with 7 recurrent 9.52 % (its table of batch
# normalisation and depth). From 18 to 100 million parameters, networks of GRUs go from 10.59 to
# 7.78 % (its table of model sizes).
#
# The recipe was in place a year before: Deep Speech (Hannun and others, 2014) had one recurrent layer and no
# batch normalisation, and CTC networks of several recurrent layers had written letters in the work of Graves
# and Jaitly (2014). What was new is how deep, how fast and on how much speech it was trained.
#
# At our size one can see that everything fits together, and what healthy curves look like. One
# cannot see what depth is good for: ten words are learned by shallow networks, too. And one
# configuration, trained once with one seed, says nothing about another: chapter 06 shows how much
# the seed alone may change.
#
# ## Your own Deep Speech 2
#
# You have come to the graduation. Every function that you have written in the exercises, and that
# passes its check, is in `my_ds2np.py`. This command trains a network with all of them in place of
# the package's own, lets it recognise voices that it has never heard, and tells you what your own code
# has understood:
#
#     python -m ds2np demo --answers
#
# What is not done yet, the package does for you; so it works with one exercise as well as with all.
# It says which functions serve, which are not needed for this network and which are wrong, by how
# much yours are slower where that matters, and prints the word error rate of the package's own code
# beside yours. While it trains, it compares calls of yours with the package's: if one of them raises an
# error, never ends, or begins to give wrong results half-way, you see in which line, and the package
# steps in, so that the training goes on. Exercises 08.1 to 08.3, 11.3 and 13.2, of later chapters,
# take part, too, and those of chapter 09 in a second decoding, with a language model. `--restart`
# trains anew after you have written more.
#
# ## Summary
#
# * A network is an order of layers. Forward in order, backward in reverse; lengths go along.
# * Shapes and parameters follow from the configuration; count them before you train.
# * Check the gradient of the whole. What is wrong begins just below the faulty layer.
# * Overfit a few utterances first: seconds that save hours.
# * Watch loss, blanks and gradient norm; the error rate comes last. Change one setting at a time.
#
# **A production system** would start from a network that is trained already; would try settings in
# short runs on part of the data and keep a record of each; would train on many GPUs (chapter 13), and
# stop by itself when the held out loss rises. For use while people are still speaking it would take
# layers that run forward only, with a row convolution on top (chapter 04).
#
# ## Further reading
#
# * D. Amodei and others: *Deep Speech 2: end-to-end speech recognition in English and Mandarin*, 2015.
# * A. Graves, N. Jaitly: *Towards end-to-end speech recognition with recurrent neural networks*, ICML
#   2014.
# * A. Hannun and others: *Deep Speech: scaling up end-to-end speech recognition*, 2014.
# * In the package: [network.py](../ds2np/model/network.py), [base.py](../ds2np/layers/base.py),
#   [gradcheck](../ds2np/gradcheck), [trainer.py](../ds2np/train/trainer.py),
#   [graduation](../ds2np/learn/graduation).
