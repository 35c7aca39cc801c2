"""Subtitles of Mandarin: characters with times, joined without spaces."""

import json

from ds2np.decode.words import Transcript, Word
from ds2np.serve.formats import write_transcript
from ds2np.text import Alphabet


def test_subtitles_of_mixed_text():
    texts = ["我", "用", "python", "3.12", "写"]
    words = tuple(Word(text, 0.5 * i, 0.5 * i + 0.2, 0.9) for i, text in enumerate(texts))
    late = Word("好", 9.0, 9.5, 0.9)
    transcript = Transcript("我用python 3.12写好", (*words, late), -1.0)
    join = Alphabet("我用写好python3.12 ").join
    assert write_transcript(transcript, "srt", 10.0, join) == (
        "1\n00:00:00,000 --> 00:00:02,200\n我用python 3.12写\n\n"
        "2\n00:00:09,000 --> 00:00:09,500\n好\n"
    )
    content = json.loads(write_transcript(transcript, "verbose_json", 10.0, join, True))
    assert [segment["text"] for segment in content["segments"]] == ["我用python 3.12写", "好"]
    assert [word["word"] for word in content["words"]] == [*texts, "好"]
