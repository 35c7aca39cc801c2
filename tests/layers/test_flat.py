"""Many arrays in one: views, their places, and what is no flat array."""

import numpy as np
import pytest

from ds2np.layers.flat import copy_arrays, find_flat, flat_size, flat_views, flatten


@pytest.fixture
def arrays(rng):
    shapes = {"W": (5, 13), "b": (), "U": (2, 4, 8), "gamma": (65,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def test_each_array_begins_at_a_multiple_of_64_numbers(arrays):
    flat = flatten(arrays)
    assert flat.shape == (flat_size(arrays),) == (128 + 64 + 64 + 128,)
    for name, start in {"W": 0, "b": 128, "U": 192, "gamma": 256}.items():
        value = arrays[name]
        np.testing.assert_array_equal(flat[start : start + value.size], value.ravel())
    assert np.count_nonzero(flat) == sum(value.size for value in arrays.values())


def test_views_are_found_and_copied(arrays):
    flat = flatten(arrays)
    views = flat_views(flat, arrays)
    for name, value in arrays.items():
        np.testing.assert_array_equal(views[name], value)
        assert views[name].shape == value.shape
    assert find_flat(views) is flat
    copies = copy_arrays(views)
    flat[...] = 7
    for name, value in arrays.items():
        np.testing.assert_array_equal(copies[name], value)
    assert find_flat(copies) is not flat
    assert find_flat(copies).shape == flat.shape


def test_other_arrays_are_not_flat(arrays):
    views = flat_views(flatten(arrays), arrays)
    others = {
        "arrays of their own": arrays,
        "one of its own": {**views, "b": arrays["b"]},
        "some of them": {name: views[name] for name in ("W", "b")},
        "another order": dict(reversed(views.items())),
        "one turned": {**views, "W": views["W"].T},
        "one in the place of another": {**views, "gamma": views["W"].ravel()},
        "of another type": {**views, "U": views["U"].view(np.int64)},
        "none": {},
    }
    for name, others_arrays in others.items():
        assert find_flat(others_arrays) is None, name
        for key, value in copy_arrays(others_arrays).items():
            np.testing.assert_array_equal(value, others_arrays[key])
            assert not np.shares_memory(value, others_arrays[key])
