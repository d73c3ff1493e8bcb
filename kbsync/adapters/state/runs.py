"""A run's beginning and end in the tables, and what else is done in one transaction."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import os
import secrets
import socket
import sqlite3
import time
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import count
from typing import Any, Final

import orjson

from kbsync import __version__
from kbsync.adapters.state.history import tried_without_outcome
from kbsync.adapters.state.names import Names
from kbsync.adapters.state.recognising import recognise
from kbsync.adapters.state.recorder import (
    END_DOUBTS,
    LOST,
    PUT_OUTCOMES,
    ReadConcluded,
    Recorder,
    outcome_row,
)
from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE, DOUBTS, ENDED_S, MAY_BE_LATE
from kbsync.core.exits import Exit
from kbsync.core.fields import canonical, digest, fields_from_plain, to_plain
from kbsync.core.items import Item
from kbsync.core.plan import UNSET, Change, FieldChange, Plan, Skipped, Unmanaged
from kbsync.core.state import ReadRecord, Settlement
from kbsync.core.wire import Answer

__all__ = ("LATEST_S", "begin", "finish", "forget", "new_run_id")

# How long after its end an attempt that nobody answered may still be applied, for all that anyone knows.
LATEST_S: Final = 3600.0
_FORGET_LATE: Final = f"UPDATE attempts SET doubt = 0 WHERE {MAY_BE_LATE} AND {ENDED_S} < ?"
_CONTAINERS_OF: Final = (
    "SELECT c.container FROM containers AS c JOIN targets AS t USING (target) WHERE t.name = ? AND c.kind = ?"
)
_PASSED_BY: Final = "SELECT id FROM items WHERE container = :container"
_LOOKED_UP: Final = f"{_PASSED_BY} AND id IN (SELECT value FROM json_each(:ids))"

_TOTALS: Final = "SELECT outcome, count(*) FROM outcomes WHERE change BETWEEN ? AND ? GROUP BY outcome"


def begin(
    connection: sqlite3.Connection,
    plan: Plan,
    run_id: str,
    clock: Callable[[], float],
    allow_reason: str,
    unique_targets: Collection[str],
    reads: Sequence[ReadRecord],
) -> Recorder:
    """Record *plan* as the run *run_id*, with the values it replaces; return what records the rest of it.

    *clock* tells the seconds since the epoch. In *unique_targets* an id means one thing, whatever its container.
    *reads* were made for the plan.
    """
    names, now_s = Names(connection), clock()
    _bury_the_dead(connection, now_s)
    connection.execute(_FORGET_LATE, (now_s - LATEST_S,))
    doubts: set[tuple[int, str, int]] = set(connection.execute(DOUBTS))
    connection.execute("UPDATE state SET serial = serial + 1, kbsync = ?", (__version__,))
    if plan.whole:
        connection.execute("UPDATE state SET declared_items = ?", (plan.summary.items,))

    run = _next(connection, "runs", "run")
    first_change = _next(connection, "changes", "change")
    # All reads may have been pruned, and no number is given again.
    first_read = max(_next(connection, "reads", "read"), _next(connection, "runs", "first_read - 1"))
    planned = len(plan.changes) + len(plan.unsent)
    connection.execute(
        "INSERT INTO runs (run, run_id, plan_id, kbsync, serial, pid, host, started_s, first_change, changes, "
        "first_read, in_sync, manifest_items, guards, allow_reason) "
        "VALUES (?, ?, ?, ?, (SELECT serial FROM state), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(run, run_id, plan.plan_id, __version__, os.getpid(), socket.gethostname(), now_s),
            *(first_change, planned, first_read, plan.summary.in_sync, plan.summary.items if plan.whole else None),
            orjson.dumps([[guard.guard, guard.message, guard.lifted] for guard in plan.guards]).decode(),
            allow_reason,
        ),
    )
    containers = array("q")
    doubted = _put_changes(connection, names, first_change, plan, containers, doubts)
    _put_unsent(connection, first_change + len(plan.changes), len(plan.changes), plan.unsent)
    _release(connection, names, run, plan.released, {(container, id_) for container, id_, _ in doubts})
    new_known = count(_next(connection, "known", "known"))
    recognise(connection, names, plan.recognised, new_known, now_s)
    _trim(connection, names, plan.unmanaged)
    _forget(connection, _elsewhere(connection, plan.changes, containers, unique_targets))

    target_of = dict(connection.execute("SELECT container, target FROM containers"))
    recorder = Recorder(
        run=run,
        run_id=run_id,
        changes=plan.changes,
        containers=containers,
        targets=array("q", (target_of[container] for container in containers)),
        doubted=doubted,
        first_change=first_change,
        first_read=first_read + len(reads),
        names=names,
        new_known=new_known,
        clock=clock,
    )
    recorder.write(
        connection,
        [ReadConcluded(number, read.sent_at_s or now_s, read) for number, read in enumerate(reads, first_read)],
    )
    return recorder


def new_run_id(now_s: float) -> str:
    """Return an id that sorts by time, for a run that starts at *now_s*."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now_s))}-{secrets.token_hex(3)}"


def finish(
    connection: sqlite3.Connection,
    run: int,
    now_s: float,
    exits: Iterable[Exit],
    stopped: Mapping[str, str],
    left: Mapping[str, str],
) -> None:
    """Record that the run has ended: *exits* that its outcomes do not show, and why targets were *stopped*.

    *left* says for targets why changes without an outcome were not attempted. Such a change has no row of its own
    unless an attempt of it is on record.
    """
    names = Names(connection)
    connection.executemany(
        "INSERT OR REPLACE INTO leftovers VALUES (?, ?, ?)",
        ((run, names.target(connection, target), reason) for target, reason in left.items()),
    )
    first, planned = connection.execute("SELECT first_change, changes FROM runs WHERE run = ?", (run,)).fetchone()
    totals = Counter[str](dict(connection.execute(_TOTALS, (first, first + planned - 1))))
    if totals.total() < planned:
        tried = tried_without_outcome(connection, first, planned)
        PUT_OUTCOMES.run(connection, [outcome_row(first + one.seq, one) for one in tried.values()])
        totals.update(one.outcome for one in tried.values())
        totals["not_attempted"] += planned - totals.total()
    connection.execute(
        "UPDATE runs SET finished_s = ?, exits = ?, stopped = ?, totals = ? WHERE run = ?",
        (now_s, *(orjson.dumps(told).decode() for told in (sorted(set(exits)), dict(stopped), dict(totals))), run),
    )


def forget(connection: sqlite3.Connection, items: Iterable[Item], now_s: float) -> int:
    """Forget what is known of *items*, with doubts and hazards; return how many of them the state had known."""
    names = Names(connection)
    rows = [(container, item.id) for item in items if (container := names.find(item)) is not None]
    for statement in END_DOUBTS:
        connection.executemany(
            statement,
            (
                {"container": container, "id": id_, "operation": None, "rest": 0, "now_s": now_s}
                for container, id_ in rows
            ),
        )
    return _forget(connection, rows)


def _bury_the_dead(connection: sqlite3.Connection, now_s: float) -> None:
    """Conclude what killed runs left open: their attempts had no answer, and may have been sent until just now."""
    connection.execute(
        f"""
        UPDATE targets SET last_send_s = max(coalesce(last_send_s, 0.0), ?) WHERE target IN (
            SELECT c.target FROM intents AS n JOIN changes AS h ON h.change = n.attempt / {ATTEMPTS_PER_CHANGE}
            JOIN containers AS c USING (container) UNION SELECT target FROM reads WHERE verdict IS NULL)
        """,
        (now_s,),
    )
    connection.execute(
        f"INSERT INTO attempts SELECT attempt, intended_s, {LOST}, 1, NULL, NULL, '', '' FROM intents", {"now_s": now_s}
    )
    connection.execute("DELETE FROM intents")
    connection.execute(
        "UPDATE reads SET sent_s = intended_s, duration_ms = 0.0, verdict = 'lost', message = '', log_id = '' "
        "WHERE verdict IS NULL"
    )


def _next(connection: sqlite3.Connection, table: str, key: str) -> int:
    number: int = connection.execute(f"SELECT coalesce(max({key}), 0) + 1 FROM {table}").fetchone()[0]
    return number


def _put_changes(
    connection: sqlite3.Connection,
    names: Names,
    first_change: int,
    plan: Plan,
    containers: "array[int]",
    doubts: set[tuple[int, str, int]],
) -> frozenset[int]:
    """Insert all changes, fill *containers* for those that are sent, return those that older doubts are about."""
    doubted: list[int] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        for seq, change in enumerate(plan.changes):
            container = names.container(connection, change.item)
            operation = names.operation(connection, change.operation)
            containers.append(container)
            if doubts and (container, change.item.id, operation) in doubts:
                doubted.append(seq)
            yield _change_row(first_change + seq, container, operation, change)
        for seq, skipped in enumerate(plan.unsent, len(plan.changes)):
            change = skipped.change
            container = names.container(connection, change.item)
            yield _change_row(first_change + seq, container, names.operation(connection, change.operation), change)

    def _change_row(number: int, container: int, operation: int, change: Change) -> tuple[Any, ...]:
        fields = {one.field: _values(one) for one in change.fields}
        file = names.file(connection, change.source.file)
        return (
            *(number, container, change.item.id, operation, change.reason, orjson.dumps(fields).decode()),
            *(file, change.source.line, change.source.column),
        )

    connection.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
    return frozenset(doubted)


def _values(one: FieldChange) -> list[Any]:
    known = None if one.known is None else to_plain(one.known)
    if one.live is None:
        return [to_plain(one.desired)] if known is None else [to_plain(one.desired), known]
    return [to_plain(one.desired), known, [] if one.live is UNSET else [to_plain(one.live)]]


def _put_unsent(connection: sqlite3.Connection, first_change: int, first_seq: int, skips: Iterable[Skipped]) -> None:
    PUT_OUTCOMES.run(
        connection,
        [
            outcome_row(first_change + place, Settlement(first_seq + place, skip.outcome, skip.why, 0, Answer(), 0.0))
            for place, skip in enumerate(skips)
        ],
    )


def _release(
    connection: sqlite3.Connection, names: Names, run: int, items: Iterable[Item], kept: set[tuple[int, str]]
) -> None:
    places = ((names.find(item), item.id) for item in items)
    rows = [(container, id_) for container, id_ in places if container is not None and (container, id_) not in kept]
    connection.executemany("INSERT INTO released VALUES (?, ?, ?)", ((run, container, id_) for container, id_ in rows))
    _forget(connection, rows)


def _elsewhere(
    connection: sqlite3.Connection, changes: Iterable[Change], containers: Iterable[int], targets: Collection[str]
) -> list[tuple[int, str]]:
    """Return the known items of *targets* that *changes* are about in another container, as (container, id)."""
    planned: dict[tuple[str, str], dict[str, int]] = {}
    for change, container in zip(changes, containers, strict=True) if targets else ():
        target, _, kind, id_ = change.item
        if target in targets:
            places = planned.setdefault((target, kind), {})
            # An id in two containers of one plan is elsewhere for both; no container has the number 0.
            places[id_] = container if places.get(id_, container) == container else 0

    (most,) = connection.execute("SELECT coalesce(max(known), 0) FROM known").fetchone()
    found: list[tuple[int, str]] = []
    for place, ids in planned.items():
        others = connection.execute(_CONTAINERS_OF, place).fetchall()
        if len(others) > 1:
            # Either each id is looked for in each container, or all items pass by once, whichever is less.
            statement = _LOOKED_UP if len(ids) * len(others) < most else _PASSED_BY
            texts = orjson.dumps(list(ids)).decode() if statement is _LOOKED_UP else None
            for (container,) in others:
                rows = connection.execute(statement, {"container": container, "ids": texts})
                found += [(container, id_) for (id_,) in rows if ids.get(id_, container) != container]
    return found


def _forget(connection: sqlite3.Connection, rows: list[tuple[int, str]]) -> int:
    connection.executemany(
        "DELETE FROM known WHERE known = (SELECT known FROM items WHERE container = ? AND id = ?)", rows
    )
    with closing(connection.executemany("DELETE FROM items WHERE container = ? AND id = ?", rows)) as done:
        return max(done.rowcount, 0)


def _trim(connection: sqlite3.Connection, names: Names, trims: Iterable[Unmanaged]) -> None:
    """Forget the fields that are no longer managed; an item without any other is forgotten too."""
    for trim in trims:
        place = (names.container(connection, trim.item), trim.item.id)
        found = connection.execute(
            "SELECT k.known, k.fields FROM items AS i JOIN known AS k USING (known) WHERE i.container = ? AND i.id = ?",
            place,
        ).fetchone()
        if found is None:
            continue
        left = {field: plain for field, plain in orjson.loads(found[1]).items() if field not in trim.fields}
        if not left:
            _forget(connection, [place])
            continue
        fields = fields_from_plain(left)
        connection.execute("UPDATE known SET fields = ? WHERE known = ?", (canonical(fields).decode(), found[0]))
        connection.execute("UPDATE items SET digest = ? WHERE container = ? AND id = ?", (digest(fields), *place))
