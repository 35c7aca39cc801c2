"""Recipes: for a corpus, the options of `train` that have worked, and what to expect of them.

A recipe is a JSON file in the folder recipes:

==========  ====================================================================
"about"     the corpus, in a few words
"data"      the command that makes its manifests
"train"     options of `train`, as its parser names them
"decode"    options of `evaluate` and `transcribe` afterwards
"expect"    "time", "figure" and "source"; null where nobody has measured
==========  ====================================================================
"""

import json
from dataclasses import dataclass
from pathlib import Path

from ds2np.errors import UserError

FOLDER = Path(__file__).parent / "recipes"
OPTIONS = {"alphabet_file": "alphabet"}  # that have another name
NOT_MEASURED = "  expect   not measured: nobody has trained it to the end yet"


@dataclass(frozen=True)
class Recipe:
    """What a recipe file says; see the module."""

    name: str
    about: str
    data: str
    train: dict
    decode: dict
    expect: dict

    def describe(self):
        """Return the recipe in a few lines."""
        figure, time, source = (self.expect[key] for key in ("figure", "time", "source"))
        lines = [
            f"recipe {self.name}: {self.about}",
            f"  data     {self.data}",
            f"  train    {_as_options(self.train)}",
        ]
        if self.decode:
            lines.append(f"  decode   {_as_options(self.decode)}")
        lines.append(f"  expect   {figure}, in {time} ({source})" if figure else NOT_MEASURED)
        return "\n".join(lines)


def list_recipes():
    """Return the names of all recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read_recipe(name):
    """Read a recipe; a UserError lists what there is."""
    if name not in list_recipes():
        raise UserError(f"no recipe {name!r}; choose from {', '.join(list_recipes())}")
    return Recipe(name, **json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def _as_options(values):
    words = []
    for name, value in values.items():
        words.append(f"--{OPTIONS.get(name, name).replace('_', '-')}")
        if value is not True:
            words += map(str, value if isinstance(value, list) else [value])
    return " ".join(words)
