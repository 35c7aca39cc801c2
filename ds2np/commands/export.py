"""Write a network without its training, such as for `serve`, in half precision if you like."""

from pathlib import Path


def add_options(parser):
    """Add the options of the command."""
    add = parser.add_argument
    add("run_folder", type=Path, metavar="RUN", help="run folder or checkpoint file")
    add("out", type=Path, metavar="OUT", help="new run folder")
    add("--half", action="store_true", help="weights of 16 bits: half the size")


def run(args):
    """Write the best network, and the decoder that `tune` has chosen."""
    from ds2np.decode import DecoderSettings
    from ds2np.errors import UserError
    from ds2np.files import make_folder
    from ds2np.model.checkpoint import save_checkpoint
    from ds2np.model.run_folder import RunFolder, load_run

    model, folder = load_run(args.run_folder), RunFolder(args.out)
    if folder.holds_run:
        raise UserError(f"{args.out} holds a run already; name another folder")
    settings = DecoderSettings.read(RunFolder(args.run_folder).decoder)
    make_folder(folder.path)
    save_checkpoint(folder.best, model, {"half": args.half}, half=args.half)
    if settings:
        settings.write(folder.decoder)
    print(f"{folder.best}: {folder.best.stat().st_size / 1e6:.1f} MB")
