"""Make the expected models and scores beside this file with KenLM's programs.

    python make_lmplz.py PATH_OF_LMPLZ

It needs KenLM's lmplz, which comes with the sources of the package kenlm 0.3.0,

    pip download --no-deps --no-binary kenlm kenlm==0.3.0
    apt-get install cmake g++ libboost-program-options-dev libboost-system-dev libboost-thread-dev
    apt-get install libboost-test-dev zlib1g-dev libbz2-dev liblzma-dev libeigen3-dev
    tar xf kenlm-0.3.0.tar.gz; mkdir build; cd build; cmake ../kenlm-0.3.0; make lmplz

and the package itself (pip install kenlm), for the scores of sentences. text.txt is the beginning
of the Gospel of John in the King James Version, in lower case, without punctuation.
"""

import gzip
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
CASES = {
    "order2": ["-o", "2"],
    "order3": ["-o", "3"],
    "order4": ["-o", "4"],
    "order5": ["-o", "5"],
    "order3_prune001": ["-o", "3", "--prune", "0", "0", "1"],
    "order4_prune0112": ["-o", "4", "--prune", "0", "1", "1", "2"],
    "order3_short": ["-o", "3"],
}


def text_of(name):
    """Return the text of a case: the first three lines are too short to estimate discounts."""
    lines = (FOLDER / "text.txt").read_text().splitlines(keepends=True)
    return "".join(lines[:3] if name.endswith("short") else lines)


def spoiled(lines, rng):
    """Yield sentences with words exchanged and unknown words among them."""
    vocabulary = sorted({word for line in lines for word in line.split()})
    for line in lines:
        words = line.split()
        for i in range(len(words)):
            draw = rng.random()
            if draw < 0.1:
                words[i] = f"zz{words[i]}"
            elif draw < 0.4:
                words[i] = rng.choice(vocabulary)
        yield " ".join(words)


def main(lmplz):
    """Write NAME.arpa.gz of each case, and scores.json of kenlm's full_scores for order5."""
    import kenlm

    for name, options in CASES.items():
        done = subprocess.run(
            [lmplz, *options, "--discount_fallback", "-S", "100M"],
            input=text_of(name).encode(),
            capture_output=True,
            check=True,
        )
        (FOLDER / f"{name}.arpa.gz").write_bytes(gzip.compress(done.stdout, 9, mtime=0))
        with tempfile.NamedTemporaryFile(suffix=".arpa") as file:
            if name == "order5":
                file.write(done.stdout)
                file.flush()
                model = kenlm.Model(file.name)
                lines = text_of(name).splitlines()
                lines = ["", *lines[:10], *spoiled(lines, random.Random(0))]
                scores = {line: [p for p, _, _ in model.full_scores(line)] for line in lines}
                (FOLDER / "scores.json").write_text(json.dumps(scores, indent=0) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
