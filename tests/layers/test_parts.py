"""Arrays computed part by part."""

import threading

import numpy as np
import pytest

from ds2np.layers import parts
from ds2np.layers.parts import map_parts


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("length", "size", "count"), [(10, 3, 4), (9, 3, 3), (3, 3, 1), (0, 3, 1)])
def test_each_element_is_in_one_part(length, size, count, threads, monkeypatch):
    monkeypatch.setattr(parts, "spare_threads", lambda: threads)
    x = np.arange(length)
    found = map_parts(lambda part: x[part], x, size)
    assert len(found) == count
    np.testing.assert_array_equal(np.concatenate(found), x)


def test_threads_share_the_parts(monkeypatch):
    monkeypatch.setattr(parts, "spare_threads", lambda: 2)
    both = threading.Barrier(2, timeout=10)
    names = map_parts(lambda _: both.wait() >= 0 and threading.current_thread().name, "ab", 1)
    assert len(set(names)) == 2


def test_errors_and_settings_reach_the_threads(monkeypatch):
    monkeypatch.setattr(parts, "spare_threads", lambda: 2)
    x = np.array([1.0, 0.0])
    with np.errstate(divide="ignore"):
        assert map_parts(lambda part: 1 / x[part], x, 1) == [1, np.inf]
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        map_parts(lambda part: 1 / x[part], x, 1)
