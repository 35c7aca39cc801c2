"""Voices that may be missing."""

import pytest

from ds2np.errors import UserError
from ds2np.synthesis.espeak import load_library


def need_espeak():
    """Skip the test if there is no espeak-ng, with the reason."""
    try:
        load_library()
    except UserError as error:
        pytest.skip(str(error))
