"""Earlier runs, read from the journal."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE, ENDED_S, PRUNED_SINCE_FORMAT
from kbsync.core.exits import Exit
from kbsync.core.fields import from_plain
from kbsync.core.items import Item, Source
from kbsync.core.plan import UNSET, Change, FieldChange, GuardResult, LiveValue
from kbsync.core.report import (
    OUTCOMES,
    Report,
    ReportRow,
    RunFacts,
    RunSummary,
    exit_of,
)
from kbsync.core.state import OutcomeName, Settlement
from kbsync.core.wire import Answer
from kbsync.errors import UsageError

__all__ = (
    "CHANGE_COLUMNS",
    "CHANGE_WIDTH",
    "UNFINISHED",
    "Names",
    "counted_outcomes",
    "fields_of",
    "last_sends",
    "report",
    "row_of_run",
    "runs",
    "sent_to_since",
    "tried_without_outcome",
    "unsettled_items",
)

# Why a change of a run that has not ended has no outcome of its own.
UNFINISHED: Final = "unfinished"


def runs(connection: sqlite3.Connection) -> tuple[RunSummary, ...]:
    """Return all runs, the latest first."""
    return tuple(
        _summary(connection, row)
        for row in connection.execute(f"SELECT {_columns(connection)} FROM runs ORDER BY run DESC").fetchall()
    )


def report(connection: sqlite3.Connection, run_id: str) -> Report:
    """Return the report of the run *run_id*, or of the `last` one. Raises UsageError when there is none any more.

    A change without an outcome is `unknown` when it is in doubt, else `not_attempted`: because the run has not ended,
    or for the reason that its target was left.
    """
    row = row_of_run(connection, run_id)
    run, first = row["run"], row["first_change"]
    names = Names(connection)
    tried = tried_without_outcome(connection, first, row["changes"])
    left = _leftovers(connection, run) if row["finished_s"] is not None else {}
    rows: list[ReportRow] = []
    for number, *columns in connection.execute(
        f"SELECT h.change, {CHANGE_COLUMNS}, outcome, o.reason, "
        "attempts, duration_ms, http_status, code, message, log_id "
        "FROM changes AS h LEFT JOIN outcomes AS o USING (change) WHERE h.change BETWEEN ? AND ? ORDER BY h.change",
        (first, first + row["changes"] - 1),
    ):
        change, outcome = names.change(columns[:CHANGE_WIDTH]), columns[CHANGE_WIDTH:]
        seq = number - first
        if outcome[0] is None:
            settlement = tried.get(number) or Settlement(
                seq, "not_attempted", left.get(change.item.target, UNFINISHED), 0, Answer(), 0.0
            )
        else:
            word, why, attempts, duration_ms, *answer = outcome
            settlement = Settlement(seq, word, why, attempts, Answer(*answer), duration_ms)
        rows.append(ReportRow(change, settlement))
    return Report(_facts(connection, row, run, names), rows)


def unsettled_items(connection: sqlite3.Connection, run_id: str) -> frozenset[Item]:
    """Return the items with a change of the run that failed, is unknown or was not attempted."""
    row = row_of_run(connection, run_id)
    places = Names(connection).places
    return frozenset(
        Item(*places[container], id_)
        for container, id_ in connection.execute(
            "SELECT container, id FROM changes AS h LEFT JOIN outcomes AS o USING (change) "
            "WHERE change BETWEEN ? AND ? AND coalesce(outcome, 'unknown') IN ('failed', 'unknown', 'not_attempted')",
            (row["first_change"], row["first_change"] + row["changes"] - 1),
        )
    )


def last_sends(connection: sqlite3.Connection, now_s: float) -> dict[str, float]:
    """Return for each target when it was last sent to, at the latest; *now_s* when an attempt is still open."""
    last: dict[str, float] = dict(
        connection.execute("SELECT name, last_send_s FROM targets WHERE last_send_s IS NOT NULL")
    )
    last.update(dict.fromkeys((name for (name,) in connection.execute(_MAYBE_SENDING)), now_s))
    return last


def sent_to_since(connection: sqlite3.Connection, at_s: float) -> frozenset[tuple[str, str, str]]:
    """Return the places of items that an attempt was about which ended at *at_s* or later, or has not ended."""
    places = Names(connection).places
    return frozenset(places[container] for (container,) in connection.execute(_SENT_SINCE, {"at_s": at_s}))


# What `Names.change` makes a change of.
CHANGE_COLUMNS: Final = 'h.container, h.id, h.operation, h.reason, h.fields, h.file, h.line, h."column"'
CHANGE_WIDTH: Final = len(CHANGE_COLUMNS.split(", "))
_RUN_COLUMNS: Final = (
    "run, run_id, plan_id, kbsync, started_s, finished_s, first_change, changes, first_read, in_sync, guards, "
    "allow_reason, stopped, exits, totals, pruned"
)
_SENT_SINCE: Final = f"""
    SELECT DISTINCT h.container FROM (
        SELECT attempt FROM intents UNION ALL SELECT attempt FROM attempts WHERE {ENDED_S} >= :at_s
        AND attempt >= {ATTEMPTS_PER_CHANGE} * (
            SELECT min(first_change) FROM runs WHERE finished_s IS NULL OR finished_s >= :at_s)
    ) AS a CROSS JOIN changes AS h ON h.change = a.attempt / {ATTEMPTS_PER_CHANGE}
"""
_MAYBE_SENDING: Final = f"""
    SELECT t.name FROM intents AS n JOIN changes AS h ON h.change = n.attempt / {ATTEMPTS_PER_CHANGE}
    JOIN containers AS c USING (container) JOIN targets AS t USING (target)
    UNION SELECT t.name FROM reads JOIN targets AS t USING (target) WHERE verdict IS NULL
"""


class Names:
    """Names by their numbers."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.places: dict[int, tuple[str, str, str]] = {
            number: (target, name, kind)
            for number, target, name, kind in connection.execute(
                "SELECT c.container, t.name, c.name, c.kind FROM containers AS c JOIN targets AS t USING (target)"
            )
        }
        self.operations: dict[int, str] = dict(connection.execute("SELECT operation, name FROM operations"))
        self.files: dict[int, str] = dict(connection.execute("SELECT file, name FROM files"))

    def change(self, columns: Sequence[Any]) -> Change:
        """Return the change whose row holds `CHANGE_COLUMNS`."""
        container, id_, operation, reason, fields, file, line, column = columns
        item, source = Item(*self.places[container], id_), Source(self.files[file], line, column)
        return Change(item, self.operations[operation], reason, fields_of(fields), source)


def row_of_run(connection: sqlite3.Connection, run_id: str) -> dict[str, Any]:
    """Return the row of the run *run_id*, or of the `last` one, by column.

    Raises UsageError when there is none, or when its changes were pruned.
    """
    where = "ORDER BY run DESC LIMIT 1" if run_id == "last" else "WHERE run_id = ?"
    found = connection.execute(
        f"SELECT {_columns(connection)} FROM runs {where}",
        () if run_id == "last" else (run_id,),
    ).fetchone()
    if found is None:
        raise UsageError(
            "There is no run yet." if run_id == "last" else f"There is no run {run_id}; `kbsync runs` lists them."
        )
    row = _by_column(found)
    if row["pruned"]:
        raise UsageError(
            f"The run {row['run_id']} was pruned: of runs so far back only the line in `kbsync runs` is kept.\n"
            "[state] keep_runs in kbsync.toml says of how many runs all is kept."
        )
    return row


def fields_of(text: str) -> tuple[FieldChange, ...]:
    """Return the fields of a change as the journal holds them."""
    return tuple(_field_change(field, *values) for field, values in orjson.loads(text).items())


def tried_without_outcome(connection: sqlite3.Connection, first: int, planned: int) -> dict[int, Settlement]:
    """Return by number what attempts say of changes without an outcome, of the run with *planned* ones from *first*."""
    found: dict[int, Settlement] = {}
    ends = {"first": first * ATTEMPTS_PER_CHANGE, "end": (first + planned) * ATTEMPTS_PER_CHANGE}
    for attempt, doubt, *answer in connection.execute(
        f"""
        SELECT * FROM (
            SELECT attempt, doubt = 1, http_status, code, message, log_id FROM attempts
            UNION ALL SELECT attempt, 1, NULL, NULL, '', '' FROM intents
        )
        WHERE attempt >= :first AND attempt < :end
        AND attempt / {ATTEMPTS_PER_CHANGE} NOT IN (SELECT change FROM outcomes)
        ORDER BY attempt
        """,
        ends,
    ):
        change = attempt // ATTEMPTS_PER_CHANGE
        before = found.get(change)
        unknown = doubt or (before is not None and before.outcome == "unknown")
        found[change] = Settlement(
            change - first,
            "unknown" if unknown else "not_attempted",
            UNFINISHED,
            1 if before is None else before.attempts + 1,
            Answer(*answer),
            0.0,
        )
    return found


def counted_outcomes(connection: sqlite3.Connection, first: int, planned: int) -> dict[OutcomeName, int]:
    """Count the outcomes of the run with *planned* changes from *first*, those that only attempts tell included."""
    counted: Counter[OutcomeName] = Counter(
        dict(
            connection.execute(
                "SELECT outcome, count(*) FROM outcomes WHERE change BETWEEN ? AND ? GROUP BY outcome",
                (first, first + planned - 1),
            )
        )
    )
    left = planned - counted.total()
    if left:
        tried = tried_without_outcome(connection, first, planned)
        unknown = sum(settlement.outcome == "unknown" for settlement in tried.values())
        counted["unknown"] += unknown
        counted["not_attempted"] += left - unknown
    return dict(counted)


def _leftovers(connection: sqlite3.Connection, run: int) -> dict[str, str]:
    return dict(
        connection.execute("SELECT name, reason FROM leftovers JOIN targets USING (target) WHERE run = ?", (run,))
    )


def _columns(connection: sqlite3.Connection) -> str:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return _RUN_COLUMNS if version >= PRUNED_SINCE_FORMAT else _RUN_COLUMNS.replace("pruned", "0")


def _by_column(values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(_RUN_COLUMNS.split(", "), values, strict=True))


def _summary(connection: sqlite3.Connection, values: tuple[Any, ...]) -> RunSummary:
    row = _by_column(values)
    counted: dict[OutcomeName, int] = (
        counted_outcomes(connection, row["first_change"], row["changes"])
        if row["totals"] is None
        else orjson.loads(row["totals"])
    )
    outcomes: dict[str, int] = {outcome: counted.get(outcome, 0) for outcome in OUTCOMES}
    finished = row["finished_s"] is not None
    return RunSummary(
        run_id=row["run_id"],
        plan_id=row["plan_id"],
        started_at_s=row["started_s"],
        finished_at_s=row["finished_s"],
        totals={"planned": row["changes"], **outcomes, "in_sync": row["in_sync"]},
        exit=exit_of([outcome for outcome in OUTCOMES if outcomes[outcome]], _exits(row)) if finished else None,
        pruned=bool(row["pruned"]),
    )


def _facts(connection: sqlite3.Connection, row: dict[str, Any], run: int, names: Names) -> RunFacts:
    (reads,) = connection.execute(
        "SELECT count(*) FROM reads WHERE read >= ? "
        "AND read < coalesce((SELECT min(first_read) FROM runs WHERE run > ?), 9223372036854775807)",
        (row["first_read"], run),
    ).fetchone()
    return RunFacts(
        run_id=row["run_id"],
        plan_id=row["plan_id"],
        kbsync=row["kbsync"],
        started_at_s=row["started_s"],
        finished_at_s=row["finished_s"],
        in_sync=row["in_sync"],
        reads=reads,
        released=tuple(_released(connection, run, names)),
        stopped=orjson.loads(row["stopped"]),
        guards=tuple(GuardResult(*guard) for guard in orjson.loads(row["guards"])),
        allow_reason=row["allow_reason"],
        exits=_exits(row),
        planned=row["changes"],
    )


def _released(connection: sqlite3.Connection, run: int, names: Names) -> Iterator[Item]:
    for container, id_ in connection.execute("SELECT container, id FROM released WHERE run = ?", (run,)):
        yield Item(*names.places[container], id_)


def _exits(row: dict[str, Any]) -> tuple[Exit, ...]:
    return tuple(Exit(code) for code in orjson.loads(row["exits"]))


def _field_change(field: str, desired: Any, known: Any = None, live: list[Any] | None = None) -> FieldChange:
    read: LiveValue | None = None
    if live is not None:
        read = from_plain(field, live[0]) if live else UNSET
    return FieldChange(field, None if known is None else from_plain(field, known), from_plain(field, desired), read)
