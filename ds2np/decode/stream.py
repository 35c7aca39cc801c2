"""A beam search that carries its state from one piece of an utterance to the next."""

import numpy as np

from ds2np.decode.arguments import check_piece, read_log_probs
from ds2np.decode.candidates import find_frames, list_candidates, pack_frames
from ds2np.decode.search import BLANK, NODE, SYMBOL


class BeamStream:
    """The search of one utterance whose frames come in pieces of any length.

    The end gives the same as the decoder gives for the whole utterance. The frames are kept for the
    exact scores at the end.

    Parameters
    ----------
    decoder : BeamDecoder
    """

    def __init__(self, decoder):
        self.decoder = decoder
        self._beams = decoder.start(1)
        self._pieces = [np.zeros((0, len(decoder.alphabet)), np.float32)]
        self._blank = np.zeros(1, bool)

    def push(self, log_probs):
        """Read some frames, log_probs (T, V); return the best text so far, which may yet change."""
        decoder = self.decoder
        check_piece(log_probs, len(decoder.alphabet))
        batch, lengths = read_log_probs(log_probs[None], [len(log_probs)], len(decoder.alphabet))
        if len(log_probs):
            self._pieces.append(batch[0].copy())
            keep = find_frames(batch, lengths, decoder.certain, self._blank)
            if decoder.certain < 1:
                self._blank = batch[:, -1, 0] >= np.log(decoder.certain)
            frames = list_candidates(
                *pack_frames(batch, keep), decoder.cumulative, decoder.candidates
            )
            for frame in frames:
                self._beams.step(frame)
        real = self._beams.real
        best = self._beams.whole[NODE, np.argmax(real[BLANK] + real[SYMBOL])]
        (text,) = self._beams.tree.read(best[None])
        return decoder.alphabet.decode(text).strip()

    def finish(self):
        """End the utterance; return its best `Hypothesis`."""
        decoder = self.decoder
        log_probs = np.concatenate(self._pieces[1:] or self._pieces)[None]
        found = decoder.list_texts(self._beams)
        ((best, *_),) = decoder.rescore(found, log_probs, np.array([log_probs.shape[1]]))
        return best
