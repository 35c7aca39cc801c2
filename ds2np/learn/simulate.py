"""Three ways to add up an array over many processes, played through in one.

The processes are the arrays of a list, and nothing goes from one to another but by a message. All
three leave the same sum everywhere; they differ in how long that takes. A round is what can happen
at the same time: in it, each process sends at most one message and receives at most one.

With p processes and an array of n bytes:

======  ======================  ===========================  ==========
way     rounds                  bytes sent by the busiest    messages
======  ======================  ===========================  ==========
naive   2 (p - 1)               (p - 1) n                    2 (p - 1)
tree    2 ceil(log2 p)          ceil(log2 p) n               2 (p - 1)
ring    2 (p - 1)               2 (p - 1) / p n              2 p (p - 1)
======  ======================  ===========================  ==========

The ring's bytes hardly grow with p: this is why the paper, NCCL and MPI use it for gradients. Its
many rounds are many latencies; for short arrays the tree wins.
"""

import numpy as np


class Network:
    """Deliver messages between simulated processes, and count them.

    Parameters
    ----------
    size : int
        How many processes there are.

    Attributes
    ----------
    messages, rounds : int
    bytes_sent : list of int
        By each process.
    """

    def __init__(self, size):
        self.messages = self.rounds = 0
        self.bytes_sent = [0] * size
        self._on_the_way = {}

    def send(self, sender, receiver, array):
        """Send a copy: no process sees the memory of another."""
        if receiver in self._on_the_way:
            raise ValueError(f"process {receiver} receives two messages in a round")
        self._on_the_way[receiver] = array.copy()
        self.messages += 1
        self.bytes_sent[sender] += array.nbytes

    def receive(self, receiver):
        """Take the message that has been sent to a process in this round."""
        return self._on_the_way.pop(receiver)

    def end_round(self):
        """Go on to the next round."""
        if self._on_the_way:
            raise ValueError(f"nobody has taken the messages to {sorted(self._on_the_way)}")
        self.rounds += 1


def naive(arrays):
    """Add up at process 0, and send the sum back, one process after the other.

    Parameters
    ----------
    arrays : list of ndarray
        One for each process, all of the same shape; they are not changed.

    Returns
    -------
    sums : list of ndarray
        What each process has in the end.
    network : Network
        What it took.
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
    """Add up in pairs, then pairs of pairs; then back the same way.

    Parameters and results are those of `naive`.
    """
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
    """Cut the array into p chunks that travel round a ring, from each process to its neighbour.

    In the first half every chunk is added up on its way: after p - 1 rounds process r has the whole
    sum of chunk r + 1 (reduce-scatter). In the second half these sums go round once more, to be
    kept by everyone (all-gather). In every round all processes send, and none sends more.

    Parameters and results are those of `naive`.
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
