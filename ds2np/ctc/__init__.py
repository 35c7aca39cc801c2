"""Connectionist temporal classification: the loss between frames and an unaligned transcript."""

from ds2np.ctc.loss import ctc_loss, min_frames
from ds2np.layers.softmax import log_softmax

__all__ = ["ctc_loss", "log_softmax", "min_frames"]
