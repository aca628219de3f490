"""The project by its own name: once this is imported, `bench`, `workloads` and `reports` are the project's.

`python -m torchpace` is the command `torchpace`.
"""

import sys

from torchpace_first import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
