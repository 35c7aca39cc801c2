"""The ways of little_speech.py are what the command line takes."""

import argparse
import importlib.util
import sys
from pathlib import Path

import pytest

from ds2np.commands import train
from ds2np.commands.program import Parser

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        spec = importlib.util.spec_from_file_location("little_speech", FOLDER / "little_speech.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
        sys.modules.pop("rates", None)


@pytest.mark.parametrize("part", [0.125, 1.0])
def test_each_way_trains(script, monkeypatch, tmp_path, part):
    given = []
    monkeypatch.setattr(script, "command", lambda name, *words: given.append(words))
    monkeypatch.setattr(script, "take", lambda args, part: tmp_path / "part.jsonl")
    args = argparse.Namespace(folder=tmp_path, dev=tmp_path / "dev.jsonl", init=None)
    for way in script.WAYS:
        script.train_so(args, way, part, seed=0)
    parser = Parser()
    train.add_options(parser)
    options = [parser.parse_args(list(map(str, words))) for words in given]
    assert len({str(each.out) for each in options}) == len(script.WAYS)
    assert {each.epochs for each in options} == {36 if part < 1 else 12}
    named = dict(zip(script.WAYS, options, strict=True))
    assert named["slower schedule"].anneal < named["augment"].anneal
