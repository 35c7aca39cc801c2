"""A toy task that a small network learns in a minute: digits spoken by synthetic voices."""

from pathlib import Path

from ds2np.ctc import ctc_loss
from ds2np.data.batches import prefetch
from ds2np.data.manifest import Utterance
from ds2np.learn.sound import say
from ds2np.model import ConvConfig, DeepSpeech2Config
from ds2np.optim import SGD

RATE = 8000
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = ("en", "en-us", "en-gb-scotland", "en-029")
SPEAKERS = (
    *("f1", "f3", "Alicia", "Andrea", "Annie", "m1", "m2", "m4", "m5", "m8"),
    *("Denis", "Gene", "Marco", "boris", "pablo", "victor"),
)
OTHER_SPEAKERS = ("f2", "linda", "m3", "m6", "Michael")

CONFIG = DeepSpeech2Config(
    sample_rate=RATE,
    conv=(ConvConfig(channels=8, kernel=(11, 21), stride=(2, 4)),),
    recurrent="gru",
    layers=2,
    hidden=96,
)


def speak_digits(folder, count, rng, speakers=SPEAKERS, most=3, sizes=(0.87, 1.15)):
    """Synthesise sequences of digits, one sound file each, and return a list of `Utterance`.

    Parameters
    ----------
    folder : str or Path
    count : int
        Number of utterances.
    rng : numpy.random.Generator
    speakers : sequence of str
        Voice variants of espeak-ng, each used with four accents.
    most : int
        Largest number of digits in an utterance.
    sizes : tuple of two floats
        Range of the playback speed, which imitates the size of the speaker.
    """
    import soundfile

    voices = [f"{accent}+{speaker}" for accent in ACCENTS for speaker in speakers]
    utterances = []
    for i in range(count):
        text = " ".join(rng.choice(DIGITS, size=rng.integers(1, most + 1)))
        voice = voices[i % len(voices)]
        rate = 50 * round(RATE / rng.uniform(*sizes) / 50)  # played at RATE afterwards
        samples = say(text, rate, voice, int(rng.integers(130, 200)), int(rng.integers(30, 70)))
        path = Path(folder) / f"{speakers[0]}_{i:04}.wav"
        soundfile.write(path, samples, RATE)
        utterances.append(Utterance(path, len(samples) / RATE, text, voice))
    return utterances


def train(model, dataset, epochs, learning_rate=6e-3, anneal=1.2, each_epoch=None):
    """Train a network with the loop of chapter 00 and return the mean loss of each epoch.

    Parameters
    ----------
    model : DeepSpeech2
    dataset : Dataset
        With a `change`, the recordings are augmented again in each epoch.
    epochs : int
    learning_rate : float
        In the first epoch.
    anneal : float
        Divisor of the learning rate after each epoch.
    each_epoch : callable, optional
        Called with the epoch, counted from 1, and its mean training loss.
    """
    optimiser = SGD(model.params, model.grads, learning_rate, momentum=0.95, max_norm=100)
    losses = []
    for epoch in range(1, epochs + 1):
        model.set_training(True)
        total = 0.0
        for batch in prefetch(dataset, dataset.plan(epoch), (0, epoch)):
            model.zero_grads()
            logits, frames = model.forward(batch.x, batch.lengths)
            loss, dlogits = ctc_loss(logits, batch.labels, frames, batch.label_lengths)
            dlogits /= len(loss)
            model.backward(dlogits)
            optimiser.step()
            total += float(loss.sum())
        losses.append(total / len(dataset))
        optimiser.learning_rate /= anneal
        if each_epoch:
            each_epoch(epoch, losses[-1])
    return losses
