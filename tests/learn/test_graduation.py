"""The graduation: correct and wrong answers as replacements, alone and combined."""

import dataclasses
import re
import time

import numpy as np
import pytest
from helpers.graduation import GATED_2D, NETWORK, SOLUTIONS, TRAINING, WITH_BIGRAMS, group

from ds2np.data.dataset import Dataset
from ds2np.learn.book import CHAPTERS
from ds2np.learn.graduation import run as graduation
from ds2np.learn.graduation.adapters import ADAPTERS, find_adapter
from ds2np.learn.graduation.decoding import FUNCTIONS as DECODING
from ds2np.learn.graduation.replace import Replacement, replaced
from ds2np.learn.graduation.run import judge_all
from ds2np.learn.graduation.trial import find_distance, try_all, try_step
from ds2np.model import DeepSpeech2
from ds2np.train.history import read_history

# Functions that a network of simple recurrent layers calls directly.
USED = (
    *("cer", "power_spectrum", "mel_filters", "conv_out_length", "conv1d_forward"),
    *("conv1d_backward", "length_mask", "masked_mean_var", "seq_batchnorm_backward"),
    *("simple_rnn_forward", "simple_rnn_backward", "reverse_sequences", "min_frames", "ctc_loss"),
    *("clip_by_norm", "sgd_step", "plan_epoch", "should_stop"),
    *("out_lengths", "stack_backward", "greedy_decode", "ctc_beta"),
    *("add_noise", "accumulate_turns", "reverberate", "shard", "cut_bigrams"),
)
SPARE = (
    *("overlap_add", "log_power_backward", "receptive_field", "gru_forward", "gru_backward"),
    *("collapse", "ctc_logit_gradient", "recurrent_weight_gradient"),
)
NEVER = {"overlap_add", "log_power_backward", "receptive_field", "gru_forward", "gru_backward"}

pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture
def answers(tmp_path):
    path = tmp_path / "my_ds2np.py"
    path.write_text(SOLUTIONS, encoding="utf-8")
    return judge_all(path)


def test_every_adapter_is_for_an_exercise():
    functions = {e.function for c in CHAPTERS for e in c.exercises}
    assert set(ADAPTERS) <= functions


def test_all_solutions_train_a_network(graduate, tmp_path):
    code, out, err = graduate(SOLUTIONS)
    assert (code, err.count("error")) == (0, 0)
    assert set(USED) | DECODING <= set(group(out, "used in place of the package's own"))
    assert set(SPARE) <= set(group(out, "done, but not needed for this network"))
    assert "wrong:" not in out
    assert "not done:" not in out
    assert "not usable here:" not in out
    last = out.splitlines()[-1]
    assert last.startswith("your own code has not learned to recognise speech: ")
    assert "31 of 31 functions were yours to the end" in out
    assert len(read_history(tmp_path / "demo" / "graduation" / "history.csv")) == TRAINING.epochs


@pytest.mark.parametrize(
    "network", [NETWORK, GATED_2D, WITH_BIGRAMS], ids=["simple", "gated", "bigrams"]
)
def test_each_solution_alone_trains_as_the_package_does(answers, tones, network):
    def few_steps():
        results = try_step(network, training, tones)
        model = DeepSpeech2(network)
        dataset = Dataset(tones, model.config)
        losses = graduation.toy.train(model, dataset, epochs=2)
        return [np.array(losses), *results]

    _, replacements = answers
    assert replacements
    training = dataclasses.replace(TRAINING, augment=True)
    expected = few_steps()
    called = set()
    for replacement in replacements:
        with replaced([replacement]):
            got = few_steps()
        called |= {replacement.exercise.function} if replacement.calls else set()
        assert not replacement.failure, replacement.exercise.function
        for a, b in zip(got, expected, strict=True):
            scale = np.abs(b).max()
            np.testing.assert_allclose(
                a, b, rtol=0, atol=1e-3 * scale, err_msg=replacement.exercise.function
            )
    everything = set(USED) | set(SPARE) - NEVER
    if network is GATED_2D:
        over_time = {"conv1d_forward", "conv1d_backward", "mel_filters"}
        everything -= over_time | {"simple_rnn_forward", "simple_rnn_backward"}
        everything |= {"gru_forward", "gru_backward"}
    if network is not WITH_BIGRAMS:
        everything -= {"cut_bigrams"}
    assert everything <= called
    assert not DECODING & called  # they serve after the training


def test_gated_layers_where_only_these_are_written():
    assert graduation.choose_network({"gru_forward", "collapse"}, []).recurrent == "gru"
    assert graduation.choose_network({"gru_backward"}, []).recurrent == "gru"
    assert graduation.choose_network({"gru_forward", "simple_rnn_forward"}, []).recurrent == "rnn"
    assert graduation.choose_network({"collapse"}, []).recurrent == "rnn"


def test_bigrams_where_texts_are_cut_into_them():
    texts = ["one two", "two"]
    assert graduation.choose_network({"collapse"}, texts) == graduation.NETWORK
    alphabet = graduation.choose_network({"cut_bigrams"}, texts).alphabet()
    assert alphabet.symbols == (*" enotw", "on", "tw")
    assert alphabet.cut("two one") == ["tw", "o", " ", "on", "e"]


def test_greedy_decoding_reads_bigrams():
    alphabet = WITH_BIGRAMS.alphabet()
    (decode,) = (e for c in CHAPTERS for e in c.exercises if e.function == "greedy_decode")
    names = {}
    exec(f"import numpy as np\n{SOLUTIONS}", names)
    original, run = find_adapter(decode, names["greedy_decode"])
    log_probs = np.random.default_rng(0).standard_normal((3, 9, len(alphabet)))
    lengths = np.array([9, 5, 0])
    texts = run(log_probs, lengths, alphabet)
    assert texts == list(original(log_probs, lengths, alphabet))
    assert any(pair in text for text in texts for pair in ("ab", "bc"))


BROKEN_LATER = """
calls = [0]

def length_mask(lengths, T):
    calls[0] += len(lengths) > 3  # of larger minibatches than the check has
    if calls[0] > LIMIT:
        raise ZeroDivisionError("out of order")
    return (np.arange(T) < np.asarray(lengths)[:, None]) * 1.0

def min_frames(labels):
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))
"""


def test_an_error_in_training_is_the_readers_and_training_continues(graduate, tmp_path):
    code, out, err = graduate(BROKEN_LATER.replace("LIMIT", "40"))
    assert (code, err.count("error: ")) == (2, 1)
    assert f"error: faults in {tmp_path / 'my_ds2np.py'}, named above: length_mask\n" in err
    assert set(group(out, "used in place of the package's own")) == {"length_mask", "min_frames"}
    where = f'in {tmp_path / "my_ds2np.py"}, line 8: `raise ZeroDivisionError("out of order")`'
    shown = f"your length_mask: it raised ZeroDivisionError: out of order, {where}\n"
    assert out.count(shown) == 1
    assert "    the package's own function is used from here on" in out
    assert (
        f"your length_mask was dropped: it raised ZeroDivisionError: out of order, {where}" in out
    )
    assert re.search(r"\n1 of 2\d functions were yours to the end, in [\d,]+ calls\n", out)
    assert len(read_history(tmp_path / "demo" / "graduation" / "history.csv")) == TRAINING.epochs
    assert out.splitlines()[-1].startswith("the package's code, with 1 of 2")


def test_an_error_on_the_first_minibatch_keeps_it_out_of_training(graduate):
    code, out, _ = graduate(BROKEN_LATER.replace("LIMIT", "2"))
    assert code == 0
    assert "line 8: `raise" in group(out, "not usable here")["length_mask"]
    assert set(group(out, "used in place of the package's own")) == {"min_frames"}


def test_all_broken_later_leaves_the_packages_code(graduate):
    only = BROKEN_LATER.replace("LIMIT", "40").partition("def min_frames")[0]
    code, out, _ = graduate(only)
    assert code == 2
    assert re.search(r"\n0 of 2\d functions were yours to the end, in 0 calls\n", out)
    assert out.splitlines()[-1].startswith("the package's code, without yours,")


def test_wrong_ones_are_named_with_the_reason(graduate):
    code, out, _ = graduate(SOLUTIONS + "\n\ndef collapse(path):\n    return path[path > 0]\n")
    assert code == 0
    assert list(group(out, "wrong")) == ["collapse"]
    assert "(case: repeats and blanks; path = [" in group(out, "wrong")["collapse"]
    assert "collapse" not in group(out, "used in place of the package's own")


@pytest.mark.parametrize(
    ("result", "note"),
    [
        ("'nothing'", "it returned text where an array of shape (4, 15) is expected, in "),
        ("np.zeros((len(lengths), T))", "its result differs from the package's by up to 100 % "),
        ("np.zeros(3)", "it returned an array of shape (3,) where an array of shape (4, 15) is "),
        ("None", "it returned nothing where an array of shape (4, 15) is expected, in "),
    ],
)
def test_what_the_check_did_not_find_is_found_on_speech(graduate, result, note):
    text = f"""
def length_mask(lengths, T):
    if len(lengths) > 3:
        return {result}
    return (np.arange(T) < np.asarray(lengths)[:, None]) * 1.0

def min_frames(labels):
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))
"""
    code, out, err = graduate(text)
    assert code == 0, err
    assert list(group(out, "used in place of the package's own")) == ["min_frames"]
    assert group(out, "not usable here")["length_mask"].startswith(note)


def test_an_answer_may_call_the_packages_function_of_its_name(graduate):
    text = """
def length_mask(lengths, T):
    from ds2np.layers.padding import length_mask
    return length_mask(lengths, T, np.zeros(0))
"""
    code, out, _ = graduate(text)
    assert code == 0
    assert list(group(out, "used in place of the package's own")) == ["length_mask"]


def test_what_would_take_hours_is_left_to_the_package(tones, answers):
    _, replacements = answers
    usual = next(s for s in replacements if s.exercise.function == "length_mask")

    def sleep(*arguments):
        time.sleep(0.02)
        return usual.answer(*arguments)

    slow = Replacement(usual.exercise, sleep, "")
    long_training = dataclasses.replace(TRAINING, epochs=10**6)
    assert try_all([slow], [slow.exercise], NETWORK, long_training, tones)[0] == []
    assert "times as slow as the package's" in slow.failure
    assert slow.failure.endswith("hours more in total")
    slow = Replacement(usual.exercise, sleep, "")
    assert try_all([slow], [slow.exercise], NETWORK, TRAINING, tones) == ([slow], [])
    assert slow.slowness.endswith("times as slow as the package's")


def test_distances_beyond_rounding():
    four = [np.ones(5), np.ones(2), np.ones(3), np.ones(1)]
    assert find_distance([a + 1e-5 for a in four], four) == ""
    moved = [*four[:2], four[2] + 0.5, four[3]]
    assert find_distance(moved, four) == "the gradients differ from the package's by up to 50 %"
    assert "losses" in find_distance([four[0], np.array([np.nan, 1]), *four[2:]], four)
    fewer = [np.ones(4), *four[1:]]
    assert find_distance(fewer, four) == "the spectrograms are 4, with the package's function 5"


def test_nothing_done(graduate, tmp_path):
    code, out, err = graduate("")
    assert code == 2
    assert "ctc_loss" in group(out, "not done")
    assert err.count("\n") == 1
    assert "no function in" in err
    assert not (tmp_path / "demo").exists()


def test_nothing_that_this_network_needs(graduate):
    code, out, err = graduate(
        "def receptive_field(kernels, strides):\n"
        "    frames, step = 1, 1\n"
        "    for kernel, stride in zip(kernels, strides):\n"
        "        frames, step = frames + (kernel - 1) * step, step * stride\n"
        "    return frames, step\n"
    )
    assert code == 2
    assert list(group(out, "done, but not needed for this network")) == ["receptive_field"]
    assert "none of the functions in" in err


def test_no_file_and_a_broken_file(ds2np, graduate, tmp_path):
    code, _, err = ds2np("demo", "--answers", tmp_path / "nowhere.py")
    assert (code, err.count("\n")) == (2, 1)
    assert "there is no " in err
    code, _, err = graduate("def (:\n")
    assert (code, err.count("\n")) == (2, 1)
    assert "line 2: SyntaxError" in err


def test_the_readers_usual_file_is_the_default(ds2np, answers_file, tmp_path):
    code, _, err = ds2np("demo", "--answers", "--folder", tmp_path / "demo")
    assert code == 2
    assert f"there is no {answers_file}" in err


@pytest.mark.parametrize("command", ["demo", "learn"])
@pytest.mark.parametrize("by_option", [True, False])
def test_a_folder_is_no_file_of_answers(ds2np, command, by_option, monkeypatch, tmp_path):
    if not by_option:
        monkeypatch.setenv("DS2NP_ANSWERS", str(tmp_path))
    options = ["--answers", tmp_path] if by_option else ["--answers"] if command == "demo" else []
    code, _, err = ds2np(command, *options)
    assert (code, err.count("\n")) == (2, 1)
    assert f"{tmp_path} is a folder" in err


@pytest.mark.parametrize("options", [["--resume"], ["--device", "cuda"]])
def test_what_makes_no_sense_is_refused(graduate, options):
    code, out, err = graduate(SOLUTIONS, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert options[0] in err


def test_a_run_that_is_there_is_kept_until_asked(graduate, tmp_path):
    run = tmp_path / "demo" / "graduation"
    run.mkdir(parents=True)
    for name in ("config.json", "last.npz", "notes.txt"):
        (run / name).write_text("mine")
    code, _, err = graduate(BROKEN_LATER.replace("LIMIT", "10**9"))
    assert code == 2
    assert "--restart" in err
    assert (run / "last.npz").read_text() == "mine"
    code, _, err = graduate(BROKEN_LATER.replace("LIMIT", "10**9"), "--restart")
    assert code == 0, err
    assert (run / "notes.txt").read_text() == "mine"
    assert len(read_history(run / "history.csv")) == TRAINING.epochs


def test_digits_are_spoken_once(tmp_path, monkeypatch):
    said = []

    def speak(text, rate, *options):
        said.append(text)
        return np.zeros(rate // 2, np.float32)

    monkeypatch.setattr(graduation.toy, "say", speak)
    monkeypatch.setattr(graduation.sound, "has_voice", lambda: True)
    monkeypatch.setattr(graduation, "UTTERANCES", 3)
    monkeypatch.setattr(graduation, "HELD_OUT", 2)
    train_set, test_set = graduation.make_digits(tmp_path / "digits")
    assert [len(train_set), len(test_set), len(said)] == [3, 2, 5]
    assert not {u.speaker for u in train_set} & {u.speaker for u in test_set}
    graduation.make_digits(tmp_path / "digits")
    assert len(said) == 5


def test_without_a_voice_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(graduation.sound, "has_voice", lambda: False)
    with pytest.raises(graduation.UserError, match="espeak-ng"):
        graduation.make_digits(tmp_path / "digits")
    assert not (tmp_path / "digits").exists()
