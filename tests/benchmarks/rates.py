"""The commands, the error rates and the rows of scripts that compare networks."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def command(*words):
    """Run a command of the package; return what it prints."""
    words = [sys.executable, "-m", "ds2np", *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout}exit code {done.returncode}")
    return done.stdout


def read_rows(path):
    """Return the rows that `add_row` has written; none if there is no file yet."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def add_row(path, row):
    """Append a row to a file of JSON lines, and print it."""
    with open(path, "a", encoding="utf-8") as file:
        print(json.dumps(row), file=file)
    print(row, flush=True)


def measure_rates(run, manifest, **options):
    """Return WER and CER in percent on a manifest; options: those of `Recogniser.load`."""
    from ds2np.data.manifest import read_manifest
    from ds2np.recogniser import Recogniser
    from ds2np.text import cer, wer

    recogniser = Recogniser.load(run, "cpu", **options)
    utterances = read_manifest(manifest)
    hyps = [recogniser.transcribe(u.audio_filepath, **u.part).text for u in utterances]
    refs = [recogniser.config.alphabet().normalise(u.text) for u in utterances]
    return round(100 * wer(refs, hyps), 2), round(100 * cer(refs, hyps), 2)
