"""Every proof in turn: `make proof`, or `python -m tests.proof NAME ...` for some. Exit code 1 when one failed."""

from __future__ import annotations

import subprocess
import sys

PROOFS = {
    "ruler": ("tests.proof.ruler",),
    "coverage": ("tests.proof.coverage",),
    "levelling": ("tests.proof.levelling",),
    "verdicts": ("tests.proof.verdicts",),
    "damaged": ("tests.proof.damaged",),
    "traces": ("tests.proof.traces",),
    "ranks": ("tests.proof.ranks",),
    "scaling": ("tests.perf.scaling", "30"),
    "stragglers": ("tests.perf.stragglers", "5", "10"),
    "exact": ("tests.determinism",),
    "ceilings": ("tests.perf.ceilings",),
    "compile": ("tests.perf.compile_rates", "--studies", "100"),
    "ladder": ("tests.perf.ladder_rates", "--ladders", "50"),
    "drawn": ("tests.perf.gate_rates", "draw", "tests/perf/gate_trials.npz"),
    "gate": ("tests.perf.gate_rates", "real", "--share", "0.05"),
}


def main(names: list[str]) -> int:
    """Run the proofs of these names, or all of them, each in a process of its own."""
    if unknown := set(names) - set(PROOFS):
        raise SystemExit(f"no proof is called {', '.join(sorted(unknown))}; choose from {', '.join(PROOFS)}")
    failed = []
    for name in names or PROOFS:
        module, *arguments = PROOFS[name]
        print(f"\n== {name}: python -m {' '.join((module, *arguments))}", flush=True)
        if subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode:
            failed.append(name)
    print(f"\n{len(failed)} of {len(names or PROOFS)} proofs failed{': ' if failed else ''}{', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
