"""Recipes: every option is one of `train`, and what was given goes before it."""

import argparse
import re
from pathlib import Path

import pytest
from helpers import toys

from ds2np import model
from ds2np.commands import train as command
from ds2np.errors import UserError
from ds2np.train.recipe import list_recipes, read_recipe

ROOT = Path(__file__).parents[2]


def parse(*words):
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    return parser.parse_args(["--train", "t.jsonl", "--out", "run", *words])


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_gives_what_its_options_would(name):
    recipe = read_recipe(name)
    line = re.search(r"^  train +(.*)", recipe.describe(), re.MULTILINE)[1]
    written = vars(parse(*line.split()))
    args = parse("--recipe", name)
    command._apply(recipe, args)
    assert vars(args) | {"recipe": None} == written


@pytest.mark.parametrize("name", list_recipes())
def test_what_a_recipe_refers_to_exists(name):
    recipe = read_recipe(name)
    for script in re.findall(r"data_scripts/\w+\.py", recipe.data):
        assert (ROOT / script).is_file()
    source = recipe.expect["source"]
    assert (source is None) == (recipe.expect["figure"] is None) == (recipe.expect["time"] is None)
    if source:
        assert (ROOT / source).is_file()
    else:
        assert "not measured" in recipe.describe()


def test_options_that_are_given_win(capsys):
    args = parse("--recipe", "demo", "--epochs", "3", "--preset", "small")
    command._apply(read_recipe("demo"), args)
    assert (args.epochs, args.preset, args.time_strides) == (3, "small", [2, 2])
    assert "WER" in capsys.readouterr().out


def test_an_unknown_recipe_is_named():
    with pytest.raises(UserError, match=r"no recipe 'lasagne'; choose from .*demo"):
        read_recipe("lasagne")


@pytest.mark.usefixtures("no_report")
def test_training_with_a_recipe(tmp_path, monkeypatch, ds2np):
    (tmp_path / "toy.json").write_text(
        '{"about": "tones", "data": "", "train": {"preset": "toy", "epochs": 1}, "decode": {},'
        ' "expect": {"figure": null, "time": null, "source": null}}'
    )
    monkeypatch.setattr("ds2np.train.recipe.FOLDER", tmp_path)
    monkeypatch.setitem(model.PRESETS, "toy", toys.MODEL)
    manifest = toys.make_corpus(tmp_path / "corpus")
    out = tmp_path / "run"
    files = "--train", manifest, "--dev", manifest, "--out", out
    code, said, _ = ds2np("train", *files, "--recipe", "toy", "--batch-size", 4)
    assert code == 0
    assert "recipe toy: tones" in said
    assert "epoch 1 of 1" in said
