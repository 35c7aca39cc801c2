"""Deep Speech 2 from scratch: end-to-end speech recognition in NumPy, and CuPy on a GPU."""

import importlib

__version__ = "0.1.0"
__all__ = ["Recogniser"]


def __getattr__(name):
    if name == "Recogniser":  # imported on demand, to keep `import ds2np` fast
        return importlib.import_module("ds2np.recogniser").Recogniser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
