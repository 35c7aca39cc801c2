import dataclasses

import pytest

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
    total = summary(model).splitlines()[-1].split()
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
