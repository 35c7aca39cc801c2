"""Connectionist temporal classification: the loss between frames and an unaligned transcript."""

from ds2np.ctc.lattice import min_frames
from ds2np.ctc.loss import ctc_loss, state_posterior
from ds2np.ctc.viterbi import Alignment, forced_align
from ds2np.layers.softmax import log_softmax

__all__ = [
    "Alignment",
    "ctc_loss",
    "forced_align",
    "log_softmax",
    "min_frames",
    "state_posterior",
]
