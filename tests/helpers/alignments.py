"""Made-up alignments: one to look at, and random ones."""

from dataclasses import replace

from hypothesis import strategies as st

from ds2np.align.alignment import AlignedSentence, AlignedWord, Alignment

WORDS = ("said", "naïve", "3", "我", '"quoted"', "it's", "<b>", "</script>", "&amp;", "AT&T", "-->")
WORDS += ("{\\p1}", "C:\\new", "item", "[1]", "...", "a<b", "%20", ";;", "x" * 30)


def align(sentences, duration, recording="talk.wav", foreign=()):
    """Make an alignment of sentences, each a list of (text, start, end, confidence)."""
    words, cut = [], []
    for number, rows in enumerate(sentences):
        made = [
            AlignedWord(text, text.lower(), number, number + 1, start, end, confidence)
            for text, start, end, confidence in rows
        ]
        read = [word for word in made if word.start is not None]
        span = (read[0].start, read[-1].end, -0.1) if read else (None, None, None)
        text, first = " ".join(word.text for word in made), len(words)
        words += made
        cut.append(AlignedSentence(text, first, len(words), *span, len(read) == len(made)))
    unread = tuple((i, i + 1) for i, word in enumerate(words) if word.start is None)
    return Alignment(
        recording, duration, tuple(words), tuple(cut), tuple(foreign), unread, -12.5, True
    )


@st.composite
def alignments(draw):
    """Draw an alignment: any texts, gaps, words that touch, words without length or not read."""
    visible = st.characters(exclude_categories=("C", "Z"))
    text = st.sampled_from(WORDS) | st.text(visible, min_size=1, max_size=5)
    seconds = st.sampled_from([0.0, 0.02, 0.0004, 3.0]) | st.floats(0, 4)
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="/.\0")
    name = draw(st.text(letters, min_size=1, max_size=6) | st.just("a b%")) + ".wav"
    sentences, at, foreign = [], 0.0, []
    for _ in range(draw(st.integers(0, 4))):
        rows = []
        for _ in range(draw(st.integers(1, 6))):
            start = at + draw(seconds)
            word = draw(text) + draw(st.sampled_from(["", "", " b", "\nc", "\u2028d"]))
            if draw(st.integers(0, 3)):
                at = start + draw(seconds)
                rows.append((word, start, at, draw(st.floats(0, 1))))
            else:
                rows.append((word, None, None, 0.0))
        sentences.append(rows)
        if draw(st.booleans()):
            start = at + draw(seconds)
            at = start + max(draw(seconds), 0.001)  # where the next word may begin
            foreign.append((start, at))
    made = align(sentences, at + 0.1 + draw(seconds), name, foreign)
    if draw(st.booleans()):  # signs that belong to no word
        cut = tuple(replace(one, text=f"- {one.text} <i>*") for one in made.sentences)
        made = replace(made, sentences=cut)
    return made
