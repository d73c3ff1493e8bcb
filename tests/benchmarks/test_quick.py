"""The benchmarks run. How long anything takes is not looked at: a machine with other work would decide."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.pacing import SCENARIOS
from benchmarks.page import GROUPS

ROOT = Path(__file__).parents[2]


def test_the_smoke_form_runs_and_prints_every_row(tmp_path: Path) -> None:
    kept = tmp_path / "numbers.json"

    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json", str(kept), "--docs", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    groups = json.loads(kept.read_text(encoding="utf-8"))["groups"]
    names = {group: [row["name"] for row in rows] for group, rows in groups.items()}
    assert names == {
        "captions": [
            "kbsync apply, first to last send",
            "kbsync apply, whole process",
            "bare aiohttp loop",
            "cozepy, AsyncCoze",
            "bare sockets, requests made before",
        ],
        "meta": [
            "kbsync apply, first to last send",
            "kbsync apply, whole process",
            "bare aiohttp loop, signed",
            "vikingdb SDK, threads",
            "volcengine SDK, threads",
            "bare sockets, requests made and signed before",
        ],
        "plan": [
            "kbsync plan, one item",
            "kbsync plan, JSON Lines",
            "bare orjson line loop",
            "kbsync plan, YAML",
            "bare libyaml event loop",
        ],
        "warm": [
            "kbsync plan, one item",
            "JSON Lines, cold",
            "JSON Lines, nothing edited",
            "JSON Lines, one file edited",
            "YAML, cold",
            "YAML, nothing edited",
            "YAML, one file edited",
        ],
        "peers": [
            "kbsync plan, YAML",
            "octoDNS, YamlProvider.populate",
            "yaml.safe_load",
            "yaml.load, CSafeLoader",
        ],
        "growth": [
            "kbsync plan, one item",
            "JSON Lines, 200 items",
            "JSON Lines, 400 items",
            "YAML, 200 items",
        ],
        "pacing": list(SCENARIOS),
        "bombs": [
            "kbsync, gzip",
            "bare aiohttp, gzip",
            "kbsync, plain",
            "kbsync, chunks without an end",
            "kbsync, an answer of 10 bytes",
        ],
        "help": ["python -c pass", "kbsync --help", "kbsync --version", "kbsync apply --help"],
    }
    for rows in names.values():
        assert all(name in run.stdout for name in rows)
    for group in ("captions", "meta"):
        assert all(row["requests/s"] > 0 for row in groups[group])
    page = (tmp_path / "planning.md").read_text(encoding="utf-8")
    assert [name for group in GROUPS for name in names[group] if f"| {name} |" not in page] == []
    assert (tmp_path / "planning.svg").read_text(encoding="utf-8").count("<circle") == 2 * 3
