"""Write librosa.npz: what librosa says about a short sound, for tests that run without librosa.

Needs librosa 0.11: python tests/frozen/make_librosa.py
"""

from pathlib import Path

import librosa
import numpy as np

RATE = 16000
FORMULAS = {
    "slaney": {"htk": False, "norm": "slaney", "dtype": np.float64},
    "htk": {"htk": True, "norm": None, "dtype": np.float64},
}
samples = 0.1 * np.random.default_rng(0).standard_normal(100)
frozen = {"samples": samples}

for size, stride, window in [(64, 24, "hann"), (45, 16, "hamming"), (20, 32, "rectangular")]:
    options = {"n_fft": size, "hop_length": stride, "window": window, "center": False}
    spectrum = librosa.stft(samples, **options)
    frozen[f"stft {size} {stride} {window}"] = spectrum
    frozen[f"power {size} {stride} {window}"] = librosa.magphase(spectrum, power=2)[0]
    for name, formula in FORMULAS.items():
        frozen[f"mel {size} {stride} {window} 5 {name}"] = librosa.feature.melspectrogram(
            y=samples, sr=RATE, **options, power=2, n_mels=5, **formula
        )

for rate, size, mels in [(16000, 160, 16), (8000, 101, 10)]:
    for name, formula in FORMULAS.items():
        frozen[f"filters {rate} {size} {mels} {name}"] = librosa.filters.mel(
            sr=rate, n_fft=size, n_mels=mels, **formula
        )

np.savez_compressed(Path(__file__).with_name("librosa.npz"), **frozen)
