"""torchvision and the digits, before cases that read them: importing its Dynamo takes a second, and reading the file a
tenth of one in every process that builds a network. After `suite`.
"""

import contextlib
import gc

gc.disable()
with contextlib.suppress(Exception):  # one that does not go with this torch: the cases that need it say so
    import torchvision.transforms  # noqa: F401

    from workloads.shared import mnist_data

    mnist_data.read_ahead()
gc.freeze()
gc.enable()
