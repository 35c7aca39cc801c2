"""What every layer shares: parameters, gradients, buffers, and a forward and a backward pass."""

import numpy as np

from ds2np.backend import get_array_module

KINDS = ("params", "grads", "buffers")


def _join(prefix, name):
    return f"{prefix}.{name}".lstrip(".")


class Layer:
    """A step of the network that can be run forward and backward.

    A layer holds its parameters, the gradient of the loss with respect to each, and buffers (state
    that is kept but not trained). ``backward`` adds to the gradients, so that several batches can
    be accumulated; ``zero_grads`` clears them.

    Attributes
    ----------
    params, grads, buffers : dict of str to ndarray
        Its own and those of its sublayers.
    sublayers : dict of str to Layer
    time_axis : int
        The axis of the input that counts frames: 1 for (N, T, H), 2 for (N, C, T, F).
    training : bool
        Whether batch statistics are taken from the batch (True) or from running averages.
    """

    time_axis = 1

    def __init__(self):
        self.params = {}
        self.grads = {}
        self.buffers = {}
        self.sublayers = {}
        self.training = True
        self._cache = None

    def forward(self, x, lengths):
        """Compute the output of a batch and keep what the backward pass needs.

        Parameters
        ----------
        x : ndarray of shape (N, ...)
        lengths : ndarray of shape (N,)
            Real frames of each utterance; what lies behind them has no influence.

        Returns
        -------
        ndarray of shape (N, ...)
            Exactly 0 on padded frames.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward pass")

    def backward(self, dout):
        """Add to the parameters' gradients and return the gradient of the input.

        Parameters
        ----------
        dout : ndarray of the shape of the output
            Gradient of the loss with respect to the output of the last forward pass.

        Returns
        -------
        ndarray of the shape of the input
            Exactly 0 on padded frames.

        Raises
        ------
        RuntimeError
            If no forward pass went before.
        """
        raise NotImplementedError(f"{type(self).__name__} has no backward pass")

    def forward_chunk(self, x, state, last):
        """Compute the output of the next piece of an utterance, in evaluation mode.

        All pieces together give what `forward` gives for the whole. A layer that looks at several
        frames keeps in its state what it still needs, and may return fewer frames than it is given,
        or none, until the last piece.

        Parameters
        ----------
        x : ndarray of shape (N, ...)
            The next frames of N utterances.
        state : object
            What the piece before left; None before the first one.
        last : bool
            Whether this is the utterances' end.

        Returns
        -------
        out : ndarray of shape (N, ...)
        state : object
        """
        T = x.shape[self.time_axis]
        return self.forward(x, np.full(len(x), T)), None

    def out_lengths(self, lengths):
        """Tell how many real frames the output has for each utterance of the input."""
        return lengths

    def out_shape(self, shape):
        """Tell the shape of one frame of output for one of input, such as (C, F) or (H,)."""
        return shape

    def multiply_adds(self, shape):
        """Count multiplications with weights for one frame of output, given a frame of input."""
        return 0

    @property
    def reach(self):
        """Frames of input that one frame of output sees; inf for all of an utterance."""
        return 1

    def add_param(self, name, value):
        """Register a parameter and a gradient of zeros for it."""
        self.params[name] = value
        self.grads[name] = get_array_module(value).zeros_like(value)

    def add_sublayer(self, name, layer):
        """Take in a layer, whose parameter W becomes "name.W", or W where the name is empty."""
        self.sublayers[name] = layer
        for kind in KINDS:
            for inner, value in getattr(layer, kind).items():
                getattr(self, kind)[_join(name, inner)] = value

    def replace_arrays(self, kind, arrays):
        """Put other arrays in place of those here and in the sublayers.

        Parameters
        ----------
        kind : {"params", "grads", "buffers"}
        arrays : dict of str to ndarray
            One for each name.
        """
        getattr(self, kind).update({name: arrays[name] for name in getattr(self, kind)})
        for prefix, layer in self.sublayers.items():
            inner = {name: arrays[_join(prefix, name)] for name in getattr(layer, kind)}
            layer.replace_arrays(kind, inner)

    def move(self, to):
        """Move parameters, gradients and buffers to another device.

        Parameters
        ----------
        to : callable
            Such as `ds2np.backend.to_gpu`; given an array, returns it on the device.
        """
        for kind in KINDS:
            arrays = getattr(self, kind)
            self.replace_arrays(kind, {name: to(value) for name, value in arrays.items()})

    def flatten(self, kind):
        """Lay all arrays of a kind into one, in the order of the layers; they become views of it.

        Parameters
        ----------
        kind : {"params", "grads", "buffers"}

        Returns
        -------
        ndarray of shape (numbers,)
        """
        arrays = getattr(self, kind)
        xp = get_array_module(next(iter(arrays.values())))
        flat = xp.concatenate([array.ravel() for array in arrays.values()])
        views, start = {}, 0
        for name, array in arrays.items():
            views[name] = flat[start : start + array.size].reshape(array.shape)
            start += array.size
        self.replace_arrays(kind, views)
        return flat

    def take_cache(self):
        """Hand over what the forward pass kept; it serves one backward pass only."""
        if self._cache is None:
            raise RuntimeError(f"{type(self).__name__}.backward needs a forward pass before it")
        cache, self._cache = self._cache, None
        return cache

    def clear_cache(self):
        """Free what the forward pass kept, where no backward pass follows."""
        self._cache = None
        for layer in self.sublayers.values():
            layer.clear_cache()

    def zero_grads(self):
        """Set all gradients to 0."""
        for grad in self.grads.values():
            grad[...] = 0

    def set_training(self, training):
        """Choose between training and evaluation mode."""
        self.training = training
        for layer in self.sublayers.values():
            layer.set_training(training)

    def state_dict(self):
        """Return parameters and buffers by name: the arrays themselves, not copies."""
        return {**self.params, **self.buffers}

    def load_state_dict(self, state):
        """Copy the values of a state dictionary into parameters and buffers.

        Raises
        ------
        ValueError
            If a name is missing, unknown, or its array has another shape.
        """
        own = self.state_dict()
        if unknown := sorted(set(state) - set(own)):
            raise ValueError(f"{unknown[0]!r} is no parameter of this network")
        for name, value in own.items():
            if name not in state:
                raise ValueError(f"parameter {name!r} is missing")
            if state[name].shape != value.shape:
                raise ValueError(
                    f"parameter {name!r} has shape {state[name].shape}, needed is {value.shape}"
                )
        for name, value in own.items():
            value[...] = get_array_module(value).asarray(state[name])


class Sequential(Layer):
    """Layers one after the other, each fed with the lengths that the one before leaves.

    Parameters
    ----------
    layers : dict of str to Layer
        In order; a parameter W of the layer "conv1" is named "conv1.W".
    """

    def __init__(self, layers):
        super().__init__()
        for name, layer in layers.items():
            self.add_sublayer(name, layer)

    def forward(self, x, lengths):
        for layer in self.sublayers.values():
            x = layer.forward(x, lengths)
            lengths = layer.out_lengths(lengths)
        return x

    def backward(self, dout, done=None):
        """Run all layers backward; ``done`` is called with the name of each that has been run."""
        for name, layer in reversed(self.sublayers.items()):
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
        for layer in self.sublayers.values():
            lengths = layer.out_lengths(lengths)
        return lengths

    def trace(self, shape, lengths):
        """Follow a frame's shape and the lengths through the layers, without computing.

        Parameters
        ----------
        shape : tuple of int
            Of one frame of input, such as (C, F) or (H,).
        lengths : ndarray of shape (N,)

        Yields
        ------
        name : str
        layer : Layer
        shape, lengths
            Of the layer's input.
        out_shape, out_lengths
            Of its output.
        """
        for name, layer in self.sublayers.items():
            out_shape, out_lengths = layer.out_shape(shape), layer.out_lengths(lengths)
            yield name, layer, shape, lengths, out_shape, out_lengths
            shape, lengths = out_shape, out_lengths
