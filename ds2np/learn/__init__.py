"""Support for the chapters: exercises with instant checks, figures and audio players."""

from ds2np.learn.notebook import check, hint, play, show

__all__ = ["check", "hint", "play", "show"]
