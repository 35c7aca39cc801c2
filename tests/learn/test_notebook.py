"""The functions for the chapters, inside notebooks and outside."""

import base64
import io
import os
import re

import nbformat
import numpy as np
import pytest
import soundfile
from nbclient import NotebookClient

from ds2np.learn import check, play, show
from ds2np.learn.notebook import MP3_RATES

MIN_FRAMES = '''
def min_frames(labels):
    """Count labels, and blanks between equal neighbours."""
    labels = np.asarray(labels)
    print("called")
    return len(labels) + int((labels[1:] == labels[:-1]).sum())
'''


def run(path, *cells):
    """Run cells in a fresh kernel; return what each of them prints."""
    start = "import numpy as np\nfrom ds2np.learn import check\nfrom ds2np.ctc import min_frames"
    cells = [nbformat.v4.new_code_cell(source) for source in (start, *cells)]
    client = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=60)
    client.execute(env={**os.environ, "DS2NP_ANSWERS": str(path)})
    return ["".join(output.text for output in cell.outputs) for cell in cells[1:]]


def test_a_check_in_a_notebook_keeps_what_is_correct(tmp_path, ds2np):
    path = tmp_path / "my_ds2np.py"
    path.write_text("# mine\nimport numpy as np\n")
    quiet = MIN_FRAMES.replace('    print("called")\n', "")
    ask = 'check("05.1", min_frames)'
    package, stub, wrong, right, helped, better, another = run(
        path,
        ask,
        f"def min_frames(labels):\n    raise NotImplementedError\n\n\n{ask}",
        f"def min_frames(labels):\n    return len(labels)\n\n\n{ask}",
        f"{MIN_FRAMES}\n\n{ask}",
        f"n = len\n\n\n{MIN_FRAMES.replace('len(labels)', 'n(labels)')}\n\n{ask}",
        f"{quiet}\n\n{ask}\nprint(open({str(path)!r}).read())",
        f"count = min_frames\nmin_frames = lambda labels: count(labels)\n{ask}",
    )
    assert package == "05.1 min_frames: correct\nnot kept: it was not defined in a cell\n"
    assert stub == "05.1 min_frames: not done\n"
    assert wrong.startswith("05.1 min_frames: wrong: expected 5, got 4 ")
    verdict = "05.1 min_frames: correct\nkept in my_ds2np.py; the package's: "
    assert re.fullmatch(rf"(called\n)+{verdict}ds2np/ctc/fit.py, line \d+: min_frames\n", right)
    assert "not kept in my_ds2np.py, where it is wrong: your code raised NameError: name" in (
        helped
    )
    kept = f"# mine\nimport numpy as np\n\n\n# Exercise 05.1{quiet}"
    assert better.startswith(verdict)
    assert better.endswith(f": min_frames\n{kept}\n")
    assert "not kept: it is not defined by `def min_frames(...)`" in another
    assert path.read_text() == kept
    verdict = "05.1 min_frames: correct\n"
    assert ds2np("learn", "check", "05.1", "--answers", path) == (0, verdict, "")


@pytest.fixture
def double():
    """Return an answer that counts as written in a cell."""

    def double(x):
        return 2 * x

    double.__module__ = "__main__"
    return double


def test_a_file_that_is_broken_is_named_and_left_alone(chapters, answers_file, double, capsys):
    answers_file.write_text("def f(:\n")
    check("01.1", double)
    out = capsys.readouterr().out
    assert out.startswith(f"01.1 double: correct\nnot kept: {answers_file}, line 1: SyntaxError: ")
    assert out.count("\n") == 2
    assert answers_file.read_text() == "def f(:\n"


def test_a_file_that_cannot_be_written(chapters, answers_file, double, capsys):
    answers_file.mkdir()
    check("01.1", double)
    out = capsys.readouterr().out
    assert out.startswith("01.1 double: correct\nnot kept: ")
    assert str(answers_file) in out


def test_what_has_no_source_is_not_kept(chapters, answers_file, capsys):
    names = {"__name__": "__main__"}
    exec("def double(x):\n    return 2 * x\n", names)
    check("01.1", names["double"])
    assert capsys.readouterr().out == (
        "01.1 double: correct\nnot kept: it is not defined by `def double(...)`\n"
    )
    assert not answers_file.exists()


def test_a_number_that_no_exercise_has():
    with pytest.raises(ValueError, match=r"there is no exercise 99\.1"):
        check("99.1", len)


@pytest.fixture
def displayed(monkeypatch):
    """Collect what is displayed."""
    seen = []
    monkeypatch.setattr("IPython.display.display", seen.append)
    return seen


def sound_of(player):
    data = re.search(r'src="data:audio/mpeg;base64,([^"]+)"', player.data)[1]
    return soundfile.read(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize("rate", [4000, 8000, 16000, 22050, 10000, 48000, 96000])
def test_a_player_of_any_rate(displayed, rate):
    t = np.arange(rate) / rate
    play(0.5 * np.sin(2 * np.pi * 440 * t), rate, "a <tone>")
    (player,) = displayed
    assert "<figcaption>a &lt;tone&gt; (1.0 s)</figcaption>" in player.data
    samples, played = sound_of(player)
    assert played in MP3_RATES
    assert len(samples) / played == pytest.approx(1, abs=0.1)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * played / len(samples) == pytest.approx(440, abs=3)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.1)


def test_a_player_of_what_is_too_loud(displayed):
    play(np.array([0, 30000, -30000] * 400, np.int16), 16000)
    assert "figcaption" not in displayed[0].data
    assert np.abs(sound_of(displayed[0])[0]).max() <= 1.3  # MP3 overshoots


def test_a_player_of_nothing(displayed):
    play(np.zeros(0), 16000, "nothing")
    assert "nothing (0.0 s)" in displayed[0].data


def test_a_figure_is_shown_with_its_description_and_closed(displayed):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(layout="constrained")
    axes.plot([1, 2, 3])
    show(figure, 'A line that "rises".')
    assert not plt.get_fignums()
    _, metadata = displayed[0]._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == 'A line that "rises".'
    assert b"Matplotlib" not in displayed[0].data
    assert displayed[1].data == (
        '<figcaption aria-hidden="true">A line that &quot;rises&quot;.</figcaption>'
    )
