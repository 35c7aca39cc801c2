"""The compact form: mapped, the same numbers, refused when it is not whole."""

import numpy as np
import pytest
from helpers.language_models import text_of

from ds2np.errors import UserError
from ds2np.lm import NGram


@pytest.fixture
def model():
    return NGram.train(text_of(), 3, log=None)


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "model.lm")
    return tmp_path / "model.lm"


def test_it_holds_the_same_model(model, path):
    again = NGram.load(path)
    assert (again.words, again.order, again.units) == (model.words, 3, "words")
    for name in model.tables.arrays:
        array = getattr(again.tables, name)
        np.testing.assert_array_equal(array, getattr(model.tables, name))
        assert not array.flags.writeable
    for line in text_of():
        np.testing.assert_array_equal(again.score(line.split()), model.score(line.split()))


def test_it_is_mapped_not_read(path):
    t = NGram.load(path).tables
    for name in t.arrays:
        array = getattr(t, name)
        while array.base is not None and not isinstance(array, np.memmap):
            array = array.base
        assert type(array).__name__ in ("memmap", "mmap")


def test_words_of_any_language_and_one_order(tmp_path):
    model = NGram.train(["\u4f60\u597d caf\u00e9"], 1, log=None)
    model.save(tmp_path / "model")
    assert NGram.load(tmp_path / "model").words == model.words


def test_cut_short_anywhere(path):
    data = path.read_bytes()
    for size in [*range(0, 400, 7), *range(400, len(data), 997), len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(UserError, match=r"model\.lm.*(cut short|empty|ARPA)"):
            NGram.load(path)


def test_another_version_damage_and_more_bytes(path):
    data = path.read_bytes()
    path.write_bytes(data[:8] + b"\x02" + data[9:])
    with pytest.raises(UserError, match=r"of version 2; expected version 1"):
        NGram.load(path)
    path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
    with pytest.raises(UserError, match="checksum of its header"):
        NGram.load(path)
    path.write_bytes(data + b"x")
    with pytest.raises(UserError, match=f"has {len(data) + 1} bytes; expected {len(data)}"):
        NGram.load(path)


def test_units_that_do_not_match(path):
    with pytest.raises(UserError, match="its units are 'words', not 'characters'"):
        NGram.load(path, units="characters")


def test_a_failure_leaves_the_old_file(path, model, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr("ds2np.lm.compact._align", lambda size: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["model.lm"]
