"""The state in a SQLite file: one writer with group commit, any number of readers, and a lock."""

from kbsync.adapters.state.journal import RunJournal
from kbsync.adapters.state.known import StoredKnown
from kbsync.adapters.state.lock import StateLock, holder
from kbsync.adapters.state.lockfile import Guarded, Holder, lock_path
from kbsync.adapters.state.store import StateStore

__all__ = (
    "Guarded",
    "Holder",
    "RunJournal",
    "StateLock",
    "StateStore",
    "StoredKnown",
    "holder",
    "lock_path",
)
