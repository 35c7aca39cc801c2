"""Whole runs on a GPU: training, resuming, evaluation, transcription, streams, lack of memory."""

import dataclasses

import numpy as np
import pytest

from ds2np.backend import (
    CPU,
    FFT_PLANS,
    Device,
    free_memory,
    free_pool,
    to_cpu,
    to_gpu,
    why_no_gpu,
)
from ds2np.ctc import ctc_loss
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.optim import SGD

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("gpu")]

GPU = Device(0)
CONFIG = DeepSpeech2Config(
    sample_rate=800,
    conv=(ConvConfig(2, (3, 5), (2, 2)), ConvConfig(2, (3, 3), (1, 2))),
    layers=2,
    hidden=8,
)


@pytest.fixture
def gpu():
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")


@pytest.fixture
def toys(gpu):
    pytest.importorskip("soundfile", reason="soundfile is not installed: there are no recordings")
    from helpers import toys

    return toys


@pytest.fixture
def run(toys, utterances, tmp_path, no_report):
    """Train the toy on a device; return the folder of the run."""
    from ds2np.train.run import train

    def run(name, device=GPU, resume=False, comm=None, **changes):
        config = dataclasses.replace(toys.TRAINING, **changes)
        folder = tmp_path / name
        train(toys.MODEL, config, utterances, utterances[:4], folder, resume, device, comm=comm)
        return folder

    return run


@pytest.fixture
def little_memory():
    """Return a function that fills the memory of the pool up to some bytes, for one test."""
    import cupy

    pool, filling = cupy.get_default_memory_pool(), []
    before = pool.get_limit()

    def leave(room):
        free_pool()
        pool.set_limit(pool.total_bytes())
        size = 2**24
        while size >= 512:  # the gaps between the arrays that are alive
            try:
                filling.append(pool.malloc(size))
            except MemoryError:
                size //= 2
        pool.set_limit(pool.total_bytes() + room)

    yield leave
    pool.set_limit(before)


def weights(folder):
    from ds2np.model.run_folder import load_run

    return load_run(folder).state_dict()


def assert_close(got, expected, tolerance):
    for name, value in expected.items():
        np.testing.assert_allclose(to_cpu(got[name]), to_cpu(value), rtol=0, atol=tolerance)


def test_what_cupy_keeps_is_bounded():
    import cupy

    GPU.use()
    free, total = free_memory()
    pool, plans = cupy.get_default_memory_pool(), cupy.fft.config.get_plan_cache()
    assert 0 < free <= pool.get_limit() < total
    assert (plans.get_size(), plans.get_memsize()) == (FFT_PLANS, total // 4)
    free_pool()
    before = GPU.peak_memory()
    array = cupy.zeros(2**24, np.uint8)
    assert GPU.peak_memory() == before + array.nbytes


def test_a_run_learns_like_one_on_the_cpu(run, capsys):
    from ds2np.model.run_folder import RunFolder
    from ds2np.train.history import read_history

    on_gpu = run("gpu")
    out = capsys.readouterr().out
    assert "compiling kernels for the GPU, about a minute the first time" in out
    assert "MB with the largest minibatch, 4 x 0.5 s" in out
    on_cpu = run("cpu", CPU)
    assert_close(weights(on_gpu), weights(on_cpu), 1e-3)
    rows, expected = (read_history(RunFolder(folder).history) for folder in (on_gpu, on_cpu))
    for row, other in zip(rows, expected, strict=True):
        np.testing.assert_allclose(row["dev_loss"], other["dev_loss"], rtol=1e-3)
        assert row["wer"] == other["wer"]
        for part in ("data", "forward", "ctc", "backward", "update", "evaluation"):
            assert row[f"seconds_{part}"] > 0


def test_a_resumed_run_ends_like_an_uninterrupted_one(run):
    whole, parts = run("whole"), run("parts", epochs=1)
    run("parts", epochs=2, resume=True)
    assert_close(weights(parts), weights(whole), 1e-6)


def test_one_rank_of_nccl_trains_the_same(run):
    from ds2np.parallel.nccl import NCCLCommunicator
    from ds2np.parallel.rendezvous import Rendezvous

    with NCCLCommunicator(Rendezvous(0, 1, "127.0.0.1", free_port())) as comm:
        folder = run("nccl", comm=comm, epochs=1)
    assert_close(weights(folder), weights(run("alone", epochs=1)), 1e-6)


def free_port():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_evaluation_and_transcripts_are_those_of_the_cpu(toys, finished, utterances, ds2np):
    from ds2np.data.dataset import Dataset
    from ds2np.evaluate import evaluate
    from ds2np.recogniser import Recogniser

    results = []
    for device in ("cuda", "cpu"):
        recogniser = Recogniser.load(finished, device)
        evaluation = evaluate(recogniser, Dataset(utterances, recogniser.config))
        texts = [recogniser.transcribe(u.audio_filepath).text for u in utterances]
        results.append((evaluation.loss, evaluation.hyps, texts))
    (loss, *rest), (expected_loss, *expected) = results
    assert rest == expected
    assert loss == pytest.approx(expected_loss, rel=1e-4)
    path = utterances[0].audio_filepath
    code, out, err = ds2np("transcribe", finished, path, "--device", "cuda")
    assert (code, out, err) == (0, f"{expected[1][0]}\n", "")


@pytest.mark.parametrize("recurrent", ["gru", "rnn"])
def test_the_pieces_of_a_stream_give_the_whole(recurrent, rng):
    config = dataclasses.replace(CONFIG, recurrent=recurrent, bidirectional=False, lookahead=3)
    model = DeepSpeech2(config)
    model.set_training(False)
    x = rng.standard_normal((2, 45, config.features)).astype(np.float32)
    expected, _ = model.infer(x, np.full(2, 45))
    model.move(to_gpu)
    state, pieces = None, []
    for first in range(0, 45, 10):
        chunk = to_gpu(x[:, first : first + 10])
        out, state = model.forward_chunk(chunk, state, first + 10 >= 45)
        pieces.append(to_cpu(out))
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("recurrent", ["gru", "rnn"])
def test_ten_training_steps_end_at_the_weights_of_the_cpu(recurrent, rng):
    config = dataclasses.replace(CONFIG, recurrent=recurrent)
    x = rng.standard_normal((5, 40, config.features)).astype(np.float32)
    lengths, counts = np.array([40, 33, 25, 38, 40]), np.array([4, 3, 2, 4, 0])
    labels = rng.integers(1, 29, (5, 4))
    ends = []
    for to in (to_cpu, to_gpu):
        model = DeepSpeech2(config)
        model.move(to)
        optimiser = SGD(model.params, model.grads, 1e-2, momentum=0.9, max_norm=10)
        for _ in range(10):
            model.zero_grads()
            logits, out_lengths = model.forward(x, lengths)
            _, dlogits = ctc_loss(logits, labels, out_lengths, counts)
            model.backward(dlogits / np.float32(5))
            optimiser.step()
        ends.append(model.state_dict())
    assert_close(ends[1], ends[0], 1e-4)


def test_a_minibatch_without_room_is_told_before_training(run, little_memory):
    from ds2np.errors import UserError

    little_memory(300_000)
    message = (
        r"^no room on the GPU for 4 utterances of 49 frames \(0.5 s\): 0.0 of \d+\.\d GB are free; "
        r"([123] would fit, use --batch-size \d|not even one would fit, leave out long)"
    )
    with pytest.raises(UserError, match=message):
        run("too large")


def test_a_lack_of_memory_during_training_is_told(run, little_memory, monkeypatch):
    from ds2np.errors import UserError

    monkeypatch.setattr("ds2np.train.run.try_longest", lambda *given: little_memory(60_000))
    with pytest.raises(UserError, match=r"^no room on the GPU for 4 utterances of \d\d frames"):
        run("later")


@pytest.mark.parametrize("command", ["evaluate", "transcribe"])
def test_a_lack_of_memory_is_one_sentence(
    command, toys, finished, utterances, tmp_path, ds2np, little_memory, monkeypatch
):
    from ds2np.data.manifest import write_manifest
    from ds2np.model.run_folder import load_run

    write_manifest(tmp_path / "m.jsonl", utterances)

    def load(*given):
        model = load_run(*given)
        little_memory(2000)
        return model

    monkeypatch.setattr("ds2np.recogniser.load_run", load)
    sound = {"evaluate": tmp_path / "m.jsonl", "transcribe": utterances[0].audio_filepath}[command]
    code, _, err = ds2np(command, finished, sound, "--device", "cuda")
    assert code == 2
    assert "no room on the GPU for " in err
    assert "use fewer utterances in a minibatch or --device cpu" in err
    assert "Traceback" not in err
