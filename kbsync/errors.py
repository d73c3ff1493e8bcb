"""Everything kbsync raises, in one tree.

An error means that this run cannot go on; what happens to one item is an outcome, never an error.

KbsyncError
├── UsageError          the command line asks for something that cannot be; nothing was sent
├── InputError          manifests, configuration or a saved plan are wrong; nothing was sent
├── CredentialsError    a secret cannot be had, or is malformed; nothing was sent
├── LockedError         another run holds the state; nothing was sent
├── UnreadError         what is live could not be read whole; nothing was made of it
├── StateError          the state cannot be read: corrupt, foreign, newer; nothing was sent
└── StateWriteError     an attempt could not be recorded; sending stopped at once
    └── LockLostError   `kbsync state break-lock` took the state away from this run; the same
"""

from collections.abc import Sequence

__all__ = (
    "CredentialsError",
    "InputError",
    "KbsyncError",
    "LockLostError",
    "LockedError",
    "StateError",
    "StateWriteError",
    "UnreadError",
    "UsageError",
)


class KbsyncError(Exception):
    """Base of all errors that end a run; `str` of it is one or more lines for a person."""


class UsageError(KbsyncError):
    """Raised for a combination of arguments that has no meaning. Nothing was sent."""


class InputError(KbsyncError):
    """Raised with every problem found in manifests, configuration or a saved plan. Nothing was sent.

    *problems* are complete lines of the form `file:line:column: message [rule-id]`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class CredentialsError(KbsyncError):
    """Raised when a secret reference cannot be resolved. Names the reference, never a value. Nothing was sent."""


class LockedError(KbsyncError):
    """Raised when another run holds the state. The message names the holder. Nothing was sent."""


class UnreadError(KbsyncError):
    """Raised when a list could not be read whole. No update was sent, and nothing was made of what was read.

    *code* is what the process ends with: why it could not may be a signal, or a refused credential.
    """

    def __init__(self, lines: Sequence[str], code: int) -> None:
        super().__init__("\n".join(lines))
        self.code = code


class StateError(KbsyncError):
    """Raised when the state is corrupt, foreign or of a newer format. Nothing was sent, nothing was changed."""


class StateWriteError(KbsyncError):
    """Raised when the journal could not be written. No request was begun after the failed write."""


class LockLostError(StateWriteError):
    """Raised when somebody broke this run's lock. Nothing was written since, and no request was begun."""
