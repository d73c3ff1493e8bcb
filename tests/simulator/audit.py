"""Everything that has to hold whatever happens, looked at while it happens."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil

from kbsync.core.fields import Fields
from kbsync.core.items import Item
from kbsync.core.plan import Plan
from kbsync.core.settings import RetrySettings
from kbsync.core.state import Intent, OutcomeName, Settlement
from kbsync.core.wire import Accepted, Lost
from kbsync.simulator.journal import Entry, ReadIntent
from kbsync.simulator.known import ModelState
from kbsync.simulator.provider import Reply
from kbsync.simulator.transport import Came, Left
from kbsync.simulator.wire import Read, Write
from tests.simulator.scene import Account, Manifest

__all__ = ("Audit", "RunAudit")

Key = tuple[Item, str]
# The wall clock of the model counts in so many seconds.
_TICK_S = 1e-6


@dataclass
class Audit:
    """What one seed may not do, over all its runs."""

    accounts: Mapping[str, Account]
    retry: RetrySettings
    runs: list["RunAudit"] = field(default_factory=list)
    sends: int = 0
    violations: list[str] = field(default_factory=list)
    applied: Counter[tuple[int, Key]] = field(default_factory=Counter)
    _recent: dict[str, deque[float]] = field(default_factory=dict)
    _writes: dict[Write, tuple[int, Key]] = field(default_factory=dict)

    def claim(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001  reads as an assertion, which the engine would catch
        if not holds:
            self.violations.append(otherwise)

    def check(self) -> None:
        """Raise the first thing that did not hold."""
        assert not self.violations, f"{self.violations[0]} (and {len(self.violations) - 1} more)"

    def begin(self, plan: Plan) -> "RunAudit":
        run = RunAudit(self, len(self.runs), plan)
        self.runs.append(run)
        return run

    def send(self, target: str, at_s: float) -> None:
        """No window of a second holds more sends than the rate allows, across kills and restarts too."""
        account = self.accounts[target]
        recent = self._recent.setdefault(target, deque())
        recent.append(at_s)
        while recent[0] <= at_s - 1.0 + _TICK_S:
            recent.popleft()
        most = ceil(account.rate_per_s) + account.burst - 1
        self.claim(len(recent) <= most, f"{len(recent)} sends to {target} in the second before {at_s}, not {most}")
        self.sends += 1

    def write(self, write: Write, run: int, key: Key) -> None:
        self._writes[write] = run, key

    def apply(self, write: Write, at_s: float) -> None:
        self.applied[self._writes[write]] += 1

    def end(self, manifest: Manifest, first: Manifest, live: Callable[[Item], Fields]) -> None:
        """What is live is what was wanted last, and nobody's field is lost; what failed was never applied."""
        for item, fields in manifest.items():
            now = live(item)
            wrong = {name: now.get(name) for name, value in fields.items() if now.get(name) != value}
            self.claim(not wrong, f"{item} is {wrong}, wanted was {dict(fields)}")
        for item, fields in first.items():
            if "meta.foreign" in fields:
                self.claim(
                    live(item).get("meta.foreign") == fields["meta.foreign"], f"{item} lost a field of somebody else"
                )
        for run in self.runs:
            for key, outcome in run.outcomes.items():
                if outcome == "failed":
                    self.claim(not self.applied[run.number, key], f"{key} failed in run {run.number} and was applied")


@dataclass
class RunAudit:
    """What one run may not do."""

    audit: Audit
    number: int
    plan: Plan
    outcomes: dict[Key, OutcomeName] = field(default_factory=dict)
    sent: Counter[Key] = field(default_factory=Counter)
    _intents: Counter[Key] = field(default_factory=Counter)
    _unsent: Counter[Key] = field(default_factory=Counter)
    _acknowledged: set[Key] = field(default_factory=set)
    _open: set[Item] = field(default_factory=set)
    _reads: Counter[str] = field(default_factory=Counter)
    _read_intents: Counter[str] = field(default_factory=Counter)

    def watch(self, passage: Left | Came) -> None:
        ask = passage.ask
        items = set(ask.items) if isinstance(ask, Read) else {ask.item}
        if isinstance(passage, Left):
            self.audit.send(ask.target, passage.at_s)
            self.audit.claim(not items & self._open, f"two requests for {items & self._open} at once")
            self._open |= items
            if isinstance(ask, Read):
                self._reads[ask.target] += 1
                self.audit.claim(
                    self._reads[ask.target] <= self._read_intents[ask.target], "a read left before its intent"
                )
            else:
                self._left(ask)
        else:
            self._open -= items
            if isinstance(ask, Write):
                self._came(ask, passage.reply)

    def durable(self, entry: Entry) -> None:
        match entry:
            case Intent():
                change = self.plan.changes[entry.seq]
                self._intents[change.item, change.operation] += 1
            case Settlement():
                self._settled(entry)
            case ReadIntent():
                self._read_intents[entry.target] += 1
            case _:
                pass

    def ended(self, left: Mapping[str, str]) -> None:
        """Every change of a run that was not cut off has exactly one outcome."""
        without = [
            change
            for change in self.plan.changes
            if (change.item, change.operation) not in self.outcomes and change.item.target not in left
        ]
        self.audit.claim(not without, f"{len(without)} changes have no outcome: {without[:1]}")

    def known(self, state: ModelState, live: Callable[[Item], Fields]) -> None:
        """What is known and not in doubt is what is live."""
        doubts = state.doubts()
        for item in state.items():
            if item not in doubts:
                now = live(item)
                wrong = {name: now.get(name) for name, value in state.fields(item).items() if now.get(name) != value}
                self.audit.claim(not wrong, f"{item} is known as {state.fields(item)} and is {wrong}")

    def _left(self, write: Write) -> None:
        key = _key(write)
        retry = self.audit.retry
        self.audit.write(write, self.number, key)
        self.audit.claim(key not in self._acknowledged, f"{key} is sent again after a success")
        self.audit.claim(key not in self.outcomes, f"{key} is sent after its end")
        self.sent[key] += 1
        self.audit.claim(self.sent[key] <= self._intents[key], f"{key} left before its intent")
        self.audit.claim(
            self.sent[key] <= retry.attempts + retry.throttled_attempts - 1, f"{key}: {self.sent[key]} attempts"
        )

    def _came(self, write: Write, reply: Reply) -> None:
        key = _key(write)
        if isinstance(reply, Accepted):
            self._acknowledged.add(key)
        elif isinstance(reply, Lost) and not reply.sent:
            self._unsent[key] += 1

    def _settled(self, settlement: Settlement) -> None:
        change = self.plan.changes[settlement.seq]
        key = change.item, change.operation
        self.audit.claim(key not in self.outcomes, f"{key} has two outcomes")
        self.outcomes[key] = settlement.outcome
        tried = self.sent[key] + self._unsent[key]
        self.audit.claim(settlement.attempts == tried, f"{key}: {settlement.attempts} attempts, {tried} tried")
        if settlement.outcome == "updated":
            self.audit.claim(key in self._acknowledged, f"{key} is updated, and nobody confirmed it")
        elif settlement.outcome == "not_attempted":
            self.audit.claim(not tried, f"{key} was attempted")
        else:
            self.audit.claim(key not in self._acknowledged, f"{key} is {settlement.outcome}, and was confirmed")


def _key(write: Write) -> Key:
    return write.item, write.operation.name
