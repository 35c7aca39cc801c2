"""Readings of long texts in the toy language, with pauses, and a network that understands them."""

import dataclasses
import itertools

import numpy as np
import soundfile

from ds2np.data.manifest import read_manifest
from helpers import toys


def draw_sentence(rng):
    """Draw a sentence of two to four words."""
    sizes = rng.integers(1, 4, int(rng.integers(2, 5)))
    return " ".join("".join(rng.choice(list("abc"), size)) for size in sizes)


def train_network(folder):
    """Train a network; return its run folder."""
    from ds2np.train.run import train

    rng = np.random.default_rng(0)
    texts = [draw_sentence(rng) for _ in range(60)]
    utterances = read_manifest(toys.make_corpus(folder / "corpus", texts))
    training = dataclasses.replace(toys.TRAINING, epochs=6, learning_rate=1e-2, quiet=0.5)
    train(toys.MODEL, training, utterances, utterances[:8], folder / "run")
    return folder / "run"


def read_aloud(path, rng, parts, pauses=(0.4, 0.9)):
    """Write a recording; return the boundaries (n, 2) of its parts in seconds.

    Parts are sentences, or numbers: seconds of a hum that is no letter.
    """
    sounds, bounds, place = [], [], 0
    for part in parts:
        pause = np.zeros(round(rng.uniform(*pauses) * toys.RATE))
        if isinstance(part, str):
            sound = toys.tones(part, rng)
        else:
            sound = 0.3 * np.sin(2 * np.pi * 300 * np.arange(round(part * toys.RATE)) / toys.RATE)
        place += len(pause)
        bounds.append((place / toys.RATE, (place + len(sound)) / toys.RATE))
        place += len(sound)
        sounds += [pause, sound]
    samples = np.concatenate([*sounds, np.zeros(round(pauses[1] * toys.RATE))])
    samples += 1e-3 * rng.standard_normal(len(samples))
    soundfile.write(path, samples, toys.RATE)
    return np.array(bounds)


def draw_text(rng, count):
    """Draw sentences, no two alike."""
    sentences = (draw_sentence(rng) for _ in itertools.count())
    found = {}
    while len(found) < count:
        found[next(sentences)] = None
    return list(found)
