"""What the fork server of tests imports besides: what each case that compiles or reads digits would wait for."""

import gc
import os

import torch._inductor.compile_fx
import torchvision.transforms

from tests.compilers import WORK, vector_instructions_work

__all__ = ["torch", "torchvision"]

if vector_instructions_work():
    os.environ[WORK] = "1"

gc.collect()
gc.freeze()  # forked processes then collect only what they made themselves
