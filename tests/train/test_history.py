"""The history of a run on disk."""

import pytest

from ds2np.errors import UserError
from ds2np.model.run_folder import RunFolder
from ds2np.train.history import read_history, write_history

pytestmark = pytest.mark.usefixtures("no_report")


def test_history_round_trip(tmp_path, finished):
    rows = read_history(RunFolder(finished).history)
    write_history(tmp_path / "a.csv", rows)
    assert read_history(tmp_path / "a.csv") == rows


@pytest.mark.parametrize("content", ["epoch,wer\n1,0.5\n", "a picture of a cat", "\x00\xff"])
def test_a_damaged_history_is_named(tmp_path, finished, content):
    path = RunFolder(tmp_path).history
    header = RunFolder(finished).history.read_text().splitlines()[0]
    for text in (f"a,b\n{content}", f"{header}\n{content}\n"):
        path.write_text(text)
        with pytest.raises(UserError, match=r"history\.csv is damaged"):
            read_history(path)
