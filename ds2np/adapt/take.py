"""A take: one attempt at reading a sentence aloud, and what is wrong with its sound.

Levels are in decibels of full scale, of frames of 20 ms. Speech stands out of the noise of the
room; a frame counts as speech if it lies nearer to the loudest ones than to the quietest.
"""

from dataclasses import dataclass

import numpy as np

from ds2np.audio.frames import frame_forward

FRAME_MS = 20
MARGIN = 0.3  # seconds of the room that stay before and after the speech
LOUD_FRAMES = 5  # a tenth of a second at least has the level of the speech
EDGE_FRAMES = 3  # speech in the first or last of them has been cut off
SILENT, SOFT = -60, -50  # speech below: nothing, or too little, has been heard
CLEAR = 10  # decibels by which speech stands out at least
CLIPPED, RUN = 0.985, 3  # so many samples in a row at that height are clipped
MOST_CLIPPED = 1e-3  # of the samples


@dataclass(frozen=True)
class Take:
    """What has been recorded.

    Attributes
    ----------
    samples : ndarray of float32 of shape (samples,)
        The speech with a little of the room around it; all if there is no speech.
    complaint : str
        One sentence on what is wrong and what helps; empty if nothing is.
    """

    samples: np.ndarray
    complaint: str


def examine(samples, rate):
    """Return the `Take` of some recorded samples, of one channel; the rate is in hertz."""
    size = round(rate * FRAME_MS / 1000)
    if len(samples) < 2 * LOUD_FRAMES * size:
        return Take(samples, "Nothing was recorded: speak after you have clicked.")
    frames, _ = frame_forward(samples, size, size)
    levels = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-12)
    speech, room = np.sort(levels)[-LOUD_FRAMES], np.percentile(levels, 5)
    if speech < SILENT:
        return Take(samples, "Nothing was heard: is it the right microphone, and is it on?")
    if _count_clipped(samples) > MOST_CLIPPED * len(samples):
        return Take(samples, "Too loud, the sound is clipped: turn the microphone down.")
    if speech < SOFT:
        return Take(samples, "Too soft: sit closer, or turn the microphone up.")
    if speech - room < CLEAR:
        return Take(
            samples,
            f"Speech does not stand out of the noise ({speech - room:.0f} dB): sit closer, or find "
            "a quieter room.",
        )
    loud = np.flatnonzero(levels > (speech + room) / 2)
    first, last = loud[0], loud[-1]
    margin = round(MARGIN * rate)
    kept = samples[max(first * size - margin, 0) : (last + 1) * size + margin]
    if first < EDGE_FRAMES:
        return Take(kept, "The beginning is cut off: wait a moment after you have clicked.")
    if last >= len(levels) - EDGE_FRAMES:
        return Take(kept, "The end is cut off: wait a moment before you stop.")
    return Take(kept, "")


def _count_clipped(samples):
    """Count the samples that stand at full scale, several in a row with the same sign."""
    at_top = (np.abs(samples) >= CLIPPED) * np.sign(samples)
    same = np.ones(len(samples) - RUN + 1, bool)
    for k in range(RUN):
        same &= (at_top[k : len(same) + k] == at_top[: len(same)]) & (at_top[: len(same)] != 0)
    return int(same.sum())
