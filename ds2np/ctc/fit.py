"""The number of frames a transcript needs: CTC emits at most one label per frame (chapter 05)."""

import numpy as np


def min_frames(labels):
    """Count the frames a transcript needs: its labels, and a blank between equal neighbours."""
    labels = np.asarray(labels)
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


def describe_misfit(needed, available, source):
    """Describe a transcript that needs more frames than its source, a recording, has."""
    return f"the transcript needs {needed} frames, {source} gives {available}"
