"""The recogniser, as the public interface."""

import dataclasses
import io
import re

import numpy as np
import pytest
import soundfile
from helpers.host_kernels import use_on_host

import ds2np
from ds2np.audio import load_audio
from ds2np.audio.resampling import resample
from ds2np.errors import UserError
from ds2np.recogniser import Recogniser


def test_it_is_imported_from_the_package():
    assert ds2np.Recogniser is Recogniser
    with pytest.raises(AttributeError, match="no attribute 'Recognizer'"):
        ds2np.Recognizer  # noqa: B018


def test_words_have_the_times_of_the_frames(trained):
    recogniser, dataset = trained
    path = dataset.utterances[1].audio_filepath
    recogniser.model.set_training(True)
    transcript = recogniser.transcribe(path)
    x = recogniser.features.read(path)[None]
    ((best,),) = recogniser.decoder.decode(*recogniser.log_probs(x, np.array([x.shape[1]])))
    duration = soundfile.info(path).duration
    assert transcript.text == best.text == " ".join(word.text for word in transcript.words)
    assert transcript.words
    assert transcript.score == best.score < 0
    for word, expected in zip(transcript.words, best.words, strict=True):
        assert (word.text, word.start) == (expected.text, expected.start)
        assert word.start < word.end == min(expected.end, duration)
    assert recogniser.decoder.frame_seconds == recogniser.config.frame_ms / 1000


def test_no_word_ends_after_the_recording(trained):
    class Late:
        def decode(self, log_probs, lengths):
            word = dataclasses.replace(words[0], start=98.0, end=99.0)
            return [[dataclasses.replace(hypothesis, words=(word,))]]

    recogniser, dataset = trained
    samples, rate = load_audio(dataset.utterances[1].audio_filepath)
    x = recogniser.features(samples)[None]
    ((hypothesis,),) = recogniser.decoder.decode(*recogniser.log_probs(x, np.array([x.shape[1]])))
    words = hypothesis.words
    (word,) = Recogniser(recogniser.model, Late()).transcribe(samples).words
    assert word.start == word.end == len(samples) / rate


def test_samples_and_files_give_the_same(trained, tmp_path):
    recogniser, dataset = trained
    path = dataset.utterances[2].audio_filepath
    samples, rate = load_audio(path)
    expected = recogniser.transcribe(path)
    assert recogniser.transcribe(str(path)) == expected
    assert recogniser.transcribe(samples) == recogniser.transcribe(samples, rate) == expected
    assert recogniser.transcribe(samples.astype(np.float64)) == expected
    other = resample(samples, rate, 4 * rate)
    soundfile.write(tmp_path / "fast.wav", other, 4 * rate, subtype="FLOAT")
    assert recogniser.transcribe(other, 4 * rate) == recogniser.transcribe(tmp_path / "fast.wav")


def test_samples_of_wrong_shape_or_dtype_are_refused(trained):
    recogniser, _ = trained
    for samples in (np.zeros((2, 900), np.float32), np.zeros(900, np.int16)):
        with pytest.raises(ValueError, match=r"expected floats of shape \(samples,\)"):
            recogniser.transcribe(samples)
    with pytest.raises(UserError, match=r"the sound lasts 5\.6 ms"):
        recogniser.transcribe(np.zeros(9, np.float32))


@pytest.mark.parametrize(
    ("sound", "rate", "message"),
    [
        (np.full(900, np.nan), None, "the sound holds 900 samples that are NaN or infinite"),
        (np.full(900, 1e30), None, "the sound has a peak of 1e+30, but full scale is 1"),
        (np.zeros(0), None, "the sound is empty"),
        (np.zeros(900), 0, "the sound states a sampling rate of 0 Hz; expected 100 to 1000000 Hz"),
        (np.zeros(900), -1, "the sound states a sampling rate of -1 Hz"),
    ],
)
def test_samples_that_cannot_be_a_sound_are_refused(trained, sound, rate, message):
    with pytest.raises(UserError, match=re.escape(message)):
        trained[0].transcribe(sound, rate)


def test_a_list_of_samples_is_a_sound_and_a_rate_is_a_whole_number(trained):
    recogniser, dataset = trained
    samples, rate = load_audio(dataset.utterances[2].audio_filepath)
    assert recogniser.transcribe(samples.tolist()) == recogniser.transcribe(samples)
    with pytest.raises(TypeError):
        recogniser.transcribe(samples, float(rate))


def test_a_file_that_is_too_short_is_named(trained, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.zeros(9), 1600)
    with pytest.raises(UserError, match=r"short\.wav: the sound lasts 5\.6 ms"):
        trained[0].transcribe(tmp_path / "short.wav")


def test_a_missing_run_decoder_or_device_is_refused(finished, tmp_path):
    with pytest.raises(UserError, match="holds no checkpoint"):
        Recogniser.load(tmp_path)
    with pytest.raises(UserError, match="unknown decoder 'oracle'"):
        Recogniser.load(finished, "cpu", decoder="oracle")
    with pytest.raises(UserError, match="no device 'tpu'"):
        Recogniser.load(finished, "tpu")


def test_a_lack_of_memory_is_told(trained, monkeypatch):
    def lack_memory(*given):
        raise MemoryError

    recogniser, dataset = trained
    monkeypatch.setattr(recogniser.model, "infer", lack_memory)
    path = dataset.utterances[1].audio_filepath
    with pytest.raises(
        UserError, match=r"1.wav: one utterance of \d+ frames does not fit into memory;"
    ):
        recogniser.transcribe(path)


def test_outputs_that_are_not_finite_are_not_decoded(trained):
    recogniser, dataset = trained
    recogniser.model.params["output.b"][1] = np.inf
    with pytest.raises(UserError, match="the outputs of the network are not finite"):
        recogniser.transcribe(dataset.utterances[0].audio_filepath)


@pytest.fixture
def recogniser(trained):
    return trained[0]


@pytest.fixture
def recording(trained):
    return trained[1].utterances[1].audio_filepath


def test_a_binary_file_is_a_recording(recogniser, recording):
    expected = recogniser.transcribe(recording)
    assert recogniser.transcribe(io.BytesIO(recording.read_bytes())) == expected
    with open(recording, "rb") as file:
        assert recogniser.transcribe(file) == expected


def test_a_recording_is_opened_once(recogniser, recording, monkeypatch):
    opened, sound_file = [], soundfile.SoundFile

    def count(file, *rest, **options):
        opened.append(file)
        return sound_file(file, *rest, **options)

    monkeypatch.setattr(soundfile, "SoundFile", count)
    recogniser.transcribe(recording)
    assert len(opened) == 1


def test_a_segment_is_transcribed_with_the_times_of_the_recording(recogniser, recording, tmp_path):
    samples, rate = soundfile.read(recording)
    long = tmp_path / "long.wav"
    soundfile.write(long, np.concatenate([samples[::-1], samples, samples]), rate)
    seconds = len(samples) / rate
    alone = recogniser.transcribe(recording)
    segment = recogniser.transcribe(long, start=seconds, duration=seconds)
    assert segment.text == alone.text
    for got, expected in zip(segment.words, alone.words, strict=True):
        assert got.start == pytest.approx(seconds + expected.start)
        assert got.end == pytest.approx(seconds + expected.end)


def test_warnings_come_with_the_transcript(recogniser, recording, tmp_path):
    assert recogniser.transcribe(recording).warnings == ()
    samples, rate = soundfile.read(recording)
    soundfile.write(tmp_path / "low.wav", samples[::2], rate // 2)
    (warning,) = recogniser.transcribe(tmp_path / "low.wav").warnings
    assert warning.startswith(f"{tmp_path / 'low.wav'} was recorded at {rate // 2:,} Hz")


@pytest.mark.parametrize("gain", [1e-4, 1e-2, 1e4, 32768])
def test_the_gain_of_a_recording_changes_nothing(recogniser, recording, gain):
    samples, rate = soundfile.read(recording, dtype="float32")
    expected, got = (recogniser.transcribe(x, rate) for x in (samples, np.float32(gain) * samples))
    assert got.text == expected.text
    assert got.score == pytest.approx(expected.score, abs=1e-3)


def test_weights_of_half_precision_change_little(trained, finished, monkeypatch):
    """The texts stay, and log-probabilities change by less than 0.01."""
    recogniser, dataset = trained
    files = [utterance.audio_filepath for utterance in dataset.utterances]
    x = [recogniser.features.read(file)[None] for file in files]
    right = [recogniser.log_probs(each, np.array([each.shape[1]]))[0] for each in x]
    texts = [recogniser.transcribe(file).text for file in files]
    use_on_host(monkeypatch)
    half = Recogniser.load(finished, "cpu", precision="half")
    assert [half.transcribe(file).text for file in files] == texts
    got = [half.log_probs(each, np.array([each.shape[1]]))[0] for each in x]
    change = max(np.abs(a - b).max() for a, b in zip(got, right, strict=True))
    assert 0 < change < 0.01


@pytest.mark.parametrize("precision", ["tf32", "bf16x3", "half"])
@pytest.mark.parametrize("command", ["evaluate", "transcribe"])
def test_other_precisions_need_a_gpu(command, precision, ds2np, finished, trained):
    file = trained[1].utterances[0].audio_filepath
    code, _, err = ds2np(command, finished, file, "--device", "cpu", "--precision", precision)
    assert code == 2
    assert err.startswith(f"error: precision {precision} needs a GPU; on the CPU, products are in")


def test_losses_of_several_texts_are_those_of_each_alone(trained):
    """By the dense sum over all paths of each text: brute force over its states."""
    recogniser, _ = trained
    alphabet = recogniser.config.alphabet()
    sound = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    texts = ["ab", "c", "b a", "cab ab"]
    x = recogniser.features(sound)
    log_probs, _ = recogniser.log_probs(x[None], np.array([len(x)]))
    p = np.exp(np.asarray(log_probs[0], float))
    expected = []
    for text in texts:
        states = [0]
        for label in alphabet.encode(text):
            states += [int(label), 0]
        alpha = np.zeros(len(states))
        alpha[:2] = p[0, states[:2]]
        for frame in p[1:]:
            before = alpha.copy()
            for s, symbol in enumerate(states):
                skip = s > 1 and symbol and symbol != states[s - 2]
                reached = before[s] + (before[s - 1] if s else 0) + (before[s - 2] if skip else 0)
                alpha[s] = reached * frame[symbol]
        expected.append(-np.log(alpha[-2:].sum()))
    np.testing.assert_allclose(recogniser.losses(sound, texts), expected, rtol=1e-4)
    assert np.isinf(recogniser.losses(sound[:400], ["cab ab cab ab", "c"])[0])
    with pytest.raises(UserError, match="alphabet"):
        recogniser.losses(sound, ["xyz"])
