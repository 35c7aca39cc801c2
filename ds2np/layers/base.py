"""The base class of all layers, and a stack of layers (chapter 07)."""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.errors import check_floats, check_whole
from ds2np.kernels.products import check_precision
from ds2np.kernels.small_product import MOST_ROWS, round_to_half
from ds2np.layers.flat import flat_views, flatten
from ds2np.layers.padding import widen_lengths

KINDS = ("params", "grads", "buffers")


def check_sizes(least=1, **sizes):
    """Raise a ValueError unless all sizes, given by name, are whole numbers from `least` on."""
    for name, value in sizes.items():
        check_whole(name, value, least)


def check_time_axis(time_axis):
    """Raise a ValueError unless the time axis is that of (N, T, H) or (N, C, T, F)."""
    if time_axis not in (1, 2):
        raise ValueError(f"time_axis is {time_axis!r}, expected 1 or 2")


def _join(prefix, name):
    return f"{prefix}.{name}".lstrip(".")


class Layer:
    """Base class of all layers, and the contract that each of them keeps.

    * ``forward(x, lengths)`` takes a padded batch and stores in ``_cache`` what ``backward`` needs.
    * ``backward(dout)`` follows a forward pass, once. It returns dx and *adds* to ``grads``, so
      that gradients accumulate over batches until ``zero_grads``.
    * Padding has no influence, whatever it holds, and is exactly 0 in the output and in dx.
    * x, dout and the parameters stay unchanged, and results have the dtype of x.
    * ``forward_chunk`` streams: the outputs of all chunks, joined, equal the output of ``forward``
      in evaluation mode. A bidirectional layer cannot stream and raises a ValueError.

    A subclass overrides ``out_lengths``, ``out_shape``, ``multiply_adds`` and ``reach`` where the
    defaults, those of a layer that works frame by frame and keeps the shape, do not fit.

    Attributes
    ----------
    params, grads, buffers : dict of str to ndarray
        Parameters, their gradients, and state that is saved but not trained; of this layer and of
        its sublayers.
    sublayers : dict of str to Layer
    time_axis : int
        The time axis of the input: 1 for (N, T, H), 2 for (N, C, T, F).
    training : bool
        Training or evaluation mode: batch normalisation uses the statistics of the batch or its
        running statistics.
    matrices : tuple of str
        The parameters that matrix products multiply by.
    precision : str
        Of matrix products on a GPU; see `set_precision`.
    """

    time_axis = 1
    matrices = ()
    precision = "float32"

    def __init__(self):
        self.params = {}
        self.grads = {}
        self.buffers = {}
        self.sublayers = {}
        self.training = True
        self._halves = {}
        self._cache = None

    def forward(self, x, lengths):
        """Compute the output of a padded batch.

        Parameters
        ----------
        x : ndarray of shape (N, T, H) or (N, C, T, F)
        lengths : ndarray of shape (N,)
            Real frames of each utterance: integers of any type, always a NumPy array.

        Raises
        ------
        ValueError
            If x or lengths have the wrong shape or dtype; nothing has changed then.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward pass")

    def backward(self, dout):
        """Add to the gradients of the parameters and return dx, the gradient of the input.

        `dout` is the gradient of the loss with respect to the output of the last forward pass.
        Raises a RuntimeError without a forward pass before it, and a ValueError if dout is neither
        float32 nor float64.
        """
        raise NotImplementedError(f"{type(self).__name__} has no backward pass")

    def backward_params(self, dout):
        """Add to the gradients of the parameters like `backward`, but return no dx.

        For the first layer of a network in training: nobody asks for the gradient of the sound.
        A subclass overrides it where that saves work.
        """
        self.backward(dout)

    def forward_chunk(self, x, state, last):
        """Compute the output of the next chunk of N utterances (streaming, in evaluation mode).

        A layer that looks at several frames keeps the ones it still needs in its state, and may
        return fewer frames than it got, or none, until the last chunk.

        Parameters
        ----------
        x : ndarray
            The next frames, without padding.
        state : object
            The state returned for the previous chunk; None for the first. It is made of arrays
            whose first axis is that of the utterances; see `ds2np.layers.streaming`.
        last : bool
            Whether the utterances end with this chunk.

        Returns
        -------
        out : ndarray
        state : object
        """
        T = x.shape[self.time_axis]
        return self.forward(x, np.full(len(x), T)), None

    def out_lengths(self, lengths):
        """Return the real output frames, int64 of shape (N,), for real input frames (N,)."""
        return widen_lengths(lengths)

    def out_shape(self, shape):
        """Return the shape of an output frame, (H,) or (C, F), given that of an input frame."""
        return shape

    def multiply_adds(self, shape):
        """Count the multiplications by weights per output frame, given an input frame's shape."""
        return 0

    @property
    def reach(self):
        """Receptive field: the input frames that an output frame depends on; inf for all."""
        return 1

    def add_param(self, name, value):
        """Register a parameter of float32 or float64, with a gradient of zeros."""
        check_floats(value, name)
        self.params[name] = value
        self.grads[name] = get_array_module(value).zeros_like(value)

    def add_buffer(self, name, value):
        """Register a buffer of float32 or float64."""
        check_floats(value, name)
        self.buffers[name] = value

    def add_sublayer(self, name, layer):
        """Register a sublayer; its parameter W becomes "name.W", or "W" if the name is empty."""
        self.sublayers[name] = layer
        for kind in KINDS:
            for inner, value in getattr(layer, kind).items():
                getattr(self, kind)[_join(name, inner)] = value

    def replace_arrays(self, kind, arrays):
        """Replace all arrays of a kind ("params", "grads" or "buffers"), also in sublayers."""
        getattr(self, kind).update({name: arrays[name] for name in getattr(self, kind)})
        for prefix, layer in self.sublayers.items():
            inner = {name: arrays[_join(prefix, name)] for name in getattr(layer, kind)}
            layer.replace_arrays(kind, inner)

    def move(self, to):
        """Move all arrays to another device by a function such as `ds2np.backend.to_gpu`."""
        for kind in KINDS:
            arrays = getattr(self, kind)
            self.replace_arrays(kind, {name: to(value) for name, value in arrays.items()})

    def flatten(self, kind):
        """Copy all arrays of a kind to one flat array, return it, and make them views of it."""
        flat = flatten(getattr(self, kind))
        self.view_flat(kind, flat)
        return flat

    def view_flat(self, kind, flat):
        """Make all arrays of a kind views of a flat array that `flatten` returned."""
        self.replace_arrays(kind, flat_views(flat, getattr(self, kind)))

    def __getstate__(self):
        """Leave the cache out of copies: it may be large, and serves one backward pass only."""
        return {**self.__dict__, "_cache": None}

    def take_cache(self, dout):
        """Check the dtype of dout; return the cache of the last forward pass and clear it."""
        if self._cache is None:
            raise RuntimeError(f"{type(self).__name__}.backward needs a forward pass first")
        if self.precision == "half":
            raise RuntimeError("weights of half precision are for inference: there is no backward")
        check_floats(dout, "the gradient of the output")
        cache, self._cache = self._cache, None
        return cache

    def clear_cache(self):
        """Free the cache of a forward pass that no backward pass follows."""
        self._cache = None
        for layer in self.sublayers.values():
            layer.clear_cache()

    def zero_grads(self):
        """Set all gradients to 0."""
        for grad in self.grads.values():
            grad[...] = 0

    def set_training(self, training):
        """Switch to training mode (True) or evaluation mode (False), also in sublayers."""
        self.training = training
        for layer in self.sublayers.values():
            layer.set_training(training)

    def set_precision(self, precision):
        """Choose the precision of matrix products on a GPU, also in sublayers.

        Called after the parameters have been loaded and moved: "half", for inference only, rounds
        those in ``matrices`` to float16. See `ds2np.kernels.products` for all choices. Raises a
        UserError if the device does not have the precision, or weights do not fit.
        """
        for value in self.params.values():
            check_precision(precision, value)
        self.precision, self._halves = precision, {}
        if precision == "half":
            for name in self.matrices:
                self._halves[name] = round_to_half(self.params[name], name)
        for layer in self.sublayers.values():
            layer.set_precision(precision)

    def matrix(self, name, rows):
        """Return a parameter for a product with so many rows: in float16 for a few."""
        half = self._halves.get(name)
        return self.params[name] if half is None or rows > MOST_ROWS else half

    def state_dict(self):
        """Return parameters and buffers by name; the arrays are not copied."""
        return {**self.params, **self.buffers}

    def load_state_dict(self, state):
        """Copy the values of a state dictionary into the parameters and buffers.

        Raises a ValueError, before any change, if a name is missing or unknown or a shape differs.
        """
        own = self.state_dict()
        if unknown := sorted(set(state) - set(own)):
            raise ValueError(f"{unknown[0]!r} is not a parameter of this network")
        for name, value in own.items():
            if name not in state:
                raise ValueError(f"parameter {name!r} is missing")
            if state[name].shape != value.shape:
                raise ValueError(
                    f"parameter {name!r} has shape {state[name].shape}, expected {value.shape}"
                )
        for name, value in own.items():
            value[...] = get_array_module(value).asarray(state[name])


class Sequential(Layer):
    """Stack of layers, given by name in their order: {"conv1": Conv2D(...), ...}."""

    def __init__(self, layers):
        super().__init__()
        for name, layer in layers.items():
            self.add_sublayer(name, layer)

    def forward(self, x, lengths):
        for layer in self.sublayers.values():
            x = layer.forward(x, lengths)
            lengths = layer.out_lengths(lengths)
        return x

    def infer(self, x, lengths):
        """Compute the output like `forward`, but keep nothing for a backward pass."""
        for layer in self.sublayers.values():
            x = layer.forward(x, lengths)
            layer.clear_cache()
            lengths = layer.out_lengths(lengths)
        return x

    def backward(self, dout, done=None, to_input=True):
        """Run all layers backward; call `done`, if given, with the name of each finished layer.

        With to_input=False, it ends at the first layer that has parameters, and returns None.
        """
        first = None if to_input else next((n for n, s in self.sublayers.items() if s.params), None)
        for name, layer in reversed(self.sublayers.items()):
            if name == first:
                dout = layer.backward_params(dout)
            elif dout is None:
                layer.clear_cache()
            else:
                dout = layer.backward(dout)
            if done:
                done(name)
        return dout

    def forward_chunk(self, x, state, last):
        state = state or dict.fromkeys(self.sublayers)
        after = {}
        for name, layer in self.sublayers.items():
            x, after[name] = layer.forward_chunk(x, state[name], last)
        return x, after

    def out_lengths(self, lengths):
        lengths = widen_lengths(lengths)
        for layer in self.sublayers.values():
            lengths = layer.out_lengths(lengths)
        return lengths

    def out_shape(self, shape):
        for layer in self.sublayers.values():
            shape = layer.out_shape(shape)
        return shape

    def trace(self, shape, lengths):
        """Follow the shape of a frame and the lengths (N,) through the layers, without computing.

        Yields (name, layer, shape, lengths, out_shape, out_lengths) for each layer; shape is that
        of a frame, (H,) or (C, F).
        """
        for name, layer in self.sublayers.items():
            out_shape, out_lengths = layer.out_shape(shape), layer.out_lengths(lengths)
            yield name, layer, shape, lengths, out_shape, out_lengths
            shape, lengths = out_shape, out_lengths
