"""Plausible mistakes in the exercises of chapter 03."""

import numpy as np


def one_frame_too_many(lengths, T):
    return (np.arange(T) <= lengths[:, None]).astype(float)


def as_wide_as_the_longest(lengths, T):
    return (np.arange(lengths.max()) < lengths[:, None]).astype(float)


def padding_in_front(lengths, T):
    return (np.arange(T) >= T - lengths[:, None]).astype(float)


def padding_marked_instead(lengths, T):
    return (np.arange(T) >= lengths[:, None]).astype(float)


def _axes(x):
    return (0, 1) if x.ndim == 3 else (0, 2, 3)


def _real(x, mask):
    return mask[:, :, None] if x.ndim == 3 else mask[:, None, :, None]


def _count(x, mask):
    return max(mask.sum() * (1 if x.ndim == 3 else x.shape[3]), 1)


def no_mask(x, mask):
    return x.mean(axis=_axes(x)), x.var(axis=_axes(x))


def padding_in_the_count(x, mask):
    x = np.where(_real(x, mask), x, 0)
    return x.mean(axis=_axes(x)), x.var(axis=_axes(x))


def padding_far_from_the_mean(x, mask):
    x, n = np.where(_real(x, mask), x, 0), _count(x, mask)
    mean = x.sum(axis=_axes(x), keepdims=True) / n
    return mean.ravel(), ((x - mean) ** 2).sum(axis=_axes(x)) / n


def frequencies_not_counted(x, mask):
    real, n = _real(x, mask), max(mask.sum(), 1)
    mean = np.where(real, x, 0).sum(axis=_axes(x), keepdims=True) / n
    return mean.ravel(), (np.where(real, x - mean, 0) ** 2).sum(axis=_axes(x)) / n


def multiplied_by_the_mask(x, mask):
    real, n = _real(x, mask), _count(x, mask)
    mean = (x * real).sum(axis=_axes(x), keepdims=True) / n
    return mean.ravel(), (((x - mean) * real) ** 2).sum(axis=_axes(x)) / n


def mean_of_squares_minus_square_of_mean(x, mask):
    x, n = np.where(_real(x, mask), x, 0), _count(x, mask)
    mean = x.sum(axis=_axes(x)) / n
    return mean, (x**2).sum(axis=_axes(x)) / n - mean**2


def each_utterance_counts_the_same(x, mask):
    if x.ndim == 4:
        x, mask = (
            x.transpose(0, 2, 3, 1).reshape(len(x), -1, x.shape[1]),
            mask.repeat(x.shape[3], 1),
        )
    count = np.maximum(mask.sum(axis=1), 1)[:, None]
    real = mask[:, :, None]
    mean = (np.where(real, x, 0).sum(axis=1) / count).mean(axis=0)
    return mean, ((np.where(real, x - mean, 0) ** 2).sum(axis=1) / count).mean(axis=0)


def one_less_in_the_count(x, mask):
    real, n = _real(x, mask), _count(x, mask)
    mean = np.where(real, x, 0).sum(axis=_axes(x), keepdims=True) / n
    return mean.ravel(), (np.where(real, x - mean, 0) ** 2).sum(axis=_axes(x)) / max(n - 1, 1)


def nothing_returned(x, mask):
    mean = x.mean(axis=_axes(x))
    assert mean is not None


def _parts(dout, x, mask, epsilon=1e-5):
    real, n = mask[:, :, None], max(mask.sum(), 1)
    mean = np.where(real, x, 0).sum(axis=(0, 1)) / n
    centred = np.where(real, x - mean, 0)
    std = np.sqrt((centred**2).sum(axis=(0, 1)) / n + epsilon)
    return real, n, centred / std, std, np.where(real, dout, 0)


def no_path_by_the_mean(dout, x, gamma, mask):
    _, n, normal, std, dout = _parts(dout, x, mask)
    dbeta, dgamma = dout.sum(axis=(0, 1)), (dout * normal).sum(axis=(0, 1))
    return gamma / std * (dout - normal * dgamma / n), dgamma, dbeta


def no_path_by_the_variance(dout, x, gamma, mask):
    real, n, normal, std, dout = _parts(dout, x, mask)
    dbeta, dgamma = dout.sum(axis=(0, 1)), (dout * normal).sum(axis=(0, 1))
    return np.where(real, gamma / std * (dout - dbeta / n), 0), dgamma, dbeta


def padding_counted(dout, x, gamma, mask):
    real, _, normal, std, dout = _parts(dout, x, mask)
    dbeta, dgamma = dout.sum(axis=(0, 1)), (dout * normal).sum(axis=(0, 1))
    dx = gamma / std * (dout - dbeta / mask.size - normal * dgamma / mask.size)
    return np.where(real, dx, 0), dgamma, dbeta


def gradient_on_the_padding(dout, x, gamma, mask):
    _, n, normal, std, dout = _parts(dout, x, mask)
    dbeta, dgamma = dout.sum(axis=(0, 1)), (dout * normal).sum(axis=(0, 1))
    return gamma / std * (dout - dbeta / n - normal * dgamma / n), dgamma, dbeta


def gamma_forgotten(dout, x, gamma, mask):
    real, n, normal, std, dout = _parts(dout, x, mask)
    dbeta, dgamma = dout.sum(axis=(0, 1)), (dout * normal).sum(axis=(0, 1))
    return np.where(real, (dout - dbeta / n - normal * dgamma / n) / std, 0), dgamma, dbeta


def dgamma_by_the_raw_input(dout, x, gamma, mask):
    real, n, normal, std, dout = _parts(dout, x, mask)
    dbeta, dgamma = dout.sum(axis=(0, 1)), (dout * normal).sum(axis=(0, 1))
    dx = gamma / std * (dout - dbeta / n - normal * dgamma / n)
    return np.where(real, dx, 0), (dout * np.where(real, x, 0)).sum(axis=(0, 1)), dbeta


def no_epsilon(dout, x, gamma, mask):
    real, n, normal, std, dout = _parts(dout, x, mask, epsilon=0.0)
    dbeta, dgamma = dout.sum(axis=(0, 1)), (dout * normal).sum(axis=(0, 1))
    dx = gamma / std * (dout - dbeta / n - normal * dgamma / n)
    return np.where(real, dx, 0), dgamma, dbeta


WRONG = {
    "03.1": {
        "one frame too many": one_frame_too_many,
        "only as wide as the longest utterance": as_wide_as_the_longest,
        "padding in front": padding_in_front,
        "1 for padding, 0 for real": padding_marked_instead,
    },
    "03.2": {
        "no mask": no_mask,
        "padding in the count": padding_in_the_count,
        "the distance of padding from the mean is counted": padding_far_from_the_mean,
        "frames counted, frequencies not": frequencies_not_counted,
        "multiplied by the mask, so that NaN stays": multiplied_by_the_mask,
        "mean of squares minus square of the mean": mean_of_squares_minus_square_of_mean,
        "the mean of each utterance's mean": each_utterance_counts_the_same,
        "divided by n - 1": one_less_in_the_count,
        "no return": nothing_returned,
    },
    "03.3": {
        "no path by the mean": no_path_by_the_mean,
        "no path by the variance": no_path_by_the_variance,
        "padding in the count": padding_counted,
        "a gradient on the padding": gradient_on_the_padding,
        "gamma forgotten": gamma_forgotten,
        "dgamma by the raw input": dgamma_by_the_raw_input,
        "no epsilon": no_epsilon,
    },
}
