"""Support for the chapters: exercises with instant checks, figures and audio players."""

from ds2np.learn.notebook import check, play, show

__all__ = ["check", "play", "show"]
