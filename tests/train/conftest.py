import pytest
import toys

from ds2np.data.dataset import Dataset
from ds2np.data.manifest import read_manifest
from ds2np.train.checkpoint import load_run
from ds2np.train.run import train


@pytest.fixture(scope="session")
def utterances(tmp_path_factory):
    return read_manifest(toys.make_corpus(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="session")
def finished(tmp_path_factory, utterances):
    """The folder of a finished run; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    train(toys.MODEL, toys.TRAINING, utterances, utterances[:4], folder)
    return folder


@pytest.fixture
def trained(finished, utterances):
    """A trained network and the data set that it was tested on."""
    model = load_run(finished)
    return model, Dataset(utterances[:4], model.config)
