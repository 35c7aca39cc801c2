"""The training loop, checkpoints, evaluation and reports."""
