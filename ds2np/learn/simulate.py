"""Three all-reduce algorithms, simulated in one process. Chapter 13 explains them.

Each array of a list belongs to one simulated process; processes exchange data by messages only. In
a round, each process sends at most one message and receives at most one. All three algorithms leave
the same sum everywhere. Their cost with p processes and an array of n bytes:

======  ======================  ===========================  ==========
name    rounds                  bytes sent by the busiest    messages
======  ======================  ===========================  ==========
naive   2 (p - 1)               (p - 1) n                    2 (p - 1)
tree    2 ceil(log2 p)          ceil(log2 p) n               2 (p - 1)
ring    2 (p - 1)               2 (p - 1) / p n              2 p (p - 1)
======  ======================  ===========================  ==========

The bytes of the ring hardly grow with p, so the paper, NCCL and MPI use it for gradients. For short
arrays the latency of its many rounds dominates, and the tree is faster.
"""

import numpy as np


class Network:
    """A network between simulated processes that counts messages.

    Attributes
    ----------
    messages, rounds : int
    bytes_sent : list of int
        One entry per process.
    """

    def __init__(self, size):
        self.messages = self.rounds = 0
        self.bytes_sent = [0] * size
        self._on_the_way = {}

    def send(self, sender, receiver, array):
        """Send a copy of an array; processes share no memory."""
        if receiver in self._on_the_way:
            raise ValueError(f"process {receiver} was sent two messages in one round")
        self._on_the_way[receiver] = array.copy()
        self.messages += 1
        self.bytes_sent[sender] += array.nbytes

    def receive(self, receiver):
        """Return the message sent to a process in this round."""
        return self._on_the_way.pop(receiver)

    def end_round(self):
        """Start the next round; all messages must have been received."""
        if self._on_the_way:
            raise ValueError(f"the messages to {sorted(self._on_the_way)} were not received")
        self.rounds += 1


def naive(arrays):
    """Add the arrays at process 0 and send the sum back, one process after the other.

    Parameters
    ----------
    arrays : list of ndarray
        One per process, all of the same shape. They stay unchanged.

    Returns
    -------
    sums : list of ndarray
        The result of each process.
    network : Network
        The communication it took.
    """
    sums, network = [array.copy() for array in arrays], Network(len(arrays))
    for other in range(1, len(sums)):
        network.send(other, 0, sums[other])
        sums[0] += network.receive(0)
        network.end_round()
    for other in range(1, len(sums)):
        network.send(0, other, sums[0])
        sums[other][...] = network.receive(other)
        network.end_round()
    return sums, network


def tree(arrays):
    """Add the arrays in pairs, then pairs of pairs; send the sum back the same way. See `naive`."""
    sums, network = [array.copy() for array in arrays], Network(len(arrays))
    size = len(sums)
    distances = [2**k for k in range((size - 1).bit_length())]  # 1, 2, 4, ... below size
    for distance in distances:
        pairs = [(r, r + distance) for r in range(0, size - distance, 2 * distance)]
        for near, far in pairs:
            network.send(far, near, sums[far])
        for near, _ in pairs:
            sums[near] += network.receive(near)
        network.end_round()
    for distance in reversed(distances):
        pairs = [(r, r + distance) for r in range(0, size - distance, 2 * distance)]
        for near, far in pairs:
            network.send(near, far, sums[near])
        for _, far in pairs:
            sums[far][...] = network.receive(far)
        network.end_round()
    return sums, network


def ring(arrays):
    """Pass p chunks of the arrays round a ring, from each process to its neighbour. See `naive`.

    Reduce-scatter: after p - 1 rounds of passing on and adding, process r has the complete sum of
    chunk r + 1. All-gather: these sums travel round the ring once more, and every process keeps
    them. In every round each process sends exactly one chunk.
    """
    sums, network = [np.array(array, order="C") for array in arrays], Network(len(arrays))
    size = len(sums)
    chunks = [np.array_split(each.reshape(-1), size) for each in sums]  # views; some may be empty
    for k in range(size - 1):
        for r in range(size):
            network.send(r, (r + 1) % size, chunks[r][(r - k) % size])
        for r in range(size):
            chunks[r][(r - 1 - k) % size] += network.receive(r)
        network.end_round()
    for k in range(size - 1):
        for r in range(size):
            network.send(r, (r + 1) % size, chunks[r][(r + 1 - k) % size])
        for r in range(size):
            chunks[r][(r - k) % size][...] = network.receive(r)
        network.end_round()
    return sums, network
