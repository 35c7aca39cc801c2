"""The commands. Each imports what it needs when it is called, so that --help is quick."""

import argparse
import os
import sys
from pathlib import Path

from ds2np import machine
from ds2np.arguments import count, positive, share, whole
from ds2np.errors import UserError


def main(arguments=None):
    """Run one command.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process by default.

    Returns
    -------
    int
        The exit code: 0 if all went well, 1 if a check failed, 2 for bad input, 130 if interrupted.
    """
    parser = _parser()
    args = parser.parse_args(arguments)
    if empty := [name for name, value in vars(args).items() if value == []]:  # from --name=--
        parser.error(f"argument --{empty[0].replace('_', '-')}: expected one argument")
    machine.tune()
    try:
        return args.run(args) or 0
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (UserError, OSError) as error:  # OSError: a full disk, a folder without permission
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m ds2np",
        description="Deep Speech 2 from scratch: train, evaluate and transcribe with plain NumPy.",
    )
    commands = parser.add_subparsers(metavar="command", required=True)

    demo = _add(commands, "demo", _demo, "make a small corpus, train on it, and report")
    demo.add_argument(
        "--folder",
        type=Path,
        default=Path("demo"),
        help="where corpus and run are kept (default: demo)",
    )
    again = demo.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the run that is there")
    again.add_argument("--restart", action="store_true", help="delete the run and train anew")
    demo.add_argument(
        "--answers",
        type=Path,
        nargs="?",
        const=True,
        metavar="FILE",
        help="the graduation: train with what you wrote in the chapters (default: my_ds2np.py)",
    )

    train = _add(commands, "train", _train, "train a network on a manifest")
    train.add_argument("--train", type=Path, required=True, metavar="M.jsonl", help="to train on")
    train.add_argument("--dev", type=Path, metavar="M.jsonl", help="held out")
    train.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    train.add_argument("--preset", default="tiny", help="size of the network (default: tiny)")
    train.add_argument("--sample-rate", type=count, metavar="HZ", help="default: the preset's")
    train.add_argument("--mels", type=count, metavar="N", help="mel bands (default: no mel scale)")
    train.add_argument(
        "--normalisation",
        metavar="utterance|corpus|running",
        help="statistics that features are normalised by (default: the utterance's own)",
    )
    train.add_argument("--epochs", type=count, metavar="N")
    train.add_argument("--batch-size", type=count, metavar="N")
    train.add_argument("--batch-seconds", type=positive, metavar="S", help="of sound, at most")
    train.add_argument(
        "--accumulate", type=count, metavar="N", help="minibatches whose gradients make one step"
    )
    train.add_argument("--learning-rate", type=positive, metavar="RATE", help="of the first epoch")
    train.add_argument(
        "--anneal", type=positive, metavar="BY", help="the rate is divided by this each epoch"
    )
    train.add_argument("--momentum", type=share, metavar="M", help="Nesterov's")
    train.add_argument(
        "--max-norm", type=positive, metavar="G", help="larger gradients are scaled down to it"
    )
    train.add_argument("--ema", type=share, metavar="A", help="keep a mean of weights; 0: none")
    train.add_argument(
        "--sync-batchnorm",
        action="store_true",
        default=None,
        help="batch statistics over all processes that train together",
    )
    train.add_argument(
        "--patience", type=count, metavar="N", help="stop after N epochs without a better WER"
    )
    train.add_argument("--minutes", type=positive, metavar="M", help="stop after so long")
    train.add_argument(
        "--longest", type=positive, metavar="S", help="leave out longer utterances of --train"
    )
    train.add_argument(
        "--augment", action="store_true", default=None, help="change the recordings in each epoch"
    )
    train.add_argument("--noise", metavar="FOLDER", help="recordings of noise for --augment")
    train.add_argument("--rooms", metavar="FOLDER", help="impulse responses for --augment")
    train.add_argument("--cache", type=Path, metavar="FOLDER", help="keep spectrograms there")
    train.add_argument("--seed", type=whole, metavar="N")
    go_on = train.add_mutually_exclusive_group()
    go_on.add_argument("--resume", action="store_true", help="go on with the run in --out")
    go_on.add_argument(
        "--overfit",
        type=count,
        metavar="N",
        help="learn N utterances by heart, as a test of the set-up; needs no --dev",
    )

    evaluate = _add(commands, "evaluate", _evaluate, "measure WER and CER on a manifest")
    evaluate.add_argument("run_folder", type=Path, metavar="RUN", help="of a run, or a checkpoint")
    evaluate.add_argument("manifest", type=Path, metavar="M.jsonl")
    evaluate.add_argument("--json", action="store_true", help="print JSON, each utterance included")
    evaluate.add_argument("--json-file", type=Path, metavar="FILE", help="write the JSON there")

    transcribe = _add(commands, "transcribe", _transcribe, "write down what recordings say")
    transcribe.add_argument("run_folder", type=Path, metavar="RUN", help="of a run or a checkpoint")
    transcribe.add_argument("files", type=Path, nargs="+", metavar="FILE")
    transcribe.add_argument(
        "--json", action="store_true", help="print a JSON line for each file, with words and times"
    )

    bench = _add(commands, "bench", _bench, "time each part of the package, or race PyTorch")
    bench.add_argument("--against", choices=["torch"], help="run PyTorch in turn, and compare")
    bench.add_argument("--pairs", type=count, default=5, metavar="N", help="runs (default: 5)")
    bench.add_argument("--only", nargs="+", metavar="NAME", help="parts to time (default: all)")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")

    data = _add(commands, "data", _data, "say what a manifest holds, and all that is wrong with it")
    data.add_argument("manifest", type=Path, metavar="MANIFEST")
    data.add_argument("--listen", action="store_true", help="decode all sound (default: headers)")
    data.add_argument("--preset", default="tiny", help="that is to learn from it (default: tiny)")
    data.add_argument("--characters", metavar="STRING", help="alphabet (default: the preset's)")
    data.add_argument("--longest", type=positive, metavar="SECONDS", help="longer is a fault")
    data.add_argument("--json", action="store_true", help="print all of it as JSON")
    data.add_argument("--lower", action="store_true", help="with --alphabet: fold upper case")
    instead = data.add_mutually_exclusive_group()
    instead.add_argument("--fix", type=Path, metavar="OUT.jsonl", help="write a clean copy there")
    instead.add_argument(
        "--alphabet", action="store_true", help="print its characters, for --characters, only"
    )

    learn = _add(commands, "learn", _learn, "list chapters and exercises, and check your answers")
    learn.add_argument("action", nargs="?", choices=["check"], help="run the checks, say all")
    learn.add_argument("numbers", nargs="*", default=(), metavar="NN.N", help="default: all")
    learn.add_argument(
        "--answers", type=Path, metavar="FILE", help="your functions (default: my_ds2np.py)"
    )

    for command in (demo, train, evaluate, transcribe, bench):
        command.add_argument(
            "--device",
            default="auto",
            metavar="auto|cpu|cuda[:N]",
            help="where to compute (default: a GPU if there is one)",
        )

    _add(commands, "gradcheck", _gradcheck, "check every backward pass by finite differences")
    _add(commands, "doctor", _doctor, "say whether this machine is fit, with a short self-test")
    return parser


def _add(commands, name, run, summary):
    command = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
    command.set_defaults(run=run)
    return command


def _given(args, *names):
    """Collect the options that the command line sets."""
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def _demo(args):
    if args.answers is not None:
        return _graduate(args)
    from ds2np.backend import choose_device
    from ds2np.demo import run_demo

    try:
        run_demo(
            args.folder,
            resume=args.resume,
            restart=args.restart,
            to_device=choose_device(args.device),
        )
    except KeyboardInterrupt:
        print(f"\ninterrupted; go on with --resume ({args.folder})", file=sys.stderr)
        return 130
    return 0


def _graduate(args):
    from ds2np.learn.answers import default_path
    from ds2np.learn.graduation import graduate

    path = default_path() if args.answers is True else args.answers
    graduate(path, args.folder, args.resume, args.restart, args.device)


def _train(args):
    from ds2np.backend import to_cpu
    from ds2np.parallel import choose_own_device, connect
    from ds2np.train.checkpoint import LAST

    device = choose_own_device(args.device)
    with connect(on_gpu=device is not to_cpu) as comm:
        try:
            return _train_together(args, device, comm)
        except KeyboardInterrupt:
            if not (args.out / LAST).exists():
                raise
            if comm.is_main:
                again = f"go on with the same command and --resume ({args.out})"
                print(f"\nsaved; {again}", file=sys.stderr)
            return 130


def _train_together(args, device, comm):
    import dataclasses

    from ds2np.data.manifest import read_manifest
    from ds2np.train.config import TrainingConfig
    from ds2np.train.run import overfit, train

    model_config = _network(args)
    names = [field.name for field in dataclasses.fields(TrainingConfig)]
    config = TrainingConfig(**_given(args, *names))
    utterances = _not_longer(read_manifest(args.train), args.longest, comm.is_main)
    options = _given(args, "minutes", "cache") | {"to_device": device, "comm": comm}
    if args.overfit:
        if args.epochs is None:
            config = dataclasses.replace(config, epochs=100)
        learnt = overfit(model_config, config, utterances[: args.overfit], args.out, **options)
        return 0 if learnt else 1
    if args.dev is None:
        raise UserError("--dev is missing: training needs utterances that are held out")
    train(
        model_config, config, utterances, read_manifest(args.dev), args.out, args.resume, **options
    )
    return 0


def _network(args):
    """Look up the preset, changed as asked for; refuse what would only fill the memory."""
    import dataclasses

    from ds2np.audio.load import RATES
    from ds2np.model import preset

    config = dataclasses.replace(
        preset(args.preset), **_given(args, "sample_rate", "normalisation")
    )
    if config.sample_rate > RATES[1]:
        raise UserError(f"--sample-rate {config.sample_rate}: at most {RATES[1]} Hz are possible")
    if args.mels is None:
        return config
    frequencies = dataclasses.replace(config, mels=0).features
    if args.mels > frequencies:
        raise UserError(f"--mels {args.mels}: at most {frequencies}, the frequencies of a window")
    return dataclasses.replace(config, mels=args.mels)


def _not_longer(utterances, seconds, speaks):
    """Leave out utterances that are longer, and say how many."""
    if seconds is None:
        return utterances
    kept = [u for u in utterances if u.duration <= seconds]
    if not kept:
        raise UserError(f"no utterance to learn from is {seconds:g} s or shorter (--longest)")
    if speaks:
        print(f"left out: {len(utterances) - len(kept)} utterances longer than {seconds:g} s")
    return kept


def _evaluate(args):
    from tqdm import tqdm

    from ds2np.backend import choose_device
    from ds2np.data.dataset import Dataset
    from ds2np.data.manifest import read_manifest
    from ds2np.files import replacing
    from ds2np.train.checkpoint import load_run
    from ds2np.train.evaluate import evaluate, format_summary, strict_json, summarise

    target = args.json_file
    if target and (target.is_dir() or not target.parent.is_dir()):  # better now than at the end
        problem = "is a folder" if target.is_dir() else f"needs the folder {target.parent}"
        raise UserError(f"{target} {problem}; name a file for --json-file in a folder that exists")
    model = load_run(args.run_folder, choose_device(args.device))
    dataset = Dataset(read_manifest(args.manifest), model.config)
    with tqdm(total=len(dataset), unit=" utterances") as bar:
        result = evaluate(model, dataset, progress=bar.update)
    summary = summarise(result, [u.audio_filepath for u in dataset.utterances])
    if target:
        with replacing(target) as file:
            file.write(strict_json(summary, indent=1) + "\n")
    if args.json:
        print(strict_json(summary, indent=1))
    else:
        print(f"{len(dataset)} utterances: {result}\n{format_summary(summary)}")


def _transcribe(args):
    import dataclasses

    from ds2np.backend import choose_device
    from ds2np.train.checkpoint import load_run
    from ds2np.train.evaluate import strict_json, transcribe_words

    model = load_run(args.run_folder, choose_device(args.device))
    failed = False
    for path in args.files:
        try:
            words = transcribe_words(model, path)
        except UserError as error:  # the other files can still be transcribed
            print(f"error: {error}", file=sys.stderr)
            failed = True
            continue
        text = " ".join(word.text for word in words)
        if args.json:
            words = [dataclasses.asdict(word) for word in words]
            line = strict_json({"audio_filepath": str(path), "text": text, "words": words})
        else:
            line = text if len(args.files) == 1 else f"{path}: {text}"
        print(line, flush=True)
    return 2 if failed else 0


def _bench(args):
    from ds2np.bench import run_bench

    return run_bench(
        against_torch=args.against == "torch",
        pairs=args.pairs,
        only=args.only,
        device=args.device,
        path=args.json,
    )


def _data(args):
    import dataclasses
    import json

    from ds2np.data.check import check_manifest, check_target, find_alphabet, write_clean
    from ds2np.data.check_report import describe, describe_copy, statistics
    from ds2np.model import preset

    if args.alphabet:
        characters = find_alphabet(args.manifest, args.lower)
        print(json.dumps(characters, ensure_ascii=False) if args.json else characters)
        return 0
    if args.lower:
        raise UserError("--lower is for --alphabet; elsewhere the alphabet decides on upper case")
    if args.fix:
        check_target(args.manifest, args.fix)
    config = dataclasses.replace(preset(args.preset), **_given(args, "characters"))
    checked = check_manifest(
        args.manifest, config, listening=args.listen, **_given(args, "longest")
    )
    done = write_clean(checked, args.fix) if args.fix else None
    if args.json:
        copy = {"clean_copy": {"manifest": str(args.fix), **done}} if done else {}
        print(json.dumps({**statistics(checked), **copy}, ensure_ascii=False, indent=1))
    else:
        print(describe(checked))
        if done:
            print(f"\n{describe_copy(checked, args.fix, done)}")
    return 1 if checked.faulty else 0


def _learn(args):
    from ds2np.learn.answers import default_path
    from ds2np.learn.command import check_answers, list_chapters

    path = args.answers or default_path()
    return check_answers(path, args.numbers) if args.action else list_chapters(path)


def _gradcheck(args):
    from ds2np.selfcheck import check_everything

    return check_everything()


def _doctor(args):
    from ds2np.doctor import examine

    return examine()
