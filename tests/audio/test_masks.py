"""SpecAugment: what is hidden, how much, and by what."""

import numpy as np
import pytest

from ds2np.audio import Masks, mask
from ds2np.errors import UserError


def hidden_in(x, out):
    """Return which frequencies and which frames are hidden as a whole, and which elements are."""
    differs = out != x
    return differs.all(axis=0), differs.all(axis=1), differs


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((50, 30)).astype(np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_bands_and_spans_become_the_mean(x, seed):
    before = x.copy()
    out = mask(x, np.random.default_rng(seed), Masks(bands=1, widest=0.5, spans=1, longest=0.3))
    columns, rows, differs = hidden_in(x, out)
    np.testing.assert_array_equal(differs, columns[None] | rows[:, None])
    for marks, most in ((columns, 15), (rows, 15)):
        assert marks.sum() <= most
        assert np.abs(np.diff(marks.astype(int), prepend=0, append=0)).sum() <= 2  # in one piece
    expected = np.broadcast_to(x.mean(axis=0), x.shape)
    np.testing.assert_array_equal(out[differs], expected[differs])
    np.testing.assert_array_equal(x, before)
    assert out.dtype == x.dtype


def test_every_width_and_place_is_drawn(x):
    rng, masks = np.random.default_rng(1), Masks(bands=1, widest=0.2, spans=0)
    columns = np.array([hidden_in(x, mask(x, rng, masks))[0] for _ in range(2000)])
    widths = np.bincount(columns.sum(axis=1))
    assert len(widths) == 7  # up to 6 of 30; the two at the ends are half as frequent
    np.testing.assert_allclose(widths[1:-1], 2000 / 6, rtol=0.3)
    np.testing.assert_allclose(widths[[0, -1]], 2000 / 12, rtol=0.3)
    assert (columns.sum(axis=0) > 0).all()


def test_nothing_is_hidden_without_masks(x):
    np.testing.assert_array_equal(mask(x, np.random.default_rng(0), Masks(0, 0.5, 0, 0.5)), x)
    np.testing.assert_array_equal(mask(x, np.random.default_rng(0), Masks(3, 0.0, 3, 0.0)), x)


def test_all_may_be_hidden(x):
    out = mask(x[:1], np.random.default_rng(0), Masks(9, 1.0, 9, 1.0))
    np.testing.assert_array_equal(out, x[:1])  # the mean of one frame is that frame


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widest": 1.5}, "widest is 1.5; expected a share, 0 to 1"),
        ({"longest": -0.1}, "longest is -0.1; expected a share, 0 to 1"),
        ({"longest": float("nan")}, "longest is nan; expected a share"),
    ],
)
def test_a_share_beyond_its_limits_is_refused(values, message):
    with pytest.raises(UserError, match=message):
        Masks(**values)


def test_a_number_that_is_not_whole_is_refused():
    with pytest.raises(ValueError, match=r"the number of bands is 1.5, expected a whole number"):
        Masks(bands=1.5)
