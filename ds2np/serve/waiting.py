"""What waits for the device, and what goes to it next: Batch Dispatch without threads or clocks.

Paper, "Batch Dispatch": the batching is eager. As soon as the device is free, all that waits goes
to it, up to a limit. Batches are small while there is little to do, which keeps the latency low,
and grow with the load, which makes each stream cheaper.
"""

from collections import deque


class Waiting:
    """The queue of pieces of streams and of whole recordings.

    Pieces go first, and between two batches of them goes one of recordings, which is short while
    there are streams. So neither waits for more than one batch of the other kind.

    Parameters
    ----------
    most : int
        Pieces, or recordings, in a batch.
    seconds : float
        Sound in a batch of recordings, padding included, while no streams are open.
    share : float
        The same, while there are streams.

    Attributes
    ----------
    streams : int
        Open streams.
    """

    def __init__(self, most=128, seconds=120.0, share=15.0):
        self.most, self.seconds, self.share = most, seconds, share
        self.streams = 0
        self._pieces, self._recordings = deque(), []
        self._pieces_next = True

    def __len__(self):
        return len(self._pieces) + len(self._recordings)

    @property
    def may_grow(self):
        """Whether only pieces wait, and others may join their batch: not all streams are in it."""
        return not self._recordings and len(self._pieces) < min(self.most, self.streams)

    def add_piece(self, job):
        """Add a stream that has a piece for the network."""
        self._pieces.append(job)

    def add_recording(self, job, first=False):
        """Add a whole recording; ``job.seconds`` is its length. `first`: it goes on."""
        self._recordings.insert(0 if first else len(self._recordings), job)

    def remove(self, gone):
        """Drop the jobs for which gone(job) is true; return them."""
        dropped = [job for job in (*self._pieces, *self._recordings) if gone(job)]
        self._pieces = deque(job for job in self._pieces if job not in dropped)
        self._recordings = [job for job in self._recordings if job not in dropped]
        return dropped

    def next(self):
        """Return the next batch: pieces, a list, and recordings, a list; one of them is empty."""
        if self._pieces and (self._pieces_next or not self._recordings):
            self._pieces_next = False
            count = min(self.most, len(self._pieces))
            return [self._pieces.popleft() for _ in range(count)], []
        self._pieces_next = True
        return [], self._take_recordings()

    def _take_recordings(self):
        """Take the recording that waits longest, and those of the most similar lengths."""
        if not self._recordings:
            return []
        oldest, *others = self._recordings
        room = self.share if self.streams else self.seconds
        batch, longest = [oldest], oldest.seconds
        for job in sorted(others, key=lambda job: abs(job.seconds - oldest.seconds)):
            longest = max(longest, job.seconds)
            if len(batch) == self.most or longest * (len(batch) + 1) > room:
                break
            batch.append(job)
        self._recordings = [job for job in self._recordings if job not in batch]
        return batch
