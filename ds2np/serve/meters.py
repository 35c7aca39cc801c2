"""What the server counts, in the format of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import Response

SECONDS = 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30
SIZES = 1, 2, 3, 5, 10, 20, 30, 50, 100, 200


class Meters:
    """Counters of one server.

    Parameters
    ----------
    streams, queued : callable
        Return how many streams are open, and how much waits for the device.
    """

    def __init__(self, streams, queued):
        self._registry = CollectorRegistry()
        name = {"registry": self._registry, "namespace": "ds2np"}
        self.requests = Counter(
            "requests", "Requests by path and status", ["path", "status"], **name
        )
        self.latency = Histogram(
            "request_seconds", "Time to the answer", ["path"], buckets=SECONDS, **name
        )
        self._batches = Histogram("batch_size", "Work in a batch", ["kind"], buckets=SIZES, **name)
        self._times = Histogram(
            "batch_seconds", "Time of a batch", ["kind"], buckets=SECONDS, **name
        )
        Gauge("streams", "Open streams", **name).set_function(streams)
        Gauge("queue", "Pieces and recordings that wait", **name).set_function(queued)

    def count_batch(self, kind, size, seconds):
        """Count a batch: its kind, its size, and the time that it took."""
        self._batches.labels(kind).observe(size)
        self._times.labels(kind).observe(seconds)

    async def answer(self, request):
        """Answer a request for all figures."""
        return Response(generate_latest(self._registry), media_type="text/plain; version=0.0.4")
