"""What transcripts say, shortly: how many words, which ones if they are few, some sentences."""

from collections import Counter

FEW = 300  # words that are listed
SENTENCES = 12
LONGEST = 60  # characters of a sentence that is shown


def describe_vocabulary(texts, alphabet):
    """Describe transcripts.

    Parameters
    ----------
    texts : sequence of str
    alphabet : Alphabet
        Splits them into words.

    Returns
    -------
    dict
        "words", their number; "vocabulary", a sorted list, empty if they are many; "sentences",
        some of the shorter ones, spread over all.
    """
    words = Counter(word for text in texts for word in alphabet.split(text))
    short = [text for text in dict.fromkeys(texts) if text and len(text) <= LONGEST]
    step = max(len(short) // SENTENCES, 1)
    return {
        "words": len(words),
        "vocabulary": sorted(words) if len(words) <= FEW else [],
        "sentences": short[::step][:SENTENCES],
    }
