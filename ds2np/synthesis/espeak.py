"""Speech from text with the espeak-ng library, called through ctypes."""

import ctypes
import ctypes.util
import importlib.util
import os
from pathlib import Path

import numpy as np

from ds2np.errors import UserError

LIBRARY_NAMES = (
    "libespeak-ng.so.1",
    "libespeak-ng.dylib",
    "/opt/homebrew/lib/libespeak-ng.dylib",
    "/usr/local/lib/libespeak-ng.dylib",
    "libespeak-ng.dll",
)
HOW_TO_GET_IT = (
    "pip install espeakng-loader, apt install libespeak-ng1 (Debian, Ubuntu) or "
    "brew install espeak-ng (macOS)"
)

# From the library's header, speak_lib.h.
SYNCHRONOUS_OUTPUT = 2
DO_NOT_EXIT = 0x8000
UTF8_TEXT = 1
RATE, VOLUME, PITCH = 1, 2, 3
SamplesCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
INT, UINT, CHARS = ctypes.c_int, ctypes.c_uint, ctypes.c_char_p
SIGNATURES = {
    "espeak_Initialize": (INT, [INT, INT, CHARS, INT]),
    "espeak_Info": (CHARS, [ctypes.POINTER(CHARS)]),
    "espeak_SetSynthCallback": (None, [SamplesCallback]),
    "espeak_SetVoiceByName": (INT, [CHARS]),
    "espeak_SetParameter": (INT, [INT, INT, INT]),
    "espeak_Synth": (
        INT,
        [CHARS, ctypes.c_size_t, UINT, INT, UINT, UINT, ctypes.POINTER(UINT), ctypes.c_void_p],
    ),
}

# Some bursts of the library's own overflow 16 bits at its normal volume of 100.
SAFE_VOLUME = 50


class Espeak:
    """Speak English sentences.

    The library keeps its state in global variables, so a process has room for one Espeak; and since
    it carries the wobble of the voice over from one sentence to the next, what it says depends a
    little on all that it said before.

    Attributes
    ----------
    version : str
        The library's version.

    Raises
    ------
    UserError
        If the library or its data is missing.
    RuntimeError
        If this process has an Espeak already.

    Examples
    --------
    >>> samples, sample_rate = Espeak().say("the cat is happy", "en-us+f3", 160, 50)
    """

    _taken = False

    def __init__(self):
        if Espeak._taken:
            raise RuntimeError("the espeak-ng library has room for one Espeak in a process")
        self._library, data = load_library()
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        self._sample_rate = self._library.espeak_Initialize(
            SYNCHRONOUS_OUTPUT, 0, data and os.fsencode(data), DO_NOT_EXIT
        )
        if self._sample_rate <= 0:
            raise UserError(
                f"espeak-ng cannot read its data in {data or 'the default folder'}: is the path "
                f"longer than the 150 characters it copes with? If not, get it with {HOW_TO_GET_IT}"
            )
        Espeak._taken = True
        # Since version 1.52 the library seeds the noise of breathy voices by the clock.
        if hasattr(self._library, "espeak_ng_SetRandSeed"):
            self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        folder = CHARS()
        self.version = self._library.espeak_Info(ctypes.byref(folder)).decode()
        self._data = Path(os.fsdecode(folder.value))
        self._blocks = []
        # ctypes callbacks die with their last reference, hence the attribute.
        self._callback = SamplesCallback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples, count, _events):
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def say(self, text, voice, rate, pitch):
        """Speak a text.

        Parameters
        ----------
        text : str
        voice : str
            An accent, such as "en-us", and perhaps a speaker variant, as in "en-us+f3".
        rate : int
            Words a minute, 80 to 450.
        pitch : int
            0 to 100; 50 is the voice's own.

        Returns
        -------
        samples : float32 ndarray of shape (N,)
            In [-1, 1].
        sample_rate : int
            In Hz.

        Raises
        ------
        UserError
            If the library has no such voice.
        """
        self._set_voice(voice)
        # A new voice brings its own rate and pitch, so ours come after it.
        for parameter, value in ((RATE, rate), (PITCH, pitch), (VOLUME, SAFE_VOLUME)):
            _check(self._library.espeak_SetParameter(parameter, value, 0), f"set {value}")
        self._blocks.clear()
        utf8 = text.encode()
        _check(
            self._library.espeak_Synth(utf8, len(utf8) + 1, 0, 0, 0, UTF8_TEXT, None, None),
            f'speak "{text}"',
        )
        return np.concatenate(self._blocks).astype(np.float32) / 32768, self._sample_rate

    def _set_voice(self, voice):
        # Of an unknown variant the library says nothing: it speaks with the plain accent.
        variant = voice.partition("+")[2]
        unknown = variant and not (self._data / "voices" / "!v" / variant).is_file()
        if unknown or self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise UserError(
                f'espeak-ng {self.version} has no voice "{voice}"; accents are the files in '
                f"{self._data / 'lang'}, variants those in {self._data / 'voices' / '!v'}"
            )


def _check(status, what):
    if status != 0:
        raise RuntimeError(f"espeak-ng could not {what}: error {status}")


def load_library():
    """Find the library: the one of the wheel espeakng-loader, or else the system's.

    Returns
    -------
    library : ctypes.CDLL
    data : str or None
        The folder of its data; None where the library itself knows.

    Raises
    ------
    UserError
        If there is no library.
    """
    names = (ctypes.util.find_library("espeak-ng"), *LIBRARY_NAMES)
    candidates = [(name, None) for name in names if name]
    if importlib.util.find_spec("espeakng_loader"):
        import espeakng_loader as wheel

        candidates.insert(0, (wheel.get_library_path(), wheel.get_data_path()))
    for name, data in candidates:
        try:
            return ctypes.CDLL(name), data
        except OSError:
            continue
    raise UserError(f"the speech library espeak-ng is missing; get it with {HOW_TO_GET_IT}")
