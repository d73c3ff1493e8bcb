"""The state at one place on disk: what is known, and the journal of every run."""

import sqlite3
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace as replace_in
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from kbsync.adapters.state import findings, history, item_story, moving, pruning, runs
from kbsync.adapters.state.breaking import break_lock
from kbsync.adapters.state.files import exists, facts_of, open_reader, reading
from kbsync.adapters.state.flapping import flaps
from kbsync.adapters.state.journal import RunJournal
from kbsync.adapters.state.known import StoredKnown
from kbsync.adapters.state.lineage import check_lineage, guarded_by, is_there
from kbsync.adapters.state.lock import StateLock, holder, remembered
from kbsync.adapters.state.lockfile import Guarded, Holder
from kbsync.adapters.state.mounts import check_local
from kbsync.adapters.state.recognising import take_over
from kbsync.adapters.state.recovery import Recovered, recover
from kbsync.adapters.state.recovery_file import RunEnd, leave, read, records_of
from kbsync.adapters.state.replacing import replace
from kbsync.adapters.state.writer import Writer
from kbsync.adapters.state.written import written_by
from kbsync.core.exits import Exit
from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.moves import Moved, Place
from kbsync.core.plan import Change, Plan
from kbsync.core.report import ItemStory, Report, RunSummary
from kbsync.core.state import ReadRecord, Settlement
from kbsync.core.undo import RunWrites
from kbsync.core.verification import Verification
from kbsync.errors import LockLostError, StateError, StateWriteError, UsageError

__all__ = ("StateStore",)

_SCHEME: Final = "sqlite:"
# What one transaction deletes at most, and how long an apply goes on with it: the next one does the rest.
_PRUNED_AT_ONCE: Final = 2_000
_PRUNING_S: Final = 2.0


class StateStore:
    """The state in the SQLite file at *path*, which need not exist yet. A context manager.

    Reading changes nothing, and never waits for a run. Writing needs the lock. *now_s* tells the time, in seconds since
    the epoch; *say* is told what a person should know beside the results.

    Whatever reads or writes raises StateError when the state is not the one that was there before, or is gone.
    """

    def __init__(
        self, path: Path, now_s: Callable[[], float] = time.time, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.path = path
        self._now_s = now_s
        self._say = say
        self._lock: StateLock | None = None
        self._writer: Writer | None = None
        self._journal: RunJournal | None = None
        self._known: list[StoredKnown] = []

    @classmethod
    def from_url(cls, url: str, folder: Path) -> Self:
        """Return the store that `[state] url` names; a path is relative to *folder*. Raises UsageError."""
        if not url.startswith(_SCHEME) or url == _SCHEME:
            raise UsageError(f"[state] url is {url!r}, and only sqlite:PATH is known.")
        return cls(folder / url.removeprefix(_SCHEME))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is queued, and let go of the file and of the lock. Does nothing when closed."""
        self._release_known()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # ---- the lock

    def lock(self, command: str, timeout_s: float = 0.0) -> StateLock:
        """Take the lock until `close`; wait up to *timeout_s* for another run. Nothing is created where none can be.

        *command* is what for, as others will read. Raises LockedError and StateError.
        """
        assert self._lock is None, "locked already"
        self._lock = StateLock(self.path, command, timeout_s, self._say)
        return self._lock

    def holder(self) -> Holder | None:
        """Return who holds the lock, or None when nobody does."""
        return holder(self.path)

    def break_lock(self, id_: str) -> Holder:
        """Take the state away from the holder whose lock has the *id_*, and return who that was.

        It can write nothing any more. Raises UsageError when nobody holds that lock, LockedError when the holder is in
        the middle of a write.
        """
        return break_lock(self.path, id_)

    def rebuild(self, items: Iterable[tuple[Item, Fields]], targets: Iterable[str] = ()) -> Path | None:
        """Put a new state, which knows *items* and nothing else, in the place of what is there, under the lock.

        Return where that is kept under another name, or None when there was nothing. It may be damaged, newer, or not
        the one that should be. *targets*, and those of *items*, may have been sent to until now. Raises StateError with
        nothing changed, and what *items* raises.
        """
        assert self._lock is not None, "rebuilding needs the lock"
        self._release_known()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        return replace(self.path, self._lock, items, targets, self._now_s)

    def accept(self) -> Guarded:
        """Take the state that is there for the one that should be, under the lock, and return what it is.

        Raises StateError when it cannot be read, or there is none.
        """
        assert self._lock is not None, "accepting needs the lock"
        if not exists(self.path):
            raise StateError(f"There is no state {self.path} to accept.")
        with reading(self.path), closing(open_reader(self.path)) as connection:
            guarded = guarded_by(connection)
        self._lock.remember(guarded)
        return guarded

    # ---- reading

    def known(self) -> StoredKnown:
        """Return what is known now, whatever is written meanwhile. Raises StateError when the state cannot be read."""
        now_s, facts = self._now_s(), facts_of(self.path)
        known = StoredKnown(self.path, self._open(), now_s, facts)
        self._known.append(known)
        return known

    def list_runs(self) -> tuple[RunSummary, ...]:
        """Return all runs, the latest first."""
        with self._reader() as connection:
            return () if connection is None else history.runs(connection)

    def load_report(self, run_id: str = "last") -> Report:
        """Return the report of a run, ended or not, or of the `last` one. Raises UsageError when there is none.

        What an unended run left open is `unknown` when it is in doubt, else `not_attempted`; the reason is
        `unfinished`.
        """
        with self._history() as connection:
            report = history.report(connection, run_id)
            run_id = report.facts.run_id
            facts = replace_in(
                report.facts,
                verification=findings.verification_of(connection, run_id),
                flapping=flaps(connection, run_id),
            )
            return replace_in(report, facts=facts)

    def failed_of(self, run_id: str = "last") -> frozenset[Item]:
        """Return the items with a change of the run that is failed, unknown or not attempted. Raises UsageError."""
        with self._history() as connection:
            return history.unsettled_items(connection, run_id)

    def written_by(self, run_id: str = "last") -> RunWrites:
        """Return what a run wrote or may have written, with the values that it replaced. Raises UsageError."""
        with self._history() as connection:
            return written_by(connection, run_id)

    def left_open(self) -> Mapping[int, Change]:
        """Return by number the changes of earlier runs whose verification was left open, unless a later one came."""
        with self._reader() as connection:
            return {} if connection is None else findings.left_open(connection)

    def show(self, item: Item) -> ItemStory:
        """Return everything the state holds of *item*."""
        with self.known() as known:
            doubts, fields = known.doubts().get(item, frozenset()), known.fields(item)
            with self._reader() as connection:
                if connection is None:
                    return ItemStory(item, fields, (), ())
                return item_story.show(connection, item, doubts, fields)

    def items_called(self, word: str) -> frozenset[Item]:
        """Return the items of which *word* is the id, known or not any more; else those that are known by that name."""
        with self._reader() as connection:
            return frozenset() if connection is None else item_story.items_called(connection, word)

    def last_send_s(self) -> dict[str, float]:
        """Return for each target when it was last sent to, at the latest; without those that never were.

        Also for those that have another name by now. It is now for a target with an attempt that a killed run did not
        live to conclude.
        """
        with self._reader() as connection:
            return {} if connection is None else history.last_sends(connection, self._now_s())

    def foresee_move(self, source: Place, destination: Place) -> Moved:
        """Return what `move` would move. Raises UsageError as it does."""
        with self._reader() as connection:
            if connection is None:
                raise UsageError(f"The state knows nothing of {source}: there is none yet.")
            return moving.foreseen(connection, source, destination)

    def sent_until_s(self) -> float:
        """Return when whoever used the state may have sent last, in seconds since the epoch; 0.0 when nobody ever did.

        Under the lock, it is now if the holder before did not live to give it back: lists may be read without a run.
        """
        if self._lock is not None and self._lock.was_left:
            return self._now_s()
        return max(self.last_send_s().values(), default=0.0)

    def sent_to_since(self, at_s: float) -> frozenset[tuple[str, str, str]]:
        """Return the places (target, container, kind) to which an update was sent at *at_s* or later, or may have been.

        *at_s* is in seconds since the epoch.
        """
        with self._reader() as connection:
            return frozenset() if connection is None else history.sent_to_since(connection, at_s)

    # ---- writing, under the lock

    def begin_run(
        self,
        plan: Plan,
        *,
        allow_reason: str = "",
        on_settled: Callable[[Settlement], None] | None = None,
        unique_targets: Collection[str] = (),
        reads: Sequence[ReadRecord] = (),
    ) -> RunJournal:
        """Record that *plan* is being applied, and return the journal for it.

        Everything is durable on return: the changes with the values they replace, the outcome of those that are not
        sent, that what was recognised is known, and that released items (unless in doubt) and unmanaged fields are
        forgotten. *allow_reason* is why guards were lifted, *reads* are those that were made for the plan.
        In *unique_targets* an id means one thing whatever its container: what is known of it under another container
        than the one that the plan changes it in is forgotten too. Raises StateError and StateWriteError.
        """
        run_id = runs.new_run_id(self._now_s())
        writer = self._write()
        recorder, guarded = writer.run(
            lambda connection: (
                runs.begin(connection, plan, run_id, self._now_s, allow_reason, unique_targets, reads),
                guarded_by(connection),
            )
        )
        if self._lock is not None:
            self._lock.remember(guarded)
        self._journal = RunJournal(writer, recorder, on_settled)
        return self._journal

    def finish_run(
        self, journal: RunJournal, *, exits: Iterable[Exit] = (), stopped: Mapping[str, str] | None = None
    ) -> None:
        """Record that the run of *journal* has ended, after everything that was handed in to it.

        Each change without a settlement is from then on not attempted, for the reason that its target was left, or
        `unfinished`; unless an attempt of it may have been applied: that is unknown.
        *exits* are those that its outcomes do not show, *stopped* says why targets were. Raises StateWriteError when
        that or anything before could not be recorded; what is missing is then left in a recovery file, which it names,
        and that is among the exits there.
        """
        now_s, exits, stopped = self._now_s(), list(exits), stopped or {}
        try:
            self._write().run(
                lambda connection: runs.finish(connection, journal.run, now_s, exits, stopped, journal.left)
            )
        except StateWriteError as error:
            exits.append(Exit.LOCKED if isinstance(error, LockLostError) else Exit.STATE)
            end = RunEnd(at_s=now_s, exits=exits, stopped=dict(stopped), left=dict(journal.left))
            raise type(error)(f"{error}\n{self._leave(journal, end)}") from error

    def record_verification(
        self, journal: RunJournal, verification: Verification, earlier: Mapping[int, Change]
    ) -> None:
        """Record what the run of *journal* read back, after everything that was handed in to it, in one transaction.

        *earlier* are the numbers of the earlier changes in *verification*, in their order there. What was read is known
        from then on where it is not what was sent, and nothing is known of an item that does not exist. Raises
        StateWriteError.
        """
        found = {journal.first_change + seq: (journal.changes[seq], one) for seq, one in verification.findings.items()}
        found |= dict(zip(earlier, verification.earlier, strict=True))
        self._write().run(lambda connection: findings.put_verification(connection, journal.run, verification, found))

    def recover(self, file: Path) -> Recovered:
        """Record what the recovery *file* holds, and return what of it was news; twice changes nothing.

        Raises InputError when it is damaged, or was left by a run on another state.
        """
        recovery = read(file)
        if not is_there(self.path, remembered(self.path)):
            raise StateError(f"There is no state {self.path} to recover anything into.")
        return self._write().run(lambda connection: recover(connection, recovery))

    def recognise(self, items: Iterable[tuple[Item, Fields]], targets: Collection[str] = ()) -> list[Item]:
        """Make known what a read confirmed of *items*, in one transaction; their other known fields stay.

        Return those in doubt, of which nothing is made known: a late write may come over what was read. *targets* may
        have been sent to until now. Raises StateError and StateWriteError, with nothing changed.
        """
        return self._write().run(lambda connection: take_over(connection, items, targets, self._now_s()))

    def forget(self, items: Iterable[Item]) -> int:
        """Forget *items*: what is known, doubts and hazards. Return how many were known. Nothing is sent."""
        if not is_there(self.path, remembered(self.path)):
            return 0
        return self._write().run(lambda connection: runs.forget(connection, items, self._now_s()))

    def move(self, source: Place, destination: Place) -> Moved:
        """Call what is at *source* by the name of *destination*: known values, doubts, and the changes of all runs.

        Nothing is sent. Raises UsageError, with nothing changed, when there is nothing at *source*, or items at
        *destination*.
        """
        return self._write().run(lambda connection: moving.move(connection, source, destination))

    def prune(
        self, keep_runs: int, *, clock: Callable[[], float] = time.monotonic, at_once: int = _PRUNED_AT_ONCE
    ) -> bool:
        """Delete what is kept of the runs before the last *keep_runs* that had changes; return whether all of it went.

        Their lines in the list of runs stay, and whatever something may still depend on. Deletes *at_once* in each
        transaction, and stops after a while, by *clock* in seconds. Raises StateWriteError.
        """
        until_s = clock() + _PRUNING_S
        while self._write().run(lambda connection: pruning.prune(connection, keep_runs, at_once)):
            if clock() >= until_s:
                return False
        return True

    def _write(self) -> Writer:
        assert self._lock is not None, "writing needs the lock"
        self._release_known()
        if self._writer is None:
            if (connection := self._open()) is not None:
                connection.close()
            self._writer = Writer(self.path, self._lock, self._say)
            self._lock.remember(self._writer.run(guarded_by))
        return self._writer

    def _open(self) -> sqlite3.Connection | None:
        """Open the state for reading; None when there never was one."""
        guarded = remembered(self.path)
        if not is_there(self.path, guarded):
            return None
        check_local(self.path)
        connection = open_reader(self.path)
        try:
            with reading(self.path):
                check_lineage(connection, self.path, guarded)
        except BaseException:
            connection.close()
            raise
        return connection

    def _leave(self, journal: RunJournal, end: RunEnd) -> str:
        """Leave a recovery file, and return what to say of it."""
        guarded = self._lock.guarded if self._lock is not None else None
        lineage = guarded.lineage if guarded is not None else ""
        file = leave(self.path, lineage, journal.run_id, [*records_of(journal.unwritten), end])
        saved = self.path.with_name(f"{self.path.name}.saved-{journal.run_id}")
        lines: list[str] = []
        if self._writer is not None and self._writer.save(saved):
            lines.append(f"What was in it is in {saved}: rename that to {self.path}")
        if file is None:
            lines.append("What is not recorded stands above. Put it into a file, then run `kbsync state recover FILE`.")
        else:
            lines.append(f"What is not recorded is in {file}. When it can be: `kbsync state recover {file}`")
        return "\n".join(lines)

    def _release_known(self) -> None:
        # What a snapshot still reads stays in the WAL, which would grow with the run.
        for known in self._known:
            known.close()
        self._known.clear()

    @contextmanager
    def _reader(self) -> Generator[sqlite3.Connection | None]:
        """Open the state for reading, and close it afterwards; None when there never was one."""
        connection = self._open()
        if connection is None:
            yield None
            return
        with reading(self.path), closing(connection):
            yield connection

    @contextmanager
    def _history(self) -> Generator[sqlite3.Connection]:
        with self._reader() as connection:
            if connection is None:
                raise UsageError("There is no run yet.")
            connection.execute("BEGIN")
            yield connection
