import dataclasses

import numpy as np
import pytest

from ds2np.audio import Features
from ds2np.model import PRESETS, DeepSpeech2, preset
from ds2np.model.summary import summary


def rows(config):
    lines = summary(DeepSpeech2(config)).splitlines()
    return {line.split()[0]: line.split() for line in lines}


def test_figures_worked_out_by_hand():
    table = rows(preset("tiny"))
    assert table["spectrogram"] == ["spectrogram", "100", "x", "161", "20"]
    # 16 filters of 11 x 41 on one channel; 50 frames of 41 frequencies a second; 20 + 10 * 10 ms
    assert table["conv1"] == ["conv1", "50", "x", "16", "x", "41", "7,216", "14.8", "120"]
    # 11 frames of conv1's output, 20 ms apart, see 10 * 20 ms more
    assert table["conv2"] == ["conv2", "50", "x", "16", "x", "21", "59,136", "62.1", "320"]
    assert table["gru1"][:4] == ["gru1", "50", "x", "160"]
    assert table["gru1"][-1] == "all"
    # 336 * 480 + 2 * 160 * 480 weights, gamma and beta
    assert table["gru1"][4] == f"{336 * 480 + 2 * 160 * 480 + 2 * 480:,}"


@pytest.mark.parametrize("name", PRESETS)
def test_the_total_is_the_number_of_parameters(name):
    config = PRESETS[name]
    if config.hidden > 1000:  # the same layers, narrower: quick to make
        config = dataclasses.replace(config, hidden=32)
    model = DeepSpeech2(config)
    (total,) = (row.split() for row in summary(model).splitlines() if row.startswith("total"))
    assert total[:2] == ["total", f"{model.count_parameters():,}"]


def count(config):
    """Count the parameters of a network of simple RNNs or GRUs, by the paper's equations."""
    total, channels, size = 0, 1, config.features
    for conv in config.conv:
        if len(conv.kernel) == 2:
            total += channels * conv.channels * conv.kernel[0] * conv.kernel[1] + 2 * conv.channels
            channels, size = conv.channels, -(-size // conv.stride[1])
        else:
            total += size * conv.channels * conv.kernel[0] + 2 * conv.channels
            size = conv.channels
    size, H = size * channels, config.hidden
    gates = {"rnn": 1, "gru": 3}[config.recurrent]
    for _ in range(config.layers):  # shared W, one U for each direction, gamma and beta
        total += gates * (size * H + 2 * H * H + 2 * H)
        size = H
    for _ in range(config.dense):
        total += size * H + 2 * H
    return total + size * 29 + 29


@pytest.mark.parametrize(
    ("name", "millions", "tolerance"),
    [
        # The paper's table of depth keeps the size; 38 M is what it gives for it.
        *((name, 38, 0.04) for name in ("paper-5-1", "paper-5-3", "paper-7-5", "paper-9-7")),
        # Its table of convolutions gives 35 M; the widths of the recurrent layers are not stated.
        *((f"paper-{n}d-{i}", 35, 0.1) for n in (1, 2) for i in (1, 2, 3)),
        ("paper-38m", 38, 0.01),
        ("paper-70m", 70, 0.01),
        ("paper-100m", 100, 0.01),
    ],
)
def test_sizes_of_the_papers_networks(name, millions, tolerance):
    assert count(PRESETS[name]) == pytest.approx(millions * 1e6, rel=tolerance)


@pytest.mark.parametrize("name", ["paper-5-1", "paper-1d-3", "paper-2d-3", "paper-38m"])
def test_the_count_by_hand_is_the_networks(name):
    config = dataclasses.replace(PRESETS[name], hidden=24)
    assert DeepSpeech2(config).count_parameters() == count(config)


def test_latency_worked_out_by_hand():
    # 5 frames of 10 ms, 5 of 20 ms, 10 of 20 ms
    text = summary(DeepSpeech2(preset("tiny-stream")))
    assert text.endswith(
        "latency: 20 ms window + 150 ms convolutions + 200 ms row convolution = 370 ms, and the "
        "length of a stream's pieces"
    )
    assert "latency" not in summary(DeepSpeech2(preset("tiny")))


@pytest.mark.parametrize("lookahead", [0, 2])
@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (2, 3)])
def test_latency_is_what_a_stream_waits(strides, lookahead, rng):
    """Output frame j comes as soon as the sound has gone on so long after its beginning."""
    config = dataclasses.replace(preset("tiny-stream"), hidden=4, layers=1, lookahead=lookahead)
    config = config.with_time_strides(strides)
    model, stream = DeepSpeech2(config), Features(config).stream()
    model.set_training(False)
    state, came = None, []
    for millisecond in range(1, 700):
        frames = stream.push(rng.standard_normal(16).astype(np.float32))
        if len(frames):
            out, state = model.forward_chunk(frames[None], state)
            came += [millisecond] * out.shape[1]
    latency = sum(config.lookahead_ms.values())
    np.testing.assert_array_equal(came, latency + config.frame_ms * np.arange(len(came)))
    assert len(came) > 2
