"""A new layer, alphabet, decoder or command is a file of its own and an entry in one list.

Each test adds a toy one, to that list and nowhere else, and uses it from end to end.
"""

import dataclasses
import sys
import types

import numpy as np
import pytest
from helpers import toys

from ds2np import cli, decode, text
from ds2np.decode import GreedyDecoder
from ds2np.gradcheck import cases, check_layer
from ds2np.gradcheck.report import check_everything
from ds2np.layers import Layer, Sequential
from ds2np.layers.padding import check_batch, zero_padding
from ds2np.recogniser import Recogniser
from ds2np.text import Alphabet
from ds2np.train.run import train


class Scale(Layer):
    """Multiply each feature by a weight."""

    def __init__(self, H, rng, dtype=np.float32):
        super().__init__()
        self.add_param("w", (1 + 0.1 * rng.standard_normal(H)).astype(dtype))

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", "T", len(self.params["w"])), self.params["w"].dtype)
        self._cache = zero_padding(x, lengths), lengths
        return self._cache[0] * self.params["w"]

    def backward(self, dout):
        x, lengths = self.take_cache(dout)
        dout = zero_padding(dout, lengths)
        self.grads["w"] += (dout * x).sum(axis=(0, 1))
        return dout * self.params["w"]


def test_a_layer(monkeypatch, capsys, rng):
    case = cases.Case("Scale", Scale, (3, 6, 4), (4,))
    monkeypatch.setattr("ds2np.gradcheck.report.CASES", [case])
    monkeypatch.setattr("ds2np.gradcheck.report._check_networks", lambda rng: [])  # takes seconds
    assert check_everything() == 0
    assert "ok    Scale" in capsys.readouterr().out
    stack = Sequential({"a": case.layer(), "b": case.layer()})
    assert all(c.ok for c in check_layer(stack, case.x(rng), cases.LENGTHS))


class Pairs(Alphabet):
    """Words cut in twos from the left; the last character alone where the word is odd."""

    def cut(self, text):
        words = ([w[i : i + 2] for i in range(0, len(w), 2)] for w in text.split(" "))
        return [symbol for word in words for symbol in (" ", *word)][1:]


@pytest.mark.usefixtures("no_report")
def test_an_alphabet(monkeypatch, utterances, tmp_path):
    monkeypatch.setitem(text.ALPHABETS, "pairs", Pairs)
    letters = "abc"
    symbols = (" ", *letters, *(a + b for a in letters for b in letters))
    config = dataclasses.replace(toys.MODEL, characters=symbols, units="pairs")
    alphabet = config.alphabet()
    labels = alphabet.encode("abc ab")
    assert [symbols[i - 1] for i in labels] == ["ab", "c", " ", "ab"]
    assert alphabet.decode(labels) == "abc ab"
    training = dataclasses.replace(toys.TRAINING, epochs=30, learning_rate=2e-2, anneal=1.05)
    evaluation = train(config, training, utterances, utterances[:6], tmp_path / "run")
    assert evaluation.cer < 0.5  # it writes pairs by now
    recogniser = Recogniser.load(tmp_path / "run", "cpu")
    assert recogniser.config == config
    transcript = recogniser.transcribe(utterances[0].audio_filepath)
    assert transcript.text == evaluation.hyps[0] == " ".join(w.text for w in transcript.words)


class Shout(GreedyDecoder):
    """Greedy decoding in capital letters."""

    def decode(self, log_probs, lengths):
        return [
            [dataclasses.replace(best, text=best.text.upper())]
            for (best,) in super().decode(log_probs, lengths)
        ]


def test_a_decoder(monkeypatch, ds2np, finished, utterances):
    monkeypatch.setitem(decode.DECODERS, "shout", Shout)
    path = utterances[1].audio_filepath
    usual, loud = (
        ds2np("transcribe", finished, path, "--decoder", name)[1] for name in ("greedy", "shout")
    )
    assert loud == usual.upper() != usual
    manifest = path.parent / "tones.jsonl"
    code, out, _ = ds2np("evaluate", finished, manifest, "--decoder", "shout")
    assert (code, out.count("WER 100.0 %")) == (0, 1)


def test_a_command(monkeypatch, ds2np):
    module = types.ModuleType("ds2np.commands.count", "Count to a number.")
    module.add_options = lambda parser: parser.add_argument("number", type=int)
    module.run = lambda args: print(*range(1, args.number + 1))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, "count"))
    assert ds2np("count", 3) == (0, "1 2 3\n", "")
    assert "count to a number" in ds2np("--help")[1]
