"""Processes that read and augment: they give what this process would, and end."""

import dataclasses
import os
import signal
import time

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np.data import workers as room
from ds2np.data.dataset import Dataset
from ds2np.data.recordings import BadRecording
from ds2np.data.workers import workers
from ds2np.errors import UserError
from ds2np.parallel.communicator import Communicator
from ds2np.train.changes import make_reader

CONFIG = dataclasses.replace(toys.TRAINING, augment=True, vary_voice=True, mask=True)


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(room.os, "cpu_count", lambda: 2)


@pytest.fixture
def read(two):
    with workers(make_reader, (toys.MODEL, CONFIG), Communicator()) as function:
        yield function


def rng(i):
    return np.random.default_rng((3, i))


def processes_of(function):
    found = []
    while not function._idle.empty():
        found.append(function._idle.get())
    for process in found:
        function._idle.put(process)
    return found


def test_what_comes_back_is_the_same(read, utterances):
    here = make_reader(toys.MODEL, CONFIG)
    for i, utterance in enumerate(utterances):
        for again in range(2):  # by the other process
            x, suspect = read(utterance, 1, rng(i))
            expected, _ = here(utterance, 1, rng(i))
            np.testing.assert_array_equal(x, expected, err_msg=f"{i}, {again}")
            assert suspect == {}
    plain, _ = read(utterances[0], 1)
    assert not np.array_equal(plain, read(utterances[0], 1, rng(0))[0])


def test_a_bad_recording_is_told_and_the_next_one_read(read, utterances, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    bad = dataclasses.replace(utterances[0], audio_filepath=tmp_path / "bad.wav")
    for _ in range(3):
        with pytest.raises(BadRecording, match=r"bad\.wav") as error:
            read(bad, 1, rng(0))
        assert error.value.kind == "unusable audio"
    assert len(read(utterances[0], 1, rng(0))[0])


def test_suspects_are_named_once(read, utterances, tmp_path, capsys):
    chosen = []
    for utterance in utterances[:3]:
        path = tmp_path / utterance.audio_filepath.name
        samples, rate = soundfile.read(utterance.audio_filepath)
        soundfile.write(path, 0 * samples, rate)
        chosen.append(dataclasses.replace(utterance, audio_filepath=path))
    data = Dataset(chosen, toys.MODEL, read=read)
    for i in range(3):
        data.features(i, rng(i))
    assert capsys.readouterr().err.count("is silent from beginning to end") == 1
    data.suspects.summarise()
    assert "3 recordings of silence" in capsys.readouterr().err


def test_they_end_with_the_block(two):
    with workers(make_reader, (toys.MODEL, CONFIG), Communicator()) as function:
        started = processes_of(function)
        assert [process.poll() for process in started] == [None, None]
    assert all(process.poll() is not None for process in started)


def test_they_end_with_the_training(read, capfd):
    for process in processes_of(read):
        process.stdin.close()  # as a killed training does
        assert process.wait(timeout=20) == 0
    assert capfd.readouterr().err == ""


def test_one_that_is_killed_is_told(read, utterances):
    for process in processes_of(read):
        process.kill()
    with pytest.raises(UserError, match="a process that reads recordings has ended, perhaps bec"):
        read(utterances[0], 1, rng(0))


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no signal masks")
def test_ctrl_c_does_not_reach_them(read, utterances):
    for process in processes_of(read):
        os.kill(process.pid, signal.SIGINT)
    time.sleep(0.1)
    assert len(read(utterances[0], 1, rng(0))[0])
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())  # here it is not blocked


@pytest.mark.parametrize(
    ("cores", "here", "elsewhere", "expected"), [(6, 1, 0, 6), (6, 2, 4, 3), (1, 2, 0, 1)]
)
def test_the_ranks_of_a_machine_share_its_cores(monkeypatch, cores, here, elsewhere, expected):
    class Ranks(Communicator):
        def gather(self, text):
            return here * [text] + elsewhere * ["another" + text]

    started = []
    monkeypatch.setattr(room.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(room, "_start", lambda *rest: room.contextlib.nullcontext(started))
    with workers(make_reader, (), Ranks()) as function:
        assert len(processes_of(function)) == expected
