"""Ways to damage recordings, manifests and checkpoints; each takes a path and a generator."""

import gzip
import json

import numpy as np
import soundfile

from helpers import toys

NUMBERS = (0, 1, 2, 3, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)
VALUES = (
    None,
    True,
    -1,
    0,
    1,
    7,
    1.5,
    1600.5,
    10**7,
    10**30,
    -1e308,
    float("nan"),
    "x",
    "",
    [],
    {},
)


def pick(rng, choices):
    return list(choices)[rng.integers(len(choices))]


# Any file


def flip(path, rng, first=0):
    data = bytearray(path.read_bytes())
    for i in rng.integers(min(first, len(data) - 1), len(data), rng.integers(1, 9)):
        data[i] ^= int(rng.integers(1, 256))
    path.write_bytes(data)


def truncate(path, rng):
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data))])


def empty(path, rng):
    path.write_bytes(b"")


def write_noise(path, rng):
    path.write_bytes(rng.bytes(rng.integers(1, 5000)))


def write_text(path, rng):
    path.write_text("the cat is happy\n" * int(rng.integers(1, 99)))


def remove(path, rng):
    path.unlink()


def turn_into_folder(path, rng):
    path.unlink()
    path.mkdir()


ANY_FILE = (flip, truncate, empty, write_noise, write_text, remove, turn_into_folder)


def compress(path, rng):
    """Compress a file under its old name, and sometimes damage the result."""
    path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    if rng.integers(2):
        pick(rng, (flip, truncate))(path, rng)


# Recordings


def flip_header(path, rng):
    data = bytearray(path.read_bytes())
    data[rng.integers(4, 44)] ^= int(rng.integers(1, 256))
    path.write_bytes(data)


def wrong_number(path, rng):
    """Change one number of a WAV header: a size, the format, channels, rate, ..."""
    data = bytearray(path.read_bytes())
    at, size = pick(
        rng, ((4, 4), (16, 4), (20, 2), (22, 2), (24, 4), (28, 4), (32, 2), (34, 2), (40, 4))
    )
    data[at : at + size] = (pick(rng, NUMBERS) % 256**size).to_bytes(size, "little")
    path.write_bytes(data)


def no_channels(path, rng):
    data = bytearray(path.read_bytes())
    data[22:24] = bytes(2)
    path.write_bytes(data)


def no_rate(path, rng):
    data = bytearray(path.read_bytes())
    data[24:28] = bytes(4)
    path.write_bytes(data)


def wrong_rate(path, rng):
    data = bytearray(path.read_bytes())
    data[24:28] = int(2 ** rng.uniform(0, 32)).to_bytes(4, "little")
    path.write_bytes(data)


def write_not_finite(path, rng):
    samples = rng.uniform(-1, 1, 800)
    samples[rng.integers(800, size=3)] = pick(rng, (np.nan, np.inf, -np.inf))
    soundfile.write(path, samples, toys.RATE, subtype="FLOAT", format="WAV")


def write_loud(path, rng):
    samples = rng.uniform(-1, 1, 800) * 10.0 ** rng.uniform(0, 38)
    soundfile.write(path, samples, toys.RATE, subtype="FLOAT", format="WAV")


def write_few(path, rng):
    soundfile.write(path, rng.uniform(-1, 1, rng.integers(0, 40)), toys.RATE, format="WAV")


def opposite_phase(path, rng):
    samples = rng.uniform(-1, 1, 800)
    soundfile.write(path, np.stack([samples, -samples], axis=1), toys.RATE, format="WAV")


def many_channels(path, rng):
    channels = rng.integers(2, 300)
    soundfile.write(path, rng.uniform(-1, 1, (99, channels)), toys.RATE, format="WAV")


def no_length(path, rng):
    """State no samples, as programs do that write to a pipe."""
    data = bytearray(path.read_bytes())
    data[40:44] = bytes(4) if rng.integers(2) else b"\xff" * 4
    path.write_bytes(data)


def any_gain(path, rng):
    samples, rate = soundfile.read(path)
    gain = 10.0 ** rng.uniform(-30, 9)
    soundfile.write(path, gain * samples, rate, subtype="FLOAT", format="WAV")


def as_flac(change):
    """Break a FLAC file, whatever its name."""

    def broken(path, rng):
        samples, rate = soundfile.read(path)
        soundfile.write(path, samples, rate, format="FLAC", subtype="PCM_16")
        change(path, rng)

    broken.__name__ = f"flac_{change.__name__}"
    return broken


def forget_length(path, rng):
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)


def wrong_length(path, rng):
    data = bytearray(path.read_bytes())
    data[21] |= int(rng.integers(16))
    data[22:26] = rng.bytes(4)
    path.write_bytes(data)


AUDIO = (
    *ANY_FILE,
    *(flip_header, wrong_number, no_channels, no_rate, wrong_rate),
    *(write_not_finite, write_loud, write_few),
    *(opposite_phase, many_channels, no_length, any_gain, compress),
    *map(as_flac, (flip, flip_header, truncate, forget_length, wrong_length)),
)


# Manifests


def on_lines(change):
    """Make a corruption of a function that changes the lines of a manifest."""

    def broken(path, rng):
        lines = path.read_text().splitlines()
        change(lines, rng)
        path.write_bytes("\n".join(lines).encode())

    broken.__name__ = change.__name__
    return broken


def cut_line(lines, rng):
    i = rng.integers(len(lines))
    lines[i] = lines[i][: rng.integers(len(lines[i]))]


def wrong_value(lines, rng):
    i = rng.integers(len(lines))
    entry = json.loads(lines[i])
    entry[pick(rng, entry)] = pick(rng, VALUES)
    lines[i] = json.dumps(entry)


def missing_key(lines, rng):
    i = rng.integers(len(lines))
    entry = json.loads(lines[i])
    del entry[pick(rng, entry)]
    lines[i] = json.dumps(entry)


def long_number(lines, rng):
    i = rng.integers(len(lines))
    entry = {**json.loads(lines[i]), "duration": 0}
    digits = "9" * int(rng.integers(20, 6000))
    lines[i] = json.dumps(entry).replace('"duration": 0', f'"duration": {digits}')


def wrong_audio(lines, rng):
    i = rng.integers(len(lines))
    names = (
        "",
        ".",
        "..",
        "no.wav",
        "a\0b.wav",
        "x" * 300,
        "y/" * 3000,
        "0.wav/0.wav",
        "\U0001f600",
    )
    lines[i] = json.dumps({**json.loads(lines[i]), "audio_filepath": pick(rng, names)})


def wrong_text(lines, rng):
    i = rng.integers(len(lines))
    texts = ("", " ", "\0", "abc" * 999, "\ud83d", "\u202eabc", "abd", "e\u0301", "a\nb")
    lines[i] = json.dumps({**json.loads(lines[i]), "text": pick(rng, texts)})


def segment(lines, rng):
    """Make a line a segment, somewhere in its recording or outside of it."""
    i = rng.integers(len(lines))
    places = {"offset": pick(rng, (*VALUES, 0.1, 0.25)), "duration": pick(rng, (0.05, 0.3, 9))}
    if rng.integers(2):
        places["channel"] = pick(rng, (*VALUES, 1023, 2000))
    lines[i] = json.dumps({**json.loads(lines[i]), **places})


def foreign_key(lines, rng):
    keys = ("start", "end", "Offset", "segments", "channel_selector", "begin_time", "\u212afset")
    i = rng.integers(len(lines))
    lines[i] = json.dumps({**json.loads(lines[i]), pick(rng, keys): pick(rng, VALUES)})


def key_twice(lines, rng):
    i = rng.integers(len(lines))
    key = pick(rng, json.loads(lines[i]))
    lines[i] = f'{lines[i][:-1]}, "{key}": {json.dumps(pick(rng, VALUES))}}}'


def deep_nesting(lines, rng):
    i = rng.integers(len(lines))
    depth = int(2 ** rng.uniform(5, 16))
    nested = "[" * depth + pick(rng, ('"\\u0061"', "")) + "]" * depth
    key = pick(rng, ("speaker", "text", "more"))
    lines[i] = json.dumps({**json.loads(lines[i]), key: 0}).replace(
        f'"{key}": 0', f'"{key}": {nested}'
    )


def not_an_object(lines, rng):
    lines[rng.integers(len(lines))] = json.dumps(pick(rng, VALUES))


def nul_bytes(lines, rng):
    i = rng.integers(len(lines))
    at = rng.integers(len(lines[i]))
    lines[i] = lines[i][:at] + "\0" * int(rng.integers(1, 9)) + lines[i][at:]


def other_encoding(path, rng):
    text = path.read_text().replace("abc", "ab\u00e9")
    path.write_bytes(text.encode(pick(rng, ("utf-16", "utf-32", "latin-1", "utf-8-sig", "cp500"))))


MANIFEST = (
    *ANY_FILE,
    *(other_encoding, compress),
    *map(
        on_lines,
        (
            *(cut_line, wrong_value, missing_key, long_number, wrong_audio),
            *(wrong_text, deep_nesting, not_an_object, nul_bytes),
            *(segment, foreign_key, key_twice),
        ),
    ),
)


# Checkpoints


def on_arrays(change):
    """Make a corruption of a function that changes the arrays of a checkpoint."""

    def broken(path, rng):
        with np.load(path) as archive:
            arrays = dict(archive)
        change(arrays, rng)
        np.savez(path, **arrays)

    broken.__name__ = change.__name__
    return broken


def missing_array(arrays, rng):
    del arrays[pick(rng, arrays)]


def other_shape(arrays, rng):
    name = pick(rng, arrays)
    arrays[name] = np.zeros(rng.integers(0, 5, rng.integers(0, 4)))


def other_type(arrays, rng):
    name = pick(rng, arrays)
    arrays[name] = arrays[name].astype(pick(rng, (object, "S9", "U9", bool)))


def complex_array(arrays, rng):
    name = pick(rng, sorted(arrays.keys() - {"header"}))
    arrays[name] = arrays[name] + 1j


def not_finite_array(arrays, rng):
    name = pick(rng, sorted(arrays.keys() - {"header"}))
    arrays[name] = np.full_like(arrays[name], pick(rng, (np.nan, np.inf)))


def unknown_array(arrays, rng):
    names = ("x", "model/x", "velocity/x", "ema/x", "x/y", "/")
    arrays[pick(rng, names)] = np.zeros(3, np.float32)


def header_text(arrays, rng):
    text = str(arrays["header"])
    at = rng.integers(len(text))
    arrays["header"] = np.array(text[:at] + pick(rng, ("", "\0", "{", "1", '"')) + text[at + 1 :])


def header_value(arrays, rng):
    header = json.loads(str(arrays["header"]))
    part = pick(rng, (header, header["model"], header["model"], header["model"]["conv"][0]))
    part[pick(rng, part)] = pick(rng, (*VALUES, "abcd", [1, 2, 3, 4], [0, 0], [10**9] * 2))
    arrays["header"] = np.array(json.dumps(header))


def header_key(arrays, rng):
    header = json.loads(str(arrays["header"]))
    part = pick(rng, (header, header["model"]))
    if rng.integers(2):
        del part[pick(rng, part)]
    else:
        part["surprise"] = 1
    arrays["header"] = np.array(json.dumps(header))


CHECKPOINT = (
    *ANY_FILE,
    *map(
        on_arrays,
        (
            *(missing_array, other_shape, other_type, complex_array, not_finite_array),
            *(unknown_array, header_text, header_value, header_value, header_key),
        ),
    ),
)
