import os
import sys

# Tests multiply small matrices: threads would only wait for each other, and for other programs.
# To be set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

# Fixtures import what they need: the tests marked gpu run where soundfile and others are missing.


def pytest_ignore_collect(collection_path, config):
    """With `-m gpu`, import only files with tests so marked, and the conftest.py beside them.

    A machine with CUDA may lack packages that the others need.
    """
    if config.option.markexpr != "gpu":
        return None
    is_folder = collection_path.is_dir()
    files = collection_path.rglob("test_*.py") if is_folder else [collection_path]
    marked = any("mark.gpu" in path.read_text(encoding="utf-8") for path in files)
    return None if marked else True


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def ds2np(capsys):
    """Run a command in this process; return its exit code, stdout and stderr."""
    from ds2np import cli

    def run(*arguments):
        capsys.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse's way out
            code = end.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def run_script(monkeypatch, capsys):
    """Run one of the data scripts, a module, in this process; return exit code, stdout, stderr."""
    import common

    def run(module, *arguments):
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            common.run(module.main)
        return end.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def no_report(monkeypatch):
    """Leave the pictures out where a test is not about them: they take longer than the training."""
    from ds2np.train.report import Report

    monkeypatch.setattr(Report, "show", lambda self, *rest: None)
    monkeypatch.setattr(Report, "write", lambda self, *rest: self.path)


@pytest.fixture(scope="session")
def shared_data():
    """Find real recordings, which are not part of the repository."""
    from helpers.shared import SHARED

    if not (SHARED / "data").is_dir():
        pytest.skip(f"no real recordings in {SHARED / 'data'}; set DS2NP_SHARED to their folder")
    return SHARED / "data"


@pytest.fixture(scope="module")
def toy_preset():
    """Let the command line know the network of the toy language as the preset "toy"."""
    from helpers import toys

    from ds2np import model

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(model.PRESETS, "toy", toys.MODEL)
        yield


@pytest.fixture(scope="session")
def utterances(tmp_path_factory):
    from helpers import toys

    from ds2np.data.manifest import read_manifest

    return read_manifest(toys.make_corpus(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="session")
def finished(tmp_path_factory, utterances):
    """The folder of a finished run; not to be changed."""
    from helpers import toys

    from ds2np.train.run import train

    folder = tmp_path_factory.mktemp("runs") / "finished"
    train(toys.MODEL, toys.TRAINING, utterances, utterances[:4], folder)
    return folder


@pytest.fixture
def trained(finished, utterances):
    """A trained recogniser and the data set that it was tested on."""
    from ds2np.data.dataset import Dataset
    from ds2np.recogniser import Recogniser

    recogniser = Recogniser.load(finished, "cpu")
    return recogniser, Dataset(utterances[:4], recogniser.config)


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    """The folder of a run whose network understands the toy language; not to be changed."""
    from helpers.readings import train_network

    from ds2np.train.report import Report

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Report, "show", lambda self, *rest: None)
        patch.setattr(Report, "write", lambda self, *rest: self.path)
        return train_network(tmp_path_factory.mktemp("reader"))
