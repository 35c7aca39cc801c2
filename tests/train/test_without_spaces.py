"""A run whose alphabet has no space is judged by its character error rate."""

import dataclasses

import pytest
from helpers import toys

from ds2np.data.dataset import Dataset
from ds2np.decode.making import make_decoder
from ds2np.evaluate import Evaluation
from ds2np.model import DeepSpeech2
from ds2np.model.checkpoint import load_checkpoint
from ds2np.model.run_folder import RunFolder
from ds2np.plots import fonts
from ds2np.recogniser import Recogniser
from ds2np.train.report import Report

WORDLESS = dataclasses.replace(toys.MODEL, characters="甲乙丙")
WRITTEN = str.maketrans("abc", "甲乙丙", " ")
REFS = ["甲乙", "丙", "乙", "甲"]
ONE_WRONG = ["丙丙丙", "丙", "乙", "甲"]  # three characters of one text
TWO_WRONG = ["甲", "丙", "丙", "甲"]  # two characters of two texts


@pytest.fixture
def written(utterances):
    """The toy's utterances in Chinese characters."""
    return [dataclasses.replace(u, text=u.text.translate(WRITTEN)) for u in utterances]


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("spaces", [False, True])
def test_the_best_network_has_the_lowest_rate_of_the_unit(
    run, monkeypatch, utterances, written, spaces
):
    epochs = iter(
        [Evaluation(REFS, hyps, 1.0, 0.5, spaces=spaces) for hyps in (ONE_WRONG, TWO_WRONG)]
    )
    monkeypatch.setattr("ds2np.train.trainer.evaluate", lambda *rest: next(epochs))
    folder = run(model=toys.MODEL, data=utterances) if spaces else run(model=WORDLESS, data=written)
    best = load_checkpoint(RunFolder(folder).best)[1]["history"]
    assert len(best) == (1 if spaces else 2)


def test_training_prints_the_character_error_rate(run, written, capsys):
    run(model=WORDLESS, data=written, epochs=1)
    out = capsys.readouterr().out
    assert "validation: CER " in out
    assert "WER" not in out


@pytest.fixture
def write(tmp_path, written, monkeypatch):
    """Write the report of a network that hears 甲 in every frame; return its HTML."""
    monkeypatch.setattr(fonts, "_find", lambda wanted: "")  # as where no font has it
    network = DeepSpeech2(WORDLESS)
    network.params["output.b"][1] = 50.0
    recogniser, dataset = (
        Recogniser(network, make_decoder("greedy", WORDLESS)),
        Dataset(written[:4], WORDLESS),
    )

    def page(refs, hyps):
        report = Report(RunFolder(tmp_path), spaces=False)
        report.show(recogniser, dataset, Evaluation(refs, hyps, 1.0, 0.5, spaces=False))
        return report.write([]).read_text(encoding="utf-8")

    return page


def test_the_report_marks_characters(write):
    page = write(REFS, ONE_WRONG)
    assert "<th>character error rate</th><th>wrong utterances</th>" in page
    assert "highest character error rates" in page
    marked = "reference: <del>甲</del><del>乙</del><br>hypothesis: "
    assert marked in page


def test_the_report_marks_roman_words_beside_characters(write):
    page = write(["甲用py", *REFS[1:]], ["甲用pi乙", *REFS[1:]])
    marked = "reference: 甲用<del>py</del><br>hypothesis: 甲用<ins>pi</ins><ins>乙</ins>"
    assert marked in page


def test_characters_without_a_font_are_numbered_and_explained(write):
    page = write(REFS, ONE_WRONG)
    assert "no font for these characters, so they are numbered: 1 甲.</p>" in page
