"""Functions that turn faulty in the middle of the graduation: who it was is always said."""

import dataclasses
import re

import pytest
from helpers.graduation import SOLUTIONS, TRAINING

from ds2np.learn.graduation import guard
from ds2np.learn.graduation import run as graduation
from ds2np.learn.graduation.report import conclude
from ds2np.learn.limited import run_limited
from ds2np.train.history import read_history
from ds2np.train.trainer import Trainer

EPOCHS = 12  # so that each function is compared at least once after the third
# A function that goes wrong in the line marked "here"; without one, by what it returns.
FAULTS = {
    "a wrong shape": (
        "reverse_sequences",
        "return right(x, lengths)[:-1]",
        "it returned an array of shape ",
    ),
    "NaN": (
        "masked_mean_var",
        "mean, var = right(x, mask); var[0] = np.nan; return mean, var",
        "it returned NaN where the package's is finite",
    ),
    "a plan without most of the data": (
        "plan_epoch",
        "return right(frames, batch_size, epoch, seed, max_frames)[:1]",
        "it returned a list of 1 where a list of ",
    ),
    "a step that climbs": (
        "sgd_step",
        "grads = {k: -g for k, g in grads.items()}; "
        "return right(params, grads, velocity, rate, momentum)",
        "its result differs from the package's by up to ",
    ),
    "an endless loop": ("length_mask", "while True: T += 1  # here", "it has not ended after 2 s"),
    "SystemExit": ("greedy_decode", "raise SystemExit(0)  # here", "it raised SystemExit: 0"),
    "KeyboardInterrupt": (
        "ctc_loss",
        "raise KeyboardInterrupt  # here",
        "it raised KeyboardInterrupt",
    ),
    "recursion without end": (
        "conv_out_length",
        "return endless()",
        "it raised RecursionError: maximum recursion depth exceeded",
    ),
    "a changed argument": ("conv1d_forward", "x -= x.mean()  # here", "it changes its arguments"),
    "a sleep that nothing can end": (
        "power_spectrum",
        "import time; time.sleep(30)  # here",
        "it has not ended after 2 s",
    ),
    "a loop that catches what is to stop it": (
        "clip_by_norm",
        "stubborn()",
        "it has not ended after 2 s",
    ),
    "the end too early": ("should_stop", "return True", "it returned 1 where 0 is expected"),
    "a text too few": (
        "greedy_decode",
        "return right(log_probs, lengths, characters)[1:]",
        "it returned a list of ",
    ),
    "a layer left out": (
        "stack_backward",
        "dx, grads = layers[list(layers)[0]](dout); return dx, grads  # here",
        "it calls the backward pass of ",
    ),
    "another gradient handed down": (
        "stack_backward",
        "return layers[list(layers)[-1]](2 * dout)  # here",
        "it gives output another gradient than it has got from above",
    ),
    "half of a gradient": (
        "simple_rnn_backward",
        "da, dU, dh0 = right(dh, h, h0, U); return da, dU / 2, dh0",
        "its result differs from the package's by up to 50 % of its largest value",
    ),
    "infinite gradients": (
        "conv1d_backward",
        "dx, dW = right(dout, x, W, stride, padding); return dx, dW * np.inf",
        "it returned ",
    ),
    "no return": ("seq_batchnorm_backward", "return None", "it returned nothing where a tuple of "),
    "objects": (
        "simple_rnn_forward",
        "return right(a, U, h0).astype(object)",
        "it returned an array of shape ",
    ),
    "loud noise": (
        "add_noise",
        "return right(samples, noise, snr_db - 40)",
        "its result differs from the package's by up to ",
    ),
    "silence for an echo": ("reverberate", "return 0 * samples", "its result differs from "),
    "phases that stand still": (
        "accumulate_turns",
        "return np.ones_like(x)",
        "its result differs from the package's by up to ",
    ),
    "utterances that no process gets": (
        "shard",
        "return [indices[:1] for indices in right(plan, rank, size)]",
        "it returned an array of shape (1,) where an array of shape (2,) is expected",
    ),
    "a wrong exponent": (
        "discounts",
        "return tuple(D**2 for D in right(counts))",
        "it returned 0.25 where 0.5 is expected",
    ),
    "NaN in place of a probability": (
        "backoff_logp",
        "return math.nan",
        "it returned NaN where the package's is finite",
    ),
    "a forgotten repeat rule": (
        "prefix_step",
        "beams = {p: (sum(both), 0.0) for p, both in beams.items()}; "
        "return right(beams, y_t, blank)",
        "it returned ",
    ),
    "a lost prefix": (
        "prefix_step",
        "after = right(beams, y_t, blank); after.popitem(); return after",
        "it returned a dict of ",
    ),
    "an error in the beam": (
        "prefix_step",
        "return beams[len(y_t)]  # here",
        "it raised KeyError: 5",
    ),
    "weights beside the grid": (
        "best_weights",
        "return -1.0, right(acoustic, lm, words, edits, alphas, betas)[1]",
        "it returned -1 where 0.25 is expected",
    ),
}
ENDLESS = {"stubborn()": "  # here", "return endless()": "  # here, too"}

PLANTED = """
import math, pathlib, runpy
LATE = pathlib.Path("{late}")
right = runpy.run_path("{book}")["{name}"]

def endless(): return endless()  # here, too

def stubborn():
    for _ in range(3):
        try:
            while True: pass  # here
        except BaseException:
            pass

def {name}({parameters}):
    if LATE.exists():
        {fault}
    return right({arguments})

def min_frames(labels):
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))
"""


@pytest.fixture
def late(monkeypatch, small, tmp_path):
    """Return the path of a file that is there once the first epochs are done."""
    path, finish = tmp_path / "late", Trainer._finish_epoch

    def finish_epoch(self):
        if len(self.progress.history) == 2:
            path.touch()
        finish(self)

    monkeypatch.setattr(Trainer, "_finish_epoch", finish_epoch)
    training = dataclasses.replace(TRAINING, epochs=EPOCHS, patience=EPOCHS)
    monkeypatch.setattr(graduation, "AUGMENTED_EPOCHS", EPOCHS)
    monkeypatch.setattr(guard, "SECONDS", 2)
    monkeypatch.setattr(run_limited, "__defaults__", (2,))
    monkeypatch.setattr(graduation, "TRAINING", training)
    return path


@pytest.mark.parametrize("kind", FAULTS)
def test_the_culprit_is_named_and_the_training_goes_on(kind, late, graduate, tmp_path):
    name, fault, problem = FAULTS[kind]
    parameters = re.search(rf"^def {name}\((.*?)\):", SOLUTIONS, re.MULTILINE)[1]
    book = tmp_path / "book.py"
    book.write_text(SOLUTIONS, encoding="utf-8")
    given = {"late": late, "book": book, "name": name, "parameters": parameters, "fault": fault}
    given["arguments"] = re.sub(r"=[\w.]+", "", parameters)
    code, out, err = graduate(PLANTED.format(**given))
    path = tmp_path / "my_ds2np.py"
    lines = path.read_text().splitlines()
    definition = [i for i, line in enumerate(lines) if line.startswith(f"def {name}(")][-1]
    mark = ENDLESS.get(fault, "  # here")
    places = [i for i, line in enumerate(lines) if line.endswith(mark)]
    line = places[-1] if "# here" in fault or fault in ENDLESS else definition
    said = re.findall(rf"^your {name}: (.*)$", out, re.MULTILINE)
    assert len(said) == 1
    assert said[0].startswith(problem)
    assert said[0].endswith(f", in {path}, line {line + 1}: `{lines[line].strip()}`")
    assert f"your {name} was dropped: {said[0]}\n" in out
    assert "the package's own took over, and the work went on" in out
    assert (code, err.count("error: "), "Traceback" in out + err) == (2, 1, False)
    assert f"error: faults in {path}, named above: {name}\n" in err
    assert len(read_history(tmp_path / "demo" / "graduation" / "history.csv")) == EPOCHS
    assert re.search(r"\n1 of [23]\d functions were yours to the end", out)
    assert re.match("the package's code, with 1 of [23]", out.splitlines()[-1])


ENDLESS_ANSWER = """
def length_mask(lengths, T):
    while True:
        T += 1

def min_frames(labels):
    labels = np.asarray(labels)
    return len(labels) + int(np.sum(labels[1:] == labels[:-1]))
"""


def test_an_answer_that_never_ends_is_wrong(late, graduate):
    code, out, err = graduate(ENDLESS_ANSWER)
    assert (code, err.count("error")) == (0, 0)
    wrong = out.partition("  wrong:\n")[2].splitlines()[0]
    assert "03.1  length_mask: your code was stopped after 2 s" in wrong
    assert out.splitlines()[-1].startswith("the package's code, with 1 of 26 functions yours,")


def test_a_file_that_never_ends(late, graduate, tmp_path):
    code, out, err = graduate("while True: np.zeros(1)\n")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {tmp_path / 'my_ds2np.py'}: your code was stopped after 2 s")


def test_what_fails_without_a_culprit_is_tried_again_without_the_answers(
    late, graduate, monkeypatch, tmp_path
):
    """Let the training fail as long as an answer serves, after epochs that are saved."""
    failed = []

    def train(*arguments, resume, **options):
        serving = not failed or len(failed) == 1
        if len(failed) < 2:
            failed.append(resume)
            raise RuntimeError("out of tune")
        assert serving is False
        return right(*arguments, resume=resume, **options)

    right = graduation.train
    monkeypatch.setattr(graduation, "train", train)
    code, out, err = graduate(ENDLESS_ANSWER.replace("        T += 1\n", "        break\n"))
    assert code == 2
    assert "error: faults in " in err
    assert out.count("the training failed (RuntimeError: out of tune)") == 2
    assert "your min_frames was dropped: the training failed with it: RuntimeError" in out
    assert out.splitlines()[-1].startswith("the package's code, without yours,")


def test_an_interrupt_is_not_a_fault(late, graduate, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(graduation, "train", interrupt)
    code, out, err = graduate(ENDLESS_ANSWER.replace("        T += 1\n", "        break\n"))
    assert (code, err) == (130, "\ninterrupted\n")
    assert "was dropped" not in out


def test_only_what_is_true_is_claimed():
    def say(*numbers):
        return conclude(*numbers, "two", "two")

    assert say(25, 25, 0.02).startswith("your own code recognised this: ")
    assert say(20, 25, 0.02).startswith("your code, with 5 functions of the package, recognised")
    assert say(1, 25, 0.02).startswith("the package's code, with 1 of 25 functions yours, recog")
    assert say(0, 25, 0.02).startswith("the package's code, without yours, recognised")
    assert say(25, 25, 1.0) == (
        "your own code has not learned to recognise speech: a word error rate of 100 %"
    )
