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
from kbsync.simulator.wire import Write
from tests.simulator.scene import Account, Manifest

__all__ = ("Audit", "RunAudit")

Key = tuple[Item, str]
# The wall clock of the model counts in less than this.
_TICK_S = 1e-6


@dataclass
class Audit:
    """What one seed may not do, over all its runs. What is wrong is kept: the engine would catch what is raised."""

    accounts: Mapping[str, Account]
    retry: RetrySettings
    runs: list["RunAudit"] = field(default_factory=list)
    sends: int = 0
    wrong: list[str] = field(default_factory=list)
    applied: Counter[tuple[int, Key]] = field(default_factory=Counter)
    writes: dict[Write, tuple[int, Key]] = field(default_factory=dict)
    _recent: dict[str, deque[float]] = field(default_factory=dict)

    def check(self) -> None:
        """Raise the first thing that did not hold."""
        assert not self.wrong, f"{self.wrong[0]} (and {len(self.wrong) - 1} more)"

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
        if len(recent) > (most := ceil(account.rate_per_s) + account.burst - 1):
            self.wrong.append(f"{len(recent)} sends to {target} in the second before {at_s}, not {most}")
        self.sends += 1

    def apply(self, write: Write, at_s: float) -> None:
        self.applied[self.writes[write]] += 1

    def end(self, manifest: Manifest, first: Manifest, live: Callable[[Item], Fields]) -> None:
        """What is live is what was wanted last, and nobody's field is lost; what failed was never applied."""
        for item, fields in manifest.items():
            self._compare(item, fields, live(item), "was wanted last")
        for item, fields in first.items():
            if live(item).get("meta.foreign") != fields.get("meta.foreign"):
                self.wrong.append(f"{item} lost a field of somebody else")
        for run in self.runs:
            for key, outcome in run.outcomes.items():
                if outcome == "failed" and self.applied[run.number, key]:
                    self.wrong.append(f"{key} failed in run {run.number}, and was applied")

    def known(self, state: ModelState, live: Callable[[Item], Fields]) -> None:
        """What is known and not in doubt is what is live."""
        doubts = state.doubts()
        for item in state.items():
            if item not in doubts:
                self._compare(item, state.fields(item), live(item), "is known")

    def _compare(self, item: Item, fields: Fields, live: Fields, what: str) -> None:
        other = {name: live.get(name) for name, value in fields.items() if live.get(name) != value}
        if other:
            self.wrong.append(f"{item} is {other}; {dict(fields)} {what}")


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

    def wrong(self, what: str) -> None:
        self.audit.wrong.append(f"run {self.number}: {what}")

    def watch(self, passage: Left | Came) -> None:
        ask = passage.ask
        if isinstance(passage, Left):
            self.audit.send(ask.target, passage.at_s)
            if not self._open.isdisjoint(ask.items):
                self.wrong(f"two requests at once for one of {ask.items}")
            self._open.update(ask.items)
            if isinstance(ask, Write):
                self._left(ask)
            else:
                self._reads[ask.target] += 1
                if self._reads[ask.target] > self._read_intents[ask.target]:
                    self.wrong(f"a read of {ask.target} left before its intent")
        else:
            self._open.difference_update(ask.items)
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
        for change in self.plan.changes:
            if (change.item, change.operation) not in self.outcomes and change.item.target not in left:
                self.wrong(f"{change.item} has no outcome")

    def _left(self, write: Write) -> None:
        key = _key(write)
        self.audit.writes[write] = self.number, key
        self.sent[key] += 1
        number, retry = self.sent[key], self.audit.retry
        if key in self._acknowledged:
            self.wrong(f"{key} is sent again after a success")
        if key in self.outcomes:
            self.wrong(f"{key} is sent after its end")
        if number > self._intents[key]:
            self.wrong(f"{key} left before its intent")
        if number > retry.attempts + retry.throttled_attempts - 1:
            self.wrong(f"{key} is sent for the {number}th time")

    def _came(self, write: Write, reply: Reply) -> None:
        key = _key(write)
        if isinstance(reply, Accepted):
            self._acknowledged.add(key)
        elif isinstance(reply, Lost) and not reply.sent:
            self._unsent[key] += 1

    def _settled(self, settlement: Settlement) -> None:
        change = self.plan.changes[settlement.seq]
        key = change.item, change.operation
        tried = self.sent[key] + self._unsent[key]
        if key in self.outcomes:
            self.wrong(f"{key} has two outcomes")
        if settlement.attempts != tried:
            self.wrong(f"{key} had {tried} attempts, not {settlement.attempts}")
        if (settlement.outcome == "updated") != (key in self._acknowledged):
            self.wrong(f"{key} is {settlement.outcome}, and confirmed: {key in self._acknowledged}")
        if settlement.outcome == "not_attempted" and tried:
            self.wrong(f"{key} is not attempted, and was")
        self.outcomes[key] = settlement.outcome


def _key(write: Write) -> Key:
    return write.item, write.operation.name
