"""Long recordings in pieces: equal to the whole, and with memory that does not grow."""

import dataclasses

import numpy as np
import pytest
from helpers import toys

from ds2np.machine import peak_memory
from ds2np.model import ConvConfig, DeepSpeech2, pieces
from ds2np.recogniser import Recogniser

CONFIG = dataclasses.replace(
    toys.MODEL, conv=(ConvConfig(2, (5, 5), (2, 2)), ConvConfig(2, (3, 3), (2, 1))), hidden=6
)


def network(**changes):
    model = DeepSpeech2(dataclasses.replace(CONFIG, **changes), dtype=np.float64)
    rng = np.random.default_rng(0)
    for name, value in model.buffers.items():
        if name.endswith(("mean", "std")):
            value[...] = rng.uniform(0.5, 1.5, value.shape)
    model.set_training(False)
    return model


def compare(model, frames, rng):
    """Return the largest difference between the logits of pieces and of the whole."""
    x = rng.standard_normal((frames, model.config.features))
    whole = model.infer(x[None], np.array([frames]))[0][0]
    joined = np.concatenate(list(pieces.logits_in_pieces(model, x)))
    assert joined.shape == whole.shape
    return np.abs(joined - whole).max()


@pytest.fixture
def short_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 5)
    monkeypatch.setattr(pieces, "CONTEXT_SECONDS", 2)


LENGTHS = (1, 3, 99, 500, 501, 503, 999, 1000, 1001, 1777)


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("normalisation", ["utterance", "corpus", "running"])
def test_a_forward_network_in_pieces_equals_the_whole(short_pieces, rng, frames, normalisation):
    model = network(bidirectional=False, lookahead=3, normalisation=normalisation)
    assert compare(model, frames, rng) < 1e-10


@pytest.mark.parametrize("frames", LENGTHS)
@pytest.mark.parametrize("normalisation", ["utterance", "corpus", "running"])
def test_a_bidirectional_network_forgets_within_the_overlap(
    short_pieces, rng, frames, normalisation
):
    """Its recurrent weights are small here: of a state, a third is left after each frame."""
    model = network(normalisation=normalisation, recurrent="rnn")
    model.params["rnn1.U"] *= 0.3
    assert compare(model, frames, rng) < 1e-10


def test_the_overlap_decides_about_the_difference(monkeypatch, rng):
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 5)
    apart = []
    for seconds in (0.1, 0.5, 2.0):
        monkeypatch.setattr(pieces, "CONTEXT_SECONDS", seconds)
        apart.append(compare(network(), 1777, np.random.default_rng(1)))
    assert apart[0] > 2 * apart[1] > 4 * apart[2] > 0


def test_the_recogniser_takes_the_long_utterances_of_a_batch_in_pieces(monkeypatch, rng):
    """A transcript does not depend on the other utterances of the batch."""
    monkeypatch.setattr("ds2np.recogniser.WHOLE_SECONDS", 6)
    monkeypatch.setattr(pieces, "PIECE_SECONDS", 3)
    recogniser = Recogniser(network())
    lengths = np.array([599, 601, 1200, 40])
    x = rng.standard_normal((4, 1200, CONFIG.features))
    log_probs, out_lengths = recogniser.log_probs(x, lengths)
    assert out_lengths.tolist() == CONFIG.out_lengths(lengths).tolist()
    for n, length in enumerate(lengths):
        alone, _ = recogniser.log_probs(x[n : n + 1, :length], lengths[n : n + 1])
        np.testing.assert_allclose(log_probs[n, : out_lengths[n]], alone[0], rtol=0, atol=1e-12)


def test_memory_does_not_grow_with_the_length(rng):
    model = DeepSpeech2(dataclasses.replace(CONFIG, hidden=64))
    peaks = []
    for minutes in (2, 20):
        x = np.zeros((6000 * minutes, CONFIG.features), np.float32)
        for _ in pieces.logits_in_pieces(model, x):
            pass
        peaks.append(peak_memory() - x.nbytes)
    assert peaks[1] < peaks[0] + 20e6
