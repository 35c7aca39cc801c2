"""Connectionist temporal classification: the loss between frames and an unaligned transcript."""

from ds2np.ctc.loss import ctc_loss, log_softmax, min_frames

__all__ = ["ctc_loss", "log_softmax", "min_frames"]
