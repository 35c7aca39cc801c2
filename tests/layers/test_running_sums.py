"""Sums over all frames so far, against NumPy's."""

import numpy as np
import pytest

from ds2np.layers.running_sums import BLOCK, running_sums


@pytest.mark.parametrize("T", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 3])
def test_running_sums_are_those_of_numpy(rng, T):
    x = rng.standard_normal((2, T, 3)).astype(np.float32)
    sums = running_sums(x)
    assert sums.dtype == np.float64
    np.testing.assert_allclose(sums, x.cumsum(axis=1, dtype=np.float64), rtol=1e-12, atol=1e-12)
