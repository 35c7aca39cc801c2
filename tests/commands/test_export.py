"""A network without its training, in half precision."""

import numpy as np
import pytest

from ds2np.decode import DecoderSettings
from ds2np.errors import UserError
from ds2np.evaluate import evaluate
from ds2np.model import DeepSpeech2, preset
from ds2np.model.checkpoint import load_checkpoint, save_checkpoint
from ds2np.model.run_folder import RunFolder, load_run
from ds2np.recogniser import Recogniser


def test_it_writes_the_network_and_its_decoder(finished, tmp_path, ds2np):
    out = tmp_path / "out"
    code, text, _ = ds2np("export", finished, out)
    assert code == 0
    assert text == f"{out / 'best.npz'}: {(out / 'best.npz').stat().st_size / 1e6:.1f} MB\n"
    assert not RunFolder(out).decoder.exists()
    before, after = load_run(finished), load_run(out)
    for name, value in before.state_dict().items():
        np.testing.assert_array_equal(after.state_dict()[name], value)
    code, _, err = ds2np("export", finished, out)
    assert (code, "holds a run already; name another folder" in err) == (2, True)


def test_half_precision_has_half_the_size(tmp_path):
    model = DeepSpeech2(preset("tiny-stream"))
    save_checkpoint(tmp_path / "whole.npz", model, {})
    save_checkpoint(tmp_path / "half.npz", model, {}, half=True)
    whole, half = ((tmp_path / name).stat().st_size for name in ("whole.npz", "half.npz"))
    assert half <= 0.51 * whole
    loaded = load_checkpoint(tmp_path / "half.npz")[0]
    for name, value in model.state_dict().items():
        got = loaded.state_dict()[name]
        assert got.dtype == np.float32
        rounded = value.astype(np.float16).astype(np.float32) if value.ndim > 1 else value
        np.testing.assert_array_equal(got, rounded)
    assert np.abs(model.params["gru1.U"]).max() > 0  # not changed by saving
    assert not np.array_equal(model.params["gru1.U"], loaded.params["gru1.U"])


def test_it_is_evaluated_like_the_whole_network(trained, finished, tmp_path, ds2np):
    assert ds2np("export", finished, "--half", tmp_path / "half")[0] == 0
    recogniser, dataset = trained
    half = evaluate(Recogniser.load(tmp_path / "half", "cpu"), dataset)
    assert half.loss == pytest.approx(evaluate(recogniser, dataset).loss, rel=0.01)


def test_the_decoder_goes_with_it(finished, tmp_path, ds2np):
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    (tuned / "best.npz").write_bytes(RunFolder(finished).best.read_bytes())
    settings = DecoderSettings("beam", beam=7)
    settings.write(RunFolder(tuned).decoder)
    assert ds2np("export", tuned, tmp_path / "out")[0] == 0
    assert DecoderSettings.read(RunFolder(tmp_path / "out").decoder) == settings


def test_weights_that_do_not_fit(tmp_path):
    model = DeepSpeech2(preset("tiny-stream"))
    model.params["gru1.U"][0, 0, 0] = 1e5
    with pytest.raises(UserError, match=r"gru1\.U holds a weight of size 100000"):
        save_checkpoint(tmp_path / "half.npz", model, {}, half=True)
    assert not (tmp_path / "half.npz").exists()
