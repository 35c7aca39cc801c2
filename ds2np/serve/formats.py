"""Transcripts in the formats of OpenAI's transcription endpoint: json, text, srt, vtt, ..."""

import json

LONGEST_LINE = 7.0  # seconds that a subtitle stays at most
GAP = 1.0  # seconds without a word, after which a new subtitle begins

TYPES = {
    "json": "application/json",
    "verbose_json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}


def write_transcript(transcript, kind, seconds, join, with_words=False, language="und"):
    """Write a transcript in a format.

    Parameters
    ----------
    transcript : Transcript
    kind : str
        A key of `TYPES`.
    seconds : float
        Length of the recording.
    join : callable
        Joins the texts of words.
    with_words : bool
        In "verbose_json": list the words with their times, too.
    language : str
        In "verbose_json": what the client said.

    Returns
    -------
    str
    """
    if kind == "json":
        return json.dumps({"text": transcript.text, **_warnings(transcript)}, ensure_ascii=False)
    if kind == "text":
        return transcript.text + "\n"
    segments = cut_segments(transcript.words)
    if kind == "verbose_json":
        content = _describe(transcript, segments, join, with_words)
        content = {"task": "transcribe", "language": language, "duration": seconds} | content
        return json.dumps(content, ensure_ascii=False)
    comma, lines = "," if kind == "srt" else ".", []
    for number, words in enumerate(segments, start=1):
        times = (format_time(t, comma) for t in (words[0].start, words[-1].end))
        lines += [str(number)] if kind == "srt" else []
        lines += [" --> ".join(times), join([word.text for word in words]), ""]
    return "\n".join(lines if kind == "srt" else ["WEBVTT", "", *lines]) + "\n" * (not lines)


def cut_segments(words):
    """Cut words into the parts that a subtitle shows: at gaps, and before it lasts too long."""
    segments = []
    for word in words:
        last = segments[-1] if segments else None
        if last and word.start - last[-1].end < GAP and word.end - last[0].start <= LONGEST_LINE:
            last.append(word)
        else:
            segments.append([word])
    return segments


def format_time(seconds, comma):
    """Write a time as 00:01:02,345."""
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{comma}{rest % 1000:03}"


def _describe(transcript, segments, join, with_words):
    parts = [
        {
            "id": number,
            "start": words[0].start,
            "end": words[-1].end,
            "text": join([word.text for word in words]),
        }
        for number, words in enumerate(segments)
    ]
    content = {"text": transcript.text, "segments": parts, **_warnings(transcript)}
    if with_words:
        content["words"] = [
            {"word": word.text, "start": word.start, "end": word.end} for word in transcript.words
        ]
    return content


def _warnings(transcript):
    """Return what is suspect about a recording: a field that OpenAI's server does not have."""
    return {"warnings": list(transcript.warnings)} if transcript.warnings else {}
