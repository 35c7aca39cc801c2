import json
import os

import numpy as np
import pytest
from helpers import toys

from ds2np.audio.features import FEATURES_VERSION
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2
from ds2np.model.checkpoint import FORMAT, load_checkpoint, save_checkpoint
from ds2np.model.run_folder import RunFolder, load_run

PROGRESS = {"step": 3, "losses": [0.1, 1 / 3, 1e-300, float("inf")], "history": [{"wer": 0.5}]}


@pytest.fixture
def model():
    return DeepSpeech2(toys.MODEL, seed=5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.npz"


def test_round_trip_is_exact(model, path, rng):
    for value in model.state_dict().values():
        value += rng.standard_normal(value.shape).astype(value.dtype)
    state = {
        group: {name: factor * value for name, value in model.params.items()}
        for group, factor in {"velocity": 0.1, "ema": 2}.items()
    }
    save_checkpoint(path, model, PROGRESS, state)
    loaded, progress, loaded_state = load_checkpoint(path)
    assert loaded.config == model.config
    assert progress == PROGRESS
    for before, after in (
        (model.state_dict(), loaded.state_dict()),
        (state["velocity"], loaded_state["velocity"]),
        (state["ema"], loaded_state["ema"]),
    ):
        assert before.keys() == after.keys()
        for name in before:
            np.testing.assert_array_equal(before[name], after[name])


def test_a_loaded_network_is_in_evaluation_mode(model, path, rng):
    x, lengths = rng.standard_normal((2, 9, 17)).astype(np.float32), np.array([9, 6])
    save_checkpoint(path, model, {})
    model.set_training(False)
    np.testing.assert_array_equal(
        load_checkpoint(path)[0].forward(x, lengths)[0], model.forward(x, lengths)[0]
    )


def test_a_network_that_is_not_finite_does_not_replace_a_good_one(model, path):
    save_checkpoint(path, model, {})
    good = path.read_bytes()
    model.params["output.W"][0, 0] = np.nan
    with pytest.raises(UserError, match=r"a\.npz was not written: .*output\.W holds NaN"):
        save_checkpoint(path, model, {})
    assert path.read_bytes() == good
    assert os.listdir(path.parent) == [path.name]


def arrays_of(network, **header):
    header = {"format": FORMAT, "model": network.config.to_dict(), "progress": {}, **header}
    state = {f"model/{name}": value for name, value in network.state_dict().items()}
    return {"header": np.array(json.dumps(header)), **state}


def write_array(path, model):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def write_impossible(path, model):
    config = {**model.config.to_dict(), "hidden": "many"}
    np.savez(path, **arrays_of(model, model=config))


def write_without_parameter(path, model):
    arrays = arrays_of(model)
    del arrays["model/output.W"]
    np.savez(path, **arrays)


def write_truncated(path, model):
    save_checkpoint(path, model, {})
    path.write_bytes(path.read_bytes()[:-100])


def write_flipped(path, model):
    save_checkpoint(path, model, {})
    data = bytearray(path.read_bytes())
    data[data.index(model.params["output.W"].tobytes())] ^= 255
    path.write_bytes(data)


def write_with(**arrays):
    return lambda path, model: np.savez(path, **{**arrays_of(model), **arrays})


def write_config(**values):
    def write(path, model):
        np.savez(path, **arrays_of(model, model={**model.config.to_dict(), **values}))

    return write


BROKEN = {
    "empty": (lambda path, model: path.touch(), "not a complete .npz file"),
    "text": (lambda path, model: path.write_text("hello " * 99), "not a complete .npz file"),
    "one array": (write_array, "not a complete .npz file"),
    "truncated": (write_truncated, "not a complete .npz file"),
    "a byte is wrong": (write_flipped, "Bad CRC-32"),
    "other arrays": (lambda path, model: np.savez(path, a=np.zeros(3)), "no header"),
    "pickled objects": (
        lambda path, model: np.savez(path, header=np.array({"a": 1}, dtype=object)),
        "Object arrays cannot be loaded",
    ),
    "other format": (
        lambda path, model: np.savez(path, **arrays_of(model, format="ds2np checkpoint 99")),
        "its format is 'ds2np checkpoint 99'",
    ),
    "other shape": (
        lambda path, model: np.savez(
            path, **{**arrays_of(model), "model/output.W": np.zeros((2, 2))}
        ),
        "'output.W' has shape (2, 2)",
    ),
    "unknown parameter": (
        lambda path, model: np.savez(path, **arrays_of(model), **{"model/x.W": np.zeros(1)}),
        "'x.W' is not a parameter",
    ),
    "missing parameter": (write_without_parameter, "'output.W' is missing"),
    "not finite": (write_with(**{"model/output.b": np.full(4, np.nan)}), "holds NaN or infinity"),
    "complex": (write_with(**{"model/output.b": np.zeros(4, complex)}), "complex128"),
    "other velocity": (write_with(**{"velocity/output.b": np.zeros(9)}), "matches no parameter"),
    "other EMA": (write_with(**{"ema/output.b": np.zeros(9)}), "matches no parameter"),
    "huge network": (
        write_config(hidden=10**6),
        "hidden is 1000000, but no dimension of its arrays exceeds",
    ),
    "fractional rate": (write_config(sample_rate=1600.5), "sample_rate is 1600.5, expected int"),
    "the same twice": (write_config(characters=" aab"), "'a' twice"),
    "impossible network": (write_impossible, "hidden is 'many', expected int"),
}


@pytest.mark.parametrize(
    "version",
    ["ds2np checkpoint 1", "ds2np checkpoint 2", "ds2np checkpoint 2, features 3"],
)
def test_a_network_trained_on_other_features_is_refused_in_one_sentence(model, path, version):
    np.savez(path, **arrays_of(model, format=version))
    with pytest.raises(UserError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"{path} was written by another version of ds2np, which computes ")
    assert f"({version!r}, expected {FORMAT!r}); train again with" in message
    assert FORMAT.endswith(f"features {FEATURES_VERSION}")
    assert "\n" not in message


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_not_a_checkpoint_is_named(model, path, kind):
    make, reason = BROKEN[kind]
    make(path, model)
    with pytest.raises(UserError) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(f"{path} is not a checkpoint, or is damaged (")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_is_its_best_network(model, tmp_path):
    save_checkpoint(RunFolder(tmp_path).last, model, {})
    model.params["output.b"] += 1
    save_checkpoint(RunFolder(tmp_path).best, model, {})
    np.testing.assert_array_equal(load_run(tmp_path).params["output.b"], model.params["output.b"])
    last = load_run(RunFolder(tmp_path).last)
    np.testing.assert_array_equal(last.params["output.b"], model.params["output.b"] - 1)


def test_a_run_that_has_no_best_network_yet_is_its_last_one(model, tmp_path):
    save_checkpoint(RunFolder(tmp_path).last, model, {})
    assert load_run(str(tmp_path)).config == model.config


def test_no_run(tmp_path):
    with pytest.raises(UserError, match="holds no checkpoint"):
        load_run(tmp_path)
    with pytest.raises(UserError, match=r"nowhere: no such checkpoint"):
        load_run(tmp_path / "nowhere")
