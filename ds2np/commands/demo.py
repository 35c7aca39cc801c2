"""Make a small corpus, train on it, and report."""

import sys
import time
from pathlib import Path

from ds2np.commands.options import add_device
from ds2np.errors import UserError

EPOCHS = 12


def add_options(parser):
    """Add the options of the command."""
    parser.add_argument(
        "--folder", type=Path, default=Path("demo"), help="of corpus and run (default: demo)"
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="continue the run that is there")
    again.add_argument("--restart", action="store_true", help="delete the run and train again")
    parser.add_argument(
        "--answers",
        type=Path,
        nargs="?",
        const=True,
        metavar="FILE",
        help="graduation: train with your answers to the chapters (default: my_ds2np.py)",
    )
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
    """Make the corpus if it is not there, train a network on it, and write the report.

    Parameters
    ----------
    folder : Path
        Holds ``corpus`` and ``run`` afterwards.
    resume : bool
        Continue an interrupted run.
    restart : bool
        Delete the run that is there, but not the corpus, and train again.
    device : Device, optional
        The CPU by default.

    Raises
    ------
    UserError
        If a run is there and neither flag says what to do with it.
    """
    from ds2np.backend import CPU
    from ds2np.data.manifest import read_manifest
    from ds2np.model import preset
    from ds2np.model.run_folder import RunFolder
    from ds2np.synthesis.corpus import write_corpus
    from ds2np.train.config import TrainingConfig
    from ds2np.train.run import train

    began = time.perf_counter()
    corpus, run_folder = folder / "corpus", RunFolder(folder / "run")
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
    train(
        preset("tiny"),
        TrainingConfig(epochs=EPOCHS, anneal=1.3),
        train_utterances,
        test_utterances,
        run_folder.path,
        resume=resume and run_folder.last.exists(),
        device=device or CPU,
    )
    example = test_utterances[0].audio_filepath
    print(
        f"done in {(time.perf_counter() - began) / 60:.1f} minutes; "
        f"open the report in a browser, or listen and compare:\n"
        f"    python -m ds2np transcribe {run_folder.path} {example}"
    )


def _offer(run_folder):
    """Say what is there and what can be done."""
    from ds2np.train.history import read_history

    done = len(read_history(run_folder.history)) if run_folder.history.exists() else 0
    finished = done >= EPOCHS
    state = "a finished run" if finished else f"a run of {done} epochs"
    go_on = "rewrite its report" if finished else "continue it"
    return (
        f"{run_folder.path} holds {state}; --resume to {go_on}, "
        f"--restart to delete it and train again"
    )
