"""The demo's corpus: short sentences of a language, spoken by espeak-ng.

The speaker variants of the test voices do not occur in training, nor do the test sentences.
"""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np

from ds2np.data.manifest import Utterance, write_manifest
from ds2np.errors import UserError
from ds2np.files import locked, make_folder
from ds2np.synthesis.engines import HELD_OUT, VOICES, find_missing
from ds2np.synthesis.languages import LANGUAGES
from ds2np.synthesis.recording import Spoken, record

RATES = (130, 200)  # words per minute
PITCHES = (30, 70)  # of 0 to 100

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

OTHERS = 50  # test sentences of the voice of another engine
MAX_DRAWS = 10_000  # attempts to find one more sentence


def voices(variants, accents=LANGUAGES["en"].accents):
    """Return the voices of speaker variants in all accents, such as "en-us+f3"."""
    return [f"{accent}+{variant}" for accent in accents for variant in variants]


def draw_sentences(rng, count, taken=(), vocabulary=None, language=LANGUAGES["en"]):
    """Draw sentences that differ from each other.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
    taken : iterable of str
        Sentences to avoid.
    vocabulary : set of str, optional
        The words (or characters) allowed; by default all, and those that are still rare are
        favoured as the language asks for.
    language : Language

    Raises
    ------
    UserError
        If the grammar has too few sentences.
    """
    found, taken, draws = [], set(taken), 0
    split, counts = language.split, Counter()
    while len(found) < count:
        # Two of three are as they come: sentences of common words alone would never be chosen.
        favour = vocabulary is None and len(found) % 3 == 2
        drawn = [language.draw(rng) for _ in range(language.candidates if favour else 1)]
        new = [
            sentence
            for sentence in drawn
            if sentence not in taken
            and (vocabulary is None or vocabulary.issuperset(split(sentence)))
        ]
        draws += 1
        if new:
            sentence = min(new, key=lambda each: min(map(counts.__getitem__, split(each))))
            taken.add(sentence)
            found.append(sentence)
            counts.update(split(sentence))
            draws = 0
        elif draws == MAX_DRAWS:
            remedy = "fewer for testing or more for training" if vocabulary else "fewer"
            raise UserError(
                f"found only {len(found)} of {count} distinct sentences; ask for {remedy}"
            )
    return found


def plan(seed, train, test, texts=None, sizes=TRAIN_SIZES, language=LANGUAGES["en"]):
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
    language : Language

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
        learned = draw_sentences(rng, train, language=language)
        vocabulary = {unit for sentence in learned for unit in language.split(sentence)}
        tested = draw_sentences(rng, test, learned, vocabulary, language)
        sentences = {"train": learned, "test": tested}
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
        part: assign(rng, part, sentences[part], variants, bounds, language)
        for part, variants, bounds in (
            ("train", TRAIN_VARIANTS, sizes),
            ("test", TEST_VARIANTS, TEST_SIZES),
        )
    }


def plan_others(seed, learned, tested, engines, sizes=TRAIN_SIZES):
    """Let other engines speak as well: half of the training sentences each, at all their voices.

    One voice of flite speaks test sentences only.

    Parameters
    ----------
    seed : int
    learned, tested : list of str
        The sentences of the training and the test set.
    engines : sequence of str
        Keys of `ds2np.synthesis.engines.VOICES`.
    sizes : tuple of two floats

    Returns
    -------
    train, other : list of Spoken
        `other` is empty without flite.
    """
    rng, train, other = np.random.default_rng([seed, 1]), [], []
    for engine in engines:
        names = [voice for voice in VOICES[engine] if voice != HELD_OUT]
        sentences = [learned[i] for i in rng.permutation(len(learned))[: len(learned) // 2]]
        train += _say(rng, "train", sentences, names, sizes, number=len(learned) + len(train))
        if HELD_OUT in VOICES[engine]:
            other += _say(rng, "other", tested[:OTHERS], [HELD_OUT], TEST_SIZES)
    return train, other


def assign(rng, part, sentences, variants, sizes, language):
    """Assign a voice, speed, pitch and size to each sentence of a part; see `plan`."""
    names = voices(variants, language.accents)
    return _say(rng, part, sentences, names, sizes, language.pitch_range)


def _say(rng, part, sentences, names, sizes, pitch_range=50, number=0):
    """Assign a voice, speed, pitch and size to sentences, whose files count from `number`."""
    # Each voice is used once before any is used again.
    rounds = -(-len(sentences) // len(names))
    turns = np.concatenate([rng.permutation(names) for _ in range(rounds)])
    return [
        Spoken(
            path=f"{part}/{i:05d}.wav",
            text=text,
            voice=str(voice),
            rate=int(rng.integers(*RATES, endpoint=True)),
            pitch=int(rng.integers(*PITCHES, endpoint=True)),
            size=float(rng.uniform(*sizes)),
            pitch_range=pitch_range,
        )
        for i, (text, voice) in enumerate(zip(sentences, turns, strict=False), start=number)
    ]


def make_corpus(
    folder, seed, train, test, jobs, texts=None, sizes=TRAIN_SIZES, language="en", engines=()
):
    """Make the corpus in an existing folder; see `write_corpus`."""
    chosen = LANGUAGES[language]
    parts = plan(seed, train, test, texts, sizes, chosen)
    if engines:
        sentences = [[spoken.text for spoken in parts[part]] for part in ("train", "test")]
        others, unheard = plan_others(seed, *sentences, engines, sizes)
        parts["train"] += others
        parts |= {"other": unheard} if unheard else {}
    for part in parts:
        (folder / part).mkdir()
    durations, versions = record(
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
        "words" if language == "en" else "characters": len(
            {unit for spoken in parts["train"] for unit in chosen.split(spoken.text)}
        ),
        **{f"{engine}_version": version for engine, version in sorted(versions.items())},
        "rates": RATES,
        "pitches": PITCHES,
        "train_sizes": sizes,
        "train_voices": voices(TRAIN_VARIANTS, chosen.accents),
        "test_voices": voices(TEST_VARIANTS, chosen.accents),
    }
    if engines:
        others = sorted({spoken.voice for spoken in parts["train"]} - {*settings["train_voices"]})
        settings |= {"other_train_voices": others}
    if language != "en":
        settings |= {"language": language, "pitch_range": chosen.pitch_range}
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
    parts = ("train", "test", "other")
    corpus = {"corpus.json", *parts, *(f"{part}.jsonl" for part in parts)}
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
    folder,
    train=None,
    test=None,
    seed=0,
    jobs=2,
    force=False,
    texts=None,
    sizes=TRAIN_SIZES,
    language="en",
    engines=(),
):
    """Make the corpus, completely or not at all.

    Parameters
    ----------
    folder : Path
        Receives train.jsonl, test.jsonl and the recordings.
    train, test : int, optional
        Numbers of utterances; by default those of the demo in this language.
    seed : int
    jobs : int
        Processes at a time.
    force : bool
        Replace an earlier corpus.
    texts, sizes
        See `plan`.
    language : str
        A key of `LANGUAGES`.
    engines : sequence of str
        Engines that speak English beside espeak-ng; see `plan_others`.

    Returns
    -------
    dict of str to list of Utterance
        The utterances of "train" and "test", and with flite those of "other".

    Raises
    ------
    UserError
        If espeak-ng is missing, the folder holds something else, or there are too few sentences.
    """
    folder = Path(folder).resolve()
    train, test = train or LANGUAGES[language].train, test or LANGUAGES[language].test
    make_folder(folder.parent, "--out")
    with locked(folder.with_name(f"{folder.name}.lock"), f"{folder}"):
        what = seed, train, test, jobs, texts, sizes, language
        return _write_corpus(folder, force, engines, *what)


def _write_corpus(folder, force, engines, *what):
    check_replaceable(folder, force)
    if missing := find_missing(["espeak", *engines]):  # fail now rather than in every process
        raise UserError("; ".join(missing.values()))
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    make_folder(partial)
    try:
        manifests = make_corpus(partial, *what, engines)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifests
