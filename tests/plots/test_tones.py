import numpy as np
import pytest
from matplotlib.figure import Figure

from ds2np.audio import log_spectrogram
from ds2np.plots import plot_confusions, plot_pitch

RATE = 16_000


@pytest.mark.parametrize("window_ms", [20, 40])
def test_the_pitch_lies_on_its_harmonic(window_ms):
    """A click and a tone show where the picture has its time and its frequency."""
    time = np.arange(RATE // 2) / RATE
    sound = np.sin(2 * np.pi * 600 * time) * (np.abs(time - 0.3) < 0.02)
    spectrogram = log_spectrogram(sound, RATE, window_ms=window_ms)
    axis = Figure().subplots()
    assert plot_pitch(spectrogram, window_ms, 10, [0.28, 0.32], np.full(2, 200.0), axis, "", 3)
    rim, line = axis.lines
    assert list(line.get_xdata()) == list(rim.get_xdata()) == [0.28, 0.32]
    assert list(line.get_ydata()) == [600, 600]
    image = axis.images[0]
    table, (left, right, bottom, top) = image.get_array(), image.get_extent()
    row, column = np.unravel_index(table.argmax(), table.shape)
    assert bottom + (row + 0.5) * (top - bottom) / table.shape[0] == pytest.approx(600)
    middle = left + (column + 0.5) * (right - left) / table.shape[1]
    assert middle == pytest.approx(0.3, abs=0.006)
    assert axis.get_ylim() == (0, 1000)


def test_confusions_are_written_in_percent():
    axis = Figure().subplots()
    plot_confusions(np.array([[0.9, 0.1], [0.25, 0.75]]), axis, names=("said", "heard"))
    texts = {(*map(int, each.get_position()),): each for each in axis.texts}
    assert [texts[0, 0].get_text(), texts[1, 0].get_text()] == ["90", "10"]  # row "said"
    assert [texts[0, 1].get_text(), texts[1, 1].get_text()] == ["25", "75"]
    assert texts[0, 0].get_color() == "white"  # on black
    assert texts[1, 0].get_color() == "black"
