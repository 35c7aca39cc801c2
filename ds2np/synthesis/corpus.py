"""The demo's corpus: short English sentences spoken by espeak-ng.

Test voices are speaker variants that no training voice has, and no test sentence is in training.
"""

import json
import multiprocessing
import os
import shutil
import signal
from collections import namedtuple
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ds2np.audio.load import resample
from ds2np.data.manifest import Utterance, write_manifest
from ds2np.errors import UserError
from ds2np.files import make_folder
from ds2np.synthesis.espeak import Espeak, load_library
from ds2np.synthesis.sentences import draw_sentence

SAMPLE_RATE = 16_000
RATES = (130, 200)  # words a minute
PITCHES = (30, 70)  # of 0 to 100

# The plain "en" is espeak's British voice; the others come from America, the south, Scotland and
# the north-west of Britain, and the Caribbean.
ACCENTS = ("en", "en-us", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-029")
TRAIN_VARIANTS = (
    *("f1", "f3", "Alicia", "Andrea", "Annie", "anika", "belinda", "shelby", "steph"),
    *("m1", "m2", "m4", "m5", "m8"),
    *("Denis", "Diogo", "Gene", "Marco", "Nguyen", "boris", "gustave", "ian", "kaukovalta"),
    *("norbert", "pablo", "pedro", "sandro", "travis", "victor"),
)
# espeak-ng has near copies of some of these: f5 of f2, f4 and aunty of linda, Mike of m3, m7, john
# and grandpa of m6, Mario of Michael, Alex of max, quincy and rob of robert. Neither list has them,
# lest training know a test voice under another name.
TEST_VARIANTS = ("f2", "linda", "grandma", "m3", "m6", "Michael", "max", "robert")

# Training voices are played a little slower or faster than they were spoken, as if by a larger or a
# smaller person: all formants move together. There are few variants but many sizes.
TRAIN_SIZES = (0.87, 1.15)
TEST_SIZES = (1.0, 1.0)

# A worker's first sentence meets a library fresh from the start, and its last one a library that
# has spoken the batch. So batches are cut without regard to --jobs, and each has its own process.
BATCH_SIZE = 100
MAX_DRAWS = 10_000  # for one more sentence

Spoken = namedtuple("Spoken", "path text voice rate pitch size")


def voices(variants):
    """Name the voices that speaker variants give in all accents.

    Parameters
    ----------
    variants : sequence of str

    Returns
    -------
    list of str
        Such as "en-us+f3".
    """
    return [f"{accent}+{variant}" for accent in ACCENTS for variant in variants]


def draw_sentences(rng, count, taken=(), vocabulary=None):
    """Draw sentences that differ from each other.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
    taken : iterable of str
        Sentences that must not be drawn.
    vocabulary : set of str, optional
        The words allowed; by default all are.

    Returns
    -------
    list of str

    Raises
    ------
    UserError
        If the grammar does not have so many.
    """
    found, taken, draws = [], set(taken), 0
    while len(found) < count:
        sentence = draw_sentence(rng)
        draws += 1
        if sentence not in taken and (
            vocabulary is None or vocabulary.issuperset(sentence.split())
        ):
            taken.add(sentence)
            found.append(sentence)
            draws = 0
        elif draws == MAX_DRAWS:
            remedy = "a smaller --test or a larger --train" if vocabulary else "a smaller --train"
            raise UserError(
                f"of {count} sentences only {len(found)} different ones were found; give {remedy}"
            )
    return found


def plan(seed, train, test):
    """Decide who says what, and how.

    Parameters
    ----------
    seed : int
    train, test : int
        Numbers of utterances.

    Returns
    -------
    dict of str to list of Spoken
        What "train" and "test" hold.
    """
    rng = np.random.default_rng(seed)
    sentences = {"train": draw_sentences(rng, train)}
    vocabulary = {word for sentence in sentences["train"] for word in sentence.split()}
    sentences["test"] = draw_sentences(rng, test, sentences["train"], vocabulary)
    return {
        part: _assign(rng, part, sentences[part], voices(variants), sizes)
        for part, variants, sizes in (
            ("train", TRAIN_VARIANTS, TRAIN_SIZES),
            ("test", TEST_VARIANTS, TEST_SIZES),
        )
    }


def _assign(rng, part, sentences, names, sizes):
    # Each voice has its turn before any has a second one.
    rounds = -(-len(sentences) // len(names))
    turns = np.concatenate([rng.permutation(names) for _ in range(rounds)])
    return [
        Spoken(
            path=f"{part}/{number:05d}.wav",
            text=text,
            voice=str(voice),
            rate=int(rng.integers(*RATES, endpoint=True)),
            pitch=int(rng.integers(*PITCHES, endpoint=True)),
            size=float(rng.uniform(*sizes)),
        )
        for number, (text, voice) in enumerate(zip(sentences, turns, strict=False))
    ]


def speak_batch(batch):
    """Speak sentences, in a process that has not spoken before.

    Parameters
    ----------
    batch : sequence of Spoken

    Returns
    -------
    recordings : list of (ndarray, int)
        Samples and their rate.
    version : str
        Of espeak-ng.
    """
    espeak = Espeak()
    recordings = [espeak.say(each.text, each.voice, each.rate, each.pitch) for each in batch]
    return recordings, espeak.version


def write_recording(path, samples, rate, size):
    """Write speech as 16 kHz PCM16, played as fast as the size of the speaker asks for.

    Parameters
    ----------
    path : Path
    samples : ndarray of shape (N,)
    rate : int
        In Hz.
    size : float
        Above 1 is a smaller person: every frequency grows by this factor, and so does the speed.

    Returns
    -------
    float
        Seconds.
    """
    import soundfile

    rate = 50 * round(rate * size / 50)  # a common divisor keeps the resampling filter short
    samples = resample(samples, rate, SAMPLE_RATE)
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
    return len(samples) / SAMPLE_RATE


def _record_batch(folder, batch):
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        # A process inherits this from the thread that starts it: on Ctrl-C it finishes its batch in
        # silence. Windows has no such mask; there it may add a traceback.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        recordings, version = process.submit(speak_batch, batch).result()
    durations = {
        spoken.path: write_recording(folder / spoken.path, *recording, spoken.size)
        for spoken, recording in zip(batch, recordings, strict=True)
    }
    return durations, version


def record(folder, spoken, jobs):
    """Record sentences, several processes at a time, showing the progress.

    Parameters
    ----------
    folder : Path
        The corpus.
    spoken : sequence of Spoken
    jobs : int
        Processes at a time; they do not change the result.

    Returns
    -------
    durations : dict of str to float
        Seconds by path.
    version : str
        Of espeak-ng.
    """
    batches = [spoken[start : start + BATCH_SIZE] for start in range(0, len(spoken), BATCH_SIZE)]
    durations = {}
    threads = ThreadPoolExecutor(jobs)
    try:
        futures = [threads.submit(_record_batch, folder, batch) for batch in batches]
        with tqdm(total=len(spoken), desc="speaking", unit="sentence") as progress:
            for future in as_completed(futures):
                seconds, version = future.result()
                durations.update(seconds)
                progress.update(len(seconds))
    finally:
        threads.shutdown(cancel_futures=True)
    return durations, version


def make_corpus(folder, seed, train, test, jobs):
    """Make the corpus in a folder that exists.

    Parameters
    ----------
    folder : Path
    seed : int
    train, test : int
        Numbers of utterances.
    jobs : int
        Processes at a time.

    Returns
    -------
    dict of str to list of Utterance
        What the manifests hold.
    """
    parts = plan(seed, train, test)
    for part in parts:
        (folder / part).mkdir()
    durations, version = record(
        folder, [spoken for part in parts.values() for spoken in part], jobs
    )
    manifests = {
        part: [
            Utterance(folder / spoken.path, durations[spoken.path], spoken.text, spoken.voice)
            for spoken in parts[part]
        ]
        for part in parts
    }
    for part, utterances in manifests.items():
        write_manifest(folder / f"{part}.jsonl", utterances)
    settings = {
        "seed": seed,
        "train": train,
        "test": test,
        "words": len({word for spoken in parts["train"] for word in spoken.text.split()}),
        "espeak_version": version,
        "rates": RATES,
        "pitches": PITCHES,
        "train_sizes": TRAIN_SIZES,
        "train_voices": voices(TRAIN_VARIANTS),
        "test_voices": voices(TEST_VARIANTS),
    }
    (folder / "corpus.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return manifests


def check_replaceable(folder, force):
    """Refuse to lose what a folder holds.

    Parameters
    ----------
    folder : Path
        Where a corpus is to go.
    force : bool
        Whether an earlier corpus may go.

    Raises
    ------
    UserError
        If it holds an earlier corpus and `force` is not set, or anything that is not a corpus's.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; give --out a folder that is new or empty")
    corpus = {"train", "test", "train.jsonl", "test.jsonl", "corpus.json"}
    names = {path.name for path in folder.iterdir()}
    if names - corpus:
        stranger = min(names - corpus)
        raise UserError(
            f"{folder} holds {stranger}, which is no part of this corpus; give another --out"
        )
    if names and not force:
        raise UserError(f"{folder} holds a corpus; --force replaces it")


def write_corpus(folder, train=1500, test=200, seed=0, jobs=2, force=False):
    """Make the corpus: all of it, or nothing.

    Parameters
    ----------
    folder : Path
        Receives train.jsonl, test.jsonl and the recordings.
    train, test : int
        Numbers of utterances.
    seed : int
        Another seed, another corpus.
    jobs : int
        Processes at a time.
    force : bool
        Replace an earlier corpus.

    Returns
    -------
    dict of str to list of Utterance
        What "train" and "test" hold.

    Raises
    ------
    UserError
        If espeak-ng is missing, or the folder holds something else.
    """
    folder = Path(folder).resolve()
    check_replaceable(folder, force)
    load_library()  # rather missing now than in every process
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    make_folder(partial, "--out")
    try:
        manifests = make_corpus(partial, seed, train, test, jobs)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifests
