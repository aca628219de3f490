"""What the fork server of tests imports besides: the compiler, which each compiled case would import for seconds."""

import os

import torch._inductor.compile_fx

from tests.compilers import WORK, vector_instructions_work

__all__ = ["torch"]

if vector_instructions_work():
    os.environ[WORK] = "1"
