"""Transcripts that a command cannot use, or should not use silently, of Mandarin above all."""

import dataclasses
import json

import pytest
from helpers import toys

from ds2np import model
from ds2np.data.manifest import read_manifest, write_manifest
from ds2np.lm import NGram
from ds2np.text.alphabet_file import format_alphabet, read_alphabet

WRITTEN = str.maketrans("abc", "们用写", " ")
WIDE_A, COMPATIBLE, ACUTE = "\uff41", "\uf9d1", "\u0301"
MANDARIN = dataclasses.replace(toys.MODEL, characters="们用写六")


@pytest.fixture(autouse=True)
def presets(monkeypatch):
    monkeypatch.setitem(model.PRESETS, "toy", toys.MODEL)
    monkeypatch.setitem(model.PRESETS, "toy-zh", MANDARIN)


@pytest.fixture
def manifest(tmp_path):
    """The toy's recordings with Chinese transcripts; some lines may get other ones."""
    source = toys.make_corpus(tmp_path / "corpus")

    def write(changes=()):
        utterances = [
            dataclasses.replace(utterance, text=dict(changes).get(number, utterance.text))
            for number, utterance in enumerate(read_manifest(source), start=1)
        ]
        path = tmp_path / "corpus" / "zh.jsonl"
        write_manifest(
            path, (dataclasses.replace(u, text=u.text.translate(WRITTEN)) for u in utterances)
        )
        return path

    return write


@pytest.fixture
def data(ds2np):
    def run(path, *options, preset="toy-zh"):
        code, out, err = ds2np("data", path, "--preset", preset, *options)
        return code, out.replace(str(path), "M"), err.replace(str(path), "M")

    return run


def spaced(text):
    """Keep the spaces of a text through the translation of the fixture."""
    return text.replace(" ", "\u3000")


def test_a_good_manifest_has_no_faults_and_no_warnings(data, manifest):
    code, out, err = data(manifest())
    assert (code, err) == (0, "")
    assert "warning" not in out
    assert "\nwords" not in out
    assert "\ncharacters  30 (3 distinct)\n" in out


def test_unknown_characters_are_named_by_what_they_are(data, manifest):
    code, out, _ = data(manifest({2: WIDE_A, 3: f"用{ACUTE}", 4: COMPATIBLE, 5: "学"}))
    assert code == 1
    start = "unknown characters:"
    assert f"M:2: {start} {WIDE_A!r} (FULLWIDTH LATIN SMALL LETTER A, U+FF41, ordinary form" in out
    assert f"M:3: {start} COMBINING ACUTE ACCENT (U+0301) in '用{ACUTE}' not in the alphabet" in out
    assert f"M:5: {start} '学' in '学' not in the alphabet '们用写六'" in out
    assert "faulty: 3 of 10 lines" in out
    assert "warning: characters that Unicode's composed form (NFC) replaces, 1 of them" in out
    assert "U+F9D1) in M:4, is read as '六' (U+516D)\n" in out


def test_thousands_of_symbols_are_not_listed(data, manifest, tmp_path):
    path = tmp_path / "alphabet.txt"
    path.write_text(format_alphabet(map(chr, range(0x4E00, 0x5E00))), encoding="utf-8")
    _, out, _ = data(manifest({1: "x"}), "--characters-file", path)
    (line,) = (line for line in out.splitlines() if line.startswith("M:1: "))
    assert line.endswith(
        "not in the alphabet of 4,096 symbols ('一' '丁' '丂' '七' '丄' '丅' '丆' '万' ...)"
    )


def test_kinds_of_characters_that_a_network_can_write_are_warnings(data, manifest):
    path = manifest({3: "們", 4: f"写{WIDE_A}"})
    code, out, _ = data(path, "--characters", f"们用写們{WIDE_A}")
    assert code == 0
    texts = "".join(utterance.text for utterance in read_manifest(path))
    simplified = texts.count("们") + texts.count("写")
    kinds = "1 that only traditional text has, the first '們' in M:3, and "
    kinds += f"{simplified} that only simplified text has, the first '们' in M:1; "
    assert f"warning: traditional beside simplified characters: {kinds}" in out
    assert "warning: full-width or half-width characters, 1 of them, the first" in out
    warnings = json.loads(data(path, "--characters", f"们用写們{WIDE_A}", "--json")[1])["warnings"]
    assert len(warnings) == 2


def test_spaces_are_a_fault_that_fix_mends_if_the_alphabet_has_none(data, manifest, tmp_path):
    clean = tmp_path / "corpus" / "clean.jsonl"
    path = manifest({2: spaced("写 用们"), 5: spaced("写a b"), 6: f"写{ACUTE}"})
    code, out, _ = data(path, "--fix", clean)
    assert code == 1
    assert (
        "M:2: spaces beside Chinese characters: ' ' in '写\\u3000用们' not in the alphabet" in out
    )
    assert "  spaces beside Chinese characters taken out (2): lines 2, 5\n" in out
    assert f"{clean}: 9 of 10 lines\n" in out
    assert [u.text for u in read_manifest(clean)[1:5:3]] == ["写用们", "写们用"]
    assert data(clean)[0] == 0


def test_spaces_are_a_warning_if_the_alphabet_has_one(data, manifest, tmp_path):
    clean = tmp_path / "corpus" / "clean.jsonl"
    path = manifest({2: spaced("写 用们"), 3: spaced("用 x y")})
    code, out, _ = data(path, "--characters", " 们用写xy", "--fix", clean)
    assert code == 0
    assert "warning: spaces beside Chinese characters, in 2 of 10 texts, the first '写 用们'" in out
    assert " in M:2, which nobody speaks: `data --fix` takes them out" in out
    assert [u.text for u in read_manifest(clean)[1:3]] == ["写用们", "用x y"]


def test_an_alphabet_does_without_spaces_beside_chinese_characters(data, manifest, tmp_path):
    path, out = manifest({2: spaced("写 用们")}), tmp_path / "alphabet.txt"
    code, _, err = data(path, "--alphabet", "--out", out)
    assert code == 0
    assert read_alphabet(out) == ("们写用", "characters")
    assert (
        "in 1 of 10 texts, the first '写 用们' in M:2, which nobody speaks: the alphabet does"
        in err
    )
    data(manifest({2: spaced("x y")}), "--alphabet", "--out", out)
    assert read_alphabet(out)[0] == " xy们写用"


@pytest.mark.parametrize("units", [(), ("--bigrams",)])
def test_an_alphabet_has_no_marks_alone(data, manifest, units):
    path = manifest({3: f"x{ACUTE}y", 7: f"q{ACUTE}"})
    code, out, err = data(path, "--alphabet", *units)
    assert (code, out) == (2, "")
    assert err == (
        f"error: M:3: COMBINING ACUTE ACCENT (U+0301) in 'x{ACUTE}y' composes with no letter to "
        "one character, as in 1 other lines; rewrite it, or give all symbols by --characters\n"
    )
    assert data(manifest({3: f"e{ACUTE}"}), "--alphabet")[1] == "é们写用\n"


def test_symbols_that_are_read_as_others_are_refused(data, manifest):
    code, _, err = data(manifest(), "--characters", f"们{COMPATIBLE}")
    assert code == 2
    assert err.startswith(f"error: --characters: {COMPATIBLE!r} (CJK COMPATIBILITY IDEOGRAPH-F9D1")


# Networks


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a network that writes Chinese characters."""
    from ds2np.train.run import train

    folder = tmp_path_factory.mktemp("zh")
    utterances = [
        dataclasses.replace(u, text=u.text.translate(WRITTEN))
        for u in read_manifest(toys.make_corpus(folder / "corpus"))
    ]
    train(MANDARIN, toys.TRAINING, utterances, utterances[:4], folder / "run")
    return folder / "run"


def network(ds2np, command, run, path, *options):
    return ds2np(command, run, path, *options, "--device", "cpu")


@pytest.mark.parametrize("command", ["evaluate", "tune"])
def test_transcripts_of_another_alphabet(ds2np, run, tmp_path, command):
    lm = tmp_path / "zh.lm"
    NGram.train(["们用写"], 2, units="characters", log=None).save(lm)
    path = toys.make_corpus(tmp_path / "corpus")
    code, _, err = network(ds2np, command, run, path, "--lm", lm)
    assert code == 2
    assert err == (
        f"error: {path}:1: 'a' 'b' 'c' in 'abc' not in the alphabet '们用写六', as in 10 of 10 "
        "transcripts; spell it out or leave these lines out, or train with an alphabet that has "
        "it, which `data --alphabet` finds\n"
    )


def test_a_few_transcripts_with_spaces(ds2np, run, manifest):
    code, _, err = network(ds2np, "evaluate", run, manifest({4: spaced("写 写")}))
    assert code == 2
    assert err.endswith(
        "in 1 of 10 transcripts; `data --fix` takes out spaces beside Chinese characters\n"
    )


def test_what_is_read_as_something_else_is_told(ds2np, run, manifest, tmp_path, no_report):
    path = manifest({4: COMPATIBLE})
    told = f"U+F9D1) in {path}:4, is read as '六' (U+516D)\n"
    code, _, err = network(ds2np, "evaluate", run, path)
    assert code == 0
    assert err.count("warning: ") == err.count(told) == 1
    options = "--preset", "toy-zh", "--out", tmp_path / "run", "--epochs", 1
    code, _, err = ds2np("train", "--train", path, "--dev", path, *options)
    assert code == 0
    assert err.count(told) == 2  # in the training set and in the validation set


def test_training_goes_on_with_the_same_alphabet_only(ds2np, manifest, tmp_path, no_report):
    path, folder = manifest(), tmp_path / "run"
    common = "train", "--train", path, "--dev", path, "--out", folder, "--epochs", 1
    assert ds2np(*common, "--preset", "toy-zh")[0] == 0
    code, _, err = ds2np(*common, "--preset", "toy", "--resume")
    assert code == 2
    assert err == (
        f"error: {folder} cannot be resumed with another alphabet: the one given lacks '们' '六' "
        "'写' '用' and has ' ' 'a' 'b' 'c'; give the same --alphabet or --characters as before\n"
    )
    code, _, err = ds2np(*common, "--preset", "toy-zh", "--characters", "六们写用", "--resume")
    assert (code, "the one given has its symbols in another order" in err) == (2, True)
    before = "train", "--train", path, "--dev", path, "--out", tmp_path / "second"
    code, _, err = ds2np(*before, "--init", folder, "--characters", "ab")
    assert code == 2
    assert err.startswith(f"error: {path}:1: '们' '写' '用' in '们用写' not in the alphabet 'ab'")


# Language models


def test_texts_of_language_models(ds2np, tmp_path):
    path, out = tmp_path / "text.txt", tmp_path / "model.lm"
    lines = ["我们去", f"我{WIDE_A}", "我 們 去", f"x{ACUTE}"]
    path.write_text("\n".join(lines), encoding="utf-8")
    for options in (("--out", out, "--order", 2, "--characters"), ("--perplexity", out)):
        code, _, err = ds2np("lm", path, *options)
        assert code == 0
        assert f"ordinary form 'a') in {path}, line 2: " in err
        assert f"'們' in {path}, line 3, and 1 that only simplified text has, the first '们'" in err
        assert f"COMBINING ACUTE ACCENT (U+0301) in {path}, line 4: " in err
        assert (
            f"in 1 of 4 texts, the first '我 們 去' in {path}, line 3, which nobody speaks" in err
        )
        assert err.count("warning: ") == 4


def test_sentences_as_words_are_told(ds2np, tmp_path):
    path, out = tmp_path / "text.txt", tmp_path / "model.lm"
    path.write_text("我们今天去学校\n他们明天用电脑写信\n", encoding="utf-8")
    told = "warning: the words have 8 characters on average, such as '我们今天去学校'"
    assert told in ds2np("lm", path, "--order", 1, "--out", out)[2]
    assert "warning" not in ds2np("lm", path, "--order", 1, "--out", out, "--characters")[2]


def test_a_language_model_of_text_with_spaces(ds2np, run, manifest, tmp_path):
    lm, path = tmp_path / "zh.lm", manifest()
    NGram.train(["们 用 写", "用 们"], 2, units="characters", log=None).save(lm)
    code, _, err = network(ds2np, "evaluate", run, path, "--lm", lm)
    assert code == 0
    assert (
        f"warning: the language model {lm} has read 19 % spaces, but the alphabet has none" in err
    )
    assert "never recognised" not in err
    NGram.train(["们用写", "用们"], 2, units="characters", log=None).save(lm)
    assert "warning" not in network(ds2np, "evaluate", run, path, "--lm", lm)[2]
