"""The number of frames a transcript needs: CTC emits at most one label per frame (chapter 05)."""

from ds2np.ctc.arguments import to_integers


def min_frames(labels):
    """Count the frames a transcript needs: its labels, and a blank between equal neighbours.

    labels are integers of shape (L,); a ValueError is raised for others.
    """
    labels = to_integers("labels", labels, "L")
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


def describe_misfit(needed, available, source):
    """Describe a transcript that needs more frames than its source, a recording, has."""
    return f"the transcript needs {needed} frames, {source} gives {available}"
