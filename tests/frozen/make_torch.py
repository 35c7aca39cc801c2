"""Write torch.npz: what PyTorch says about layers and losses, for tests that run without PyTorch.

Needs PyTorch: pip install torch==2.13.0 && python tests/frozen/make_torch.py

Every layer is run over each utterance at its own length, so that there is no padding on this side;
the input that is frozen has garbage behind an utterance's end. Parameters are drawn in the layout
of ds2np and turned into PyTorch's inside the graph, so that the gradients come out in the layout of
ds2np, too. Drawn numbers are multiples of 1/16: they compress well.
"""

import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as tf

rng = np.random.default_rng(0)
frozen = {}
EPSILON = 1e-5


def draw(*shape, scale=1.0, around=0.0):
    return np.round(16 * (around + scale * rng.standard_normal(shape))) / 16


def pad(frames, T, time_axis):
    """Put utterances (1, T_n, ...) or (1, C, T_n, F) into one batch with zeros behind the end."""
    axes = frames[0].ndim - 1 - time_axis  # pad() counts axes from the last one
    after = [(0, 0) * axes + (0, T - one.shape[time_axis]) for one in frames]
    return torch.cat([tf.pad(one, size) for one, size in zip(frames, after, strict=True)])


def cut(x, lengths):
    """Take the real frames of each utterance: the undoing of `pad`."""
    axis = 2 if x.ndim == 4 else 1
    return [one[None].narrow(axis, 0, n) for one, n in zip(x, lengths, strict=True)]


def freeze(name, layer, x, lengths, **params):
    """Keep a layer's input, parameters and output, and the gradients for a random upstream one.

    Parameters
    ----------
    layer : callable
        Takes a list of utterances, each with an axis of size 1 before it, and the parameters.
    x : ndarray of shape (N, T, ...) or (N, C, T, F)
    """
    x_leaf = torch.tensor(x, requires_grad=True)
    leaves = {key: torch.tensor(value, requires_grad=True) for key, value in params.items()}
    frames = layer(cut(x_leaf, lengths), **leaves)
    time_axis = 2 if frames[0].ndim == 4 else 1
    out = pad(frames, max(one.shape[time_axis] for one in frames), time_axis)
    upstream = draw(*out.shape)
    (out * torch.tensor(upstream)).sum().backward()
    arrays = {"x": x, "lengths": np.array(lengths), "out": out.detach().numpy()}
    arrays |= {"upstream": upstream, "dx": x_leaf.grad.numpy(), **params}
    arrays |= {f"d{key}": leaf.grad.numpy() for key, leaf in leaves.items()}
    frozen.update({f"{name}/{key}": array for key, array in arrays.items()})


def each(f):
    """Make a layer of a function of one utterance."""
    return lambda frames, **params: [f(one, **params) for one in frames]


# Convolutions; W is (O, C, KT, KF), and (K, D, O) over time only.


def conv2d(stride, padding):
    return each(lambda x, W: tf.conv2d(x, W, stride=stride, padding=padding))


def conv1d(stride, padding):
    return each(lambda x, W: tf.conv1d(x.mT, W.permute(2, 1, 0), stride=stride, padding=padding).mT)


def row_conv(x, W):
    """Convolve each feature with its own filter: one group for each."""
    tau, H = len(W) - 1, W.shape[1]
    return tf.conv1d(tf.pad(x.mT, (0, tau)), W.T[:, None], groups=H).mT


# Batch normalisation: PyTorch's own, over the real frames of all utterances side by side.


def batch_norm(frames, gamma, beta, mean=None, var=None):
    feature_axis = 1 if frames[0].ndim == 4 else 2
    rows = [one.movedim(feature_axis, -1).flatten(0, -2) for one in frames]
    training = mean is None
    packed = tf.batch_norm(torch.cat(rows), mean, var, gamma, beta, training, eps=EPSILON)
    parts = packed.split([len(row) for row in rows])
    shapes = [one.movedim(feature_axis, -1).shape for one in frames]
    return [
        part.reshape(shape).movedim(-1, feature_axis)
        for part, shape in zip(parts, shapes, strict=True)
    ]


# Recurrence: U is (directions, H, gates * H).


def recurrent(kind, directions, merge="sum"):
    """Make a recurrent layer; kind is "gru", or an RNN's nonlinearity, "tanh" or "relu"."""

    def gates_of_torch(columns):
        """Turn z, r, c into PyTorch's order r, z, n; its z is 1 - z here, so the sign turns."""
        if kind != "gru":
            return columns
        z, r, c = columns.chunk(3, dim=-1)
        return torch.cat([r, -z, c], dim=-1)

    def steps(a, U):
        """Run over input terms, a list with one (1, T_n, gates * H) for each direction."""
        H = U.shape[1]
        out = []
        for d in range(directions):
            term = a[d % len(a)]
            options = {"batch_first": True, "dtype": torch.float64}
            if kind == "gru":
                layer = torch.nn.GRU(term.shape[2], H, **options)
            else:
                layer = torch.nn.RNN(term.shape[2], H, nonlinearity=kind, **options)
            weights = {
                "weight_ih_l0": gates_of_torch(torch.eye(term.shape[2], dtype=torch.float64)).T,
                "weight_hh_l0": gates_of_torch(U[d]).T,
                "bias_ih_l0": torch.zeros(term.shape[2], dtype=torch.float64),
                "bias_hh_l0": torch.zeros(term.shape[2], dtype=torch.float64),
            }
            turned = term.flip(1) if d == 1 else term
            h, _ = torch.func.functional_call(layer, weights, (turned,))
            out.append(h.flip(1) if d == 1 else h)
        return sum(out) if merge == "sum" else torch.cat(out, dim=-1)

    def layer(frames, W, U, b=None, gamma=None, beta=None):
        a = [one @ W for one in frames]
        a = [one + b for one in a] if gamma is None else batch_norm(a, gamma, beta)
        return [steps(one.split(U.shape[2], dim=2), U) for one in a]

    return layer


def recurrent_params(D, H, gates, directions=1, inputs=1, bias=False):
    width = inputs * gates * H
    params = {"W": draw(D, width), "U": draw(directions, H, gates * H, scale=0.5)}
    if bias:
        return {**params, "b": draw(width)}
    return {**params, "gamma": draw(width, scale=0.2, around=1), "beta": draw(width, scale=0.2)}


def gru_both_by_torch(frames, W, U, b):
    """Run PyTorch's own two directions, with its own product with W."""
    H = U.shape[1]
    layer = torch.nn.GRU(len(W), H, bidirectional=True, batch_first=True, dtype=torch.float64)
    weights = {}
    for d, suffix in enumerate(["l0", "l0_reverse"]):
        own = slice(3 * H * d, 3 * H * (d + 1))
        for key, value in ("weight_ih", W.T[own]), ("weight_hh", U[d].T), ("bias_ih", b[own]):
            z, r, c = value.chunk(3)
            weights[f"{key}_{suffix}"] = torch.cat([r, -z, c])
        weights[f"bias_hh_{suffix}"] = torch.zeros(3 * H, dtype=torch.float64)
    return [torch.func.functional_call(layer, weights, (one,))[0] for one in frames]


def linear(x, W, b):
    return tf.linear(x, W.T, b)


def clipped_relu(x):
    return tf.hardtanh(x, 0, 20)


LENGTHS = [5, 2, 4]
x3 = draw(3, 5, 3)

for name, shape, W, stride, padding in [
    ("conv2d 3x3", (2, 2, 5, 4), (3, 2, 3, 3), (1, 1), (1, 1)),
    ("conv2d 5x7, stride 2x2", (2, 1, 9, 11), (2, 1, 5, 7), (2, 2), (2, 3)),
    ("conv2d 5x3, stride 1x2", (2, 2, 6, 7), (2, 2, 5, 3), (1, 2), (2, 1)),
    ("conv2d 2x4 valid, stride 2x1", (2, 2, 6, 5), (2, 2, 2, 4), (2, 1), (0, 0)),
    ("conv2d 11x41, stride 2x2", (1, 1, 13, 45), (1, 1, 11, 41), (2, 2), (5, 20)),
]:
    lengths = [shape[2], shape[2] - 3][: shape[0]]
    freeze(name, conv2d(stride, padding), draw(*shape), lengths, W=draw(*W))
for name, W, stride, padding in [
    ("conv1d 3", (3, 3, 2), 1, 1),
    ("conv1d 5, stride 2", (5, 3, 2), 2, 2),
    ("conv1d 2 valid, stride 3", (2, 3, 2), 3, 0),
    ("conv1d 11, stride 2", (11, 3, 2), 2, 5),
]:
    freeze(name, conv1d(stride, padding), x3, LENGTHS, W=draw(*W))
freeze("row convolution", each(row_conv), x3, LENGTHS, W=draw(3, 3))

gamma_beta = {"gamma": draw(3, scale=0.2, around=1), "beta": draw(3)}
running = {"mean": draw(3), "var": np.abs(draw(3)) + 1}
images = draw(3, 3, 5, 2)
freeze("batch norm", batch_norm, x3, LENGTHS, **gamma_beta)
freeze("batch norm of images", batch_norm, images, LENGTHS, **gamma_beta)
frozen.update({f"batch norm running/{key}": value for key, value in running.items()})
fixed = {key: torch.tensor(value) for key, value in running.items()}
for name, x in ("batch norm, running", x3), ("batch norm of images, running", images):
    freeze(
        name,
        lambda frames, **params: batch_norm(frames, **params, **fixed),
        x,
        LENGTHS,
        **gamma_beta,
    )

for name, kind, gates in ("gru", "gru", 3), ("rnn tanh", "tanh", 1), ("rnn", "relu", 1):
    for suffix, merge, options in [
        ("", "sum", {}),
        (", bias", "sum", {"bias": True}),
        (", both", "sum", {"directions": 2}),
        (", both, own W, concatenated", "concat", {"directions": 2, "inputs": 2}),
    ]:
        params = recurrent_params(3, 2, gates, **options)
        layer = recurrent(kind, options.get("directions", 1), merge)
        freeze(name + suffix, layer, x3, LENGTHS, **params)
params = recurrent_params(3, 2, 3, directions=2, inputs=2, bias=True)
freeze("gru, both, bias, own W, concatenated", gru_both_by_torch, x3, LENGTHS, **params)

freeze("linear", each(linear), x3, LENGTHS, W=draw(3, 4), b=draw(4))
freeze("clipped relu", each(clipped_relu), draw(3, 5, 3, scale=20) + 1 / 32, LENGTHS)
freeze("log softmax", each(lambda x: tf.log_softmax(x, dim=-1)), draw(3, 5, 4), LENGTHS)


def ctc(logits, labels, input_lengths, label_lengths, blank):
    """Return PyTorch's CTC loss of each utterance; 0 where the transcript does not fit."""
    return tf.ctc_loss(
        tf.log_softmax(logits, dim=-1).transpose(0, 1),
        torch.as_tensor(labels),
        torch.as_tensor(input_lengths),
        torch.as_tensor(label_lengths),
        blank=blank,
        reduction="none",
        zero_infinity=True,
    )


for blank in 0, 3:
    labels = np.array(
        [
            *([1, 2, 1], [2, 2, 2], [4, 4, 4], [4, 2, 4], [1, 1, 2], [1, 2, 2], [4, 1, 1]),
            *([2, 1, 4], [1, 4, 4]),
        ]
    )
    arrays = {
        "labels": labels,  # repeats that fit tightly; an empty transcript; two that do not fit
        "input_lengths": np.array([8, 5, 6, 7, 2, 1, 1, 3, 4]),
        "label_lengths": np.array([3, 3, 0, 2, 2, 1, 2, 3, 3]),
    }
    logits = draw(len(labels), 8, 5, scale=2)
    weight = draw(len(labels))
    leaf = torch.tensor(logits, requires_grad=True)
    loss = ctc(leaf, *arrays.values(), blank)
    (loss * torch.tensor(weight)).sum().backward()
    arrays |= {"logits": logits, "weight": weight, "loss": loss.detach().numpy()}
    arrays |= {"dlogits": leaf.grad.numpy()}
    frozen.update({f"ctc, blank {blank}/{key}": array for key, array in arrays.items()})


# A whole network: convolution, both directions of a GRU, dense output, CTC.

NETWORK = {
    "conv1.W": draw(2, 1, 3, 5, scale=0.5),
    "conv1_norm.gamma": draw(2, scale=0.2, around=1),
    "conv1_norm.beta": draw(2),
    **{f"gru1.{key}": value for key, value in recurrent_params(6, 3, 3, directions=2).items()},
    "output_norm.gamma": draw(3, scale=0.2, around=1),
    "output_norm.beta": draw(3),
    "output.W": draw(3, 3),
    "output.b": draw(3),
}
x, lengths = draw(3, 11, 5), [11, 7, 10]
labels, label_lengths = np.array([[1, 2, 2], [2, 1, 1], [1, 1, 2]]), np.array([3, 1, 2])

leaves = {name: torch.tensor(value, requires_grad=True) for name, value in NETWORK.items()}
x_leaf = torch.tensor(x, requires_grad=True)


def of(layer):
    prefix = f"{layer}."
    return {k.removeprefix(prefix): v for k, v in leaves.items() if k.startswith(prefix)}


frames = [one[:, None] for one in cut(x_leaf, lengths)]
frames = batch_norm(conv2d((2, 2), (1, 2))(frames, **of("conv1")), **of("conv1_norm"))
frames = [clipped_relu(one).transpose(1, 2).flatten(2) for one in frames]
frames = batch_norm(recurrent("gru", 2)(frames, **of("gru1")), **of("output_norm"))
frames = [linear(one, **of("output")) for one in frames]
out_lengths = np.array([math.ceil(n / 2) for n in lengths])
logits = pad(frames, max(out_lengths), 1)
loss = ctc(logits, labels, out_lengths, label_lengths, 0)
loss.sum().backward()
arrays = {"x": x, "lengths": np.array(lengths), "labels": labels, "label_lengths": label_lengths}
arrays |= {"logits": logits.detach().numpy(), "loss": loss.detach().numpy()}
arrays |= {"dx": x_leaf.grad.numpy(), **NETWORK}
arrays |= {f"d{name}": leaf.grad.numpy() for name, leaf in leaves.items()}
frozen.update({f"network/{key}": array for key, array in arrays.items()})

np.savez_compressed(Path(__file__).with_name("torch.npz"), **frozen)
