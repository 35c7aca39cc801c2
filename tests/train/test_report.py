import dataclasses
import re

import pytest
from helpers.markup import Page

from ds2np.data.dataset import Dataset
from ds2np.evaluate import Evaluation
from ds2np.model.run_folder import RunFolder
from ds2np.plots import plot_curves, plot_health
from ds2np.train.history import read_history
from ds2np.train.report import Report


@pytest.fixture(scope="session")
def page(finished):
    return Page((finished / "report.html").read_text(encoding="utf-8"))


def test_every_tag_is_closed(page):
    assert page.open == []


def test_it_needs_no_other_file(page):
    assert not re.search(r"(https?|file):", page.html)
    assert "url(" not in page.html
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe")
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")


def test_it_gives_the_error_rates(page, trained):
    assert "word error rate" in page.text
    assert "character error rate" in page.text
    assert re.search(r"\d\.\d %", page.text)


def test_pictures_have_alternative_text(page):
    pictures = page.find("img")
    assert len(pictures) == 3
    assert all(len(picture["alt"]) > 20 for picture in pictures)
    assert all(picture["src"].startswith("data:image/png;base64,") for picture in pictures)


def test_every_utterance_can_be_played(page):
    players = page.find("audio")
    assert len(players) == 4  # the whole validation set of the toy
    assert all("controls" in player for player in players)
    assert page.text.count("reference: ") == page.text.count("hypothesis: ") == 4


@pytest.fixture
def write(tmp_path, finished, trained):
    """Write a report of made-up transcripts; return the page."""

    def write(refs, hyps, folder=tmp_path):
        report = Report(RunFolder(folder))
        report.show(*trained, Evaluation(refs, hyps, 1.0))
        return Page(
            report.write(read_history(RunFolder(finished).history)).read_text(encoding="utf-8")
        )

    return write


def test_transcripts_cannot_inject_html(write, tmp_path, trained):
    tagged = '<b>"ab" & c</b>'
    dataset = trained[1]
    dataset.utterances[0] = dataclasses.replace(dataset.utterances[0], speaker=tagged)
    folder = tmp_path / "<b>run & more"
    folder.mkdir()
    page = write([tagged] * 4, [tagged, "x", "<b>", ""], folder)
    assert not page.find("b")
    assert page.text.count(tagged) >= 5  # references, a hypothesis and the speaker
    assert page.open == []


def test_wrong_words_are_marked(write):
    page = write(["ab c", "a", "a", "b"], ["ab", "a c", "a", ""])
    assert "ab <del>c</del>" in page.html
    assert "a <ins>c</ins>" in page.html
    assert page.html.count("<del>") - 1 == 2  # the legend contains one


def test_empty_references_and_hypotheses(write):
    page = write(["", "", "a", ""], ["", "a", "", ""])
    assert "<ins>a</ins>" in page.html


def test_what_the_figures_are_worth_stands_below_them(tmp_path):
    report = Report(RunFolder(tmp_path))
    assert "worth" not in report.write([]).read_text(encoding="utf-8")
    report.about = "of <one> voice: worth little"
    assert "<p>of &lt;one&gt; voice: worth little</p>" in report.write([]).read_text("utf-8")


def test_the_utterance_with_the_most_errors_is_shown(tmp_path, finished, utterances, trained):
    model, _ = trained
    dataset = Dataset(utterances * 3, model.config)
    count = len(dataset)
    for worst in (0, 7, count - 1):
        hyps = ["b" if i == worst else "a" for i in range(count)]
        report = Report(RunFolder(tmp_path))
        report.show(model, dataset, Evaluation(["a"] * count, hyps, 1.0))
        path = report.write(read_history(RunFolder(finished).history))
        assert "<ins>b</ins>" in path.read_text(encoding="utf-8")
        assert path.read_text(encoding="utf-8").count("<audio") == 8


def test_the_first_epoch_is_reported_before_it_is_done(tmp_path):
    points = [{"epoch": e, "train_loss": 9 - e, "gradient_norm": 1} for e in (0.25, 0.5)]
    report = Report(RunFolder(tmp_path))
    page = Page(report.write([], points, "Epoch 1 of 2, <50 %").read_text(encoding="utf-8"))
    assert "Epoch 1 of 2, <50 %" in page.text
    assert len(page.find("img")) == 2
    assert page.open == []


def test_points_within_epochs_are_drawn(finished):
    from matplotlib.figure import Figure

    points = [{"epoch": e, "train_loss": 9 - e, "gradient_norm": e} for e in (0.25, 0.5)]
    history = read_history(RunFolder(finished).history)
    curves, health = (Figure().subplots(1, n) for n in (2, 3))
    plot_curves(history, curves, points)
    plot_health(history, health, points)
    for axis, key in ((curves[0], "train_loss"), (health[0], "gradient_norm")):
        drawn = axis.lines[0].get_xydata().tolist()
        assert drawn == [[p["epoch"], p[key]] for p in points]
