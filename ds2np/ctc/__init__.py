"""Connectionist temporal classification (CTC): loss, lattice, forced alignment. See chapter 05."""

from ds2np.ctc.fit import describe_misfit, min_frames
from ds2np.ctc.loss import ctc_loss, ctc_loss_only, state_posterior
from ds2np.ctc.viterbi import Alignment, forced_align

__all__ = [
    "Alignment",
    "ctc_loss",
    "ctc_loss_only",
    "describe_misfit",
    "forced_align",
    "min_frames",
    "state_posterior",
]
