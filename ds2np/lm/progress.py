"""What long work on language models tells meanwhile, on standard error."""

import sys

from tqdm import tqdm


def tell(text):
    """Print a line without disturbing a progress bar."""
    tqdm.write(text, file=sys.stderr)


def bar(items=None, **options):
    """Show a progress bar with the time left, if the work takes more than a second."""
    return tqdm(items, **{"delay": 1, "leave": False, "dynamic_ncols": True, **options})
