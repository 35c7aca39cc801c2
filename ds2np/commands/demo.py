"""Make a small corpus, train on it and write a report."""

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from ds2np.commands.options import add_device
from ds2np.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """How the demo of a language is trained.

    Attributes
    ----------
    epochs : int
    symbols : str
        What the network writes: bigrams, pairs of letters, in English; characters in Mandarin. Both
        are so few a second that they leave room for larger strides.
    time_strides : tuple of int
        Of the two convolutions.
    order : int
        Of the n-gram beside greedy decoding.
    units : str
        What the n-gram is made of: words or characters.
    alpha, beta : float
        Its weights: usual ones, not tuned.
    mask : bool
        Whether parts of the spectrograms are hidden: that costs no time, and other voices profit.
    """

    epochs: int
    symbols: str
    time_strides: tuple
    order: int
    units: str
    alpha: float
    beta: float
    mask: bool = False


RECIPES = {
    "en": Recipe(12, "bigrams", (2, 2), 3, "words", alpha=0.7, beta=1.5, mask=True),
    "zh": Recipe(4, "characters", (2, 2), 5, "characters", alpha=0.5, beta=1.0),
}


# Measured: tests/benchmarks/README.md, "Other voices".
ABOUT = (
    "All these voices are of one synthesiser, espeak-ng, also those that it has not heard. "
    "On voices of other synthesisers it has 81 to 92 % word errors, 68 % with the language model, "
    "and yours is another voice, too: a network learns what its data varies. `demo --voices all` "
    "lets more synthesisers speak, and `adapt` teaches it your voice."
)
QUIET = 1.2  # seconds at most after what a stream learns: a pause ends an utterance after 0.8


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    text = "language: English, or Mandarin in characters (default: en)"
    add("--language", choices=sorted(RECIPES), default="en", help=text)
    add("--folder", type=Path, help="output folder (default: demo, demo-zh, demo-stream)")
    text = "train a network that runs forward only, for streams and for `serve`"
    add("--stream", action="store_true", help=text)
    text = "engines that speak: espeak-ng, or all that are installed (default: espeak)"
    add("--voices", choices=("espeak", "all"), default="espeak", help=text)
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="continue the existing run")
    again.add_argument("--restart", action="store_true", help="delete the run and train again")
    text = "train with your answers to the chapters (default: my_ds2np.py)"
    add("--answers", type=Path, nargs="?", const=True, metavar="FILE", help=text)
    add_device(parser)


def run(args):
    """Run the demo, or the graduation."""
    from ds2np.backend import choose_device

    parts = ["demo", args.language * (args.language != "en"), "stream" * args.stream]
    parts.append("voices" * (args.voices == "all"))
    folder = args.folder or Path("-".join(filter(None, parts)))
    if args.answers is not None:
        from ds2np.learn.answers import default_path
        from ds2np.learn.graduation import graduate

        if args.language != "en" or args.stream or args.voices != "espeak":
            raise UserError(
                "--answers trains the English demo; leave out --language, --stream and --voices"
            )
        path = default_path() if args.answers is True else args.answers
        return graduate(path, folder, args.resume, args.restart, args.device)
    if args.voices == "all" and args.language != "en":
        raise UserError("--voices all speaks English; leave out --language, or --voices")
    device = choose_device(args.device)
    try:
        kind = {"language": args.language, "stream": args.stream}
        kind |= {"engines": _find_engines() if args.voices == "all" else ()}
        return run_demo(folder, args.resume, args.restart, device, **kind)
    except KeyboardInterrupt:
        print(f"\ninterrupted; --resume continues ({folder})", file=sys.stderr)
        return 130


def _find_engines():
    """Return the engines that are installed beside espeak-ng, and name those that are not."""
    from ds2np.synthesis.engines import VOICES, find_missing

    missing = find_missing(VOICES)
    for reason in missing.values():
        print(f"warning: {reason}", file=sys.stderr)
    found = [name for name in VOICES if name not in missing]
    if not found:
        raise UserError("no engine but espeak-ng is installed; leave out --voices all")
    return found


def run_demo(
    folder,
    resume=False,
    restart=False,
    device=None,
    language="en",
    stream=False,
    seed=0,
    engines=(),
):
    """Make the corpus if necessary, train a network on it and write the report.

    An existing run is resumed, or replaced (`restart`); without either flag it raises UserError,
    as it does if the corpus is of another language. stream: train a network that runs forward
    only. seed: of the corpus and of the training. engines: that speak beside espeak-ng; the
    training then varies the voices, too.
    """
    from ds2np.backend import CPU
    from ds2np.data.manifest import read_manifest
    from ds2np.decode import DecoderSettings
    from ds2np.lm import NGram
    from ds2np.model.run_folder import RunFolder
    from ds2np.synthesis.corpus import write_corpus
    from ds2np.train.config import TrainingConfig
    from ds2np.train.run import train

    began, recipe = time.perf_counter(), RECIPES[language]
    corpus, run_folder = folder / "corpus", RunFolder(folder / "run")
    run_folder.check_free()
    _check_language(corpus, language)
    if run_folder.config.exists() and not (resume or restart):
        raise UserError(_offer(run_folder, recipe.epochs))
    if not (corpus / "train.jsonl").exists():
        print(f"making the corpus: {corpus}", flush=True)
        write_corpus(corpus, seed=seed, language=language, engines=engines)
    train_utterances, test_utterances = (
        read_manifest(corpus / f"{part}.jsonl") for part in ("train", "test")
    )
    if restart:
        run_folder.delete()
    texts = [utterance.text for utterance in train_utterances]
    lm = folder / f"{recipe.order}gram.arpa"
    NGram.train(texts, recipe.order, units=recipe.units, log=None).save(lm)
    settings = DecoderSettings("beam", str(lm), recipe.alpha, recipe.beta)
    train(
        configure(recipe, texts, stream),
        TrainingConfig(
            epochs=recipe.epochs,
            anneal=1.3,
            seed=seed,
            quiet=QUIET if stream else 0.0,
            mask=recipe.mask and (bool(engines) or not stream),
            augment=bool(engines),
            vary_voice=bool(engines),
        ),
        train_utterances,
        test_utterances,
        run_folder.path,
        resume=resume and run_folder.last.exists(),
        device=device or CPU,
        beside={f"beam search with a {recipe.order}-gram": settings},
        about=ABOUT if language == "en" and not engines else "",
    )
    if (corpus / "other.jsonl").exists():
        _tell_others(run_folder.path, read_manifest(corpus / "other.jsonl"), device or CPU)
    example = test_utterances[0].audio_filepath
    print(
        f"done in {(time.perf_counter() - began) / 60:.1f} minutes; "
        f"open the report in a browser, or listen and compare:\n"
        f"    python -m ds2np transcribe {run_folder.path} {example} --lm {lm}"
    )


def _tell_others(run, utterances, device):
    """Print the error rates on the voice of another engine that no network learns from."""
    from ds2np.data.dataset import Dataset
    from ds2np.evaluate import evaluate
    from ds2np.model.run_folder import load_run
    from ds2np.recogniser import Recogniser

    recogniser = Recogniser(load_run(run, device))
    found = evaluate(recogniser, Dataset(utterances, recogniser.config))
    voice = utterances[0].speaker
    print(f"{len(utterances)} sentences by {voice}, a voice that it has not heard: {found}")


def configure(recipe, texts, stream=False):
    """Return the configuration of a network, with the symbols of the training transcripts.

    stream: it runs forward only.
    """
    from ds2np.model import preset
    from ds2np.text.counting import choose_symbols

    symbols, _ = choose_symbols(texts, recipe.symbols)
    config = preset("tiny-stream" if stream else "tiny")
    ahead = config.lookahead * config.frame_ms  # milliseconds, whatever the strides
    config = config.with_time_strides(recipe.time_strides)
    lookahead = round(ahead / config.frame_ms)
    characters = symbols if recipe.symbols == "bigrams" else "".join(symbols)
    return replace(config, characters=characters, units=recipe.symbols, lookahead=lookahead)


def _check_language(corpus, language):
    """Refuse a corpus of another language."""
    file = corpus / "corpus.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if found and (spoken := found.get("language", "en")) != language:
        raise UserError(
            f"{corpus} speaks {spoken}, not {language}; use --language {spoken}, or another "
            f"--folder"
        )


def _offer(run_folder, epochs):
    """Return the message for a folder that already holds a run."""
    from ds2np.train.history import read_history

    done = len(read_history(run_folder.history)) if run_folder.history.exists() else 0
    finished = done >= epochs
    state = "a finished run" if finished else f"a run of {done} epochs"
    action = "rewrite its report" if finished else "continue it"
    return (
        f"{run_folder.path} holds {state}; --resume to {action}, "
        f"--restart to delete it and train again"
    )
