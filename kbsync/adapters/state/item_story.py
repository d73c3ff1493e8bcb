"""The story of one item, and which items a word may mean, read from the journal and from what is known."""

# ruff: noqa: S608 - what is put into SQL here are constants of this package; values are bound

import sqlite3
from typing import Final

import orjson

from kbsync.adapters.state.history import UNFINISHED, Names, fields_of
from kbsync.adapters.state.schema import ATTEMPTS_PER_CHANGE
from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.report import AttemptRecord, Fate, ItemStory
from kbsync.core.wire import Answer

__all__ = ("items_called", "show")

_LAST_ATTEMPTS: Final = 20


def show(connection: sqlite3.Connection, item: Item, doubts: frozenset[str], fields: Fields) -> ItemStory:
    """Return what the state holds of *item*, of which *doubts* and *fields* are known already."""
    attempts = tuple(
        AttemptRecord(run_id, operation, number, at_s, verdict, doubt == 1, Answer(*answer))
        for run_id, operation, number, at_s, verdict, doubt, *answer in connection.execute(
            _ATTEMPTS_OF_ITEM, {**item._asdict(), "most": _LAST_ATTEMPTS}
        )
    )
    fates = tuple(
        Fate(run_id, operation, at_s, reason, fields_of(changed), outcome, why, Answer(*answer))
        for run_id, operation, at_s, reason, changed, outcome, why, *answer in connection.execute(
            _FATES_OF_ITEM, {**item._asdict(), "most": _LAST_ATTEMPTS}
        )
    )
    return ItemStory(item, fields, tuple(sorted(doubts)), attempts, fates)


def items_called(connection: sqlite3.Connection, word: str) -> frozenset[Item]:
    """Return the items with the id *word* that are known or ever had a change; if none, those known by that name."""
    names = Names(connection)
    found = connection.execute(_ITEMS_BY_ID, {"id": word}).fetchall()
    if not found:
        # What is known is kept as canonical JSON, in which no text looks like a key and its value.
        needle = f'"name":{orjson.dumps(word).decode()}'
        found = connection.execute(_ITEMS_BY_NAME, {"needle": needle}).fetchall()
    return frozenset(Item(*names.places[container], id_) for container, id_ in found)


_MINE: Final = """
    mine AS (
        SELECT h.change, h.operation, h.reason, h.fields, t.target FROM targets AS t JOIN containers AS c USING (target)
        JOIN changes AS h USING (container)
        WHERE t.name = :target AND c.name = :container AND c.kind = :kind AND h.id = :id
        ORDER BY h.change DESC LIMIT :most
    )
"""
_OF_ITS_RUN: Final = "FROM runs WHERE first_change <= change ORDER BY first_change DESC, run DESC LIMIT 1"
_OF_CHANGE: Final = f"attempt >= change * {ATTEMPTS_PER_CHANGE} AND attempt < (change + 1) * {ATTEMPTS_PER_CHANGE}"
_FATES_OF_ITEM: Final = f"""
    WITH {_MINE}, placed AS (
        SELECT *, (SELECT run {_OF_ITS_RUN}) AS run,
            (SELECT max(coalesce(sent_s, intended_s)) FROM attempts WHERE {_OF_CHANGE}) AS tried_s,
            (SELECT max(intended_s) FROM intents WHERE {_OF_CHANGE}) AS intended_s,
            EXISTS (SELECT 1 FROM attempts WHERE {_OF_CHANGE} AND doubt = 1) AS in_doubt
        FROM mine
    )
    SELECT r.run_id, o.name, coalesce(p.intended_s, p.tried_s, r.started_s), p.reason, p.fields,
        coalesce(u.outcome, CASE WHEN p.in_doubt OR p.intended_s IS NOT NULL THEN 'unknown' ELSE 'not_attempted' END),
        coalesce(u.reason, l.reason, '{UNFINISHED}'), u.http_status, u.code, coalesce(u.message, ''),
        coalesce(u.log_id, '')
    FROM placed AS p JOIN runs AS r USING (run) JOIN operations AS o USING (operation)
    LEFT JOIN outcomes AS u USING (change)
    LEFT JOIN leftovers AS l ON l.run = p.run AND l.target = p.target AND r.finished_s IS NOT NULL
    ORDER BY p.change DESC
"""
_ITEMS_BY_ID: Final = """
    SELECT c.container, i.id FROM containers AS c CROSS JOIN items AS i
    ON i.container = c.container AND i.id = :id
    UNION SELECT c.container, h.id FROM containers AS c CROSS JOIN changes AS h
    ON h.container = c.container AND h.id = :id
"""
_ITEMS_BY_NAME: Final = """
    SELECT container, id FROM items JOIN known USING (known) WHERE instr(fields, :needle)
"""
_ATTEMPTS_OF_ITEM: Final = f"""
    WITH {_MINE}, tried AS (
        SELECT change, operation, attempt, coalesce(sent_s, intended_s) AS at_s, verdict, doubt,
               http_status, code, message, log_id
        FROM mine CROSS JOIN attempts ON {_OF_CHANGE}
        UNION ALL
        SELECT change, operation, attempt, intended_s, '', 1, NULL, NULL, '', ''
        FROM mine CROSS JOIN intents ON {_OF_CHANGE}
    )
    SELECT (SELECT run_id {_OF_ITS_RUN}),
           o.name, attempt % {ATTEMPTS_PER_CHANGE}, at_s, verdict, doubt,
           http_status, code, message, log_id
    FROM tried JOIN operations AS o USING (operation) ORDER BY attempt DESC LIMIT :most
"""
