"""Checkpoints: plain arrays and a JSON header in one .npz file, without executable content."""

import dataclasses
import json
import re
import zipfile
from pathlib import Path

import numpy as np

from ds2np.audio.features import FEATURES_VERSION, NORMALISATIONS
from ds2np.backend import to_cpu
from ds2np.errors import UserError
from ds2np.files import replacing
from ds2np.kernels.small_product import round_to_half
from ds2np.model.config import DeepSpeech2Config
from ds2np.model.network import RECURRENT, DeepSpeech2

# A network understands only the features on which it was trained.
FORMAT = f"ds2np checkpoint 2, features {FEATURES_VERSION}"
OTHER_VERSION = re.compile(r"ds2np checkpoint [12](, features \d+)?")
CHOICES = {"recurrent": RECURRENT, "merge": ("sum", "concat"), "normalisation": NORMALISATIONS}


def save_checkpoint(path, model, progress, state=None, half=False):
    """Write a network and the training state to resume from.

    Parameters
    ----------
    progress : dict
        JSON values.
    state : dict of str to dict, optional
        Arrays by group: "velocity" and "ema" by parameter name, and "members", which identify the
        data sets.
    half : bool
        Round matrices to float16: half the size.

    Raises
    ------
    UserError
        If a weight is not finite: a broken network never replaces a good one. With `half`, if a
        weight is larger than float16 holds.
    """
    arrays = {f"model/{name}": to_cpu(value) for name, value in model.state_dict().items()}
    for name, value in arrays.items():
        if not np.isfinite(value).all():
            raise UserError(f"{path} was not written: {name} holds NaN or infinity")
    if half:  # not the few other numbers, which are statistics and biases
        arrays = {
            name: round_to_half(value.copy(), name) if value.ndim > 1 else value
            for name, value in arrays.items()
        }
    for group, values in (state or {}).items():
        arrays |= {f"{group}/{name}": to_cpu(value) for name, value in values.items()}
    header = {"format": FORMAT, "model": model.config.to_dict(), "progress": progress}
    with replacing(path, "wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **arrays)


def load_checkpoint(path):
    """Read what `save_checkpoint` wrote.

    Returns
    -------
    model : DeepSpeech2
        In evaluation mode.
    progress : dict
    state : dict of str to dict
        "velocity", "ema" and "members"; empty if they were not saved.

    Raises
    ------
    UserError
        If the file is missing, damaged, not a checkpoint, or of another version of the features.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; `python -m ds2np train` writes one")
    try:
        header, arrays = _read(path)
        version = header["format"]
        other = version != FORMAT and OTHER_VERSION.fullmatch(version)
        config = None if other else _check(header, arrays)
    except Exception as error:  # a damaged file can raise anything: EOFError, MemoryError, ...
        raise _unreadable(path, error) from None
    if other:
        raise UserError(
            f"{path} was written by another version of ds2np, which computes other features "
            f"({version!r}, expected {FORMAT!r}); "
            f"train again with `python -m ds2np train` (the demo: `demo --restart`)"
        )
    groups = {"model": {}, "velocity": {}, "ema": {}, "members": {}}
    try:
        model = DeepSpeech2(config)
        for name, value in arrays.items():
            group, _, name = name.partition("/")
            groups[group][name] = value
        model.load_state_dict(groups.pop("model"))
        for group in ("velocity", "ema"):
            for name, value in groups[group].items():
                if name not in model.params or model.params[name].shape != value.shape:
                    raise ValueError(f"its {group} {name!r} matches no parameter")
    except (ValueError, KeyError, MemoryError) as error:  # arrays that do not fit the configuration
        raise _unreadable(path, error) from None
    model.set_training(False)
    return model, header["progress"], groups


def load_alphabet(path):
    """Read the alphabet without the arrays; None if there is none, or the file is damaged."""
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
        return DeepSpeech2Config.from_dict(header["model"]).alphabet()
    except Exception:  # a damaged file can raise anything
        return None


def _unreadable(path, error):
    return UserError(
        f"{path} is not a checkpoint, or is damaged ({str(error) or type(error).__name__}); "
        f"expected a file written by `python -m ds2np train`"
    )


def _read(path):
    if not zipfile.is_zipfile(path):
        raise ValueError("it is not a complete .npz file")
    # Opened here: np.load leaves a damaged file open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if "header" not in arrays:
        raise ValueError("it has no header")
    return json.loads(str(arrays.pop("header"))), arrays


def _check(header, arrays):
    """Refuse impossible networks before allocating memory for them."""
    if header["format"] != FORMAT:
        raise ValueError(f"its format is {header['format']!r}, expected {FORMAT!r}")
    if not isinstance(header["progress"], dict):
        raise ValueError(f"its progress is {header['progress']!r}, expected an object")
    config = DeepSpeech2Config.from_dict(header["model"])
    members = {name: arrays[name] for name in arrays if name.startswith("members/")}
    if members:
        _check_members(members)
    arrays = {name: value for name, value in arrays.items() if name not in members}
    for name, value in arrays.items():
        if value.dtype.kind != "f":
            raise ValueError(f"{name} is {value.dtype}, expected real numbers")
        if name.startswith("model/") and not np.isfinite(value).all():
            raise ValueError(f"{name} holds NaN or infinity")
    largest = max((n for value in arrays.values() for n in value.shape), default=0)
    for field in dataclasses.fields(config):
        value, kind = getattr(config, field.name), type(field.default)
        kinds = {kind, *({"characters": (tuple,)}.get(field.name, ()))}
        kinds |= {float} if field.name.endswith("_ms") else set()
        if type(value) not in kinds:
            raise ValueError(f"{field.name} is {value!r}, expected {kind.__name__}")
    for name, choices in CHOICES.items():
        if (value := getattr(config, name)) not in choices:
            raise ValueError(f"{name} is {value!r}, expected one of {', '.join(choices)}")
    sizes = {name: getattr(config, name) for name in ("layers", "hidden", "lookahead", "dense")}
    for conv in config.conv:
        for name, values in dataclasses.asdict(conv).items():
            for value in values if isinstance(values, tuple) else (values,):
                if type(value) is not int or not 0 < value <= largest:
                    raise ValueError(
                        f"{name} of a convolution is {value!r}, expected 1 to {largest}"
                    )
    for name, value in sizes.items():
        if not 0 <= value <= largest:
            raise ValueError(f"{name} is {value}, but no dimension of its arrays exceeds {largest}")
    if not 0 < config.features <= 16 * largest:
        raise ValueError(f"{config.features} features do not match its arrays")
    if not all(isinstance(symbol, str) for symbol in config.alphabet().symbols):
        raise ValueError(f"characters are {config.characters!r}, expected strings")
    return config


def _check_members(members):
    for part in ("train", "dev"):
        keys, frames = (members.get(f"members/{part}_{kind}") for kind in ("keys", "frames"))
        for name, value, dtype in (("keys", keys, np.uint64), ("frames", frames, np.int64)):
            if value is None or value.dtype != dtype or value.shape != (len(keys),):
                raise ValueError(f"its {part}_{name} are missing or damaged")
