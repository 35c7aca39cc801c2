"""Greedy decoding: the best symbol of each frame, repeats merged, blanks dropped."""

from ds2np.backend import to_cpu


def collapse(path):
    """Merge repeats first, then drop blanks: "aa-bb-b" becomes "abb" (the map B of CTC).

    Parameters
    ----------
    path : sequence of int
        One symbol a frame; 0 is the blank.

    Returns
    -------
    list of int
    """
    before = 0
    labels = []
    for symbol in path:
        if symbol not in (0, before):
            labels.append(int(symbol))
        before = symbol
    return labels


def greedy_decode(log_probs, lengths, alphabet):
    """Transcribe a batch by the most probable symbol of each frame.

    Parameters
    ----------
    log_probs : ndarray of shape (N, T, V)
        Any scores that order symbols as their probabilities do.
    lengths : ndarray of shape (N,)
        Real frames of each utterance.
    alphabet : Alphabet

    Returns
    -------
    list of str
        With single spaces between words.
    """
    paths = to_cpu(log_probs.argmax(axis=2)).tolist()  # Python's own numbers are quicker one by one
    return [
        " ".join(alphabet.decode(collapse(path[:length])).split())
        for path, length in zip(paths, lengths, strict=True)
    ]
