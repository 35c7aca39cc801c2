"""The entry point of ``python -m ds2np``; ``--help`` lists the commands."""

import sys

from ds2np.cli import main

if __name__ == "__main__":
    sys.exit(main())
