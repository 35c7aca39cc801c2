"""What makes the chapters work: exercises with instant checks, pictures and players."""

from ds2np.learn.notebook import check, play, show

__all__ = ["check", "play", "show"]
