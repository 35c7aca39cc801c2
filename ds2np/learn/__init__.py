"""Support for the chapters: exercises with instant checks, figures, audio players, widgets."""

from ds2np.learn.notebook import check, play, show
from ds2np.learn.widget import show_widget

__all__ = ["check", "play", "show", "show_widget"]
