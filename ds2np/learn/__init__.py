"""Support for the chapters: exercises with instant checks, figures, audio players, widgets."""

from ds2np.learn.notebook import check, play, show
from ds2np.learn.widget import play_letters, show_widget

__all__ = ["check", "play", "play_letters", "show", "show_widget"]
