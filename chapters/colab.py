"""Google Colab: the link that opens a chapter there, and a first cell that prepares the machine.

Both need the address of the public repository, which is `Repository` under [project.urls] in
pyproject.toml. Without one, chapters have neither.
"""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
ADDRESS = r'^\[project\.urls\]\n(?:.+\n)*?Repository = "(https://github\.com/[^"]+?)/?"$'
SETUP = """\
# In Google Colab only: get the package, and keep answers in your drive.
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    from google.colab import drive

    drive.mount("/content/drive")
    clone = "/content/ds2np"
    if not os.path.isdir(clone):
        subprocess.run(["git", "clone", "--depth", "1", "{repository}", clone], check=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "-e", clone], check=True)
    sys.path.insert(0, clone)
    os.environ["DS2NP_ANSWERS"] = "/content/drive/MyDrive/my_ds2np.py"
    os.chdir(clone + "/chapters")"""


def find_repository(project=PROJECT):
    """Return the address of the repository, or None if the project has none.

    Parameters
    ----------
    project : Path
        The project's pyproject.toml.
    """
    found = re.search(ADDRESS, project.read_text(encoding="utf-8"), re.MULTILINE)
    return found and found[1]


def link(repository, chapter):
    """Return the Markdown of the link that opens a chapter in Colab.

    Parameters
    ----------
    repository : str
        Address of the repository.
    chapter : str
        File name without ending, such as "05_ctc".
    """
    path = repository.removeprefix("https://github.com/")
    target = f"https://colab.research.google.com/github/{path}/blob/main/chapters/{chapter}.ipynb"
    return f"[![Open in Google Colab](images/colab.svg)]({target})"


def setup(repository):
    """Return the code of the cell that prepares the machine; it does nothing elsewhere."""
    return SETUP.format(repository=repository)
