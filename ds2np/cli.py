"""The command line: lists the commands of `ds2np.commands` and runs one."""

import importlib

from ds2np import machine
from ds2np.commands import COMMANDS, program


def main(arguments=None):
    """Run one command, with the arguments of the process by default, and return its exit code.

    It is 0 on success, 1 if a check failed, 2 for bad input and 130 if interrupted.
    """
    return program.run(lambda: _run_command(arguments))


def _run_command(arguments):
    parser = _parser()
    args = parser.parse_args(arguments)
    if empty := [name for name, value in vars(args).items() if value == []]:  # from --name=--
        parser.error(f"argument --{empty[0].replace('_', '-')}: expected one argument")
    machine.tune()
    return args.run(args)


def _parser():
    parser = program.Parser(
        "Deep Speech 2 from scratch: train, evaluate and transcribe with plain NumPy.",
        prog="python -m ds2np",
    )
    commands = parser.add_subparsers(metavar="command", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"ds2np.commands.{name}")
        summary = (module.__doc__ or "").partition("\n")[0].rstrip(".")
        command = commands.add_parser(
            name, help=summary[:1].lower() + summary[1:], doc=module.__doc__
        )
        module.add_options(command)
        command.set_defaults(run=module.run)
    return parser
