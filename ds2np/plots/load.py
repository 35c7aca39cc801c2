"""Latency of a server over the number of streams. Chapter 16 shows it."""


def plot_load(loads, axes):
    """Draw the latencies, and the work in batches, over the number of streams.

    Parameters
    ----------
    loads : sequence of dict
        With the fields of `ds2np.bench.load.Load`.
    axes : sequence of two matplotlib axes
    """
    styles = dict(zip(sorted({load["batch"] for load in loads}), (":", "-"), strict=False))
    for batch, style in styles.items():
        rows = [load for load in loads if load["batch"] == batch]
        streams = [row["streams"] for row in rows]
        name = "one at a time" if batch == 1 else "in batches"
        for key, marker, label in (("median", "o", "median"), ("p98", "s", "98 %")):
            milliseconds = [1000 * row[key] for row in rows]
            axes[0].plot(streams, milliseconds, style + marker, ms=4, label=f"{name}, {label}")
        if batch > 1:
            share = [100 * row["together"] for row in rows]
            axes[1].plot(streams, share, style + "o", color="0.2", ms=4)
    axes[0].set(xlabel="streams", ylabel="latency (ms)", yscale="log", xlim=(0, None))
    axes[0].legend()
    axes[1].set(xlabel="streams", ylabel="work in batches of two or more (%)")
    axes[1].set(xlim=(0, None), ylim=(0, 100))
    for axis in axes:
        axis.grid(alpha=0.3)
    return axes
