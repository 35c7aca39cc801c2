"""The run folder: the one place that names its files."""

import contextlib
import json
from pathlib import Path

from ds2np.backend import CPU, is_on_gpu
from ds2np.errors import UserError
from ds2np.files import locked, make_folder, remove_partial
from ds2np.model.checkpoint import load_checkpoint


class RunFolder:
    """The files of a run.

    Parameters
    ----------
    path : str or Path
        Need not exist.

    Attributes
    ----------
    config, history, last, best, report : Path
        The effective configuration, the metrics of each epoch, the checkpoint to resume from, the
        checkpoint with the lowest WER, and the report.
    decoder, weights : Path
        The decoder that `tune` has chosen, and the picture of what it has tried.
    lock : Path
        Names the process that trains into the folder now.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.history = self.path / "history.csv"
        self.last = self.path / "last.npz"
        self.best = self.path / "best.npz"
        self.report = self.path / "report.html"
        self.decoder = self.path / "decoder.json"
        self.weights = self.path / "decoder.png"
        self.lock = self.path / "lock"

    @property
    def holds_run(self):
        """Whether a new run would overwrite anything."""
        return any(file.exists() for file in (self.config, self.last, self.best))

    def manifests(self):
        """Return the training manifests that the configuration names; none if it is missing."""
        try:
            names = json.loads(self.config.read_text(encoding="utf-8")).get("train_manifests", [])
        except (OSError, ValueError):
            return []
        return [self.path / name for name in names]

    @contextlib.contextmanager
    def locked(self):
        """Make the folder if necessary, and keep other processes from training into it.

        Raises UserError if one does. Without a run, the folder is empty or gone after the block.
        """
        is_new = not self.path.exists()
        make_folder(self.path)
        try:
            with locked(self.lock, f"{self.path}"):
                remove_partial(self.path)
                yield
        finally:
            if is_new:
                with contextlib.suppress(OSError):  # it is not empty
                    self.path.rmdir()

    def check_free(self):
        """Raise a UserError if a process trains into the folder now."""
        if self.path.is_dir():
            with self.locked():
                pass

    def delete(self):
        """Delete the files of the run and nothing else; raise a UserError if it is in use."""
        if self.path.is_dir():
            with self.locked():
                files = self.config, self.history, self.best, self.last, self.report
                for file in (*files, self.decoder, self.weights):
                    file.unlink(missing_ok=True)


def load_run(run, device=CPU, precision=None):
    """Load the best network of a run, in evaluation mode.

    Parameters
    ----------
    run : str or Path
        A run folder or a checkpoint file.
    precision : str, optional
        Of matrix products on a GPU; see `ds2np.kernels.products`. By default "half" if the weights
        have been saved so, and float32 otherwise.

    Raises
    ------
    UserError
        If there is no checkpoint, it cannot be read, or the device does not have the precision.
    """
    file = Path(run)
    if file.is_dir():
        folder = RunFolder(file)
        found = [file for file in (folder.best, folder.last) if file.is_file()]
        if not found:
            raise UserError(f"{run} holds no checkpoint ({folder.best.name}); is it a run folder?")
        file = found[0]
    model, progress, _ = load_checkpoint(file)
    model.move(device)
    half = progress.get("half") and is_on_gpu(model.flat_params)
    model.set_precision(precision or ("half" if half else "float32"))
    return model
