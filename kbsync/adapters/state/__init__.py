"""The state in a SQLite file: one writer with group commit, any number of readers, and a lock."""

from kbsync.adapters.state.journal import RunJournal
from kbsync.adapters.state.known import StoredKnown
from kbsync.adapters.state.lock import StateLock, holder
from kbsync.adapters.state.lockfile import Guarded, Holder, lock_path
from kbsync.adapters.state.processes import advice_on
from kbsync.adapters.state.recovery import Recovered
from kbsync.adapters.state.store import StateStore

__all__ = (
    "Guarded",
    "Holder",
    "Recovered",
    "RunJournal",
    "StateLock",
    "StateStore",
    "StoredKnown",
    "advice_on",
    "holder",
    "lock_path",
)
