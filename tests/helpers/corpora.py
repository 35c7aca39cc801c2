"""A tiny corpus in the form that each data script indexes: four recordings of two speakers."""

from collections import namedtuple

# `speakers` are the folders of recordings, `texts` the files with transcripts; `lines` are text and
# speaker of the utterances in `manifest`.
Corpus = namedtuple("Corpus", "script root speakers recordings texts manifest lines")


def _corpus(script, root, recordings, texts, manifest, lines, record, suffix=".wav"):
    recordings = [root / f"{name}{suffix}" for name in recordings]
    for path in recordings:
        record(path)
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    speakers = sorted({path.parent for path in recordings})
    texts = [root / name for name in texts]
    return Corpus(script, root, speakers, recordings, texts, manifest, lines)


def librispeech(root, record):
    return _corpus(
        "librispeech",
        root,
        ["dev/1/2/1-2-0", "dev/1/2/1-2-1", "dev/3/4/3-4-0", "dev/3/4/3-4-1"],
        {
            "dev/1/2/1-2.trans.txt": "1-2-0 ONE\n1-2-1 TWO\n",
            "dev/3/4/3-4.trans.txt": "3-4-0 THREE\n3-4-1 FOUR\n",
        },
        "dev.jsonl",
        [("one", "1"), ("two", "1"), ("three", "3"), ("four", "3")],
        record,
        ".flac",
    )


def an4(root, record):
    return _corpus(
        "an4",
        root,
        ["wav/a/n1-ann-b", "wav/a/n2-ann-b", "wav/b/n3-bob-b", "wav/b/n4-bob-b", "wav/c/n5-cat-b"],
        {
            "etc/an4_train.transcription": "<s> ONE </s> (n1-ann-b)\n<s> TWO </s> (n2-ann-b)\n"
            "<s> THREE </s> (n3-bob-b)\n<s> FOUR </s> (n4-bob-b)\n",
            "etc/an4_test.transcription": "FIVE (n5-cat-b)\n",
        },
        "train.jsonl",
        [("one", "ann"), ("two", "ann"), ("three", "bob"), ("four", "bob")],
        record,
    )


def fsdd(root, record):
    return _corpus(
        "fsdd",
        root,
        ["ann/1_ann_5", "ann/2_ann_5", "bob/3_bob_5", "bob/4_bob_5", "test/0_cat_0"],
        {},
        "train.jsonl",
        [("one", "ann"), ("two", "ann"), ("three", "bob"), ("four", "bob")],
        record,
    )


def aishell(root, record):
    return _corpus(
        "aishell",
        root,
        [
            *("wav/train/S1/N1", "wav/train/S1/N2", "wav/train/S2/N3", "wav/train/S2/N4"),
            *("wav/dev/S3/N5", "wav/test/S4/N6"),
        ],
        {
            "transcript/aishell_transcript_v0.8.txt": "N1 one\nN2 t wo\nN3 three\nN4 four\n"
            "N5 five\nN6 six\n"
        },
        "train.jsonl",
        [("one", "S1"), ("two", "S1"), ("three", "S2"), ("four", "S2")],
        record,
    )


def common_voice(root, record):
    header = "client_id\tpath\tsentence\tup_votes\n"
    rows = [("ann", "a1", "one"), ("ann", "a2", "two"), ("bob", "b1", "three"), ("bob", "b2", "4")]
    return _corpus(
        "common_voice",
        root,
        ["clips/a/a1", "clips/a/a2", "clips/b/b1", "clips/b/b2"],
        {
            "train.tsv": header
            + "".join(f"{who}\t{p[0]}/{p}.mp3\t{text}\t2\n" for who, p, text in rows)
        },
        "train.jsonl",
        [(text, who) for who, _, text in rows],
        record,
    )


def deepspeech_csv(root, record):
    rows = [("ann/1", "one"), ("ann/2", "two"), ("bob/1", "three"), ("bob/2", "four")]
    return _corpus(
        "deepspeech_csv",
        root,
        [name for name, _ in rows],
        {
            "train.csv": "wav_filename,wav_filesize,transcript\n"
            + "".join(f"{name}.wav,9,{text}\n" for name, text in rows)
        },
        "train.jsonl",
        [(text, "") for _, text in rows],
        record,
    )


def kaldi(root, record):
    names = ["ann-1", "ann-2", "bob-1", "bob-2"]
    texts = ["ONE", "TWO", "THREE", "FOUR"]
    return _corpus(
        "kaldi",
        root,
        [f"sound/{name[:3]}/{name}" for name in names],
        {
            "train/wav.scp": "".join(f"{name} sound/{name[:3]}/{name}.wav\n" for name in names),
            "train/text": "".join(map("{} {}\n".format, names, texts)),
            "train/utt2spk": "".join(f"{name} {name[:3]}\n" for name in names),
        },
        "train.jsonl",
        list(zip(texts, ["ann", "ann", "bob", "bob"], strict=True)),
        record,
    )


MAKERS = (librispeech, an4, fsdd, aishell, common_voice, deepspeech_csv, kaldi)
