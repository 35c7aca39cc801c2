"""Train a network on a manifest."""

import sys
from pathlib import Path

from ds2np.commands.options import (
    DECODER,
    add_characters,
    add_decoder,
    add_device,
    add_precision,
    count,
    given,
    given_characters,
    positive,
    share,
    whole,
)
from ds2np.errors import UserError
from ds2np.train.recipe import list_recipes, read_recipe


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    manifests = {"type": Path, "nargs": "+", "metavar": "M.jsonl"}
    add("--train", required=True, help="training manifests", **manifests)
    add("--dev", help="validation manifests", **manifests)
    add("--out", type=Path, required=True, metavar="RUN", help="run folder")
    text = f"options that suit a corpus: {', '.join(list_recipes())}; others go before them"
    add("--recipe", metavar="NAME", help=text)
    add("--preset", help="network: tiny, small, base, ... (default: that of --init, or tiny)")
    text = "start from the weights of another run; with another alphabet, the output layer is new"
    add("--init", metavar="RUN", help=text)
    add_characters(parser, "the network's")
    add("--sample-rate", type=count, metavar="HZ", help="sampling rate (default: the preset's)")
    text = "strides in time of the convolutions, one each: larger ones need fewer symbols a second"
    add("--time-strides", type=count, nargs="+", metavar="N", help=text)
    add("--mels", type=count, metavar="N", help="mel bands (default: linear spectrogram)")
    add(
        "--normalisation",
        metavar="utterance|corpus|running",
        help="statistics that normalise the features (default: utterance)",
    )
    text = "leave out this share of features between layers while learning (default: 0)"
    add("--dropout", type=share, metavar="P", help=text)
    add("--epochs", type=count, metavar="N", help="number of epochs")
    add("--batch-size", type=count, metavar="N", help="maximum number of utterances in a minibatch")
    add("--batch-seconds", type=positive, metavar="S", help="maximum duration of a minibatch")
    add("--accumulate", type=count, metavar="N", help="minibatches per optimiser step")
    add("--learning-rate", type=positive, metavar="RATE", help="initial learning rate")
    add("--anneal", type=positive, metavar="BY", help="divide the learning rate by BY each epoch")
    add("--momentum", type=share, metavar="M", help="Nesterov momentum")
    add("--max-norm", type=positive, metavar="G", help="gradient clipping: maximum norm")
    add("--ema", type=share, metavar="D", help="EMA decay of the weights (0 disables)")
    add(
        "--sync-batchnorm",
        action="store_true",
        default=None,
        help="batch normalisation over all processes (SyncBN)",
    )
    add("--patience", type=count, metavar="N", help="stop after N epochs without a lower WER")
    add("--minutes", type=positive, metavar="M", help="stop after M minutes")
    add("--longest", type=positive, metavar="S", help="leave out longer training utterances")
    text = "vary speed, pitch, rooms and noise of training recordings; tones keep their contours"
    add("--augment", action="store_true", default=None, help=text)
    text = "with --augment: formants, tilt and breath of the voices, too"
    add("--vary-voice", action="store_true", default=None, help=text)
    text = "hide bands and spans of the training spectrograms (SpecAugment)"
    add("--mask", action="store_true", default=None, help=text)
    text = "quiet after each training recording, up to S seconds, and some before it, as in streams"
    add("--quiet", type=positive, metavar="S", help=text)
    add("--noise", metavar="FOLDER", help="noise recordings for --augment")
    add("--rooms", metavar="FOLDER", help="room impulse responses for --augment")
    add("--cache", type=Path, metavar="FOLDER", help="compute features once, and keep them here")
    add("--seed", type=whole, metavar="N", help="random seed")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--resume", action="store_true", help="continue the run in --out")
    mode.add_argument(
        "--overfit",
        type=count,
        metavar="N",
        help="test whether the set-up memorises N utterances; needs no --dev",
    )
    add_decoder(parser.add_argument_group("validation"), "greedy")
    add_device(parser)
    add_precision(parser)


def run(args):
    """Train, alone or as one of several processes."""
    from ds2np.model.run_folder import RunFolder
    from ds2np.parallel import choose_own_device, connect

    if args.recipe:
        _apply(read_recipe(args.recipe), args)
    folder = RunFolder(args.out)
    device = choose_own_device(args.device)
    device.use()
    with connect(on_gpu=device.gpu is not None) as comm:
        try:
            return _train(args, folder, device, comm)
        except KeyboardInterrupt:
            if not folder.last.exists():
                raise
            if comm.is_main:
                again = f"the same command with --resume continues ({args.out})"
                print(f"\nsaved; {again}", file=sys.stderr)
            return 130


def _apply(recipe, args):
    """Give the options that were not set the values of a recipe, and print it."""
    for name, value in recipe.train.items():
        if getattr(args, name) is None:
            setattr(args, name, Path(value) if name == "alphabet_file" else value)
    print(recipe.describe(), flush=True)


def _train(args, folder, device, comm):
    import dataclasses

    from ds2np.data.manifest import read_manifests
    from ds2np.decode import DecoderSettings
    from ds2np.train.config import TrainingConfig
    from ds2np.train.run import OVERFIT_EPOCHS, overfit, train

    network = _network(args)
    names = [field.name for field in dataclasses.fields(TrainingConfig)]
    decoder = DecoderSettings.choose(given(args, "decoder", *DECODER))
    config = TrainingConfig(**{**given(args, *names), "decoder": decoder})
    utterances = _not_longer(read_manifests(args.train), args.longest, comm)
    if comm.is_main:
        folder.check_free()
    if folder.holds_run and not args.resume:
        raise UserError(
            f"{args.out} holds a run already; continue it with --resume, or choose another --out"
        )
    options = given(args, "minutes", "cache") | {"device": device, "comm": comm}
    if args.overfit:
        config = dataclasses.replace(config, epochs=args.epochs or OVERFIT_EPOCHS)
        chosen = utterances[: args.overfit]
        return 0 if overfit(network, config, chosen, args.out, **options) else 1
    if args.dev is None:
        raise UserError("--dev is missing: training needs a validation manifest")
    train(network, config, utterances, read_manifests(args.dev), args.out, args.resume, **options)
    return 0


def _network(args):
    """Apply the options to the network; refuse values that would exhaust the memory."""
    import dataclasses

    from ds2np.audio.reader import RATES
    from ds2np.model import preset
    from ds2np.model.run_folder import load_run

    changes = given(args, "sample_rate", "normalisation", "dropout") | given_characters(args)
    base = load_run(args.init).config if args.init and not args.preset else None
    config = dataclasses.replace(base or preset(args.preset or "tiny"), **changes)
    config.alphabet()  # raises a UserError if a symbol occurs twice
    if config.sample_rate > RATES[1]:
        raise UserError(f"--sample-rate {config.sample_rate}: expected at most {RATES[1]} Hz")
    if args.time_strides:
        config = _with_strides(config, args.time_strides)
    if args.mels is None:
        return config
    frequencies = dataclasses.replace(config, mels=0).features
    if args.mels > frequencies:
        raise UserError(
            f"--mels {args.mels}: expected at most {frequencies}, the number of frequencies"
        )
    return dataclasses.replace(config, mels=args.mels)


def _with_strides(config, strides):
    """Give the convolutions other strides in time; raise a UserError if they do not fit."""
    if len(strides) != len(config.conv):
        raise UserError(
            f"--time-strides {' '.join(map(str, strides))}: expected one for each of the "
            f"{len(config.conv)} convolutions"
        )
    for stride, layer in zip(strides, config.conv, strict=True):
        if stride > layer.kernel[0]:
            raise UserError(
                f"--time-strides {stride}: expected at most {layer.kernel[0]}, the frames of a "
                f"kernel, or some frames would not be looked at"
            )
    return config.with_time_strides(strides)


def _not_longer(utterances, seconds, comm):
    """Leave out longer utterances and print how many."""
    if seconds is None:
        return utterances
    kept = [u for u in utterances if u.duration <= seconds]
    if not kept:
        raise UserError(f"no training utterance is {seconds:g} s or shorter (--longest)")
    if comm.is_main:
        print(f"left out: {len(utterances) - len(kept)} utterances longer than {seconds:g} s")
    return kept
