"""Twenty steps of training on synthetic features, frozen: moving code must not move a weight.

The losses are checked everywhere. The hash of all weights is checked where the arithmetic is known
to be the same to the last bit: with the same NumPy, SciPy, BLAS kernels and vector instructions.
"""

import dataclasses
import hashlib

import numpy as np
import pytest
import scipy
from threadpoolctl import threadpool_info

from ds2np.ctc import ctc_loss
from ds2np.model import DeepSpeech2, preset
from ds2np.optim import SGD
from ds2np.optim.ema import EMA

STEPS, N, T, L = 20, 3, 64, 6

NETWORKS = {
    "tiny": preset("tiny"),
    "forward only": dataclasses.replace(
        preset("tiny"), recurrent="rnn", bidirectional=False, lookahead=4, dense=1
    ),
}
# The loss of the first step, of the last one, and the norm of all parameters after it.
FROZEN = {
    "tiny": (20.881217344309274, 2.562562909037555, 79.16992150896094),
    "forward only": (18.370186506792738, 8.717072426687393, 45.035910525259695),
}
# Hashes by the versions and kernels that computed them.
HASHES = {
    ("2.4.6", "1.17.1", "AVX-512", "SkylakeX"): {
        "tiny": "e85aca9522f0df44",
        "forward only": "dbba6f06a90ba7c8",
    },
    ("2.4.6", "1.17.1", "AVX-512", "Haswell"): {
        "tiny": "58872912a20ebb9e",
        "forward only": "80753a1f53863e32",
    },
    ("2.4.6", "1.17.1", "AVX2", "Haswell"): {
        "tiny": "850e1a06ea7f5ebe",
        "forward only": "241c6658705ee3a6",
    },
}


def train(config):
    """Return the losses of all steps, the network, and the EMA of its weights."""
    rng = np.random.default_rng(0)
    model = DeepSpeech2(config, seed=1, dtype=np.float64)
    optimiser = SGD(model.params, model.grads, learning_rate=1e-3, momentum=0.9, max_norm=50.0)
    ema, losses = EMA(model.params, 0.98), []
    sounds, texts = rng.standard_normal((4, N, T, config.features)), rng.integers(1, 29, (4, N, L))
    lengths, label_lengths = np.array([T, T - 7, T - 20]), np.array([L, L - 1, L - 3])
    for step in range(1, STEPS + 1):
        x, labels = sounds[step % 4], texts[step % 4]
        logits, out_lengths = model.forward(x, lengths)
        loss, dlogits = ctc_loss(logits, labels, out_lengths, label_lengths)
        model.zero_grads()
        model.backward(dlogits / N)
        optimiser.step()
        ema.update(step)
        losses.append(float(loss.mean()))
    return losses, model, ema.mean


def arithmetic():
    """Return the versions, vector instructions and kernels that decide the last bit of a result."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]["found"]  # of NumPy's own loops, as exp
    vectors = {"X86_V4": "AVX-512", "X86_V3": "AVX2"}
    instructions = next((name for level, name in vectors.items() if level in simd), "unknown")
    blas = {pool["architecture"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    return np.__version__, scipy.__version__, instructions, *sorted(blas)


def hash_of(model, mean):
    digest = hashlib.sha256()
    for arrays in (model.params, model.buffers, mean):
        for name in sorted(arrays):
            digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()[:16]


@pytest.mark.parametrize("name", NETWORKS)
def test_twenty_steps_give_the_frozen_trajectory(name):
    losses, model, mean = train(NETWORKS[name])
    norm = float(np.sqrt(sum((value**2).sum() for value in model.params.values())))
    np.testing.assert_allclose((losses[0], losses[-1], norm), FROZEN[name], rtol=1e-9)
    if expected := HASHES.get(arithmetic()):
        assert hash_of(model, mean) == expected[name]
