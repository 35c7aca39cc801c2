"""A working copy of the book: notebooks to change, which a newer clone does not overwrite."""

import shutil
from pathlib import Path

from ds2np.errors import UserError
from ds2np.learn.book import CLONE, FOLDER

NAME = "my_chapters"
TAKEN = "*.ipynb", "images/*", "solutions/*.py"


def start(*folders):
    """Copy notebooks, drawings and solutions, except those that are there, and say so; return 0.

    Parameters
    ----------
    *folders : str or Path
        At most one. Default: my_chapters beside the folder of the chapters, so that their links
        lead somewhere; in the current folder, if the package is installed without a clone.

    Raises
    ------
    UserError
        If there is more than one, or it is that of the chapters, or a file.
    """
    if len(folders) > 1:
        raise UserError(f"one folder for the copy is enough, found {', '.join(map(str, folders))}")
    folder = Path(*folders or [(CLONE or Path()) / NAME])
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder for your copy of the notebooks")
    if folder.resolve() == FOLDER.resolve():
        raise UserError(f"{folder} has the chapters themselves; name another folder for your copy")
    files = [path for pattern in TAKEN for path in sorted(FOLDER.glob(pattern))]
    kept = [path for path in files if (folder / path.relative_to(FOLDER)).exists()]
    for path in files:
        if path not in kept:
            target = folder / path.relative_to(FOLDER)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    notebooks = [path for path in files if path.suffix == ".ipynb"]
    print(f"{len(notebooks)} notebooks are in {folder}, to work in: jupyter lab {folder}")
    if yours := sum(path in kept for path in notebooks):
        print(f"{yours} of them were there already and stay as they are")
    if CLONE:
        print(f"your answers are kept in {CLONE / 'my_ds2np.py'}")
    else:
        print("your answers are kept in that folder; there, `ds2np learn` lists what is done")
    return 0
