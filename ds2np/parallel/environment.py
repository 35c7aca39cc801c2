"""The environment variables of launchers."""

import os

from ds2np.errors import UserError


def number_from(name, default=None):
    """Read a whole number from an environment variable; raise a UserError if it is not one."""
    text = os.environ.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isdecimal():
        found = "not set" if text is None else repr(text)
        raise UserError(f"the environment variable {name} is {found}; expected a whole number")
    return int(text)
