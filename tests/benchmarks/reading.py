"""How many seconds of sound does a core deliver a second, decoded, computed or cached?

    python tests/benchmarks/reading.py [SPEECH] [--rounds 7] [--cores 16]

SPEECH is a folder of FLAC files, of which 64 of 7 s are cut; without it, they are noise. All ways
of reading them run in turn, in one thread, whose own time counts, so that other programs disturb
little; files are in the system's cache. What an utterance of 0.05 s takes, nearly all of it is the
interpreter's, which serves one thread at a time: a bound for all cores together. The last lines use
all cores of this machine, by the clock on the wall.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NUMBER, SECONDS, RATE = 64, 7, 16000
# Name, suffix, sampling rate, and libsndfile's format and subtype.
FORMATS = (
    ("WAV", "wav", RATE, "WAV", "PCM_16"),
    ("FLAC", "flac", RATE, "FLAC", "PCM_16"),
    ("MP3", "mp3", RATE, "MP3", "MPEG_LAYER_III"),
    ("Opus", "opus", RATE, "OGG", "OPUS"),
    ("MP3 of 48 kHz, resampled", "mp3", 48000, "MP3", "MPEG_LAYER_III"),
    ("FLAC of 44.1 kHz, resampled", "flac", 44100, "FLAC", "PCM_16"),
)


def main():
    """Read the options, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("speech", type=Path, nargs="?", metavar="SPEECH")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cores", type=int, default=16, help="for the extrapolation")
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    machine.be_worker()  # one thread
    with tempfile.TemporaryDirectory() as folder:
        ways = find_ways(Path(folder), cut_speech(args.speech))
        seconds = time_in_turn(ways, args.rounds)
        print_table(ways, NUMBER * SECONDS / seconds, args.cores)
        print_interpreter(Path(folder))
        print_all_cores(*make_datasets(Path(folder)), args.rounds)


def cut_speech(folder):
    """Return sounds (NUMBER, samples), cut from the recordings of a folder one after another."""
    import numpy as np

    from ds2np.audio import load_audio

    size = NUMBER * SECONDS * RATE
    if folder is None:
        sound = 0.1 * np.random.default_rng(0).standard_normal(size, np.float32)
    else:
        sound = np.concatenate(
            [load_audio(path, RATE)[0] for path in sorted(folder.rglob("*.flac"))]
        )
    return np.resize(sound, size).reshape(NUMBER, -1)


def find_ways(folder, sounds):
    """Return the ways: a dict of names to functions of an utterance's number."""
    import numpy as np
    import soundfile

    from ds2np.audio import Augmentation, augment, read_sound
    from ds2np.audio.features import Features
    from ds2np.audio.resampling import resample
    from ds2np.model import preset

    def decoder(suffix, rate, form, subtype):
        paths = [folder / f"{i}-{rate}.{suffix}" for i in range(NUMBER)]
        for path, sound in zip(paths, sounds, strict=True):
            sound = sound if rate == RATE else resample(sound, RATE, rate)
            soundfile.write(path, sound, rate, format=form, subtype=subtype)
        return lambda i: read_sound(paths[i], RATE)

    ways = {name: decoder(*rest) for name, *rest in FORMATS}
    features = Features(preset("small"))
    plain, cached = make_datasets(folder)
    for i in range(NUMBER):
        soundfile.write(folder / f"{i}-short.flac", sounds[i, : RATE // 20], RATE)
    ways |= {"features": lambda i: features(sounds[i])}
    ways |= {"FLAC and features, as training reads it": plain.features}
    rng, settings = np.random.default_rng(0), Augmentation()
    ways["augmentation"] = lambda i: augment(sounds[i], RATE, rng, settings)
    ways |= kept_ways(folder, [plain.features(i) for i in range(NUMBER)], sounds, features)
    ways["cache, as training reads it"] = cached.features
    return ways


def make_datasets(folder, name=RATE, seconds=SECONDS):
    """Make data sets of the FLAC files of some name, and of the same in a cache."""
    from ds2np.data.dataset import Dataset
    from ds2np.data.manifest import Utterance
    from ds2np.model import preset
    from ds2np.parallel.communicator import Communicator

    utterances = [Utterance(folder / f"{i}-{name}.flac", seconds, "") for i in range(NUMBER)]
    plain, cached = (Dataset(utterances, preset("small")) for _ in range(2))
    cached.cache_features(folder / "cache", Communicator())
    return plain, cached


def kept_ways(folder, xs, sounds, features):
    """Return ways to read features or sound that were kept; print their size and error."""
    import numpy as np

    from ds2np.data.shards import map_file, quantise, read_features, read_index, write_shard

    def save(name, arrays):
        np.concatenate(arrays).tofile(folder / name)
        return np.memmap(folder / name, arrays[0].dtype, "r").reshape(NUMBER, *arrays[0].shape)

    for i, x in enumerate(xs):
        np.save(folder / f"{i}.npy", x)
    half = save("half", [x.astype(np.float16) for x in xs])
    integers = save("sounds", [np.rint(32768 * s).clip(-32768, 32767).astype("i2") for s in sounds])
    write_shard(folder / "shard", ((b"%d" % i, quantise(x)) for i, x in enumerate(xs)))
    F, mapped = features.count, map_file(folder / "shard")
    index = read_index(folder / "shard", F)
    ways = {
        "features in float32, a file each": lambda i: np.load(folder / f"{i}.npy"),
        "features in float16, mapped": lambda i: half[i].astype(np.float32),
        "features in int16, mapped": lambda i: read_features(mapped, F, index[i]),
        "sound in int16, mapped, and features": lambda i: features(integers[i] / np.float32(32768)),
    }
    for (name, way), size in zip(ways.items(), (4 * F, 2 * F, 2 * F, 320), strict=True):
        worst = max(np.abs(way(i) - x).max() for i, x in enumerate(xs))
        rms = np.mean([np.square(way(i) - x).mean() for i, x in enumerate(xs)]) ** 0.5
        print(f"{name}: {size / 10:.1f} kB a second, error {rms:.1e} rms, {worst:.1e} at most")
    return ways


def time_in_turn(ways, rounds):
    """Return the seconds of a core (ways, rounds) that each way takes for all utterances."""
    import numpy as np

    seconds = np.empty((len(ways), rounds))
    for turn in range(-1, rounds):  # the first is not counted
        for k, way in enumerate(ways.values()):
            began = time.thread_time()
            for i in range(NUMBER):
                way(i)
            seconds[k, turn] = time.thread_time() - began
    return seconds


def print_table(ways, rates, cores):
    """Print the medians of rates (ways, rounds)."""
    import numpy as np

    print(f"\n{'seconds of sound a second':<42}{'a core':>9}{'(from, to)':>20}{cores:>10} cores")
    for name, low, middle, high in zip(
        ways, rates.min(1), np.median(rates, 1), rates.max(1), strict=True
    ):
        spread = f"({low:,.0f}, {high:,.0f})"
        print(f"{name:<42}{middle:>9,.0f}{spread:>20}{cores * middle:>10,.0f}")


def print_interpreter(folder):
    """Print what a minibatch costs that has hardly any sound."""
    import numpy as np

    plain, cached = make_datasets(folder, "short", 0.05)
    ways = {"FLAC and features": plain.features, "cache": cached.features}
    print("\nthe interpreter's part of a minibatch of 64, at most")
    for name, seconds in zip(ways, np.median(time_in_turn(ways, 15), axis=1), strict=True):
        print(f"{name:<42}{1000 * seconds:>9.1f} ms{NUMBER * SECONDS / seconds:>14,.0f} s a second")


def print_all_cores(plain, cached, rounds):
    """Print what minibatches deliver that all cores of this machine compute ahead."""
    import numpy as np

    from ds2np.data.batches import make_batch, prefetch

    plan = [np.arange(NUMBER)] * 8
    ways = {
        "one thread, cached (its own time)": lambda: [make_batch(cached, b) for b in plan],
        "ahead, FLAC and features": lambda: list(prefetch(plain, plan)),
        "ahead, cached": lambda: list(prefetch(cached, plan)),
    }
    print(f"\nminibatches of 64; ahead: all {os.cpu_count()} cores of this machine")
    for name, way in ways.items():
        clock = time.perf_counter if name.startswith("ahead") else time.thread_time
        times = []
        for _ in range(rounds):
            began = clock()
            way()
            times.append(clock() - began)
        print(f"{name:<42}{len(plan) * NUMBER * SECONDS / np.median(times):>9,.0f}")


if __name__ == "__main__":
    main()
