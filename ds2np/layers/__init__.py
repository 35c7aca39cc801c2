"""The layers of the network: each a pair of pure functions and a thin class (chapters 02 to 04)."""

from ds2np.layers.activations import ClippedReLU
from ds2np.layers.base import Layer, Sequential
from ds2np.layers.batchnorm import SeqBatchNorm
from ds2np.layers.conv import Conv2D
from ds2np.layers.conv1d import Conv1D
from ds2np.layers.dropout import Dropout
from ds2np.layers.gru import GRU
from ds2np.layers.input_norm import InputNorm
from ds2np.layers.linear import Linear
from ds2np.layers.recurrent import Bidirectional
from ds2np.layers.reshape import FromChannels, ToChannels
from ds2np.layers.rnn import SimpleRNN
from ds2np.layers.rowconv import RowConv
from ds2np.layers.softmax import log_softmax

__all__ = [
    "GRU",
    "Bidirectional",
    "ClippedReLU",
    "Conv1D",
    "Conv2D",
    "Dropout",
    "FromChannels",
    "InputNorm",
    "Layer",
    "Linear",
    "RowConv",
    "SeqBatchNorm",
    "Sequential",
    "SimpleRNN",
    "ToChannels",
    "log_softmax",
]
