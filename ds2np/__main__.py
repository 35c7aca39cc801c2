"""Run a command: ``python -m ds2np --help`` lists them."""

import sys

from ds2np.cli import main

if __name__ == "__main__":
    sys.exit(main())
