"""`python -m bench.cli` is `torchpace`."""

import sys

from bench.cli import main

if __name__ == "__main__":  # a spawned process imports this file again
    sys.exit(main())
