"""The network over one long recording, in pieces, so that memory does not grow with its length.

A network that runs forward only keeps its state from piece to piece: its outputs equal those of the
whole recording. In both directions, each frame depends on all later ones. The pieces then overlap,
and the outputs near their cut edges, where the recurrence begins without what was said before, are
dropped. What remains of the difference depends on how far the network's memory reaches: it is
measured in tests/benchmarks/README.md.
"""

import numpy as np

from ds2np.backend import to_cpu
from ds2np.layers import Sequential

PIECE_SECONDS = 30  # that a piece contributes
CONTEXT_SECONDS = 5  # before and after it, of which the outputs are dropped
AT_ONCE = 4  # pieces in a minibatch


def logits_in_pieces(model, x):
    """Compute the logits of one utterance in evaluation mode, with bounded memory.

    Parameters
    ----------
    model : DeepSpeech2
    x : ndarray of shape (T, F)

    Yields
    ------
    ndarray of shape (T_piece, V)
        The logits of consecutive output frames, on the device of the network.
    """
    model.set_training(False)
    frames = _frames(model.config, PIECE_SECONDS)
    if not model.config.bidirectional:
        yield from _forward_only(model, x, frames, model.to_device)
        return
    layers = dict(model.sublayers)
    if "input_norm" in layers:  # its running statistics are those of the whole recording
        normalised = _forward_only(layers.pop("input_norm"), x, frames, model.to_device)
        x = np.concatenate([to_cpu(piece) for piece in normalised])
    yield from _overlapping(model, Sequential(layers), x, frames)


def _frames(config, seconds):
    """Convert seconds to spectrogram frames, whole strides of the network."""
    stride = round(config.frame_ms / config.stride_ms)
    return max(round(1000 * seconds / config.frame_ms), 1) * stride


def _forward_only(layer, x, frames, to_device):
    state = None
    for first in range(0, len(x), frames):
        chunk = to_device(x[first : first + frames][None])
        out, state = layer.forward_chunk(chunk, state, first + frames >= len(x))
        layer.clear_cache()
        yield out[0]


def _overlapping(model, network, x, frames):
    context = _frames(model.config, CONTEXT_SECONDS)
    starts = range(0, len(x), frames)
    for group in (starts[i : i + AT_ONCE] for i in range(0, len(starts), AT_ONCE)):
        cuts = [slice(max(s - context, 0), s + frames + context) for s in group]
        pieces = [x[cut] for cut in cuts]
        lengths = np.array([len(piece) for piece in pieces])
        batch = np.zeros((len(pieces), lengths.max(), x.shape[1]), x.dtype)
        for row, piece in zip(batch, pieces, strict=True):
            row[: len(piece)] = piece
        logits = network.infer(model.to_device(batch), lengths)
        for row, cut, start in zip(logits, cuts, group, strict=True):
            before = int(model.config.out_lengths(start - cut.start))
            count = int(model.config.out_lengths(min(frames, len(x) - start)))
            yield row[before : before + count]
