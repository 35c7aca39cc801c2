"""The network's outputs over a long recording, computed on a GPU."""

from dataclasses import replace

import numpy as np
import pytest

from ds2np.align.outputs import Outputs, hear
from ds2np.backend import to_gpu, why_no_gpu
from ds2np.model import DeepSpeech2, preset
from ds2np.recogniser import Recogniser


@pytest.mark.gpu
@pytest.mark.skipif(why_no_gpu() is not None, reason=f"no GPU: {why_no_gpu()}")
def test_the_gpu_hears_the_same(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.wav", 0.1 * rng.standard_normal(40 * 16000), 16000)
    config = replace(preset("tiny"), layers=1, hidden=8)
    recogniser = Recogniser(DeepSpeech2(config, seed=0))
    on_cpu = hear(recogniser, tmp_path / "a.wav", tmp_path / "cpu")
    recogniser.model.move(to_gpu)
    on_gpu = hear(recogniser, tmp_path / "a.wav", tmp_path / "gpu")
    got, expected = (Outputs([each.outputs], len(config.alphabet())) for each in (on_gpu, on_cpu))
    assert len(got) == len(expected) == 2000
    np.testing.assert_allclose(got[:], expected[:], atol=1e-3)
