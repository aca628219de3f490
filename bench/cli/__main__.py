"""`python -m bench.cli` is `torchpace`, unless the current folder has a `bench` of its own."""

import sys

if __name__ == "__main__":  # a spawned process imports this file again
    from torchpace_first import main

    sys.exit(main())
