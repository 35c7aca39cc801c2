"""Power normalisation: power relative to that of the whole clip, or of the clip so far.

Paper, "Input": log-spectrograms of power-normalised clips. A soft and a loud recording are the same
only if all is relative, the floor under the logarithm too. Chapter 01 shows what an absolute floor
does.
"""

from ds2np.audio.checks import check_axes
from ds2np.backend import get_array_module
from ds2np.layers.running_sums import running_sums

# The floor lies 55 dB below the power of the clip and of the frame. The second part hides the noise
# of rounding float32 samples, 150 dB below the frame. On recordings of five corpora, with pauses,
# clicks and offsets, a gain that is no power of two changes the logarithm by 5e-5 at most; by 1e-4
# if the floor is 1e-6; by 4e-4 with 1e-5 but no second part, in loud frames after silence. Word
# error rate of digits (FSDD): 2.7 % with 3e-6, 1.3 % with 1e-5 of the clip alone, and 2.7 % with an
# absolute floor of 1e-10; of the demo: 4.7 %, and 5.6 to 6.1 % with the absolute one.
FLOOR = 3e-6


def clip_power_forward(frames):
    """Compute the mean power of all frames (T, size), once for each frame: (T,)."""
    check_axes(frames, "T", "size")
    xp = get_array_module(frames)
    mean = xp.einsum("ts,ts->", frames, frames, dtype=xp.float64) / frames.size
    return xp.full(len(frames), mean, frames.dtype), frames


def clip_power_backward(dout, cache):
    """Compute dframes (T, size) of `clip_power_forward` from dout (T,)."""
    frames = cache
    return frames * (2 / frames.size * dout.sum())


def running_power_forward(frames, state=None):
    """Compute the mean power of all frames of each sound up to each one.

    Parameters
    ----------
    frames : ndarray of shape (N, T, size)
    state : tuple of two ndarray of float64 of shape (N, 1), optional
        Number of earlier frames, and the sum of their mean powers. A stream may be long.

    Returns
    -------
    out : ndarray of shape (N, T)
    cache : tuple
    state : tuple
        Includes these frames.
    """
    check_axes(frames, "N", "T", "size")
    xp, (N, T, size) = get_array_module(frames), frames.shape
    before, total = xp.zeros((2, N, 1)) if state is None else map(xp.asarray, state)
    powers = xp.einsum("nts,nts->nt", frames, frames, dtype=xp.float64) / size
    sums = total + running_sums(powers[:, :, None])[:, :, 0]
    counts = before + xp.arange(1, T + 1)
    out = (sums / counts).astype(frames.dtype)
    return out, (frames, counts), (before + T, sums[:, -1:] if T else total)


def running_power_backward(dout, cache):
    """Compute dframes (N, T, size) of `running_power_forward` from dout (N, T)."""
    frames, counts = cache
    shares = (dout / counts)[:, ::-1, None]
    dpowers = running_sums(shares)[:, ::-1]  # each frame counts in all later ones
    return frames * (dpowers * (2 / frames.shape[2])).astype(frames.dtype)


def power_normalise_forward(power, level, floor=FLOOR, out=None):
    """Divide the power (T, F) of frames by the level (T,) of their clip, and add the floor.

    The result goes into ``out``, if given, which may be the power.

    With the mean over frequency p_t of frame t:

        out_tf = (power_tf + floor (p_t + level_t)) / level_t

    Silence, of level 0, is at the floor.
    """
    xp = get_array_module(power)
    level = xp.where(level > 0, level, xp.ones_like(level))[:, None]
    out = xp.add(power, floor * (power.mean(axis=1, keepdims=True) + level), out=out)
    out /= level
    return out, (out, level, floor)


def power_normalise_backward(dout, cache):
    """Compute dpower (T, F) and dlevel (T,) of `power_normalise_forward` from dout (T, F)."""
    out, level, floor = cache
    total = dout.sum(axis=1, keepdims=True)  # (T, 1)
    dpower = (dout + floor / dout.shape[1] * total) / level
    dlevel = (floor * total - (dout * out).sum(axis=1, keepdims=True)) / level
    return dpower, dlevel[:, 0]
