"""From a corpus in AISHELL's layout to transcripts, by the commands that the documents name."""

import json
import shutil

import aishell
import pytest
from helpers import toys
from helpers.shared import SHARED

from ds2np.data.manifest import read_manifest

WRITTEN = str.maketrans("abc", "天地人", " ")
REAL = SHARED / "data" / "aishell"


def lay_out(root, parts):
    """Write recordings and the transcript, words apart: {part: [(recording, text), ...]}."""
    lines = []
    for part, recordings in parts.items():
        folder = root / "wav" / part / f"S{part}"
        folder.mkdir(parents=True)
        for number, (recording, text) in enumerate(recordings):
            shutil.copy(recording, folder / f"{part}{number}.wav")
            words = [text[i : i + 2] for i in range(0, len(text), 2)]
            lines.append(f"{part}{number} {' '.join(words)}\n")
    (root / aishell.TRANSCRIPT).parent.mkdir()
    (root / aishell.TRANSCRIPT).write_text("".join(lines), encoding="utf-8")
    return root


@pytest.mark.usefixtures("toy_preset")
def test_every_command_in_turn(tmp_path, run_script, ds2np, no_report):
    utterances = read_manifest(toys.make_corpus(tmp_path / "tones"))
    recordings = [(u.audio_filepath, u.text.translate(WRITTEN)) for u in utterances]
    root = lay_out(
        tmp_path / "data_aishell",
        {"train": recordings, "dev": recordings[:4], "test": recordings[4:8]},
    )
    code, out, err = run_script(aishell, "--root", root)
    assert (code, err) == (0, "")
    train, dev, test = (root / f"{part}.jsonl" for part in ("train", "dev", "test"))
    alphabet, lm, run = root / "characters.txt", root / "zh.lm", root / "run"

    def command(name, *arguments):
        code, out, err = ds2np(name, *arguments)
        assert code == 0, err
        return out

    told = command("data", train, dev, test, "--alphabet", "--most", 6000, "--out", alphabet)
    assert told == f"{alphabet}: 3 symbols\n"
    command("data", train, dev, test, "--preset", "toy", "--characters-file", alphabet, "--json")
    command("lm", train, "--characters", "--order", 5, "--out", lm)
    common = "--preset", "toy", "--time-strides", 2, "--batch-size", 4, "--learning-rate", 5e-3
    sets = "--train", train, "--dev", dev, "--out", run
    out = command("train", *sets, "--alphabet", alphabet, *common, "--epochs", 12)
    assert "wrong utterances" in out
    before = json.loads(command("evaluate", run, test, "--json"))
    command("tune", run, dev, "--lm", lm, "--alphas", 0, 1, "--betas", 0, 2)
    after = json.loads(command("evaluate", run, test, "--json"))
    assert after["cer"] <= before["cer"] < 0.5
    assert after["unit"] == "character"
    recording = read_manifest(test)[0].audio_filepath
    heard = json.loads(command("transcribe", run, recording, "--json"))
    assert [word["text"] for word in heard["words"]] == list(heard["text"]) != []


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real recordings in {REAL}; set DS2NP_SHARED")
def test_real_recordings(tmp_path, run_script, ds2np, no_report):
    rows = (REAL / "transcripts.tsv").read_text(encoding="utf-8").splitlines()[1:]
    recordings = [(REAL / name, text) for name, text in (row.split("\t") for row in rows)]
    parts = {"train": recordings, "dev": recordings[:1], "test": recordings[1:]}
    root = lay_out(tmp_path / "data_aishell", parts)
    assert run_script(aishell, "--root", root)[0] == 0
    train, test, alphabet = root / "train.jsonl", root / "test.jsonl", root / "characters.txt"
    assert ds2np("data", train, "--alphabet", "--out", alphabet)[0] == 0
    assert ds2np("data", train, "--characters-file", alphabet, "--listen")[0] == 0
    options = "--alphabet", alphabet, "--time-strides", 2, 2, "--epochs", 1, "--out", root / "run"
    assert ds2np("train", "--train", train, "--dev", test, *options)[0] == 0
    code, out, _ = ds2np("evaluate", root / "run", test)
    assert code == 0
    assert out.startswith("1 utterances: CER ")
