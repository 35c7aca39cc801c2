"""`align`: from recordings and texts to a corpus."""

import csv

import numpy as np
import pytest
import soundfile
from helpers import toys
from helpers.readings import draw_text, read_aloud

from ds2np.align import outputs
from ds2np.align.formats import read_alignment
from ds2np.data.manifest import read_manifest


@pytest.fixture
def reading(tmp_path):
    """A recording of 40 sentences, and its text."""
    rng = np.random.default_rng(1)
    sentences = draw_text(rng, 40)
    bounds = read_aloud(tmp_path / "book.wav", rng, sentences)
    (tmp_path / "book.txt").write_text("\n".join(sentences) + "\n")
    return sentences, bounds


@pytest.fixture
def align(ds2np, reader, tmp_path):
    def run(*words, expect=0):
        code, out, err = ds2np(
            "align", reader, *words, "--out", tmp_path / "out", "--device", "cpu"
        )
        assert code == expect, err
        return out, err

    return run


def rows(folder):
    with open(folder / "left_out.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, dialect="excel-tab"))


def errors_of(alignment, bounds):
    times = np.array([(s.start, s.end) for s in alignment.sentences], float)
    return np.abs(times - bounds)


def test_a_text_and_its_recording(align, reading, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "PIECE_SECONDS", 5)
    sentences, bounds = reading
    out, _ = align(tmp_path / "book.wav", tmp_path / "book.txt", "--seconds", "0.2", "3")
    alignment = read_alignment(tmp_path / "out" / "book.json")
    assert [s.text for s in alignment.sentences] == sentences
    assert np.median(errors_of(alignment, bounds)) < 0.04
    assert (errors_of(alignment, bounds) < 0.2).mean() > 0.95
    assert "words read" in out.splitlines()[0]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    results = {f"book.{end}" for end in ("json", "ctm", "srt", "vtt", "TextGrid", "html")}
    assert names == results | {"utterances.jsonl", "left_out.tsv", "book.changes.tsv"}
    utterances = read_manifest(tmp_path / "out" / "utterances.jsonl")
    assert " ".join(u.text for u in utterances).split() == " ".join(sentences).split()
    assert all(0.2 <= u.duration <= 3 for u in utterances)
    assert [row["reason"] for row in rows(tmp_path / "out")] == ["pause"] * len(
        rows(tmp_path / "out")
    )


def test_the_cuts_can_be_trained_on(align, reading, ds2np, reader, tmp_path):
    align(tmp_path / "book.wav", tmp_path / "book.txt", "--seconds", "0.2", "3")
    code, out, err = ds2np(
        "evaluate", reader, tmp_path / "out" / "utterances.jsonl", "--device", "cpu"
    )
    assert code == 0, err
    assert float(out.split("CER")[1].split("%")[0]) < 15


def test_planted_faults_are_marked(align, tmp_path):
    rng = np.random.default_rng(2)
    sentences = draw_text(rng, 50)
    spoken, text = list(sentences), list(sentences)
    spoken[25:25] = [6.0]  # seconds of hum
    removed, foreign = sentences[10], "caac bcb ba acb"
    text.remove(removed)
    text.insert(35, foreign)
    bounds = read_aloud(tmp_path / "a.wav", rng, spoken)
    (tmp_path / "a.txt").write_text("\n".join(text) + "\n")
    out, _ = align(tmp_path / "a.wav", tmp_path / "a.txt", "--seconds", "0.2", "4")
    alignment = read_alignment(tmp_path / "out" / "a.json")
    sentence = next(s for s in alignment.sentences if s.text == foreign)
    assert sentence.start is None
    for start, end in (bounds[10], bounds[25]):
        covered = sum(max(0, min(b, end) - max(a, start)) for a, b in alignment.foreign)
        assert covered > 0.8 * (end - start)
    found = rows(tmp_path / "out")
    assert [row["text"] for row in found if row["reason"] == "not read"] == [foreign]
    assert sum(row["reason"] == "no text" for row in found) >= 2
    assert "2 sounds without text" in out
    texts = " ".join(u.text for u in read_manifest(tmp_path / "out" / "utterances.jsonl"))
    assert foreign not in texts


def make_pairs(folder, counts=(6, 7, 8)):
    rng = np.random.default_rng(3)
    (folder / "sub").mkdir(parents=True)
    for i, count in enumerate(counts):
        stem = folder / ("sub" if i else "") / f"{i}"
        sentences = draw_text(rng, count)
        read_aloud(stem.with_suffix(".wav"), rng, sentences)
        stem.with_suffix(".txt").write_text("\n".join(sentences))
    return folder


def test_folders_give_the_same_with_several_processes(align, tmp_path):
    folder, out = make_pairs(tmp_path / "in"), tmp_path / "out"
    align(folder, folder, "--seconds", "0.2", "3")
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert {"0.json", "sub-1.json", "sub-2.json"} <= set(first)
    assert len({u.audio_filepath for u in read_manifest(out / "utterances.jsonl")}) == 3
    align(folder, folder, "--seconds", "0.2", "3", "--processes", "2")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


def test_one_text_of_several_recordings(align, tmp_path):
    rng, folder = np.random.default_rng(4), tmp_path / "book"
    folder.mkdir()
    sentences = draw_text(rng, 30)
    bounds = [
        read_aloud(folder / f"{i}.wav", rng, sentences[10 * i : 10 * i + 10]) for i in range(3)
    ]
    (tmp_path / "book.txt").write_text("\n".join(sentences))
    align(folder, tmp_path / "book.txt", "--seconds", "0.2", "3")
    for i in range(3):
        alignment = read_alignment(tmp_path / "out" / f"{i}.json")
        assert [s.text for s in alignment.sentences] == sentences[10 * i : 10 * i + 10]
        assert (errors_of(alignment, bounds[i]) < 0.2).mean() > 0.9


def test_after_an_interruption_it_goes_on(align, reading, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "PIECE_SECONDS", 4)
    monkeypatch.setattr(outputs, "AT_ONCE", 1)
    run, calls = outputs._run, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return run(*arguments)

    monkeypatch.setattr(outputs, "_run", interrupted)
    align(tmp_path / "book.wav", tmp_path / "book.txt", expect=130)
    assert (tmp_path / "out" / "work" / "book.outputs").exists()
    before = len(calls)
    align(tmp_path / "book.wav", tmp_path / "book.txt")
    seconds = soundfile.info(tmp_path / "book.wav").duration
    assert len(calls) - before == -(-seconds // 4) - 4
    assert not (tmp_path / "out" / "work").exists()


def test_utterances_in_files_of_their_own(align, reading, tmp_path):
    align(tmp_path / "book.wav", tmp_path / "book.txt", "--seconds", "0.2", "3", "--flac")
    utterances = read_manifest(tmp_path / "out" / "utterances.jsonl")
    for number, each in enumerate(utterances):
        assert each.audio_filepath == tmp_path / "out" / "flac" / f"{number:06d}_book.flac"
        assert each.offset is None
        info = soundfile.info(each.audio_filepath)
        assert (info.samplerate, info.format) == (toys.RATE, "FLAC")
        assert info.duration == pytest.approx(each.duration, abs=0.001)


def test_wrong_sentences_are_left_out_by_the_classifier_unless_all_are_kept(align, tmp_path):
    rng = np.random.default_rng(5)
    sentences = draw_text(rng, 60)
    read_aloud(tmp_path / "a.wav", rng, sentences)
    text = list(sentences)
    text[30] = "bb ca ccb"  # something else than what is said there
    (tmp_path / "a.txt").write_text("\n".join(text))
    options = ["--verbatim", "--seconds", "0.2", "2.2"]
    align(tmp_path / "a.wav", tmp_path / "a.txt", *options)
    wrong = [row for row in rows(tmp_path / "out") if row["reason"] == "probably wrong"]
    assert any(text[30] in row["text"] for row in wrong)
    assert all(float(row["probability"]) > 0 for row in wrong)
    assert len(wrong) <= 6
    align(tmp_path / "a.wav", tmp_path / "a.txt", *options, "--keep-all")
    assert "probably wrong" not in {row["reason"] for row in rows(tmp_path / "out")}
    utterances = read_manifest(tmp_path / "out" / "utterances.jsonl")
    assert max(utterances, key=lambda u: u.extra["wrong"]).text.find(text[30]) >= 0


def test_few_utterances_are_not_judged(align, tmp_path):
    rng = np.random.default_rng(6)
    read_aloud(tmp_path / "a.wav", rng, ["abc ab", "c ba"])
    (tmp_path / "a.txt").write_text("Abc, ab!\nC (ba).")
    out, _ = align(tmp_path / "a.wav", tmp_path / "a.txt", "--seconds", "0.2", "1.3")
    assert "too few utterances to learn from which ones are wrong" in out
    utterances = read_manifest(tmp_path / "out" / "utterances.jsonl")
    assert [u.text for u in utterances] == ["abc ab", "c ba"]
    assert [u.extra["written"] for u in utterances] == ["Abc, ab!", "C (ba)."]


def test_a_recording_that_ends_in_mid_sentence(align, reading, tmp_path):
    sentences, bounds = reading
    samples, rate = soundfile.read(tmp_path / "book.wav")
    end = bounds[20].mean()
    soundfile.write(tmp_path / "half.wav", samples[: round(end * rate)], rate)
    align(tmp_path / "half.wav", tmp_path / "book.txt", "--seconds", "0.2", "3")
    texts = " ".join(u.text for u in read_manifest(tmp_path / "out" / "utterances.jsonl"))
    said = " ".join(sentences[:20])
    assert said.startswith(texts)  # nothing of the sentence that is cut
    assert len(texts) > 0.7 * len(said)


def test_sound_without_speech_and_the_text_of_something_else(align, reading, tmp_path):
    soundfile.write(tmp_path / "quiet.wav", np.zeros(40 * toys.RATE), toys.RATE)
    _, err = align(tmp_path / "quiet.wav", tmp_path / "book.txt", expect=2)
    assert "silent" in err
    assert err.splitlines()[-1].startswith("error: no utterance was cut out")
    rng = np.random.default_rng(7)
    read_aloud(tmp_path / "other.wav", rng, draw_text(rng, 20))
    _, err = align(tmp_path / "other.wav", tmp_path / "book.txt", expect=2)
    assert "words were found in" in err
    assert "is it the text of this recording" in err


def test_two_channels_with_a_speaker_each(align, reading, tmp_path):
    rng = np.random.default_rng(8)
    one, rate = soundfile.read(tmp_path / "book.wav")
    read_aloud(tmp_path / "b.wav", rng, draw_text(rng, 40))
    two, _ = soundfile.read(tmp_path / "b.wav")
    count = min(len(one), len(two))
    soundfile.write(tmp_path / "both.wav", np.stack([one[:count], two[:count]], axis=1), rate)
    _, err = align(tmp_path / "both.wav", tmp_path / "book.txt", expect=2)
    assert "both.wav has 2 channels of different sound, perhaps a speaker each" in err
    assert err.splitlines()[-1].startswith("error: no utterance was cut out")
    _, err = align(tmp_path / "both.wav", tmp_path / "book.txt", "--channel", "0")
    assert "channels" not in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no word"),
        ("Добрый день, как дела?", "words"),
        ("abc " * 500, "which take"),
    ],
)
def test_texts_that_cannot_be(align, tmp_path, text, said):
    read_aloud(tmp_path / "a.wav", np.random.default_rng(0), ["abc ab"])
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    _, err = align(tmp_path / "a.wav", tmp_path / "a.txt", expect=2)
    assert err.splitlines()[-1].startswith("error: ")
    assert said in err


def test_arguments_that_do_not_fit(align, reading, tmp_path):
    recording, text = tmp_path / "book.wav", tmp_path / "book.txt"
    cases = [
        ((tmp_path / "none.wav", text), "none.wav does not exist"),
        ((recording, tmp_path), "is a folder, but"),
        ((tmp_path, tmp_path / "none"), "none does not exist"),
        ((recording, text, "--seconds", "5", "2"), "expected the shorter length first"),
        ((recording, text, "--channel", "3"), "not channel 3"),
        ((recording, text, "--language", "xx"), "xx"),
    ]
    for words, said in cases:
        _, err = align(*words, expect=2)
        assert said in err
    (tmp_path / "alone").mkdir()
    _, err = align(tmp_path / "alone", tmp_path / "alone", expect=2)
    assert "alone is a folder without recordings" in err
    folder = make_pairs(tmp_path / "in")
    (folder / "0.txt").unlink()
    _, err = align(folder, folder, expect=2)
    assert "0.wav has no text: expected" in err
    (folder / "0.wav").rename(tmp_path / "0.wav")
    (folder / "9.txt").write_text("abc")
    _, err = align(folder, folder, expect=2)
    assert "9.txt has no recording of that name" in err
