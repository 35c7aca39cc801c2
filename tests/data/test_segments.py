"""Segments of long recordings, from the manifest to the features."""

import dataclasses

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np.audio import load_audio
from ds2np.data.check import check_manifest, write_clean
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import Utterance, read_manifest, write_manifest
from ds2np.data.recordings import BadRecording
from ds2np.parallel.communicator import Communicator


@pytest.fixture
def long(tmp_path, utterances):
    """Join all recordings of the toy corpus into the second channel of one; return segments."""
    sounds = [load_audio(u.audio_filepath)[0] for u in utterances]
    whole = np.concatenate(sounds)
    path = tmp_path / "long.wav"
    soundfile.write(path, np.stack([0 * whole, whole], axis=1), toys.RATE)
    starts = np.cumsum([0, *map(len, sounds)]) / toys.RATE
    return [
        dataclasses.replace(u, audio_filepath=path, offset=float(start), channel=1)
        for u, start in zip(utterances, starts[:-1], strict=True)
    ]


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("cached", [False, True])
def test_the_features_of_segments_are_those_of_separate_recordings(
    utterances, long, tmp_path, augmented, cached
):
    change = (lambda samples, rng: samples[::-1].copy()) if augmented else None
    rng = np.random.default_rng(0) if augmented else None
    separate, segments = (Dataset(chosen, toys.MODEL, change) for chosen in (utterances, long))
    if cached:
        for data in separate, segments:
            data.cache_features(tmp_path / "cache", Communicator())
    assert segments.frames.tolist() == separate.frames.tolist()
    for i in range(len(long)):
        np.testing.assert_allclose(
            segments.features(i, rng), separate.features(i, rng), rtol=0, atol=2e-4
        )


def test_a_segment_beyond_the_end_of_its_recording(long):
    late = [*long[:3], dataclasses.replace(long[3], offset=60.0)]
    with pytest.raises(BadRecording, match=rf"{long[3].where}: .*long.wav lasts"):
        Dataset(late, toys.MODEL).features(3)


@pytest.mark.parametrize("listening", [False, True])
def test_segments_are_checked_and_kept(long, tmp_path, listening):
    """A clean copy must not replace their durations by that of the recording."""
    path, clean = tmp_path / "m.jsonl", tmp_path / "clean.jsonl"
    late = dataclasses.replace(long[4], offset=60.0)
    other = dataclasses.replace(long[5], channel=2)
    again = dataclasses.replace(long[2], text="a")
    write_manifest(path, [*long[:4], late, other, *long[6:], again])
    checked = check_manifest(path, toys.MODEL, listening=listening)
    kinds = {line.number: line.faults[0].kind for line in checked.faulty}
    assert kinds == {5: "segment outside", 6: "no such channel", 11: "repeated recording"}
    write_clean(checked, clean)
    kept = [u.part for u in read_manifest(clean)]
    assert kept == [u.part for u in [*long[:4], *long[6:]]]


def test_a_segment_without_offset_is_not_guessed(long):
    """A duration alone states the length of the recording, which is another one here."""
    whole = dataclasses.replace(long[0], offset=None)
    with pytest.raises(BadRecording, match=r'"duration" is 0\.3, but .*long\.wav lasts'):
        Dataset([whole], toys.MODEL).features(0)


def test_keys_tell_segments_apart(long):
    again = dataclasses.replace(long[2], text=long[0].text)
    data = Dataset([*long, again], toys.MODEL)
    assert len(set(data.keys.tolist())) == len(long) + 1
    assert Dataset(long, toys.MODEL).fingerprint != Dataset(long[::-1], toys.MODEL).fingerprint


def test_two_manifests_are_checked_together(utterances, tmp_path):
    paths = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write_manifest(paths[0], utterances[:3])
    write_manifest(paths[1], [Utterance(utterances[1].audio_filepath, 0.6, "cab ab")])
    checked = check_manifest(paths, toys.MODEL)
    (line,) = checked.faulty
    assert checked.place(line) == f"{paths[1]}:1"
    assert line.faults[0].message == f"the same recording as in {paths[0]}:2"
