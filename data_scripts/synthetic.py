"""Make the demo's corpus: short English sentences spoken by espeak-ng.

The speaker variants of the test voices do not occur in training, nor do the test sentences.
"""

from pathlib import Path

from common import run, statistics

from ds2np.commands.options import count, whole
from ds2np.commands.program import Parser
from ds2np.synthesis.corpus import write_corpus


def main():
    """Make the corpus requested on the command line."""
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder of the corpus")
    add("--train", type=count, default=1500, metavar="N", help="training sentences (default 1500)")
    add("--test", type=count, default=200, metavar="N", help="test sentences (default 200)")
    add("--seed", type=whole, default=0, metavar="N", help="random seed (default 0)")
    add("--jobs", type=count, default=2, metavar="N", help="processes at a time (default 2)")
    add("--force", action="store_true", help="replace the corpus in FOLDER")
    args = parser.parse_args()
    parts = write_corpus(args.out, args.train, args.test, args.seed, args.jobs, args.force)
    for part, utterances in parts.items():
        print(f"{args.out.resolve() / part}.jsonl: {statistics(utterances)}")


if __name__ == "__main__":
    run(main)
