"""Child processes: where they run, what they cost, what they say."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = (
    "KBSYNC",
    "Spent",
    "child",
    "cpu_s",
    "environment",
    "move_to",
    "on_all_cores",
    "peak_mib",
    "server_core",
    "stay_on_client_core",
)

KBSYNC: Final = (sys.executable, "-m", "kbsync")
# Linux counts ru_maxrss in KiB, macOS in bytes.
MEMORY_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Spent:
    """One child's wall time, processor time, peak memory and standard output.

    The processor time is that of its own children too, the memory that of the largest process.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    out: str


def child(*command: str, cwd: Path | None = None, accepted: Sequence[int] = (0,), out: Path | None = None) -> Spent:
    """Run *command* to its end; what it writes goes to the file *out*, or is returned.

    Raises RuntimeError, with what it said, when it ends with another code.
    """
    with nullcontext(subprocess.PIPE) if out is None else out.open("wb") as stdout:
        began_s = time.perf_counter()
        run = subprocess.Popen(command, cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, env=environment())
    with run:
        assert run.stderr is not None
        told = b"" if run.stdout is None else run.stdout.read()
        err = run.stderr.read()
        _, status, usage = os.wait4(run.pid, 0)
        wall_s = time.perf_counter() - began_s
        run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode not in accepted:
        raise RuntimeError(f"{' '.join(command)} ended with {run.returncode}:\n{(told + err).decode()[-2000:]}")
    return Spent(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * MEMORY_UNIT_BYTES / _MIB, told.decode())


def stay_on_client_core() -> str:
    """Keep this process, and the children it will have, off the server's core; return what was done, for people."""
    cores = _cores()
    if len(cores) < 2:
        return "nothing is pinned: there is one core, or no way to choose one"
    os.sched_setaffinity(0, cores[:1])
    return f"clients on core {cores[0]}, the server on core {server_core()}"


@contextmanager
def on_all_cores() -> Generator[None]:
    """Let this process, and the children that it has meanwhile, use every core."""
    cores = _cores()
    if len(cores) < 2:
        yield
        return
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, pinned)


def server_core() -> int | None:
    """Return the core that only the server uses, or None when there is no choice."""
    cores = _cores()
    return cores[-1] if len(cores) >= 2 else None


def move_to(core: int | None, pid: int) -> None:
    """Keep the process *pid* on *core*."""
    if core is not None:
        os.sched_setaffinity(pid, [core])


def cpu_s(pid: int) -> float | None:
    """Return the processor time that the process *pid* has used; None where that cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_ALL_CORES: list[int] = []


def _cores() -> list[int]:
    # Asked before anything is pinned, and remembered.
    if not _ALL_CORES and hasattr(os, "sched_getaffinity"):
        _ALL_CORES.extend(sorted(os.sched_getaffinity(0)))
    return _ALL_CORES


def environment() -> dict[str, str]:
    """Return the environment of children: this very tree, whatever is installed."""
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    # Who compiles everything anew at each start measures the compiler.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": path, "COLUMNS": "100"}


def peak_mib() -> float:
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MEMORY_UNIT_BYTES / _MIB
