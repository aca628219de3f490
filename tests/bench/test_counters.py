"""The processor's counter: what is asked of the kernel, and what is said when it refuses."""

from __future__ import annotations

import errno
import struct
from pathlib import Path

import pytest

from bench.counts import instructions
from bench.counts.instructions import InstructionCounter, NoCounter, attributes, refusal


def test_the_kernel_is_asked_for_user_mode_instructions() -> None:
    asked = attributes()
    assert len(asked) == 64  # PERF_ATTR_SIZE_VER0
    kind, size, config = struct.unpack_from("=IIQ", asked)
    assert (kind, size, config) == (0, 64, 1)
    (flags,) = struct.unpack_from("=Q", asked, 40)
    assert flags == 0b1100101  # disabled, pinned, without kernel, without hypervisor


@pytest.mark.parametrize(
    ("code", "paranoid", "said"),
    [
        (errno.ENOENT, 2, "this machine has no instruction counter (perf_event_open: No such file or directory)"),
        (errno.EACCES, 4, "`sysctl kernel.perf_event_paranoid=2` as root allows it, it is 4"),
        (errno.EPERM, None, "this process may not count instructions (perf_event_open: Operation not permitted)"),
        (errno.EPERM, 1, "as in most containers"),
    ],
)
def test_a_refusal_says_why(code: int, paranoid: int | None, said: str) -> None:
    assert said in refusal(code, paranoid)


def test_another_system_or_processor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions.platform, "machine", lambda: "riscv64")
    with pytest.raises(NoCounter, match="on Linux on x86_64 and aarch64 only"):
        InstructionCounter()


def test_a_counter_that_was_taken_away_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with (tmp_path / "empty").open("rb") as file, pytest.raises(NoCounter, match="in use by something else"):
        instructions.read_count(file.fileno())


def test_a_count_is_a_64_bit_number(tmp_path: Path) -> None:
    (tmp_path / "count").write_bytes(struct.pack("=Q", 1 << 40))
    with (tmp_path / "count").open("rb") as file:
        assert instructions.read_count(file.fileno()) == 1 << 40


def test_twice_the_work_is_twice_the_instructions() -> None:
    try:
        counter = InstructionCounter()
    except NoCounter as why:
        pytest.skip(str(why))
    few, many = (min(counter.count(lambda: sum(range(1000)), steps) for _ in range(5)) for steps in (100, 200))
    counter.close()
    assert many == pytest.approx(2 * few, rel=0.02)
