"""What all targets of one run share: whether the run goes on, and the account of what is settled."""

from collections.abc import Callable
from typing import Final

import anyio

from kbsync.core.events import Event, Observer, StopRequested
from kbsync.core.state import Journal, Settlement
from kbsync.engine.recent import Recent
from kbsync.engine.target import Policy
from kbsync.errors import StateWriteError

__all__ = ("Run",)

_RATE_COUNTS_FROM: Final = 20
# What in-flight requests get to end in when the state can no longer be written.
_LAST_ANSWERS_S: Final = 60.0


class Run:
    """One run under way. *stopping* is why nothing more is sent, or None; *error* is what ends the run when it ends."""

    def __init__(self, journal: Journal, observe: Observer, policy: Policy, recent: Recent) -> None:
        self.journal = journal
        self.recent = recent
        self._observe = observe
        self.scope = anyio.CancelScope()
        self.stopping: str | None = None
        self.limited = False
        self.error: Exception | None = None
        self.on_stop: list[Callable[[], None]] = []
        self._policy = policy
        self._left = policy.limit
        self._settled = 0
        self._errors = 0

    @property
    def why(self) -> str:
        """Why changes are left over, as a stable word."""
        return self.stopping or ("limit" if self.limited else "cancelled")

    def observe(self, event: Event) -> None:
        """Tell whoever listens. A listener that fails changes nothing that is sent; its error is raised at the end."""
        try:
            self._observe(event)
        except Exception as error:  # noqa: BLE001  views must not decide what happens to items
            self.error = self.error or error

    def may_begin(self) -> bool:
        """Count one more change as begun, unless the limit is reached."""
        if self._left is None:
            return True
        if self._left > 0:
            self._left -= 1
            return True
        if not self.limited:
            self.limited = True
            self.observe(StopRequested("limit"))
        return False

    def request_stop(self, why: str) -> None:
        """Let nothing more be sent. What is in flight ends by itself. Only the first reason counts."""
        if self.stopping is None:
            self.stopping = why
            self.observe(StopRequested(why))
            for tell in self.on_stop:
                tell()

    def cancel(self, why: str) -> None:
        """Let nothing more be sent, and cancel what is in flight."""
        self.request_stop(why)
        self.scope.cancel()

    def broke(self, error: StateWriteError) -> None:
        """Stop because the state cannot be written."""
        if not isinstance(self.error, StateWriteError):
            self.error = error
        self.request_stop("state")
        self.scope.deadline = min(self.scope.deadline, anyio.current_time() + _LAST_ANSWERS_S)

    def settle(self, settlement: Settlement) -> None:
        """Hand *settlement* to the journal, and stop the run if it is one error too many."""
        self.journal.settle(settlement)
        self._settled += 1
        if settlement.outcome in {"failed", "unknown"}:
            self._errors += 1
        if self._errors:
            self._judge()

    def _judge(self) -> None:
        policy, errors = self._policy, self._errors
        if policy.on_error == "abort":
            self.cancel("errors")
        elif (
            policy.on_error == "drain"
            or (policy.max_errors is not None and errors > policy.max_errors)
            or (
                policy.max_error_rate is not None
                and self._settled >= _RATE_COUNTS_FROM
                and errors * 100 > policy.max_error_rate * self._settled
            )
        ):
            self.request_stop("errors")
