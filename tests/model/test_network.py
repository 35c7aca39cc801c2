import dataclasses

import numpy as np
import pytest

from ds2np.ctc import ctc_loss
from ds2np.decode import greedy_decode
from ds2np.errors import UserError
from ds2np.gradcheck import check_model
from ds2np.layers import log_softmax
from ds2np.model import PRESETS, ConvConfig, DeepSpeech2, DeepSpeech2Config, preset
from ds2np.optim import SGD

SMALL = DeepSpeech2Config(
    sample_rate=800,  # 9 frequencies
    characters="ab",
    conv=(ConvConfig(2, (3, 5), (2, 2)), ConvConfig(2, (3, 3), (1, 2))),
    layers=2,
    hidden=4,
)


@pytest.mark.parametrize("recurrent", ["rnn", "gru"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_gradients_of_the_whole_network(recurrent, bidirectional, rng):
    config = dataclasses.replace(SMALL, recurrent=recurrent, bidirectional=bidirectional)
    model = DeepSpeech2(config, dtype=np.float64)
    comparisons = check_model(
        model,
        rng.standard_normal((3, 12, config.features)),
        np.array([12, 9, 10]),
        np.array([[1, 2], [1, 1], [2, 1]]),
        np.array([2, 2, 1]),
    )
    assert len(comparisons) == 1 + len(model.params)
    for comparison in comparisons:
        assert comparison.ok, str(comparison)


@pytest.mark.parametrize("conv", [SMALL.conv, (ConvConfig(4, (3,), (2,)),)])
@pytest.mark.parametrize("normalisation", ["utterance", "running"])
def test_the_backward_pass_can_end_at_the_parameters(conv, normalisation, rng):
    config = dataclasses.replace(SMALL, conv=conv, normalisation=normalisation)
    model = DeepSpeech2(config)
    x = rng.standard_normal((2, 30, config.features)).astype(np.float32)
    found = []
    for to_input in (True, False):
        model.zero_grads()
        logits, _ = model.forward(x, np.array([30, 21]))
        done = []
        dx = model.backward(logits, done.append, to_input)
        assert done == [*reversed(model.sublayers)]
        assert all(layer._cache is None for layer in model.sublayers.values())
        found.append((dx, model.flat_grads.copy()))
    (dx, grads), (nothing, same) = found
    assert dx.any()
    assert nothing is None
    assert grads.any()
    np.testing.assert_array_equal(same, grads)


def test_a_batch_equals_its_utterances_one_by_one(rng):
    model = DeepSpeech2(dataclasses.replace(SMALL, sample_rate=4000), dtype=np.float32)
    lengths = np.array([40, 23, 31])
    x = rng.standard_normal((3, 40, model.config.features)).astype(np.float32)
    model.forward(x, lengths)
    model.set_training(False)
    logits, out_lengths = model.forward(x, lengths)
    labels = np.array([[1, 2, 1]] * 3), np.array([3, 2, 1])
    _, dlogits = ctc_loss(logits, labels[0], out_lengths, labels[1])
    model.backward(dlogits)
    batch = {name: grad.copy() for name, grad in model.grads.items()}
    model.zero_grads()
    for n, length in enumerate(lengths):
        alone, own_length = model.forward(x[n : n + 1, :length], lengths[n : n + 1])
        assert own_length == out_lengths[n]
        np.testing.assert_allclose(alone[0], logits[n, : own_length[0]], atol=1e-5)
        model.backward(ctc_loss(alone, labels[0][n : n + 1], own_length, labels[1][n : n + 1])[1])
    for name, grad in model.grads.items():
        scale = max(1, np.abs(grad).max())
        np.testing.assert_allclose(grad / scale, batch[name] / scale, atol=1e-5, err_msg=name)


def test_it_memorises_four_utterances(rng):
    config = dataclasses.replace(SMALL, sample_rate=1600, hidden=32, characters=" abcd")
    model, alphabet = DeepSpeech2(config), config.alphabet()
    texts = ["abba", "cab", "a bad cab", "dad"]
    lengths = np.array([40, 30, 48, 36])
    x = rng.standard_normal((4, 48, config.features)).astype(np.float32)
    labels = np.zeros((4, 9), int)
    for row, text in zip(labels, texts, strict=True):
        row[: len(text)] = alphabet.encode(text)
    label_lengths = np.array([len(text) for text in texts])
    optimiser = SGD(model.params, model.grads, learning_rate=2e-3, momentum=0.9, max_norm=20)
    for _ in range(150):
        logits, out_lengths = model.forward(x, lengths)
        loss, dlogits = ctc_loss(logits, labels, out_lengths, label_lengths)
        model.zero_grads()
        model.backward(dlogits)
        optimiser.step()
    assert loss.max() < 0.1
    assert greedy_decode(log_softmax(logits), out_lengths, alphabet) == texts


def test_ten_steps_go_where_they_went_before(rng):
    """Losses frozen when all gradients had been checked; they guard against silent changes."""
    model = DeepSpeech2(SMALL, dtype=np.float64)
    x = rng.standard_normal((3, 20, SMALL.features))
    labels, label_lengths = np.array([[1, 2, 1], [2, 2, 0], [1, 0, 0]]), np.array([3, 2, 1])
    optimiser = SGD(model.params, model.grads, learning_rate=0.01, momentum=0.9, max_norm=10)
    losses = []
    for _ in range(10):
        logits, lengths = model.forward(x, np.array([20, 15, 11]))
        loss, dlogits = ctc_loss(logits, labels, lengths, label_lengths)
        model.zero_grads()
        model.backward(dlogits)
        optimiser.step()
        losses.append(loss.sum())
    before = [
        *(9.611076, 8.497968, 7.244809, 5.734485, 4.639414),
        *(3.879394, 3.213890, 2.679498, 2.044214, 1.439246),
    ]
    np.testing.assert_allclose(losses, before, rtol=1e-6)


@pytest.mark.parametrize("moved", [False, True])
def test_parameters_gradients_and_buffers_are_flat(moved):
    model = DeepSpeech2(SMALL)
    before = {name: value.copy() for name, value in model.state_dict().items()}
    if moved:
        model.move(np.copy)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    for kind in ("params", "grads", "buffers"):
        arrays, flat = getattr(model, kind), getattr(model, f"flat_{kind}")
        flat[...] = np.arange(len(flat))
        numbers = [
            np.append(array.ravel(), np.full(-array.size % 64, -1)) for array in arrays.values()
        ]
        in_order = np.concatenate(numbers)  # each array begins at a multiple of 64
        np.testing.assert_array_equal(in_order, np.where(in_order < 0, -1, flat))
    layer = model.sublayers["gru1"]  # the layers compute with the same numbers
    assert layer.params["W"] is model.params["gru1.W"]
    assert layer.norm.params["gamma"] is model.params["gru1.gamma"]


def test_lengths_of_the_output():
    model = DeepSpeech2(PRESETS["tiny"])
    lengths = np.array([1, 2, 3, 100, 101])
    np.testing.assert_array_equal(model.out_lengths(lengths), [1, 1, 2, 50, 51])  # ceil(T / 2)
    assert model.config.frame_ms == 20


def test_configuration_survives_json():
    for config in PRESETS.values():
        assert DeepSpeech2Config.from_dict(config.to_dict()) == config


def test_the_seed_decides_the_weights():
    one, same, other = (DeepSpeech2(SMALL, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.params["gru1.W"], same.params["gru1.W"])
    assert (one.params["gru1.W"] != other.params["gru1.W"]).any()


@pytest.mark.parametrize("characters", ["ab", PRESETS["tiny"].characters])
def test_the_initial_probability_of_the_blank_is_close_to_the_final_one(characters, rng):
    model = DeepSpeech2(dataclasses.replace(PRESETS["tiny"], characters=characters))
    x = rng.standard_normal((2, 100, model.config.features)).astype(np.float32)
    logits, _ = model.forward(x, np.array([100, 100]))
    shares = np.exp(log_softmax(logits))
    assert 0.6 < shares[..., 0].mean() < 0.9
    assert shares[..., 1:].mean(axis=(0, 1)).max() < 0.35


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(UserError, match="no preset 'huge'; choose from tiny, small"):
        preset("huge")


def test_features_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"expected \(N, T, 9\)"):
        DeepSpeech2(SMALL).forward(np.zeros((1, 5, 8)), np.array([5]))
