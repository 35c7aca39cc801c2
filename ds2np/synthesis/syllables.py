"""Mandarin syllables in four tones, three at a time: no word around them tells the tone.

Each utterance of the test is made in four ways, to see what a network goes by. espeak-ng's rising
and dipping tones last a fifth longer than its level and falling ones. So there is a way in which
all syllables last equally long, one in which their pitch does not move, and one with both.
"""

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np

from ds2np.audio import load_audio
from ds2np.audio.vocoder import time_stretch
from ds2np.data.manifest import Utterance, write_manifest
from ds2np.files import make_folder
from ds2np.synthesis.corpus import TEST_SIZES, TEST_VARIANTS, TRAIN_SIZES, TRAIN_VARIANTS, assign
from ds2np.synthesis.espeak import load_library
from ds2np.synthesis.languages import LANGUAGES
from ds2np.synthesis.recording import SAMPLE_RATE, record

# Each row is a syllable: level, rising, dipping and falling.
SYLLABLES = (
    "妈麻马骂",  # ma
    "八拔把爸",  # ba
    "搭达打大",  # da
    "衣姨椅意",  # yi
    "书熟鼠树",  # shu
    "汤糖躺烫",  # tang
    "灰回悔会",  # hui
    "猪竹煮住",  # zhu
)
TONE = {character: tone for row in SYLLABLES for tone, character in enumerate(row)}
SYLLABLE = {character: number for number, row in enumerate(SYLLABLES) for character in row}

LENGTH = 3  # syllables in an utterance
PAUSES = (0.1, 0.2)  # seconds, drawn for each
SECONDS = 0.35  # of each syllable, where all last equally long

# How the pitch moves (see `Espeak.say`), and whether all syllables last equally long.
WAYS = {
    "spoken": (LANGUAGES["zh"].pitch_range, False),
    "equal": (LANGUAGES["zh"].pitch_range, True),
    "flat": (0, False),
    "flat-equal": (0, True),
}

# Voices, their sizes, and the ways of each part; no voice of the test occurs in another part.
PARTS = {
    "train": (TRAIN_VARIANTS, TRAIN_SIZES, ("spoken", "equal")),
    "dev": (TRAIN_VARIANTS, TRAIN_SIZES, ("spoken", "equal")),
    "test": (TEST_VARIANTS, TEST_SIZES, tuple(WAYS)),
}


def trim(samples, share=0.02, margin=160):
    """Cut off the silence around a sound: what is below a share of its peak, but for a margin."""
    loud = np.flatnonzero(np.abs(samples) > share * np.abs(samples).max())
    return samples[max(loud[0] - margin, 0) : loud[-1] + 1 + margin]


def equalise(syllable, seconds=SECONDS):
    """Stretch a syllable to a duration with its pitch as it was; see `time_stretch`."""
    count = round(seconds * SAMPLE_RATE)
    return np.resize(time_stretch(syllable, len(syllable) / count), count)


def join(syllables, pauses):
    """Join syllables with pauses (in seconds) before, between and after them."""
    silences = [np.zeros(round(seconds * SAMPLE_RATE), np.float32) for seconds in pauses]
    pieces = [piece for pair in zip(silences, syllables, strict=False) for piece in pair]
    return np.concatenate([*pieces, silences[-1]])


def write_syllables(folder, seed=0, jobs=2, **counts):
    """Make a corpus of random syllables, completely or not at all.

    Parameters
    ----------
    folder : Path
        A new folder. Receives a manifest of each part and way, such as test-equal.jsonl.
    seed : int
    jobs : int
        Processes of espeak-ng at a time.
    **counts
        Utterances of each part: train, dev, test.

    Raises
    ------
    UserError
        If espeak-ng is missing.
    """
    folder = Path(folder).resolve()
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    make_folder(partial)
    load_library()  # fail now rather than in every process
    rng = np.random.default_rng(seed)
    try:
        for part, count in counts.items():
            _write_part(partial, part, count, rng, jobs)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_part(folder, part, count, rng, jobs):
    import soundfile

    variants, sizes, ways = PARTS[part]
    characters = list(TONE)
    texts = ["".join(rng.choice(characters, LENGTH)) for _ in range(count)]
    plan = assign(rng, part, texts, variants, sizes, LANGUAGES["zh"])
    pauses = rng.uniform(*PAUSES, (count, LENGTH + 1))
    recorded = folder / part
    recorded.mkdir()
    single = {
        (spoken.path, pitch_range): [
            dataclasses.replace(
                spoken,
                path=f"{part}/{number:05d}-{place}-{pitch_range}.wav",
                text=character,
                pitch_range=pitch_range,
            )
            for place, character in enumerate(spoken.text)
        ]
        for pitch_range in dict.fromkeys(WAYS[way][0] for way in ways)
        for number, spoken in enumerate(plan)
    }
    record(folder, [syllable for three in single.values() for syllable in three], jobs)
    for way in ways:
        pitch_range, equal = WAYS[way]
        target = folder / f"{part}-{way}"
        target.mkdir()
        utterances = []
        for spoken, silences in zip(plan, pauses, strict=True):
            syllables = [
                trim(load_audio(folder / one.path)[0]) for one in single[spoken.path, pitch_range]
            ]
            samples = join(map(equalise, syllables) if equal else syllables, silences)
            path = target / Path(spoken.path).name
            soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
            seconds = len(samples) / SAMPLE_RATE
            utterances.append(Utterance(path, seconds, spoken.text, spoken.voice))
        write_manifest(folder / f"{target.name}.jsonl", utterances)
    shutil.rmtree(recorded)
