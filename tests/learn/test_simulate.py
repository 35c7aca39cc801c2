import math

import numpy as np
import pytest

from ds2np.learn.simulate import Network, naive, ring, tree

ways = pytest.mark.parametrize("way", [naive, tree, ring])
sizes = pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 12])


@ways
@sizes
@pytest.mark.parametrize("shape", [(0,), (1,), (2,), (13,), (840,), (3, 4)])
def test_everyone_has_the_sum(way, size, shape, rng):
    arrays = [rng.standard_normal(shape) for _ in range(size)]
    before = [array.copy() for array in arrays]
    sums, _ = way(arrays)
    assert len(sums) == size
    for each in sums:
        np.testing.assert_allclose(each, np.sum(arrays, axis=0), rtol=0, atol=1e-12)
        np.testing.assert_array_equal(each, sums[0])
    np.testing.assert_array_equal(arrays, before)


def test_an_array_in_another_order_of_memory(rng):
    arrays = [np.asfortranarray(rng.standard_normal((3, 4))) for _ in range(3)]
    np.testing.assert_allclose(ring(arrays)[0][1], sum(arrays), atol=1e-12)


@sizes
def test_the_counts_are_those_of_the_textbook(size):
    p, array = size, np.ones(840)  # divisible by all sizes
    depth = math.ceil(math.log2(p))
    expected = {
        naive: (2 * (p - 1), 2 * (p - 1), (p - 1) * array.nbytes),
        tree: (2 * depth, 2 * (p - 1), depth * array.nbytes),
        ring: (2 * (p - 1), 2 * p * (p - 1), 2 * (p - 1) * array.nbytes // p),
    }
    for way, (rounds, messages, busiest) in expected.items():
        _, network = way([array] * p)
        assert (network.rounds, network.messages) == (rounds, messages), way.__name__
        assert max(network.bytes_sent) == busiest, way.__name__
    assert set(network.bytes_sent) == {busiest}  # the ring's burden is the same for all


def test_short_arrays_go_round_the_ring_too():
    sums, network = ring([np.array([1.0, 2.0])] * 5)
    np.testing.assert_array_equal(sums[4], [5, 10])
    assert network.rounds == 8
    assert sum(network.bytes_sent) == 2 * 4 * 16  # each number: 4 neighbours, twice


def test_the_network_keeps_processes_apart():
    network, array = Network(2), np.zeros(2)
    network.send(0, 1, array)
    array += 1
    with pytest.raises(ValueError, match="two messages"):
        network.send(0, 1, array)
    with pytest.raises(ValueError, match=r"messages to \[1\]"):
        network.end_round()
    assert not network.receive(1).any()
