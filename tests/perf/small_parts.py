"""How often a gate finds a small part that grew a little: `python -m tests.perf.small_parts [CASES]` (default 30).

A gate, really run with --parts, over networks of which a part of some 4 % takes 5 % longer on head, 0.2 % of the step,
and a third as many in which nothing changed. Some 30 minutes.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tabulate import tabulate

from tests.bench.toy import make
from tests.perf.planted_causes import LAYERS, SMALL_KINDS, written

NAMED = {kind: each.parts if each.base_line else (" slow",) for kind, each in SMALL_KINDS.items()}


def main() -> None:
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    dice = random.Random()
    kinds = [list(SMALL_KINDS)[number % len(SMALL_KINDS)] for number in range(cases)]
    unchanged = max(1, cases // 3)
    kinds += [""] * unchanged
    planted = [(kind, dice.randrange(LAYERS - 1)) for kind in kinds]
    with tempfile.TemporaryDirectory() as folder:
        toy, outcome = make(Path(folder) / "project"), Path(folder) / "gate.json"
        for is_head in (False, True):
            written(toy.folder / "net", planted, is_head, SMALL_KINDS)
            toy.commit("planted" if is_head else "as it was")
        command = ("gate", "--workloads", "net.perf", "--base", "HEAD~1", "--head", "HEAD", "--parts", "report")
        gate = toy.start(*command, "--no-cause", "--budget", "25m", "--json", str(outcome))
        _, errors = gate.communicate()
        if not outcome.exists():
            raise SystemExit(errors)
        rows = json.loads(outcome.read_text())["cases"]
    lines, found, wrongly = [], 0, []
    for row in rows:
        kind, _ = planted[int(row["case"]["workload"].rpartition("_")[2])]
        if not kind:
            wrongly += [row["slower_part"]] * bool(row["slower_part"])
            continue
        is_found = any(part in row["slower_part"] for part in NAMED[kind])
        found += is_found
        change = f"{100 * (row['ratio'] - 1):+.1f} %" if row["ratio"] else ""
        lines.append([kind, row["verdict"], change, "found" if is_found else "MISSED", row["slower_part"] or "nothing"])
    headers = ["planted", "case", "change", "", "slower part"]
    print(tabulate(sorted(lines), headers, maxcolwidths=[None] * 4 + [100]))
    print(f"\n{found} of {cases} found, cases: {dict(Counter(line[1] for line in lines))}")
    print(f"with nothing changed {len(wrongly)} of {unchanged} name a part")
    print("\n".join(wrongly))


if __name__ == "__main__":
    main()
