"""The command `torchpace`: the edge where ruler and judge meet. Parses and prints; measures and computes nothing.

Exit codes: 0 fine, 1 slower or worse (gate), 2 bad input or usage (or nothing measured), 3 undecided (gate, bisect),
130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence

from bench.cli import (
    ceilings,
    compare,
    compile,
    data,
    doctor,
    history,
    list,
    merge,
    profile,
    report,
    run,
    scale,
    settings,
)
from bench.cli.gate import bisect, command
from bench.cli.prove import command as prove
from bench.records.errors import UsageError

SELDOM = 200_000  # objects made between two collections of garbage
# In the order of --help. A new command is a file with `add_to`, and its place here.
COMMANDS = (
    list,
    run,
    merge,
    compile,
    scale,
    ceilings,
    profile,
    report,
    compare,
    command,
    bisect,
    history,
    prove,
    doctor,
    data,
)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        prog="torchpace",
        description="Benchmarks of PyTorch whose figures are true and say how sure they are.",
        epilog="Exit codes: 0 fine, 1 slower (gate), 2 bad input or usage (or nothing measured), 3 undecided (gate), "
        "130 interrupted.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for one in COMMANDS:
        one.add_to(commands)
    return top


class Terminated(BaseException):
    """Somebody asked this process to end: it does so as by Ctrl-C, and leaves no folders or processes behind."""


def terminated(number: int, frame: object) -> None:
    """Of a further signal of the kind the process dies at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise Terminated


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; errors that a user can mend are one line on stderr."""
    options = parser().parse_args(arguments)
    before = signal.getsignal(signal.SIGTERM)
    is_main = threading.current_thread() is threading.main_thread()
    if is_main:
        signal.signal(signal.SIGTERM, terminated)
    gc.set_threshold(SELDOM)  # records are many small objects that stay; nothing is measured in this process
    try:
        settings.apply(options)
        code: int = options.command(options)
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(f"torchpace: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("torchpace: interrupted", file=sys.stderr)
        return 130
    except Terminated:
        print("torchpace: terminated", file=sys.stderr)
        return 128 + signal.SIGTERM
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    finally:
        if is_main:  # whoever calls a command in a program of his own has a handler of his own
            signal.signal(signal.SIGTERM, before)
