"""A table of a network: layers, output shapes, parameters, cost and receptive fields."""

from math import inf

import numpy as np

HEADER = ("layer", "output", "parameters", "M multiply-adds/s", "sees (ms)")


def summary(model):
    """Describe a network as a table with one line per layer, and its latency if it can stream.

    The output (frames first) is that of one second of sound. Multiply-adds are those of a direct
    computation. A frame "sees" its receptive field, in milliseconds of sound.
    """
    config = model.config
    frames = round(1000 / config.stride_ms)  # in one second; ignores the last window's overlap
    step, reach = 1, 1  # stride and receptive field of a layer's frames, in spectrogram frames
    rows = [("spectrogram", f"{frames} x {config.features}", "", "", f"{config.window_ms:g}")]
    total, work = 0, 0.0
    layers = model.trace((config.features,), np.array([frames]))
    for name, layer, in_shape, before, shape, lengths in layers:
        adds = layer.multiply_adds(in_shape)
        reach += (layer.reach - 1) * step
        step *= round(before[0] / lengths[0])
        seen = config.window_ms + (reach - 1) * config.stride_ms
        parameters = sum(value.size for value in layer.params.values())
        total, work = total + parameters, work + adds * lengths[0]
        rows.append(
            (
                name,
                " x ".join(map(str, (lengths[0], *shape))),
                f"{parameters:,}" if parameters else "",
                f"{adds * lengths[0] / 1e6:,.1f}" if adds else "",
                "all" if seen == inf else f"{seen:g}",
            )
        )
    rows.append(("total", "", f"{total:,}", f"{work / 1e6:,.1f}", ""))
    widths = [max(len(row[i]) for row in [HEADER, *rows]) for i in range(len(HEADER))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [HEADER, *rows]
    ]
    causes = config.lookahead_ms
    if (total := sum(causes.values())) < inf:
        listed = " + ".join(f"{ms:g} ms {cause}" for cause, ms in causes.items() if ms)
        lines.append(f"latency: {listed} = {total:g} ms, and the length of a stream's pieces")
    return "\n".join(lines)
