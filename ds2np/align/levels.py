"""How loud a recording is, every hundredth of a second, and where it is quiet.

CTC says which word is spoken, but only roughly when: a network writes a letter at some moment of
its sound. Beside a pause, the sound itself says where a word begins and ends.
"""

import numpy as np

STEP = 0.01  # seconds
FLOOR = -100.0  # decibels of full scale, of digital silence
NEAR = 30.0  # seconds over which loud and quiet are judged
LOUD, SOFT = 95, 5  # percentiles of the levels nearby
QUIET = 0.35  # of the way from soft to loud, in decibels: below, it is quiet
CONTRAST = 15.0  # decibels from soft to loud; with less, it is all quiet or all loud
BELOW = 25.0  # decibels by which a part without contrast is quieter than speech, if it is quiet


class LevelMeter:
    """Measures the levels of samples that come in blocks.

    Parameters
    ----------
    sample_rate : int
    """

    def __init__(self, sample_rate):
        self._size = round(STEP * sample_rate)
        self._rest = np.zeros(0, np.float32)

    def push(self, samples):
        """Return the levels of the hundredths that are complete, in decibels of full scale."""
        samples = np.concatenate([self._rest, samples])
        count = len(samples) // self._size
        self._rest = samples[count * self._size :]
        steps = samples[: count * self._size].reshape(count, self._size).astype(np.float64)
        # An offset is no sound.
        power = steps.var(axis=1)
        return 10 * np.log10(np.maximum(power, 10 ** (FLOOR / 10))).astype(np.float32)


def find_quiet(levels):
    """Return a boolean array (n,): where levels (n,) in decibels, every `STEP`, are quiet.

    Speech changes between loud and soft all the time: what is nearer to the soft levels around is
    quiet. Where there is no such change for half a minute, the level decides.
    """
    near = round(NEAR / STEP)
    speech = np.percentile(levels, LOUD) if len(levels) else FLOOR
    quiet = np.zeros(len(levels), bool)
    for begin in range(0, len(levels), near // 3):
        around = levels[max(begin - near // 3, 0) : begin + 2 * near // 3]
        loud, soft = np.percentile(around, [LOUD, SOFT])
        bound = soft + QUIET * (loud - soft) if loud - soft >= CONTRAST else speech - BELOW
        quiet[begin : begin + near // 3] = levels[begin : begin + near // 3] < bound
    return quiet
