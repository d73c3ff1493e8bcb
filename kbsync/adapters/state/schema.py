"""The tables of the SQLite state, and the numbers that say whose file it is."""

# ruff: noqa: S608 - what is put into SQL here are constants of this module

from typing import Final

from kbsync.core.state import MOST_ATTEMPTS

__all__ = (
    "APPLICATION_ID",
    "ATTEMPTS_PER_CHANGE",
    "DOUBTS",
    "ENDED_S",
    "EPOCHS_SINCE_FORMAT",
    "FORMAT_VERSION",
    "IN_DOUBT",
    "LATE",
    "MAY_BE_LATE",
    "PRUNED_SINCE_FORMAT",
    "SCHEMA",
    "VERIFYING",
    "VERIFYING_SINCE_FORMAT",
)

APPLICATION_ID: Final = int.from_bytes(b"kbsy", "big")
FORMAT_VERSION: Final = 3
EPOCHS_SINCE_FORMAT: Final = 2
PRUNED_SINCE_FORMAT: Final = 3
VERIFYING_SINCE_FORMAT: Final = 3
# An attempt's key is its change's key times this, plus its number: no index is needed to find either from the other.
ATTEMPTS_PER_CHANGE: Final = MOST_ATTEMPTS + 1
# What `attempts.doubt` is once the doubt was ended, and the attempt may arrive late all the same.
LATE: Final = 2
# Conditions on attempts. An index serves them because both begin with the one that it has.
IN_DOUBT: Final = "doubt AND doubt = 1"
MAY_BE_LATE: Final = f"doubt AND doubt = {LATE}"
# When an attempt ended.
ENDED_S: Final = "coalesce(sent_s, intended_s) + duration_ms / 1000"

# Every doubt of a state, as (container, id, operation); some more than once.
DOUBTS: Final = f"""
    SELECT h.container, h.id, h.operation FROM (
        SELECT attempt FROM intents UNION ALL SELECT attempt FROM attempts WHERE {IN_DOUBT}
    ) AS a CROSS JOIN changes AS h ON h.change = a.attempt / {ATTEMPTS_PER_CHANGE}
"""

# What runs read back. A finding is about a change of its run, or of an earlier one that had left it open.
VERIFYING: Final = (
    """
    CREATE TABLE verifications (
        run INTEGER PRIMARY KEY REFERENCES runs,
        mode TEXT NOT NULL,
        seed TEXT NOT NULL,
        wait_s REAL NOT NULL,
        updated INTEGER NOT NULL
    )""",
    # `live` is {field: value or null} of what is not as it was sent.
    """
    CREATE TABLE findings (
        change INTEGER PRIMARY KEY REFERENCES changes,
        run INTEGER NOT NULL REFERENCES verifications,
        finding TEXT NOT NULL,
        reason TEXT NOT NULL,
        live TEXT NOT NULL,
        read_s REAL NOT NULL
    )""",
    "CREATE INDEX findings_open ON findings (change) WHERE finding IN ('pending', 'unread')",
)

SCHEMA: Final = """
-- `epoch` is raised by each process that begins to write: whoever began before it cannot write any more.
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    lineage TEXT NOT NULL,
    serial INTEGER NOT NULL,
    declared_items INTEGER NOT NULL,
    created_s REAL NOT NULL,
    kbsync TEXT NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE targets (
    target INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_send_s REAL
);
CREATE TABLE containers (
    container INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES targets,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    UNIQUE (target, name, kind)
);
CREATE TABLE operations (operation INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE files (file INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- Digests stand apart from the values, so that comparing a million items reads fifty megabytes however long the texts.
CREATE TABLE items (
    container INTEGER NOT NULL REFERENCES containers,
    id TEXT NOT NULL,
    digest BLOB NOT NULL,
    known INTEGER NOT NULL REFERENCES known,
    PRIMARY KEY (container, id)
) WITHOUT ROWID;
CREATE TABLE known (known INTEGER PRIMARY KEY, fields TEXT NOT NULL);

-- Of a run that is `pruned` this line is kept, and those changes that something may still depend on.
CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    plan_id TEXT NOT NULL,
    kbsync TEXT NOT NULL,
    serial INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    started_s REAL NOT NULL,
    finished_s REAL,
    first_change INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    first_read INTEGER NOT NULL,
    in_sync INTEGER NOT NULL,
    manifest_items INTEGER,
    guards TEXT NOT NULL,
    allow_reason TEXT NOT NULL,
    stopped TEXT NOT NULL DEFAULT '{}',
    exits TEXT NOT NULL DEFAULT '[]',
    totals TEXT,
    pruned INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE released (
    run INTEGER NOT NULL REFERENCES runs,
    container INTEGER NOT NULL REFERENCES containers,
    id TEXT NOT NULL,
    PRIMARY KEY (run, container, id)
) WITHOUT ROWID;
-- Why changes of a target that have no outcome although the run has ended were not attempted.
CREATE TABLE leftovers (
    run INTEGER NOT NULL REFERENCES runs,
    target INTEGER NOT NULL REFERENCES targets,
    reason TEXT NOT NULL,
    PRIMARY KEY (run, target)
) WITHOUT ROWID;

-- One row a planned change, written once. `fields` is {field: [desired], [desired, known] or, when it was read,
-- [desired, known or null, live]}, in which live is [value], or [] when it is not set.
CREATE TABLE changes (
    change INTEGER PRIMARY KEY,
    container INTEGER NOT NULL REFERENCES containers,
    id TEXT NOT NULL,
    operation INTEGER NOT NULL REFERENCES operations,
    reason TEXT NOT NULL,
    fields TEXT NOT NULL,
    file INTEGER NOT NULL REFERENCES files,
    line INTEGER NOT NULL,
    "column" INTEGER NOT NULL
);
CREATE INDEX changes_by_item ON changes (container, id);
CREATE TABLE outcomes (
    change INTEGER PRIMARY KEY REFERENCES changes,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    duration_ms REAL NOT NULL,
    http_status INTEGER,
    code,
    message TEXT NOT NULL,
    log_id TEXT NOT NULL
);

-- An attempt is an intent until it is concluded, then it moves: the table of intents stays one page small. The doubts
-- of a state are its intents, and its attempts whose `doubt` is 1. It is 2 when the doubt was ended by something newer,
-- and 0 when the attempt can set nothing any more.
CREATE TABLE intents (attempt INTEGER PRIMARY KEY, intended_s REAL NOT NULL);
CREATE TABLE attempts (
    attempt INTEGER PRIMARY KEY,
    intended_s REAL NOT NULL,
    sent_s REAL,
    duration_ms REAL NOT NULL,
    verdict TEXT NOT NULL,
    doubt INTEGER NOT NULL,
    http_status INTEGER,
    code,
    message TEXT NOT NULL,
    log_id TEXT NOT NULL
);
CREATE INDEX attempts_in_doubt ON attempts (doubt) WHERE doubt;

-- `verdict` is NULL while the read may be on its way.
CREATE TABLE reads (
    read INTEGER PRIMARY KEY,
    target INTEGER NOT NULL REFERENCES targets,
    operation INTEGER NOT NULL REFERENCES operations,
    items INTEGER NOT NULL,
    intended_s REAL NOT NULL,
    sent_s REAL,
    duration_ms REAL,
    verdict TEXT,
    http_status INTEGER,
    code,
    message TEXT,
    log_id TEXT
);
CREATE INDEX reads_open ON reads (read) WHERE verdict IS NULL;
""" + "".join(f"{statement};\n" for statement in VERIFYING)
