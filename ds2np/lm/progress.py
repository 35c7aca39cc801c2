"""What long work on language models tells meanwhile, on standard error."""

import sys


def tell(text):
    """Print a line without disturbing a progress bar."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)


def bar(items=None, **options):
    """Show a progress bar with the time left, if the work takes more than a second."""
    from tqdm import tqdm

    return tqdm(items, **{"delay": 1, "leave": False, "dynamic_ncols": True, **options})
