import os
from pathlib import Path

# Tests multiply small matrices: threads would only wait for each other, and for other programs.
# To be set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def shared_data():
    """Find real recordings, which are not part of the repository."""
    root = Path(os.environ.get("DS2NP_SHARED", Path(__file__).parents[2] / "shared"))
    if not (root / "data").is_dir():
        pytest.skip(f"no real recordings in {root / 'data'}; set DS2NP_SHARED to their folder")
    return root / "data"
