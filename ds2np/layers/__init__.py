"""The network's layers, each a pair of pure functions and a thin class."""

from ds2np.layers.activations import ClippedReLU
from ds2np.layers.base import Layer, Sequential
from ds2np.layers.batchnorm import SeqBatchNorm
from ds2np.layers.conv import Conv2D
from ds2np.layers.gru import GRU
from ds2np.layers.linear import Linear
from ds2np.layers.reshape import FromChannels, ToChannels
from ds2np.layers.rnn import SimpleRNN

__all__ = [
    "GRU",
    "ClippedReLU",
    "Conv2D",
    "FromChannels",
    "Layer",
    "Linear",
    "SeqBatchNorm",
    "Sequential",
    "SimpleRNN",
    "ToChannels",
]
