"""torchvision, before cases that read digits: it takes a second, for its Dynamo. After `suite`."""

import contextlib
import gc

gc.disable()
with contextlib.suppress(Exception):  # one that does not go with this torch: the cases that need it say so
    import torchvision.transforms  # noqa: F401
gc.freeze()
gc.enable()
