"""What a reader of chapter 07 may well write instead."""

import numpy as np


def lengths_through(lengths, convolutions, order=1, padding=2, least=0):
    for kernel, stride, zeros in convolutions[::order]:
        lengths = np.maximum((lengths + padding * zeros - kernel) // stride + 1, least)
    return lengths


def divides_by_the_strides(lengths, convolutions):
    for _, stride, _ in convolutions:
        lengths = lengths // stride
    return lengths


def first_layer_only(lengths, convolutions):
    return lengths_through(lengths, convolutions[:1])


def backward_through(dout, layers, turn=True, full=True, carry=True):
    grads, dx = {}, dout
    for name, layer in reversed(layers.items()) if turn else layers.items():
        dx, own = layer(dx if carry else dout)
        grads |= {f"{name}.{param}" if full else param: grad for param, grad in own.items()}
    return dx, grads


def forgets_dx(dout, layers):
    return dout, backward_through(dout, layers)[1]


def forgets_to_return(dout, layers):
    backward_through(dout, layers)


def decode(log_probs, lengths, characters, padding=False, drop_first=False, tidy=True, merge=True):
    texts = []
    for scores, length in zip(log_probs, lengths, strict=True):
        path = scores if padding else scores[:length]
        path = path.argmax(axis=1)
        if drop_first:
            path = path[path > 0]
        labels, before = [], 0
        for symbol in path:
            if symbol != 0 and (symbol != before or not merge):
                labels.append(int(symbol))
            before = symbol
        text = "".join(characters[k - 1] for k in labels)
        texts.append(" ".join(text.split()) if tidy else text)
    return texts


WRONG = {
    "07.1": {
        "cuts negative lengths off at the end only": lambda n, c: np.maximum(
            lengths_through(n, c, least=-100), 0
        ),
        "divides by the strides": divides_by_the_strides,
        "runs through the stack from its end": lambda n, c: lengths_through(n, c, order=-1),
        "adds the padding once": lambda n, c: lengths_through(n, c, padding=1),
        "lets lengths become negative": lambda n, c: lengths_through(n, c, least=-100),
        "stops after the first layer": first_layer_only,
    },
    "07.2": {
        "runs in forward order": lambda d, layers: backward_through(d, layers, turn=False),
        "gives every layer the gradient from above the stack": lambda d, layers: backward_through(
            d, layers, carry=False
        ),
        "leaves out the layer's name": lambda d, layers: backward_through(d, layers, full=False),
        "returns dout in place of dx": forgets_dx,
        "returns nothing": forgets_to_return,
    },
    "07.3": {
        "makes one space of two, once": lambda x, n, a: [
            text.replace("  ", " ").strip() for text in decode(x, n, a, tidy=False)
        ],
        "reads the padding": lambda x, n, a: decode(x, n, a, padding=True),
        "drops blanks before it merges": lambda x, n, a: decode(x, n, a, drop_first=True),
        "does not merge": lambda x, n, a: decode(x, n, a, merge=False),
        "leaves spaces at the ends": lambda x, n, a: decode(x, n, a, tidy=False),
    },
}
