"""Copies of a network: their parameters are views of one flat array, shared with nobody."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from ds2np.ctc import ctc_loss
from ds2np.gradcheck.cases import CASES, LENGTHS
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.optim import EMA, SGD

SMALL = DeepSpeech2Config(
    sample_rate=800,  # 9 frequencies
    characters="ab",
    conv=(ConvConfig(2, (3, 5), (2, 2)),),
    layers=2,
    hidden=4,
)
COPIES = {
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "copy of a copy": lambda x: copy.deepcopy(pickle.loads(pickle.dumps(copy.deepcopy(x)))),
}
every_copy = pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)


def assert_views(model, layer=None, prefix=""):
    """Check that a layer and its sublayers hold the arrays of the model, views of its flat ones."""
    layer = layer or model
    kinds = {"params": model.flat_params, "grads": model.flat_grads, "buffers": model.flat_buffers}
    for kind, flat in kinds.items():
        for name, array in getattr(layer, kind).items():
            assert np.shares_memory(array, flat)
            assert array is getattr(model, kind)[f"{prefix}.{name}".strip(".")]
    for name, inner in layer.sublayers.items():
        assert_views(model, inner, f"{prefix}.{name}".strip("."))


def in_order(arrays):
    """Concatenate arrays, each filled up with zeros to a multiple of 64 numbers."""
    return np.concatenate([np.pad(a.ravel(), (0, -a.size % 64)) for a in arrays.values()])


def step(model, optimiser, rng):
    x = rng.standard_normal((2, 12, model.config.features)).astype(model.dtype)
    logits, lengths = model.forward(x, np.array([12, 9]))
    _, dlogits = ctc_loss(logits, np.array([[1, 2], [1, 0]]), lengths, np.array([2, 1]))
    model.zero_grads()
    model.backward(dlogits)
    optimiser.step()


def make_optimiser(model):
    return SGD(model.params, model.grads, learning_rate=0.01, momentum=0.9)


@every_copy
@pytest.mark.parametrize("share_input", [True, False])
def test_a_copy_is_flat_and_its_own(make_copy, share_input, rng):
    model = DeepSpeech2(dataclasses.replace(SMALL, share_input=share_input), seed=3)
    step(model, make_optimiser(model), rng)
    other = make_copy(model)
    assert_views(other)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], value)
        assert not np.shares_memory(other.state_dict()[name], value)
    assert (other.config, other.dtype, other.training) == (model.config, model.dtype, True)
    before = model.flat_params.copy()
    step(other, make_optimiser(other), rng)
    assert (other.flat_params != before).any()
    np.testing.assert_array_equal(model.flat_params, before)
    np.testing.assert_array_equal(in_order(other.params), other.flat_params)
    assert_views(model)


@every_copy
def test_a_copy_trains_as_the_original_does(make_copy, rng):
    """Two processes that average flat gradients: one on a copy, as the other on the original."""
    model = DeepSpeech2(SMALL)
    other = make_copy(model)
    for one in (model, other):
        optimiser = make_optimiser(one)
        for seed in range(3):
            step(one, optimiser, np.random.default_rng(seed))
    np.testing.assert_array_equal(other.flat_params, model.flat_params)
    np.testing.assert_array_equal(other.flat_grads, model.flat_grads)


@every_copy
@pytest.mark.parametrize("model_first", [True, False])
def test_an_optimiser_copied_with_its_model_belongs_to_the_copy(make_copy, model_first, rng):
    model = DeepSpeech2(SMALL)
    parts = {"model": model, "sgd": make_optimiser(model), "ema": EMA(model.params, 0.9)}
    step(model, parts["sgd"], rng)
    parts["ema"].update(1)
    copied = make_copy(dict(parts if model_first else reversed(parts.items())))
    other, optimiser = copied["model"], copied["sgd"]
    assert_views(other)
    assert optimiser.params is other.params
    assert optimiser.grads is other.grads
    before = [value.copy() for value in other.params.values()]
    for one, steps in ((model, parts), (other, copied)):
        step(one, steps["sgd"], np.random.default_rng(1))
        steps["ema"].update(2)
    assert all(
        (value != old).all() for value, old in zip(other.params.values(), before, strict=True)
    )
    np.testing.assert_array_equal(other.flat_params, model.flat_params)
    for name, mean in parts["ema"].mean.items():
        np.testing.assert_array_equal(copied["ema"].mean[name], mean)
    with copied["ema"].in_place():
        np.testing.assert_array_equal(other.flat_params, in_order(copied["ema"].mean))
    assert_views(other)


@every_copy
def test_an_optimiser_copied_alone_moves_parameters_of_its_own(make_copy, rng):
    model = DeepSpeech2(SMALL)
    optimiser = make_optimiser(model)
    step(model, optimiser, rng)
    other, before = make_copy(optimiser), model.flat_params.copy()
    other.step()
    np.testing.assert_array_equal(model.flat_params, before)
    optimiser.step()
    for name, value in model.params.items():
        np.testing.assert_array_equal(other.params[name], value)


@every_copy
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_layer_can_be_copied(case, make_copy, rng):
    """Without the cache: a copy needs a forward pass of its own."""
    layer, x = case.layer(), case.x(rng)
    upstream = rng.standard_normal(layer.forward(x, LENGTHS).shape)
    other = make_copy(layer)
    with pytest.raises(RuntimeError, match="needs a forward pass first"):
        other.backward(upstream)
    layer.forward(x, LENGTHS)
    other.forward(x, LENGTHS)
    np.testing.assert_array_equal(other.backward(upstream), layer.backward(upstream))
    for name, grad in layer.grads.items():
        np.testing.assert_array_equal(other.grads[name], grad)
        assert not np.shares_memory(other.grads[name], grad)
