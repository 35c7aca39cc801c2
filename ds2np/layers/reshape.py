"""Reshaping before and after the convolutions over time and frequency (chapter 02)."""

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, zero_padding


class ToChannels(Layer):
    """Reshape from spectrograms (N, T, F) to images of one channel, (N, 1, T, F)."""

    def forward(self, x, lengths):
        lengths = check_batch(x, lengths, ("N", "T", "F"))
        self._cache = lengths
        return zero_padding(x, lengths)[:, None]

    def out_shape(self, shape):
        return (1, *shape)

    def backward(self, dout):
        return zero_padding(dout[:, 0], self.take_cache(dout))


class FromChannels(Layer):
    """Reshape from (N, C, T, F) to (N, T, C * F): the channels of a frame become features."""

    time_axis = 2

    def forward(self, x, lengths):
        lengths = check_batch(x, lengths, ("N", "C", "T", "F"))
        N, C, T, F = x.shape
        self._cache = lengths, (N, T, C, F)
        x = zero_padding(x, lengths, time_axis=2)
        return x.transpose(0, 2, 1, 3).reshape(N, T, C * F)

    def out_shape(self, shape):
        return (shape[0] * shape[1],)

    def backward(self, dout):
        lengths, shape = self.take_cache(dout)
        dx = zero_padding(dout, lengths).reshape(shape).transpose(0, 2, 1, 3)
        return get_array_module(dx).ascontiguousarray(dx)
