"""Products of frames with weights in blocks, against whole products."""

import numpy as np
import pytest

from ds2np.layers import frame_product as module
from ds2np.layers.frame_product import frame_product


@pytest.mark.parametrize(
    ("N", "inner", "outer", "columns"),
    [
        *((16, 256, 768, 64), (64, 256, 64, 32), (100, 500, 32, 16), (200, 500, 32, 32)),
        *((1, 256, 768, 768), (3, 33, 99, 99), (3, 32, 96, 32), (2, 5, 1, 1), (0, 4, 64, 64)),
    ],
)
def test_blocks_give_the_product(N, inner, outer, columns, monkeypatch, rng):
    W, x = rng.standard_normal((2, inner, outer)), rng.standard_normal((2, N, inner))
    used, matmul = [], np.matmul
    monkeypatch.setattr(
        module, "get_array_module", lambda x: Spy(lambda *a, **b: used.append(a) or matmul(*a, **b))
    )
    multiply = frame_product(W, N)
    np.testing.assert_allclose(multiply(x), x @ W, atol=1e-12)
    assert [factors[1].shape[3] for factors in used] == [columns]
    multiply = frame_product(W.swapaxes(1, 2), N)
    np.testing.assert_allclose(multiply(x @ W), x @ W @ W.swapaxes(1, 2), atol=1e-9)


class Spy:
    ascontiguousarray, empty = staticmethod(np.ascontiguousarray), staticmethod(np.empty)

    def __init__(self, matmul):
        self.matmul = matmul


def test_states_may_be_strided(rng):
    """The states of one frame lie apart in an array of all frames."""
    W, h = rng.standard_normal((2, 64, 192)), rng.standard_normal((2, 9, 5, 64))
    multiply = frame_product(W, 5)
    for t in range(9):
        np.testing.assert_allclose(multiply(h[:, t]), h[:, t] @ W, atol=1e-12)
