"""The project by its own name: `import torchpace` is for scripts, notebooks and tests.

    torchpace.measure(lambda: model(x))
    torchpace.compare(eager=lambda: model(x), compiled=lambda: compiled(x))
    with torchpace.profile("out", model=model, optimizer=optimizer) as profile:
        for batch in loader:
            train(batch)
            profile.step()

Once it is imported, `bench`, `workloads` and `reports` are the project's. `python -m torchpace` is the command.
"""

import sys

from torchpace_first import main

if __name__ == "__main__":
    sys.exit(main())

from bench.api.magic import load_ipython_extension
from bench.api.measuring import compare, measure
from bench.api.profiling import profile
from bench.api.results import Result
from bench.records.errors import UsageError

__all__ = ["Result", "UsageError", "compare", "load_ipython_extension", "main", "measure", "profile"]
