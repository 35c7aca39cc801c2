"""The product of one frame with the recurrent weights, for all frames of a loop over time.

A BLAS first copies the factors of a product into the order in which it reads them. That hardly
matters in large products, but with the few rows of a frame it takes as long as the multiplications.
OpenBLAS does without the copy if these are at most 100^3, so here the weights are cut, once for all
frames, into blocks of columns that are narrow enough. Chapter 11 measures it.
"""

from ds2np.backend import get_array_module, is_on_gpu

SMALL = 100**3
WIDTHS = 64, 32, 16  # of a block: whole vectors of the processor


def frame_product(W, N):
    """Return a function of x (B, N, inner) that computes x W (B, N, outer), W (B, inner, outer).

    Each call overwrites the result of the one before.
    """
    xp = get_array_module(W)
    B, inner, outer = W.shape
    fitting = (w for w in WIDTHS if outer % w == 0 and N * inner * w <= SMALL)
    # One row is a product of a vector, which copies nothing.
    width = outer if N == 1 or is_on_gpu(W) else next(fitting, outer)
    count = outer // width
    blocks = xp.ascontiguousarray(W.reshape(B, inner, count, width).swapaxes(1, 2))
    out = xp.empty((B, N, outer), W.dtype)
    out_blocks = out.reshape(B, N, count, width).swapaxes(1, 2)

    def multiply(x):
        xp.matmul(x[:, None], blocks, out=out_blocks)
        return out

    return multiply
