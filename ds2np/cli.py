"""The command line: runs the commands of `ds2np.commands` and turns errors into exit codes."""

import argparse
import importlib
import os
import sys

from ds2np import machine
from ds2np.commands import COMMANDS
from ds2np.errors import UserError


def main(arguments=None):
    """Run one command, with the arguments of the process by default, and return its exit code.

    It is 0 on success, 1 if a check failed, 2 for bad input and 130 if interrupted.
    """
    parser = _parser()
    args = parser.parse_args(arguments)
    if empty := [name for name, value in vars(args).items() if value == []]:  # from --name=--
        parser.error(f"argument --{empty[0].replace('_', '-')}: expected one argument")
    machine.tune()
    try:
        return args.run(args) or 0
    except BrokenPipeError:  # the reader of the output closed it
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
    for name in COMMANDS:
        module = importlib.import_module(f"ds2np.commands.{name}")
        summary = module.__doc__.splitlines()[0].rstrip(".")
        command = commands.add_parser(
            name, help=summary[0].lower() + summary[1:], description=f"{summary}."
        )
        module.add_options(command)
        command.set_defaults(run=module.run)
    return parser
