"""Solutions of chapter 03, batch normalisation for sequences."""

import numpy as np

EPSILON = 1e-5


def length_mask(lengths, T):
    """Mark real frames with 1 and padding with 0: (N, T).

    The frames' numbers stand in a row, the lengths in a column; comparing the two makes a table.
    """
    return (np.arange(T) < np.asarray(lengths)[:, None]).astype(float)


def masked_mean_var(x, mask):
    """Return mean and variance of the real frames: (H,) each, or (C,) each.

    x is (N, T, H) or (N, C, T, F), mask (N, T). `np.where` and not a product, since 0 times NaN
    is NaN. The distances are masked a second time: 0 minus the mean is not 0.
    """
    if x.ndim == 3:
        axes, real, per_frame = (0, 1), mask[:, :, None], 1
    else:
        axes, real, per_frame = (0, 2, 3), mask[:, None, :, None], x.shape[3]
    n = max(mask.sum() * per_frame, 1)
    mean = np.where(real, x, 0).sum(axis=axes, keepdims=True) / n
    centred = np.where(real, x - mean, 0)
    return mean.ravel(), (centred * centred).sum(axis=axes) / n


def seq_batchnorm_backward(dout, x, gamma, mask):
    """Return dx (N, T, H), dgamma (H,) and dbeta (H,); dout and x are (N, T, H), mask (N, T).

    The three paths together: the gradient loses its mean and its share along the normalised x,
    and is divided by the standard deviation.
    """
    real = mask[:, :, None]
    n = max(mask.sum(), 1)
    mean = np.where(real, x, 0).sum(axis=(0, 1)) / n
    centred = np.where(real, x - mean, 0)
    std = np.sqrt((centred * centred).sum(axis=(0, 1)) / n + EPSILON)
    normal = centred / std
    dout = np.where(real, dout, 0)
    dbeta = dout.sum(axis=(0, 1))
    dgamma = (dout * normal).sum(axis=(0, 1))
    dx = gamma / std * (dout - dbeta / n - normal * dgamma / n)
    return np.where(real, dx, 0), dgamma, dbeta
