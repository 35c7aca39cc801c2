import numpy as np
import pytest
from helpers.host_kernels import use_on_host

from ds2np.backend import to_gpu, why_no_gpu


@pytest.fixture(params=["host", pytest.param("gpu", marks=pytest.mark.gpu)])
def to(request, monkeypatch):
    """Return what moves arrays to where kernels compute: the host, or a GPU if there is one."""
    if request.param == "host":
        use_on_host(monkeypatch)
        return np.copy
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    return to_gpu
