"""Deep Speech 2, from scratch: end-to-end speech recognition in NumPy, and CuPy on a GPU."""

__version__ = "0.1.0"
