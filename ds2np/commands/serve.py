"""Serve a recogniser: streams and recordings of many clients at once."""

import argparse
import os
import socket
from functools import partial
from pathlib import Path

from ds2np.commands.options import add_recogniser, count, load_recogniser, positive, whole
from ds2np.errors import UserError


def add_options(parser):
    """Add the options of the command."""
    add_recogniser(parser)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    add("--port", type=whole, default=8080, metavar="N", help="port; 0: any (default: 8080)")
    text = "streams or recordings that go through the network together (default: 128)"
    add("--max-batch", type=count, default=128, metavar="N", help=text)
    text = "milliseconds in which pieces of streams gather to a batch; 0: eager (default: 20)"
    add("--gather", type=whole, default=20, metavar="MS", help=text)
    text = "open streams (default: 200)"
    add("--max-streams", type=count, default=200, metavar="N", help=text)
    text = "seconds of sound in a recording or stream (default: 600)"
    add("--max-seconds", type=positive, default=600.0, metavar="S", help=text)
    text = "file with the key that clients have to send; needed beyond this machine"
    add("--api-key-file", type=Path, metavar="FILE", help=text)
    text = "let the page teach it a voice; recordings and the new network go here"
    add("--teach", type=Path, metavar="FOLDER", help=text)
    text = "sentences to read for --teach, one a line (default: 40 that RUN was trained on)"
    add("--sentences", type=Path, metavar="FILE", help=text)


def run(args):
    """Serve until SIGTERM or Ctrl-C."""
    from ds2np.model.run_folder import RunFolder
    from ds2np.serve.about import read_heard
    from ds2np.serve.app import Limits
    from ds2np.serve.guard import is_local
    from ds2np.serve.log import log_to_stderr
    from ds2np.serve.remote import Remote
    from ds2np.serve.server import make_server
    from ds2np.serve.teaching import Teaching

    key = _read_key(args.api_key_file) if args.api_key_file else ""
    if not key and not is_local(args.host):
        raise UserError(
            f"--host {args.host} opens the server to other machines; give --api-key-file FILE, "
            "whose content clients send, or leave out --host"
        )
    limits = Limits(args.max_batch, args.max_streams, args.max_seconds)
    lessons = _begin_lessons(args)
    load = partial(_load, args)
    run = lessons.network if lessons and lessons.network.exists() else args.run_folder
    with (
        Remote(load(run), args.max_batch, args.gather / 1000) as dispatcher,
        _listen(args.host, args.port) as listening,
    ):
        heard = read_heard(RunFolder(args.run_folder).config)
        teaching = None
        if lessons:
            command = ["-m", "ds2np", "adapt", args.run_folder, lessons.manifest]
            command = [*map(str, command), "--out", str(lessons.learning), "--device", args.device]
            teaching = Teaching(dispatcher, lessons, command, load)
        server = make_server(dispatcher, limits, args.host, key, heard, teaching)
        log_to_stderr()
        name = f"[{args.host}]" if ":" in args.host else args.host
        print(f"http://{name}:{listening.getsockname()[1]}  (Ctrl-C ends)", flush=True)
        server.run([listening])
    return 1 if server.failed else 0 if server.started else 2


def _load(args, run):
    """Return what loads the recogniser of a run, for another process."""
    return partial(load_recogniser, argparse.Namespace(**{**vars(args), "run_folder": run}))


def _begin_lessons(args):
    """Return the `Lessons` of --teach, or None."""
    if not args.teach:
        if args.sentences:
            raise UserError("--sentences are for --teach FOLDER: add it, or leave them out")
        return None
    from ds2np.adapt.adaptation import find_learned
    from ds2np.adapt.lessons import Lessons
    from ds2np.adapt.prompts import choose_prompts, read_prompts
    from ds2np.adapt.speech import FEWEST
    from ds2np.model.run_folder import load_run

    if args.sentences:
        sentences = read_prompts(args.sentences, load_run(args.run_folder).config.alphabet())
    else:
        sentences = choose_prompts([each.text for each in find_learned(args.run_folder)])
    if len(sentences) < FEWEST:
        raise UserError(
            f"{args.run_folder} does not say what it was trained on, or that is gone; name "
            f"sentences to read: --sentences FILE"
        )
    return Lessons(args.teach, sentences)


def _listen(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else error
        raise UserError(f"cannot listen on {host}:{port}: {reason}") from None


def _read_key(path):
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error})") from None
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise UserError(f"{path}: expected a key, printable letters without spaces")
    return key
