"""Sums over all frames so far, on NumPy and CuPy."""

from ds2np.backend import get_array_module

BLOCK = 32  # frames in one product


def running_sums(x):
    """Return the sums of x (N, T, F) over all frames up to each one, (N, T, F) in float64.

    Within a block of frames they are a product with a triangular matrix of ones, as fast as
    `cumsum`. In CuPy 14, threads of that kernel end before a barrier that the others wait at.
    """
    xp = get_array_module(x)
    N, T, F = x.shape
    blocks = -(-T // BLOCK)
    padded = xp.zeros((N, blocks * BLOCK, F))
    padded[:, :T] = x
    sums = xp.tril(xp.ones((BLOCK, BLOCK))) @ padded.reshape(N, blocks, BLOCK, F)
    for k in range(1, blocks):
        sums[:, k] += sums[:, k - 1, -1:]
    return sums.reshape(N, blocks * BLOCK, F)[:, :T]
