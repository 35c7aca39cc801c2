"""The speech engines: a voice's name says whose it is.

"en-us+f3" is a voice of espeak-ng, "flite:slt" one of flite, "piper:joe" one of piper.
"""

from ds2np.errors import UserError
from ds2np.synthesis import espeak, flite, piper

FINDERS = {
    "espeak": espeak.load_library,
    "flite": flite.find_program,
    "piper": piper.check_packages,
}
SPEAKERS = {"espeak": espeak.Espeak, "flite": flite.Flite, "piper": piper.Piper}

# Of those beside espeak-ng.
VOICES = {
    "flite": [f"flite:{name}" for name in flite.VOICES],
    "piper": [f"piper:{name}" for name in piper.VOICES],
}


# A voice that no corpus learns from: what others of its kind are worth shows on it.
HELD_OUT = "flite:rms"


def engine_of(voice):
    """Return the engine of a voice: a key of `SPEAKERS`."""
    name, colon, _ = voice.partition(":")
    if not colon:
        return "espeak"
    if name not in SPEAKERS:
        raise UserError(f'no engine of the voice "{voice}"; choose from {", ".join(SPEAKERS)}')
    return name


def find_missing(names):
    """Return why engines cannot speak here, by name: a sentence that says how to get each."""
    reasons = {}
    for name in names:
        try:
            FINDERS[name]()
        except UserError as error:
            reasons[name] = str(error)
    return reasons
