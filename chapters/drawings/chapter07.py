"""The drawing of chapter 07: shapes on the way up the stack, gradients on the way down."""

from svg import FILLS, INK, RED, SOFT, Drawing

LAYERS = (
    ("conv1", "convolution, stride 2", "convolution", "(N, T/2, C)", "dW"),
    ("conv1_norm, conv1_relu", "normalise, clip", "convolution", "(N, T/2, C)", "dγ, dβ"),
    ("rnn1", "both directions, summed", "recurrent", "(N, T/2, H)", "dW, dU, dγ, dβ"),
    ("rnn2", "both directions, summed", "recurrent", "(N, T/2, H)", "dW, dU, dγ, dβ"),
    ("output_norm", "normalise", "linear", "(N, T/2, H)", "dγ, dβ"),
    ("output", "linear", "linear", "(N, T/2, V)", "dW, db"),
)


def draw():
    """Return the picture's text under its file name."""
    return {"stack_07_shapes.svg": str(stack())}


def stack():
    """Draw the stack, the input at the left, the loss at the right."""
    d = Drawing(
        980,
        330,
        "The layers of the network from left to right: convolution, its normalisation, two "
        "recurrent layers, a normalisation and the output, between the spectrogram and the CTC "
        "loss. Solid arrows between them carry arrays forward, with their shapes above: N by T by "
        "F, then N by T half by C, by H, and at last by V. Dashed arrows carry gradients of the "
        "same shapes back. From each layer an arrow leads down to the gradients of its parameters.",
    )
    width, gap, top = 92, 38, 108
    left = 72
    d.text(30, top + 30, "x", 17, italic=True)
    d.text(30, top + 72, "dx", 17, RED, italic=True)
    d.text(490, 30, "forward: each layer keeps what its backward pass needs", 14)
    d.line((300, 44), (680, 44), arrow=True)
    for i, (name, what, kind, shape, grads) in enumerate(LAYERS):
        x = left + i * (width + gap)
        before = "(N, T, F)" if i == 0 else LAYERS[i - 1][3]
        if i == 0:
            d.text(x - 30, top - 12, before, 11)
        d.box(x, top, width, 92, FILLS[kind])
        for k, part in enumerate(name.split(", ")):
            d.text(x + width / 2, top + 24 + 16 * k, part, 12 if len(part) < 11 else 11, bold=True)
        for k, part in enumerate(_wrap(what)):
            d.text(x + width / 2, top + 62 + 14 * k, part, 11, SOFT)
        d.line((x - gap + (0 if i else 12), top + 24), (x - 3, top + 24), arrow=True)
        d.line(
            (x - 3, top + 68),
            (x - gap + (3 if i else 12), top + 68),
            color=RED,
            arrow=True,
            dashed=True,
        )
        d.text(x + width + gap / 2, top - 12, shape, 11)
        d.line(
            (x + width / 2, top + 95),
            (x + width / 2, top + 134),
            color=RED,
            arrow=True,
            dashed=True,
        )
        d.text(x + width / 2, top + 154, grads, 13, RED, italic=True)
    end = left + 6 * (width + gap)
    d.line((end - gap, top + 24), (end - 3, top + 24), arrow=True)
    d.line((end - 3, top + 68), (end - gap + 3, top + 68), color=RED, arrow=True, dashed=True)
    d.box(end, top, 84, 92, FILLS["plain"], INK)
    d.text(end + 42, top + 40, "CTC", 14, bold=True)
    d.text(end + 42, top + 60, "loss", 12, SOFT)
    d.text(490, 292, "backward: the same shapes, the other way round", 14, RED)
    d.line((680, 306), (300, 306), color=RED, arrow=True, dashed=True)
    return d


def _wrap(text):
    """Break a text at its comma or into single words, one line for each."""
    return text.split(", ") if ", " in text else [text]
