"""Make a long recording with its text out of utterances, so that all boundaries are known.

    python tests/benchmarks/long_recording.py FOLDER MANIFEST.jsonl [--minutes 60] [--seed 0]
        [--remove 0.1] [--foreign 0.1] [--noise 5]

Quiet before and after each utterance is cut off, and pauses of 0.3 to 1.5 s are put between them.
--remove leaves a share of the sentences out of the text, --foreign puts sentences in that nobody
reads, --noise puts minutes of noise into the recording. FOLDER gets recording.flac, text.txt with a
sentence in each line, and truth.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
PAUSES = 0.3, 1.5  # seconds
FLOOR = 10 ** (-70 / 20)  # of the quiet, white noise
TRIM = 10 ** (-35 / 20)  # of an utterance's loudest 10 ms: what is below, at its ends, is quiet


def main():
    """Read the options and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER")
    add("manifest", metavar="MANIFEST.jsonl")
    add("--minutes", type=float, default=60.0)
    add("--seed", type=int, default=0)
    add("--remove", type=float, default=0.0, metavar="SHARE")
    add("--foreign", type=float, default=0.0, metavar="SHARE")
    add("--noise", type=float, default=0.0, metavar="MINUTES")
    args = parser.parse_args()
    from ds2np.data.manifest import read_manifest

    rng = np.random.default_rng(args.seed)
    utterances = read_manifest(args.manifest)
    order = rng.permutation(len(utterances))
    args.folder.mkdir(parents=True, exist_ok=True)
    truth = {"sentences": [], "foreign": [], "noise": []}
    place, lines = 0, []
    path = args.folder / "recording.flac"
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:

        def write(samples):
            nonlocal place
            noise = FLOOR * rng.standard_normal(len(samples))
            file.write(np.clip(samples + noise, -1, 1).astype(np.float32))
            place += len(samples)
            return place / RATE

        turn = 0
        while place < 60 * args.minutes * RATE and (turn < len(order) or args.noise):
            if turn >= len(order):
                break
            utterance = utterances[order[turn]]
            turn += 1
            write(np.zeros(int(rng.uniform(*PAUSES) * RATE)))
            start = place / RATE
            end = write(trimmed(utterance))
            removed = rng.random() < args.remove
            sentence = {"text": utterance.text, "start": start, "end": end, "removed": removed}
            truth["sentences"].append(sentence)
            if not removed:
                lines.append(utterance.text)
            if rng.random() < args.foreign and turn < len(order):
                truth["foreign"].append({"text": utterances[order[-turn]].text, "line": len(lines)})
                lines.append(utterances[order[-turn]].text)
            if args.noise and place > 30 * args.minutes * RATE:  # in the middle
                start = place / RATE
                end = write(make_noise(rng, int(60 * args.noise * RATE)))
                truth["noise"].append({"start": start, "end": end})
                args.noise = 0.0
        write(np.zeros(int(PAUSES[1] * RATE)))
    truth["duration"] = place / RATE
    (args.folder / "text.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (args.folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {place / RATE / 60:.1f} minutes, {len(truth['sentences'])} sentences")


def trimmed(utterance):
    """Return the samples of an utterance without the quiet at its ends."""
    from ds2np.audio import load_audio

    samples, _ = load_audio(utterance.audio_filepath, RATE, **utterance.part)
    frame = RATE // 100
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    level = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(level > TRIM * level.max())
    return samples[loud[0] * frame : (loud[-1] + 1) * frame]


def make_noise(rng, count):
    """Return noise as of a street: low frequencies prevail, and the level rises and falls."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(frequency, 50)), count)
    swell = 1 + 0.5 * np.sin(2 * np.pi * np.arange(count) / (7 * RATE))
    return 0.05 * swell * noise / noise.std()


if __name__ == "__main__":
    main()
