"""Solutions of the exercises of chapter 02, convolution over time and frequency."""

import numpy as np


def conv_out_length(length, kernel, stride, padding):
    """Count the windows that fit: the first one, and one more for each whole step."""
    return np.maximum((length + 2 * padding - kernel) // stride + 1, 0)


def conv1d_forward(x, W, stride=1, padding=0):
    """Slide O filters over time: (N, T, D) becomes (N, T_out, O)."""
    N, T, D = x.shape
    K, _, O = W.shape  # noqa: E741
    padded = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    T_out = int(conv_out_length(T, K, stride, padding))
    out = np.zeros((N, T_out, O), x.dtype)
    for t in range(T_out):
        window = padded[:, stride * t : stride * t + K]  # (N, K, D)
        out[:, t] = window.reshape(N, K * D) @ W.reshape(K * D, O)
    return out


def receptive_field(kernels, strides):
    """Count the frames that one output sees, and those from one output to the next."""
    frames, step = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        frames += (kernel - 1) * step  # each further tap is one step of this layer's input away
        step *= stride
    return frames, step


def conv1d_backward(dout, x, W, stride=1, padding=0):
    """Compute dx (N, T, D) and dW (K, D, O) from dout (N, T_out, O)."""
    N, T, D = x.shape
    K, _, O = W.shape  # noqa: E741
    padded = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    dpadded, dW = np.zeros_like(padded), np.zeros_like(W)
    for t in range(dout.shape[1]):
        seen = slice(stride * t, stride * t + K)
        window = padded[:, seen].reshape(N, K * D)
        dW += (window.T @ dout[:, t]).reshape(K, D, O)
        dpadded[:, seen] += (dout[:, t] @ W.reshape(K * D, O).T).reshape(N, K, D)
    return dpadded[:, padding : padding + T], dW
