"""PyTorch's side of the benchmark: the items with PyTorch's own modules, in float32."""

import os
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn.functional import ctc_loss

from ds2np.audio.frames import frame_sizes
from ds2np.audio.stft import POWER_FLOOR
from ds2np.model import DeepSpeech2Config


def use_all_cores():
    """Give PyTorch as many threads as NumPy has, and disable TF32."""
    torch.set_num_threads(os.cpu_count())
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)


def gemm(device, a, b):
    """Multiply two matrices."""
    x, y = torch.tensor(a, device=device), torch.tensor(b, device=device)
    return lambda: {"product": x @ y}


def spectrogram(device, clips, sample_rate):
    """Compute log spectrograms, clip by clip."""
    config = DeepSpeech2Config(sample_rate=sample_rate)
    size, stride = frame_sizes(sample_rate, config.window_ms, config.stride_ms)
    window = torch.hann_window(size, device=device)
    scale = float(1 / (window * window).sum())
    sound = torch.tensor(clips, device=device)

    def step():
        for clip in sound:
            spectrum = torch.stft(
                clip, size, stride, window=window, center=False, return_complex=True
            )
            power = spectrum.real**2
            power += spectrum.imag**2
            out = power.mul_(scale).add_(POWER_FLOOR).log_()
        return {"last spectrogram": out.T}

    return step


def convolutions(device, x, weights, dout):
    """Run convolutions, given as pairs of weights and stride, forward and backward."""
    stack = nn.Sequential(*(_convolution(W.shape, stride) for W, stride in weights)).to(device)
    with torch.no_grad():
        for layer, (W, _) in zip(stack, weights, strict=True):
            layer.weight.copy_(torch.tensor(W))
    on_device = torch.tensor(x, device=device, requires_grad=True)
    upstream = torch.tensor(dout, device=device)

    def step():
        stack.zero_grad()
        on_device.grad = None
        out = stack(on_device)
        out.backward(upstream)
        first, second = (layer.weight.grad for layer in stack)
        return {"output": out, "dx": on_device.grad, "first dW": first, "second dW": second}

    return step


def _convolution(shape, stride):
    O, C, *kernel = shape  # noqa: E741
    kind = nn.Conv2d if len(kernel) == 2 else nn.Conv1d
    return kind(C, O, kernel, stride, [size // 2 for size in kernel], bias=False)


def recurrent(device, x, inputs, recurrences, dout):
    """Run a bidirectional layer forward and backward; its outputs are summed."""
    D, width = inputs[0].shape
    H = len(recurrences[0])
    kind = nn.GRU if width == 3 * H else nn.RNN
    layer = kind(D, H, bidirectional=True, batch_first=True)
    with torch.no_grad():
        for W, U, suffix in zip(inputs, recurrences, ("", "_reverse"), strict=True):
            getattr(layer, f"weight_ih_l0{suffix}").copy_(_reorder_gates(W, H))
            getattr(layer, f"weight_hh_l0{suffix}").copy_(_reorder_gates(U, H))
        for name, parameter in layer.named_parameters():
            if name.startswith("bias"):
                parameter.zero_()
    layer.to(device)
    on_device = torch.tensor(x, device=device, requires_grad=True)
    upstream = torch.tensor(dout, device=device)

    def step():
        layer.zero_grad()
        on_device.grad = None
        out = _sum_directions(layer(on_device)[0])
        out.backward(upstream)
        return {"output": out, "dx": on_device.grad}

    return step


def _reorder_gates(weights, H):
    """Convert our GRU weights (z, r, c) to PyTorch's (r, 1 - z, c)."""
    if weights.shape[1] == 3 * H:
        z, r, c = np.split(weights, 3, axis=1)
        weights = np.concatenate([r, -z, c], axis=1)
    return torch.tensor(weights.T)


def _sum_directions(out):
    forward, backward = out.chunk(2, dim=-1)
    return forward + backward


def ctc(device, logits, labels, lengths, label_lengths):
    """Compute the CTC loss and its gradient with respect to the logits."""
    x = torch.tensor(logits, device=device, requires_grad=True)
    rest = [torch.tensor(values, device=device) for values in (labels, lengths, label_lengths)]

    def step():
        x.grad = None
        loss = ctc_loss(x.log_softmax(-1).transpose(0, 1), *rest, reduction="sum")
        loss.backward()
        return {"loss": loss, "gradient": x.grad}

    return step


def training_step(device, config, training, x, labels, out_lengths):
    """Train on one minibatch whose transcripts have equal lengths."""
    step = make_training_step(device, config, training)
    label_lengths = np.full(*labels.shape)
    on_device = [torch.tensor(a, device=device) for a in (x, labels, out_lengths, label_lengths)]
    return lambda: step(*on_device)


def make_training_step(device, config, training):
    """Return a step that trains the closest network of PyTorch modules to a configuration."""
    network = _Network(config, len(config.alphabet())).to(device)
    optimiser = torch.optim.SGD(
        network.parameters(), training.learning_rate, training.momentum, nesterov=True
    )

    def step(x, labels, out_lengths, label_lengths):
        log_probs = network(x).log_softmax(-1).transpose(0, 1)
        loss = ctc_loss(log_probs, labels, out_lengths, label_lengths, reduction="sum") / len(x)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), training.max_norm)
        optimiser.step()
        return {"loss": loss}

    return step


class _Network(nn.Module):
    """Batch norm applies to the input of each recurrent layer: PyTorch's cannot normalise W x."""

    def __init__(self, config, symbols):
        super().__init__()
        self.over_frequency = len(config.conv[0].kernel) == 2
        front, C, F = [], 1, config.features
        if not self.over_frequency:  # every frequency is a channel
            C, F = F, 1
        for conv in config.conv:
            layer = _convolution((conv.channels, C, *conv.kernel), conv.stride)
            norm = nn.BatchNorm2d if self.over_frequency else nn.BatchNorm1d
            front += [layer, norm(conv.channels), nn.Hardtanh(0, 20)]
            C = conv.channels
            F = (F - 1) // conv.stride[1] + 1 if self.over_frequency else 1
        self.front = nn.Sequential(*front)
        H, kind = config.hidden, {"gru": nn.GRU, "rnn": partial(nn.RNN, nonlinearity="relu")}
        sizes = [C * F, *[H] * config.layers]
        self.recurrent = nn.ModuleList(
            kind[config.recurrent](size, H, bidirectional=True, batch_first=True)
            for size in sizes[:-1]
        )
        self.dense = nn.ModuleList(nn.Linear(H, H, bias=False) for _ in range(config.dense))
        after = config.dense or 1  # without dense layers, the recurrent outputs are normalised
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in [*sizes[:-1], *[H] * after])
        self.output = nn.Linear(H, symbols)

    def forward(self, x):
        if self.over_frequency:
            h = self.front(x[:, None]).transpose(1, 2).flatten(2)  # (N, T, C * F)
        else:
            h = self.front(x.transpose(1, 2)).transpose(1, 2)
        norms = iter(self.norms)
        for layer in self.recurrent:
            h = _sum_directions(layer(_normalise(next(norms), h))[0])
        for layer in self.dense:
            h = _normalise(next(norms), layer(h)).clamp(0, 20)
        for norm in norms:
            h = _normalise(norm, h)
        return self.output(h)


def _normalise(norm, h):
    return norm(h.transpose(1, 2)).transpose(1, 2)


def decoding(device, logits, alphabet):
    """Decode logits greedily."""
    x = torch.tensor(logits, device=device)

    def step():
        paths = (path.unique_consecutive() for path in x.argmax(-1).cpu())
        texts = [alphabet.decode(path[path != 0].tolist()) for path in paths]
        return {"text": [" ".join(text.split()) for text in texts]}

    return step
