import dataclasses
import math

import pytest

# Fixtures import what they need, see ../conftest.py.


@pytest.fixture
def run(tmp_path, utterances):
    """Train on the toy; return the folder of the run."""
    from helpers import toys

    from ds2np.train.run import train

    def run(
        name="run",
        model=toys.MODEL,
        resume=False,
        data=utterances,
        minutes=math.inf,
        cache=None,
        **changes,
    ):
        config = dataclasses.replace(toys.TRAINING, **changes)
        options = {"minutes": minutes, "cache": cache}
        train(model, config, data, data[:4], tmp_path / name, resume, **options)
        return tmp_path / name

    return run
