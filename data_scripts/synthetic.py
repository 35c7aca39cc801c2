"""Make the demo's corpus: short sentences, English or Mandarin, spoken by espeak-ng.

The speaker variants of the test voices do not occur in training, nor do the test sentences. With
--text, sentences of your own are spoken: to train a network on them before little real speech.
"""

import argparse
from pathlib import Path

from common import run, statistics

from ds2np.commands.options import count, positive, whole
from ds2np.commands.program import Parser
from ds2np.commands.texts import Texts
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2Config
from ds2np.synthesis.corpus import TRAIN_SIZES, write_corpus
from ds2np.synthesis.engines import VOICES
from ds2np.synthesis.languages import LANGUAGES


def read_sentences(paths):
    """Read sentences that the default alphabet can write; a UserError names one that it cannot."""
    texts, alphabet, sentences = Texts(paths), DeepSpeech2Config().alphabet(), []
    for sentence in texts:
        words = " ".join(sentence.split())
        if strange := sorted(set(words) - set(alphabet.symbols)):
            raise UserError(
                f"{texts.where(texts.sentences)}: the alphabet has no {strange[0]!r}; "
                f"lm_text.py makes text that it can write"
            )
        if words:
            sentences.append(words)
    return sentences


def _size(text):
    """Parse the size of a voice."""
    value = positive(text)
    if not 0.5 <= value <= 2:
        raise argparse.ArgumentTypeError(f"{text} is not a size from 0.5 to 2")
    return value


def main():
    """Make the corpus requested on the command line."""
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder of the corpus")
    text = "language of the sentences (default en)"
    add("--language", choices=sorted(LANGUAGES), default="en", help=text)
    text = "training sentences (default 1500, in Mandarin 3500)"
    add("--train", type=count, metavar="N", help=text)
    add("--test", type=count, metavar="N", help="test sentences (default 200)")
    text = "speak sentences drawn from this text, one a line, as lm_text.py writes it"
    add("--text", type=Path, nargs="+", metavar="TEXT", help=text)
    text = "sizes of the training voices; above 1 is a smaller person (default 0.87 1.15)"
    add("--sizes", type=_size, nargs=2, default=TRAIN_SIZES, metavar=("FROM", "TO"), help=text)
    text = "let these speak half of the training sentences again, English only"
    add("--engines", nargs="+", choices=sorted(VOICES), default=[], help=text)
    add("--seed", type=whole, default=0, metavar="N", help="random seed (default 0)")
    add("--jobs", type=count, default=2, metavar="N", help="processes at a time (default 2)")
    add("--force", action="store_true", help="replace the corpus in FOLDER")
    args = parser.parse_args()
    if args.sizes[0] > args.sizes[1]:
        raise UserError(f"--sizes {args.sizes[0]:g} {args.sizes[1]:g}: expected the smaller first")
    for option in ("text", "engines"):
        if getattr(args, option) and args.language != "en":
            raise UserError(f"--{option} speaks English; leave out --language, or --{option}")
    texts = read_sentences(args.text) if args.text else None
    options = args.train, args.test, args.seed, args.jobs, args.force, texts, tuple(args.sizes)
    engines = list(dict.fromkeys(args.engines))  # each once
    parts = write_corpus(args.out, *options, args.language, engines)
    for part, utterances in parts.items():
        print(f"{args.out.resolve() / part}.jsonl: {statistics(utterances)}")


if __name__ == "__main__":
    run(main)
