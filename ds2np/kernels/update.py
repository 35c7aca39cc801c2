"""SGD, clipping and the EMA of the weights on a GPU: two launches for all parameters together.

For flat arrays of float32. `ds2np.optim` has the same for one array after the other.
"""

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module

THREADS = 256  # as in update.cu
MAX_BLOCKS = 1024


def update_by_kernel(weights, grad, velocity, mean, rate, max_norm, momentum, keep):
    """Clip the gradient, and move velocity, weights and their mean.

    All arrays have shape (numbers,); mean is None where there is none, and `keep` its decay.
    Returns the norm of the gradient, (1,) in float64, on the GPU. If it is not finite, nothing
    else changes.
    """
    xp, size = get_array_module(weights), np.int32(weights.size)
    blocks = max(min(-(-weights.size // THREADS), MAX_BLOCKS), 1)
    squares, norm = xp.empty(blocks, np.float64), xp.empty(1, np.float64)
    module = kernels.load("update")
    module.get_function("squared_norm")(
        (blocks,), (THREADS,), (grad, squares, size), shared_mem=8 * THREADS
    )
    numbers = np.float64(rate), np.float64(max_norm), np.float32(momentum)
    averaged = (np.float32(-1), velocity) if mean is None else (np.float32(keep), mean)
    keep, mean = averaged
    module.get_function("move_weights")(
        (blocks,),
        (THREADS,),
        (grad, squares, np.int32(blocks), *numbers, keep, norm, velocity, weights, mean, size),
        shared_mem=8 * THREADS,
    )
    return norm
