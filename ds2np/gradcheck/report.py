"""The command `gradcheck`: a table that checks every backward pass by finite differences."""

import dataclasses

import numpy as np

from ds2np.audio.normalisation import normalise_backward, normalise_forward
from ds2np.audio.spectrogram import clip_spectrogram_backward, clip_spectrogram_forward
from ds2np.ctc import ctc_loss
from ds2np.gradcheck.cases import CASES, LENGTHS
from ds2np.gradcheck.numerical import TOLERANCE, check_gradients, check_layer, check_model
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config


def _check_sound(rng):
    """Check the gradient from the features back to the waveform."""
    samples = rng.standard_normal(50)
    upstream = rng.standard_normal((5, 6))  # windows of 10 samples, stride 9: 6 frequencies

    def run():
        spectrogram, spectrogram_cache = clip_spectrogram_forward(samples, 10, 9)
        x, normalise_cache = normalise_forward(spectrogram)
        return x, spectrogram_cache, normalise_cache

    def backward():
        _, spectrogram_cache, normalise_cache = run()
        dspectrogram = normalise_backward(upstream, normalise_cache)
        return {"samples": clip_spectrogram_backward(dspectrogram, spectrogram_cache)}

    return check_gradients(
        lambda: float((run()[0] * upstream).sum()), backward, {"samples": samples}
    )


def _check_ctc(rng):
    logits = rng.standard_normal((3, 8, 5))
    labels, label_lengths = np.array([[1, 2, 3], [2, 2, 0], [4, 0, 0]]), np.array([3, 2, 0])
    rest = labels, np.array([8, 5, 6]), label_lengths
    weight = rng.standard_normal(3)
    return check_gradients(
        lambda: float(weight @ ctc_loss(logits, *rest)[0]),
        lambda: {"logits": ctc_loss(logits, *rest)[1] * weight[:, None, None]},
        {"logits": logits},
    )


def _check_networks(rng):
    config = DeepSpeech2Config(
        sample_rate=800,
        characters="ab",
        conv=(ConvConfig(2, (3, 5), (2, 2)), ConvConfig(2, (3, 3), (1, 2))),
        layers=2,
        hidden=3,
    )
    forward_only = dataclasses.replace(
        config, recurrent="rnn", bidirectional=False, lookahead=2, dense=1
    )
    for name, of in (("GRU, both directions", config), ("RNN, forward only", forward_only)):
        yield (
            f"DeepSpeech2: {name}",
            check_model(
                DeepSpeech2(of, dtype=np.float64),
                rng.standard_normal((3, 12, of.features)),
                np.array([12, 9, 10]),
                np.array([[1, 2], [1, 1], [2, 1]]),
                np.array([2, 2, 1]),
            ),
        )


def check_everything():
    """Check all layers, the CTC loss and whole networks; print a table and return 1 on failure."""
    rng = np.random.default_rng(1)
    print(f"largest scaled error over all elements, float64; below {TOLERANCE:g} is right")
    wrong = 0
    wrong += _report("log spectrogram, normalised", _check_sound(rng))
    for case in CASES:
        wrong += _report(case.name, check_layer(case.layer(), case.x(rng), LENGTHS))
    wrong += _report("CTC loss", _check_ctc(rng))
    for name, comparisons in _check_networks(rng):
        wrong += _report(name, comparisons)
    print("all gradients are right" if not wrong else f"{wrong} gradients are WRONG")
    return 1 if wrong else 0


def _report(name, comparisons):
    """Print a line for a layer and one for each wrong gradient; return the number of these."""
    worst = max(comparisons, key=lambda c: c.error)
    wrong = [c for c in comparisons if not c.ok]
    verdict = "WRONG" if wrong else "ok"
    print(f"{verdict:<6}{name:<45}{worst.error:9.1e}   {worst.name}", flush=True)
    for comparison in wrong:
        print(f"      {comparison}")
    return len(wrong)
