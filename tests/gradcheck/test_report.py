from ds2np.cli import main
from ds2np.layers import GRU


def test_every_gradient_is_right(capsys):
    assert main(["gradcheck"]) == 0
    table = capsys.readouterr().out
    assert table.endswith("all gradients are right\n")
    for name in (
        "log spectrogram",
        "Linear",
        "Conv2D",
        "GRU",
        "RowConv",
        "CTC loss",
        "DeepSpeech2",
    ):
        assert f"ok    {name}" in table
    assert "WRONG" not in table


def test_a_wrong_gradient_is_named_and_ends_in_exit_code_1(capsys, monkeypatch):
    right = GRU.steps_backward

    def forgets_the_first_frame(dh, cache):
        da, dU, dh0 = right(dh, cache)
        da[:, 0] = 0
        return da, dU, dh0

    monkeypatch.setattr(GRU, "steps_backward", staticmethod(forgets_the_first_frame))
    assert main(["gradcheck"]) == 1
    table = capsys.readouterr().out
    assert "WRONG GRU  " in table
    assert "ok    SimpleRNN, tanh" in table
    assert "largest at [" in table
    assert table.splitlines()[-1].endswith("gradients are WRONG")
