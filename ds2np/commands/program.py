"""What all programs of the project do alike: their options, their output and how they end."""

import argparse
import codecs
import contextlib
import json
import os
import sys

from ds2np.errors import UserError


class Parser(argparse.ArgumentParser):
    """A parser that refuses an option given twice, of which the last would win silently.

    Options cannot be abbreviated: a new one could change what an abbreviation means. ``doc`` is
    the docstring of the program, whose first line describes it; ``python -OO`` leaves none.
    """

    def __init__(self, doc=None, **options):
        description = (doc or "").partition("\n")[0]
        super().__init__(**{"description": description, "allow_abbrev": False, **options})
        for name, action in ((None, _Store), ("store", _Store), ("store_true", _StoreTrue)):
            self.register("action", name, action)

    def parse_known_args(self, args=None, namespace=None):
        """Parse arguments, as the base class does."""
        self.given = set()
        return super().parse_known_args(args, namespace)


class _Store(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        if self.dest in parser.given:
            raise argparse.ArgumentError(self, "given more than once")
        if option_string:
            parser.given.add(self.dest)
        setattr(namespace, self.dest, values)


class _StoreTrue(_Store):
    def __init__(self, option_strings, dest, default=False, **options):
        super().__init__(option_strings, dest, nargs=0, default=default, **options)

    def __call__(self, parser, namespace, values, option_string=None):
        super().__call__(parser, namespace, True, option_string)


def run(main):
    """Call a program and return its exit code; bad input ends in one sentence.

    It is what ``main()`` returns, 0 for None; 2 for bad input or a failure of the system, such as a
    full disk or memory; 130 if interrupted.
    """
    _make_streams_safe()
    try:
        code = main() or 0
        sys.stdout.flush()  # while an error can be reported
        return code
    except BrokenPipeError:  # the reader of the output closed it
        return 0
    except UserError as error:
        _print_error(f"error: {error}")
        return 2
    except MemoryError as error:
        _print_error(f"error: there is not enough memory{f' ({error})' if str(error) else ''}")
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _print_error(f"error: {where}{error.strerror or error}")
        return 2
    except KeyboardInterrupt:
        _print_error("\ninterrupted")
        return 130
    finally:
        _silence_broken_streams()


def _print_error(text):
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _make_streams_safe():
    """Let standard output and error accept all text, also if they are closed."""
    # The next file that is opened would take the number of a closed stream, and get its output.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    codecs.register_error("ds2np", _encode_anyway)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            number = ("stdin", "stdout", "stderr").index(name)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
        if hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="ds2np")


def _encode_anyway(error):
    r"""Hand on the bytes of a file name that is not text; write other characters as \u1234."""
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":  # from os.fsdecode
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return json.dumps(character)[1:-1], error.start + 1


def _silence_broken_streams():
    """Discard what cannot be written, or Python would report it once more at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
