"""Make a small corpus, train on it and write a report."""

import sys
import time
from pathlib import Path

from ds2np.commands.options import add_device
from ds2np.errors import UserError

EPOCHS = 12
WEIGHTS = {"alpha": 0.7, "beta": 1.5}  # of the language model: usual ones, not tuned


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add("--folder", type=Path, default=Path("demo"), help="output folder (default: demo)")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="continue the existing run")
    again.add_argument("--restart", action="store_true", help="delete the run and train again")
    text = "train with your answers to the chapters (default: my_ds2np.py)"
    add("--answers", type=Path, nargs="?", const=True, metavar="FILE", help=text)
    add_device(parser)


def run(args):
    """Run the demo, or the graduation."""
    from ds2np.backend import choose_device

    if args.answers is not None:
        from ds2np.learn.answers import default_path
        from ds2np.learn.graduation import graduate

        path = default_path() if args.answers is True else args.answers
        return graduate(path, args.folder, args.resume, args.restart, args.device)
    try:
        return run_demo(args.folder, args.resume, args.restart, choose_device(args.device))
    except KeyboardInterrupt:
        print(f"\ninterrupted; --resume continues ({args.folder})", file=sys.stderr)
        return 130


def run_demo(folder, resume=False, restart=False, device=None):
    """Make the corpus if necessary, train a network on it and write the report.

    An existing run is resumed, or replaced (`restart`); without either flag it raises UserError.
    """
    from ds2np.backend import CPU
    from ds2np.data.manifest import read_manifest
    from ds2np.decode import DecoderSettings
    from ds2np.lm import NGram
    from ds2np.model import preset
    from ds2np.model.run_folder import RunFolder
    from ds2np.synthesis.corpus import write_corpus
    from ds2np.train.config import TrainingConfig
    from ds2np.train.run import train

    began = time.perf_counter()
    corpus, run_folder = folder / "corpus", RunFolder(folder / "run")
    run_folder.check_free()
    if run_folder.config.exists() and not (resume or restart):
        raise UserError(_offer(run_folder))
    if not (corpus / "train.jsonl").exists():
        print(f"making the corpus: {corpus}", flush=True)
        write_corpus(corpus)
    train_utterances, test_utterances = (
        read_manifest(corpus / f"{part}.jsonl") for part in ("train", "test")
    )
    if restart:
        run_folder.delete()
    lm = folder / "3gram.arpa"
    NGram.train([u.text for u in train_utterances], order=3, log=None).save(lm)
    train(
        preset("tiny"),
        TrainingConfig(epochs=EPOCHS, anneal=1.3),
        train_utterances,
        test_utterances,
        run_folder.path,
        resume=resume and run_folder.last.exists(),
        device=device or CPU,
        beside={"beam search with a 3-gram": DecoderSettings("beam", str(lm), **WEIGHTS)},
    )
    example = test_utterances[0].audio_filepath
    print(
        f"done in {(time.perf_counter() - began) / 60:.1f} minutes; "
        f"open the report in a browser, or listen and compare:\n"
        f"    python -m ds2np transcribe {run_folder.path} {example} --lm {lm}"
    )


def _offer(run_folder):
    """Return the message for a folder that already holds a run."""
    from ds2np.train.history import read_history

    done = len(read_history(run_folder.history)) if run_folder.history.exists() else 0
    finished = done >= EPOCHS
    state = "a finished run" if finished else f"a run of {done} epochs"
    action = "rewrite its report" if finished else "continue it"
    return (
        f"{run_folder.path} holds {state}; --resume to {action}, "
        f"--restart to delete it and train again"
    )
