"""Support for the chapters: exercises with instant checks, figures, audio players and widgets."""

from ds2np.learn.notebook import check, hint, play, show
from ds2np.learn.widget import play_letters, show_widget

__all__ = ["check", "hint", "play", "play_letters", "show", "show_widget"]
