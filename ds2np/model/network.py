"""Deep Speech 2: the layers built from a configuration, from features to logits.

Paper, "Model Architecture": 1 to 3 convolutions, 1 to 7 recurrent layers, a fully connected layer
and a softmax. Chapter 07 assembles it.
"""

import math

import numpy as np

from ds2np.backend import to_cpu
from ds2np.layers import (
    GRU,
    Bidirectional,
    ClippedReLU,
    Conv1D,
    Conv2D,
    Dropout,
    FromChannels,
    InputNorm,
    Linear,
    RowConv,
    SeqBatchNorm,
    Sequential,
    SimpleRNN,
    ToChannels,
)
from ds2np.layers.padding import check_batch
from ds2np.model.summary import summary

RECURRENT = {"gru": GRU, "rnn": SimpleRNN}
# Initial probability of the blank from the output bias alone; with the random weights it is 72 to
# 75 %, close to its final value on real speech. If all symbols start equal, the network first
# learns their frequencies regardless of the input, and can stay there for epochs
# (measurements: tests/benchmarks/README.md).
BLANK_SHARE = 0.9


def build_layers(config, rng, dtype):
    """Build the layers of a configuration as an ordered dict; rng draws the initial weights."""
    layers, shape = {}, (config.features,)  # shape of one frame

    def add(name, layer):
        nonlocal shape
        layers[name] = layer
        shape = layer.out_shape(shape)

    if config.normalisation != "utterance":
        running = config.normalisation == "running"
        add("input_norm", InputNorm(config.features, running, dtype))
    over_frequency = any(len(conv.kernel) == 2 for conv in config.conv)
    if over_frequency:
        add("to_channels", ToChannels())
    for i, conv in enumerate(config.conv, start=1):
        if over_frequency:
            conv_layer = Conv2D(shape[0], conv.channels, conv.kernel, conv.stride, rng, dtype=dtype)
        else:
            conv_layer = Conv1D(
                shape[0], conv.channels, conv.kernel[0], conv.stride[0], rng, dtype=dtype
            )
        axis = conv_layer.time_axis
        add(f"conv{i}", conv_layer)
        add(f"conv{i}_norm", SeqBatchNorm(conv.channels, time_axis=axis, dtype=dtype))
        add(f"conv{i}_relu", ClippedReLU(time_axis=axis))
    if over_frequency:
        add("from_channels", FromChannels())
    kind = RECURRENT[config.recurrent]
    for i in range(1, config.layers + 1):
        sizes = shape[0], config.hidden, rng
        if config.bidirectional:
            layer = Bidirectional(
                kind, *sizes, share_input=config.share_input, merge=config.merge, dtype=dtype
            )
        else:
            layer = kind(*sizes, dtype=dtype)
        if config.dropout and i > 1:
            add(f"{config.recurrent}{i}_dropout", Dropout(config.dropout))
        add(f"{config.recurrent}{i}", layer)
    if config.lookahead:
        add("row_conv", RowConv(shape[0], config.lookahead, rng, dtype=dtype))
    for i in range(1, config.dense + 1):
        add(f"dense{i}", Linear(shape[0], config.hidden, rng, bias=False, dtype=dtype))
        add(f"dense{i}_norm", SeqBatchNorm(config.hidden, dtype=dtype))
        add(f"dense{i}_relu", ClippedReLU())
    if not config.dense:  # the recurrent outputs are not normalised yet
        add("output_norm", SeqBatchNorm(shape[0], dtype=dtype))
    if config.dropout:
        add("output_dropout", Dropout(config.dropout))
    V = len(config.alphabet())
    output = Linear(shape[0], V, rng, dtype=dtype)
    output.params["b"][0] = math.log(BLANK_SHARE / (1 - BLANK_SHARE) * (V - 1))
    add("output", output)
    return layers


class DeepSpeech2(Sequential):
    """The network of the paper, from features to logits.

    Parameters
    ----------
    config : DeepSpeech2Config
    seed : int
        Seed of the initial weights, which are the same on every device.

    Attributes
    ----------
    params, grads, buffers : dict of str to ndarray
        Arrays of all layers, with names like "conv1.W".
    flat_params, flat_grads, flat_buffers : ndarray
        One contiguous array for each kind, of which the arrays of all layers are views; see
        `ds2np.layers.flat`.
    """

    def __init__(self, config, seed=0, dtype=np.float32):
        self.config, self.dtype = config, np.dtype(dtype)
        super().__init__(build_layers(config, np.random.default_rng(seed), self.dtype))
        self.move(to_cpu)

    def forward(self, x, lengths):
        """Compute the logits of a padded minibatch.

        Parameters
        ----------
        x : ndarray of shape (N, T, F)
        lengths : ndarray of shape (N,)
            Number of frames of each utterance: integers of any type.

        Returns
        -------
        logits : ndarray of shape (N, T_out, V)
        out_lengths : ndarray of shape (N,)
        """
        lengths = check_batch(x, lengths, ("N", "T", self.config.features), self.dtype)
        return super().forward(self.to_device(x), lengths), self.out_lengths(lengths)

    def infer(self, x, lengths):
        """Compute the logits like `forward`, but keep nothing for a backward pass."""
        lengths = check_batch(x, lengths, ("N", "T", self.config.features), self.dtype)
        return super().infer(self.to_device(x), lengths), self.out_lengths(lengths)

    def forward_chunk(self, x, state=None, last=False):
        """Compute the logits of the next chunk of each utterance; see `Layer.forward_chunk`.

        Needs a unidirectional network in evaluation mode. Logits are returned once they are final,
        so the first chunks may give none.
        """
        return super().forward_chunk(self.to_device(x), state, last)

    def move(self, to_device):
        """Move the network, and later its inputs, with a `Device`, `to_gpu` or `to_cpu`.

        Its products are in float32 again.
        """
        self.set_precision("float32")
        super().move(to_device)
        self.flat_params, self.flat_grads = self.flatten("params"), self.flatten("grads")
        self.flat_buffers = self.flatten("buffers")
        self.to_device = to_device

    def __setstate__(self, state):
        """Restore a copy (`copy`, `pickle`), in which views have become arrays of their own."""
        self.__dict__.update(state)
        self.view_flat("params", self.flat_params)
        self.view_flat("grads", self.flat_grads)
        self.view_flat("buffers", self.flat_buffers)

    def zero_grads(self):
        self.flat_grads.fill(0)

    def summary(self):
        """Print the network as a table; see `ds2np.model.summary`."""
        print(summary(self))

    def count_parameters(self):
        """Count the trainable parameters."""
        return sum(value.size for value in self.params.values())
