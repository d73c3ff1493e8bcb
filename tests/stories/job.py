"""One workspace of kbsync, and kbsync as a process in it: what a user has, and what a user runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson

from tests.stories.journal import Journal
from tests.stories.world import ACCESS_KEY_ID, SECRET_ACCESS_KEY, World, token_of

__all__ = ("Done", "Job", "Running", "Target")

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Target:
    """A table of `kbsync.toml`. *credential* is the number of its credential; each has many."""

    name: str
    rate: str = "4000/s"
    concurrency: int = 16
    credential: int = 0
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_coze(self) -> bool:
        """Targets are told apart by their names."""
        return self.name.startswith("coze")

    def lines(self, base_url: str) -> list[str]:
        """Write the table."""
        common = [f'base_url = "{base_url}"', f'rate = "{self.rate}"', f"concurrency = {self.concurrency}"]
        common += [f"{name} = {orjson.dumps(value).decode()}" for name, value in self.settings.items()]
        if self.is_coze:
            return [f"[targets.{self.name}]", 'provider = "coze"', f'token = "env:TOKEN_{self.credential}"', *common]
        secrets = [f'access_key_id = "env:KEY_{self.credential}"', 'secret_access_key = "env:SECRET"']
        return [f"[targets.{self.name}]", 'provider = "volcengine"', 'region = "cn-beijing"', *secrets, *common]


BOTH = (Target("coze-cn"), Target("volc-bj"))


class Done(NamedTuple):
    """A process that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read stdout as JSON."""
        return orjson.loads(self.out)


class Running:
    """kbsync under way. A context manager that leaves no process behind."""

    def __init__(self, process: subprocess.Popen[str], err: Path) -> None:
        self.process = process
        self._err = err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        with suppress(ValueError):
            self.process.communicate()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def heard(self, words: str) -> bool:
        """Tell whether it said this on stderr so far."""
        return words in self._err.read_text(encoding="utf-8")

    def done(self) -> Done:
        """Wait for the end."""
        out, _ = self.process.communicate()
        err = self._err.read_text(encoding="utf-8")
        assert "Traceback" not in err, err
        return Done(self.process.returncode, out, err)


class Job:
    """The workspace in *folder*, with *targets* at *base_url*. *extra* are more lines of `kbsync.toml`."""

    def __init__(
        self,
        folder: Path,
        base_url: str,
        targets: Sequence[Target] = BOTH,
        retry: Mapping[str, object] | None = None,
        extra: Sequence[str] = (),
    ) -> None:
        self._started = 0
        self.folder = folder
        self.targets = targets
        folder.mkdir(parents=True, exist_ok=True)
        lines = [line for target in targets for line in ("", *target.lines(base_url))]
        if retry:
            lines += ["", "[retry]", *(f"{name} = {value}" for name, value in retry.items())]
        (folder / "kbsync.toml").write_text("\n".join((*lines, *extra, "")), encoding="utf-8")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "PYTHONPATH": str(_ROOT),
            "PYTHONWARNINGS": "error",
            "PYTHONUTF8": "1",
            "SECRET": SECRET_ACCESS_KEY,
            **{f"TOKEN_{target.credential}": token_of(target.credential) for target in targets},
            **{f"KEY_{target.credential}": f"{ACCESS_KEY_ID}{target.credential}" for target in targets},
        }

    @property
    def journal(self) -> Journal:
        """What the state holds."""
        return Journal(self.folder / ".kbsync" / "state.db")

    def declare(self, world: World) -> None:
        """Put the manifest of *world* in place."""
        world.write(self.folder / "manifests")

    def start(self, *arguments: str) -> Running:
        """Start kbsync and let it run."""
        self._started += 1
        err = self.folder.parent / f"{self.folder.name}.{self._started}.err"
        with err.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "kbsync", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                encoding="utf-8",
            )
        return Running(process, err)

    def run(self, *arguments: str) -> Done:
        """Run kbsync to its end."""
        with self.start(*arguments) as running:
            return running.done()

    def plan(self, *arguments: str) -> Any:
        """Return the plan as JSON."""
        return self.run("plan", "--format", "json", *arguments).json

    def apply(self, *arguments: str) -> tuple[int, Any]:
        """Apply, and return the exit code and the report."""
        report = self.folder / "report.json"
        report.unlink(missing_ok=True)
        done = self.run("--quiet", "apply", "--yes", "--report", str(report), *arguments)
        assert report.exists(), done.err
        return done.code, checked(orjson.loads(report.read_bytes()), done.code)

    def report(self, run_id: str = "last") -> Any:
        """Return the report of an earlier run."""
        return self.run("report", run_id, "--format", "json").json

    def fingerprint(self) -> dict[str, tuple[int, bytes]]:
        """Tell every file of the workspace by its mode and content, but for the cache that plans may keep."""
        return {
            str(path.relative_to(self.folder)): (
                path.lstat().st_mode,
                b"" if path.is_dir() else blake2b(path.read_bytes()).digest(),
            )
            for path in sorted(self.folder.rglob("*"))
            if path != self.folder / ".kbsync" and self.folder / ".kbsync" / "cache" not in (path, path.parent)
        }


def checked(report: Any, code: int) -> Any:
    """Give back a report that accounts for every planned change and tells the code that the process ended with."""
    totals = report["totals"]
    outcomes = ("updated", "failed", "unknown", "conflict", "stale", "skipped", "not_attempted")
    assert totals["planned"] == sum(totals[outcome] for outcome in outcomes) == len(report["items"])
    for outcome in outcomes:
        assert totals[outcome] == sum(row["outcome"] == outcome for row in report["items"])
    keys = {(*row["item"].values(), row["operation"]) for row in report["items"]}
    assert len(keys) == len(report["items"]), "a change stands twice in the report"
    assert report["exit"]["code"] == code
    return report
