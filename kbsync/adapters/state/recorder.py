"""What the entries of a run's journal become in the tables. Everything here runs in the writer's thread."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import asyncio
import sqlite3
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from kbsync.adapters.state.knowledge import know, update_by
from kbsync.adapters.state.names import Names
from kbsync.adapters.state.rows import Rows
from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE, IN_DOUBT, LATE
from kbsync.core.plan import Change
from kbsync.core.state import Conclusion, Intent, ReadRecord, Settlement
from kbsync.core.wire import Answer

__all__ = (
    "END_DOUBTS",
    "LOST",
    "PUT_OUTCOMES",
    "Concluded",
    "Entry",
    "Flushed",
    "Intended",
    "ReadConcluded",
    "ReadIntended",
    "Recorder",
    "Settled",
    "columns",
    "doubted_fields",
    "outcome_row",
)

PUT_OUTCOMES: Final = Rows(9, lambda rows: f"INSERT INTO outcomes VALUES {rows}")
_PUT_INTENTS: Final = Rows(2, lambda rows: f"INSERT INTO intents VALUES {rows}")
_END_INTENTS: Final = Rows(1, lambda rows: f"DELETE FROM intents WHERE attempt IN (VALUES {rows})")
_PUT_ATTEMPTS: Final = Rows(10, lambda rows: f"INSERT OR REPLACE INTO attempts VALUES {rows}")
_PUT_READS: Final = Rows(12, lambda rows: f"INSERT OR REPLACE INTO reads VALUES {rows}")
_ATTEMPTS_OF: Final = f"""
    SELECT a.attempt FROM changes AS h CROSS JOIN {{table}} AS a
    ON a.attempt >= h.change * {ATTEMPTS_PER_CHANGE} AND a.attempt < (h.change + 1) * {ATTEMPTS_PER_CHANGE}
    WHERE h.container = :container AND h.id = :id AND (:operation IS NULL OR h.operation = :operation)
"""
# When an intent without an answer was sent, for how long, and with what end: nobody knows, so at the latest until now.
LOST: Final = "intended_s, max(0.0, :now_s - intended_s) * 1000, 'lost'"
# About a container, an id and an operation, None for any; *rest* is what is left of the doubt: `LATE`, or 0.
END_DOUBTS: Final = (
    f"""
    INSERT INTO attempts SELECT attempt, intended_s, {LOST}, :rest, NULL, NULL, '', '' FROM intents
    WHERE attempt IN ({_ATTEMPTS_OF.format(table="intents")})
    """,
    f"DELETE FROM intents WHERE attempt IN ({_ATTEMPTS_OF.format(table='intents')})",
    f"UPDATE attempts SET doubt = :rest WHERE attempt IN ({_ATTEMPTS_OF.format(table='attempts')} AND a.doubt)",
)
# What doubtful attempts carried, change by change, about a container, an id and an operation.
_DOUBTED_FIELDS: Final = f"""
    SELECT h.fields FROM changes AS h
    WHERE h.container = :container AND h.id = :id AND h.operation = :operation AND EXISTS (
        SELECT 1 FROM attempts AS a WHERE {IN_DOUBT}
        AND a.attempt >= h.change * {ATTEMPTS_PER_CHANGE} AND a.attempt < (h.change + 1) * {ATTEMPTS_PER_CHANGE})
"""
_INT64: Final = 1 << 63
_NONE: Final[Collection[str]] = ()


class Intended(NamedTuple):
    """An intent that somebody waits for."""

    intent: Intent
    future: asyncio.Future[None]


class Concluded(NamedTuple):
    """An attempt that ended, with the time of its intent. *late* says that its doubt was ended before it was told."""

    conclusion: Conclusion
    intended_s: float
    late: bool = False


class Settled(NamedTuple):
    """A change with its outcome. *ends_doubt* says that there is a doubt to end."""

    settlement: Settlement
    ends_doubt: bool


class ReadIntended(NamedTuple):
    """The intent of a read that somebody waits for."""

    number: int
    target: str
    operation: str
    items: int
    intended_s: float
    future: asyncio.Future[None]


class ReadConcluded(NamedTuple):
    """A read that ended, with the time of its intent."""

    number: int
    intended_s: float
    record: ReadRecord


class Flushed(NamedTuple):
    """Somebody waits for everything before this."""

    future: asyncio.Future[None]


Entry: TypeAlias = Intended | Concluded | Settled | ReadIntended | ReadConcluded | Flushed


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes the entries of one run. *doubted* are the changes whose item and operation earlier runs left in doubt."""

    run: int
    run_id: str
    changes: Sequence[Change]
    containers: "array[int]"
    targets: "array[int]"
    doubted: Collection[int]
    first_change: int
    first_read: int
    names: Names
    new_known: Iterator[int]
    clock: Callable[[], float]

    def write(self, connection: sqlite3.Connection, entries: Iterable[Entry]) -> None:
        """Write *entries*, inside a transaction: intents first, what ends a doubt last."""
        intents: list[Intent] = []
        conclusions: list[Concluded] = []
        settlements: list[Settled] = []
        reads: list[ReadIntended | ReadConcluded] = []
        for entry in entries:
            if isinstance(entry, Intended):
                intents.append(entry.intent)
            elif isinstance(entry, Concluded):
                conclusions.append(entry)
            elif isinstance(entry, Settled):
                settlements.append(entry)
            elif not isinstance(entry, Flushed):
                reads.append(entry)

        base = self.first_change
        if intents:
            _PUT_INTENTS.run(
                connection, [((base + seq) * ATTEMPTS_PER_CHANGE + number, at_s) for seq, number, at_s in intents]
            )
        if conclusions:
            self._conclude(connection, conclusions)
        if reads:
            self._read(connection, reads)
        if settlements:
            self._settle(connection, settlements)

    def _conclude(self, connection: sqlite3.Connection, conclusions: Sequence[Concluded]) -> None:
        base, targets = self.first_change, self.targets
        last_sends: dict[int, float] = {}
        keys: list[tuple[int]] = []
        rows: list[tuple[Any, ...]] = []
        for (seq, number, sent_s, duration_ms, verdict, doubt, answer), intended_s, late in conclusions:
            attempt = (base + seq) * ATTEMPTS_PER_CHANGE + number
            keys.append((attempt,))
            rows.append((attempt, intended_s, sent_s, duration_ms, verdict, LATE if late else doubt, *columns(answer)))
            if sent_s is not None and sent_s > last_sends.get(targets[seq], 0.0):
                last_sends[targets[seq]] = sent_s

        _END_INTENTS.run(connection, keys)
        _PUT_ATTEMPTS.run(connection, rows)
        _remember_sends(connection, last_sends)

    def _settle(self, connection: sqlite3.Connection, settlements: Sequence[Settled]) -> None:
        base = self.first_change
        PUT_OUTCOMES.run(connection, [outcome_row(base + settled[0].seq, settled[0]) for settled in settlements])
        ended = {
            settlement.seq: {
                "container": self.containers[settlement.seq],
                "id": self.changes[settlement.seq].item.id,
                "operation": self.names.operation(connection, self.changes[settlement.seq].operation),
                "rest": LATE,
                "now_s": self.clock(),
            }
            for settlement, ends_doubt in settlements
            if ends_doubt
        }
        updated = [settlement.seq for settlement, _ in settlements if settlement.outcome == "updated"]
        if updated:
            unsure = self._unsure(connection, ended) if ended else {}
            updates = [
                update_by(self.containers[seq], change.item.id, change.desired, unsure.get(seq, _NONE))
                for seq, change in ((seq, self.changes[seq]) for seq in updated)
            ]
            know(connection, updates, self.new_known)
        for statement in END_DOUBTS if ended else ():
            connection.executemany(statement, ended.values())

    def _unsure(
        self, connection: sqlite3.Connection, ended: Mapping[int, Mapping[str, Any]]
    ) -> dict[int, Collection[str]]:
        """Return for each change that ends doubts of earlier runs the fields that were in doubt.

        With its doubt ends what kept a field from being trusted; one that the change did not carry may have either
        value, so nothing is known of it any more.
        """
        return {seq: doubted_fields(connection, about) for seq, about in ended.items() if seq in self.doubted}

    def _read(self, connection: sqlite3.Connection, reads: Sequence[ReadIntended | ReadConcluded]) -> None:
        last_sends: dict[int, float] = {}
        rows: dict[int, tuple[Any, ...]] = {}
        for read in reads:
            if isinstance(read, ReadIntended):
                target = self.names.target(connection, read.target)
                operation = self.names.operation(connection, read.operation)
                end: tuple[Any, ...] = (None,) * 7
                rows[read.number] = (read.number, target, operation, read.items, read.intended_s, *end)
            else:
                record = read.record
                target = self.names.target(connection, record.target)
                operation = self.names.operation(connection, record.operation)
                end = (record.sent_at_s, record.duration_ms, record.verdict, *columns(record.answer))
                rows[read.number] = (read.number, target, operation, record.items, read.intended_s, *end)
                if record.sent_at_s is not None:
                    last_sends[target] = max(record.sent_at_s, last_sends.get(target, 0.0))

        _PUT_READS.run(connection, list(rows.values()))
        _remember_sends(connection, last_sends)


def doubted_fields(connection: sqlite3.Connection, about: Mapping[str, Any]) -> set[str]:
    """Return the fields that attempts in doubt carried, about a container, an id and an operation."""
    return {field for (fields,) in connection.execute(_DOUBTED_FIELDS, about) for field in orjson.loads(fields)}


def outcome_row(change: int, settlement: Settlement) -> tuple[Any, ...]:
    """Return the row of `PUT_OUTCOMES` for the *change* that was settled."""
    _, outcome, reason, attempts, answer, duration_ms = settlement
    return change, outcome, reason, attempts, duration_ms, *columns(answer)


def _remember_sends(connection: sqlite3.Connection, last_sends: Mapping[int, float]) -> None:
    for target, sent_s in last_sends.items():
        connection.execute(
            "UPDATE targets SET last_send_s = max(coalesce(last_send_s, 0.0), ?) WHERE target = ?", (sent_s, target)
        )


def columns(answer: Answer) -> tuple[int | None, int | str | None, str, str]:
    """Return the columns of *answer*, which can hold only so much."""
    code = answer.code
    if isinstance(code, str):
        code = _text(code)
    elif code is not None and not -_INT64 <= code < _INT64:
        code = str(code)
    return answer.http_status, code, _text(answer.message), _text(answer.log_id)


def _text(hostile: str) -> str:
    # A server can send half a surrogate pair, which SQLite does not take.
    return hostile if hostile.isascii() else hostile.encode(errors="replace").decode()
