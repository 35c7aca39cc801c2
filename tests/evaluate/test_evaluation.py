import dataclasses
import json
import math
import re

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np import cli
from ds2np.audio.features import Features
from ds2np.ctc import ctc_loss
from ds2np.data.batches import make_batch
from ds2np.data.dataset import Dataset
from ds2np.evaluate import Evaluation, evaluate, format_summary, summarise
from ds2np.evaluate.summary import SHOWN
from ds2np.files import strict_json

REFS = ["the cat sat", "a cat ran", "the mat", "", "he sees"]
HYPS = ["the bat sat", "now a bat ran", "mat", "now", "he sees"]
FILES = ["0.wav", "1.wav", "2.wav", "3.wav", "4.wav"]


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_the_order_is_that_of_the_data_set(trained, batch_size):
    recogniser, dataset = trained
    evaluation = evaluate(recogniser, dataset, batch_size)
    assert evaluation.refs == list(toys.TEXTS[:4])
    alone = [recogniser.transcribe(u.audio_filepath).text for u in dataset.utterances]
    assert evaluation.hyps == alone
    assert any(evaluation.hyps)  # empty hypotheses would prove nothing


def test_the_loss_is_the_mean_over_utterances(trained):
    recogniser, dataset = trained
    model, losses = recogniser.model, []
    model.set_training(False)
    for i in range(len(dataset)):
        batch = make_batch(dataset, np.array([i]))
        logits, lengths = model.forward(batch.x, batch.lengths)
        losses += ctc_loss(logits, batch.labels, lengths, batch.label_lengths)[0].tolist()
    assert evaluate(recogniser, dataset, 3).loss == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_blanks_are_counted_over_real_frames(trained, batch_size):
    recogniser, dataset = trained
    model = recogniser.model
    model.params["output.b"][0] += 0.5  # some frames are blank, but not all
    best = []
    for utterance in dataset.utterances:
        x = Features(model.config).read(utterance.audio_filepath)[None]
        model.set_training(False)
        best += model.forward(x, np.array([x.shape[1]]))[0][0].argmax(axis=1).tolist()
    share = evaluate(recogniser, dataset, batch_size).blank_share
    assert share == pytest.approx(best.count(0) / len(best))
    assert 0 < share < 1


def test_evaluation_changes_no_weight(trained):
    recogniser, dataset = trained
    model = recogniser.model
    before = {name: value.copy() for name, value in model.state_dict().items()}
    model.set_training(True)
    evaluate(recogniser, dataset)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_progress_counts_utterances(trained):
    counts = []
    evaluate(*trained, batch_size=3, progress=counts.append)
    assert counts == [3, 1]


def test_it_prints_percentages(trained):
    evaluation = evaluate(*trained)
    assert f"WER {100 * evaluation.wer:.1f} %  CER {100 * evaluation.cer:.1f} %" in str(evaluation)


def test_an_utterance_in_which_nothing_is_said(trained, utterances):
    recogniser, _ = trained
    silent = dataclasses.replace(utterances[0], text=" ")
    for chosen in ([silent], [silent, utterances[1]]):
        evaluation = evaluate(recogniser, Dataset(chosen, recogniser.config))
        assert evaluation.refs[0] == ""
        summary = summarise(evaluation, [u.audio_filepath for u in chosen])
        assert format_summary(summary)
        assert strict_json(summary)


# The summary


def test_the_edits_add_up_to_the_rates():
    evaluation = Evaluation(REFS, HYPS, 1.5, 0.75)
    summary = summarise(evaluation, FILES)
    assert summary["words"] == {
        "reference": 10,
        "substitutions": {"count": 2, "share": 0.2},
        "insertions": {"count": 2, "share": 0.2},
        "deletions": {"count": 1, "share": 0.1},
    }
    for unit, rate in (("words", evaluation.wer), ("characters", evaluation.cer)):
        kinds = [entry for entry in summary[unit].values() if isinstance(entry, dict)]
        assert sum(entry["share"] for entry in kinds) == pytest.approx(rate)
    assert summary["characters"]["reference"] == sum(map(len, REFS))
    assert "spaces" in summary["definition"]
    assert (summary["wer"], summary["cer"]) == (evaluation.wer, evaluation.cer)
    assert (summary["loss"], summary["blank_share"]) == (1.5, 0.75)
    assert summary["mean_length"] == evaluation.mean_length == (11 + 13 + 3 + 3 + 7) / 5


def test_mistaken_words_are_counted():
    summary = summarise(Evaluation(REFS, HYPS, 1.0), FILES)
    assert summary["confused_words"] == [{"reference": "cat", "hypothesis": "bat", "count": 2}]
    assert summary["missed_words"] == [{"word": "the", "count": 1}]
    assert summary["inserted_words"] == [{"word": "now", "count": 2}]


def test_the_most_frequent_mistakes_come_first():
    words = [f"w{i:02}" for i in range(SHOWN + 3)]
    missed = [*reversed(words), words[-1], words[-1], words[-2]]
    evaluation = Evaluation(missed, [""] * len(missed), 1.0)
    shown = summarise(evaluation, missed)["missed_words"]
    expected = [(words[-1], 3), (words[-2], 2), *((word, 1) for word in words)]
    assert [(entry["word"], entry["count"]) for entry in shown] == expected[:SHOWN]


def test_the_worst_utterances_come_first_and_the_right_ones_not_at_all():
    worst = summarise(Evaluation(REFS, HYPS, 1.0), FILES)["worst"]
    assert [(u["audio_filepath"], u["word_errors"]) for u in worst] == [
        ("1.wav", 2),
        ("0.wav", 1),
        ("2.wav", 1),
        ("3.wav", 1),
    ]
    assert worst[0]["differences"] == "[+ now] a [cat -> bat] ran"
    many = Evaluation(["a"] * 50, ["b"] * 50, 1.0)
    assert len(summarise(many, range(50))["worst"]) == SHOWN


def test_the_text_is_complete():
    text = format_summary(summarise(Evaluation(REFS, HYPS, 1.0, 0.756), FILES))
    assert re.search(r"^words +10 +2 \(20.0 %\) +2 \(20.0 %\) +1 \(10.0 %\)$", text, re.M)
    assert "edits / characters, spaces included" in text
    assert "blanks: 75.6 % of the frames" in text
    assert "most often confused: cat -> bat (2)" in text
    assert "most often missed: the (1)" in text
    assert "most often inserted: now (2)" in text
    assert re.search(
        r"2 in 1\.wav\n +reference +a cat ran\n +hypothesis +now a bat ran\n +diff\w+ +\[\+ now\]",
        text,
    )


def test_a_perfect_network_has_no_worst_utterances():
    text = format_summary(summarise(Evaluation(REFS, REFS, 0.0, 0.5), FILES))
    assert "most often confused: none" in text
    assert "utterances with" not in text


def reject(constant):
    raise AssertionError(f"{constant} is not JSON")


def parse_strictly(text):
    return json.loads(text, parse_constant=reject)


@pytest.mark.parametrize("loss", [math.inf, -math.inf, math.nan])
def test_what_is_not_a_finite_number_is_null(loss):
    evaluation = Evaluation(["", ""], ["noise", ""], loss)  # its rates are infinite, too
    for indent in (None, 1):
        parsed = parse_strictly(strict_json(summarise(evaluation, FILES[:2]), indent))
        for name in ("loss", "wer", "cer", "blank_share"):
            assert parsed[name] is None
        assert parsed["words"]["insertions"] == {"count": 1, "share": None}
        assert parsed["utterances"][0]["hypothesis"] == "noise"


# The commands


@pytest.fixture
def ds2np(capsys):
    """Run a command that has to succeed; return what it prints."""

    def run(*arguments):
        capsys.readouterr()
        assert cli.main([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def manifest(utterances):
    return utterances[0].audio_filepath.parent / "tones.jsonl"


def test_evaluate_writes_the_same_json_beside_the_text(ds2np, finished, manifest, tmp_path):
    file = tmp_path / "result.json"
    text = ds2np("evaluate", finished, manifest, "--json-file", file)
    printed = ds2np("evaluate", finished, manifest, "--json")
    assert file.read_text(encoding="utf-8") == printed
    parsed = parse_strictly(printed)
    assert [u["reference"] for u in parsed["utterances"]] == list(toys.TEXTS)
    assert text.startswith(f"{len(toys.TEXTS)} utterances: WER {100 * parsed['wer']:.1f} %")
    assert format_summary(parsed) in text
    assert parsed["worst"]
    assert sorted(tmp_path.iterdir()) == [file]


def test_an_impossible_json_file_is_refused_at_once(
    capsys, finished, manifest, tmp_path, monkeypatch
):
    def evaluated(*arguments, **options):
        raise AssertionError("evaluated before checking the output file")

    monkeypatch.setattr("ds2np.evaluate.evaluate", evaluated)
    for file, reason in ((tmp_path / "no" / "a.json", "missing folder"), (tmp_path, "a folder")):
        arguments = ["evaluate", finished, manifest, "--json-file", file]
        assert cli.main([str(argument) for argument in arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {file}")
        assert reason in line
    assert not list(tmp_path.iterdir())


def test_transcribe_json_has_words_with_times(ds2np, finished, trained, utterances):
    recogniser, _ = trained
    files = [u.audio_filepath for u in utterances]
    lines = ds2np("transcribe", finished, *files, "--json").splitlines()
    for file, line in zip(files, lines, strict=True):
        entry = parse_strictly(line)
        words = [dataclasses.asdict(word) for word in recogniser.transcribe(file).words]
        assert entry == {
            "audio_filepath": str(file),
            "text": " ".join(word["text"] for word in words),
            "words": words,
        }
        for word in words:
            assert word.keys() == {"text", "start", "end", "confidence"}
            assert 0 <= word["start"] < word["end"] <= soundfile.info(file).duration
