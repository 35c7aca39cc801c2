"""Good input, broken at random: every command ends with one sentence, and nothing is lost."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np import model
from ds2np.data.manifest import read_manifest
from ds2np.model.run_folder import RunFolder
from ds2np.train.run import train

SEEDS = 200
TEXTS = ("abc", "cab", "a b")
TRAIN = ("--preset", "toy", "--epochs", "1", "--batch-size", "4", "--learning-rate", "0.005")
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
    other_encoding,
    *map(
        on_lines,
        (
            *(cut_line, wrong_value, missing_key, long_number, wrong_audio),
            *(wrong_text, deep_nesting, not_an_object, nul_bytes),
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


# Values of options

COUNTS = ("--sample-rate", "--mels", "--epochs", "--batch-size", "--accumulate", "--patience")
POSITIVES = ("--batch-seconds", "--learning-rate", "--anneal", "--max-norm", "--minutes")
TRAIN_OPTIONS = (*COUNTS, *POSITIVES, "--longest", "--momentum", "--seed", "--device", "--overfit")
DATA_OPTIONS = ("--longest", "--preset", "--characters")
OPTION_VALUES = (
    *("", " ", "x", "-1", "-0", "0", "0x10", "1,5", "1e", "...", "0.0.0", "nan", "inf", "-inf"),
    *("7", "1000000000", "1e300", "1e-300", "0.5", "300", "17", "18"),
    *("1e999", "1e-999", "\u00b2", "9" * 5000, "--", "None", "cuda:99", "cuda:-1", "\U0001f600"),
)


@pytest.fixture(scope="module", autouse=True)
def preset():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(model.PRESETS, "toy", toys.MODEL)
        yield


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A corpus and a run; each case breaks a copy."""
    folder = tmp_path_factory.mktemp("good")
    manifest = toys.make_corpus(folder / "corpus", TEXTS)
    utterances = read_manifest(manifest)
    config = dataclasses.replace(toys.TRAINING, epochs=1)
    train(toys.MODEL, config, utterances, utterances, folder / "run")
    return folder


@pytest.fixture
def folder(good, tmp_path):
    shutil.copytree(good, tmp_path / "copy")
    return tmp_path / "copy"


def contents(folder):
    return {p: p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def check(ds2np, folder, arguments, culprits):
    """Run a command; check how it ends, and that it leaves its input as it was."""
    before = contents(folder)
    code, out, err = ds2np(*arguments)
    assert code in (0, 1, 2), err
    assert "Traceback" not in out + err
    assert contents(folder) == before
    if code == 2:
        last = err.splitlines()[-1]
        assert "error: " in last
        assert err.count("error: ") == 1
        assert len(last) < 2000 + sum(map(len, map(str, culprits)))
        assert any(str(culprit) in last for culprit in culprits), last
    return code


def cases(corruptions):
    """Take the corruptions in turn, each time with another seed."""
    taken = [(i, corruptions[i % len(corruptions)]) for i in range(SEEDS // 4)]
    return [pytest.param(i, take, id=f"{take.__name__}-seed{i}") for i, take in taken]


@pytest.mark.parametrize(("seed", "corrupt"), cases(AUDIO))
def test_a_broken_recording(ds2np, folder, seed, corrupt):
    rng = np.random.default_rng([1, seed])
    manifest, run = folder / "corpus" / "tones.jsonl", folder / "run"
    path = folder / "corpus" / "1.wav"
    corrupt(path, rng)
    if seed % 5 == 4 and path.is_file():  # the name may lie, too
        path = path.rename(path.with_suffix(pick(rng, (".raw", ".flac", ".mp3", ".txt", ""))))
        manifest.write_text(manifest.read_text().replace("1.wav", path.name))
    for command in (
        ("transcribe", run, path),
        ("evaluate", run, manifest),
        ("data", "--preset", "toy", manifest),
        ("data", "--preset", "toy", "--listen", manifest),
    ):
        check(ds2np, folder, command, [path])


@pytest.mark.parametrize(("seed", "corrupt"), cases(MANIFEST))
def test_a_broken_manifest(ds2np, folder, seed, corrupt):
    rng = np.random.default_rng([2, seed])
    manifest, run = folder / "corpus" / "tones.jsonl", folder / "run"
    good = shutil.copy(manifest, manifest.with_name("good.jsonl"))
    corrupt(manifest, rng)
    for command in (
        ("evaluate", run, manifest),
        ("data", "--preset", "toy", manifest),
        ("data", "--alphabet", manifest),
        ("data", "--preset", "toy", manifest, "--fix", folder.parent / "clean.jsonl"),
        ("train", "--train", manifest, "--dev", good, "--out", run, *TRAIN),
    ):
        named = [manifest, folder / "corpus"]
        check(ds2np, folder, command, [run, *named] if command[0] == "train" else named)


@pytest.mark.parametrize(("seed", "corrupt"), cases(CHECKPOINT))
def test_a_broken_checkpoint(ds2np, folder, seed, corrupt):
    rng = np.random.default_rng([3, seed])
    manifest, run = folder / "corpus" / "tones.jsonl", folder / "run"
    path = RunFolder(run).best
    corrupt(path, rng)
    audio = folder / "corpus" / "0.wav"
    for command in (("transcribe", path, audio), ("evaluate", path, manifest)):
        # A stride of the convolutions that is changed fits the arrays still, but no transcript.
        check(ds2np, folder, command, [path, manifest])
    if path.is_file():
        path.replace(RunFolder(run).last)
        identical = ("--preset", "toy", "--epochs", "2")  # another run than the one that is there
        arguments = ("--train", manifest, "--dev", manifest, "--out", run, "--resume", *identical)
        assert check(ds2np, folder, ("train", *arguments), [run]) == 2


def option_cases():
    for seed in range(SEEDS // 4):
        rng = np.random.default_rng([4, seed])
        option, data_option = pick(rng, TRAIN_OPTIONS), pick(rng, DATA_OPTIONS)
        value = pick(rng, OPTION_VALUES)
        name = f"{option}={ascii(value)[:20]}-seed{seed}"
        yield pytest.param(option, data_option, value, id=name)


@pytest.mark.parametrize(("option", "data_option", "value"), list(option_cases()))
def test_a_senseless_option(ds2np, folder, no_report, option, data_option, value):
    manifest = folder / "corpus" / "tones.jsonl"
    out = folder.parent / "run"
    arguments = ("--train", manifest, "--dev", manifest, "--out", out, *TRAIN, "--minutes", "0.001")
    check(
        ds2np,
        folder,
        ("train", *arguments, f"{option}={value}"),
        [option, value.strip() or option],
    )
    culprits = [data_option, repr(value), "alphabet"]
    check(ds2np, folder, ("data", manifest, f"{data_option}={value}"), culprits)
