"""Find the weights of a language model on held-out recordings, and keep them in the run.

One search lists the best texts of each recording; for each pair of weights they are ranked anew,
and one more search asks whether the pair with the fewest errors keeps what it promises. The run is
decoded with that pair, and with the language model, from then on.
"""

from pathlib import Path

from ds2np.commands.options import add_device, add_precision, count, finite, given
from ds2np.errors import UserError

ALPHAS = tuple(round(0.3 * i, 2) for i in range(8))
SHARE = 0.5  # of the memory that the network's outputs may take
BETAS = tuple(float(i) for i in range(-2, 6))


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add("run_folder", type=Path, metavar="RUN", help="run folder")
    add("manifests", type=Path, nargs="+", metavar="DEV.jsonl", help="held-out recordings")
    add("--lm", required=True, metavar="FILE", help="language model (ARPA, .gz or compact)")
    text = "weights of the language model to try (default: 0 to 2.1)"
    add("--alphas", type=finite, nargs="+", default=ALPHAS, metavar="A", help=text)
    text = "bonuses for each word, in nats, to try (default: -2 to 5)"
    add("--betas", type=finite, nargs="+", default=BETAS, metavar="B", help=text)
    add("--beam", type=count, default=100, metavar="N", help="prefixes kept (default: 100)")
    text = "picture of the error rates (default: RUN/decoder.png)"
    add("--picture", type=Path, metavar="FILE", help=text)
    add_device(parser)
    add_precision(parser, "half")


def run(args):
    """Search, print the best pair, and write it into the run."""
    from tqdm import tqdm

    from ds2np.data.dataset import Dataset
    from ds2np.data.manifest import read_manifests
    from ds2np.decode import BeamDecoder, DecoderSettings, tell_fit
    from ds2np.evaluate.tuning import describe_edge, search, tune
    from ds2np.lm import NGram
    from ds2np.model.run_folder import RunFolder
    from ds2np.recogniser import Recogniser
    from ds2np.text import cer, wer

    folder = RunFolder(args.run_folder)
    if not folder.path.is_dir():
        raise UserError(f"{folder.path} is no run folder, in which the weights could be kept")
    alphas, betas = sorted(set(args.alphas)), sorted(set(args.betas))
    if alphas[0] < 0:
        raise UserError(f"alpha {alphas[0]:g}: expected weights of at least 0")
    recogniser = Recogniser.load(folder.path, args.device, "greedy", **given(args, "precision"))
    alphabet = recogniser.config.alphabet()
    lm = NGram.load(args.lm)

    def make(alpha, beta, n_best):
        return BeamDecoder(alphabet, lm, args.beam, alpha, beta, n_best)

    tell_fit(lm, alphabet)
    dataset = Dataset(read_manifests(args.manifests), recogniser.config)
    dataset.warn()
    _check_memory(dataset, args.manifests)
    log_probs, lengths, refs = _network_outputs(recogniser, dataset)
    with tqdm(desc="searching", unit=" searches") as bar:
        tuned = tune(log_probs, lengths, refs, make, alphas, betas, bar.update)
    name, total = (
        ("WER", sum(len(ref.split()) for ref in refs))
        if tuned.spaces
        else ("CER", sum(map(len, refs)))
    )
    greedy = [best.text for best, *_ in search(recogniser.list_hypotheses, log_probs, lengths)]
    rate = (wer if tuned.spaces else cer)(refs, greedy)
    print(f"{len(refs)} utterances, greedy: {name} {100 * rate:.1f} %")
    print(
        f"alpha {tuned.alpha:g}, beta {tuned.beta:g}: {name} {100 * tuned.found / total:.1f} % "
        f"(chosen on these recordings; measure it on others)"
    )
    if edge := describe_edge(tuned.alpha, tuned.beta, alphas, betas):
        print(f"the best pair lies at the edge of the grid: try {edge}")
    settings = DecoderSettings("beam", args.lm, tuned.alpha, tuned.beta, args.beam)
    settings.write(folder.decoder)
    picture = args.picture or folder.weights
    _draw(tuned, total, alphas, betas, name, picture)
    print(f"kept in {folder.decoder}, from now on used for {folder.path}; picture: {picture}")
    return 0


def _network_outputs(recogniser, dataset):
    """Return log-probabilities (length, V) of each utterance, lengths and transcripts."""
    import numpy as np
    from tqdm import tqdm

    from ds2np.backend import to_cpu
    from ds2np.data.left_out import LeftOut
    from ds2np.evaluate import network_outputs

    tables, unusable = {}, {}
    with tqdm(total=len(dataset), unit=" utterances") as bar:
        for batch, log_probs, lengths in network_outputs(recogniser, dataset):
            for i, table, length in zip(batch.indices, to_cpu(log_probs), lengths, strict=True):
                tables[int(i)] = table[:length]
            unusable |= batch.unusable
            bar.update(len(batch.indices) + len(batch.unusable))
    left_out = LeftOut(len(dataset))
    left_out.show(unusable)
    left_out.check(len(unusable))
    found = [tables[i] for i in sorted(tables)]
    return found, np.array(list(map(len, found))), [dataset.texts[i] for i in sorted(tables)]


def _check_memory(dataset, paths):
    """Raise a UserError if the outputs of the network would take most of the memory."""
    import numpy as np

    from ds2np.machine import total_memory

    config, total = dataset.config, total_memory()
    sizes = 4 * len(config.alphabet()) * np.cumsum(config.out_lengths(dataset.frames))
    fit = int(np.searchsorted(sizes, SHARE * total, "right"))
    if fit < len(sizes):
        raise UserError(
            f"{', '.join(map(str, paths))}: the outputs of the network for {len(sizes):,} "
            f"recordings take {sizes[-1] / 1e9:.2g} GB, too much for {total / 1e9:.2g} GB of "
            f"memory; tune on the first {fit:,}"
        )


def _draw(tuned, total, alphas, betas, name, picture):
    """Write the picture of the error rates."""
    from matplotlib.figure import Figure

    from ds2np.files import replacing
    from ds2np.plots import plot_error_surface

    figure = Figure(figsize=(8, 5), layout="constrained")
    rates = tuned.errors / max(total, 1)
    plot_error_surface(rates, alphas, betas, (tuned.alpha, tuned.beta), figure.subplots(), name)
    with replacing(picture, "wb") as file:
        figure.savefig(file, format="png", dpi=100)
