"""The network that a configuration describes.

Paper, "Model Architecture": spectrogram, 1 to 3 convolutions, 1 to 7 recurrent layers, a fully
connected layer, and CTC over a softmax.
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
# How probable the bias of the output makes the blank in the beginning; with the random weights it
# is 72 to 75 %, not far from what it is in the end on real speech. Where all symbols begin alike, a
# network first learns how frequent each is, without listening, and can stay with that for epochs.
# The measurements are in tests/benchmarks/README.md.
BLANK_SHARE = 0.9


def build_layers(config, rng, dtype):
    """Make the layers that a configuration describes.

    Parameters
    ----------
    config : DeepSpeech2Config
    rng : numpy.random.Generator
        Draws the initial weights.
    dtype : dtype

    Returns
    -------
    dict of str to Layer
        In order.
    """
    layers, shape = {}, (config.features,)  # of one frame

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
        add(f"{config.recurrent}{i}", layer)
    if config.lookahead:
        add("row_conv", RowConv(shape[0], config.lookahead, rng, dtype=dtype))
    for i in range(1, config.dense + 1):
        add(f"dense{i}", Linear(shape[0], config.hidden, rng, bias=False, dtype=dtype))
        add(f"dense{i}_norm", SeqBatchNorm(config.hidden, dtype=dtype))
        add(f"dense{i}_relu", ClippedReLU())
    if not config.dense:  # the recurrent layers' sums are not normalised yet
        add("output_norm", SeqBatchNorm(shape[0], dtype=dtype))
    V = len(config.alphabet())
    output = Linear(shape[0], V, rng, dtype=dtype)
    output.params["b"][0] = math.log(BLANK_SHARE / (1 - BLANK_SHARE) * (V - 1))
    add("output", output)
    return layers


class DeepSpeech2:
    """The network of the paper, from spectrograms to logits.

    Parameters
    ----------
    config : DeepSpeech2Config
    seed : int
        Of the initial weights, which are the same on every device.
    dtype : dtype

    Attributes
    ----------
    params, grads, buffers : dict of str to ndarray
        Of all layers, under names like "conv1.W".
    flat_params, flat_grads : ndarray of shape (parameters,)
        The same numbers in one piece, in the order of the layers: those above are views of it.
    """

    def __init__(self, config, seed=0, dtype=np.float32):
        self.config = config
        self.dtype = np.dtype(dtype)
        rng = np.random.default_rng(seed)
        self.layers = Sequential(build_layers(config, rng, self.dtype))
        self.params, self.grads = self.layers.params, self.layers.grads
        self.buffers = self.layers.buffers
        self._flatten()
        self.to_device = to_cpu

    def _flatten(self):
        self.flat_params = self.layers.flatten("params")
        self.flat_grads = self.layers.flatten("grads")

    def forward(self, x, lengths):
        """Compute the logits of a padded batch.

        Parameters
        ----------
        x : ndarray of shape (N, T, F)
            Normalised log spectrograms.
        lengths : ndarray of shape (N,)
            Real frames of each.

        Returns
        -------
        logits : ndarray of shape (N, T_out, V)
        out_lengths : ndarray of shape (N,)
        """
        check_batch(x, lengths, ("N", "T", self.config.features), self.dtype)
        x = self.to_device(x)
        return self.layers.forward(x, lengths), self.out_lengths(lengths)

    def backward(self, dlogits, done=None):
        """Add to the gradients of all parameters; return the gradient of the input.

        Parameters
        ----------
        dlogits : ndarray of shape (N, T_out, V)
        done : callable, optional
            Called with the name of each layer whose gradients are complete, the last layer first.

        Returns
        -------
        ndarray of shape (N, T, F)
        """
        return self.layers.backward(dlogits, done)

    def out_lengths(self, lengths):
        """Tell how many frames of logits come from so many frames of spectrogram."""
        return self.layers.out_lengths(lengths)

    def forward_chunk(self, x, state=None, last=False):
        """Compute the logits of the next piece of each utterance, in evaluation mode.

        For networks that run forward only; all pieces together give what `forward` gives.

        Parameters
        ----------
        x : ndarray of shape (N, T, F)
            The next frames.
        state : object, optional
            What the piece before left.
        last : bool
            Whether this is the end of the utterances.

        Returns
        -------
        logits : ndarray of shape (N, T_out, V)
            Those that are final; none until enough frames are there.
        state : object
        """
        return self.layers.forward_chunk(self.to_device(x), state, last)

    def move(self, to_device):
        """Move the network to another device; checkpoints are the same on all.

        Parameters
        ----------
        to_device : callable
            `ds2np.backend.to_gpu` or `to_cpu`; the network's input is moved by it, too.
        """
        self.layers.move(to_device)
        self._flatten()
        self.to_device = to_device

    def set_training(self, training):
        """Choose between training and evaluation mode."""
        self.layers.set_training(training)

    def clear_cache(self):
        """Free what the forward pass kept, where no backward pass follows."""
        self.layers.clear_cache()

    def zero_grads(self):
        """Set all gradients to 0."""
        self.layers.zero_grads()

    def state_dict(self):
        """Return parameters and buffers by name."""
        return self.layers.state_dict()

    def load_state_dict(self, state):
        """Copy values into parameters and buffers; see `Layer.load_state_dict`."""
        self.layers.load_state_dict(state)

    def summary(self):
        """Print the network as a table; see `ds2np.model.summary`."""
        print(summary(self))

    def count_parameters(self):
        """Count the trained numbers."""
        return sum(value.size for value in self.params.values())
