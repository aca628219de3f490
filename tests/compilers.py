"""What keeps compiling short in tests: the search for this processor's vector instructions is made once.

A compiler with an empty cache folder makes it, for seconds, and tests have dozens of such folders.
"""

from __future__ import annotations

WORK = "TORCHINDUCTOR_VEC_ISA_OK"  # "1" in the environment spares what is started in it the search


def vector_instructions_work() -> bool:
    """Whether programs can use all vector instructions that the processor claims to have.

    What is found stays in torch's own cache folder, for the tests of tomorrow; and in this process, for its forks.
    """
    from torch._inductor import config, cpu_vec_isa

    listed = cpu_vec_isa.valid_vec_isa_list.__wrapped__
    found = listed()
    with config.patch({"cpp.vec_isa_ok": True}):
        return bool(found == listed())
