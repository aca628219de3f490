"""Steps written to look fast. Each is measured as any other, and none may come out as measured.

A module registers `cheats.NAME` workloads, and is imported by the processes that measure them alone.
"""

from __future__ import annotations

KEPT = "answers are kept"

# By module and name, the words that each is found out by.
CORPUS = {
    "tests.cheats.kept": {
        "kept_once": KEPT,
        "kept_by_identity": KEPT,
        "kept_with_a_check_of_its_own": KEPT,
        "kept_by_pointer": KEPT,
        "kept_by_version": KEPT,
        "kept_by_first_numbers": KEPT,
        "kept_by_some_numbers": KEPT,
        "kept_by_sum": KEPT,
        "kept_by_all_bytes": KEPT,
        "kept_in_the_builder": KEPT,
        "kept_across_builds": KEPT,
        "every_fourth": KEPT,
        "known_for_one_seed": "wrong on other inputs",
        "three_steps_of_training": "does not go on doing its work",
        "every_third_step_of_training": "does not go on doing its work",
        "known_losses": "wrong from another seed",
    },
    "tests.cheats.elsewhere": {
        "lazy_answer": "computes when it is looked at",
        "answer_of_a_thread": "wrong answer",
        "thread_after_checked_answers": "wrong answer",
        "thread_that_goes_on": "another thread goes on working|answers are kept",
        "process_that_works": "a process that it started works for it",
        "garbage_for_later": "leaves garbage behind",
        "warm_up_without_end": "still warming up|does not go on doing its work",
        "answer_on_meta": "a tensor without numbers",
    },
    "tests.cheats.clocks": {
        "slow_clock": "time.perf_counter was replaced",
        "slow_device_clock": "Cpu.clock was replaced",
        "no_synchronize": "synchronize was replaced",
        "own_statistics": "statistics.median was replaced",
        "own_timer": "bench.measure.timer.block_time was replaced",
        "own_judge": "workloads.checks.judge was replaced",
        "check_that_accepts": "its check accepts any answer",
        "check_that_writes": "its check writes the answer",
        "bfloat16_as_it_is": "its answer is bfloat16",
        "bfloat16_as_float32": "wrong answer",
        "half_of_the_numbers": "wrong answer",
        "smaller_answer": "wrong answer",
        "memory_of_before": "wrong answer",
    },
}
