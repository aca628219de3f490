"""How near each case comes to the machine's ceilings, as a table for a terminal. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from reports.format import units
from reports.format.tables import grid, plain, title
from reports.topics.cells import placed
from reports.topics.roofline.figures import UNCOUNTED, Bound

NOTE = (
    "of roof: the time that the nearest roof implies, over the step's. compute: arithmetic at the speed of products; "
    "memory: bytes that must move, at\nthe bandwidth for the working set; overhead: operators called, at the cost of "
    "a call. The largest is the bound."
)


def roofline_text(bounds: Sequence[Bound], style: str = "table") -> str:
    """A line per case: its bound, the fraction of it reached, the step, the three implied times; then the remarks."""
    if not bounds:
        return ""
    if all(bound.note == UNCOUNTED for bound in bounds):
        return f"{title('Roofline', style)}\n\nOf no step here is known how near its roof it is: {UNCOUNTED}."
    notes = list(dict.fromkeys(bound.note for bound in bounds if bound.note))
    cells = []
    for bound in bounds:
        figure = bound.figure
        mark = f" [{notes.index(bound.note) + 1}]" if bound.note else ""
        cells.append([
            figure.workload, figure.point, placed(f"{figure.device} {figure.mode}", figure),
            bound.bound or units.DASH, units.percent(bound.fraction) + mark, units.quantity(bound.step_s, "s"),
            *(units.quantity(time, "s") for time in (bound.compute_s, bound.memory_s, bound.overhead_s)),
        ])  # fmt: skip
    headers = ["workload", "point", "where", "bound by", "of roof", "step time", "compute", "memory", "overhead"]
    remarks = [plain(f"[{number}] {note}", style) for number, note in enumerate(notes, 1)]
    return "\n\n".join([title("Roofline", style), grid(headers, cells, style, 4), "\n".join([NOTE, *remarks])])
