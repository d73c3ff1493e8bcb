"""How a recovery file becomes a part of the state: as if it had been written then, whatever has been since."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, NamedTuple

import orjson

from kbsync.adapters.state import runs
from kbsync.adapters.state.knowledge import know, update_by
from kbsync.adapters.state.recorder import PUT_OUTCOMES, columns, outcome_row
from kbsync.adapters.state.recovery_file import AttemptEnd, Outcome, ReadEnd, Recovery, RunEnd
from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE, IN_DOUBT, LATE
from kbsync.core.fields import Fields, from_plain
from kbsync.core.state import Settlement
from kbsync.errors import InputError

__all__ = ("Recovered", "recover")


class Recovered(NamedTuple):
    """What the state did not know before: so many ends of attempts, and outcomes."""

    run_id: str
    attempts: int
    outcomes: int
    torn: bool


def recover(connection: sqlite3.Connection, recovery: Recovery) -> Recovered:
    """Record what *recovery* holds, inside a transaction. What is known already stays as it is.

    What later runs did is newer, and stands: a value is not made known when one of them was updated since, and their
    doubts do not end. Raises InputError when it is about another state, or a run that this one does not know
    or has pruned.
    """
    run = _run(connection, recovery)
    attempts = outcomes = 0
    for record in recovery.records:
        match record:
            case AttemptEnd():
                attempts += run.conclude(connection, record)
            case Outcome():
                outcomes += run.settle(connection, record)
            case ReadEnd():
                run.conclude_read(connection, record)
            case RunEnd():
                run.finish(connection, record)
    return Recovered(recovery.run_id, attempts, outcomes, recovery.torn)


_OLDER_ATTEMPTS: Final = f"""
    SELECT a.attempt FROM changes AS h CROSS JOIN attempts AS a
    ON a.attempt >= h.change * {ATTEMPTS_PER_CHANGE} AND a.attempt < (h.change + 1) * {ATTEMPTS_PER_CHANGE}
    WHERE h.container = :container AND h.id = :id AND h.operation = :operation AND h.change <= :change AND {IN_DOUBT}
"""
_DOUBTED_FIELDS: Final = f"""
    SELECT h.fields FROM changes AS h
    WHERE h.change IN (SELECT attempt / {ATTEMPTS_PER_CHANGE} FROM attempts WHERE attempt IN ({_OLDER_ATTEMPTS}))
"""
_UPDATED_SINCE: Final = """
    SELECT 1 FROM changes AS h JOIN outcomes AS o USING (change)
    WHERE h.container = :container AND h.id = :id AND h.operation = :operation AND h.change > :change
    AND o.outcome = 'updated'
"""
_REMEMBER_SEND: Final = """
    UPDATE targets SET last_send_s = max(coalesce(last_send_s, 0.0), :sent_s) WHERE target =
    (SELECT c.target FROM changes AS h JOIN containers AS c USING (container) WHERE h.change = :change)
"""


@dataclass(frozen=True, slots=True)
class _Run:
    """The run that a recovery file is about, as the state has it."""

    recovery: Recovery
    run: int
    first_change: int
    changes: int
    first_read: int
    end_of_reads: int
    new_known: Iterator[int]

    def conclude(self, connection: sqlite3.Connection, end: AttemptEnd) -> bool:
        """Record how an attempt ended, unless it is known; return whether that was news."""
        change = self._change(end.seq)
        attempt = change * ATTEMPTS_PER_CHANGE + end.number
        row = (end.sent_at_s, end.duration_ms, end.verdict, *columns(end.answer))
        intent = connection.execute("SELECT intended_s FROM intents WHERE attempt = ?", (attempt,)).fetchone()
        if intent is not None:
            connection.execute(
                "INSERT INTO attempts (attempt, intended_s, sent_s, duration_ms, verdict, http_status, code, message, "
                "log_id, doubt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (attempt, *intent, *row, end.doubt),
            )
            connection.execute("DELETE FROM intents WHERE attempt = ?", (attempt,))
        else:
            # A later run has concluded for want of anything better that it was lost; and may have ended the doubt.
            found = connection.execute(
                "SELECT doubt, sent_s, duration_ms, verdict, http_status, code, message, log_id FROM attempts "
                "WHERE attempt = ? AND verdict = 'lost'",
                (attempt,),
            ).fetchone()
            if found is None or found[1:] == row:
                return False
            connection.execute(
                "UPDATE attempts SET sent_s = ?, duration_ms = ?, verdict = ?, http_status = ?, code = ?, message = ?, "
                "log_id = ?, doubt = ? WHERE attempt = ?",
                (*row, found[0] if end.doubt else 0, attempt),
            )
        if end.sent_at_s is not None:
            connection.execute(_REMEMBER_SEND, {"sent_s": end.sent_at_s, "change": change})
        return True

    def settle(self, connection: sqlite3.Connection, outcome: Outcome) -> bool:
        """Record what became of a change, unless it is known; return whether that was news."""
        change = self._change(outcome.seq)
        if connection.execute("SELECT 1 FROM outcomes WHERE change = ?", (change,)).fetchone() is not None:
            return False
        settlement = Settlement(
            outcome.seq, outcome.outcome, outcome.reason, outcome.attempts, outcome.answer, outcome.duration_ms
        )
        PUT_OUTCOMES.run(connection, [outcome_row(change, settlement)])
        if outcome.outcome == "updated":
            self._know(connection, change)
        return True

    def conclude_read(self, connection: sqlite3.Connection, end: ReadEnd) -> None:
        """Record how a read ended, unless it is known."""
        connection.execute(
            "UPDATE reads SET sent_s = ?, duration_ms = ?, verdict = ?, http_status = ?, code = ?, message = ?, "
            "log_id = ? WHERE read = ? AND read >= ? AND read < ? AND coalesce(verdict, 'lost') = 'lost'",
            (
                *(end.sent_at_s, end.duration_ms, end.verdict, *columns(end.answer)),
                *(end.number, self.first_read, self.end_of_reads),
            ),
        )

    def finish(self, connection: sqlite3.Connection, end: RunEnd) -> None:
        """Record that the run has ended, unless it is known."""
        (finished,) = connection.execute("SELECT finished_s FROM runs WHERE run = ?", (self.run,)).fetchone()
        if finished is None:
            runs.finish(connection, self.run, end.at_s, end.exits, end.stopped, end.left)

    def _change(self, seq: int) -> int:
        if seq >= self.changes:
            raise _refused(self.recovery, f"the run {self.recovery.run_id} has no change {seq}")
        return self.first_change + seq

    def _know(self, connection: sqlite3.Connection, change: int) -> None:
        """Make known what an accepted *change* desired, and end the doubts of what came before it."""
        container, id_, operation, text = connection.execute(
            "SELECT container, id, operation, fields FROM changes WHERE change = ?", (change,)
        ).fetchone()
        about = {"container": container, "id": id_, "operation": operation, "change": change, "late": LATE}
        if connection.execute(_UPDATED_SINCE, about).fetchone() is None:
            doubted = connection.execute(_DOUBTED_FIELDS, about).fetchall()
            unsure = {field for (fields,) in doubted for field in orjson.loads(fields)}
            know(connection, [update_by(container, id_, _desired(text), unsure)], self.new_known)
        connection.execute(f"UPDATE attempts SET doubt = :late WHERE attempt IN ({_OLDER_ATTEMPTS})", about)


def _run(connection: sqlite3.Connection, recovery: Recovery) -> _Run:
    (lineage,) = connection.execute("SELECT lineage FROM state").fetchone()
    if recovery.lineage != lineage:
        raise _refused(recovery, f"it was left by a run on the state {recovery.lineage}, and this one is {lineage}")
    found = connection.execute(
        "SELECT run, first_change, changes, first_read, pruned FROM runs WHERE run_id = ?", (recovery.run_id,)
    ).fetchone()
    if found is None:
        raise _refused(recovery, f"the state does not know the run {recovery.run_id}, which left it")
    run, first_change, changes, first_read, pruned = found
    if pruned:
        raise _refused(
            recovery, f"the run {recovery.run_id}, which left it, was pruned, and later ones settled the rest"
        )
    (end_of_reads,) = connection.execute(
        "SELECT coalesce(min(first_read), 9223372036854775807) FROM runs WHERE run > ?", (run,)
    ).fetchone()
    (last_known,) = connection.execute("SELECT coalesce(max(known), 0) FROM known").fetchone()
    return _Run(recovery, run, first_change, changes, first_read, end_of_reads, count(last_known + 1))


def _desired(text: str) -> Fields:
    loaded: dict[str, list[Any]] = orjson.loads(text)
    return {field: from_plain(field, values[0]) for field, values in loaded.items()}


def _refused(recovery: Recovery, why: str) -> InputError:
    return InputError([f"{recovery.path}:1:1: {why} [bad-recovery]"])
