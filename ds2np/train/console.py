"""Output of training: a progress bar with the time left, and lines that do not break it."""

import numpy as np
from tqdm import tqdm

FORMAT = "{desc} {percentage:3.0f}% |{bar}| {elapsed} so far, {remaining} left"


class Console:
    """The output of a run; silent except on the main process."""

    def __init__(self, comm):
        self._comm = comm

    def log(self, text):
        """Print a line."""
        if self._comm.is_main:
            tqdm.write(text)

    def bar(self, total, done):
        """Return the progress bar of all epochs, in frames: a context manager."""
        return tqdm(
            total=total,
            initial=done,
            bar_format=FORMAT,
            mininterval=1,
            disable=not self._comm.is_main,
        )

    def log_epoch(self, row, evaluation):
        """Print a row (dict) of the history, and two transcripts of its `Evaluation`."""
        left_out = f"  {row['left_out']} utterances left out" if row["left_out"] else ""
        self.log(
            f"  train loss {row['train_loss']:.2f}  validation: {evaluation}  "
            f"blanks {100 * row['blank_share']:.0f} %  {self._idle_times(row)}{left_out}"
        )
        refs, hyps = evaluation.refs, evaluation.hyps
        rng = np.random.default_rng(row["epoch"])
        for i in rng.choice(len(refs), size=min(2, len(refs)), replace=False):
            self.log(f"    reference   {refs[i]}\n    hypothesis  {hyps[i]}")

    def _idle_times(self, row):
        """Describe the shares of training time without computation."""
        names = {"data": "waiting for data"}
        if self._comm.size > 1:
            names |= {"waiting": "for other processes", "communication": "communication"}
        total = row["seconds"] or 1
        shares = (
            f"{name} {100 * row[f'seconds_{part}'] / total:.1f} %" for part, name in names.items()
        )
        return ", ".join(shares)
