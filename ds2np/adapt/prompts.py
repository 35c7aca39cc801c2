"""The sentences that somebody reads aloud to teach a network their voice."""

from collections import Counter

from ds2np.adapt.speech import FEWEST, read_lines
from ds2np.errors import UserError

COUNT = 40
WORDS = (3, 12)  # of a sentence, if there are enough such


def choose_prompts(texts, count=COUNT):
    """Choose sentences in which all words occur, the rarest first, and none much more than others.

    Greedy: the next sentence is the one with most words that have not been read yet; if there are
    several, the one whose words have been read least often, on average.

    Parameters
    ----------
    texts : sequence of str
    count : int
        At most.

    Returns
    -------
    list of str
    """
    texts = [text for text in dict.fromkeys(map(str.strip, texts)) if text]
    few, many = WORDS
    fitting = [text for text in texts if few <= len(text.split()) <= many]
    left, read, chosen = fitting if len(fitting) >= count else texts, Counter(), []
    while left and len(chosen) < count:
        best = max(left, key=lambda text: _worth(text, read))
        chosen.append(best)
        read.update(best.split())
        left = [text for text in left if text != best]
    return chosen


def _worth(text, read):
    words = text.split()
    unread = sum(word not in read for word in set(words))
    return unread, -sum(read[word] for word in words) / len(words)


def read_prompts(path, alphabet):
    """Read sentences from a text, one a line; a UserError names a line that cannot be written."""
    prompts = {}
    for number, line in read_lines(path):
        if not line:
            continue
        text = alphabet.normalise(line)
        try:
            alphabet.encode(text)
        except UserError as error:
            raise UserError(f"{path}:{number}: {error}") from None
        if text in prompts:
            raise UserError(f"{path}:{number}: {text!r} stands in line {prompts[text]}, too")
        prompts[text] = number
    if len(prompts) < FEWEST:
        raise UserError(f"{path} has {len(prompts)} sentences; expected {FEWEST} at least")
    return list(prompts)
