"""The demo's corpus: short English sentences spoken by espeak-ng.

The speaker variants of the test voices do not occur in training, nor do the test sentences.
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

from ds2np.audio.resampling import resample
from ds2np.data.manifest import Utterance, write_manifest
from ds2np.errors import UserError
from ds2np.files import locked, make_folder
from ds2np.synthesis.espeak import Espeak, load_library
from ds2np.synthesis.sentences import draw_sentence

SAMPLE_RATE = 16_000
RATES = (130, 200)  # words per minute
PITCHES = (30, 70)  # of 0 to 100

# "en" is espeak's British accent; the others are from America, southern Britain, Scotland,
# north-west Britain, and the Caribbean.
ACCENTS = ("en", "en-us", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-029")
TRAIN_VARIANTS = (
    *("f1", "f3", "Alicia", "Andrea", "Annie", "anika", "belinda", "shelby", "steph"),
    *("m1", "m2", "m4", "m5", "m8"),
    *("Denis", "Diogo", "Gene", "Marco", "Nguyen", "boris", "gustave", "ian", "kaukovalta"),
    *("norbert", "pablo", "pedro", "sandro", "travis", "victor"),
)
# espeak-ng has near copies of some of these: f5 of f2, f4 and aunty of linda, Mike of m3, m7, john
# and grandpa of m6, Mario of Michael, Alex of max, quincy and rob of robert. Neither list has them,
# so that no test voice occurs in training under another name.
TEST_VARIANTS = ("f2", "linda", "grandma", "m3", "m6", "Michael", "max", "robert")

# Training voices are resampled to sound like a larger or smaller person: all formants are scaled by
# the same factor. This adds variety to the few speaker variants.
TRAIN_SIZES = (0.87, 1.15)
TEST_SIZES = (1.0, 1.0)

# A sentence depends on those the library has spoken before. So the batches are the same for every
# number of jobs, and each is spoken by a new process.
BATCH_SIZE = 100
MAX_DRAWS = 10_000  # attempts to find one more sentence

Spoken = namedtuple("Spoken", "path text voice rate pitch size")


def voices(variants):
    """Return the voices of speaker variants in all accents, such as "en-us+f3"."""
    return [f"{accent}+{variant}" for accent in ACCENTS for variant in variants]


def draw_sentences(rng, count, taken=(), vocabulary=None):
    """Draw sentences that differ from each other.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
    taken : iterable of str
        Sentences to avoid.
    vocabulary : set of str, optional
        The words allowed; by default all.

    Raises
    ------
    UserError
        If the grammar has too few sentences.
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
            remedy = "fewer for testing or more for training" if vocabulary else "fewer"
            raise UserError(
                f"found only {len(found)} of {count} distinct sentences; ask for {remedy}"
            )
    return found


def plan(seed, train, test, texts=None, sizes=TRAIN_SIZES):
    """Assign a voice, speed, pitch and size to each sentence of the training and test sets.

    Parameters
    ----------
    seed : int
    train, test : int
        Numbers of utterances.
    texts : iterable of str, optional
        Sentences to draw from; by default those of the demo's grammar.
    sizes : tuple of two floats
        Smallest and largest size of a training voice.

    Returns
    -------
    dict of str to list of Spoken
        The sentences of "train" and "test".

    Raises
    ------
    UserError
        If there are too few sentences.
    """
    rng = np.random.default_rng(seed)
    if texts is None:
        sentences = {"train": draw_sentences(rng, train)}
        vocabulary = {word for sentence in sentences["train"] for word in sentence.split()}
        sentences["test"] = draw_sentences(rng, test, sentences["train"], vocabulary)
    else:
        distinct = list(dict.fromkeys(texts))
        if len(distinct) < train + test:
            raise UserError(
                f"the text has {len(distinct):,} distinct sentences, fewer than the "
                f"{train + test:,} to be spoken; ask for fewer, or give more text"
            )
        drawn = [distinct[i] for i in rng.permutation(len(distinct))[: train + test]]
        sentences = {"train": drawn[:train], "test": drawn[train:]}
    return {
        part: _assign(rng, part, sentences[part], voices(variants), bounds)
        for part, variants, bounds in (
            ("train", TRAIN_VARIANTS, sizes),
            ("test", TEST_VARIANTS, TEST_SIZES),
        )
    }


def _assign(rng, part, sentences, names, sizes):
    # Each voice is used once before any is used again.
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
    """Speak sentences in a process that has not spoken before.

    Return the recordings, each samples and their sampling rate, and the version of espeak-ng.
    """
    espeak = Espeak()
    recordings = [espeak.say(each.text, each.voice, each.rate, each.pitch) for each in batch]
    return recordings, espeak.version


def write_recording(path, samples, rate, size):
    """Write speech as 16 kHz PCM16, scaled to the size of the speaker; return its seconds.

    Parameters
    ----------
    path : Path
    samples : ndarray of shape (N,)
    rate : int
        Sampling rate in Hz.
    size : float
        A factor for all frequencies and the speed; above 1 is a smaller person.
    """
    import soundfile

    rate = 50 * round(rate * size / 50)  # a common divisor keeps the resampling filter short
    samples = resample(samples, rate, SAMPLE_RATE)
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
    return len(samples) / SAMPLE_RATE


def _record_batch(folder, batch):
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        # The process inherits the signal mask of this thread: on Ctrl-C it finishes its batch
        # without a message. Windows has no such mask, so a traceback may appear there.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        recordings, version = process.submit(speak_batch, batch).result()
    durations = {
        spoken.path: write_recording(folder / spoken.path, *recording, spoken.size)
        for spoken, recording in zip(batch, recordings, strict=True)
    }
    return durations, version


def record(folder, spoken, jobs):
    """Record sentences with several processes at a time, showing the progress.

    Parameters
    ----------
    spoken : sequence of Spoken
    jobs : int
        Processes at a time; they do not change the result.

    Returns
    -------
    durations : dict of str to float
        Seconds by path.
    version : str
        The version of espeak-ng.
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


def make_corpus(folder, seed, train, test, jobs, texts=None, sizes=TRAIN_SIZES):
    """Make the corpus in an existing folder; see `write_corpus`."""
    parts = plan(seed, train, test, texts, sizes)
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
        "train_sizes": sizes,
        "train_voices": voices(TRAIN_VARIANTS),
        "test_voices": voices(TEST_VARIANTS),
    }
    (folder / "corpus.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return manifests


def check_replaceable(folder, force):
    """Refuse to lose the content of a folder where a corpus is to go.

    Raises a UserError unless it is empty, or holds an earlier corpus and `force` is set.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; expected a new or empty folder")
    corpus = {"train", "test", "train.jsonl", "test.jsonl", "corpus.json"}
    names = {path.name for path in folder.iterdir()}
    if names - corpus:
        stranger = min(names - corpus)
        raise UserError(
            f"{folder} holds {stranger}, which is not part of a corpus; choose another folder"
        )
    if names and not force:
        raise UserError(
            f"{folder} already holds a corpus; force its replacement or choose another folder"
        )


def write_corpus(
    folder, train=1500, test=200, seed=0, jobs=2, force=False, texts=None, sizes=TRAIN_SIZES
):
    """Make the corpus, completely or not at all.

    Parameters
    ----------
    folder : Path
        Receives train.jsonl, test.jsonl and the recordings.
    train, test : int
        Numbers of utterances.
    seed : int
    jobs : int
        Processes at a time.
    force : bool
        Replace an earlier corpus.
    texts, sizes
        See `plan`.

    Returns
    -------
    dict of str to list of Utterance
        The utterances of "train" and "test".

    Raises
    ------
    UserError
        If espeak-ng is missing, the folder holds something else, or there are too few sentences.
    """
    folder = Path(folder).resolve()
    make_folder(folder.parent, "--out")
    with locked(folder.with_name(f"{folder.name}.lock"), f"{folder}"):
        return _write_corpus(folder, force, seed, train, test, jobs, texts, sizes)


def _write_corpus(folder, force, *what):
    check_replaceable(folder, force)
    load_library()  # fail now rather than in every process
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    make_folder(partial)
    try:
        manifests = make_corpus(partial, *what)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifests
