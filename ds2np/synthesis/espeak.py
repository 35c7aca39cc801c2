"""Text to speech with the espeak-ng library, called through ctypes."""

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
RATE, VOLUME, PITCH, RANGE = 1, 2, 3, 4
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
    "espeak_TextToPhonemes": (CHARS, [ctypes.POINTER(CHARS), INT, INT]),
    "espeak_Synth": (
        INT,
        [CHARS, ctypes.c_size_t, UINT, INT, UINT, UINT, ctypes.POINTER(UINT), ctypes.c_void_p],
    ),
}

# At the library's normal volume of 100, some of its bursts overflow 16 bits.
SAFE_VOLUME = 50


class Espeak:
    """A speaker of sentences; ``version`` is that of the library.

    The library keeps its state in global variables, so a process can have only one Espeak. It also
    carries the jitter of a voice over to the next sentence, so a recording depends slightly on all
    earlier ones.

    Raises
    ------
    UserError
        If the library or its data is missing.
    RuntimeError
        If this process already has an Espeak.

    Examples
    --------
    >>> samples, sample_rate = Espeak().say("the cat is happy", "en-us+f3", 160, 50)
    """

    _taken = False

    def __init__(self):
        if Espeak._taken:
            raise RuntimeError(
                "the espeak-ng library keeps global state; use one Espeak per process"
            )
        self._library, data = load_library()
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        self._sample_rate = self._library.espeak_Initialize(
            SYNCHRONOUS_OUTPUT, 0, data and os.fsencode(data), DO_NOT_EXIT
        )
        if self._sample_rate <= 0:
            raise UserError(
                f"espeak-ng cannot read its data in {data or 'the default folder'}; shorten the "
                f"path if it has more than 150 characters, else get it with {HOW_TO_GET_IT}"
            )
        Espeak._taken = True
        # Since version 1.52 the library seeds the noise of breathy voices from the clock.
        if hasattr(self._library, "espeak_ng_SetRandSeed"):
            self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        folder = CHARS()
        self.version = self._library.espeak_Info(ctypes.byref(folder)).decode()
        self._data = Path(os.fsdecode(folder.value))
        self._blocks = []
        # ctypes frees a callback with its last reference, hence the attribute.
        self._callback = SamplesCallback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples, count, _events):
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def say(self, text, voice, rate, pitch, pitch_range=50):
        """Speak a text.

        Parameters
        ----------
        text : str
        voice : str
            An accent, such as "en-us", or one with a speaker variant, such as "en-us+f3".
        rate : int
            Words per minute, 80 to 450.
        pitch : int
            0 to 100; 50 is the voice's own.
        pitch_range : int
            How far the pitch moves, 0 to 99; 50 is the voice's own.

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
        # A new voice resets rate and pitch, so they are set after it.
        settings = (RATE, rate), (PITCH, pitch), (RANGE, pitch_range), (VOLUME, SAFE_VOLUME)
        for parameter, value in settings:
            _check(self._library.espeak_SetParameter(parameter, value, 0), f"set {value}")
        self._blocks.clear()
        utf8 = text.encode()
        _check(
            self._library.espeak_Synth(utf8, len(utf8) + 1, 0, 0, 0, UTF8_TEXT, None, None),
            f'speak "{text}"',
        )
        return np.concatenate(self._blocks).astype(np.float32) / 32768, self._sample_rate

    def phonemes(self, text, voice):
        """Return the phonemes of a text, as the library writes them: "n'i214_| X'Au214_|".

        In Mandarin the numbers are tones: 55, 35, 214 and 51, and 11 for the neutral one; "(en)"
        begins what the voice cannot say and spells in English. Raises a UserError as `say` does.
        """
        self._set_voice(voice)
        rest, clauses = CHARS(text.encode()), []
        while rest.value is not None:  # each call takes a clause, and moves the pointer
            clause = self._library.espeak_TextToPhonemes(ctypes.byref(rest), UTF8_TEXT, 0)
            clauses.append(clause.decode())
        return " ".join(clauses)

    def _set_voice(self, voice):
        # The library accepts an unknown variant and speaks with the plain accent.
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
    """Load the library: that of the wheel espeakng-loader, or else the system's.

    Returns
    -------
    library : ctypes.CDLL
    data : str or None
        The folder of its data; None if the library knows it.

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
