"""From nothing to a recogniser: make a corpus, train the preset tiny on it, and report."""

import subprocess
import sys
import time
from pathlib import Path

from ds2np.backend import to_cpu
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.model import preset
from ds2np.train.checkpoint import BEST, LAST
from ds2np.train.config import TrainingConfig
from ds2np.train.history import read_history
from ds2np.train.report import REPORT
from ds2np.train.run import train
from ds2np.train.trainer import CONFIG, HISTORY

MAKER = Path(__file__).parent.parent / "data_scripts" / "synthetic.py"
TRAINING = TrainingConfig(epochs=12, anneal=1.3)


def run_demo(folder, resume=False, restart=False, to_device=to_cpu):
    """Make the corpus if it is not there, train a network on it, and write the report.

    Parameters
    ----------
    folder : Path
        Holds ``corpus`` and ``run`` afterwards.
    resume : bool
        Go on with an interrupted run.
    restart : bool
        Delete the run that is there, but not the corpus, and train anew.
    to_device : callable
        Where to compute; see `ds2np.backend.choose_device`.

    Raises
    ------
    UserError
        If a run is there and neither flag says what to do with it.
    """
    began = time.perf_counter()
    corpus, run = folder / "corpus", folder / "run"
    if (run / CONFIG).exists() and not (resume or restart):
        raise UserError(_offer(run))
    if not (corpus / "train.jsonl").exists():
        _make_corpus(corpus)
    train_utterances = read_manifest(corpus / "train.jsonl")
    test_utterances = read_manifest(corpus / "test.jsonl")
    if restart:
        delete_run(run)
    train(
        preset("tiny"),
        TRAINING,
        train_utterances,
        test_utterances,
        run,
        resume=resume and (run / LAST).exists(),
        to_device=to_device,
    )
    example = test_utterances[0].audio_filepath
    print(
        f"done in {(time.perf_counter() - began) / 60:.1f} minutes; "
        f"open the report in a browser, or hear for yourself:\n"
        f"    python -m ds2np transcribe {run} {example}"
    )


def delete_run(run):
    """Delete what a run has written, and nothing else.

    Parameters
    ----------
    run : Path
    """
    for name in (CONFIG, HISTORY, BEST, LAST, REPORT):
        (run / name).unlink(missing_ok=True)


def _offer(run):
    """Say what is there and what can be done."""
    done = 0
    if (run / HISTORY).exists():
        done = len(read_history(run / HISTORY))
    state = "a finished run" if done >= TRAINING.epochs else f"a run of {done} epochs"
    go_on = "rewrite its report" if done >= TRAINING.epochs else "go on with it"
    return f"{run} holds {state}; --resume to {go_on}, --restart to delete it and train anew"


def _make_corpus(corpus):
    if not MAKER.exists():
        raise UserError(f"{MAKER} is missing; the demo runs from a checkout of the repository")
    command = [sys.executable, str(MAKER), "--out", str(corpus)]
    print(f"making the corpus: python {Path(*MAKER.parts[-2:])} --out {corpus}", flush=True)
    finished = subprocess.run(command, check=False)
    if finished.returncode == 130:
        raise KeyboardInterrupt
    if finished.returncode:
        raise UserError("the corpus could not be made; the line above says why")
