"""What runs read back, in the tables: written once at the end of a verification, and read with the report."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from kbsync.adapters.state.history import CHANGE_COLUMNS, Names, fields_of
from kbsync.adapters.state.recognising import correct, forget
from kbsync.adapters.state.rows import Rows
from kbsync.adapters.state.schema import VERIFYING_SINCE_FORMAT
from kbsync.core.fields import REMOVED, Value, from_plain, to_plain
from kbsync.core.findings import Finding
from kbsync.core.plan import Change
from kbsync.core.verification import Verification

__all__ = ("LEFT_OPEN", "left_open", "put_verification", "verification_of")

_PUT: Final = Rows(6, lambda rows: f"INSERT OR REPLACE INTO findings VALUES {rows}")
# Those that no later run was about, and of whose items something is known.
LEFT_OPEN: Final = f"""
    SELECT h.change, {CHANGE_COLUMNS} FROM findings AS f JOIN changes AS h USING (change)
    WHERE f.finding IN ('pending', 'unread')
    AND NOT EXISTS (SELECT 1 FROM changes AS l WHERE l.container = h.container AND l.id = h.id
        AND l.operation = h.operation AND l.change > h.change)
    AND EXISTS (SELECT 1 FROM items AS i WHERE i.container = h.container AND i.id = h.id)
    ORDER BY h.change
"""
_MARKED: Final = f"""
    SELECT change, fields FROM changes WHERE change BETWEEN ? AND ? AND instr(fields, '"type":"{REMOVED.type}"')
"""
_FINDING: Final = "f.finding, f.reason, f.live, f.read_s"


def left_open(connection: sqlite3.Connection) -> dict[int, Change]:
    """Return by number the changes that were to be read back, and of which it is still to be proved what is live."""
    if not _has_findings(connection):
        return {}
    names = Names(connection)
    return {number: names.change(columns) for number, *columns in connection.execute(LEFT_OPEN)}


def put_verification(
    connection: sqlite3.Connection,
    run: int,
    verification: Verification,
    findings: Mapping[int, tuple[Change, Finding]],
) -> None:
    """Record *verification* of the *run*, with the *findings* by number of change, in a transaction.

    What is live is known from then on, wherever that is not what was sent.
    """
    told = verification
    connection.execute(
        "INSERT INTO verifications VALUES (?, ?, ?, ?, ?)", (run, told.mode, told.seed, told.wait_s, told.updated)
    )
    _PUT.run(
        connection,
        [
            (number, run, finding.word, finding.reason, _live_text(finding), finding.at_s)
            for number, (_, finding) in findings.items()
        ],
    )
    proved = ((change, finding) for change, finding in findings.values() if finding.word in {"verified", "differs"})
    correct(connection, ((change.item, news) for change, finding in proved if (news := _told(change, finding))))
    forget(connection, (change.item for change, finding in findings.values() if finding.word == "absent"))


def verification_of(connection: sqlite3.Connection, run_id: str) -> Verification | None:
    """Return what the run *run_id* read back; None when it did not. Later runs may have read again what it left."""
    if not _has_findings(connection):
        return None
    row = connection.execute(
        "SELECT r.run, r.first_change, r.changes, v.mode, v.seed, v.wait_s, v.updated "
        "FROM runs AS r JOIN verifications AS v USING (run) WHERE r.run_id = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        return None

    run, first, changes, mode, seed, wait_s, updated = row
    mine = connection.execute(
        f"SELECT f.change, {_FINDING} FROM findings AS f WHERE f.change BETWEEN ? AND ? ORDER BY f.change",
        (first, first + changes - 1),
    )
    findings = {number - first: _finding(*columns) for number, *columns in mine}
    earlier = tuple(_earlier(connection, run, first))
    return Verification(mode, seed, wait_s, updated, findings, earlier, _removing(connection, first, findings))


def _told(change: Change, finding: Finding) -> dict[str, Value | None]:
    """Return what *finding* makes known that no answer did: fields that are gone, and those that are not as sent."""
    return {**{one.field: REMOVED for one in change.fields if one.desired == REMOVED}, **finding.live}


def _removing(connection: sqlite3.Connection, first: int, findings: Iterable[int]) -> frozenset[int]:
    """Return those of the positions *findings*, of a run whose changes begin with *first*, that remove a field."""
    marked = connection.execute(_MARKED, (first, first + max(findings, default=-1))).fetchall()
    removing = (number for number, text in marked if any(one.desired == REMOVED for one in fields_of(text)))
    return frozenset(number - first for number in removing).intersection(findings)


def _has_findings(connection: sqlite3.Connection) -> bool:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version >= VERIFYING_SINCE_FORMAT


def _earlier(connection: sqlite3.Connection, run: int, first: int) -> Iterator[tuple[Change, Finding]]:
    names = Names(connection)
    for word, reason, live, at_s, *columns in connection.execute(
        f"SELECT {_FINDING}, {CHANGE_COLUMNS} FROM findings AS f JOIN changes AS h USING (change) "
        "WHERE f.run = ? AND f.change < ? ORDER BY f.change",
        (run, first),
    ):
        yield names.change(columns), _finding(word, reason, live, at_s)


def _finding(word: Any, reason: str, live: str, at_s: float) -> Finding:
    plain: dict[str, Any] = orjson.loads(live)
    values = {field: None if value is None else from_plain(field, value) for field, value in plain.items()}
    return Finding(word, reason, values, at_s)


def _live_text(finding: Finding) -> str:
    plain = {field: None if value is None else to_plain(value) for field, value in finding.live.items()}
    return orjson.dumps(plain).decode()
