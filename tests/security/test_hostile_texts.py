"""Whatever a server says and files are called, it acts nowhere: every hostile text wherever one comes out."""

import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

from kbsync.adapters.state.recovery_file import Outcome, leave, read
from kbsync.emulator.sample import SAMPLE_COLLECTION, sample_doc_id
from tests.cli.desk import ENVIRONMENT, Desk
from tests.security.hostile import TEXTS, active, orders
from tests.security.liars import CHUNKS, NAMES, declarable, declare, lied_to, spoken, violations, word_of


@pytest.mark.parametrize("names", CHUNKS, ids=lambda names: names[0])
def test_a_hostile_text_acts_nowhere(tmp_path: Path, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, secret in ENVIRONMENT.items():
        monkeypatch.setenv(variable, secret)
    with lied_to(tmp_path / "desk", names) as (desk, liar):
        monkeypatch.chdir(desk.folder)
        said = {"new": desk.run("plan"), "first": desk.run("-vv", "apply", "--yes")}
        assert said["first"].code == 0, said["first"].err
        declare(desk, names, "!")
        liar.silent = False
        reason = " ".join(word_of(TEXTS[name]) for name in names)
        lift = ("--allow", "change-percent", "--reason", reason)

        for form in ("human", "json", "markdown"):
            said[f"plan {form}"] = desk.run("plan", "--format", form, "--out", f"plan-{form}.json", *lift[:2])
        reports = [word for form in ("json", "jsonl", "md", "csv") for word in ("--report", f"report.{form}")]
        said["apply"] = desk.run("-vv", "--log-file", "apply.log", "apply", "--yes", *reports, *lift)
        for form in ("human", "json", "jsonl", "md", "csv"):
            said[f"report {form}"] = desk.run("report", "--format", form)
        for form in ("human", "json"):
            said[f"runs {form}"] = desk.run("runs", "--format", form)
            said[f"list {form}"] = desk.run("state", "list", "--format", form)
            for number in range(len(names)):
                item = f"volc-bj/default/{SAMPLE_COLLECTION}/document/{sample_doc_id(number)}"
                said[f"show {number} {form}"] = desk.run("state", "show", item, "--format", form)
        said["plain apply"] = desk.run("apply", "--yes", "--format", "json", *lift)

        assert said["apply"].code == 3, said["apply"].err
        assert {told.code for name, told in said.items() if "apply" not in name} == {0}
        written = {path.name: _text(path) for path in desk.folder.iterdir() if path.is_file()}
        texts = {**written, **spoken(said)}
        assert list(violations(texts)) == []
        assert len(written["report.csv"].split("\r\n")) == 2 * len(names) + 2
        assert len(written["report.jsonl"].splitlines()) == 2 * len(names) + 1
        _stamps(written["apply.log"])
        _come_out(names, texts)


def _come_out(names: Iterable[str], texts: Mapping[str, str]) -> None:
    """Claim that programs still read every text as it was."""
    rows = json.loads(texts["report.json"])["items"]
    captions = [change["fields"][0] for change in json.loads(texts["plan json out"])["changes"]]
    messages = " ".join(row["message"] for row in rows)
    for name in names:
        safe = TEXTS[name].encode("utf-8", "replace").decode().replace("\0", "\ufffd")
        assert safe.strip() in messages, name
        if declarable(TEXTS[name]):
            assert any(caption["desired"] == TEXTS[name] + "!" for caption in captions), name


def test_a_hostile_text_acts_nowhere_in_a_process(tmp_path: Path) -> None:
    with lied_to(tmp_path / "desk", NAMES) as (desk, liar):
        assert desk.process("-q", "apply", "--yes", environment=ENVIRONMENT).code == 0
        declare(desk, NAMES, "!")
        liar.silent = False
        lift = ("--allow", "change-percent", "--reason", "test")
        loud = {**ENVIRONMENT, "PYTHONASYNCIODEBUG": "1", "GITHUB_ACTIONS": "true", "CI": "true"}

        told = desk.process("-vv", "--log-file", "apply.log", "apply", "--yes", *lift, environment=loud)

        assert told.code == 3, told.err
        texts = {"out": told.out, "err": told.err, "apply.log": _text(desk.folder / "apply.log")}
        assert list(violations(texts)) == []
        _stamps(texts["apply.log"])
        assert all(re.match(r"kbsync: |manifests/.+:\d+:\d+: warning: ", line) for line in told.err[:-1].split("\n"))


def test_a_hostile_text_acts_nowhere_in_what_is_left_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = tmp_path.name
    records = [
        Outcome(
            seq=seq,
            outcome="failed",
            reason="rejected",
            attempts=1,
            duration_ms=1,
            http_status=400,
            code=text,
            message=text,
            log_id=text,
        )
        for seq, text in enumerate(text.encode("utf-8", "replace").decode() for text in TEXTS.values())
    ]
    # Where the names are taken, it goes to stderr.
    for folder in (tmp_path, Path(tempfile.gettempdir())):
        (folder / f"kbsync-recovery-{run_id}.jsonl").touch()
    assert leave(tmp_path / "state.db", "lineage", run_id, records) is None
    (Path(tempfile.gettempdir()) / f"kbsync-recovery-{run_id}.jsonl").unlink()
    said = capsys.readouterr().err

    assert list(violations({"err": said})) == []
    (tmp_path / "copied").write_text(said, encoding="utf-8")
    assert list(read(tmp_path / "copied").records) == records


def test_a_hostile_text_acts_nowhere_when_it_cannot_be_recorded(tmp_path: Path) -> None:
    with lied_to(tmp_path / "desk", NAMES) as (desk, liar):
        liar.silent = False
        done = subprocess.run(
            [sys.executable, "-m", "tests.security.full_disk", "0", "-q", "apply", "--yes"],
            cwd=desk.folder,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            check=False,
        )

        assert done.returncode == 8, done.stderr.decode()
        assert b"kbsync.recovery/1" in done.stderr
        assert list(violations({"out": done.stdout.decode(), "err": done.stderr.decode()})) == []


def test_a_hostile_text_acts_on_no_terminal(tmp_path: Path) -> None:
    """The display moves the cursor itself: what it sends with hostile texts, it sends with harmless ones too."""
    with lied_to(tmp_path / "desk", NAMES) as (desk, liar):
        lift = ("--allow", "change-percent", "--reason", "test")
        tame = _on_a_terminal(desk, "-vv", "apply", "--yes", *lift)
        declare(desk, NAMES, "!")
        liar.silent = False
        wild = _on_a_terminal(desk, "-vv", "apply", "--yes", *lift)

    allowed = set(_SEQUENCE.findall(tame)) | {"\x1b[31m", "\x1b[33m", "\x1b[91m"}
    assert {"\x1b[?25l", "\x1b[?25h"} <= allowed
    assert set(_SEQUENCE.findall(wild)) <= allowed
    bare = _SEQUENCE.sub("", wild).replace("\r\n", "\n").replace("\r", "")
    assert list(active(bare)) == []
    assert list(orders(bare)) == []
    assert "::error" in wild


# ------------------------------------------------------------------------------------------------------------- claims
def _stamps(log: str) -> None:
    for line in log.removesuffix("\n").split("\n"):
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (run|attempt|failed|unknown|updated)", line), line


_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\^_c])")


def _on_a_terminal(desk: Desk, *words: str) -> str:
    master, slave = pty.openpty()
    environment = {**os.environ, **ENVIRONMENT, "TERM": "xterm-256color", "COLUMNS": "400", "LINES": "50"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        desk.command(*words), cwd=desk.folder, env=environment, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    pieces: list[bytes] = []
    try:
        while piece := os.read(master, 1 << 16):
            pieces.append(piece)
    except OSError:  # the other side is closed
        pass
    os.close(master)
    process.wait()
    return b"".join(pieces).decode("utf-8", "backslashreplace")


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()
