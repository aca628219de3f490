"""torch's compiler, before steps that are compiled, each of which would else take two seconds to. After `suite`.

How long that took is part of their first calls, as it would be of a user's.
"""

import gc

from bench.modes import torch_compile

gc.disable()
torch_compile.load()
gc.freeze()
gc.enable()
