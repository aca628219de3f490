"""What each command in the documents must show: what the text around it says. Runs nothing."""

from __future__ import annotations

# What the shell does for everybody, and what tests/test_documents.py shows of make.
TYPED = ("git clone ", "cd ", "make ")

ACCEPTED = "tests/bench/test_accepted.py::test_what_is_accepted_is_as_large_as_it_was_last_seen"
STRANGER = "tests/bench/test_gate_uses.py::test_a_stranger_gates_a_project_with_the_commands_of_the_document"
OWN = "tests/test_documented_commands.py::test_a_users_package_works_as_documented"
SELF_TEST = "tests/test_documented_commands.py::test_every_command_shows_what_its_document_says"
SHARDS = "tests/bench/test_shards.py::test_shards_really_run_killed_resumed_and_merged"
RANKED = "tests/workloads/test_distributed.py::test_the_tables_of_ranks_say_what_their_document_says"
JOINED = "tests/bench/test_ranks.py::test_ranks_that_somebody_else_started_are_used"
PROFILED = "tests/workloads/test_distributed.py::test_a_profile_is_of_all_ranks"
HELD = "tests/bench/test_pytest_plugin.py::test_a_run_is_held_against_an_earlier_one"
COMPARED = "tests/bench/test_frameworks.py::test_a_run_stores_them_and_compare_shows_them"
# Beginnings of commands that a test of its own runs.
ELSEWHERE = {
    "asv run": "tests/bench/test_asv.py::test_results_are_stored_and_read_back",
    "asv continuous": "tests/bench/test_asv.py::test_a_commit_that_slows_a_workload_is_told_apart",
    "asv publish": "tests/bench/test_asv.py::test_publish_and_compare_work_on_what_was_stored",
    "torchpace compare .asv/results": "tests/bench/test_asv.py::test_results_are_stored_and_read_back",
    "torchpace history": "tests/reports/topics/history/test_asv_results.py::test_asv_results_are_the_default",
    "torchpace bisect": "tests/bench/test_bisect.py::test_a_real_slowdown_is_traced_to_its_commit",
    "torchpace data mnist": "tests/bench/test_cli.py::test_downloading_without_a_network_says_what_to_do",
    "torchpace doctor": "tests/bench/test_cli.py::test_doctor_says_what_works_and_what_does_not",
    "torchpace gate --workloads my_package.perf --base": STRANGER,
    "torchpace gate --workloads my_package.perf --self-test": SELF_TEST,
    "torchpace gate --accept": ACCEPTED,
    "torchpace list --workloads": OWN,
    "torchpace run --workloads": OWN,
    "torchpace run --shard": SHARDS,
    "torchpace run --resume": SHARDS,
    "torchpace merge": SHARDS,
    "torchpace compare mine.jsonl": OWN,
    "torchpace run 'distributed.train_step'": RANKED,
    "torchpace compare ranks.jsonl": RANKED,
    "torchpace profile 'distributed.train_step": PROFILED,
    "pytest --torchpace-output": HELD,
    "pytest --torchpace-compare": HELD,
    "pytest --torchpace my_package.perf": "tests/bench/test_pytest_plugin.py::test_workloads_are_tests",
    "pip install -e": COMPARED,
    "torchpace run 'frameworks": COMPARED,
    "torchpace compare frameworks.jsonl": COMPARED,
    "torchrun ": JOINED,
    "export MASTER_ADDR": JOINED,
    "srun ": JOINED,
}

# Minutes of measuring, and what takes seconds instead: fewer cases, smaller ones, counted trials.
CHEAPER = (
    ("gate --base HEAD 'modules.*' --budget 1m", "gate --base HEAD 'modules.linear(batch=1,*' --device cpu --trials 1"),
    ("'modules.*' --exact", "'modules.linear' --device cpu --exact"),
    ("'modules.linear' --budget 1m", "'modules.linear' --device cpu --trials 2"),
    ("'mnist_cnn.train_step'", "'linear_regression.train_step(batch=64,*' --device cpu"),
    ("'linear_regression.train_step' --device cpu", "'linear_regression.train_step(batch=64,*' --device cpu"),
    ("'modules.*' --quick", "'modules.mlp' --quick --device cpu"),
    ("--launches 5", "--launches 4 --axis side=64"),
    ("'tensor_ops.elementwise_chain'", "'tensor_ops.elementwise_chain' --device cpu --axis size=64"),
    # Two rungs, of which one stands on the other; tests/workloads runs them all.
    ("'linear_regression.ladder'", "'linear_regression.ladder(rung=[ip]*' --device cpu --axis epochs=100"),
    ("--mode eager,compile,aot,int8", "--device cpu --mode eager,int8"),
    ("prove --budget 3m", "prove --budget 25s"),  # all that is quick; tests/bench/test_prove.py has the rest
    ("--axis size=1024: -o", "--axis size=64,128,256,512,1024 --mode eager --device cpu --budget 15s -o"),
    ("ceilings --device cpu --budget 20s", "ceilings --device cpu --budget 1s --dtype float32"),
)

RATIO = r"(\d \[[\d.]+, [\d.]+\]|not known)"  # of a few launches on a busy machine, nothing
PROFILE = (
    r"What stands out \S", r"data [\d.]+ % .*forward [\d.]+ % .*backward [\d.]+ % .*optimizer [\d.]+ %", "aten::addmm",
    "Flame graph", "Timeline", "Modules .*forward.*backward", "Memory .*parameters",
)  # fmt: skip

# By the beginning of a command: regular expressions of what it prints, and of the words of the page that it writes.
SHOWS: dict[str, tuple[str, ...]] = {
    "torchpace gate --base HEAD 'modules.*' --budget 1m": (
        r"undecided +modules\.linear\(batch=1", r"same: surely within 3\.0 %", r"so wrongly is at most 1\.0 % in all",
    ),
    "torchpace gate --base HEAD 'modules.*' --exact": (r"2 cases, \d+ figures: \d+ same",),
    "torchpace gate --self-test": ("What this machine can see", r"10 min +\d+ +[\d.]+ %"),
    "torchpace profile 'mnist_cnn.train_step' -o before": PROFILE,
    "torchpace profile 'mnist_cnn.train_step' -o after": PROFILE,
    "torchpace report --diff before after": (r"a step after, .* before", r"aten::\w+ (grew|shrank)", "Modules, "),
    "torchpace profile --trace before/": ("aten::addmm", "profile_memory=True"),
    "torchpace prove": (r"Of \d+ claims on .*: \d+ ok", r"FLOPs of three products .* ok", "no time was left for it"),
    "torchpace list": (r"mnist_cnn\.train_step  \(2 points\)", r"model: padded, dropout"),
    "torchpace run 'modules.*' --quick": (r"step time .* FLOP/step", r"this mode .* break-even", "Not measured"),
    "torchpace compare look.jsonl --by mode": (r"eager +compile +ratio \[95 %\]",),
    "torchpace compare look.jsonl --format json": (r'^\[\s+\{\s+"workload": "modules\.mlp"',),
    "torchpace run 'tensor_ops.softmax' --threads 2": (
        r"2 threads\n", r"side=256 .*\n.*side=512 ", "95 %: half the interval",
    ),
    "torchpace run 'tensor_ops.softmax' --launches 5": (r"softmax +side=64 .*(± [\d.]+ %|not known)",),
    "torchpace compare before.jsonl after.jsonl": (
        rf"ratio \[99 %\] +verdict\n.*\n.*{RATIO}", r"peak_memory\n(.*\n)+?.* same\n", "In half of the cases a change",
    ),
    "torchpace report before.jsonl after.jsonl": (
        r"before\.jsonl \(baseline\)", r"Run against run .*Compiled against eager .*Device against device", RATIO,
        "Timing of each case", "Peak memory", "What was not measured", "Environment and method",
    ),
    "torchpace profile 'linear_regression.train_step'": PROFILE,
    "torchpace profile --trace profile/": (r"of the step \(", "CPU breakdown", "torchpace report --diff"),
    "torchpace report before.jsonl profile": ("Timing of each case .*Flame graph",),
    "torchpace compile": (
        rf"speedup \[95 %\] .*cold +warm +break-even \[95 %\] +error\n.*\n.*{RATIO}",
        "Dynamo .*graphs +breaks +recompiles",
    ),
    "torchpace run 'linear_regression.ladder'": (
        r"rung +stands on +changes +throughput +gain \[95 %\] .*peak memory", r"in_memory +primer .*sample/s",
    ),
    "torchpace run 'mnist_cnn.inference": (r"median +95 % +p99 .*calls\n.*\n.* eager .*\n.* int8 ",),
    "torchpace compare infer.jsonl --by mode": (rf"eager +int8 +ratio \[95 %\] .*\n.*\n.*{RATIO}",),
    "torchpace scale": (
        # Times of microseconds on a busy machine may follow no curve, which is then said.
        r"How cost grows", r"size +eager +95 % +peak memory",
        r"eager +step time +64 +1024 +-?\d|eager: no a \+ b n\^k describes", r"eager +peak memory +64 +1024 +0\.99",
        "fits in the .* up to size",
    ),
    "torchpace report grown.jsonl": ("How cost grows .*exponent",),
    "torchpace ceilings": (r"matmul float32 .* GFLOP/s", r"copy in 512 MiB .* GB/s", r"dispatch .* [µn]s/operator"),
    "torchpace compare infer.jsonl": (r"bound by +of roof .*\n.*\n.* eager +(compute|memory|overhead) +[\d.]+ %",),
    "torchpace report compile.jsonl ladder.jsonl infer.jsonl": ("Latency .*Compile .*Ladder .*Roofline .*-bound",),
    "torchpace history before.jsonl after.jsonl": (r"it takes 5 points, and there (is 1|are 2)", "`torchpace compare`"),
    "python -m pytest tests/perf": (r"test_step_time\[modules\.linear",),
    "torchpace compare pytest-benchmark.json": (r"linear +batch=1, features=256 ",),
}  # fmt: skip
