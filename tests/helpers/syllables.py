"""Mandarin syllables by espeak-ng, one by one."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from itertools import product

from ds2np.audio.resampling import resample
from ds2np.synthesis.languages import LANGUAGES
from ds2np.synthesis.recording import SAMPLE_RATE, Spoken, speak_batch
from ds2np.synthesis.syllables import trim
from helpers.voices import need_espeak

PITCH_RANGE = LANGUAGES["zh"].pitch_range


def speak(characters, variants, pitch_ranges=(PITCH_RANGE,)):
    """Speak characters: dict of (variant, character, pitch range) to samples at 16 kHz.

    Skips the test if there is no espeak-ng.
    """
    need_espeak()
    keys = list(product(variants, characters, pitch_ranges))
    plan = [
        Spoken("", character, f"cmn+{variant}", rate=160, pitch=50, size=1, pitch_range=pitch_range)
        for variant, character, pitch_range in keys
    ]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        recordings, _ = process.submit(speak_batch, plan).result()
    sounds = (trim(resample(samples, rate, SAMPLE_RATE)) for samples, rate in recordings)
    return dict(zip(keys, sounds, strict=True))
