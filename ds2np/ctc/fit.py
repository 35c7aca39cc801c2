"""Does a transcript fit its frames? CTC writes one label a frame at most (chapter 05)."""

import numpy as np


def min_frames(labels):
    """Count the frames that a transcript needs: its labels, and a blank between equal neighbours.

    Parameters
    ----------
    labels : sequence of int

    Returns
    -------
    int
    """
    labels = np.asarray(labels)
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


def describe_misfit(needed, available, source):
    """Describe a transcript that needs more frames than its source, such as a recording, gives."""
    return f"the transcript needs {needed} frames, {source} gives {available}"
