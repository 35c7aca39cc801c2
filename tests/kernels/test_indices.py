"""No index of the layers' kernels leaves its array: run under the address sanitizer."""

from helpers.host_kernels import run_sanitized

WATCHED = """
import numpy as np
from ds2np import kernels
from ds2np.kernels.host import HostModule
from ds2np.layers import ClippedReLU, Linear, SeqBatchNorm
from ds2np.optim import EMA, SGD

compiled = {
    name: HostModule(kernels.read_source(name), sanitize=True)
    for name in ("batchnorm", "padding", "update")
}
kernels.load = compiled.__getitem__
kernels.support = lambda x: x.dtype == np.float32
for shape in ((1, 1, 1), (3, 2, 33), (67, 1, 2), (2, 3, 4, 5), (1, 1, 2, 2100), (2, 2, 0, 3)):
    x, axis = np.ones(shape, np.float32), len(shape) - 2
    lengths = np.full(len(x), x.shape[axis])
    lengths[1:] //= 2
    H = shape[-1] if axis == 1 else shape[1]
    for layer in (SeqBatchNorm(H, axis), ClippedReLU(axis)):
        for training in (True, False):
            layer.set_training(training)
            layer.backward(layer.forward(x, lengths))
for D, H in ((1, 1), (5, 77)):
    layer = Linear(D, H, np.random.default_rng(0))
    layer.flatten("params")
    layer.flatten("grads")
    SGD(layer.params, layer.grads, 0.1).step(EMA(layer.params, 0.9), 1)
"""


def test_no_index_leaves_its_array(tmp_path):
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    ended = run_sanitized(script)
    assert ended.returncode == 0, ended.stderr[:3000]
