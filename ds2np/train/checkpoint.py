"""Checkpoints: plain arrays and a JSON header in one .npz file; nothing in it is executed."""

import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np

from ds2np.backend import to_cpu
from ds2np.errors import UserError
from ds2np.files import replacing
from ds2np.model import DeepSpeech2, DeepSpeech2Config

FORMAT = "ds2np checkpoint 1"
LAST, BEST = "last.npz", "best.npz"


def save_checkpoint(path, model, progress, state=None):
    """Write a network, and what it takes to go on training it.

    Parameters
    ----------
    path : str or Path
    model : DeepSpeech2
    progress : dict
        Anything that JSON can hold.
    state : dict of str to dict, optional
        What belongs to the parameters, by name: "velocity" and "ema".

    Raises
    ------
    UserError
        If a weight is not finite: a broken network never replaces a good one.
    """
    arrays = {f"model/{name}": to_cpu(value) for name, value in model.state_dict().items()}
    for name, value in arrays.items():
        if not np.isfinite(value).all():
            raise UserError(f"{path}: not written, since {name} holds numbers that are not finite")
    for group, values in (state or {}).items():
        arrays |= {f"{group}/{name}": to_cpu(value) for name, value in values.items()}
    header = {"format": FORMAT, "model": model.config.to_dict(), "progress": progress}
    with replacing(path, "wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **arrays)


def load_checkpoint(path):
    """Read a checkpoint.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    model : DeepSpeech2
        In evaluation mode.
    progress : dict
    state : dict of str to dict
        "velocity" and "ema"; empty if none was saved.

    Raises
    ------
    UserError
        If the file is missing, damaged, or no checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; `python -m ds2np train` writes one")
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no .npz file, or not all of one")
        # Opened here: np.load leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if "header" not in arrays:
            raise ValueError("it has no header")
        header = json.loads(str(arrays.pop("header")))
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}, known is {FORMAT!r}")
        config = DeepSpeech2Config.from_dict(header["model"])
        _check_values(config, arrays)
        model = DeepSpeech2(config)
        groups = {"model": {}, "velocity": {}, "ema": {}}
        for name, value in arrays.items():
            group, _, name = name.partition("/")
            groups[group][name] = value
        model.load_state_dict(groups.pop("model"))
        for group, values in groups.items():
            for name, value in values.items():
                if name not in model.params or model.params[name].shape != value.shape:
                    raise ValueError(f"its {group} {name!r} fits no parameter")
        progress = header["progress"]
        if not isinstance(progress, dict):
            raise ValueError(f"its progress is {progress!r}")
    except Exception as error:  # a damaged file can raise anything: EOFError, MemoryError, ...
        raise UserError(
            f"{path} is not a checkpoint that can be read ({str(error) or type(error).__name__}); "
            f"needed is a file that `python -m ds2np train` wrote"
        ) from None
    model.set_training(False)
    return model, progress, groups


def _check_values(config, arrays):
    """Refuse what no network can be made of, before its memory is asked for."""
    for name, value in arrays.items():
        if value.dtype.kind != "f":
            raise ValueError(f"{name} holds {value.dtype}, not real numbers")
        if name.startswith("model/") and not np.isfinite(value).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    largest = max((n for value in arrays.values() for n in value.shape), default=0)
    for field in dataclasses.fields(config):
        value, kind = getattr(config, field.name), type(field.default)
        if type(value) is not kind and not (field.name.endswith("_ms") and type(value) is float):
            raise ValueError(f"{field.name} is {value!r}, not {kind.__name__}")
    sizes = {name: getattr(config, name) for name in ("layers", "hidden", "lookahead", "dense")}
    for conv in config.conv:
        for name, values in dataclasses.asdict(conv).items():
            for value in values if isinstance(values, tuple) else (values,):
                if type(value) is not int or not 0 < value <= largest:
                    raise ValueError(f"{name} of a convolution is {value!r}")
    for name, value in sizes.items():
        if not 0 <= value <= largest:
            raise ValueError(f"{name} is {value}, more than its arrays hold")
    if not 0 < config.features <= 16 * largest:
        raise ValueError(f"{config.features} features are more than its arrays hold")
    config.alphabet()


def load_run(run, to_device=to_cpu):
    """Load the best network of a run.

    Parameters
    ----------
    run : str or Path
        The folder of the run, or a checkpoint file.
    to_device : callable
        Where to; see `ds2np.backend.choose_device`.

    Returns
    -------
    DeepSpeech2
        In evaluation mode.

    Raises
    ------
    UserError
    """
    run = Path(run)
    if run.is_dir():
        found = [run / name for name in (BEST, LAST) if (run / name).is_file()]
        if not found:
            raise UserError(f"{run} holds no checkpoint ({BEST}); is it the folder of a run?")
        run = found[0]
    model = load_checkpoint(run)[0]
    model.move(to_device)
    return model
