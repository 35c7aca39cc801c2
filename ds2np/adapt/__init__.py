"""From a network that knows other voices to one that knows yours, with a few minutes of speech."""

from ds2np.adapt.adaptation import Adaptation, adapt, find_learned
from ds2np.adapt.speech import hold_out, read_speech

__all__ = ["Adaptation", "adapt", "find_learned", "hold_out", "read_speech"]
