"""Adapt a network to your voice, with a few minutes of your speech."""

import sys
from pathlib import Path

from ds2np.commands.options import add_device, count, positive, whole


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add("run_folder", type=Path, metavar="RUN", help="run folder of the network to begin with")
    text = "your recordings: a manifest, or a folder"
    add("speech", type=Path, metavar="SPEECH", help=text)
    text = "what they say, for a folder: a line for each, in the order of their names"
    add("text", type=Path, metavar="TEXT", nargs="?", help=text)
    add("--out", type=Path, required=True, metavar="RUN", help="new run folder")
    text = "mixed in, against forgetting: manifests, or none (default: what RUN was trained on)"
    add("--mix", nargs="+", metavar="M.jsonl", help=text)
    add("--epochs", type=count, metavar="N", help="number of epochs")
    add("--learning-rate", type=positive, metavar="RATE", help="initial learning rate")
    add("--minutes", type=positive, metavar="M", default=float("inf"), help="stop after M minutes")
    add("--seed", type=whole, metavar="N", help="random seed")
    add("--resume", action="store_true", help="go on with an interrupted adaptation in --out")
    add_device(parser)


def run(args):
    """Adapt; print the rates before and after; 1 if it did not help."""
    from dataclasses import replace

    from ds2np.adapt import adapt, read_speech
    from ds2np.adapt.adaptation import SETTINGS
    from ds2np.backend import choose_device
    from ds2np.commands.options import given
    from ds2np.data.manifest import read_manifests
    from ds2np.model.run_folder import RunFolder

    mixed = args.mix
    if mixed is not None:
        mixed = [] if mixed == ["none"] else read_manifests(mixed)
    settings = replace(SETTINGS, **given(args, "epochs", "learning_rate", "seed"))
    speech = read_speech(args.speech, args.text)
    device = choose_device(args.device)
    device.use()
    try:
        limits = {"minutes": args.minutes, "resume": args.resume}
        result = adapt(args.run_folder, speech, args.out, mixed, settings, device, **limits)
    except KeyboardInterrupt:
        begun = RunFolder(args.out).holds_run
        advice = f"; the same command with --resume goes on ({args.out})" if begun else ""
        print(f"\ninterrupted{advice}", file=sys.stderr)
        return 130
    rows = [("your sentences that were held out", result.held_out)]
    rows += [("what it knew before", result.known)] * bool(result.known)
    for name, (before, after) in rows:
        print(
            f"{name}, {len(before.refs)}: WER {before.wer:.1%} -> {after.wer:.1%}, "
            f"CER {before.cer:.1%} -> {after.cer:.1%}, loss {before.loss:.2f} -> {after.loss:.2f}"
        )
    if not result.known and args.mix is None:
        print(
            f"warning: {args.run_folder} does not say what it was trained on, or it is gone; "
            "nothing was mixed in, and other voices may be forgotten (--mix M.jsonl)",
            file=sys.stderr,
        )
    if result.kept:
        print(f"the network that knows your voice: {args.out}")
        return 0
    print("that did not help: the new network was not kept; record more sentences, or speak closer")
    return 1
