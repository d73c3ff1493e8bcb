"""The console blocks of documents, run as they stand, in one shell each: what they show is what happens.

A block holds commands behind `$ ` (continued behind `> `) and below each what it prints. There, `…` stands for anything
within a line, a line that is `…` alone for any number of lines, and `[exit N]` for the exit code when it is not 0.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
# Ports that the documents name.
PORTS = ("8321", "8322")


class Step(NamedTuple):
    command: str
    shown: list[str]


def steps(document: Path = README) -> Iterator[Step]:
    text = document.read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        current: Step | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if current is not None:
                    yield current
                current = Step(line[2:], [])
            elif line.startswith("> ") and current is not None:
                current = current._replace(command=f"{current.command}\n{line[2:]}")
            else:
                assert current is not None, line
                current.shown.append(line)
        if current is not None:
            yield current


class Shell:
    """One bash with one working folder, which tells the output and the exit code of each command."""

    END = "--end-of-command--"

    def __init__(self, folder: Path) -> None:
        environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"}
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env={name: value for name, value in environ.items() if not name.startswith("KBSYNC_")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def run(self, command: str) -> tuple[list[str], int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\necho {self.END} $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(self.END):
                return lines, int(line.split()[1])
            lines.append(line.rstrip("\n"))
        raise AssertionError(lines)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def fits(shown: list[str], printed: list[str]) -> bool:
    """Tell whether *printed* is what *shown* says, as far as it says."""
    if not shown:
        return not printed
    if shown[0] == "…":
        return any(fits(shown[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    pattern = ".*".join(re.escape(part) for part in shown[0].split("…"))
    return bool(printed) and re.fullmatch(pattern, printed[0]) is not None and fits(shown[1:], printed[1:])


def wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nothing listens")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def on_ports(text: str, ports: Mapping[str, int]) -> str:
    for named, port in ports.items():
        text = text.replace(named, str(port))
    return text


@pytest.mark.skipif(shutil.which("bash") is None, reason="the documents' commands are for bash")
@pytest.mark.parametrize("document", [README, ROOT / "docs" / "migration.md"], ids=lambda document: document.name)
def test_what_a_document_shows_is_what_happens(tmp_path: Path, document: Path) -> None:
    ports = {port: free_port() for port in PORTS}
    shell = Shell(tmp_path)
    try:
        for step in steps(document):
            command = on_ports(step.command, ports)
            if command.startswith("kill "):  # so that bash says nothing of its own
                command += "; wait 2>/dev/null; true"
            printed, code = shell.run(command)
            if command.endswith("&"):
                wait_for(next(port for port in ports.values() if str(port) in command))
                printed = []
            if code != 0:
                printed.append(f"[exit {code}]")
            shown = [on_ports(line, ports) for line in step.shown]
            assert fits(shown, printed), "\n".join([f"$ {command}", *printed, "--- the document says", *shown])
    finally:
        shell.run("kill $(jobs -p) 2>/dev/null; true")
        shell.close()


def test_the_readme_shows_commands() -> None:
    assert sum(step.command.startswith("kbsync ") for step in steps()) >= 10


def test_the_readme_has_every_exit_code() -> None:
    from kbsync.core.exits import Exit

    table = README.read_text(encoding="utf-8").split("## Exit codes")[1].split("\n## ")[0]

    assert {code.value for code in Exit} <= {int(number) for number in re.findall(r"\d+", table)}


def test_the_readme_names_every_outcome() -> None:
    from kbsync.core.report import OUTCOMES

    assert all(outcome in README.read_text(encoding="utf-8") for outcome in OUTCOMES)
