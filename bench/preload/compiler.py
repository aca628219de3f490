"""torch's compiler, before steps that are compiled, each of which would else take two seconds to. After `suite`.

`torch.compile` imports the compiler when it is called, which is before a first call begins.
"""

import gc

import torch

__all__ = ["torch"]

gc.disable()
torch.compile(lambda: None)
gc.freeze()
gc.enable()
