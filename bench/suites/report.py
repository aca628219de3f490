"""`asv publish` writes the project's own report beside asv's pages. Loaded by the line `plugins` of asv.conf.json.

The report is made by the command in a process of its own: asv stays as light as it is, and imports nothing of what
draws. What goes wrong there is a warning, and asv's own pages are written all the same.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from asv.console import log
from asv.publishing import OutputPublisher

COMMAND = Path(__file__).resolve().parents[2] / "torchpace_first.py"  # by its path: asv's folder is the user's
PLACE = Path("torchpace") / "report.html"  # within asv's html_dir


class Report(OutputPublisher):  # type: ignore[misc]
    """Every stored result as one page."""

    name = "torchpace"
    button_label = "torchpace report"
    description = "Ratios with intervals, every case's values, and what was not measured, in one file"

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Write the page into asv's html_dir; asv calls this for every kind of page it knows."""
        results, page = Path(conf.results_dir).resolve(), Path(conf.html_dir).resolve() / PLACE
        command = [sys.executable, "-P", str(COMMAND), "report", str(results), "-o", str(page)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            log.info(done.stdout.strip())
        else:
            log.warning(f"no report: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else command}")
