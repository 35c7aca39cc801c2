"""The two places where the shape of the batch changes: into the convolutions, and out of them."""

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, zero_padding


class ToChannels(Layer):
    """Turn a spectrogram (N, T, F) into an image of one channel, (N, 1, T, F)."""

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", "T", "F"))
        self._cache = lengths
        return zero_padding(x, lengths)[:, None]

    def out_shape(self, shape):
        return (1, *shape)

    def backward(self, dout):
        return zero_padding(dout[:, 0], self.take_cache())


class FromChannels(Layer):
    """Lay the channels of each frame side by side: (N, C, T, F) becomes (N, T, C * F)."""

    time_axis = 2

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", "C", "T", "F"))
        N, C, T, F = x.shape
        self._cache = lengths, (N, T, C, F)
        x = zero_padding(x, lengths, time_axis=2)
        return x.transpose(0, 2, 1, 3).reshape(N, T, C * F)

    def out_shape(self, shape):
        return (shape[0] * shape[1],)

    def backward(self, dout):
        lengths, shape = self.take_cache()
        dx = zero_padding(dout, lengths).reshape(shape).transpose(0, 2, 1, 3)
        return get_array_module(dx).ascontiguousarray(dx)
