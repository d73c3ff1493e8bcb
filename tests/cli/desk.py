"""A desk to run the command line at: a folder with all that a run needs, and an emulator beside it."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from kbsync.cli.main import run
from kbsync.emulator import Emulator, Running
from kbsync.emulator.connection import Reply
from kbsync.emulator.messages import Request
from kbsync.emulator.rules import read_rules
from kbsync.emulator.sample import SAMPLE_ACCESS_KEY_ID, SAMPLE_SECRET_ACCESS_KEY, SAMPLE_TOKEN

__all__ = (
    "COLLECTION",
    "CONFIG",
    "DATASET",
    "ENVIRONMENT",
    "MANIFEST",
    "PENDING",
    "RECORDS",
    "CountingEmulator",
    "Desk",
    "Told",
    "lying",
)

DATASET = "744632974166804001"
COLLECTION = "test_collection_name"
CONFIG = """\
[manifests]
paths = ["manifests"]

[targets.coze-cn]
provider = "coze"
base_url = "{url}"
token = "env:COZE_API_TOKEN"
rate = "500/s"
concurrency = 4

[targets.volc-bj]
provider = "volcengine"
base_url = "{url}"
region = "cn-beijing"
access_key_id = "env:VOLC_ACCESSKEY"
secret_access_key = "env:VOLC_SECRETKEY"
rate = "500/s"
"""
MANIFEST = """\
kbsync: 1
target: coze-cn
dataset: "744632974166804001"
images:
  - id: "7446670805219090001"
    caption: {caption}
documents:
  - id: "7386942056030100001"
    name: cozeoverview
"""
RECORDS = (
    '{{"target":"volc-bj","collection":"test_collection_name","kind":"document","id":"doc_0000000",'
    '"meta":{{"行业":"{trade}"}}}}\n'
)
# How many changes wait on a fresh desk, so that whatever is sent by mistake is seen.
PENDING = 2
ENVIRONMENT = {
    "COZE_API_TOKEN": SAMPLE_TOKEN,
    "VOLC_ACCESSKEY": SAMPLE_ACCESS_KEY_ID,
    "VOLC_SECRETKEY": SAMPLE_SECRET_ACCESS_KEY,
}


class CountingEmulator(Emulator):
    """An emulator that counts whatever arrives, endpoints that it does not have included."""

    arrived = 0

    def receive(self, request: Request) -> Reply:
        self.arrived += 1
        return super().receive(request)


class Told(NamedTuple):
    """What one command said and ended with."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return orjson.loads(self.out)


@dataclass(frozen=True, slots=True)
class Desk:
    """The working directory *folder*, and what happens there."""

    folder: Path
    running: Running

    @property
    def emulator(self) -> CountingEmulator:
        assert isinstance(self.running.emulator, CountingEmulator)
        return self.running.emulator

    @property
    def state(self) -> Path:
        return self.folder / ".kbsync" / "state.db"

    @property
    def requests(self) -> int:
        return self.emulator.arrived

    def caption(self, image: str = "7446670805219090001") -> str:
        return self.emulator.world.datasets[DATASET].images[image].caption

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return path

    def configure(self, text: str = CONFIG, *, replace: Mapping[str, str] | None = None) -> None:
        """Write kbsync.toml, with each key of *replace*, which must be there, replaced."""
        for old, new in (replace or {}).items():
            assert old in text, old
            text = text.replace(old, new, 1)
        self.write("kbsync.toml", text.replace("{url}", self.running.base_url))

    def run(self, *arguments: str, stdin: str = "") -> Told:
        """Run a command in this process, without a terminal."""
        with _streams(stdin) as (out, err):
            code = run(arguments)
        return Told(code, out.getvalue(), err.getvalue())

    def process(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        cwd: Path | None = None,
        timeout_s: float = 60,
    ) -> Told:
        """Run a command in a process of its own, without a terminal; *prefix* is a command that runs it."""
        done = subprocess.run(
            [*prefix, *self.command(*arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, **(environment or {})},
            cwd=self.folder if cwd is None else cwd,
            timeout=timeout_s,
            check=False,
        )
        return Told(done.returncode, done.stdout.decode(), done.stderr.decode())

    def shell(self, line: str, environment: Mapping[str, str] | None = None) -> Told:
        """Run a line of shell, in which `kbsync` is the command."""
        command = " ".join(f"'{word}'" for word in self.command())
        script = f'kbsync() {{ {command} "$@"; }}\n{line}\n'
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, **(environment or {})},
            cwd=self.folder,
            timeout=60,
            check=False,
        )
        return Told(done.returncode, done.stdout.decode(), done.stderr.decode())

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "kbsync", *arguments]


@contextlib.contextmanager
def _streams(stdin: str) -> Generator[tuple[io.StringIO, io.StringIO]]:
    out, err, before = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.StringIO(stdin)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield out, err
    finally:
        sys.stdin = before


@contextlib.contextmanager
def lying(desk: Desk, *rules: dict[str, object]) -> Generator[None]:
    desk.emulator.set_rules(read_rules(list(rules)))
    try:
        yield
    finally:
        desk.emulator.set_rules(())
