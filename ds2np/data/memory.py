"""Minibatches that do not fit into memory: one sentence that says what would."""

from ds2np.backend import free_memory, free_pool
from ds2np.errors import UserError


def run_within_memory(run, size, remedy, on_gpu, try_fewer=True):
    """Return ``run(N)``; raise the UserError of `too_large` if there is not enough memory for it.

    Parameters
    ----------
    run : callable
        Computes a minibatch of a given number of utterances; a failed call keeps no arrays.
    size : tuple of int, int, float
        Utterances of the minibatch; frames and seconds of each.
    remedy : callable
        Returns what to do, given the number of utterances that fit: 0 if not even one does, None if
        it is unknown.
    on_gpu : bool
    try_fewer : bool
        On a GPU, find out how many utterances fit. It takes some runs.
    """
    try:
        return run(size[0])
    except MemoryError:  # CuPy's OutOfMemoryError is one
        pass  # while the error lives, so do the arrays of the functions that it has left
    raise too_large(size, remedy, on_gpu, run if try_fewer else None)


def too_large(size, remedy, on_gpu, run=None):
    """Return the UserError of a minibatch that does not fit; with `run`, find out what would."""
    N, frames, seconds = size
    what, verb = (f"{N} utterances", "do") if N > 1 else ("one utterance", "does")
    if not on_gpu:  # trials would take long
        return UserError(f"{what} of {frames} frames {verb} not fit into memory; {remedy(None)}")
    free_pool()
    free, total = free_memory()
    fits = None if run is None else find_largest(run, N - 1)
    would = f"{fits or 'not even one'} would fit, " if fits is not None and N > 1 else ""
    return UserError(
        f"no room on the GPU for {what} of {frames} frames ({seconds:.1f} s): {free / 1e9:.1f} of "
        f"{total / 1e9:.1f} GB are free; {would}{remedy(fits)}"
    )


def find_largest(run, most):
    """Return the largest number up to `most` for which ``run`` finds enough memory, or 0."""
    fits, fails = 0, most + 1
    while fails - fits > 1:
        number = (fits + fails) // 2
        try:
            run(number)
            fits = number
        except MemoryError:
            fails = number
        free_pool()
    return fits
