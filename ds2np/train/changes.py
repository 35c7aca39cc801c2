"""What training recordings go through before the network reads them."""

from pathlib import Path

from ds2np.audio import Augmentation, Masks, augment, load_sounds
from ds2np.audio.augment import VOICE_SHARE
from ds2np.audio.checks import check_between
from ds2np.audio.effects import QUIET_SECONDS, add_quiet
from ds2np.data.reading import Reader
from ds2np.errors import UserError


def make_change(config, sample_rate):
    """Return what changes recordings, a function of samples and a generator, or None.

    sample_rate is in hertz. Raises UserError if a folder of noise or rooms is missing or empty, or
    given without augmentation, as are changes of the voice, or the quiet is too long.
    """
    check_between("seconds of quiet", config.quiet, *QUIET_SECONDS)
    if not config.augment and (config.noise or config.rooms):
        raise UserError("noise and rooms need augmentation: enable it or leave them out")
    if not config.augment and config.vary_voice:
        raise UserError("changes of the voice need augmentation: enable it or leave them out")
    if not (config.augment or config.quiet):
        return None
    settings = Augmentation(voice_share=VOICE_SHARE if config.vary_voice else 0.0)
    noises = load_sounds(Path(config.noise), sample_rate) if config.noise else None
    rooms = load_sounds(Path(config.rooms), sample_rate) if config.rooms else None

    def change(samples, rng):
        if config.augment:
            samples = augment(samples, sample_rate, rng, settings, noises, rooms)
        return add_quiet(samples, sample_rate, config.quiet, rng) if config.quiet else samples

    return change


def make_reader(model, training):
    """Return the `Reader` of the training recordings, given both configurations."""
    change = make_change(training, model.sample_rate)
    return Reader(model, change, Masks() if training.mask else None)
