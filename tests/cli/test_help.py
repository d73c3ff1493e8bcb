"""`kbsync --help` answers at once: nothing that takes long to import is imported for it."""

import subprocess
import sys

import pytest

from kbsync.cli.main import COMMANDS

HEAVY = (
    "aiohttp",
    "aiolimiter",
    "anyio",
    "asyncio",
    "dataclasses",
    "logging",
    "orjson",
    "pydantic",
    "rich",
    "sqlite3",
    "ssl",
    "yaml",
    "yarl",
)
PROBE = """
import sys
from kbsync.__main__ import main
sys.argv = ["kbsync", *sys.argv[1:]]
try:
    main()
finally:
    print("\\nimported:", *sys.modules)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], [], ["plann"]], ids=" ".join)
def test_no_heavy_module_is_imported_for_it(arguments: list[str]) -> None:
    run = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=False)

    imported = run.stdout.rpartition("imported: ")[2].split()
    assert "click" in imported
    assert [name for name in HEAVY if name in imported] == []


def test_the_help_lists_every_command() -> None:
    run = subprocess.run([sys.executable, "-m", "kbsync", "--help"], capture_output=True, text=True, check=True)

    for command in COMMANDS:
        assert f"\n  {command} " in run.stdout
