"""Claims of what is counted: right or wrong, however busy the machine is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.cli.prove.claims import OK, WRONG, Bench, Claim, exactly, not_available, value, why

NUMBER = 4  # bytes in float32
GRAPHS, BREAKS, RECOMPILATIONS = 2, 1, 2


def memory(bench: Bench) -> Iterator[Claim]:
    """The peak of a chain of products: both matrices, and two answers at a time."""
    from bench.cli.prove.planted import SIZE  # noqa: PLC0415 - imports torch

    found = bench.records("products", "memory")
    what = "peak memory of four matrices"
    if not found["peak_memory"].values:
        yield not_available(what, why(found))
        return
    yield exactly(what, 4 * SIZE**2 * NUMBER, value(found, "peak_memory"), " B")


def work(bench: Bench) -> Iterator[Claim]:
    """FLOPs, operators and bytes of the chain."""
    from bench.cli.prove.planted import PRODUCTS, SIZE  # noqa: PLC0415

    found = bench.records("products", "work")
    yield exactly("FLOPs of three products", PRODUCTS * 2 * SIZE**3, value(found, "flops"))
    yield exactly("operators that it calls", PRODUCTS, value(found, "dispatches"))
    moved = 3 * SIZE**2 * NUMBER  # two matrices are read and one answer is written; what is between may stay in a cache
    yield exactly("bytes that it has to move", moved, value(found, "algorithmic_bytes"), " B")


def compiled(bench: Bench) -> Iterator[Claim]:
    """A graph break and recompilations; a first call that finds nothing compiled, and one that finds all."""
    from bench.modes.torch_compile import missing_compiler  # noqa: PLC0415

    names = ("graphs of one function with one break", "graph breaks", "recompilations for another dtype")
    calls = ("first call, cold: files written", "first call, warm: files written")
    if reason := missing_compiler(bench.device):
        yield from (not_available(name, reason) for name in (*names, *calls))
        return
    cache = bench.folder / "compiled"
    found = bench.records("broken_graph", "time", "compile", cache=str(cache), cold=True)
    for name, metric, planted in zip(
        names, ("graphs", "graph_breaks", "recompiles"), (GRAPHS, BREAKS, RECOMPILATIONS), strict=True
    ):
        yield exactly(name, planted, value(found, metric))
    written = files(cache)
    cold_s = value(found, "first_call") or value(found, "first_call_machine")
    again = bench.records("broken_graph", "time", "compile", cache=str(cache), cold=False, launch=1)
    warm_s = value(again, "first_call_warm")
    cold = OK if written and cold_s is not None else WRONG
    yield Claim(calls[0], "above 0", f"{len(written)} ({said(cold_s)})", "above 0", cold)
    more = len(files(cache) - written)
    is_warm = not more and warm_s is not None and cold_s is not None and warm_s < cold_s
    yield Claim(calls[1], "0, in less time", f"{more} ({said(warm_s)})", "exactly", OK if is_warm else WRONG)


def said(seconds: float | None) -> str:
    """Seconds as people read them."""
    from reports.format import units  # noqa: PLC0415

    return "nothing" if seconds is None else units.quantity(seconds, "s")


def files(folder: Path) -> set[Path]:
    """The kernels and graphs that lie in a compilers' folder."""
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix in (".so", ".cubin", ".pt2", ".cpp")}


def profiled(bench: Bench) -> Iterator[Claim]:
    """Operators of a step, as its profile has them, and a pause in which nothing happens."""
    from bench.cli.prove.planted import PAUSE_S, PRODUCTS  # noqa: PLC0415
    from bench.measure.profile_passes import perform  # noqa: PLC0415
    from bench.measure.task import Task  # noqa: PLC0415
    from bench.records.profile_notes import TIMELINE  # noqa: PLC0415
    from reports.profiles.profile import read_foreign  # noqa: PLC0415

    folder = bench.folder / "profile"
    folder.mkdir()
    task = Task(bench.case("pauses"), "timeline", module="bench.cli.prove.planted")
    _, reason = bench.call(perform, task, str(folder))
    if reason:
        yield Claim("profile: products a step", str(PRODUCTS), reason, "exactly", WRONG)
        return
    (found,) = read_foreign(folder / TIMELINE)
    calls = found.operators.set_index("name")["calls"]
    yield exactly("profile: products a step", PRODUCTS, round(float(calls.get("aten::mm", 0.0)), 6))
    pause_s = found.phases.mean_s("other")
    holds = pause_s >= PAUSE_S  # a sleep is never shorter, and on a busy machine as much longer as it likes
    yield Claim(
        "profile: pause in Python", said(PAUSE_S), said(pause_s), "at least", OK if holds else WRONG,
    )  # fmt: skip


def believed(bench: Bench) -> Iterator[Claim]:
    """A step that computes its answer once is not believed."""
    found = bench.records("kept", "time")["step_time"]
    is_caught = found.status == "broken" and found.reason.startswith("not believed")
    measured = "not believed" if is_caught else found.status
    verdict = OK if is_caught else WRONG
    yield Claim("a step that keeps its answer", "not believed", measured, "", verdict, found.reason)
