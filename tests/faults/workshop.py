"""A workspace whose server lives in the same process as the run, and runs in children that can be killed anywhere."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Self

import orjson

from kbsync.adapters.state import StateStore, holder
from kbsync.cli.workspace import open_workspace
from kbsync.core.plan import Plan
from kbsync.core.report import RunSummary
from kbsync.emulator.rules import read_rules
from tests.faults.forked import run_forked, run_here
from tests.faults.inner_server import InnerServer
from tests.stories.job import Job, Target, checked
from tests.stories.world import Content, Line, World, declared

__all__ = ("CONCURRENCY", "NOWHERE", "Workshop")

CONCURRENCY: Final = 2
# Nobody listens there, and nobody is asked to: requests never leave the process.
NOWHERE: Final = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Workshop:
    """One target's workspace and server in *folder*.

    *world* is what the server held at first, and what is declared. What is checked is about the requests from number
    *since* on, and the runs after the first *runs*.
    """

    folder: Path
    target: str
    world: World
    since: int = 0
    runs: int = 0

    @classmethod
    def made(cls, folder: Path, target: str, world: World) -> Self:
        """Set one up."""
        folder.mkdir()
        (folder / "world.json").write_bytes(_archive(world))
        shop = cls(folder, target, world)
        shop.declare(world)
        return shop

    def declare(self, world: World) -> Self:
        """Put another manifest in place."""
        self.job.declare(world)
        return replace(self, world=world)

    def copied(self, folder: Path) -> Self:
        """Copy everything to *folder*."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)

    def begun(self) -> Self:
        """Take what the server holds and has seen by now for where things begin."""
        world = World(self.content(), self.world.lines)
        return replace(self, world=world, since=len(self.server.requests()), runs=len(self._runs()))

    @property
    def job(self) -> Job:
        """The workspace."""
        retry = {"attempts": 3, "base_delay_s": 0.001}
        return Job(self.folder / "workspace", NOWHERE, [Target(self.target, "4000/s", CONCURRENCY)], retry)

    @property
    def server(self) -> InnerServer:
        """The server as its log tells it, for looking only."""
        return self._server(())

    @property
    def err(self) -> str:
        """What the last run said on stderr."""
        return (self.folder / "err").read_text(encoding="utf-8")

    def boundaries(self) -> list[str]:
        """Give the boundaries that the last run passed; it may have died at the last one."""
        return (self.folder / "boundaries").read_text(encoding="utf-8").splitlines()

    def content(self) -> Content:
        """Give what the server holds."""
        return self.server.content(list(self.world.before))

    def run(
        self,
        *arguments: str,
        rules: Sequence[Mapping[str, object]] = (),
        fatal: str | None = None,
        signals: Sequence[signal.Signals] = (signal.SIGKILL,),
    ) -> int:
        """Run kbsync in a child; return its exit code, or minus its signal. It gets *signals* at *fatal*."""
        return run_forked(self.folder, arguments, self.job.environment, partial(self._server, rules), fatal, signals)

    # -------------------------------------------------------------------------------------------- after it has ended
    def check_what_is_left(self) -> None:
        """The state is sound, claims nothing that the server does not hold, and has lost nothing that it does."""
        job, server = self.job, self.server
        if not job.journal.path.exists():
            assert len(server.requests()) == self.since, "something was sent that nobody knows of"
            return
        assert job.journal.is_sound()
        assert holder(job.journal.path) is None, "a dead process holds the lock"

        content = self.content()
        planned = {(change.operation, change.item.id): change.reason for change in self._plan().changes}
        written = {one.key for one in server.writes() if one["fate"] == "applied"}
        for key, part in _parts(self.world.lines):
            held = declared(content, [part]) == content
            if key not in planned:
                assert held, f"the state knows what the server does not hold: {key}"
            elif held and key in written:
                assert planned[key] == "in_doubt", f"the server holds what the state neither knows nor doubts: {key}"
        for told in self._told():
            assert told not in planned, f"{told} was told and is not recorded"

        with StateStore(job.journal.path) as store:
            for one in store.list_runs():
                report = store.load_report(one.run_id)
                assert len(report.rows) == report.totals["planned"]
        for whole in job.folder.glob("*.json"):
            assert orjson.loads(whole.read_bytes())["format"] == "kbsync.report/1"

    def check_the_account(self, code: int) -> None:
        """The run that ended with *code* has told the fate of every change, or never began."""
        runs = self._runs()
        if len(runs) == self.runs:
            assert len(self.server.requests()) == self.since
            return
        assert code >= 0
        assert runs[0].finished_at_s is not None
        report = checked(orjson.loads((self.job.folder / "report.json").read_bytes()), code)
        assert report["run_id"] == runs[0].run_id

    def check_the_next_run(self, duplicates: int) -> None:
        """The next run does all the rest; no more than *duplicates* writes were done again because of the kill."""
        arguments = ("--quiet", "apply", "--yes", "--report", "next.json")
        code = run_here(self.folder, arguments, self.job.environment, self.server)

        assert code == 0, (code, self.err)
        job, server = self.job, self.server
        report = checked(orjson.loads((job.folder / "next.json").read_bytes()), code)
        assert report["totals"]["planned"] == report["totals"]["updated"]
        assert self.content() == self.world.after
        assert not self._plan().changes
        assert job.journal.is_sound()
        assert job.journal.open_intents() == 0
        seen, journalled = Counter(one.key for one in server.writes()), job.journal.writes()
        assert seen <= journalled, "something was sent that is not in the journal"
        assert (journalled - seen).total() <= duplicates
        good = server.well_answered(self.since)
        assert good.total() - len(good) <= duplicates

    def _runs(self) -> tuple[RunSummary, ...]:
        with StateStore(self.job.journal.path) as store:
            return store.list_runs()

    def _plan(self) -> Plan:
        workspace = open_workspace(self.job.folder / "kbsync.toml")
        with workspace.store() as store:
            plan, _ = workspace.plan(store.known(), ())
        return plan

    def _told(self) -> list[tuple[str, str]]:
        path = self.folder / "told"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [(operation, id_) for operation, id_, outcome in map(str.split, lines) if outcome == "updated"]

    def _server(self, rules: Sequence[Mapping[str, object]]) -> InnerServer:
        return InnerServer(self.folder / "world.json", self.folder / "requests.jsonl", read_rules(list(rules)))


def _parts(lines: Iterable[Line]) -> Iterator[tuple[tuple[str, str], Line]]:
    """Yield what each write sets, as a line of its own, with its operation and id."""
    for line in lines:
        if line["kind"] == "image":
            yield ("coze.image.caption", line["id"]), line
        elif "dataset" in line:
            yield ("coze.document.update", line["id"]), line
        else:
            for field in line.keys() & {"meta", "name"}:
                others = {"meta", "name"} - {field}
                part = {name: value for name, value in line.items() if name not in others}
                yield (f"volcengine.document.{field}", line["id"]), part


def _archive(world: World) -> bytes:
    """Write *world* as the emulator reads it, with no more credentials than are used: it is read for every run."""
    value = orjson.loads(world.archive())
    value["credentials"] = {kind: some[:1] for kind, some in value["credentials"].items()}
    return orjson.dumps(value)
