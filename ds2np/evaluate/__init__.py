"""Evaluation of a recogniser on a dataset: loss, error rates, common mistakes. See chapter 07."""

from ds2np.evaluate.evaluation import Evaluation, evaluate
from ds2np.evaluate.outputs import network_outputs
from ds2np.evaluate.summary import format_summary, summarise

__all__ = ["Evaluation", "evaluate", "format_summary", "network_outputs", "summarise"]
