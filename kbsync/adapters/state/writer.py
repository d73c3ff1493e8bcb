"""The one thread that writes, and its group commit."""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from kbsync.adapters.state.creation import copy_whole, identity, sync_folder
from kbsync.adapters.state.files import open_writer, rest
from kbsync.adapters.state.lock import StateLock
from kbsync.adapters.state.recorder import Entry
from kbsync.errors import LockLostError, StateWriteError

__all__ = ("Ledger", "Writer")

_T = TypeVar("_T")
# A commit takes whatever waits, up to this: enough that the disk is never the limit, few enough that none waits long.
_MOST_ENTRIES: Final = 512
# Commits begin this far apart at least: so long for each entry of the last one, within bounds. One that follows at once
# would carry little, for the same price; and where many are in flight, others use the time.
_APART_FOR_EACH_S: Final = 0.00005
_LEAST_APART_S: Final = 0.001
_MOST_APART_S: Final = 0.005


class Ledger(Protocol):
    """What the writer does with entries. All methods are called in its thread."""

    def write(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        """Write *entries*, inside a transaction."""
        ...

    def written(self, entries: Sequence[Entry]) -> None:
        """Learn that *entries* are durable."""
        ...

    def lost(self, entries: Sequence[Entry], failure: StateWriteError) -> None:
        """Learn that *entries* were not written, and that nothing handed in later will be."""
        ...


class Writer:
    """Owns the connection that writes to the state at *path*; starts its thread at once.

    The caller holds *lock*. Jobs and entries are done in the order in which they came. After the first write that fails
    nothing is written any more, and `failure` says why: that somebody broke the lock, among others. *say* is told when
    the state was of an older format. Raises StateError when the state cannot be opened.
    """

    def __init__(self, path: Path, lock: StateLock, say: Callable[[str], None]) -> None:
        self._path = path
        self._lock = lock
        self._say = say
        self._failure: StateWriteError | None = None
        self._epoch: int | None = None
        self._displaced = False
        self._queue: deque[_Waiting] = deque()
        # A token is put only when the thread may be asleep: while it is busy, handing in costs an append.
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._awake = False
        self._ledger: Ledger | None = None
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._next_commit_s = 0.0
        self._thread = threading.Thread(target=self._serve, name="kbsync-state", daemon=True)
        self._thread.start()
        try:
            self._do(self._open)
        except BaseException:
            self.close()
            raise

    @property
    def failure(self) -> StateWriteError | None:
        """Why nothing is written any more, to be raised; None as long as all goes well."""
        # Each who raises it has a traceback of its own.
        return None if self._failure is None else type(self._failure)(str(self._failure))

    def run(self, job: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do *job* in one transaction and return its result once it is durable; blocks the caller meanwhile.

        Raises what *job* raises, with nothing changed, and StateWriteError when its work cannot be made durable.
        """
        return self._do(lambda: self._transaction(job))

    def save(self, path: Path) -> bool:
        """Copy the state to *path* when its file was deleted or replaced, and goes with this process; tell whether."""
        return self._do(lambda: self._save(path))

    def keep(self, ledger: Ledger) -> None:
        """Give the entries of `hand_in` to *ledger* from now on."""
        self._ledger = ledger

    def hand_in(self, entry: Entry) -> None:
        """Queue *entry* for a commit now. Never blocks."""
        self._put((entry,))

    def hand_in_later(self, *entries: Entry) -> None:
        """Queue *entries* for the next commit, all for the same one, whenever that is: see `ring`."""
        self._queue.append(entries)

    def ring(self) -> None:
        """Have everything that is queued committed now."""
        self._awake = True
        self._bell.put(None)

    def close(self) -> None:
        """Do what is queued, close the connection and end the thread."""
        if self._thread.is_alive():
            self._put(_Job(self._close, last=True))
            self._thread.join()

    def _do(self, work: Callable[[], _T]) -> _T:
        job = _Job(work)
        self._put(job)
        result: _T = job.future.result()
        return result

    def _put(self, waiting: "_Waiting") -> None:
        self._queue.append(waiting)
        if not self._awake:
            self.ring()

    def _open(self) -> None:
        self._connection = open_writer(self._path, self._say)
        self._identity = identity(self._path)
        self._epoch = self._transaction(_next_epoch)

    def _serve(self) -> None:
        queue = self._queue
        while True:
            self._bell.get()
            # What is appended before `_awake` falls is seen here, what is appended after it rings.
            while queue or self._fall_asleep():
                first = queue.popleft()
                if isinstance(first, _Job):
                    first.do()
                    if first.last:
                        return
                else:
                    began_s = self._gather()
                    entries = self._take(first)
                    apart_s = min(_MOST_APART_S, max(_LEAST_APART_S, len(entries) * _APART_FOR_EACH_S))
                    self._next_commit_s = began_s + apart_s
                    self._commit(entries)

    def _fall_asleep(self) -> bool:
        self._awake = False
        return bool(self._queue)

    def _gather(self) -> float:
        """Wait until the next commit may begin, and return the time it begins at."""
        now_s = time.monotonic()
        if now_s < self._next_commit_s:
            time.sleep(self._next_commit_s - now_s)
        return max(now_s, self._next_commit_s)

    def _take(self, first: tuple[Entry, ...]) -> list[Entry]:
        queue = self._queue
        entries = [*first]
        while queue and len(entries) < _MOST_ENTRIES:
            waiting = queue[0]
            if isinstance(waiting, _Job):
                break
            entries += waiting
            queue.popleft()
        return entries

    def _commit(self, entries: Sequence[Entry]) -> None:
        ledger = self._ledger
        assert ledger is not None
        try:
            self._transaction(lambda connection: ledger.write(connection, entries))
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait must learn that nothing was written
            ledger.lost(entries, self._fail(error))
        else:
            ledger.written(entries)

    def _transaction(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        if (failure := self.failure) is not None:
            raise failure
        connection = self._connection
        assert connection is not None
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._check_lock(connection)
            result = work(connection)
            connection.execute("COMMIT")
            self._check_identity()
        except BaseException as error:
            self._roll_back(connection)
            if isinstance(error, sqlite3.Error | OSError | LockLostError):
                raise self._fail(error) from error
            raise
        return result

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                self._fail(error)

    def _check_identity(self) -> None:
        # A file that was deleted or replaced still takes every commit, and nobody will ever read them.
        try:
            same = identity(self._path) == self._identity
        except FileNotFoundError:
            same = False
        if not same:
            self._displaced = True
            raise OSError("the file was deleted or replaced while it was in use")

    def _check_lock(self, connection: sqlite3.Connection) -> None:
        # Whoever breaks a lock does it inside a transaction of its own: it comes before this one, or after.
        lost = not self._lock.stands
        if not lost and self._epoch is not None:
            lost = connection.execute("SELECT epoch FROM state").fetchone() != (self._epoch,)
        if lost:
            # Whoever removes a folder removes both.
            self._check_identity()
            raise LockLostError("its lock was broken or removed")

    def _fail(self, error: BaseException) -> StateWriteError:
        if self._failure is None:
            kind = LockLostError if isinstance(error, LockLostError) else StateWriteError
            self._failure = kind(
                f"The state {self._path} could not be written: {str(error) or type(error).__name__}.\n"
                "Sending stopped. What was in flight is in doubt; the next apply sends it again."
            )
        return self._failure

    def _save(self, path: Path) -> bool:
        if self._connection is None or not self._displaced:
            return False
        try:
            copy_whole(self._connection, path)
            # All of it is in the copy now; whatever gets the name of the state must not find this beside it.
            for part in ("-wal", "-shm"):
                self._path.with_name(self._path.name + part).unlink(missing_ok=True)
            sync_folder(path.parent)
        except (OSError, sqlite3.Error):
            return False
        return True

    def _close(self) -> None:
        if self._connection is not None:
            if self._failure is None:
                rest(self._connection)
            self._connection.close()
            self._connection = None


def _next_epoch(connection: sqlite3.Connection) -> int:
    """Let nobody write any more who began before, and return the epoch that begins."""
    connection.execute("UPDATE state SET epoch = epoch + 1")
    epoch: int = connection.execute("SELECT epoch FROM state").fetchone()[0]
    return epoch


class _Job:
    """Work that somebody blocks on. The *last* one ends the thread."""

    __slots__ = ("future", "last", "work")

    def __init__(self, work: Callable[[], Any], *, last: bool = False) -> None:
        self.work = work
        self.last = last
        self.future: Future[Any] = Future()

    def do(self) -> None:
        try:
            self.future.set_result(self.work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is waited for
            self.future.set_exception(error)


_Waiting: TypeAlias = tuple[Entry, ...] | _Job
