"""What those who start processes tell them by environment variables."""

import os

from ds2np.errors import UserError


def number_from(name, default=None):
    """Read a number from an environment variable.

    Parameters
    ----------
    name : str
    default : int, optional

    Returns
    -------
    int

    Raises
    ------
    UserError
        If it is not set, and there is no default, or is no whole number of at least 0.
    """
    text = os.environ.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isdecimal():
        found = "not set" if text is None else repr(text)
        raise UserError(f"the environment variable {name} is {found}; needed is a whole number")
    return int(text)
