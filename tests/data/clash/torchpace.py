"""A script of the user's own."""

import os
from pathlib import Path

with Path(os.environ["CLASH_LOG"]).open("a") as log:
    log.write(f"{__file__} ran as {__name__}\n")
