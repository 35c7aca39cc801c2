"""A language that a tiny network learns in a second: every letter is a tone."""

import numpy as np
import soundfile

from ds2np.data.manifest import Utterance, write_manifest
from ds2np.model import ConvConfig, DeepSpeech2Config
from ds2np.train.config import TrainingConfig

RATE = 1600
TONES = {"a": 200, "b": 400, "c": 600, " ": 0}  # Hz
SECONDS = 0.1  # of each letter

MODEL = DeepSpeech2Config(
    sample_rate=RATE,
    characters=" abc",
    conv=(ConvConfig(4, (5, 5), (2, 2)),),
    layers=1,
    hidden=12,
)
TRAINING = TrainingConfig(epochs=2, batch_size=4, learning_rate=5e-3)
TEXTS = ("abc", "cab ab", "a b", "bcb", "ca bac", "b", "acc", "cba", "ab ca", "c")


def tones(text, rng):
    t = np.arange(round(SECONDS * RATE)) / RATE
    letters = [0.5 * np.sin(2 * np.pi * TONES[c] * t) * np.hanning(len(t)) for c in text]
    sound = np.concatenate(letters)
    return sound + 0.01 * rng.standard_normal(len(sound))


def make_corpus(folder, texts=TEXTS):
    """Write recordings and their manifest, tones.jsonl; return the manifest's path."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    utterances = []
    for i, text in enumerate(texts):
        path = folder / f"{i}.wav"
        soundfile.write(path, tones(text, rng), RATE)
        utterances.append(Utterance(path, SECONDS * len(text), text, "a flute"))
    write_manifest(folder / "tones.jsonl", utterances)
    return folder / "tones.jsonl"
