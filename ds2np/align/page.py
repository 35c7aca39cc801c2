"""A page to hear and see an alignment: one HTML file beside the results, and the recording."""

import html
import json
import os
import re
import urllib.parse
from pathlib import Path

from ds2np.align.formats import find_words
from ds2np.files import replacing

DASH = "\N{EN DASH}"
TEMPLATE = Path(__file__).with_name("page.html")


def write_page(path, alignment, audio):
    """Write a page with a player and the text, in which each word that was read can be heard.

    Parameters
    ----------
    path : Path
    alignment : Alignment
    audio : Path
        The recording. The page has a relative link to it, so both can be moved together.
    """
    text, moments = _write_text(alignment)
    values = {
        "name": html.escape(alignment.recording),
        "audio": _link(Path(audio), Path(path).parent),
        "facts": html.escape(_count(alignment)),
        "text": text,
        "moments": json.dumps(moments, separators=(",", ":")),
    }
    template = TEMPLATE.read_text(encoding="utf-8")
    with replacing(path) as file:
        file.write(re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template))


def _link(audio, folder):
    try:
        relative = os.path.relpath(audio, folder).replace(os.sep, "/")
    except ValueError:  # another drive
        return audio.resolve().as_uri()
    return urllib.parse.quote(os.fsencode(relative))


def _count(alignment):
    read = sum(word.start is not None for word in alignment.words)
    foreign = sum(end - start for start, end in alignment.foreign)
    facts = f"{_clock(alignment.duration)} of sound, {_clock(foreign)} of it without text. "
    return facts + f"{read:,} of {len(alignment.words):,} words were read."


def _write_text(alignment):
    """Return the text as HTML, and start and end of each word that was read and of each gap."""
    moments, parts, gaps = [], [], sorted(alignment.foreign, reverse=True)

    def mark(content, span, attributes):
        moments.append([round(time, 3) for time in span])
        return f'<span data-i="{len(moments) - 1}" {attributes}>{content}</span>'

    def mark_gaps(until):
        marked = ""
        while gaps and gaps[-1][0] < until:
            span = gaps.pop()
            marked += mark(DASH.join(map(_clock, span)), span, 'class="gap"') + " "
        return marked

    def stand_alone(marked):
        parts.extend([f"<p>{marked}</p>"] if marked else [])

    for sentence in alignment.sentences:
        words = alignment.words[sentence.first : sentence.last]
        text, spans = find_words(sentence, words)
        content, at = "", 0
        if sentence.start is not None:
            stand_alone(mark_gaps(sentence.start))
            content = f"<time>{_clock(sentence.start)}</time>"
        for word, (begin, end) in zip(words, spans, strict=True):
            content += html.escape(text[at:begin])
            written, at = html.escape(text[begin:end]), end
            if word.start is None:
                content += f"<del>{written}</del>"
                continue
            content += mark_gaps(word.start)
            sure = f'style="--sure: {word.confidence:.2f}"'
            content += mark(written, (word.start, word.end), sure)
        content = re.sub(r"</del>( ?)<del>", r"\1", content)
        parts.append(f'<p dir="auto">{content}{html.escape(text[at:])}</p>')
    stand_alone(mark_gaps(float("inf")))
    return "\n".join(parts), moments


def _clock(seconds):
    """Write a time as 1:02:03 or 2:03."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
