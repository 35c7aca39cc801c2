"""From the network's probabilities to text."""

from ds2np.decode.greedy import greedy_decode

__all__ = ["greedy_decode"]
