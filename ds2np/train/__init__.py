"""The training loop, checkpoints, evaluation and reports. Chapter 06 explains training."""
